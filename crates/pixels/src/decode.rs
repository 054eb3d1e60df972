//! From bytes to an upright image in the layout and size that is wanted.
//!
//! The order is what makes it safe and quick: the format from the content, the size from the header,
//! the limits, then the decoding (luma alone where grey is wanted), the resize, and the orientation
//! last, on the small image.

use std::path::Path;

use crate::budget::Grant;
use crate::error::{Error, ErrorKind};
use crate::exif::Exif;
use crate::foreign::Foreign;
use crate::gray::Gray;
use crate::guarded::guarded;
use crate::limits::Limits;
use crate::orientation::{swaps_sides, upright};
use crate::rgb::Rgb;
use crate::{files, jpeg, other_formats, tiff};

/// The image formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // the names of the formats are all there is to say
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Pnm,
}

impl Format {
    /// The format's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::WebP => "WebP",
            Format::Gif => "GIF",
            Format::Bmp => "BMP",
            Format::Tiff => "TIFF",
            Format::Pnm => "PNM",
        }
    }

    /// Recognises a format by its first bytes.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Format::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Format::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            [b'B', b'M', ..] if bytes.len() >= 18 => Some(Format::Bmp),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Some(Format::Pnm),
            _ => None,
        }
    }
}

/// How to decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// What a file may ask for.
    pub limits: Limits,
    /// Longest side of the result, pixels; a smaller image is left alone. `None`: full size.
    pub fit: Option<u32>,
}

/// An upright image and what was learned on the way.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The pixels, at the size asked for.
    pub image: T,
    /// Upright width at full resolution, pixels.
    pub full_width: u32,
    /// Upright height at full resolution, pixels.
    pub full_height: u32,
    /// The format found in the content.
    pub format: Format,
    /// The camera's notes.
    pub exif: Exif,
    /// Pictures in the file, of which the first was read; frames of an animation are none.
    pub pages: u32,
}

/// Reads a file as grey. The path comes last in every error message.
///
/// # Errors
/// As [`decode_gray`], and [`ErrorKind::Io`] or [`ErrorKind::NotAFile`] when it cannot be read.
pub fn read_gray(path: &Path, options: &DecodeOptions) -> Result<Decoded<Gray>, Error> {
    read(path, options).map_err(|error| error.at(path))
}

/// Reads a file in colour. The path comes last in every error message.
///
/// # Errors
/// As [`decode_rgb`], and [`ErrorKind::Io`] or [`ErrorKind::NotAFile`] when it cannot be read.
pub fn read_rgb(path: &Path, options: &DecodeOptions) -> Result<Decoded<Rgb>, Error> {
    read(path, options).map_err(|error| error.at(path))
}

/// Decodes the bytes of a file as grey: the luma plane of a JPEG as it is stored, BT.601 luma of
/// everything else.
///
/// # Errors
/// Whatever is wrong with the bytes, as an [`ErrorKind`]; outside data never panic.
pub fn decode_gray(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<Gray>, Error> {
    decode(bytes, options)
}

/// Decodes the bytes of a file in colour, alpha composited over white.
///
/// # Errors
/// Whatever is wrong with the bytes, as an [`ErrorKind`]; outside data never panic.
pub fn decode_rgb(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<Rgb>, Error> {
    decode(bytes, options)
}

/// What the two layouts have in common, so that one path decodes both.
pub(crate) trait Layout: Sized {
    /// Bytes a pixel.
    const CHANNELS: usize;
    fn from_data(width: usize, height: usize, data: Vec<u8>) -> Result<Self, Error>;
    fn from_rgb(image: Rgb) -> Self;
    fn from_gray(image: Gray) -> Self;
    fn resized_to(&self, width: usize, height: usize) -> Result<Self, Error>;
    fn turned(self, orientation: u8) -> Result<Self, Error>;
}

macro_rules! layout {
    ($image:ident, $channels:literal, $from_rgb:expr, $from_gray:expr) => {
        impl Layout for $image {
            const CHANNELS: usize = $channels;
            fn from_data(width: usize, height: usize, data: Vec<u8>) -> Result<Self, Error> {
                $image::new(width, height, data)
            }
            fn from_rgb(image: Rgb) -> Self {
                $from_rgb(image)
            }
            fn from_gray(image: Gray) -> Self {
                $from_gray(image)
            }
            fn resized_to(&self, width: usize, height: usize) -> Result<Self, Error> {
                self.resized(width, height)
            }
            fn turned(self, orientation: u8) -> Result<Self, Error> {
                let (width, height) = (self.width(), self.height());
                let (w, h, data) =
                    upright::<$channels>(width, height, self.into_data(), orientation);
                $image::new(w, h, data)
            }
        }
    };
}

// Alone on its thread: whoever holds memory of the budget must not take up other work meanwhile, which may wait for it.
layout!(
    Gray,
    1,
    |image: Rgb| image.to_gray_alone(),
    |image: Gray| image
);
layout!(Rgb, 3, |image: Rgb| image, |image: Gray| image.to_rgb());

fn read<T: Layout>(path: &Path, options: &DecodeOptions) -> Result<Decoded<T>, Error> {
    let bytes = files::read(path, &options.limits)?;
    match Foreign::of_file(path, &bytes) {
        Some(foreign) => Err(ErrorKind::Foreign(foreign.name).into()),
        None => decode(&bytes, options),
    }
}

fn decode<T: Layout>(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<T>, Error> {
    if bytes.is_empty() {
        return Err(ErrorKind::Empty.into());
    }
    options.limits.check_file(bytes.len() as u64)?;
    let format = Format::of(bytes).ok_or_else(|| unknown(bytes))?;
    // The last line of defence: decoders are large programs fed by strangers, and one that panics
    // must cost this file and not the ingest of a hundred thousand. Nothing shared is left half
    // changed, because decoding only touches what it returns.
    let work = || {
        #[cfg(debug_assertions)]
        panic_on_purpose(bytes);
        decode_known(bytes, format, options)
    };
    guarded(work).unwrap_or_else(|panic| {
        let reason = format!("the decoder gave up: {panic}");
        Err(Error::corrupt(format.name(), reason))
    })
}

/// What a decoder with a defect would do, for the tests of the program that is built with debug assertions.
#[cfg(debug_assertions)]
#[allow(clippy::panic)]
fn panic_on_purpose(bytes: &[u8]) {
    if bytes.ends_with(b"panic on purpose") && std::env::var_os("VIZSLA_TEST_PANIC").is_some() {
        panic!("on purpose");
    }
}

/// Names formats that are known and not read, so that the reader of the message is not puzzled.
fn unknown(bytes: &[u8]) -> Error {
    match Foreign::of_content(bytes) {
        Some(foreign) => ErrorKind::Foreign(foreign.name).into(),
        None => ErrorKind::NotAnImage.into(),
    }
}

fn decode_known<T: Layout>(
    bytes: &[u8],
    format: Format,
    options: &DecodeOptions,
) -> Result<Decoded<T>, Error> {
    let stored: Stored<T> = match format {
        Format::Jpeg => jpeg::decode(bytes, options)?,
        Format::Tiff => tiff::decode(bytes, options)?,
        _ => other_formats::decode(bytes, format, options)?,
    };
    let exif = Exif::of_file(bytes, format);
    let (width, height) = (stored.full_width, stored.full_height);
    let (full_width, full_height) = if swaps_sides(exif.orientation) {
        (height, width)
    } else {
        (width, height)
    };
    let image = stored.image.turned(exif.orientation)?;
    drop(stored.grant);
    Ok(Decoded {
        image,
        full_width,
        full_height,
        format,
        exif,
        pages: match format {
            Format::Tiff => tiff::pages(bytes),
            _ => 1,
        },
    })
}

/// An image as it lies in the file, before it is turned upright, at the size asked for.
pub(crate) struct Stored<T> {
    pub(crate) image: T,
    pub(crate) full_width: u32,
    pub(crate) full_height: u32,
    /// The memory that was taken for it, given back when the image has its final size and lies upright.
    pub(crate) grant: Grant,
}
