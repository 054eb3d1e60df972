//! How lists are made and searched.

use crate::{Metric, VectorCodes};

/// How lists are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorListsConfig {
    /// Number of lists; no more than vectors to learn from. About √n to 8·√n.
    pub lists: usize,
    /// What a list keeps of each vector. Product and residual codes are of what is left after the list's centroid.
    pub codes: VectorCodes,
    /// How vectors are compared.
    pub metric: Metric,
    /// Most rounds of k-means.
    pub iterations: usize,
    /// Most vectors for each list that centroids are learned from.
    pub points_each: usize,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl VectorListsConfig {
    /// So many lists of these codes, compared by Euclidean distances.
    pub fn new(lists: usize, codes: VectorCodes) -> Self {
        Self {
            lists,
            codes,
            metric: Metric::L2,
            iterations: 10,
            points_each: 128,
            seed: 0,
        }
    }
}

/// What is compared once more with the exact vectors, which the caller has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refinement {
    /// Nothing: scores are those of the codes.
    #[default]
    None,
    /// So many times the answers that are wanted.
    Factor(usize),
    /// Every vector whose score may be good enough by the bound of its code. For codes without a bound as ten times the answers.
    Bounds,
}

/// How lists are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSearch {
    /// Answers.
    pub k: usize,
    /// Lists that are read, at least one; more where not enough vectors of these are allowed.
    pub probes: usize,
    /// What is compared exactly, where the caller gives exact scores.
    pub refinement: Refinement,
}
