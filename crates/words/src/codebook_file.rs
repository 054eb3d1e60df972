//! The codebook file, `VZCB`. Numbers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `VZCB` |
//! | 4 | version, 1 |
//! | 4 | number of words *k*, 1 to 65,536 |
//! | 4 | number of cells *c*, 1 to *k* |
//! | 4 | dimensions, 128 |
//! | 4 | bits of a signature, 128 |
//! | 4 | CRC-32 of everything after the header |
//! | 4 | CRC-32 of the header up to here |
//! | 128 · 128 | rotation, signed bytes, row by row |
//! | *c* · 128 | cell centroids |
//! | (*c* + 1) · 4 | first word of every cell, and *k* |
//! | *k* · 128 | words |

use std::io::{Read, Write};
use std::path::Path;

use fs_err as fs;
use vizsla_vectors::{CellIndex, Rotation};

use crate::Error;
use crate::atomic::AtomicFile;
use crate::codebook::{Codebook, MAX_WORDS, SIGNATURE_BITS};
use crate::fields::{u32_at, u32s};
use crate::format::Format;

const FORMAT: Format = Format {
    magic: b"VZCB",
    kind: "codebook",
    version: 1,
    header: HEADER,
};
const DIMENSIONS: usize = 128;
const HEADER: usize = 32;
/// No codebook file is longer than this.
const MAX_BYTES: u64 = (HEADER + 128 * 128 + MAX_WORDS * (2 * DIMENSIONS + 4) + 4) as u64;

pub(crate) fn encode(codebook: &Codebook) -> Vec<u8> {
    let index = &codebook.index;
    let mut payload = Vec::with_capacity((index.len() + index.cells().len() + 140) * DIMENSIONS);
    for row in codebook.rotation.rows() {
        payload.extend(row.iter().map(|&x| x as u8));
    }
    index.cells().iter().for_each(|c| payload.extend(c));
    for start in index.starts() {
        payload.extend(start.to_le_bytes());
    }
    index.rows().iter().for_each(|r| payload.extend(r));

    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(FORMAT.magic);
    for field in [
        FORMAT.version,
        index.len() as u32,
        index.cells().len() as u32,
        DIMENSIONS as u32,
        SIGNATURE_BITS as u32,
        crc32fast::hash(&payload),
    ] {
        bytes.extend(field.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes.extend(payload);
    bytes
}

pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Codebook, Error> {
    let damaged = |what| FORMAT.damaged(what, path);
    let header = FORMAT.header(bytes, path)?;
    let (words, cells) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
    let sizes_known =
        u32_at(header, 16) as usize == DIMENSIONS && u32_at(header, 20) as usize == SIGNATURE_BITS;
    if words == 0 || words > MAX_WORDS || cells == 0 || cells > words || !sizes_known {
        return Err(damaged("sizes out of range"));
    }
    let payload = &bytes[HEADER..];
    let lengths = [128 * 128, cells * 128, (cells + 1) * 4, words * 128];
    if payload.len() != lengths.iter().sum::<usize>() {
        return Err(damaged("length"));
    }
    if crc32fast::hash(payload) != u32_at(header, 24) {
        return Err(damaged("checksum"));
    }
    let (rotation, rest) = payload.split_at(lengths[0]);
    let (cells, rest) = rest.split_at(lengths[1]);
    let (starts, rows) = rest.split_at(lengths[2]);
    let rotation = rows_of(rotation).map(|row| row.map(|x| x as i8)).collect();
    let index = CellIndex::from_parts(
        rows_of(cells).collect(),
        u32s(starts).collect(),
        rows_of(rows).collect(),
    )
    .ok_or_else(|| damaged("cells out of order"))?;
    let hash = blake3::hash(bytes);
    Ok(Codebook {
        index,
        rotation: Rotation::from_rows(rotation),
        id: hash.to_hex()[..32].to_owned(),
    })
}

fn rows_of(bytes: &[u8]) -> impl Iterator<Item = [u8; DIMENSIONS]> + '_ {
    bytes.as_chunks::<DIMENSIONS>().0.iter().copied()
}

pub(crate) fn save(codebook: &Codebook, path: &Path) -> Result<(), Error> {
    let bytes = encode(codebook);
    let mut file = AtomicFile::create(path)?;
    file.write_all(&bytes)?;
    file.commit(&bytes[..HEADER])?;
    Ok(())
}

pub(crate) fn open(path: &Path) -> Result<Codebook, Error> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long from the longest one.
    let read = fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > MAX_BYTES {
        return Err(FORMAT.damaged("too long", path));
    }
    decode(&bytes, path)
}
