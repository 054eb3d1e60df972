//! What a kind of index files of vectors is.

use std::path::Path;

use vizsla_vectors::{BinaryHasher, IndexName, Sample, VectorIndex};

use crate::Error;

/// How files of a kind are named, opened and made.
pub(super) struct Kind {
    /// What the catalog calls it.
    pub name: &'static str,
    /// How the names of its files end.
    pub ending: &'static str,
    pub open: fn(&Path) -> Result<Box<dyn VectorIndex>, vizsla_vectors::Error>,
    /// Makes a file; what could not be made as it was asked for, and why.
    pub make: fn(&Path, &Source<'_>) -> Result<Option<String>, Error>,
    /// What a file takes.
    pub bytes: fn(&Planned) -> IndexBytes,
}

/// About the bytes that an index takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct IndexBytes {
    /// Of its file, those that any search may read: codes and edges.
    pub walked: f64,
    /// The others, of which a search reads those of its best.
    pub rest: f64,
    /// Of memory, while it is made.
    pub making: f64,
}

impl IndexBytes {
    /// Those of the file.
    pub fn file(&self) -> f64 {
        self.walked + self.rest
    }
}

/// An index that is not made yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    /// How many vectors there are to be.
    pub vectors: u64,
    /// Length of the vectors.
    pub dimension: usize,
    /// What it is to be made of, for the kind that is called by its name.
    pub name: Option<IndexName>,
    /// Bits of the hash, for the kind that does not learn it itself.
    pub bits: usize,
}

impl Planned {
    /// Ids, and vectors of two bytes a number.
    pub fn rows(&self) -> f64 {
        self.vectors as f64 * (8 + 2 * self.dimension) as f64
    }

    /// The sample from which scores are calibrated.
    pub fn sample(&self) -> f64 {
        self.vectors.min(Sample::MOST as u64) as f64 * (8 + 2 * self.dimension) as f64
    }
}

/// Takes a vector and its id.
pub(crate) type Take<'t> = dyn FnMut(i64, &[f32]) -> Result<(), Error> + 't;

/// What an index is made from.
pub(crate) struct Source<'a> {
    /// Length of the vectors.
    pub dimension: usize,
    /// What made them.
    pub tag: &'a str,
    /// What finds them, for the kind that does not learn it itself.
    pub hash: Option<&'a BinaryHasher>,
    /// What the index is made of, for the kind that is called by its name.
    pub name: Option<IndexName>,
    /// Share of the nearest that it is tuned to find.
    pub recall: f64,
    /// Gives all vectors, in the order of their ids, as often as it is asked to.
    pub each: &'a dyn Fn(&mut Take<'_>) -> Result<(), Error>,
}
