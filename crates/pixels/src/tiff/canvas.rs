//! The picture as it grows, strip by strip or tile by tile.

use std::borrow::Cow;

use crate::error::Error;
use crate::gray::Gray;
use crate::layout::Layout;
use crate::over_white::{over_white, premultiplied_over_white};
use crate::rgb::{Rgb, luma};

use super::colour::{Alpha, Colour};
use super::header::Header;
use super::part::Part;
use super::samples::{Deep, Packing, level};
use super::tags::Kind;
use super::unpack::unpack;

/// Pixels of 8 bits, or samples that will become such.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    /// 1 or 3.
    channels: usize,
    levels: Vec<u8>,
    /// Samples of more range, and how much of each pixel is there.
    deep: Option<(Deep, Vec<u8>)>,
    /// The samples of one row of a strip or tile.
    row: Vec<u32>,
}

impl Canvas {
    pub fn new(header: &Header, channels: usize) -> Canvas {
        let (width, height) = (header.width as usize, header.height as usize);
        let pixels = width * height;
        let deep = header.is_deep().then(|| {
            let values = pixels * header.colour.samples();
            let alphas = if header.alpha.is_some() { pixels } else { 0 };
            (Deep::new(header.kind, values), vec![255; alphas])
        });
        let levels = if deep.is_none() { pixels * channels } else { 0 };
        Canvas {
            width,
            height,
            channels,
            levels: vec![0; levels],
            deep,
            row: vec![0; header.grid.width as usize * header.samples],
        }
    }

    /// Unpacks the strip or tile at a place of the grid and draws what of it lies inside of the picture.
    pub fn draw(&mut self, header: &Header, across: u32, down: u32) -> Result<(), Error> {
        let grid = &header.grid;
        let (left, top) = (across * grid.width, down * grid.height);
        let inside = (self.height - top as usize).min(grid.height as usize);
        let planes = if header.planar { header.samples } else { 1 };
        let mut unpacked: Vec<Cow<[u8]>> = Vec::with_capacity(planes);
        for plane in 0..planes {
            let part = Part {
                index: plane * grid.per_plane() + (down * grid.across + across) as usize,
                width: grid.width as usize,
                // Tiles are whole at the borders, strips end with the picture.
                rows: if grid.tiled {
                    grid.height as usize
                } else {
                    inside
                },
                most_rows: grid.height as usize,
            };
            unpacked.push(unpack(header, part)?);
        }
        let packing = Packing {
            bits: header.bits,
            kind: header.kind,
            big_endian: header.block.is_big_endian(),
        };
        let samples = header.samples_together();
        let stride = (grid.width as usize * samples * header.bits).div_ceil(8);
        for y in 0..inside {
            for (plane, rows) in unpacked.iter().enumerate() {
                let row = rows.get(y * stride..).unwrap_or_default();
                let row = &row[..row.len().min(stride)];
                match header.planar {
                    true => packing.read(row, (plane..).step_by(header.samples), &mut self.row),
                    false => packing.read(row, 0.., &mut self.row),
                }
            }
            self.put_row(header, left as usize, top as usize + y);
        }
        Ok(())
    }

    /// Turns the samples of a row into colours, from `left` on.
    fn put_row(&mut self, header: &Header, left: usize, y: usize) {
        let width = (self.width - left).min(header.grid.width as usize);
        let first = y * self.width + left;
        let pixels = self.row.chunks_exact(header.samples).take(width);
        if let Some((deep, alphas)) = &mut self.deep {
            let colours = header.colour.samples();
            for (at, pixel) in (first..).zip(pixels) {
                for (channel, &sample) in pixel[..colours].iter().enumerate() {
                    deep.set(at * colours + channel, sample);
                }
                if let Some(alpha) = header.alpha {
                    alphas[at] = deep_alpha(header, pixel[alpha.sample]);
                }
            }
            return;
        }
        let alpha = |value: u8, pixel: &[u32]| match header.alpha {
            None => value,
            Some(alpha) => composed(value, level(pixel[alpha.sample], header.bits), alpha),
        };
        let levels = self.levels[first * self.channels..].chunks_exact_mut(self.channels);
        match self.channels {
            1 => levels.zip(pixels).for_each(|(level, pixel)| {
                level[0] = match header.alpha {
                    // Alpha is composed before luma is taken: they round differently the other way round.
                    Some(_) if !header.colour.is_grey() => luma(
                        header
                            .colour
                            .rgb(pixel, header.bits)
                            .map(|v| alpha(v, pixel)),
                    ),
                    _ => alpha(header.colour.grey(pixel, header.bits), pixel),
                };
            }),
            _ => levels.zip(pixels).for_each(|(level, pixel)| {
                let rgb = header.colour.rgb(pixel, header.bits);
                level.copy_from_slice(&rgb.map(|value| alpha(value, pixel)));
            }),
        }
    }

    /// The picture in the layout that is wanted.
    pub fn finish<T: Layout>(self, header: &Header) -> Result<T, Error> {
        let (levels, channels) = match self.deep {
            None => (self.levels, self.channels),
            Some((deep, alphas)) => {
                let colours = header.colour.samples();
                let mut levels = deep.levels();
                if matches!(
                    header.colour,
                    Colour::Grey {
                        white_is_zero: true
                    }
                ) {
                    levels.iter_mut().for_each(|level| *level = 255 - *level);
                }
                if let Some(alpha) = header.alpha {
                    for (pixel, &there) in levels.chunks_exact_mut(colours).zip(&alphas) {
                        pixel
                            .iter_mut()
                            .for_each(|value| *value = composed(*value, there, alpha));
                    }
                }
                (levels, colours)
            }
        };
        match channels {
            1 => Ok(T::from_gray(Gray::new(self.width, self.height, levels)?)),
            _ => Ok(T::from_rgb(Rgb::new(self.width, self.height, levels)?)),
        }
    }
}

fn composed(value: u8, there: u8, alpha: Alpha) -> u8 {
    match alpha.multiplied {
        true => premultiplied_over_white(value, there),
        false => over_white(value, there),
    }
}

/// Alpha has a known range: up to 1 as a floating-point number, all bits as a whole one.
fn deep_alpha(header: &Header, sample: u32) -> u8 {
    match header.kind {
        Kind::Float => (f32::from_bits(sample).clamp(0.0, 1.0) * 255.0).round() as u8,
        Kind::Unsigned => level(sample >> (header.bits - 16), 16),
        Kind::Signed => 255,
    }
}
