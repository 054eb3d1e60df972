//! The bytes of a strip or tile as they were before they were compressed.

use std::borrow::Cow;
use std::io::{ErrorKind as IoKind, Read};

use flate2::bufread::ZlibDecoder;
use weezl::{BitOrder, LzwStatus, decode::Decoder};

use crate::error::{Error, ErrorKind};

use super::compression::Compression;
use super::fax::{self, Fault};
use super::header::{Header, Predictor};
use super::part::Part;
use super::tags::{TIFF, unread};
use super::{jpeg, old_jpeg, webp};

/// Rows of samples, packed as the header says, each beginning at a byte.
pub(super) fn unpack<'a>(header: &Header<'a>, part: Part) -> Result<Cow<'a, [u8]>, Error> {
    let file = header.block.bytes();
    let together = header.samples_together();
    let stride = (part.width * together * header.bits).div_ceil(8);
    let subsampled = match &header.colour {
        super::colour::Colour::Ycc(ycc) if header.colour.is_subsampled() => Some(ycc),
        _ => None,
    };
    let wanted = match subsampled {
        Some(ycc) => ycc.stored(part.width, part.rows),
        None => stride * part.rows,
    };
    if header.grid.is_absent(part.index) {
        return Ok(Cow::Owned(vec![0; stride * part.rows]));
    }
    let stored = match header.compression {
        // One strip with a wrong length is still all there.
        Compression::None if header.grid.per_plane() == 1 => {
            header.grid.bytes_onward(file, part.index)
        }
        _ => header.grid.bytes(file, part.index),
    };
    let stored = stored.ok_or(ErrorKind::Truncated(TIFF))?;
    let stored: Cow<'a, [u8]> = match header.reversed && !header.compression.is_jpeg() {
        true => Cow::Owned(stored.iter().map(|byte| byte.reverse_bits()).collect()),
        false => Cow::Borrowed(stored),
    };
    let mut rows: Cow<'a, [u8]> = match header.compression {
        Compression::None => match stored {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..wanted).ok_or_else(short)?),
            Cow::Owned(bytes) => Cow::Owned(bytes.get(..wanted).ok_or_else(short)?.to_vec()),
        },
        Compression::Fax(coding) => {
            let rows = fax::decode(&stored, part.width, part.rows, coding);
            Cow::Owned(rows.map_err(fax_error)?)
        }
        Compression::Lzw => Cow::Owned(lzw(&stored, wanted)?),
        Compression::Deflate => Cow::Owned(deflate(&stored, wanted)?),
        Compression::PackBits => Cow::Owned(pack_bits(&stored, wanted)?),
        Compression::Zstandard => Cow::Owned(zstandard(&stored, wanted)?),
        Compression::Jpeg => Cow::Owned(jpeg::rows(header, &stored, part)?),
        Compression::OldJpeg => Cow::Owned(old_jpeg::rows(header, &stored, part)?),
        Compression::WebP => Cow::Owned(webp::rows(&stored, together, part)?),
    };
    if header.predictor != Predictor::None {
        undo(header, rows.to_mut(), stride, together);
    }
    Ok(match subsampled {
        Some(ycc) => Cow::Owned(ycc.spread(&rows, part.width, part.rows)),
        None => rows,
    })
}

fn short() -> Error {
    ErrorKind::Truncated(TIFF).into()
}

fn fax_error(fault: Fault) -> Error {
    match fault {
        Fault::Short => short(),
        Fault::Code => Error::corrupt(TIFF, "its facsimile codes make no rows"),
        Fault::Uncompressed => unread("the uncompressed mode of facsimile"),
    }
}

fn lzw(stored: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    // Before TIFF 6.0 the bits were packed from the other end, and codes grew one later.
    let mut decoder = match stored {
        [0, second, ..] if second & 1 == 1 => Decoder::new(BitOrder::Lsb, 8),
        _ => Decoder::with_tiff_size_switch(BitOrder::Msb, 8),
    };
    let mut rows = vec![0; wanted];
    let (mut from, mut to) = (0, 0);
    while to < wanted {
        let step = decoder.decode_bytes(&stored[from..], &mut rows[to..]);
        from += step.consumed_in;
        to += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) if to < wanted => return Err(short()),
            Ok(_) => {}
            Err(error) => return Err(Error::corrupt(TIFF, error)),
        }
    }
    Ok(rows)
}

fn deflate(stored: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    fill(ZlibDecoder::new(stored), wanted)
}

fn zstandard(stored: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(stored);
    let decoder = decoder.map_err(|error| Error::corrupt(TIFF, error))?;
    fill(decoder, wanted).map_err(|error| match error.to_string() {
        // The decoder keeps the kind of an early end inside of its own errors.
        text if text.contains("UnexpectedEof") => short(),
        _ => error,
    })
}

fn fill(mut from: impl Read, wanted: usize) -> Result<Vec<u8>, Error> {
    let mut rows = vec![0; wanted];
    match from.read_exact(&mut rows) {
        Ok(()) => Ok(rows),
        Err(error) if error.kind() == IoKind::UnexpectedEof => Err(short()),
        Err(error) => Err(Error::corrupt(TIFF, error)),
    }
}

/// Runs of copied and of repeated bytes (TIFF 6.0, section 9).
fn pack_bits(stored: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    let mut rows = Vec::with_capacity(wanted);
    let mut rest = stored;
    while rows.len() < wanted {
        let (&head, behind) = rest.split_first().ok_or_else(short)?;
        let room = wanted - rows.len();
        match head as i8 {
            // No operation.
            -128 => rest = behind,
            count @ 0.. => {
                let count = count as usize + 1;
                let run = behind.get(..count).ok_or_else(short)?;
                rows.extend_from_slice(&run[..count.min(room)]);
                rest = &behind[count..];
            }
            count => {
                let (&value, behind) = behind.split_first().ok_or_else(short)?;
                let count = usize::from(count.unsigned_abs()) + 1;
                rows.resize(rows.len() + count.min(room), value);
                rest = behind;
            }
        }
    }
    Ok(rows)
}

/// Undoes differences between samples of neighbouring pixels; `together` samples lie between them.
fn undo(header: &Header, rows: &mut [u8], stride: usize, together: usize) {
    let bytes = header.bits / 8;
    let big = header.block.is_big_endian();
    for row in rows.chunks_exact_mut(stride.max(1)) {
        match header.predictor {
            Predictor::None => {}
            Predictor::Horizontal => add_up(row, bytes, together, big),
            Predictor::Float => gather(row, bytes, together, big),
        }
    }
}

/// Each sample is the one of the pixel before and what is stored.
fn add_up(row: &mut [u8], bytes: usize, together: usize, big: bool) {
    let back = bytes * together;
    if bytes == 1 {
        for at in back..row.len() {
            row[at] = row[at].wrapping_add(row[at - back]);
        }
        return;
    }
    for at in (back..row.len().saturating_sub(bytes - 1)).step_by(bytes) {
        let mut carry = 0;
        for byte in 0..bytes {
            // From the least significant byte on.
            let byte = if big { bytes - 1 - byte } else { byte };
            let sum = u16::from(row[at + byte]) + u16::from(row[at + byte - back]) + carry;
            row[at + byte] = sum as u8;
            carry = sum >> 8;
        }
    }
}

/// Floating-point samples, whose bytes were sorted by significance and then differenced.
fn gather(row: &mut [u8], bytes: usize, together: usize, big: bool) {
    add_up(row, 1, together, big);
    let sorted = row.to_vec();
    let samples = sorted.len() / bytes;
    for (at, sample) in row.chunks_exact_mut(bytes).enumerate() {
        for (byte, value) in sample.iter_mut().enumerate() {
            let significance = if big { byte } else { bytes - 1 - byte };
            *value = sorted[significance * samples + at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_unpacked_and_bounded() {
        // The example of Apple's technical note.
        let stored = [
            0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7,
            0xAA,
        ];
        let rows = pack_bits(&stored, 24).unwrap();
        assert_eq!(rows[..7], [0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA]);
        assert_eq!(rows[14..], [0xAA; 10]);
        assert_eq!(pack_bits(&stored, 2).unwrap(), [0xAA; 2]);
        assert!(pack_bits(&stored, 25).is_err());
    }

    #[test]
    fn differences_are_added_up_with_their_carry() {
        let mut row = [1, 2, 3, 255, 10, 20, 30, 2];
        add_up(&mut row, 1, 4, false);
        assert_eq!(row, [1, 2, 3, 255, 11, 22, 33, 1]);
        let mut row = [0xFF, 0x00, 0x01, 0x00];
        add_up(&mut row, 2, 1, false);
        assert_eq!(row, [0xFF, 0x00, 0x00, 0x01]);
        let mut row = [0x00, 0xFF, 0x00, 0x01];
        add_up(&mut row, 2, 1, true);
        assert_eq!(row, [0x00, 0xFF, 0x01, 0x00]);
    }

    #[test]
    fn the_bytes_of_floats_come_together() {
        // 1.0 and 2.0, most significant bytes first, then differences.
        let mut row = [0x3F, 0x40 - 0x3F, 0x80 - 0x40, 0x80, 0, 0, 0, 0];
        gather(&mut row, 4, 1, true);
        assert_eq!(row, [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]);
    }
}
