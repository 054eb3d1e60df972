//! `vizsla codebook train`: learns a vocabulary from pictures.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{CodebookOptions, learn_codebook};
use vizsla_words::TrainConfig;

use super::learned::Learning;
use crate::commands::Outcome;

/// Learn a vocabulary from your own pictures
#[derive(Args)]
pub struct Arguments {
    /// Visual words, at most 65,536
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().words)]
    words: usize,
    /// Rounds of k-means in the first pass
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().iterations)]
    iterations: usize,
    /// Rounds of k-means over all words and descriptors at the end
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().refinements)]
    refinements: usize,
    /// Most descriptors to learn from; each takes 128 bytes of memory
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().max_descriptors)]
    max_descriptors: usize,
    #[command(flatten)]
    learning: Learning,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let options = CodebookOptions {
            train: TrainConfig {
                words: self.words,
                iterations: self.iterations,
                refinements: self.refinements,
                max_descriptors: self.max_descriptors,
                seed: self.learning.seed,
                descriptor: self.learning.descriptor,
            },
            recipe: self.learning.recipe(),
        };
        self.learning
            .run(|sources, progress| learn_codebook(sources, &options, progress))
    }
}
