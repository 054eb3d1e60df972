//! The door of indexes of vectors.

use crate::{Allowed, Error, IndexName, Moments};

/// What a search answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nearest {
    /// Id and inner product, best first; equal products by ascending id.
    pub best: Vec<(i64, f32)>,
    /// Mean and spread of the inner products of *all* allowed vectors, of those too that are not among the best. An index
    /// that does not look at all of them answers with those of a [`Sample`](crate::Sample) that it keeps.
    pub moments: Moments,
}

/// Vectors with ids, made once and never changed, in which the nearest to a query are found.
///
/// An index is derived: it is made from vectors that somebody else keeps, whose ids only grow, and it says what made it
/// and how far it goes, so that its owner knows whether it fits and what is newer.
pub trait VectorIndex: Send + Sync {
    /// Number of vectors.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of each vector.
    fn dimension(&self) -> usize;

    /// What made the vectors, such as the hash of a whitening.
    fn tag(&self) -> &str;

    /// The greatest id; 0 when there is none.
    fn last_id(&self) -> i64;

    /// The `k` allowed vectors with the greatest inner products with `query`. The answer does not depend on the number of
    /// threads.
    ///
    /// # Errors
    /// The index was damaged since it was opened.
    fn nearest(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error>;

    /// What it is and how hard a search looks, in words.
    fn made_of(&self) -> String;

    /// What it goes by and the recall that it was tuned for, 0 where that is not known; `None` of an index without such a name.
    fn name_and_recall(&self) -> Option<(IndexName, f64)> {
        None
    }

    /// Whether its files are still as long as when they were opened, and were so while they were read.
    ///
    /// # Errors
    /// [`Error::Damaged`] when not.
    fn check_whole(&self) -> Result<(), Error>;

    /// Checks every byte.
    ///
    /// # Errors
    /// Something of it is damaged.
    fn verify(&self) -> Result<(), Error>;
}
