//! Everything that a run has before its first step.

use std::path::Path;

use burn::tensor::Device;
use vizsla_vectors::Projection;

use super::cache::{FeatureCache, Frozen, folder_beside};
use super::config::{Precision, RunConfig};
use super::images::Images;
use super::learner::Learner;
use super::memory;
use super::model::Model;
use super::observer::TrainObserver;
use super::plan::{Stream, random};
use super::trained::Trained;
use super::views::{Item, Views};
use crate::device::Compute;
use crate::error::Error;
use crate::network::{Kind, Network};

/// Most rows that a whitening layer is learned from.
const MOST_WHITENED: usize = 20_000;

/// Where the learner's items come from.
pub(super) enum Source {
    /// The frozen part was run beforehand.
    Cache(FeatureCache),
    /// Nothing is frozen.
    Images,
}

/// A run that is ready to go.
pub(super) struct Prepared {
    pub images: Images,
    pub views: Views,
    pub source: Source,
    pub model: Model,
    pub learner: Learner,
    pub device: Device,
    pub device_name: String,
    /// Most items in one pass.
    pub chunk: usize,
}

impl Prepared {
    /// Reads the images, opens the network and runs its frozen part; `None` when it was cancelled.
    ///
    /// # Errors
    /// Whatever is wrong with images, network or settings.
    pub fn new(
        config: &RunConfig,
        folder: &Path,
        observer: &dyn TrainObserver,
    ) -> Result<Option<Prepared>, Error> {
        config.check()?;
        let compute = config.device.unwrap_or_default();
        if compute == Compute::Cpu && config.precision != Precision::F32 {
            let allowed = "on the processor it is f32; 16 bits are for cuda and wgpu";
            return Err(Error::setting(
                "precision",
                format!("{:?}", config.precision),
                allowed,
            ));
        }
        let device = compute.device()?;
        let images = Images::read(&config.data, config.seed)?;
        let model = Model::open(&config.model, config.seed, &device)?;
        let mut views = Views {
            preprocessing: model.preprocessing.clone(),
            augment: config.augment.clone(),
        };
        let cut = match config.model.train {
            Trained::Head => model.frozen(),
            // What never varies, or varies among a few, is computed once.
            _ if config.augment.views > 1 || !config.augment.varies() => model.frozen(),
            _ => 0,
        };
        let (frozen, _) = model.network.split(cut)?;
        let source = match &frozen {
            None => Source::Images,
            Some(network) => {
                let parameters = model.parameters.select(network)?;
                let frozen = Frozen {
                    network,
                    parameters: &parameters,
                    side: model.fixed_side,
                    views: &views,
                    pictures: &images.pictures,
                    seed: config.seed,
                };
                match frozen.features(&folder_beside(folder), observer)? {
                    Some(cache) => Source::Cache(cache),
                    None => return Ok(None),
                }
            }
        };
        views.augment = config.augment.clone();
        let mut prepared = Prepared {
            learner: learner(&model, cut, config, &images, &device)?,
            chunk: 1,
            device_name: compute.to_string(),
            images,
            views,
            source,
            model,
            device,
        };
        prepared.finish_model(cut, config)?;
        Ok(Some(prepared))
    }

    /// Adds what is learned from the images, and finds out what fits into memory.
    fn finish_model(&mut self, cut: usize, config: &RunConfig) -> Result<(), Error> {
        let batch = config.sampling.classes * config.sampling.images;
        if config.model.whitening > 0 {
            self.chunk = self.fitting(cut, config, batch)?;
            let train: Vec<usize> = self
                .images
                .train
                .iter()
                .copied()
                .take(MOST_WHITENED)
                .collect();
            let rows = self.embed(&train)?.concat();
            let length = self.model.network.dimension();
            let projection = Projection::pca(&rows, length, config.model.whitening, true)?;
            self.model
                .whiten(&projection, &config.model, config.seed, &self.device)?;
        }
        self.model
            .finish(&config.model, config.seed, &self.device)?;
        self.learner = learner(&self.model, cut, config, &self.images, &self.device)?;
        self.chunk = self.fitting(cut, config, batch)?;
        Ok(())
    }

    fn fitting(&self, cut: usize, config: &RunConfig, batch: usize) -> Result<usize, Error> {
        let (_, Some(tail)) = self.model.network.split(cut)? else {
            return Ok(batch);
        };
        let first = self
            .images
            .train
            .iter()
            .find_map(|&image| self.item(image, None).ok());
        let shape = match (first, tail.input()) {
            (Some(item), _) => item.shape,
            (None, Kind::Vectors { dimension }) => vec![dimension],
            (None, Kind::Map { .. }) => return Err(Error::shape("none of the images can be read")),
        };
        memory::chunk(
            &tail,
            &shape,
            config.sampling.chunk,
            batch,
            memory::available(),
        )
    }

    /// What the learner takes of an image: as it is, or varied for an epoch; else why it cannot be read.
    pub fn item(&self, image: usize, varied: Option<(u64, usize)>) -> Result<Item, String> {
        match (&self.source, varied) {
            (Source::Cache(cache), None) => cache.item(image, 0),
            (Source::Cache(cache), Some((seed, epoch))) => {
                use rand::RngExt;
                let mut rng = random(seed, Stream::Views, epoch, image);
                cache.item(image, rng.random_range(0..cache.views().max(1)))
            }
            (Source::Images, varied) => {
                let mut rng = varied.map(|(seed, epoch)| random(seed, Stream::Views, epoch, image));
                let picture = &self.images.pictures[image];
                let item = self.views.item(picture, rng.as_mut());
                item.map_err(|error| error.to_string())
            }
        }
    }

    /// Descriptors of images as the network is now; empty for those that cannot be read.
    ///
    /// # Errors
    /// Those of the network.
    pub fn embed(&self, images: &[usize]) -> Result<Vec<Vec<f32>>, Error> {
        use rayon::prelude::*;
        let mut rows = Vec::with_capacity(images.len());
        for part in images.chunks(self.chunk.clamp(1, 256)) {
            let items: Vec<Option<Item>> = part
                .par_iter()
                .map(|&image| self.item(image, None).ok())
                .collect();
            let there: Vec<Item> = items.iter().flatten().cloned().collect();
            let mut found = self.learner.embed(&there, self.chunk)?.into_iter();
            rows.extend(items.iter().map(|item| match item {
                Some(_) => found.next().unwrap_or_default(),
                None => Vec::new(),
            }));
        }
        Ok(rows)
    }
}

fn learner(
    model: &Model,
    cut: usize,
    config: &RunConfig,
    images: &Images,
    device: &Device,
) -> Result<Learner, Error> {
    let (_, tail) = model.network.split(cut)?;
    let parameters = match &tail {
        Some(tail) => model.parameters.select(tail)?,
        None => model.parameters.select(&empty_of(&model.network)?)?,
    };
    Learner::new(tail, parameters, config, images.classes.len(), device)
}

/// A network without parameters, where nothing is left to compute.
fn empty_of(network: &Network) -> Result<Network, Error> {
    use crate::network::{Builder, Operator};
    let mut builder = Builder::new(network.output());
    builder.node("same", Operator::L2Normalise, &[Builder::INPUT], &[]);
    builder.finish()
}
