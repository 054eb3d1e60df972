//! JPEG as TIFF 6.0 had it (section 22), before it was done again.
//!
//! Writers disagreed on what the tags mean. What they agree on is one of three: strips that are JPEGs; a JPEG
//! somewhere in the file, of which the strips hold the coded data; or tables in tags and strips of coded data
//! without any marker. All become an ordinary JPEG.

use crate::error::{Error, ErrorKind};

use super::header::Header;
use super::jpeg;
use super::part::Part;
use super::tags::{TIFF, tag, unread};

/// The rows of one strip or tile.
pub(super) fn rows(header: &Header, stored: &[u8], part: Part) -> Result<Vec<u8>, Error> {
    if stored.starts_with(&[0xFF, 0xD8]) {
        return jpeg::decode(header, &ended(stored), part);
    }
    if let Some(stream) = whole(header).and_then(|whole| with_data(whole, stored, part)) {
        return jpeg::decode(header, &stream, part);
    }
    if header.directory.has(tag::JPEG_QUANTISATION) {
        return jpeg::decode(header, &from_tables(header, stored, part)?, part);
    }
    Err(unread(
        "JPEG in the old style with tables that are not in the tags",
    ))
}

fn whole<'a>(header: &Header<'a>) -> Option<&'a [u8]> {
    let start = usize::try_from(header.directory.uint(tag::JPEG_OFFSET)?).ok()?;
    let stream = header.block.bytes().get(start..)?;
    stream.starts_with(&[0xFF, 0xD8]).then_some(stream)
}

/// The segments of a JPEG up to its scan, with the size of one strip and the data of it.
fn with_data(whole: &[u8], stored: &[u8], part: Part) -> Option<Vec<u8>> {
    let mut stream = whole.get(..2)?.to_vec();
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = whole.get(at..at + 4)?.first_chunk()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let mut body = whole.get(at + 4..at + 2 + length.max(2))?.to_vec();
        if matches!(marker, 0xC0 | 0xC1) {
            body.get_mut(1..3)?
                .copy_from_slice(&(part.rows as u16).to_be_bytes());
            body.get_mut(3..5)?
                .copy_from_slice(&(part.width as u16).to_be_bytes());
        }
        segment(&mut stream, marker, &body);
        at += 2 + length.max(2);
        match marker {
            0xDA => break,
            0xD9 => return None,
            _ => {}
        }
    }
    stream.extend(ended(stored));
    Some(stream)
}

/// Up to the end marker, which some writers leave out of the strip.
fn ended(stream: &[u8]) -> Vec<u8> {
    let end = stream.windows(2).rposition(|pair| pair == [0xFF, 0xD9]);
    let body = &stream[..end.unwrap_or(stream.len())];
    [body, &[0xFF, 0xD9]].concat()
}

/// Writes the segments that the tags stand for before the coded data.
fn from_tables(header: &Header, stored: &[u8], part: Part) -> Result<Vec<u8>, Error> {
    let samples = header.samples_together();
    let mut stream = vec![0xFF, 0xD8];
    for at in 0..samples {
        let mut body = vec![at as u8];
        body.extend(table(header, tag::JPEG_QUANTISATION, at, |_| 64)?);
        segment(&mut stream, 0xDB, &body);
    }
    for (class, tag) in [(0x00, tag::JPEG_DC), (0x10, tag::JPEG_AC)] {
        for at in 0..samples {
            let mut body = vec![class | at as u8];
            // Sixteen counts, and so many values.
            let length = |counts: &[u8]| 16 + counts.iter().map(|&n| usize::from(n)).sum::<usize>();
            body.extend(table(header, tag, at, length)?);
            segment(&mut stream, 0xC4, &body);
        }
    }
    if let Some(restart) = header.directory.uint(tag::JPEG_RESTART).filter(|&r| r > 0) {
        segment(&mut stream, 0xDD, &(restart as u16).to_be_bytes());
    }
    let mut frame = vec![8];
    frame.extend((part.rows as u16).to_be_bytes());
    frame.extend((part.width as u16).to_be_bytes());
    let mut scan = vec![samples as u8];
    frame.push(samples as u8);
    for at in 0..samples as u8 {
        let sampling = if at == 0 && samples == 3 {
            sampling(header)
        } else {
            0x11
        };
        frame.extend([at + 1, sampling, at]);
        scan.extend([at + 1, at << 4 | at]);
    }
    scan.extend([0, 63, 0]);
    segment(&mut stream, 0xC0, &frame);
    segment(&mut stream, 0xDA, &scan);
    stream.extend(ended(stored));
    Ok(stream)
}

/// How many columns and rows share a pair of colour differences, as a frame says it.
fn sampling(header: &Header) -> u8 {
    let side = |at| {
        let side = header
            .directory
            .uint_at(tag::YCC_SUBSAMPLING, at)
            .unwrap_or(2);
        if matches!(side, 1 | 2 | 4) {
            side as u8
        } else {
            2
        }
    };
    side(0) << 4 | side(1)
}

/// A table of one sample: `length` tells its bytes from its first sixteen.
fn table<'a>(
    header: &Header<'a>,
    tag: u16,
    at: usize,
    length: impl Fn(&[u8]) -> usize,
) -> Result<&'a [u8], Error> {
    let offset = header
        .directory
        .uint_at(tag, at)
        .and_then(|offset| usize::try_from(offset).ok());
    let offset = offset.ok_or_else(|| Error::corrupt(TIFF, "a table of its JPEG is missing"))?;
    let bytes = header.block.bytes().get(offset..).unwrap_or_default();
    let counts = bytes.get(..16).ok_or(ErrorKind::Truncated(TIFF))?;
    Ok(bytes
        .get(..length(counts))
        .ok_or(ErrorKind::Truncated(TIFF))?)
}

fn segment(stream: &mut Vec<u8>, marker: u8, body: &[u8]) {
    stream.extend([0xFF, marker]);
    stream.extend((body.len() as u16 + 2).to_be_bytes());
    stream.extend(body);
}
