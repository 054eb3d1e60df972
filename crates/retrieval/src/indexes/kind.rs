//! What a kind of index files of vectors is.

use std::path::Path;

use vizsla_vectors::{BinaryHasher, IndexName, VectorIndex};

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
    /// Gives all vectors, in the order of their ids, as often as it is asked to.
    pub each: &'a dyn Fn(&mut Take<'_>) -> Result<(), Error>,
}
