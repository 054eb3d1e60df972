//! Vectors in a file, searched exactly.
//!
//! Half-precision rows with ids, memory-mapped: what a query touches is read once, front to back, so the file may be larger
//! than memory. Exact search is the right index up to some hundred thousand vectors, and the truth that approximate
//! ones are measured against. Layout, little-endian:
//!
//! ```text
//! "VZFV" | u32 version | u32 dimension | u64 count | 32 bytes tag | u32 CRC of the body | u32 CRC of the header
//! count × i64 id, ascending | count × dimension × f16
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::files::{AtomicFile, CUT_SHORT, FileFormat, Mapped, i64_at, u32_at, u64_at};
use crate::{Allowed, Error, TopK, dot_f32};

const FORMAT: FileFormat = FileFormat {
    magic: b"VZFV",
    kind: "file of vectors",
    version: 1,
    header: HEADER,
};
const HEADER: usize = 4 + 4 + 4 + 8 + TAG + 4 + 4;
const TAG: usize = 32;
/// Most numbers of a vector.
const MOST_DIMENSIONS: usize = 1 << 16;
/// Vectors that one thread takes at a time.
const BLOCK: usize = 4096;

/// Number, sum and sum of squares of scores: their mean and spread.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// Adds a score.
    pub fn add(&mut self, score: f32) {
        let score = f64::from(score);
        self.count += 1.0;
        self.sum += score;
        self.squares += score * score;
    }

    /// Adds so many scores of zero.
    pub fn add_zeros(&mut self, count: usize) {
        self.count += count as f64;
    }

    /// Adds all scores of another.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Mean; 0 without scores.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    /// Standard deviation of the population; 0 without scores.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.count.max(1.0) - mean * mean)
            .max(0.0)
            .sqrt()
    }
}

/// Writes a file of vectors.
pub struct FlatWriter {
    path: PathBuf,
    dimension: usize,
    tag: [u8; TAG],
    ids: Vec<i64>,
    rows: Vec<f16>,
}

impl FlatWriter {
    /// Adds a vector; ids must ascend. Rows are kept in memory at two bytes a number until [`FlatWriter::finish`].
    ///
    /// # Errors
    /// The vector has another length, or the id is not above the last one.
    pub fn push(&mut self, id: i64, vector: &[f32]) -> Result<(), Error> {
        if vector.len() != self.dimension {
            return Err(Error::Shape {
                numbers: vector.len(),
                dimension: self.dimension,
            });
        }
        if self.ids.last().is_some_and(|&last| last >= id) {
            return Err(FORMAT.damaged("ids do not ascend", &self.path));
        }
        self.ids.push(id);
        self.rows
            .extend(vector.iter().map(|&value| f16::from_f32(value)));
        Ok(())
    }

    /// Writes the file; it appears whole or not at all, and never in the place of another.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let mut file = AtomicFile::create_new(&self.path)?;
        let mut crc = crc32fast::Hasher::new();
        file.write_all(&[0; HEADER])?;
        let mut put = |bytes: &[u8], file: &mut AtomicFile| {
            crc.update(bytes);
            file.write_all(bytes)
        };
        for id in &self.ids {
            put(&id.to_le_bytes(), &mut file)?;
        }
        for block in self.rows.chunks(1 << 16) {
            let bytes: Vec<u8> = block.iter().flat_map(|value| value.to_le_bytes()).collect();
            put(&bytes, &mut file)?;
        }
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(FORMAT.magic);
        header.extend_from_slice(&FORMAT.version.to_le_bytes());
        header.extend_from_slice(&(self.dimension as u32).to_le_bytes());
        header.extend_from_slice(&(self.ids.len() as u64).to_le_bytes());
        header.extend_from_slice(&self.tag);
        header.extend_from_slice(&crc.finalize().to_le_bytes());
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        Ok(file.commit(&header)?)
    }
}

/// A file of vectors, open for searching.
#[derive(Debug)]
pub struct FlatVectors {
    path: PathBuf,
    map: Mapped,
    dimension: usize,
    count: usize,
    tag: String,
    crc: u32,
}

impl FlatVectors {
    /// Begins a file of vectors of this length. The tag, at most 32 bytes, says what made them.
    ///
    /// # Errors
    /// The dimension is 0 or above 65,536.
    pub fn create(path: &Path, dimension: usize, tag: &str) -> Result<FlatWriter, Error> {
        check_dimension(dimension)?;
        let mut bytes = [0; TAG];
        let length = tag.len().min(TAG);
        bytes[..length].copy_from_slice(&tag.as_bytes()[..length]);
        Ok(FlatWriter {
            path: path.to_owned(),
            dimension,
            tag: bytes,
            ids: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// Opens a file. Its lengths and its header are checked, its rows only by [`FlatVectors::verify`].
    ///
    /// # Errors
    /// It is not such a file, of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let map = Mapped::open(path)?;
        let header = FORMAT.header(map.bytes(), path)?;
        let dimension = u32_at(header, 8) as usize;
        let count = u64_at(header, 12);
        let tag = header.get(20..20 + TAG).unwrap_or_default();
        let tag = String::from_utf8_lossy(tag)
            .trim_end_matches('\0')
            .to_owned();
        let crc = u32_at(header, 20 + TAG);
        check_dimension(dimension)?;
        let expected = count
            .checked_mul(8 + 2 * dimension as u64)
            .and_then(|body| body.checked_add(HEADER as u64));
        if expected != Some(map.bytes().len() as u64) {
            return Err(FORMAT.damaged("length", path));
        }
        Ok(Self {
            path: path.to_owned(),
            map,
            dimension,
            count: count as usize,
            tag,
            crc,
        })
    }

    /// Checks every byte.
    ///
    /// # Errors
    /// The checksum differs, or ids do not ascend.
    pub fn verify(&self) -> Result<(), Error> {
        if crc32fast::hash(&self.map.bytes()[HEADER..]) != self.crc {
            return Err(FORMAT.damaged("checksum", &self.path));
        }
        if (1..self.count).any(|at| self.id(at - 1) >= self.id(at)) {
            return Err(FORMAT.damaged("ids do not ascend", &self.path));
        }
        Ok(())
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Length of each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// What made the vectors.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The greatest id; 0 when there is none.
    pub fn last_id(&self) -> i64 {
        if self.count == 0 {
            0
        } else {
            self.id(self.count - 1)
        }
    }

    fn id(&self, at: usize) -> i64 {
        i64_at(self.map.bytes(), HEADER + 8 * at)
    }

    /// Offers to `top` the inner product of `query` with every vector whose id is allowed, and adds these to `moments`.
    /// Runs on the threads of the caller's pool; the result does not depend on their number.
    ///
    /// # Errors
    /// The file was cut short since it was opened.
    pub fn search(
        &self,
        query: &[f32],
        allowed: &Allowed<'_>,
        top: &mut TopK,
        moments: &mut Moments,
    ) -> Result<(), Error> {
        let blocks: Vec<(Vec<(f32, i64)>, Moments)> = (0..self.count.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| self.search_block(block * BLOCK, query, allowed, top.clone()))
            .collect();
        self.check_whole()?;
        for (best, of_block) in blocks {
            moments.merge(&of_block);
            for (score, id) in best {
                top.push(score, id);
            }
        }
        Ok(())
    }

    /// Whether the file is still as long as when it was opened, and was so while it was read.
    ///
    /// # Errors
    /// [`Error::Damaged`] when not.
    pub fn check_whole(&self) -> Result<(), Error> {
        match self.map.is_whole() {
            true => Ok(()),
            false => Err(FORMAT.damaged(CUT_SHORT, &self.path)),
        }
    }

    fn search_block(
        &self,
        from: usize,
        query: &[f32],
        allowed: &Allowed<'_>,
        mut top: TopK,
    ) -> (Vec<(f32, i64)>, Moments) {
        let mut moments = Moments::default();
        let mut halves = vec![f16::ZERO; self.dimension];
        let mut row = vec![0f32; self.dimension];
        let rows = &self.map.bytes()[HEADER + 8 * self.count..];
        for at in from..self.count.min(from + BLOCK) {
            let id = self.id(at);
            if !allowed.contains(id) {
                continue;
            }
            let start = 2 * self.dimension * at;
            let bytes = &rows[start..start + 2 * self.dimension];
            for (half, pair) in halves.iter_mut().zip(bytes.chunks_exact(2)) {
                *half = f16::from_le_bytes([pair[0], pair[1]]);
            }
            halves.convert_to_f32_slice(&mut row);
            let score = dot_f32(query, &row);
            moments.add(score);
            top.push(score, id);
        }
        (top.into_sorted(), moments)
    }
}

fn check_dimension(dimension: usize) -> Result<(), Error> {
    if (1..=MOST_DIMENSIONS).contains(&dimension) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: "the dimension of vectors",
        found: dimension,
        least: 1,
        most: MOST_DIMENSIONS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdSet;
    use crate::random::Random;

    fn rows(count: usize, dimension: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(5);
        let mut number = || f16::from_f32(random.below(2001) as f32 / 1000.0 - 1.0).to_f32();
        (0..count)
            .map(|_| (0..dimension).map(|_| number()).collect())
            .collect()
    }

    fn write(path: &Path, rows: &[Vec<f32>]) {
        let mut writer = FlatVectors::create(path, rows[0].len(), "test").unwrap();
        for (at, row) in rows.iter().enumerate() {
            writer.push(10 + 3 * at as i64, row).unwrap();
        }
        assert!(writer.push(10, &rows[0]).is_err());
        assert!(writer.push(i64::MAX, &rows[0][1..]).is_err());
        writer.finish().unwrap();
    }

    #[test]
    fn finds_what_sorting_all_products_finds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        let rows = rows(9000, 19);
        write(&path, &rows);
        let flat = FlatVectors::open(&path).unwrap();
        flat.verify().unwrap();
        assert_eq!(
            (flat.len(), flat.dimension(), flat.tag()),
            (9000, 19, "test")
        );
        assert_eq!(flat.last_id(), 10 + 3 * 8999);
        let even: IdSet = (0..30_000).step_by(2).collect();
        let allowed = Allowed::Only(&even);
        let (mut top, mut moments) = (TopK::new(7), Moments::default());
        flat.search(&rows[4], &allowed, &mut top, &mut moments)
            .unwrap();
        let mut expected = TopK::new(7);
        let mut scores = Vec::new();
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
            expected.push(dot_f32(&rows[4], row), 10 + 3 * at as i64);
            scores.push(f64::from(dot_f32(&rows[4], row)));
        }
        assert_eq!(top.into_sorted(), expected.into_sorted());
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let spread =
            scores.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / scores.len() as f64;
        assert!((moments.mean() - mean).abs() < 1e-9);
        assert!((moments.deviation() - spread.sqrt()).abs() < 1e-6);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_is_cut_short_gives_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        let rows = rows(9000, 19);
        for kept in [|_| 0, |length| length / 2, |length| length - 1] {
            write(&path, &rows);
            let length = fs_err::metadata(&path).unwrap().len();
            let flat = FlatVectors::open(&path).unwrap();
            flat.check_whole().unwrap();
            let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(kept(length)).unwrap();
            let (mut top, mut moments) = (TopK::new(7), Moments::default());
            let found = flat.search(&rows[4], &Allowed::All, &mut top, &mut moments);
            let error = found.unwrap_err().to_string();
            assert!(
                error.contains("cut short") && error.ends_with("/v"),
                "{error}"
            );
            assert!(flat.verify().is_err() && flat.check_whole().is_err());
            // A file of vectors never takes the place of another.
            fs_err::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        write(&path, &rows(3, 4));
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(FlatVectors::open(&path).is_err(), "{length} bytes");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs_err::write(&path, &bytes).unwrap();
            let found = FlatVectors::open(&path).and_then(|flat| flat.verify());
            assert!(found.is_err(), "byte {at}");
        }
    }
}
