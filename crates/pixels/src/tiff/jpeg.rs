//! Strips and tiles that are JPEGs, whose tables stand once in the file (TIFF technical note 2).
//!
//! What colours the samples are is said by the TIFF around them.

use crate::error::{Error, ErrorKind};
use crate::jpeg::decode_embedded;
use crate::limits::Limits;

use super::header::Header;
use super::part::Part;
use super::tags::{TIFF, tag, unread};

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];

/// The rows of one strip or tile.
pub(super) fn rows(header: &Header, stored: &[u8], part: Part) -> Result<Vec<u8>, Error> {
    let Some(own) = stored.strip_prefix(&START) else {
        return Err(Error::corrupt(
            TIFF,
            "a strip or tile is not the JPEG it should be",
        ));
    };
    let tables = header.directory.bytes(tag::JPEG_TABLES).unwrap_or_default();
    let tables = tables.strip_prefix(&START).unwrap_or(tables);
    let tables = tables.strip_suffix(&END).unwrap_or(tables);
    let stream = [&START[..], tables, own].concat();
    decode(header, &stream, part)
}

/// Decodes a whole JPEG, which must fit into its place.
pub(super) fn decode(header: &Header, stream: &[u8], part: Part) -> Result<Vec<u8>, Error> {
    let samples = header.samples_together();
    if !matches!(samples, 1 | 3 | 4) {
        return Err(unread(format!("JPEGs of {samples} samples inside of it")));
    }
    // What it may take was granted for the strip or tile.
    let limits = Limits {
        max_file_bytes: u64::MAX,
        max_side: u32::from(u16::MAX),
        max_pixels: part.width as u64 * part.most_rows as u64,
        max_memory_bytes: u64::MAX,
    };
    let misfit = |size: String| {
        let (width, rows) = (part.width, part.rows);
        let what =
            format!("a JPEG of {size} does not fit into its place of {width} x {rows} pixels");
        Error::corrupt(TIFF, what)
    };
    let decoded = decode_embedded(stream, header.coded, &limits);
    let decoded = decoded.map_err(|error| match error.kind() {
        ErrorKind::TooLarge { value, .. } => misfit(format!("{value} pixels")),
        _ => error,
    })?;
    let fits = decoded.width == part.width
        && (part.rows..=part.most_rows).contains(&decoded.height)
        && decoded.channels == samples;
    match fits {
        true => Ok(decoded.data),
        false => Err(misfit(format!(
            "{} x {} pixels",
            decoded.width, decoded.height
        ))),
    }
}
