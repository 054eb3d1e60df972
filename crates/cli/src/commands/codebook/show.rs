//! `vizsla codebook show`: what visual words look like.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Recipe, SharedWords, SharedWordsOptions, Source, shared_words};
use vizsla_words::Codebook;

use crate::commands::bounds::{self, Bounds};
use crate::commands::describing::Describing;
use crate::commands::{Outcome, picture, range};
use crate::output;

/// Show what visual words look like: the patches of pictures that have the same word
#[derive(Args)]
pub struct Arguments {
    /// The pictures
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Codebook from `vizsla codebook train` in place of the built-in one
    #[arg(long, value_name = "FILE")]
    codebook: Option<PathBuf>,
    /// Draw a row of patches for each word into this PNG or JPEG file; the bars under them tell the pictures apart
    #[arg(long, value_name = "FILE")]
    draw: Option<PathBuf>,
    /// Most words shown, those that most of the pictures have first
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = range::one_or_more)]
    words: usize,
    /// Most patches shown of a word
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = range::one_or_more)]
    patches: usize,
    #[command(flatten)]
    describing: Describing,
    /// Most features taken of each picture
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = range::one_or_more)]
    budget: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bounds: Bounds,
}

#[derive(Serialize)]
struct Report {
    codebook: String,
    words: Vec<Word>,
}

#[derive(Serialize)]
struct Word {
    word: u32,
    pictures: usize,
    features: usize,
    patches: Vec<Patch>,
}

/// Place and scale are in full-resolution pixels.
#[derive(Serialize)]
struct Patch {
    path: String,
    x: f64,
    y: f64,
    scale: f64,
    /// Euclidean distance of the descriptor from the word.
    distance: f64,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        if let Some(file) = &self.draw {
            picture::check_ending(file)?;
        }
        let codebook = match &self.codebook {
            Some(file) => Arc::new(Codebook::open(file)?),
            None => Codebook::builtin(),
        };
        let mut recipe = Recipe::default();
        // What the codebook is of goes without saying; another descriptor that is named is refused.
        recipe.local.choose(None, Some(codebook.kind()));
        self.describing.amend(&mut recipe, self.budget)?;
        let sources: Vec<Source<'_>> = self
            .pictures
            .iter()
            .map(|path| Source::File(path))
            .collect();
        let options = SharedWordsOptions {
            recipe,
            codebook,
            words: self.words,
            patches: self.patches,
            limits: self.bounds.limits(),
        };
        let found = bounds::advise(shared_words(&sources, &options).map_err(Into::into))?;
        if let Some(file) = &self.draw {
            picture::save(&found.draw()?, file).context("the drawing could not be written")?;
        }
        if self.json {
            output::json(&self.report(&found, options.codebook.id()))?;
        } else {
            output::show(&self.describe(&found))?;
        }
        Ok(Outcome::Done)
    }

    fn report(&self, found: &SharedWords, codebook: &str) -> Report {
        let word = |word: &vizsla_retrieval::SharedWord| {
            let places = word.places.iter().filter_map(|place| {
                let described = found.pictures.get(place.picture)?;
                let keypoint = described.features.keypoints.get(place.feature)?;
                let [x, y] = described.place(keypoint);
                Some(Patch {
                    path: self.pictures.get(place.picture)?.display().to_string(),
                    x,
                    y,
                    scale: f64::from(keypoint.scale) * described.zoom(),
                    distance: f64::from(place.distance).sqrt(),
                })
            });
            Word {
                word: word.word,
                pictures: word.pictures,
                features: word.features,
                patches: places.collect(),
            }
        };
        Report {
            codebook: codebook.to_owned(),
            words: found.words.iter().map(word).collect(),
        }
    }

    fn describe(&self, found: &SharedWords) -> String {
        let mut text = String::new();
        for (path, described) in self.pictures.iter().zip(&found.pictures) {
            let features = output::plural(described.features.len(), "feature");
            text.push_str(&format!("{}: {features}\n", path.display()));
        }
        for word in &found.words {
            text.push_str(&format!(
                "word {}: {} in {}\n",
                word.word,
                output::plural(word.features, "feature"),
                output::plural(word.pictures, "picture")
            ));
        }
        if found.words.is_empty() {
            text.push_str("no two features have the same word\n");
        }
        if let Some(file) = &self.draw {
            text.push_str(&format!("drawn: {}\n", file.display()));
        }
        text
    }
}
