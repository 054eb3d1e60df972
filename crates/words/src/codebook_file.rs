//! The codebook file, `VZCB`. Numbers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `VZCB` |
//! | 4 | version, 1 to 3 |
//! | 4 | number of words *k*, 1 to 65,536 |
//! | 4 | number of cells *c*, 1 to *k*; in version 3 of nodes *n*, up to 2*k* + 1 |
//! | 4 | dimensions, 128 |
//! | 4 | bits of a signature, 128 |
//! | 4 | CRC-32 of everything after the header |
//! | 4 | CRC-32 of the header up to here |
//! | 4 | from version 2 on: what the descriptors are, by [`DescriptorKind::number`] |
//! | 128 · 128 | rotation, signed bytes, row by row |
//! | *c* · 128 | cell centroids |
//! | (*c* + 1) · 4 | first word of every cell, and *k* |
//! | *k* · 128 | words |
//!
//! Version 1 is of RootSIFT. A codebook of RootSIFT is still written so: its name is the hash of its file, and
//! collections hold it by that name. Version 3 is a vocabulary tree, and has in place of cells and words:
//!
//! | bytes | content |
//! |---|---|
//! | *n* · 128 | centroids of the nodes, level by level from the root on, children of one node side by side; that of a leaf is a word |
//! | *n* · 4 | number of children of every node; 0 of a leaf |

use std::path::Path;

use vizsla_features::DescriptorKind;
use vizsla_vectors::{CellIndex, FileFormat, Rotation, u32_at, u32s};

use crate::Error;
use crate::finder::Finder;
use crate::tree::Tree;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZCB",
    kind: "codebook",
    version: TREES,
    header: HEADER,
};
/// The version of vocabulary trees.
const TREES: u32 = 3;
/// What version 1 is of.
const FIRST: DescriptorKind = DescriptorKind::RootSift;
const DIMENSIONS: usize = 128;
const HEADER: usize = 32;
/// Bits of a signature.
pub const SIGNATURE_BITS: usize = 128;
/// Most words that a codebook has.
pub const MAX_WORDS: usize = 65_536;
/// No codebook file is longer than this.
const MAX_BYTES: u64 = (HEADER + 4 + 128 * 128 + (2 * MAX_WORDS + 1) * (DIMENSIONS + 4)) as u64;

pub(crate) fn encode(index: &Finder, rotation: &Rotation, kind: DescriptorKind) -> Vec<u8> {
    let nodes = match index {
        Finder::Cells(cells) => cells.cells().len(),
        Finder::Tree(tree) => tree.centres().len(),
    };
    let mut payload = Vec::with_capacity((index.len() + nodes + 140) * DIMENSIONS);
    let version = match (index, kind) {
        (Finder::Cells(_), FIRST) => 1,
        (Finder::Cells(_), _) => 2,
        (Finder::Tree(_), _) => TREES,
    };
    if version > 1 {
        payload.extend(kind.number().to_le_bytes());
    }
    for row in rotation.rows() {
        payload.extend(row.iter().map(|&x| x as u8));
    }
    match index {
        Finder::Cells(index) => {
            index.cells().iter().for_each(|c| payload.extend(c));
            for start in index.starts() {
                payload.extend(start.to_le_bytes());
            }
            index.rows().iter().for_each(|r| payload.extend(r));
        }
        Finder::Tree(tree) => {
            tree.centres().iter().for_each(|c| payload.extend(c));
            for count in tree.children() {
                payload.extend(count.to_le_bytes());
            }
        }
    }
    let fields = [index.len(), nodes, DIMENSIONS, SIGNATURE_BITS];
    let format = FileFormat { version, ..FORMAT };
    format.encode(&fields.map(|field| field as u32), &payload)
}

pub(crate) fn decode(
    bytes: &[u8],
    path: &Path,
) -> Result<(Finder, Rotation, DescriptorKind), Error> {
    let (words, nodes) = (u32_at(bytes, 8) as usize, u32_at(bytes, 12) as usize);
    let version = u32_at(bytes, 4);
    let (most, last) = match version {
        TREES => (2 * words + 1, [nodes * 4, 0]),
        _ => (words, [(nodes + 1) * 4, words * 128]),
    };
    let said = if version < 2 { 0 } else { 4 };
    let lengths = [said, 128 * 128, nodes * 128, last[0], last[1]];
    let payload = FORMAT.payload(bytes, path, |header| {
        let sizes_known = u32_at(header, 16) as usize == DIMENSIONS
            && u32_at(header, 20) as usize == SIGNATURE_BITS;
        let fits = (1..=MAX_WORDS).contains(&words) && (1..=most).contains(&nodes);
        (fits && sizes_known).then(|| lengths.iter().sum())
    })?;
    let (kind, rest) = payload.split_at(lengths[0]);
    let (rotation, rest) = rest.split_at(lengths[1]);
    let (centres, rest) = rest.split_at(lengths[2]);
    let (numbers, rows) = rest.split_at(lengths[3]);
    let kind = match kind {
        [] => FIRST,
        _ => kind_of(u32_at(kind, 0), version, path)?,
    };
    let rotation = rows_of(rotation).map(|row| row.map(|x| x as i8)).collect();
    let (centres, numbers) = (rows_of(centres).collect(), u32s(numbers).collect());
    let index = match version {
        TREES => Tree::from_parts(centres, numbers, words)
            .map(Finder::Tree)
            .ok_or_else(|| FORMAT.damaged("nodes out of order", path))?,
        _ => CellIndex::from_parts(centres, numbers, rows_of(rows).collect())
            .map(Finder::Cells)
            .ok_or_else(|| FORMAT.damaged("cells out of order", path))?,
    };
    Ok((index, Rotation::from_rows(rotation), kind))
}

fn kind_of(number: u32, version: u32, path: &Path) -> Result<DescriptorKind, Error> {
    match DescriptorKind::of_number(number) {
        // One codebook has one file, and one name.
        Some(FIRST) if version < TREES => Err(FORMAT
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
