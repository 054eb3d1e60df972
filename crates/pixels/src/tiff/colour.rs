//! From samples to red, green and blue.
//!
//! Conversions follow TIFF 6.0 (sections 8, 16, 18, 20, 21 and 23) and what Pillow and libtiff make of them; the
//! simple formulas are used where a file brings no profile, as for inks.

use crate::error::Error;
use crate::rgb::luma;

use super::compression::Compression;
use super::ifd::Directory;
use super::samples::level;
use super::tags::{Kind, TIFF, tag, unread};

/// What the samples of a pixel stand for.
pub(super) enum Colour {
    Grey { white_is_zero: bool },
    Rgb,
    Palette(Vec<[u8; 3]>),
    Inks,
    Ycc(Ycc),
    Lab(Lab),
}

/// Luma and two differences of colour.
pub(super) struct Ycc {
    /// Columns and rows that share one pair of differences.
    pub subsampling: (usize, usize),
    /// Shares of red and blue in luma.
    red: f32,
    blue: f32,
    /// The codes of black and white for each sample.
    range: [[f32; 2]; 3],
}

/// How CIE L*a*b* is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lab {
    /// a and b as signed numbers.
    Signed,
    /// a and b with an offset, as in profiles of the ICC.
    Offset,
}

/// A sample that says how much of the pixel is there.
#[derive(Clone, Copy)]
pub(super) struct Alpha {
    /// Which sample of the pixel.
    pub sample: usize,
    /// Whether the colours are already multiplied with it.
    pub multiplied: bool,
}

impl Alpha {
    pub fn read(directory: &Directory, colour: &Colour, samples: usize) -> Option<Alpha> {
        let colours = colour.samples();
        let extra = samples.checked_sub(colours).filter(|&extra| extra > 0)?;
        if !matches!(
            colour,
            Colour::Grey { .. } | Colour::Rgb | Colour::Palette(_)
        ) {
            return None;
        }
        let kinds = directory.uints(tag::EXTRA_SAMPLES, extra);
        if kinds.is_empty() {
            // Writers that leave out what the fourth sample is mean alpha, Pillow and libtiff agree.
            let alpha = Alpha {
                sample: colours,
                multiplied: false,
            };
            return (extra == 1).then_some(alpha);
        }
        // 0 is a sample of which nothing is known: it is left alone. 999 is how an old program wrote alpha.
        let at = kinds.iter().position(|kind| matches!(kind, 1 | 2 | 999))?;
        Some(Alpha {
            sample: colours + at,
            multiplied: kinds[at] == 1,
        })
    }
}

impl Colour {
    pub fn read(
        directory: &Directory,
        compression: Compression,
        samples: usize,
        bits: usize,
        kind: Kind,
    ) -> Result<Colour, Error> {
        let guess = if samples >= 3 { 2 } else { 0 };
        let number = directory.uint(tag::PHOTOMETRIC).unwrap_or(guess);
        let colour = match number {
            0 | 1 => Colour::Grey {
                white_is_zero: number == 0,
            },
            2 => Colour::Rgb,
            3 => Colour::Palette(palette(directory, bits)?),
            4 => Colour::Grey {
                white_is_zero: false,
            },
            5 if directory.uint(tag::INK_SET).unwrap_or(1) != 1 => {
                return Err(unread("inks that are not cyan, magenta, yellow and black"));
            }
            5 => Colour::Inks,
            6 if samples == 1 => Colour::Grey {
                white_is_zero: false,
            },
            6 => Colour::Ycc(Ycc::read(directory, compression)),
            8 | 9 if samples < 3 => Colour::Grey {
                white_is_zero: false,
            },
            8 => Colour::Lab(Lab::Signed),
            9 => Colour::Lab(Lab::Offset),
            other => {
                return Err(unread(format!(
                    "its photometric interpretation is {other}, {}",
                    name(other)
                )));
            }
        };
        if samples < colour.samples() {
            let what = format!("{samples} samples a pixel do not make its colours");
            return Err(Error::corrupt(TIFF, what));
        }
        let fits = match colour {
            Colour::Grey { .. } | Colour::Rgb => true,
            Colour::Palette(_) => kind == Kind::Unsigned && bits <= 16,
            Colour::Inks | Colour::Lab(_) => kind != Kind::Float && matches!(bits, 8 | 16),
            Colour::Ycc(_) => bits == 8,
        };
        match fits {
            true => Ok(colour),
            false => Err(unread(format!(
                "samples of {bits} bits with photometric interpretation {number}"
            ))),
        }
    }

    /// Samples of a pixel that make its colour.
    pub fn samples(&self) -> usize {
        match self {
            Colour::Grey { .. } | Colour::Palette(_) => 1,
            Colour::Rgb | Colour::Ycc(_) | Colour::Lab(_) => 3,
            Colour::Inks => 4,
        }
    }

    /// Whether every pixel is a grey one.
    pub fn is_grey(&self) -> bool {
        matches!(self, Colour::Grey { .. })
    }

    /// Whether several pixels share their colour as the samples are stored.
    pub fn is_subsampled(&self) -> bool {
        matches!(self, Colour::Ycc(ycc) if ycc.subsampling != (1, 1))
    }

    /// Whether the tags say that several pixels share their colour, be it inside of a JPEG.
    pub fn is_shared(&self, directory: &Directory) -> bool {
        let side = |at| directory.uint_at(tag::YCC_SUBSAMPLING, at).unwrap_or(2);
        matches!(self, Colour::Ycc(_)) && (side(0), side(1)) != (1, 1)
    }

    /// The colour of a pixel, all channels of which have so many bits; grey has three equal ones.
    pub fn rgb(&self, pixel: &[u32], bits: usize) -> [u8; 3] {
        match self {
            Colour::Grey { .. } => [self.grey(pixel, bits); 3],
            Colour::Rgb => [pixel[0], pixel[1], pixel[2]].map(|value| level(value, bits)),
            Colour::Palette(colours) => colours.get(pixel[0] as usize).copied().unwrap_or_default(),
            Colour::Inks => {
                let [c, m, y, k] = [pixel[0], pixel[1], pixel[2], pixel[3]].map(|v| level(v, bits));
                [c, m, y].map(|ink| {
                    let (paper, light) = (255 - u32::from(ink), 255 - u32::from(k));
                    ((paper * light + 127) / 255) as u8
                })
            }
            Colour::Ycc(ycc) => ycc.rgb([pixel[0], pixel[1], pixel[2]]),
            Colour::Lab(lab) => lab.rgb([pixel[0], pixel[1], pixel[2]], bits),
        }
    }

    /// The luma of a pixel.
    pub fn grey(&self, pixel: &[u32], bits: usize) -> u8 {
        match *self {
            Colour::Grey { white_is_zero } => {
                let value = level(pixel[0], bits);
                if white_is_zero { 255 - value } else { value }
            }
            _ => luma(self.rgb(pixel, bits)),
        }
    }
}

/// What a photometric interpretation is called that is not read.
fn name(number: u64) -> &'static str {
    match number {
        10 => "ITU L*a*b*",
        32803 => "raw data of a sensor (colour filter array)",
        32844 | 32845 => "SGI LogL or LogLuv",
        34892 => "linear raw data",
        51177 => "a depth map",
        52527 => "a semantic mask",
        _ => "which is not known here",
    }
}

fn palette(directory: &Directory, bits: usize) -> Result<Vec<[u8; 3]>, Error> {
    let colours = 1usize << bits.min(16);
    let values = directory.uints(tag::COLOUR_MAP, 3 * colours);
    if values.len() < 3 * colours {
        let what = format!("its palette has {} of {} values", values.len(), 3 * colours);
        return Err(Error::corrupt(TIFF, what));
    }
    // The values have 16 bits; some writers fill in 8.
    let narrow = values.iter().all(|&value| value < 256);
    let channel = |at: usize| {
        let value = values[at];
        if narrow {
            value as u8
        } else {
            (value >> 8) as u8
        }
    };
    Ok((0..colours)
        .map(|at| [at, at + colours, at + 2 * colours].map(channel))
        .collect())
}

impl Ycc {
    fn read(directory: &Directory, compression: Compression) -> Ycc {
        if compression.is_jpeg() {
            // A JPEG brings its own sampling, and its colours are those of every JPEG.
            return Ycc {
                subsampling: (1, 1),
                red: 0.299,
                blue: 0.114,
                range: [[0.0, 255.0], [128.0, 255.0], [128.0, 255.0]],
            };
        }
        let side = |at| {
            let side = directory.uint_at(tag::YCC_SUBSAMPLING, at).unwrap_or(2);
            if matches!(side, 1 | 2 | 4) {
                side as usize
            } else {
                2
            }
        };
        let share = |at, usual: f32| {
            let share = directory.real(tag::YCC_COEFFICIENTS, at);
            share.map_or(usual, |share| share as f32)
        };
        let mut range = [[0.0, 255.0], [128.0, 255.0], [128.0, 255.0]];
        for (at, code) in range.as_flattened_mut().iter_mut().enumerate() {
            if let Some(given) = directory.real(tag::REFERENCE_BLACK_WHITE, at) {
                *code = given as f32;
            }
        }
        Ycc {
            subsampling: (side(0), side(1)),
            red: share(0, 0.299),
            blue: share(2, 0.114),
            range,
        }
    }

    fn rgb(&self, pixel: [u32; 3]) -> [u8; 3] {
        let scaled = |at: usize, full: f32| {
            let [black, white] = self.range[at];
            let width = if white == black { 1.0 } else { white - black };
            (pixel[at] as f32 - black) * full / width
        };
        let (y, cb, cr) = (scaled(0, 255.0), scaled(1, 127.0), scaled(2, 127.0));
        let r = y + cr * (2.0 - 2.0 * self.red);
        let b = y + cb * (2.0 - 2.0 * self.blue);
        let green = (1.0 - self.red - self.blue).max(0.01);
        let g = (y - self.red * r - self.blue * b) / green;
        [r, g, b].map(|value| value.round() as u8)
    }

    /// Gives each pixel its own three samples. `data` has blocks, row by row: the lumas of a block, then its
    /// two differences.
    pub fn spread(&self, data: &[u8], width: usize, rows: usize) -> Vec<u8> {
        let (columns, lines) = self.subsampling;
        let block = columns * lines + 2;
        let across = width.div_ceil(columns);
        let mut out = vec![0; 3 * width * rows];
        for (y, row) in out.chunks_exact_mut(3 * width).enumerate() {
            let blocks = data.chunks_exact(block).skip(y / lines * across);
            for (block, pixels) in blocks.zip(row.chunks_mut(3 * columns)) {
                let lumas = &block[y % lines * columns..];
                for (pixel, &luma) in pixels.chunks_exact_mut(3).zip(lumas) {
                    pixel.copy_from_slice(&[
                        luma,
                        block[columns * lines],
                        block[columns * lines + 1],
                    ]);
                }
            }
        }
        out
    }

    /// Bytes of so many rows as they are stored.
    pub fn stored(&self, width: usize, rows: usize) -> usize {
        let (columns, lines) = self.subsampling;
        width.div_ceil(columns) * rows.div_ceil(lines) * (columns * lines + 2)
    }
}

impl Lab {
    fn rgb(self, [l, a, b]: [u32; 3], bits: usize) -> [u8; 3] {
        let deep = bits == 16;
        let unit = if deep { 256.0 } else { 1.0 };
        let opponent = |value: u32| match (self, deep) {
            (Lab::Signed, true) => f32::from(value as u16 as i16) / unit,
            (Lab::Signed, false) => f32::from(value as u8 as i8),
            (Lab::Offset, _) => value as f32 / unit - 128.0,
        };
        let white = match (self, deep) {
            (Lab::Offset, true) => 65_280.0,
            (_, true) => 65_535.0,
            (_, false) => 255.0,
        };
        lab_to_srgb(l as f32 * 100.0 / white, opponent(a), opponent(b))
    }
}

/// CIE L*a*b* under D50, the light of print, to sRGB under D65.
fn lab_to_srgb(l: f32, a: f32, b: f32) -> [u8; 3] {
    let y = (l + 16.0) / 116.0;
    let linear = |t: f32| {
        if t > 6.0 / 29.0 {
            t * t * t
        } else {
            (t - 4.0 / 29.0) * 108.0 / 841.0
        }
    };
    let [x, y, z] = [
        0.964_22 * linear(y + a / 500.0),
        linear(y),
        0.825_21 * linear(y - b / 200.0),
    ];
    // The inverse of sRGB's primaries, adapted from D50 to D65 by Bradford's transform.
    [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ]
    .map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = match value <= 0.003_130_8 {
            true => 12.92 * value,
            false => 1.055 * value.powf(1.0 / 2.4) - 0.055,
        };
        (255.0 * encoded).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_lab_are_black_white_and_red() {
        assert_eq!(lab_to_srgb(0.0, 0.0, 0.0), [0, 0, 0]);
        assert_eq!(lab_to_srgb(100.0, 0.0, 0.0), [255, 255, 255]);
        // sRGB's red in Lab under D50.
        let [r, g, b] = lab_to_srgb(54.29, 80.81, 69.89);
        assert!(r >= 254 && g <= 2 && b <= 2, "{r} {g} {b}");
        assert_eq!(Lab::Offset.rgb([255, 128, 128], 8), [255; 3]);
        assert_eq!(Lab::Signed.rgb([65_535, 0, 0], 16), [255; 3]);
    }

    #[test]
    fn differences_are_shared_by_the_pixels_of_a_block() {
        let ycc = Ycc {
            subsampling: (2, 2),
            red: 0.299,
            blue: 0.114,
            range: [[0.0, 255.0], [128.0, 255.0], [128.0, 255.0]],
        };
        // Three by three pixels: four blocks.
        let data: Vec<u8> = (0..24).collect();
        assert_eq!(ycc.stored(3, 3), 24);
        let out = ycc.spread(&data, 3, 3);
        let expected = [
            [0, 4, 5],
            [1, 4, 5],
            [6, 10, 11],
            [2, 4, 5],
            [3, 4, 5],
            [8, 10, 11],
            [12, 16, 17],
            [13, 16, 17],
            [18, 22, 23],
        ];
        assert_eq!(out, expected.concat());
        assert_eq!(ycc.rgb([255, 128, 128]), [255; 3]);
        assert_eq!(ycc.rgb([76, 84, 255]), [254, 0, 0]);
    }
}
