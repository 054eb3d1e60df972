//! Learning vocabularies from pictures: a codebook, or that of a sum over local features.
//!
//! Every picture gives the same share of descriptors, evenly taken from its strongest to its weakest, so that memory stays
//! bounded whatever the number of pictures and no picture with much texture rules the vocabulary. The same pictures and
//! options give the same vocabulary.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use vizsla_features::{Descriptor, Extractor};
use vizsla_words::{Aggregator, AggregatorConfig, Codebook, TrainConfig, TrainProgress};

use crate::describe::{features_by, local_extractor};
use crate::{Error, Recipe, Reporter, Skipped, find_pictures};

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

/// How the vocabulary of a sum over local features is learned.
#[derive(Debug, Clone)]
pub struct AggregatorOptions {
    /// What is summed, over how many words of how many components, and the seed.
    pub train: AggregatorConfig,
    /// Most descriptors used; every picture gives the same share.
    pub max_descriptors: usize,
    /// How pictures are read and described.
    pub recipe: Recipe,
}

/// A vocabulary that was learned.
#[derive(Debug)]
pub struct Learned<T> {
    /// The vocabulary.
    pub vocabulary: T,
    /// Pictures it was learned from.
    pub pictures: usize,
    /// Descriptors it was learned from.
    pub descriptors: usize,
    /// Mean squared distance of a descriptor to its word in the last round over all of them, where there was one.
    pub distortion: Option<f64>,
    /// Files that could not be used, with reasons.
    pub skipped: Vec<Skipped>,
}

/// What the pictures gave.
struct Harvest {
    descriptors: Vec<Descriptor>,
    /// How many of them are of each picture.
    of_pictures: Vec<usize>,
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
) -> Result<Option<Learned<Codebook>>, Error> {
    let most = options.train.max_descriptors;
    let Some(harvest) = harvest(sources, &options.recipe, most, reporter)? else {
        return Ok(None);
    };
    let (begun, distortion) = (Cell::new(false), Cell::new(None));
    let stage = |done: TrainProgress| {
        if !begun.replace(true) {
            reporter.begin("learning", done.stages as u64);
        }
        distortion.set(done.distortion.or(distortion.get()));
        reporter.advance(1);
    };
    let codebook = Codebook::train(&harvest.descriptors, &options.train, &stage)?;
    reporter.end();
    let learned = harvest.taught(codebook);
    Ok(Some(Learned {
        distortion: distortion.get(),
        ..learned
    }))
}

/// Learns the vocabulary of a bag of words, a VLAD or a Fisher vector from the pictures in folders and files; `None` when the reporter says
/// that the caller wants to stop.
///
/// # Errors
/// There is no picture, none can be read, they have too few descriptors, or a value of the options is out of range.
pub fn learn_aggregator(
    sources: &[PathBuf],
    options: &AggregatorOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Learned<Aggregator>>, Error> {
    options.train.check()?;
    let most = options.max_descriptors;
    let Some(harvest) = harvest(sources, &options.recipe, most, reporter)? else {
        return Ok(None);
    };
    reporter.begin("learning", 0);
    let (descriptors, pictures) = (&harvest.descriptors, &harvest.of_pictures);
    let aggregator = Aggregator::train_of_images(descriptors, pictures, &options.train)?;
    reporter.end();
    Ok(Some(harvest.taught(aggregator)))
}

/// Descriptors of all pictures, in path order; `None` when it was stopped.
fn harvest(
    sources: &[PathBuf],
    recipe: &Recipe,
    max_descriptors: usize,
    reporter: &dyn Reporter,
) -> Result<Option<Harvest>, Error> {
    recipe.check()?;
    let (pictures, skipped) = find_pictures(sources)?;
    if pictures.is_empty() {
        return Err(Error::NoPictures {
            what: "no picture was found; name a folder that holds some".into(),
            path: sources.first().cloned().unwrap_or_default(),
        });
    }
    let extractor = local_extractor(recipe, pictures.len())?;
    let share = max_descriptors.div_ceil(pictures.len()).max(1);
    let mut harvest = Harvest {
        descriptors: Vec::new(),
        of_pictures: Vec::new(),
        pictures: 0,
        skipped,
    };
    reporter.begin("describing", pictures.len() as u64);
    for chunk in pictures.chunks(CHUNK) {
        let sampled = chunk.par_iter().map(|path| {
            let sample = sample(&*extractor, path, recipe, share);
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
    /// With what was learned from it.
    fn taught<T>(self, vocabulary: T) -> Learned<T> {
        Learned {
            vocabulary,
            pictures: self.pictures,
            descriptors: self.descriptors.len(),
            distortion: None,
            skipped: self.skipped,
        }
    }

    fn take(&mut self, path: &Path, sample: Result<Vec<Descriptor>, Error>) {
        match sample {
            Ok(some) => {
                self.of_pictures.push(some.len());
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
fn sample(
    extractor: &dyn Extractor,
    path: &Path,
    recipe: &Recipe,
    share: usize,
) -> Result<Vec<Descriptor>, Error> {
    let all = features_by(extractor, path, recipe)?.descriptors;
    if all.len() <= share {
        return Ok(all);
    }
    let places = (0..share).map(|place| place * all.len() / share);
    Ok(places.map(|place| all[place]).collect())
}
