//! `vizsla codebook train`: learns a vocabulary from pictures.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{CodebookOptions, Recipe, Skipped, learn_codebook};
use vizsla_words::TrainConfig;

use crate::commands::Outcome;
use crate::commands::threads::Threads;
use crate::output::{self, Progress};

/// Learn a vocabulary from your own pictures
#[derive(Args)]
pub struct Arguments {
    /// Folders and files to learn from
    #[arg(required = true, value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// The codebook file to write, by convention something.vzcb
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
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
    /// Seed of the random start: the same seed gives the same codebook
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    seed: u64,
    /// Longest side at which pictures are analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Recipe::default().pixels.max_side)]
    max_side: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Serialize)]
struct Report {
    codebook: String,
    path: String,
    words: usize,
    pictures: usize,
    descriptors: usize,
    skipped: Vec<Skipped>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let mut options = CodebookOptions {
            train: TrainConfig {
                words: self.words,
                iterations: self.iterations,
                refinements: self.refinements,
                max_descriptors: self.max_descriptors,
                seed: self.seed,
                ..TrainConfig::default()
            },
            recipe: Recipe::default(),
        };
        options.recipe.pixels.max_side = self.max_side;
        let progress = Progress::start();
        let Some(learned) = learn_codebook(&self.sources, &options, &progress)? else {
            return Ok(Outcome::Interrupted);
        };
        drop(progress);
        let codebook = learned.codebook;
        codebook.save(&self.into)?;
        for skipped in &learned.skipped {
            output::warn(&format!("skipped: {}: {}", skipped.path, skipped.reason));
        }
        let report = Report {
            codebook: codebook.id().to_string(),
            path: self.into.display().to_string(),
            words: codebook.len(),
            pictures: learned.pictures,
            descriptors: learned.descriptors,
            skipped: learned.skipped,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&format!(
                "{}: {} from {} of {}\n",
                report.path,
                output::plural(report.words, "word"),
                output::plural(report.descriptors, "descriptor"),
                output::plural(report.pictures, "picture"),
            ))?;
        }
        Ok(Outcome::Done)
    }
}
