//! JPEG, by libjpeg-turbo's decoder: what it makes of a file is what every other program shows.
//!
//! The reason for that one, and what else was tried, is in decision 010. libjpeg goes on where data
//! are missing and fills with grey; which of its pictures count as read is decided here, in
//! [`judge`], from what was counted on the way. Sizes and memory pass the limits before any is taken.
//!
//! Grey is the luma plane as stored, and the colour planes are then not even transformed. Where both are wanted, it
//! is taken on the way to the colours (decision 020). Decoding at
//! a half or a quarter of the size was measured and left out (decision 005).

use crate::error::{Error, ErrorKind};
use crate::gray::Gray;
use crate::layout::{Layout, Stored, Wanted};
use crate::limits::Limits;
use crate::rgb::Rgb;

#[allow(unsafe_code)] // calls C; its reasons stand at each call
mod libjpeg;

pub(crate) use libjpeg::Colour;
use libjpeg::{Header, Report, Status, Target};

const JPEG: &str = "JPEG";

/// Scans of one file. Progressive files have about ten, the most elaborate some dozens; thousands of
/// empty ones keep a decoder busy for hours.
const MOST_SCANS: u64 = 128;

/// Blocks that all scans of a file visit together, and those of an arithmetic file, each of which may
/// take a hundred times as long: some seconds, and half a minute.
const MOST_VISITS: u64 = 1 << 28;
const MOST_ARITHMETIC_VISITS: u64 = 1 << 24;

/// A picture of which more than one part in this many is missing is not the picture. A sixteenth in
/// grey moves the means of an 8 x 8 thumbnail by about 3 of 255.
const MOST_LOST: u64 = 16;

/// Decodes a file.
pub(crate) fn decode<T: Layout>(bytes: &[u8], wanted: &Wanted) -> Result<Stored<T>, Error> {
    let header = read_header(bytes, Colour::AsMarked, &wanted.limits)?;
    let (width, height) = (header.width, header.height);
    let pixels = u64::from(width) * u64::from(height);
    let grant = wanted
        .limits
        .admit_bytes(pixels * bytes_per_pixel(&header))?;
    let form = match header.colour() {
        Some(Colour::Gray) => Form::Gray,
        Some(Colour::Ycc) => match (T::CHANNELS, T::LUMA_TOO) {
            (1, _) => Form::Gray,
            (_, true) => Form::ColourAndLuma,
            (_, false) => Form::Colour,
        },
        _ => Form::Colour,
    };
    let samples = samples(bytes, &header, Colour::AsMarked, form)?;
    let image: T = samples.into_image()?;
    Ok(Stored {
        image: image.fitted(wanted)?,
        full_width: width,
        full_height: height,
        grant,
    })
}

/// What is wanted of the decoder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The first component, which is grey or luma.
    Gray,
    /// All of them.
    Colour,
    /// All of them, and the first as it is before it becomes part of a colour.
    ColourAndLuma,
}

/// Samples as they come from the decoder, interleaved.
pub(crate) struct Samples {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 1: grey, 3: RGB, 4: CMYK as stored, in which Adobe and all who follow it mean 255 by "no ink".
    pub(crate) channels: usize,
    pub(crate) data: Vec<u8>,
    luma: Option<Vec<u8>>,
}

/// Decodes JPEG data inside another container, whose word on the colours counts: `colour` is what the
/// components are, [`Colour::AsMarked`] where the container does not say. YCbCr comes out as RGB,
/// YCCK as CMYK.
pub(crate) fn decode_embedded(
    bytes: &[u8],
    colour: Colour,
    limits: &Limits,
) -> Result<Samples, Error> {
    let header = read_header(bytes, colour, limits)?;
    let form = match header.colour() {
        Some(Colour::Gray) => Form::Gray,
        _ => Form::Colour,
    };
    samples(bytes, &header, colour, form)
}

/// Reads the header and holds it against the limits.
fn read_header(bytes: &[u8], colour: Colour, limits: &Limits) -> Result<Header, Error> {
    let (header, report) = libjpeg::read_header(bytes, colour);
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    if let Some(error) = refusal(&report) {
        if matches!(report.status(), Status::TooLarge | Status::EmptyFrame) && width > 0 {
            limits.check(width, height.max(1), 1)?; // names the side that is too large
        }
        return Err(error);
    }
    limits.check(width, height, bytes_per_pixel(&header))?;
    let channels_fit = match header.colour() {
        Some(Colour::Gray) => header.components == 1,
        Some(Colour::Rgb | Colour::Ycc) => header.components == 3,
        Some(Colour::Cmyk | Colour::Ycck) => header.components == 4,
        Some(Colour::AsMarked) | None => false,
    };
    if !channels_fit {
        let reason = format!("{} components of unknown colour", header.components);
        return Err(Error::unsupported(JPEG, reason));
    }
    if header.uneven_sampling != 0 {
        let reason = "sampling factors that do not divide each other";
        return Err(Error::unsupported(JPEG, reason));
    }
    if too_short(bytes, &header) {
        return Err(ErrorKind::Truncated(JPEG).into());
    }
    Ok(header)
}

/// Rough peak while decoding: the samples, what is made from them, and all coefficients where the
/// scans are not in the order of the picture.
fn bytes_per_pixel(header: &Header) -> u64 {
    let pixels = (u64::from(header.width) * u64::from(header.height)).max(1);
    let coefficients = match header.several_scans {
        0 => 0,
        _ => (2 * header.coefficients).div_ceil(pixels),
    };
    6 + u64::from(header.components) + coefficients
}

/// Whether the whole file is too short for the blocks it announces. A Huffman code takes a bit at
/// least: two codes a block, or one in the first scan of a progressive file.
fn too_short(bytes: &[u8], header: &Header) -> bool {
    let blocks = u64::from(header.width) * u64::from(header.height) / 64;
    let bits = if header.progressive != 0 { 1 } else { 2 };
    let least = blocks * bits / 8;
    header.arithmetic == 0 && (bytes.len() as u64) < least - least / MOST_LOST
}

/// How many scans are let pass: fewer where each of them is long.
fn most_scans(header: &Header) -> u32 {
    let visits = match header.arithmetic {
        0 => MOST_VISITS,
        _ => MOST_ARITHMETIC_VISITS,
    };
    let blocks = (header.coefficients / 64).max(1);
    (visits / blocks).clamp(1, MOST_SCANS) as u32
}

fn samples(bytes: &[u8], header: &Header, colour: Colour, form: Form) -> Result<Samples, Error> {
    let (wanted, channels) = match header.colour() {
        _ if form == Form::Gray => (Colour::Gray, 1),
        Some(Colour::Cmyk | Colour::Ycck) => (Colour::Cmyk, 4),
        _ => (Colour::Rgb, 3),
    };
    let (width, height) = (header.width as usize, header.height as usize);
    let mut data = vec![0; width * height * channels];
    let mut luma = (form == Form::ColourAndLuma).then(|| vec![0; width * height]);
    let most_scans = most_scans(header);
    let target = Target {
        channels,
        pixels: &mut data,
        luma: luma.as_deref_mut(),
    };
    let report = libjpeg::decode(bytes, colour, wanted, most_scans, header, target);
    judge(bytes, header, &report)?;
    Ok(Samples {
        width,
        height,
        channels,
        data,
        luma,
    })
}

/// Whether what was decoded is the picture.
///
/// Damage that only shifts or garbles is let pass, as in every other program: libjpeg recovers most
/// of such pictures, and all programs show the same. Refused is what was filled in for want of data.
fn judge(bytes: &[u8], header: &Header, report: &Report) -> Result<(), Error> {
    if let Some(error) = refusal(report) {
        return Err(error);
    }
    let unfinished = report.starved_units > 0
        || report.absent_component().is_some()
        || header.arithmetic != 0
        || (header.progressive != 0 && report.is_coarse());
    if report.ran_out() && unfinished {
        return Err(ErrorKind::Truncated(JPEG).into());
    }
    if let Some(number) = report.absent_component() {
        let reason = format!("no scan holds its colour component {number}");
        return Err(Error::corrupt(JPEG, reason));
    }
    if report.empty_units * MOST_LOST > report.units {
        let percent = share(report.empty_units, report.units);
        let reason = format!("there are no data for {percent} % of the picture");
        return Err(Error::corrupt(JPEG, reason));
    }
    if report.wild_blocks * MOST_LOST > report.blocks {
        let percent = share(report.wild_blocks, report.blocks);
        let reason = format!("the brightness of {percent} % of the picture is out of range");
        return Err(Error::corrupt(JPEG, reason));
    }
    // An arithmetic decoder reads zeros behind the end of its data, so that what is missing may look
    // like the flat end of a picture. What was left unread tells.
    if header.arithmetic != 0 && report.skipped_bytes * MOST_LOST > bytes.len() as u64 {
        let reason = format!("{} bytes were left unread", report.skipped_bytes);
        return Err(Error::corrupt(JPEG, reason));
    }
    Ok(())
}

fn share(part: u64, whole: u64) -> u64 {
    (100 * part).div_ceil(whole.max(1))
}

/// The error that ended a call of the library, if one did.
fn refusal(report: &Report) -> Option<Error> {
    let unsupported = |reason: String| Some(Error::unsupported(JPEG, reason));
    match report.status() {
        Status::Done => None,
        Status::Damaged if report.ran_out() => Some(ErrorKind::Truncated(JPEG).into()),
        Status::Damaged | Status::TooLarge => Some(Error::corrupt(JPEG, report.message())),
        Status::Unsupported => unsupported(report.message()),
        Status::OtherProcess(marker) => unsupported(process(marker).to_string()),
        Status::OtherDepth(bits) => unsupported(format!("{bits} bits a sample")),
        Status::EmptyFrame => {
            unsupported("its header gives no height or no width (DNL)".to_string())
        }
        Status::NoMemory => Some(std::io::Error::from(std::io::ErrorKind::OutOfMemory).into()),
        Status::TooManyScans { limit } => Some(
            ErrorKind::TooLarge {
                what: "the number of scans",
                value: u64::from(limit) + 1,
                limit: u64::from(limit),
            }
            .into(),
        ),
    }
}

/// Name of a coding process by its frame marker (ITU-T T.81, table B.1).
fn process(marker: u8) -> &'static str {
    match marker {
        0xC3 | 0xCB => "lossless coding",
        0xF7 => "JPEG-LS",
        _ => "hierarchical coding",
    }
}

impl Samples {
    fn into_image<T: Layout>(self) -> Result<T, Error> {
        let (width, height) = (self.width, self.height);
        match self.channels {
            1 => Ok(T::from_gray(Gray::new(width, height, self.data)?)),
            3 => {
                let rgb = Rgb::new(width, height, self.data)?;
                match self.luma {
                    Some(luma) => Ok(T::from_colour_and_luma(
                        rgb,
                        Gray::new(width, height, luma)?,
                    )),
                    None => Ok(T::from_rgb(rgb)),
                }
            }
            _ => Ok(T::from_rgb(Rgb::new(
                width,
                height,
                inks_to_rgb(&self.data),
            )?)),
        }
    }
}

/// RGB of inks, in which 255 is none, by the plain product that other programs use.
pub(crate) fn inks_to_rgb(data: &[u8]) -> Vec<u8> {
    let (pixels, _) = data.as_chunks::<4>();
    let times = |ink: u8, black: u8| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8;
    pixels
        .iter()
        .flat_map(|&[c, m, y, k]| [times(c, k), times(m, k), times(y, k)])
        .collect()
}
