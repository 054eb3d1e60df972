//! A file of vectors with what makes them findable, mapped. Layout, little-endian:
//!
//! ```text
//! magic | u32 version | u32 dimension | u64 count | u64 bytes of the sample | u64 bytes of the structure | 32 bytes tag
//!     | u32 CRC of the body | u32 CRC of the header
//! count × i64 id, ascending | count × dimension × f16 | sample | structure
//! ```

use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::distance::prefetch;
use crate::files::{CUT_SHORT, FileFormat, Mapped, i64_at, u32_at, u64_at};
use crate::ids::place_of;
use crate::points::{MOST_DIMENSIONS, MOST_POINTS, in_range};
use crate::{Error, Sample, dot_f32};

/// Bytes of the header.
pub(super) const HEADER: usize = 4 + 4 + 4 + 3 * 8 + TAG + 4 + 4;
/// Bytes of the tag.
pub(super) const TAG: usize = 32;

/// The vectors of a file, and a sample of them.
#[derive(Debug)]
pub(super) struct Stored {
    format: &'static FileFormat,
    path: PathBuf,
    map: Mapped,
    dimension: usize,
    count: usize,
    tag: String,
    crc: u32,
    /// Where the structure begins.
    structure: usize,
    pub sample: Sample,
}

/// Room for one row.
pub(super) struct Row {
    halves: Vec<f16>,
    floats: Vec<f32>,
}

impl Row {
    pub fn new(dimension: usize) -> Self {
        Self {
            halves: vec![f16::ZERO; dimension],
            floats: vec![0.0; dimension],
        }
    }
}

impl Stored {
    /// Opens a file. Header, lengths and sample are checked, the rest only by [`Stored::verify`].
    pub fn open(format: &'static FileFormat, path: &Path) -> Result<Self, Error> {
        let map = Mapped::open(path)?;
        let header = format.header(map.bytes(), path)?;
        let dimension = u32_at(header, 8) as usize;
        in_range("the dimension of vectors", dimension, 1, MOST_DIMENSIONS)?;
        let [count, sample, structure] = [12, 20, 28].map(|at| u64_at(header, at));
        let tag = header.get(36..36 + TAG).unwrap_or_default();
        let tag = String::from_utf8_lossy(tag)
            .trim_end_matches('\0')
            .to_owned();
        let crc = u32_at(header, 36 + TAG);
        let vectors = count.checked_mul(8 + 2 * dimension as u64);
        let body = vectors.and_then(|bytes| bytes.checked_add(sample)?.checked_add(structure));
        let whole = body.and_then(|bytes| bytes.checked_add(HEADER as u64));
        if whole != Some(map.bytes().len() as u64) || count > MOST_POINTS as u64 {
            return Err(format.damaged("length", path));
        }
        // All of these are lengths of parts of a file that is mapped.
        let (sample, structure) = (sample as usize, structure as usize);
        let end = map.bytes().len() - structure;
        let sampled = map.bytes().get(end - sample..end).unwrap_or_default();
        let sampled =
            Sample::from_bytes(sampled, dimension).ok_or_else(|| format.damaged("sample", path))?;
        Ok(Self {
            format,
            path: path.to_owned(),
            dimension,
            count: count as usize,
            tag,
            crc,
            structure: end,
            sample: sampled,
            map,
        })
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    pub fn last_id(&self) -> i64 {
        match self.count {
            0 => 0,
            count => self.id(count - 1),
        }
    }

    /// What follows the vectors.
    pub fn structure(&self) -> &[u8] {
        self.map.bytes().get(self.structure..).unwrap_or_default()
    }

    pub fn damaged(&self, what: &'static str) -> Error {
        self.format.damaged(what, &self.path)
    }

    #[inline]
    pub fn id(&self, at: usize) -> i64 {
        i64_at(self.map.bytes(), HEADER + 8 * at)
    }

    /// Where an id is.
    pub fn place(&self, id: i64) -> Option<usize> {
        place_of(id, self.count, |at| self.id(at))
    }

    /// The bytes of a vector.
    fn halves(&self, at: usize) -> &[u8] {
        let start = HEADER + 8 * self.count + 2 * self.dimension * at;
        let bytes = self.map.bytes().get(start..start + 2 * self.dimension);
        bytes.unwrap_or_default()
    }

    /// Hears of a vector that is likely to be scored soon.
    pub fn expect(&self, at: usize) {
        prefetch(self.halves(at));
    }

    /// The inner product of a query of the same dimension with a vector.
    pub fn score(&self, at: usize, query: &[f32], row: &mut Row) -> f32 {
        let pairs = self.halves(at).chunks_exact(2);
        for (half, pair) in row.halves.iter_mut().zip(pairs) {
            *half = f16::from_le_bytes([pair[0], pair[1]]);
        }
        row.halves.convert_to_f32_slice(&mut row.floats);
        dot_f32(query, &row.floats)
    }

    pub fn check_whole(&self) -> Result<(), Error> {
        match self.map.is_whole() {
            true => Ok(()),
            false => Err(self.damaged(CUT_SHORT)),
        }
    }

    pub fn verify(&self) -> Result<(), Error> {
        if crc32fast::hash(self.map.bytes().get(HEADER..).unwrap_or_default()) != self.crc {
            return Err(self.damaged("checksum"));
        }
        if (1..self.count).any(|at| self.id(at - 1) >= self.id(at)) {
            return Err(self.damaged("ids do not ascend"));
        }
        self.check_whole()
    }
}
