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
use crate::{Allowed, Error, Moments, Nearest, Sample, Sampler, TopK, VectorIndex, dot_f32};

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

    /// Opens a file. Its lengths and its header are checked, its rows only by [`VectorIndex::verify`].
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

    fn id(&self, at: usize) -> i64 {
        i64_at(self.map.bytes(), HEADER + 8 * at)
    }

    /// Reads a row; `halves` and `row` have its length.
    fn read_row(&self, at: usize, halves: &mut [f16], row: &mut [f32]) {
        let rows = &self.map.bytes()[HEADER + 8 * self.count..];
        let start = 2 * self.dimension * at;
        let bytes = &rows[start..start + 2 * self.dimension];
        for (half, pair) in halves.iter_mut().zip(bytes.chunks_exact(2)) {
            *half = f16::from_le_bytes([pair[0], pair[1]]);
        }
        halves.convert_to_f32_slice(row);
    }

    /// A sample of the vectors, for an approximate index that is made of them.
    ///
    /// # Errors
    /// The file was cut short since it was opened.
    pub fn sample(&self) -> Result<Sample, Error> {
        let mut sampler = Sampler::new(self.dimension);
        let mut halves = vec![f16::ZERO; self.dimension];
        for at in 0..self.count {
            sampler.push(self.id(at), |row| self.read_row(at, &mut halves, row));
        }
        self.check_whole()?;
        Ok(sampler.finish())
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
        for at in from..self.count.min(from + BLOCK) {
            let id = self.id(at);
            if !allowed.contains(id) {
                continue;
            }
            self.read_row(at, &mut halves, &mut row);
            let score = dot_f32(query, &row);
            moments.add(score);
            top.push(score, id);
        }
        (top.into_sorted(), moments)
    }
}

impl VectorIndex for FlatVectors {
    fn len(&self) -> usize {
        self.count
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    fn made_of(&self) -> String {
        "all vectors are compared".to_owned()
    }

    fn last_id(&self) -> i64 {
        match self.count {
            0 => 0,
            count => self.id(count - 1),
        }
    }

    /// Looks at all vectors: the best are the best, and the moments those of all.
    fn nearest(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error> {
        let mut top = TopK::new(k);
        let mut moments = Moments::default();
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
        let best = top.into_sorted().into_iter().map(|(score, id)| (id, score));
        Ok(Nearest {
            best: best.collect(),
            moments,
        })
    }

    fn check_whole(&self) -> Result<(), Error> {
        match self.map.is_whole() {
            true => Ok(()),
            false => Err(FORMAT.damaged(CUT_SHORT, &self.path)),
        }
    }

    fn verify(&self) -> Result<(), Error> {
        if crc32fast::hash(&self.map.bytes()[HEADER..]) != self.crc {
            return Err(FORMAT.damaged("checksum", &self.path));
        }
        if (1..self.count).any(|at| self.id(at - 1) >= self.id(at)) {
            return Err(FORMAT.damaged("ids do not ascend", &self.path));
        }
        Ok(())
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
        let Nearest { best, moments } = flat.nearest(&rows[4], 7, &allowed).unwrap();
        let mut expected = TopK::new(7);
        let mut scores = Vec::new();
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
            expected.push(dot_f32(&rows[4], row), 10 + 3 * at as i64);
            scores.push(f64::from(dot_f32(&rows[4], row)));
        }
        let expected = expected.into_sorted().into_iter();
        assert_eq!(
            best,
            expected.map(|(score, id)| (id, score)).collect::<Vec<_>>()
        );
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let spread =
            scores.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / scores.len() as f64;
        assert!((moments.mean() - mean).abs() < 1e-9);
        assert!((moments.deviation() - spread.sqrt()).abs() < 1e-6);
        let sampled = flat.sample().unwrap().moments(&rows[4], &allowed).unwrap();
        assert!((sampled.mean() - mean).abs() < 0.1 * spread.sqrt());
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
            let found = flat.nearest(&rows[4], 7, &Allowed::All);
            let error = found.unwrap_err().to_string();
            assert!(
                error.contains("cut short") && error.ends_with("/v"),
                "{error}"
            );
            assert!(flat.verify().is_err() && flat.check_whole().is_err());
            assert!(flat.sample().is_err());
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
