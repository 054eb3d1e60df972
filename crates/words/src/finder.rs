//! How the words nearest to a descriptor are found.

use vizsla_features::Descriptor;
use vizsla_vectors::{CellIndex, Neighbour, NestedCells};

use crate::tree::Tree;

/// Cells whose words are compared with a descriptor. See `benches/words.md` for the recall.
const PROBES: usize = 8;
/// The same of cells within cells, which are smaller.
const NESTED_PROBES: usize = 16;

/// The words of a codebook and the way to them.
#[derive(Debug, Clone)]
pub(crate) enum Finder {
    /// The words of the nearest cells are all compared.
    Cells(CellIndex),
    /// The same with small cells, which lie in larger ones.
    Nested(NestedCells),
    /// A path through a vocabulary tree.
    Tree(Tree),
}

impl Finder {
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// The words, by number.
    pub fn rows(&self) -> &[Descriptor] {
        match self {
            Self::Cells(cells) => cells.rows(),
            Self::Nested(cells) => cells.rows(),
            Self::Tree(tree) => tree.words(),
        }
    }

    /// The word of a descriptor; 0 where there is none.
    pub fn nearest(&self, descriptor: &Descriptor) -> u32 {
        match self {
            Self::Cells(cells) => cells.nearest(descriptor, PROBES).map_or(0, |n| n.row),
            Self::Nested(cells) => first(&cells.nearest_many(descriptor, 1, NESTED_PROBES)),
            Self::Tree(tree) => tree.word(descriptor),
        }
    }

    /// At most `count` words near a descriptor, nearest first.
    pub fn nearest_many(&self, descriptor: &Descriptor, count: usize) -> Vec<Neighbour> {
        match self {
            Self::Cells(cells) => {
                let mut found = Vec::with_capacity(count.min(cells.len()));
                cells.nearest_many(descriptor, count, PROBES, &mut found);
                found
            }
            Self::Nested(cells) => cells.nearest_many(descriptor, count, NESTED_PROBES),
            Self::Tree(tree) => tree.words_near(descriptor, count),
        }
    }

    /// As [`Finder::nearest`] for each of many descriptors.
    pub fn nearest_of_each(&self, descriptors: &[Descriptor]) -> Vec<u32> {
        match self {
            Self::Cells(cells) => {
                let nearest = cells.nearest_of_each(descriptors, 1, PROBES);
                nearest.iter().map(|nearest| first(nearest)).collect()
            }
            Self::Nested(cells) => {
                let nearest = cells.nearest_of_each(descriptors, 1, NESTED_PROBES);
                nearest.iter().map(|nearest| first(nearest)).collect()
            }
            Self::Tree(tree) => descriptors.iter().map(|d| tree.word(d)).collect(),
        }
    }

    /// As [`Finder::nearest_many`] for each of many descriptors.
    pub fn nearest_many_of_each(
        &self,
        descriptors: &[Descriptor],
        count: usize,
    ) -> Vec<Vec<Neighbour>> {
        match self {
            Self::Cells(cells) => cells.nearest_of_each(descriptors, count, PROBES),
            Self::Nested(cells) => cells.nearest_of_each(descriptors, count, NESTED_PROBES),
            Self::Tree(tree) => {
                let descriptors = descriptors.iter();
                descriptors.map(|d| tree.words_near(d, count)).collect()
            }
        }
    }
}

/// The row of the nearest; 0 where there is none.
fn first(nearest: &[Neighbour]) -> u32 {
    nearest.first().map_or(0, |nearest| nearest.row)
}
