//! Every picture goes through the network once; its pooled vectors stay in memory.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use vizsla_neural::{ImageEncoder, OutputKind, Pooling};
use vizsla_pixels::{DecodeOptions, Rgb, read_rgb};
use vizsla_retrieval::{Reporter, map_places};

use super::settings::PoolingChoice;
use crate::error::Error;

/// Pictures read at a time.
const BATCH: usize = 16;
/// Training pictures whose places NetVLAD and Fisher vectors are learned from.
const LEARNING: usize = 240;
const SEED: u64 = 1;

/// A network at given sizes.
pub(super) struct Extractor<'a> {
    /// The network.
    pub encoder: &'a ImageEncoder,
    /// Longest side at scale 1; 0 for the resize rule of the model.
    pub side: u32,
    /// Hears of every picture.
    pub progress: &'a dyn Reporter,
}

/// Pooled vectors, not normalised, by pooling and scale, in the order of the files.
pub(super) struct Features(BTreeMap<(String, u32), Vec<Vec<f32>>>);

/// What one pooling makes of each picture, under its name.
type Pooled = (String, Vec<Vec<f32>>);

impl Features {
    /// The vectors of a pooling at a scale.
    ///
    /// # Errors
    /// When they were not extracted.
    pub fn of(&self, pooling: &PoolingChoice, scale: f32) -> Result<&[Vec<f32>], Error> {
        let key = (pooling.to_string(), scale.to_bits());
        let found = self.0.get(&key);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| Error::Pooled("these vectors were not extracted".into()))
    }
}

impl Extractor<'_> {
    /// Whether the network gives vectors instead of maps.
    ///
    /// # Errors
    /// When the network fails.
    pub fn gives_vectors(&self) -> Result<bool, Error> {
        Ok(matches!(self.encoder.kind()?, OutputKind::Vector { .. }))
    }

    /// Pools all files at all scales. What is learned is learned from files before `train` only. `None` when it was
    /// stopped.
    ///
    /// # Errors
    /// When a file cannot be read or the network fails.
    pub fn extract(
        &self,
        files: &[&Path],
        train: usize,
        poolings: &[PoolingChoice],
        scales: &[f32],
    ) -> Result<Option<Features>, Error> {
        let poolings = self.learn(&files[..train], poolings)?;
        self.progress.begin("describing", files.len() as u64);
        let mut features = Features(BTreeMap::new());
        for batch in files.chunks(BATCH) {
            if self.progress.cancelled() {
                return Ok(None);
            }
            let pictures = read(batch)?;
            let pictures: Vec<&Rgb> = pictures.iter().collect();
            for &scale in scales {
                for (name, vectors) in self.batch(&pictures, scale, &poolings)? {
                    let all = features.0.entry((name, scale.to_bits())).or_default();
                    all.extend(vectors);
                }
            }
            self.progress.advance(batch.len() as u64);
        }
        self.progress.end();
        Ok(Some(features))
    }

    fn batch(
        &self,
        pictures: &[&Rgb],
        scale: f32,
        poolings: &[(String, Pooling)],
    ) -> Result<Vec<Pooled>, Error> {
        if self.gives_vectors()? {
            return Ok(vec![("none".to_owned(), self.encoder.vectors(pictures)?)]);
        }
        let maps = self.encoder.maps(pictures, self.scaled(scale))?;
        let pooled = poolings.iter().map(|(name, pooling)| {
            let vectors = maps.par_iter().map(|map| pooling.pool(map)).collect();
            (name.clone(), vectors)
        });
        Ok(pooled.collect())
    }

    fn scaled(&self, scale: f32) -> Option<u32> {
        (self.side > 0).then(|| (self.side as f32 * scale).round().max(1.0) as u32)
    }

    fn learn(
        &self,
        train: &[&Path],
        choices: &[PoolingChoice],
    ) -> Result<Vec<(String, Pooling)>, Error> {
        let mut places = None;
        let mut poolings = Vec::new();
        for choice in choices {
            let pooling = match choice {
                PoolingChoice::Learned(learner) => {
                    if places.is_none() {
                        let side = self.scaled(1.0);
                        places = map_places(self.encoder, side, train, LEARNING, self.progress)?;
                    }
                    let Some(places) = &places else {
                        break;
                    };
                    learner.learn(&places.rows, places.channels, SEED)?
                }
                PoolingChoice::Named(pooling) => pooling.clone(),
                PoolingChoice::Vector => continue,
            };
            poolings.push((choice.to_string(), pooling));
        }
        Ok(poolings)
    }
}

fn read(files: &[&Path]) -> Result<Vec<Rgb>, Error> {
    let options = DecodeOptions::default();
    files
        .par_iter()
        .map(|file| Ok(read_rgb(file, &options)?.image))
        .collect()
}
