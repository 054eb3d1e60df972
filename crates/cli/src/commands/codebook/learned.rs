//! How a vocabulary is learned, whatever it is of, and what is told of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_features::DescriptorKind;
use vizsla_retrieval::{Learned, Recipe, Skipped};
use vizsla_words::{Aggregator, Codebook, TrainConfig};

use crate::commands::Outcome;
use crate::commands::local::Local;
use crate::commands::threads::Threads;
use crate::output::{self, Progress};

/// What any vocabulary is learned from, and where it goes.
#[derive(Args)]
pub struct Learning {
    /// Folders and files to learn from
    #[arg(required = true, value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
    /// Seed of the random start: the same seed gives the same vocabulary
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    pub seed: u64,
    /// Longest side at which pictures are analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Recipe::default().pixels.max_side)]
    max_side: u32,
    #[command(flatten)]
    local: Local,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Serialize)]
struct Report {
    /// Its content's hash, under the name of what it is.
    #[serde(flatten)]
    id: BTreeMap<&'static str, String>,
    path: String,
    descriptor: DescriptorKind,
    words: usize,
    pictures: usize,
    descriptors: usize,
    /// Mean squared distance of a descriptor to its word.
    #[serde(skip_serializing_if = "Option::is_none")]
    distortion: Option<f64>,
    skipped: Vec<Skipped>,
}

/// What can be learned from the descriptors of pictures.
pub trait Vocabulary {
    /// The key of its hash in a report.
    const NAME: &'static str;

    /// Hash of its content.
    fn id(&self) -> &str;

    fn words(&self) -> usize;

    /// What its descriptors are.
    fn kind(&self) -> DescriptorKind;

    /// Writes its file, which appears complete or not at all.
    fn save(&self, file: &Path) -> Result<(), vizsla_words::Error>;
}

impl Vocabulary for Codebook {
    const NAME: &'static str = "codebook";

    fn id(&self) -> &str {
        self.id()
    }

    fn words(&self) -> usize {
        self.len()
    }

    fn kind(&self) -> DescriptorKind {
        self.kind()
    }

    fn save(&self, file: &Path) -> Result<(), vizsla_words::Error> {
        self.save(file)
    }
}

impl Vocabulary for Aggregator {
    const NAME: &'static str = "aggregator";

    fn id(&self) -> &str {
        self.id()
    }

    fn words(&self) -> usize {
        self.words()
    }

    fn kind(&self) -> DescriptorKind {
        self.kind()
    }

    fn save(&self, file: &Path) -> Result<(), vizsla_words::Error> {
        self.save(file)
    }
}

impl Learning {
    /// How pictures are read and described, as in the recipe that the vocabulary is for.
    ///
    /// # Errors
    /// The options do not go together.
    pub fn recipe(&self) -> Result<Recipe> {
        let mut recipe = self.local.recipe()?;
        recipe.pixels.max_side = self.max_side;
        Ok(recipe)
    }

    /// Learns, saves what was learned, and tells of it.
    ///
    /// # Errors
    /// Nothing can be learned from the sources, or the file cannot be written.
    pub fn run<T: Vocabulary>(
        &self,
        learn: impl FnOnce(&[PathBuf], &Progress) -> Result<Option<Learned<T>>, vizsla_retrieval::Error>,
    ) -> Result<Outcome> {
        self.threads.start()?;
        let progress = Progress::start();
        let Some(learned) = learn(&self.sources, &progress)? else {
            return Ok(Outcome::Interrupted);
        };
        drop(progress);
        let vocabulary = &learned.vocabulary;
        vocabulary.save(&self.into)?;
        for skipped in &learned.skipped {
            output::warn(&format!("skipped: {}: {}", skipped.path, skipped.reason));
        }
        let report = Report {
            id: [(T::NAME, vocabulary.id().to_owned())].into(),
            path: self.into.display().to_string(),
            descriptor: vocabulary.kind(),
            words: vocabulary.words(),
            pictures: learned.pictures,
            descriptors: learned.descriptors,
            distortion: learned.distortion,
            skipped: learned.skipped,
        };
        if self.json {
            output::json(&report)?;
        } else {
            let near = report.distortion.map_or(String::new(), |distortion| {
                format!(", mean squared distance to the word {distortion:.0}")
            });
            output::show(&format!(
                "{}: {} from {} of {}{near}\n",
                report.path,
                output::plural(report.words, "word"),
                output::plural(report.descriptors, "descriptor"),
                output::plural(report.pictures, "picture"),
            ))?;
        }
        Ok(Outcome::Done)
    }
}
