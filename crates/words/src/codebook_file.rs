//! The codebook file, `VZCB`. Numbers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `VZCB` |
//! | 4 | version, 1 to 4 |
//! | 4 | number of words *k*, 1 to 1,048,576 |
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
//!
//! Version 4 has cells within cells, of which *c* are the inner ones:
//!
//! | bytes | content |
//! |---|---|
//! | 4 | number of outer cells *o*, 1 to *c* |
//! | *o* · 128 | outer centroids |
//! | (*o* + 1) · 4 | first inner cell of every outer cell, and *c* |
//! | *c* · 128 | inner centroids |
//! | (*c* + 1) · 4 | first word of every inner cell, and *k* |
//! | *k* · 128 | words |

use std::path::Path;

use vizsla_features::DescriptorKind;
use vizsla_vectors::{CellIndex, FileFormat, NestedCells, Rotation, u32_at, u32s};

use crate::Error;
use crate::finder::Finder;
use crate::tree::Tree;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZCB",
    kind: "codebook",
    version: NESTED,
    header: HEADER,
};
/// The version of vocabulary trees.
const TREES: u32 = 3;
/// The version of cells within cells.
const NESTED: u32 = 4;
/// What version 1 is of.
const FIRST: DescriptorKind = DescriptorKind::RootSift;
const DIMENSIONS: usize = 128;
const HEADER: usize = 32;
/// Bits of a signature.
pub const SIGNATURE_BITS: usize = 128;
/// Most words that a codebook has.
pub const MAX_WORDS: usize = 1 << 20;
/// No codebook file is longer than this.
const MAX_BYTES: u64 = (HEADER + 8 + 128 * 128 + (3 * MAX_WORDS + 2) * (DIMENSIONS + 4)) as u64;

pub(crate) fn encode(index: &Finder, rotation: &Rotation, kind: DescriptorKind) -> Vec<u8> {
    let nodes = match index {
        Finder::Cells(cells) => cells.cells().len(),
        Finder::Nested(nested) => nested.outer().len(),
        Finder::Tree(tree) => tree.centres().len(),
    };
    let mut payload = Vec::with_capacity((index.len() + nodes + 140) * DIMENSIONS);
    let version = match (index, kind) {
        (Finder::Cells(_), FIRST) => 1,
        (Finder::Cells(_), _) => 2,
        (Finder::Nested(_), _) => NESTED,
        (Finder::Tree(_), _) => TREES,
    };
    if version > 1 {
        payload.extend(kind.number().to_le_bytes());
    }
    for row in rotation.rows() {
        payload.extend(row.iter().map(|&x| x as u8));
    }
    match index {
        Finder::Cells(index) => put_cells(&mut payload, index),
        Finder::Nested(nested) => {
            put_numbers(&mut payload, &[nested.outer().cells().len() as u32]);
            put_cells(&mut payload, nested.outer());
            put_numbers(&mut payload, nested.starts());
            put_rows(&mut payload, nested.rows());
        }
        Finder::Tree(tree) => {
            put_rows(&mut payload, tree.centres());
            put_numbers(&mut payload, tree.children());
        }
    }
    let fields = [index.len(), nodes, DIMENSIONS, SIGNATURE_BITS];
    let format = FileFormat { version, ..FORMAT };
    format.encode(&fields.map(|field| field as u32), &payload)
}

/// Appends cells: their centroids, where their rows begin, and the rows.
fn put_cells(payload: &mut Vec<u8>, index: &CellIndex) {
    put_rows(payload, index.cells());
    put_numbers(payload, index.starts());
    put_rows(payload, index.rows());
}

fn put_rows(payload: &mut Vec<u8>, rows: &[[u8; DIMENSIONS]]) {
    payload.extend_from_slice(rows.as_flattened());
}

fn put_numbers(payload: &mut Vec<u8>, numbers: &[u32]) {
    payload.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

pub(crate) fn decode(
    bytes: &[u8],
    path: &Path,
) -> Result<(Finder, Rotation, DescriptorKind), Error> {
    let (words, nodes) = (u32_at(bytes, 8) as usize, u32_at(bytes, 12) as usize);
    let version = u32_at(bytes, 4);
    let most = match version {
        TREES => words.saturating_mul(2).saturating_add(1),
        _ => words,
    };
    // Of cells within cells the payload says how many the outer ones are, behind kind and rotation.
    let outer = match version {
        NESTED => u32_at(bytes, HEADER + 4 + 128 * 128) as usize,
        _ => 0,
    };
    let said = if version < 2 { 0 } else { 4 };
    let rows = |count: usize| count * DIMENSIONS;
    let numbers = |count: usize| count * 4;
    let parts = || match version {
        NESTED => vec![
            4,
            rows(outer),
            numbers(outer + 1),
            rows(nodes),
            numbers(nodes + 1),
            rows(words),
        ],
        TREES => vec![rows(nodes), numbers(nodes)],
        _ => vec![rows(nodes), numbers(nodes + 1), rows(words)],
    };
    let payload = FORMAT.payload(bytes, path, |header| {
        let sizes_known = u32_at(header, 16) as usize == DIMENSIONS
            && u32_at(header, 20) as usize == SIGNATURE_BITS;
        let fits = (1..=MAX_WORDS).contains(&words)
            && (1..=most).contains(&nodes)
            && (version != NESTED || (1..=nodes).contains(&outer));
        (fits && sizes_known).then(|| said + 128 * 128 + parts().iter().sum::<usize>())
    })?;
    let (kind, rest) = payload.split_at(said);
    let (rotation, mut rest) = rest.split_at(128 * 128);
    let kind = match kind {
        [] => FIRST,
        _ => kind_of(u32_at(kind, 0), version, path)?,
    };
    let rotation = rows_of(rotation).map(|row| row.map(|x| x as i8)).collect();
    let mut part = parts().into_iter().map(|length| {
        let (part, behind) = rest.split_at(length);
        rest = behind;
        part
    });
    let mut next = || part.next().unwrap_or_default();
    let damaged = |what| FORMAT.damaged(what, path);
    let index = match version {
        TREES => {
            let (centres, children) = (rows_of(next()).collect(), u32s(next()).collect());
            let tree = Tree::from_parts(centres, children, words);
            Finder::Tree(tree.ok_or_else(|| damaged("nodes out of order"))?)
        }
        NESTED => {
            let _outer_count = next();
            let outer = cells_of(&mut next);
            let (starts, words) = (u32s(next()).collect(), rows_of(next()).collect());
            let nested = outer.and_then(|outer| NestedCells::from_parts(outer, starts, words));
            Finder::Nested(nested.ok_or_else(|| damaged("cells out of order"))?)
        }
        _ => {
            let cells = cells_of(&mut next);
            Finder::Cells(cells.ok_or_else(|| damaged("cells out of order"))?)
        }
    };
    Ok((index, Rotation::from_rows(rotation), kind))
}

/// Cells of the next three parts of a file.
fn cells_of<'a>(next: &mut impl FnMut() -> &'a [u8]) -> Option<CellIndex> {
    let (cells, starts) = (rows_of(next()).collect(), u32s(next()).collect());
    CellIndex::from_parts(cells, starts, rows_of(next()).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> Finder {
        let row = |seed: usize| std::array::from_fn(|i| ((i * 7 + seed * 31) * 37 % 251) as u8);
        let rows: Vec<[u8; DIMENSIONS]> = (0..150).map(row).collect();
        Finder::Nested(NestedCells::build(&rows, 3, 1))
    }

    #[test]
    fn cells_within_cells_come_back() {
        let (index, rotation) = (nested(), Rotation::random(3));
        for kind in [DescriptorKind::RootSift, DescriptorKind::Sift] {
            let bytes = encode(&index, &rotation, kind);
            assert_eq!(bytes[4..8], [4, 0, 0, 0]);
            let (read, turned, said) = decode(&bytes, Path::new("f")).unwrap();
            assert_eq!(said, kind);
            assert_eq!(encode(&read, &turned, said), bytes);
            let point = [77; DIMENSIONS];
            assert_eq!(read.nearest_many(&point, 5), index.nearest_many(&point, 5));
            assert_eq!(read.nearest(&point), index.nearest(&point));
        }
    }

    #[test]
    fn damaged_cells_within_cells_are_told() {
        let good = encode(&nested(), &Rotation::random(3), DescriptorKind::RootSift);
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(decode(&bad, Path::new("f")).is_err(), "byte {at}");
        }
        for length in (0..good.len()).step_by(61) {
            assert!(decode(&good[..length], Path::new("f")).is_err(), "{length}");
        }
        // Outer cells without end, with sums that are right.
        let mut payload = good[HEADER..].to_vec();
        payload[4 + 128 * 128..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let fields: Vec<u32> = (8..24).step_by(4).map(|at| u32_at(&good, at)).collect();
        let bad = FORMAT.encode(&fields, &payload);
        assert!(decode(&bad, Path::new("f")).is_err());
    }
}
