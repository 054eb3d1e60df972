//! Writing a file of vectors with what makes them findable.

use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::file::{HEADER, TAG};
use crate::files::{AtomicFile, FileFormat};
use crate::points::{MOST_DIMENSIONS, MOST_POINTS, in_range};
use crate::{Error, Sampler};

/// Gathers vectors, at two bytes a number, until they are all there.
pub(super) struct Gathered {
    format: &'static FileFormat,
    path: PathBuf,
    dimension: usize,
    tag: [u8; TAG],
    ids: Vec<i64>,
    rows: Vec<f16>,
}

impl Gathered {
    pub fn new(
        format: &'static FileFormat,
        path: &Path,
        dimension: usize,
        tag: &str,
    ) -> Result<Self, Error> {
        in_range("the dimension of vectors", dimension, 1, MOST_DIMENSIONS)?;
        let mut bytes = [0; TAG];
        let length = tag.len().min(TAG);
        bytes[..length].copy_from_slice(&tag.as_bytes()[..length]);
        Ok(Self {
            format,
            path: path.to_owned(),
            dimension,
            tag: bytes,
            ids: Vec::new(),
            rows: Vec::new(),
        })
    }

    pub fn push(&mut self, id: i64, vector: &[f32]) -> Result<(), Error> {
        if vector.len() != self.dimension {
            return Err(Error::Shape {
                numbers: vector.len(),
                dimension: self.dimension,
            });
        }
        if self.ids.last().is_some_and(|&last| last >= id) {
            return Err(self.format.damaged("ids do not ascend", &self.path));
        }
        in_range("the number of vectors", self.ids.len() + 1, 1, MOST_POINTS)?;
        let start = self.rows.len();
        self.rows.extend(vector.iter().map(|&x| f16::from_f32(x)));
        if !self.rows[start..].iter().all(|x| x.is_finite()) {
            self.rows.truncate(start);
            return Err(Error::NotFinite {
                row: self.ids.len(),
            });
        }
        self.ids.push(id);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One number of a row.
    pub fn value(&self, row: usize, axis: usize) -> f32 {
        self.rows[row * self.dimension + axis].to_f32()
    }

    /// A row, into as many floats.
    pub fn read(&self, row: usize, into: &mut [f32]) {
        let start = row * self.dimension;
        self.rows[start..start + self.dimension].convert_to_f32_slice(into);
    }

    /// Writes the file with these bytes at its end; it appears whole or not at all, and never in the place of another.
    pub fn write(self, structure: &[u8]) -> Result<(), Error> {
        let mut sampler = Sampler::new(self.dimension);
        for (row, &id) in self.ids.iter().enumerate() {
            sampler.push(id, |into| self.read(row, into));
        }
        let sample = sampler.finish().to_bytes();
        let mut file = AtomicFile::create_new(&self.path)?;
        let mut crc = crc32fast::Hasher::new();
        file.write_all(&[0; HEADER])?;
        let mut put = |bytes: &[u8]| {
            crc.update(bytes);
            file.write_all(bytes)
        };
        for ids in self.ids.chunks(1 << 13) {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            put(&bytes)?;
        }
        for rows in self.rows.chunks(1 << 16) {
            let bytes: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
            put(&bytes)?;
        }
        put(&sample)?;
        put(structure)?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(self.format.magic);
        header.extend_from_slice(&self.format.version.to_le_bytes());
        header.extend_from_slice(&(self.dimension as u32).to_le_bytes());
        let lengths = [self.ids.len(), sample.len(), structure.len()];
        header.extend(
            lengths
                .iter()
                .flat_map(|&length| (length as u64).to_le_bytes()),
        );
        header.extend_from_slice(&self.tag);
        header.extend_from_slice(&crc.finalize().to_le_bytes());
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        Ok(file.commit(&header)?)
    }
}
