//! What a forest is asked to be.

use crate::Error;
use crate::points::in_range;

/// Most trees of a forest.
pub(crate) const MOST_TREES: usize = 64;

/// How a randomised kd-forest is grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdForestConfig {
    /// Trees, 1 to 64. More find more with the same number of checks, and take four bytes a point each.
    pub trees: usize,
    /// Most points of a leaf, 1 to 256. Those of a leaf are checked together: with larger ones the same checks find a little less,
    /// in much less time.
    pub leaf: usize,
    /// Seed of what is drawn.
    pub seed: u64,
}

impl Default for KdForestConfig {
    fn default() -> Self {
        Self {
            trees: 4,
            leaf: 16,
            seed: 0,
        }
    }
}

impl KdForestConfig {
    /// Refuses figures outside of their ranges.
    pub(crate) fn check(&self) -> Result<(), Error> {
        in_range("the number of trees", self.trees, 1, MOST_TREES)?;
        in_range("the points of a leaf", self.leaf, 1, 256)
    }
}
