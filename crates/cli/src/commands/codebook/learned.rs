//! What is told of a vocabulary that was learned.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_features::{DescriptorKind, Detector};
use vizsla_retrieval::{Learned, Recipe, Skipped};

use crate::commands::Outcome;
use crate::commands::threads::Threads;
use crate::output;

/// What any vocabulary is learned from, and where it goes.
#[derive(Args)]
pub struct Learning {
    /// Folders and files to learn from
    #[arg(required = true, value_name = "PATH")]
    pub sources: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub into: PathBuf,
    /// Seed of the random start: the same seed gives the same vocabulary
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Longest side at which pictures are analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Recipe::default().pixels.max_side)]
    max_side: u32,
    /// What finds local features, as in `local.detector` of the recipe that it is for
    #[arg(long, value_name = "DETECTOR", default_value_t = Detector::default())]
    detector: Detector,
    /// What the descriptors are, as in `local.descriptor` of the recipe that it is for
    #[arg(long, value_name = "KIND", default_value_t = DescriptorKind::default())]
    pub descriptor: DescriptorKind,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Serialize)]
struct Report {
    /// Its content's hash, under the name of what it is.
    #[serde(flatten)]
    id: std::collections::BTreeMap<&'static str, String>,
    path: String,
    descriptor: DescriptorKind,
    words: usize,
    pictures: usize,
    descriptors: usize,
    skipped: Vec<Skipped>,
}

impl Learning {
    /// How pictures are read and described.
    pub fn recipe(&self) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.pixels.max_side = self.max_side;
        recipe.local.detector = self.detector;
        recipe.local.descriptor = self.descriptor;
        recipe
    }

    /// Saves what was learned by `save`, and tells of it: `what` it is, its content's hash and its number of words.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish<T>(
        &self,
        learned: Learned<T>,
        (what, id, words): (&'static str, String, usize),
        save: impl FnOnce(&T, &Path) -> Result<()>,
    ) -> Result<Outcome> {
        save(&learned.vocabulary, &self.into)?;
        for skipped in &learned.skipped {
            output::warn(&format!("skipped: {}: {}", skipped.path, skipped.reason));
        }
        let report = Report {
            id: [(what, id)].into(),
            path: self.into.display().to_string(),
            descriptor: self.descriptor,
            words,
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
