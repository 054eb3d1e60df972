//! What a navigable graph is asked to be.

use crate::Error;
use crate::points::in_range;

/// Fewest and most edges that leave a node.
const DEGREES: (usize, usize) = (4, 512);
/// Most nodes that an insertion remembers.
const MOST_WIDTH: usize = 10_000;

/// How a navigable graph is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NavigableConfig {
    /// Most edges that leave a node, 4 to 512; each takes four bytes. Hard data, of many dimensions, need more.
    pub degree: usize,
    /// Nodes among which the neighbours of a new one are chosen, 1 to 10,000: more make better edges, and the build slower.
    pub build_width: usize,
    /// α, 1 to 2: a neighbour is left out when one that was chosen is α times nearer to it than the node is. More keeps more
    /// long edges.
    pub alpha: f32,
    /// Seed of the order in which nodes are inserted.
    pub seed: u64,
}

impl Default for NavigableConfig {
    /// As measured for local and global descriptors.
    fn default() -> Self {
        Self {
            degree: 32,
            build_width: 96,
            alpha: 1.07,
            seed: 0,
        }
    }
}

impl NavigableConfig {
    /// Refuses figures outside of their ranges.
    pub(super) fn check(&self) -> Result<(), Error> {
        in_range("the degree of a graph", self.degree, DEGREES.0, DEGREES.1)?;
        in_range("the build width", self.build_width, 1, MOST_WIDTH)?;
        match (1.0..=2.0).contains(&self.alpha) {
            true => Ok(()),
            false => Err(Error::Figure {
                what: "α of a graph",
                found: f64::from(self.alpha),
                allowed: "1 to 2",
            }),
        }
    }
}
