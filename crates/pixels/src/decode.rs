//! From bytes to an upright image in the layout and size that is wanted.
//!
//! The order is what makes it safe and quick: the format from the content, the size from the header,
//! the limits, then the decoding (luma alone where grey is wanted), the resize, and the orientation
//! last, on the small image.

use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::exif::Exif;
use crate::foreign::Foreign;
use crate::format::Format;
use crate::gray::Gray;
use crate::guarded::guarded;
use crate::layout::{Both, Layout, Stored, Wanted};
use crate::options::DecodeOptions;
use crate::orientation::swaps_sides;
use crate::rgb::Rgb;
use crate::{files, jpeg, other_formats, tiff};

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

impl<T> Decoded<T> {
    /// The same, of another form of the picture.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            image: change(self.image),
            full_width: self.full_width,
            full_height: self.full_height,
            format: self.format,
            exif: self.exif,
            pages: self.pages,
        }
    }
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
    decode(bytes, &Wanted::of(options))
}

/// Decodes the bytes of a file in colour, alpha composited over white.
///
/// # Errors
/// Whatever is wrong with the bytes, as an [`ErrorKind`]; outside data never panic.
pub fn decode_rgb(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<Rgb>, Error> {
    decode(bytes, &Wanted::of(options))
}

/// Reads a file as grey and in colour. The path comes last in every error message.
///
/// # Errors
/// As [`decode_both`], and [`ErrorKind::Io`] or [`ErrorKind::NotAFile`] when it cannot be read.
pub fn read_both(
    path: &Path,
    options: &DecodeOptions,
    colour_fit: Option<u32>,
) -> Result<Decoded<Both>, Error> {
    let read = bytes_of(path, options).and_then(|bytes| decode_both(&bytes, options, colour_fit));
    read.map_err(|error| error.at(path))
}

/// Decodes the bytes of a file once, as grey and in colour: each is what [`decode_gray`] and [`decode_rgb`] give, the
/// grey fitted to `options.fit`, the colours to `colour_fit`.
///
/// # Errors
/// As [`decode_rgb`].
pub fn decode_both(
    bytes: &[u8],
    options: &DecodeOptions,
    colour_fit: Option<u32>,
) -> Result<Decoded<Both>, Error> {
    let wanted = Wanted {
        colour_fit,
        ..Wanted::of(options)
    };
    decode(bytes, &wanted)
}

fn read<T: Layout>(path: &Path, options: &DecodeOptions) -> Result<Decoded<T>, Error> {
    decode(&bytes_of(path, options)?, &Wanted::of(options))
}

/// The bytes of a file that may be one of a picture.
fn bytes_of(path: &Path, options: &DecodeOptions) -> Result<Vec<u8>, Error> {
    let bytes = files::read(path, &options.limits)?;
    match Foreign::of_file(path, &bytes) {
        Some(foreign) => Err(ErrorKind::Foreign(foreign.name).into()),
        None => Ok(bytes),
    }
}

fn decode<T: Layout>(bytes: &[u8], wanted: &Wanted) -> Result<Decoded<T>, Error> {
    if bytes.is_empty() {
        return Err(ErrorKind::Empty.into());
    }
    wanted.limits.check_file(bytes.len() as u64)?;
    let format = Format::of(bytes).ok_or_else(|| unknown(bytes))?;
    // The last line of defence: decoders are large programs fed by strangers, and one that panics
    // must cost this file and not the ingest of a hundred thousand. Nothing shared is left half
    // changed, because decoding only touches what it returns.
    let work = || {
        #[cfg(debug_assertions)]
        panic_on_purpose(bytes);
        decode_known(bytes, format, wanted)
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
    wanted: &Wanted,
) -> Result<Decoded<T>, Error> {
    let stored: Stored<T> = match format {
        Format::Jpeg => jpeg::decode(bytes, wanted)?,
        Format::Tiff => tiff::decode(bytes, wanted)?,
        _ => other_formats::decode(bytes, format, wanted)?,
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
