//! How the words of a codebook are learned.

use serde::{Deserialize, Serialize};
use vizsla_features::DescriptorKind;

/// What places the words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clustering {
    /// k-means in coarse cells, then rounds over everything in which a descriptor is compared with the words of the cells around
    /// it. Time grows with the root of the words.
    #[default]
    Cells,
    /// k-means in which each round looks for the nearest word of a descriptor in a randomised kd-forest over the words (Philbin, Chum,
    /// Isard, Sivic & Zisserman 2007). Time grows with the logarithm of the words.
    Approximate,
    /// k-means that compares every descriptor with every word (Sivic & Zisserman 2003). Exact; time grows with the words.
    Flat,
    /// A vocabulary tree: k-means with few clusters, and again in each (Nistér & Stewénius 2006). Descriptors are also given words by
    /// way of the tree. Time grows with the logarithm of the words.
    Hierarchical,
}

vizsla_features::named_choice!(
    Clustering,
    "clustering",
    Cells => "cells",
    Approximate => "approximate",
    Flat => "flat",
    Hierarchical => "hierarchical",
);

/// How a codebook is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Number of visual words, 1 to 1,048,576.
    pub words: usize,
    /// What places the words.
    pub clustering: Clustering,
    /// Rounds of k-means: inside the coarse cells, at every node of a tree, or over everything.
    pub iterations: usize,
    /// Rounds of k-means over all descriptors and words after that, where [`Clustering::Cells`] places them.
    pub refinements: usize,
    /// Children of a node of a vocabulary tree, 2 to 256.
    pub branching: usize,
    /// Most descriptors used; an even subset is taken of more.
    pub max_descriptors: usize,
    /// Seed of the starts and of the rotation.
    pub seed: u64,
    /// What the descriptors are.
    pub descriptor: DescriptorKind,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            words: 32_768,
            clustering: Clustering::default(),
            iterations: 8,
            refinements: 3,
            branching: 10,
            max_descriptors: 2_000_000,
            seed: 1,
            descriptor: DescriptorKind::RootSift,
        }
    }
}

/// A stage of the training that was finished.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainProgress {
    /// Stages done.
    pub stage: usize,
    /// Stages there are.
    pub stages: usize,
    /// Mean squared distance of a descriptor to its word before the stage, where known.
    pub distortion: Option<f64>,
}
