//! `vizsla hash train`: an autoencoder learns the hash from a collection's own vectors.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::Collection;
use vizsla_training::{Compute, SemanticHashConfig, semantic_hash};

use super::threads::Threads;
use super::{Outcome, range};
use crate::output::{self, TrainProgress};

/// Learn a hash from the pictures of a collection, and find them by its codes from now on
///
/// Semantic hashing: an autoencoder is trained to tell each vector from a code of a few bits. Searches look through the codes and
/// compare the vectors of the nearest exactly. Vectors are those that the collection compares, whitened where it has a whitening.
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Bits of a code
    #[arg(long, value_name = "N", default_value_t = SemanticHashConfig::default().bits, value_parser = range::one_or_more)]
    bits: usize,
    /// How often each vector is shown
    #[arg(long, value_name = "N", default_value_t = SemanticHashConfig::default().epochs, value_parser = range::one_or_more)]
    epochs: usize,
    /// Units of the layers between vectors and code, such as 512 or 512,256
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = SemanticHashConfig::default().hidden)]
    hidden: Vec<usize>,
    /// Noise on the code while training: more gives surer bits, and keeps coarser differences
    #[arg(long, value_name = "DEVIATION", default_value_t = SemanticHashConfig::default().noise)]
    noise: f64,
    /// Seed of all that is drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// cpu, cuda, cuda:NUMBER or wgpu
    #[arg(long, value_name = "DEVICE", default_value_t = Compute::Cpu)]
    device: Compute,
    /// Write the hash to this file too, for other collections
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// What was learnt.
#[derive(Serialize)]
struct Report {
    id: String,
    images: usize,
    input: usize,
    bits: usize,
    epochs: usize,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let config = SemanticHashConfig {
            bits: self.bits,
            hidden: self.hidden,
            epochs: self.epochs,
            noise: self.noise,
            seed: self.seed,
            device: self.device,
            ..SemanticHashConfig::default()
        };
        config.check()?;
        let mut collection = Collection::open(&self.collection)?;
        let vectors = collection.vectors()?;
        let (images, input) = (vectors.len(), vectors.first().map_or(1, |(_, v)| v.len()));
        if images == 0 {
            bail!(
                "a hash is learnt from the vectors of pictures, and there are none; index some first: {}",
                self.collection.display()
            );
        }
        let rows: Vec<f32> = vectors.into_iter().flat_map(|(_, vector)| vector).collect();
        let progress = TrainProgress::start();
        let Some(hash) = semantic_hash(&rows, input, &config, &progress)? else {
            output::warn("stopped; the collection is as it was");
            return Ok(Outcome::Interrupted);
        };
        if let Some(out) = &self.out {
            hash.save(out)?;
        }
        let report = Report {
            id: hash.id().to_owned(),
            images,
            input,
            bits: hash.bits(),
            epochs: config.epochs,
        };
        collection.set_hash(Some(hash), &progress)?;
        drop(progress);
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&format!(
                "found by {}: {} numbers become {}; learnt from {}\n",
                report.id,
                report.input,
                output::plural(report.bits, "bit"),
                output::plural(report.images, "image")
            ))?;
        }
        Ok(Outcome::Done)
    }
}
