//! Learning a codebook from pictures.
//!
//! Every picture gives the same share of descriptors, evenly taken from its strongest to its weakest, so that memory stays
//! bounded whatever the number of pictures and no picture with much texture rules the vocabulary. The same pictures and
//! options give the same codebook.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use vizsla_features::Descriptor;
use vizsla_words::{Codebook, TrainConfig, TrainProgress};

use crate::{Error, Recipe, Reporter, Skipped, extract_features, find_pictures};

/// Pictures described between two looks at whether to stop.
const CHUNK: usize = 64;

/// How a codebook is learned.
#[derive(Debug, Clone)]
pub struct CodebookOptions {
    /// Words, rounds, descriptors and seed.
    pub train: TrainConfig,
    /// How pictures are read and described.
    pub recipe: Recipe,
}

/// A codebook that was learned.
#[derive(Debug)]
pub struct LearnedCodebook {
    /// The codebook.
    pub codebook: Codebook,
    /// Pictures it was learned from.
    pub pictures: usize,
    /// Descriptors it was learned from.
    pub descriptors: usize,
    /// Files that could not be used, with reasons.
    pub skipped: Vec<Skipped>,
}

/// What the pictures gave.
struct Harvest {
    descriptors: Vec<Descriptor>,
    pictures: usize,
    skipped: Vec<Skipped>,
}

/// Learns a codebook from the pictures in folders and files; `None` when the reporter says that the caller wants to stop.
///
/// # Errors
/// There is no picture, none can be read, or a value of the options is out of range.
pub fn learn_codebook(
    sources: &[PathBuf],
    options: &CodebookOptions,
    reporter: &dyn Reporter,
) -> Result<Option<LearnedCodebook>, Error> {
    let Some(harvest) = harvest(sources, options, reporter)? else {
        return Ok(None);
    };
    let begun = Cell::new(false);
    let stage = |done: TrainProgress| {
        if !begun.replace(true) {
            reporter.begin("learning", done.stages as u64);
        }
        reporter.advance(1);
    };
    let codebook = Codebook::train(&harvest.descriptors, &options.train, &stage)?;
    reporter.end();
    Ok(Some(LearnedCodebook {
        codebook,
        pictures: harvest.pictures,
        descriptors: harvest.descriptors.len(),
        skipped: harvest.skipped,
    }))
}

/// Descriptors of all pictures, in path order; `None` when it was stopped.
fn harvest(
    sources: &[PathBuf],
    options: &CodebookOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Harvest>, Error> {
    options.recipe.check()?;
    let (pictures, skipped) = find_pictures(sources)?;
    if pictures.is_empty() {
        return Err(Error::NoPictures {
            what: "no picture was found; name a folder that holds some".into(),
            path: sources.first().cloned().unwrap_or_default(),
        });
    }
    let share = options
        .train
        .max_descriptors
        .div_ceil(pictures.len())
        .max(1);
    let mut harvest = Harvest {
        descriptors: Vec::new(),
        pictures: 0,
        skipped,
    };
    reporter.begin("describing", pictures.len() as u64);
    for chunk in pictures.chunks(CHUNK) {
        let sampled = chunk.par_iter().map(|path| {
            let sample = sample(path, &options.recipe, share);
            reporter.advance(1);
            sample
        });
        let sampled: Vec<_> = sampled.collect();
        for (path, sample) in chunk.iter().zip(sampled) {
            harvest.take(path, sample);
        }
        if reporter.cancelled() {
            return Ok(None);
        }
    }
    reporter.end();
    match harvest.skipped.first() {
        Some(first) if harvest.pictures == 0 => Err(Error::NoPictures {
            what: format!("no picture could be read; of the first: {}", first.reason),
            path: first.path.clone().into(),
        }),
        _ => Ok(Some(harvest)),
    }
}

impl Harvest {
    fn take(&mut self, path: &Path, sample: Result<Vec<Descriptor>, Error>) {
        match sample {
            Ok(some) => {
                self.descriptors.extend(some);
                self.pictures += 1;
            }
            Err(error) => self.skipped.push(Skipped {
                path: path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }
}

/// At most `share` descriptors of a picture, evenly taken.
fn sample(path: &Path, recipe: &Recipe, share: usize) -> Result<Vec<Descriptor>, Error> {
    let all = extract_features(path, recipe)?.descriptors;
    if all.len() <= share {
        return Ok(all);
    }
    let places = (0..share).map(|place| place * all.len() / share);
    Ok(places.map(|place| all[place]).collect())
}
