//! JPEG, by `zune-jpeg`: the fastest decoder in safe Rust, which skips the colour planes when grey is
//! wanted.
//!
//! Decoding at a half, a quarter or an eighth of the size, from the low frequencies of every block, was
//! measured and left out: undoing the Huffman code takes most of the time and cannot be skipped. A
//! photograph of 12 megapixels (3 MB), one thread, medians of 9 in turn: `zune-jpeg` luma 51 ms, colour
//! 61 ms; `jpeg-decoder` whole 80 ms, half 67 ms, quarter 55 ms, eighth 51 ms. OpenCV, with
//! libjpeg-turbo, takes 48 ms for grey and 31 ms for a quarter. So a whole luma decode costs what a
//! reduced one does, and keeps every frequency for the area-correct resize that follows.
//!
//! The markers are walked here first (ITU-T T.81, annex B): the size must pass the limits before a
//! decoder sees the file, and a file without an end-of-image marker is refused, because a decoder
//! would fill what is missing with grey and the system would index half a picture as a whole one.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use crate::decode::{DecodeOptions, Layout, Stored};
use crate::error::{Error, ErrorKind};
use crate::gray::Gray;
use crate::resize::fitted_size;
use crate::rgb::Rgb;

const JPEG: &str = "JPEG";

pub(crate) fn decode<T: Layout>(bytes: &[u8], options: &DecodeOptions) -> Result<Stored<T>, Error> {
    let header = Header::read(bytes)?;
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    options
        .limits
        .check(width.into(), height.into(), header.bytes_per_pixel())?;
    if !is_complete(bytes, header.scan) {
        return Err(ErrorKind::Truncated(JPEG).into());
    }
    let target = options
        .fit
        .map_or((width, height), |side| fitted_size(width, height, side));
    let mut image: T = decode_whole(bytes, &header)?;
    if target != (width, height) {
        image = image.resized_to(target.0 as usize, target.1 as usize)?;
    }
    Ok(Stored {
        image,
        full_width: width,
        full_height: height,
    })
}

/// What the segments before the first scan say.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    width: u16,
    height: u16,
    components: u8,
    progressive: bool,
    /// Whether the first component is luma (YCbCr or plain grey).
    starts_with_luma: bool,
    /// Offset of the first scan's segment, behind its marker.
    scan: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Header, Error> {
        let truncated = || Error::from(ErrorKind::Truncated(JPEG));
        let mut frame = None;
        let (mut adobe, mut jfif) = (None, false);
        let mut at = 2;
        loop {
            let (marker, start) = next_marker(bytes, at).ok_or_else(truncated)?;
            if marker == 0xDA {
                let frame: Frame =
                    frame.ok_or_else(|| Error::corrupt(JPEG, "a scan before its frame"))?;
                return frame.header(adobe, jfif, start);
            }
            if marker == 0xD9 {
                return Err(Error::corrupt(JPEG, "it ends before its first scan"));
            }
            if marker == 0x01 || (0xD0..=0xD8).contains(&marker) {
                at = start;
                continue;
            }
            let segment = segment(bytes, start).ok_or_else(truncated)?;
            match marker {
                0xC4 | 0xC8 | 0xCC => {}
                0xC0..=0xCF => frame = Some(Frame::read(marker, segment)?),
                0xE0 => jfif |= segment.starts_with(b"JFIF\0"),
                0xEE if segment.starts_with(b"Adobe") => adobe = segment.get(11).copied(),
                _ => {}
            }
            at = start + 2 + segment.len();
        }
    }

    /// Rough peak while decoding: planes, output, what is resized; all coefficients if progressive.
    fn bytes_per_pixel(&self) -> u64 {
        let components = u64::from(self.components);
        6 + components * if self.progressive { 3 } else { 1 }
    }
}

/// A start-of-frame segment.
struct Frame {
    marker: u8,
    height: u16,
    width: u16,
    ids: Vec<u8>,
}

impl Frame {
    fn read(marker: u8, segment: &[u8]) -> Result<Frame, Error> {
        let [precision, h1, h0, w1, w0, count, rest @ ..] = segment else {
            return Err(Error::corrupt(JPEG, "its frame header is too short"));
        };
        if *precision != 8 {
            return Err(Error::unsupported(
                JPEG,
                format!("{precision} bits a sample"),
            ));
        }
        if !matches!(marker, 0xC0..=0xC2) {
            return Err(Error::unsupported(
                JPEG,
                "lossless, hierarchical or arithmetic coding",
            ));
        }
        let ids: Vec<u8> = rest.chunks_exact(3).map(|component| component[0]).collect();
        if ids.len() != usize::from(*count) || !matches!(count, 1 | 3 | 4) {
            return Err(Error::corrupt(
                JPEG,
                format!("{count} components in its frame header"),
            ));
        }
        Ok(Frame {
            marker,
            height: u16::from_be_bytes([*h1, *h0]),
            width: u16::from_be_bytes([*w1, *w0]),
            ids,
        })
    }

    /// Decides the colour space as libjpeg does: Adobe's word, then JFIF, then the component names.
    fn header(self, adobe: Option<u8>, jfif: bool, scan: usize) -> Result<Header, Error> {
        let ycc = match adobe {
            _ if jfif => true,
            Some(transform) => transform == 1,
            None => self.ids != *b"RGB",
        };
        Ok(Header {
            width: self.width,
            height: self.height,
            components: self.ids.len() as u8,
            progressive: self.marker == 0xC2,
            starts_with_luma: self.ids.len() == 1 || (self.ids.len() == 3 && ycc),
            scan,
        })
    }
}

/// The next marker at or behind `at` and the offset behind it; stray bytes are passed over.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        let code = *bytes.get(at + 1)?;
        match code {
            0x00 => at += 2,
            0xFF => at += 1,
            _ => return Some((code, at + 2)),
        }
    }
}

/// The content of the segment whose length field lies at `start`.
fn segment(bytes: &[u8], start: usize) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.get(start)?, *bytes.get(start + 1)?]);
    bytes.get(start + 2..start + usize::from(length.max(2)))
}

/// Whether an end-of-image marker follows the scan at `scan`.
fn is_complete(bytes: &[u8], scan: usize) -> bool {
    let padding = bytes
        .iter()
        .rev()
        .take_while(|&&byte| matches!(byte, 0 | b'\r' | b'\n'))
        .count();
    if bytes[..bytes.len() - padding].ends_with(&[0xFF, 0xD9]) {
        return true;
    }
    // Phones append films and depth maps behind the end: look for it marker by marker.
    let mut at = scan;
    while let Some((marker, start)) = next_marker(bytes, at) {
        at = match marker {
            0xD9 => return true,
            0x01 | 0xD0..=0xD8 => start,
            _ => match segment(bytes, start) {
                Some(segment) => start + 2 + segment.len(),
                None => return false,
            },
        };
    }
    false
}

fn decode_whole<T: Layout>(bytes: &[u8], header: &Header) -> Result<T, Error> {
    let gray = header.starts_with_luma && (T::CHANNELS == 1 || header.components == 1);
    let (space, channels) = if gray {
        (ColorSpace::Luma, 1)
    } else {
        (ColorSpace::RGB, 3)
    };
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(space);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(translate)?;
    let found = decoder.dimensions().unwrap_or_default();
    if found != (usize::from(header.width), usize::from(header.height)) {
        // Two frame headers that disagree: only the one that passed the limits may be decoded.
        return Err(Error::corrupt(JPEG, "its frame headers disagree"));
    }
    let (width, height) = found;
    let mut data = vec![0; width * height * channels];
    decoder.decode_into(&mut data).map_err(translate)?;
    if gray {
        Ok(T::from_gray(Gray::new(width, height, data)?))
    } else {
        Ok(T::from_rgb(Rgb::new(width, height, data)?))
    }
}

fn translate(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(what) => Error::unsupported(JPEG, format!("{what:?}")),
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => {
            ErrorKind::Truncated(JPEG).into()
        }
        other => Error::corrupt(JPEG, other),
    }
}
