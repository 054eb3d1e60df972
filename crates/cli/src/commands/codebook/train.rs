//! `vizsla codebook train`: learns a vocabulary from pictures.

use anyhow::{Result, bail};
use clap::Args;
use vizsla_retrieval::{CodebookOptions, learn_codebook};
use vizsla_words::{Clustering, TrainConfig};

use super::learned::Learning;
use crate::commands::Outcome;

/// Learn a vocabulary from your own pictures
#[derive(Args)]
pub struct Arguments {
    /// Visual words, at most 1,048,576; more than 65,536 are for collections of hundreds of thousands of pictures and more
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().words)]
    words: usize,
    /// What places the words: cells (k-means in coarse cells, then over all), approximate (k-means that looks for words in a kd-forest), flat
    /// (k-means that compares all), hierarchical (a vocabulary
    /// tree, by which descriptors are given words as well)
    #[arg(long, value_name = "HOW", default_value_t = TrainConfig::default().clustering)]
    clustering: Clustering,
    /// Children of a node of a vocabulary tree, 2 to 256; left out, 10
    #[arg(long, value_name = "N")]
    branching: Option<usize>,
    /// Rounds of k-means: inside the coarse cells, over all, or at every node of a tree
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().iterations)]
    iterations: usize,
    /// Rounds of k-means over all words and descriptors after that of cells; left out, 3
    #[arg(long, value_name = "N")]
    refinements: Option<usize>,
    /// Most descriptors to learn from; each takes 128 bytes of memory
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().max_descriptors)]
    max_descriptors: usize,
    #[command(flatten)]
    learning: Learning,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let usual = TrainConfig::default();
        if self.branching.is_some() && self.clustering != Clustering::Hierarchical {
            bail!("--branching is for `--clustering hierarchical`; leave it out");
        }
        if self.refinements.is_some() && self.clustering != Clustering::Cells {
            bail!("--refinements is for `--clustering cells`; leave it out");
        }
        let recipe = self.learning.recipe()?;
        let options = CodebookOptions {
            train: TrainConfig {
                words: self.words,
                clustering: self.clustering,
                iterations: self.iterations,
                refinements: self.refinements.unwrap_or(usual.refinements),
                branching: self.branching.unwrap_or(usual.branching),
                max_descriptors: self.max_descriptors,
                seed: self.learning.seed,
                descriptor: recipe.local.descriptor,
            },
            recipe,
        };
        self.learning
            .run(|sources, progress| learn_codebook(sources, &options, progress))
    }
}
