//! Vectors that wait for their index, in memory up to a bound and beyond it in a file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::Error;
use crate::files::SpillFile;

/// Numbers that are kept in memory: 64 MiB.
const KEPT: usize = 1 << 24;

/// Rows of one length.
pub(super) struct Rows {
    /// Beside it lies what memory does not hold.
    path: PathBuf,
    dimension: usize,
    most: usize,
    /// The last ones.
    kept: Vec<f32>,
    /// Those before.
    file: Option<SpillFile>,
    /// What went wrong when one was read.
    failure: Mutex<Option<std::io::Error>>,
}

impl Rows {
    /// None yet, for an index at this path.
    pub fn new(path: &Path, dimension: usize) -> Self {
        Self {
            path: path.to_owned(),
            dimension,
            most: KEPT,
            kept: Vec::new(),
            file: None,
            failure: Mutex::default(),
        }
    }

    /// The same, with so many numbers in memory at most.
    #[cfg(test)]
    pub fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Numbers of a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Adds a row, of as many numbers as all have.
    pub fn push(&mut self, row: &[f32]) -> Result<(), Error> {
        if self.kept.len() + row.len() > self.most.max(row.len()) {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(SpillFile::beside(&self.path)?),
            };
            file.append(bytemuck::cast_slice(&self.kept))?;
            self.kept.clear();
        }
        self.kept.extend_from_slice(row);
        Ok(())
    }

    /// Reads whole rows from `first` on. One that cannot be read is zeros, and [`Rows::check`] says so.
    pub fn read(&self, first: usize, into: &mut [f32]) {
        let start = first * self.dimension;
        let spilled = self.file.as_ref().map_or(0, |file| file.len() as usize / 4);
        let in_file = spilled.saturating_sub(start).min(into.len());
        let (before, after) = into.split_at_mut(in_file);
        if let Some(file) = self.file.as_ref().filter(|_| in_file > 0) {
            let bytes = bytemuck::cast_slice_mut(before);
            if let Err(error) = file.read_at(bytes, 4 * start as u64) {
                before.fill(0.0);
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
        let from = start.max(spilled) - spilled;
        match self.kept.get(from..from + after.len()) {
            Some(rows) => after.copy_from_slice(rows),
            None => after.fill(0.0),
        }
    }

    /// A row.
    pub fn row(&self, at: usize) -> Vec<f32> {
        let mut row = vec![0.0; self.dimension];
        self.read(at, &mut row);
        row
    }

    /// Gives all of `count` rows, some at a time: the first of them, and they.
    pub fn each_part(&self, count: usize, mut work: impl FnMut(usize, &[f32])) {
        let part = (PART / self.dimension).max(1);
        let mut rows = Vec::new();
        for first in (0..count).step_by(part) {
            rows.resize(part.min(count - first) * self.dimension, 0.0);
            let each = rows.par_chunks_mut(READ.div_ceil(self.dimension) * self.dimension);
            let step = READ.div_ceil(self.dimension);
            each.enumerate()
                .for_each(|(at, rows)| self.read(first + at * step, rows));
            work(first, &rows);
        }
    }

    /// Whether all that was asked for could be read.
    pub fn check(&self) -> Result<(), Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Numbers of the rows that are read together, and by one thread.
const PART: usize = 1 << 22;
const READ: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_in_memory_and_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        for most in [1, 6, 7, 30, 1000] {
            let mut rows = Rows::new(&path, 3).keeping(most);
            for at in 0..10 {
                rows.push(&[at as f32, 0.5, -1.0]).unwrap();
            }
            for at in 0..10 {
                assert_eq!(rows.row(at), [at as f32, 0.5, -1.0], "{most}");
            }
            let mut across = [0.0; 30];
            rows.read(0, &mut across);
            let mut parts = Vec::new();
            rows.each_part(10, |first, rows| {
                assert_eq!(first * 3, parts.len());
                parts.extend_from_slice(rows);
            });
            assert_eq!(parts, across);
            rows.check().unwrap();
        }
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    }
}
