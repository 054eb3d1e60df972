//! The codebook file, `VZCB`. Numbers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `VZCB` |
//! | 4 | version, 1 or 2 |
//! | 4 | number of words *k*, 1 to 65,536 |
//! | 4 | number of cells *c*, 1 to *k* |
//! | 4 | dimensions, 128 |
//! | 4 | bits of a signature, 128 |
//! | 4 | CRC-32 of everything after the header |
//! | 4 | CRC-32 of the header up to here |
//! | 4 | version 2 alone: what the descriptors are, by [`DescriptorKind::number`] |
//! | 128 · 128 | rotation, signed bytes, row by row |
//! | *c* · 128 | cell centroids |
//! | (*c* + 1) · 4 | first word of every cell, and *k* |
//! | *k* · 128 | words |
//!
//! Version 1 is of RootSIFT. A codebook of RootSIFT is still written so: its name is the hash of its file, and
//! collections hold it by that name.

use std::path::Path;

use vizsla_features::DescriptorKind;
use vizsla_vectors::{CellIndex, FileFormat, Rotation, u32_at, u32s};

use crate::Error;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZCB",
    kind: "codebook",
    version: 2,
    header: HEADER,
};
/// What version 1 is of.
const FIRST: DescriptorKind = DescriptorKind::RootSift;
const DIMENSIONS: usize = 128;
const HEADER: usize = 32;
/// Bits of a signature.
pub const SIGNATURE_BITS: usize = 128;
/// Most words that a codebook has.
pub(crate) const MAX_WORDS: usize = 65_536;
/// No codebook file is longer than this.
const MAX_BYTES: u64 = (HEADER + 4 + 128 * 128 + MAX_WORDS * (2 * DIMENSIONS + 4) + 4) as u64;

pub(crate) fn encode(index: &CellIndex, rotation: &Rotation, kind: DescriptorKind) -> Vec<u8> {
    let mut payload = Vec::with_capacity((index.len() + index.cells().len() + 140) * DIMENSIONS);
    let format = match kind {
        FIRST => FileFormat {
            version: 1,
            ..FORMAT
        },
        kind => {
            payload.extend(kind.number().to_le_bytes());
            FORMAT
        }
    };
    for row in rotation.rows() {
        payload.extend(row.iter().map(|&x| x as u8));
    }
    index.cells().iter().for_each(|c| payload.extend(c));
    for start in index.starts() {
        payload.extend(start.to_le_bytes());
    }
    index.rows().iter().for_each(|r| payload.extend(r));

    let fields = [index.len(), index.cells().len(), DIMENSIONS, SIGNATURE_BITS];
    format.encode(&fields.map(|field| field as u32), &payload)
}

pub(crate) fn decode(
    bytes: &[u8],
    path: &Path,
) -> Result<(CellIndex, Rotation, DescriptorKind), Error> {
    let (words, cells) = (u32_at(bytes, 8) as usize, u32_at(bytes, 12) as usize);
    let said = if u32_at(bytes, 4) < 2 { 0 } else { 4 };
    let lengths = [said, 128 * 128, cells * 128, (cells + 1) * 4, words * 128];
    let payload = FORMAT.payload(bytes, path, |header| {
        let sizes_known = u32_at(header, 16) as usize == DIMENSIONS
            && u32_at(header, 20) as usize == SIGNATURE_BITS;
        let fits = (1..=MAX_WORDS).contains(&words) && (1..=words).contains(&cells);
        (fits && sizes_known).then(|| lengths.iter().sum())
    })?;
    let (kind, rest) = payload.split_at(lengths[0]);
    let (rotation, rest) = rest.split_at(lengths[1]);
    let (cells, rest) = rest.split_at(lengths[2]);
    let (starts, rows) = rest.split_at(lengths[3]);
    let kind = match kind {
        [] => FIRST,
        _ => kind_of(u32_at(kind, 0), path)?,
    };
    let rotation = rows_of(rotation).map(|row| row.map(|x| x as i8)).collect();
    let index = CellIndex::from_parts(
        rows_of(cells).collect(),
        u32s(starts).collect(),
        rows_of(rows).collect(),
    )
    .ok_or_else(|| FORMAT.damaged("cells out of order", path))?;
    Ok((index, Rotation::from_rows(rotation), kind))
}

fn kind_of(number: u32, path: &Path) -> Result<DescriptorKind, Error> {
    match DescriptorKind::of_number(number) {
        // One codebook has one file, and one name.
        Some(FIRST) => Err(FORMAT
            .damaged("version 2 of what version 1 is of", path)
            .into()),
        Some(kind) => Ok(kind),
        None => Err(Error::UnknownDescriptor {
            number,
            path: path.to_path_buf(),
        }),
    }
}

fn rows_of(bytes: &[u8]) -> impl Iterator<Item = [u8; DIMENSIONS]> + '_ {
    bytes.as_chunks::<DIMENSIONS>().0.iter().copied()
}

/// The bytes of a file, which has the magic and is no longer than a codebook can be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    Ok(FORMAT.read(path, MAX_BYTES)?)
}
