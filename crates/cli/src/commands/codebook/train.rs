//! `vizsla codebook train`: learns a vocabulary from pictures.
//!
//! Every picture gives the same share of descriptors, evenly taken from its strongest to its
//! weakest, so that memory stays bounded whatever the number of pictures and no picture with much
//! texture rules the vocabulary. The same pictures and options give the same file.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;
use vizsla_features::Descriptor;
use vizsla_retrieval::{Recipe, Reporter, Skipped, extract_features, find_pictures};
use vizsla_words::{Codebook, TrainConfig};

use crate::commands::Outcome;
use crate::commands::threads::Threads;
use crate::output::{self, Progress};

/// Pictures described between two looks at Ctrl-C.
const CHUNK: usize = 64;

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

/// What the pictures gave.
struct Harvest {
    descriptors: Vec<Descriptor>,
    pictures: usize,
    skipped: Vec<Skipped>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let config = TrainConfig {
            words: self.words,
            iterations: self.iterations,
            refinements: self.refinements,
            max_descriptors: self.max_descriptors,
            seed: self.seed,
            ..TrainConfig::default()
        };
        let progress = Progress::start();
        let Some(harvest) = self.harvest(&progress)? else {
            return Ok(Outcome::Interrupted);
        };
        let codebook = train(&harvest.descriptors, &config, &progress)?;
        drop(progress);
        codebook.save(&self.into)?;
        for skipped in &harvest.skipped {
            output::warn(&format!("skipped: {}: {}", skipped.path, skipped.reason));
        }
        let report = Report {
            codebook: codebook.id().to_string(),
            path: self.into.display().to_string(),
            words: codebook.len(),
            pictures: harvest.pictures,
            descriptors: harvest.descriptors.len(),
            skipped: harvest.skipped,
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

    /// Descriptors of all pictures, in path order; `None` when Ctrl-C stopped it.
    fn harvest(&self, progress: &Progress) -> Result<Option<Harvest>> {
        let mut recipe = Recipe::default();
        recipe.pixels.max_side = self.max_side;
        recipe.check()?;
        let (pictures, mut skipped) = find_pictures(&self.sources)?;
        if pictures.is_empty() {
            bail!(
                "no picture was found; name a folder that holds some: {}",
                self.sources[0].display()
            );
        }
        let share = self.max_descriptors.div_ceil(pictures.len()).max(1);
        let mut descriptors = Vec::new();
        let mut read = 0;
        progress.begin("describing", pictures.len() as u64);
        for chunk in pictures.chunks(CHUNK) {
            let described: Vec<_> = chunk
                .par_iter()
                .map(|path| {
                    let result = sample(path, &recipe, share);
                    progress.advance(1);
                    result
                })
                .collect();
            for (path, result) in chunk.iter().zip(described) {
                match result {
                    Ok(some) => {
                        descriptors.extend(some);
                        read += 1;
                    }
                    Err(error) => skipped.push(Skipped {
                        path: path.display().to_string(),
                        reason: error.to_string(),
                    }),
                }
            }
            if progress.cancelled() {
                return Ok(None);
            }
        }
        progress.end();
        if let (0, Some(first)) = (read, skipped.first()) {
            bail!(
                "no picture could be read; of the first: {}: {}",
                first.reason,
                first.path
            );
        }
        Ok(Some(Harvest {
            descriptors,
            pictures: read,
            skipped,
        }))
    }
}

/// At most `share` descriptors of a picture, evenly taken.
fn sample(
    path: &Path,
    recipe: &Recipe,
    share: usize,
) -> Result<Vec<Descriptor>, vizsla_retrieval::Error> {
    let all = extract_features(path, recipe)?.descriptors;
    if all.len() <= share {
        return Ok(all);
    }
    Ok((0..share)
        .map(|place| all[place * all.len() / share])
        .collect())
}

fn train(
    descriptors: &[Descriptor],
    config: &TrainConfig,
    progress: &Progress,
) -> Result<Codebook> {
    let begun = std::cell::Cell::new(false);
    let stage = |done: vizsla_words::TrainProgress| {
        if !begun.replace(true) {
            progress.begin("learning", done.stages as u64);
        }
        progress.advance(1);
    };
    let codebook = Codebook::train(descriptors, config, &stage)?;
    progress.end();
    Ok(codebook)
}
