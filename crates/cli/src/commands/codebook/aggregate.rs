//! `vizsla codebook aggregate`: learns the vocabulary of a VLAD or a Fisher vector.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{Aggregation, AggregatorOptions, learn_aggregator};
use vizsla_words::AggregatorConfig;

use super::learned::Learning;
use crate::commands::Outcome;

/// Learn the small vocabulary of a VLAD or a Fisher vector, for `vizsla index --aggregator FILE`
///
/// Nobody has to: `vizsla index --global vlad_intra` learns one from the words of the collection's codebook.
#[derive(Args)]
pub struct Arguments {
    /// What is summed over the local features of a picture: vlad, vlad_intra, fisher
    #[arg(long, value_name = "WHAT", default_value_t = Aggregation::default())]
    aggregate: Aggregation,
    /// Centres or Gaussians, at most 4,096
    #[arg(long, value_name = "N", default_value_t = AggregatorConfig::default().words)]
    words: usize,
    /// Dimensions of a descriptor after PCA, at most 128
    #[arg(long, value_name = "N", default_value_t = AggregatorConfig::default().components)]
    components: usize,
    /// Most descriptors to learn from; each takes 128 bytes of memory, and 512 while learning
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    max_descriptors: usize,
    #[command(flatten)]
    learning: Learning,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let options = AggregatorOptions {
            train: AggregatorConfig {
                aggregation: self.aggregate,
                words: self.words,
                components: self.components,
                seed: self.learning.seed,
                descriptor: self.learning.descriptor,
            },
            max_descriptors: self.max_descriptors,
            recipe: self.learning.recipe(),
        };
        self.learning
            .run(|sources, progress| learn_aggregator(sources, &options, progress))
    }
}
