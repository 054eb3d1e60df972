//! `vizsla codebook aggregate`: learns the vocabulary of a bag of words, a VLAD or a Fisher vector.

use anyhow::{Result, bail};
use clap::Args;
use vizsla_retrieval::{Aggregation, AggregatorOptions, learn_aggregator};
use vizsla_words::AggregatorConfig;

use super::learned::Learning;
use crate::commands::Outcome;

/// Learn the small vocabulary of a bag of words, a VLAD or a Fisher vector, for `vizsla index --aggregator FILE`
///
/// Nobody has to: `vizsla index --global vlad_intra` learns one from the words of the collection's codebook.
#[derive(Args)]
pub struct Arguments {
    /// What is summed over the local features of a picture: vlad, vlad_intra, fisher, bow
    #[arg(long, value_name = "WHAT", default_value_t = Aggregation::default())]
    aggregate: Aggregation,
    /// Centres or Gaussians, at most 4,096; left out, 64, and 1,024 of a bag of words
    #[arg(long, value_name = "N")]
    words: Option<usize>,
    /// Dimensions of a descriptor after PCA, at most 128
    #[arg(long, value_name = "N", default_value_t = AggregatorConfig::default().components)]
    components: usize,
    /// Nearest words that a descriptor counts for in a bag of words, at most 64; left out, 1: more is soft assignment
    #[arg(long, value_name = "N")]
    nearest: Option<usize>,
    /// Width of soft assignment, for descriptors of length 1; left out, 0.154
    #[arg(long, value_name = "SIGMA", requires = "nearest")]
    sigma: Option<f32>,
    /// Most descriptors to learn from; each takes 128 bytes of memory, and 512 while learning
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    max_descriptors: usize,
    #[command(flatten)]
    learning: Learning,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let usual = AggregatorConfig::default();
        if self.nearest.is_some() && self.aggregate != Aggregation::Bow {
            bail!("--nearest is for `--aggregate bow`; leave it out");
        }
        let recipe = self.learning.recipe()?;
        let options = AggregatorOptions {
            train: AggregatorConfig {
                aggregation: self.aggregate,
                words: self.words.unwrap_or(self.aggregate.usual_words()),
                components: self.components,
                seed: self.learning.seed,
                descriptor: recipe.local.descriptor,
                nearest: self.nearest.unwrap_or(usual.nearest),
                sigma: self.sigma.unwrap_or(usual.sigma),
            },
            max_descriptors: self.max_descriptors,
            recipe,
        };
        self.learning
            .run(|sources, progress| learn_aggregator(sources, &options, progress))
    }
}
