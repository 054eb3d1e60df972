//! A run over labelled images: its batches, steps and validation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use vizsla_vectors::content_id;

use super::checkpoint::{Checkpoint, HardTriplet, Head};
use super::config::{LossKind, RunConfig};
use super::learner::{Batch, Found, Saved};
use super::plan::{Planned, Stream, batches, dropout_seed, random};
use super::prepare::{Prepared, Source};
use super::ranking::{Figure, Side, rank};
use super::rounds::{self, Pace, Place, Rounds, Taken};
use super::views::Item;
use crate::error::Error;
use crate::network::Parameters;
use crate::relevance::Relevance;
use crate::sampling::{Mining, hardest_in_pool};

const VALIDATION_HEAD: &str = "epoch,map,precision_at_1,precision_at_5\n";

pub(super) struct Trainer<'a> {
    pub config: &'a RunConfig,
    pub folder: PathBuf,
    pub prepared: Prepared,
    /// What the next checkpoint holds, but for the tensors.
    pub saved: Checkpoint,
    pub skipped: BTreeMap<usize, String>,
}

impl<'a> Trainer<'a> {
    pub fn new(
        config: &'a RunConfig,
        folder: &Path,
        prepared: Prepared,
        saved: Option<Checkpoint>,
    ) -> Result<Trainer<'a>, Error> {
        let mut trainer = Trainer {
            config,
            folder: folder.to_path_buf(),
            prepared,
            saved: Checkpoint::default(),
            skipped: BTreeMap::new(),
        };
        let fingerprint = trainer.fingerprint()?;
        match saved {
            Some(mut saved) => {
                trainer.check(&saved, &fingerprint)?;
                let (values, states) = (
                    std::mem::take(&mut saved.values),
                    std::mem::take(&mut saved.states),
                );
                trainer.prepared.learner.restore(values, states)?;
                trainer.prepared.chunk = saved.head.chunk.max(1);
                trainer.skipped = saved.head.skipped.iter().cloned().collect();
                trainer.saved = saved;
            }
            None => {
                trainer.saved.head = Head::fresh(fingerprint, VALIDATION_HEAD);
                trainer.saved.head.chunk = trainer.prepared.chunk;
            }
        }
        if let Source::Cache(cache) = &trainer.prepared.source {
            trainer.skipped.extend(cache.skipped().clone());
        }
        Ok(trainer)
    }

    /// Tells apart what must not change between two parts of a run.
    fn fingerprint(&self) -> Result<String, Error> {
        let pictures = self.prepared.images.pictures.iter();
        let relevance = &self.prepared.images.relevance;
        let names: Vec<String> = pictures
            .zip(relevance.labels())
            .zip(0..)
            .map(|((p, label), place)| match relevance.partners(place) {
                None => format!("{} {label}", p.name),
                Some(partners) => format!("{} {label} {partners:?}", p.name),
            })
            .collect();
        let network = self.prepared.model.network.declarations().iter();
        let shapes: Vec<String> = network
            .map(|d| format!("{} {:?}", d.name, d.shape))
            .collect();
        let id = |text: String| content_id(text.as_bytes());
        Ok(format!(
            "{}/{}/{}",
            id(shapes.join("\n")),
            id(names.join("\n")),
            id(self.config.to_toml()?)
        ))
    }

    fn check(&self, saved: &Checkpoint, fingerprint: &str) -> Result<(), Error> {
        let differs = saved
            .head
            .fingerprint
            .split('/')
            .zip(fingerprint.split('/'));
        let what = match differs.map(|(a, b)| a == b).collect::<Vec<_>>()[..] {
            [true, true, true] => return Ok(()),
            [false, ..] => "the checkpoint is of another architecture",
            [_, false, _] => "the checkpoint is of other images",
            _ => "the checkpoint is of another configuration",
        };
        let what =
            format!("{what}; go on with the settings of run.toml, or train into another folder");
        Err(Error::invalid(what, rounds::state(&self.folder)))
    }

    /// A run of some epochs must have something to train.
    pub fn check_trains(&self) -> Result<(), Error> {
        if self.config.stop.epochs == 0 || self.prepared.learner.trains() {
            return Ok(());
        }
        let allowed = "nothing of the network is trained; give it a head, or set stop.epochs = 0";
        Err(Error::setting(
            "model.train",
            &self.config.model.train,
            allowed,
        ))
    }

    fn fill_pool(&mut self, epoch: usize, relevance: &Relevance) -> Result<(), Error> {
        let rows = self.prepared.embed(&self.prepared.images.train)?;
        let length = rows.iter().map(Vec::len).max().unwrap_or(0);
        let seen: Vec<usize> = (0..rows.len())
            .filter(|&i| rows[i].len() == length)
            .collect();
        let numbers: Vec<f32> = seen.iter().flat_map(|&i| rows[i].iter().copied()).collect();
        let of_seen = relevance.select(&seen);
        let mut rng = random(self.config.seed, Stream::Pool, epoch, 0);
        let negatives = self.config.sampling.negatives;
        let mut triplets = hardest_in_pool(&numbers, length, &of_seen, negatives, &mut rng)?;
        for triplet in &mut triplets {
            for place in [
                &mut triplet.anchor,
                &mut triplet.positive,
                &mut triplet.negative,
            ] {
                *place = seen[*place];
            }
        }
        self.saved.head.set_pool(&triplets);
        Ok(())
    }

    /// The items of a batch, without those that cannot be read, and their images.
    fn load(&mut self, epoch: usize, step: usize, planned: &Planned) -> (Vec<usize>, Batch) {
        let config = self.config;
        let varies = match &self.prepared.source {
            Source::Cache(cache) => cache.views() > 1,
            Source::Images => config.augment.varies(),
        };
        let varied = varies.then_some((config.seed, epoch));
        let train = &self.prepared.images.train;
        let loaded: Vec<(usize, Result<Item, String>)> = planned
            .places
            .par_iter()
            .map(|&place| (train[place], self.prepared.item(train[place], varied)))
            .collect();
        let (mut images, mut items) = (Vec::new(), Vec::new());
        let mut rows: Vec<Option<usize>> = Vec::with_capacity(loaded.len());
        for (image, item) in loaded {
            match item {
                Ok(item) => {
                    rows.push(Some(images.len()));
                    images.push(image);
                    items.push(item);
                }
                Err(reason) => {
                    rows.push(None);
                    self.skipped.entry(image).or_insert(reason);
                }
            }
        }
        let moved = |t: &crate::losses::Triplet| {
            Some(crate::losses::Triplet {
                anchor: rows[t.anchor]?,
                positive: rows[t.positive]?,
                negative: rows[t.negative]?,
            })
        };
        let triplets = planned
            .triplets
            .as_ref()
            .map(|t| t.iter().filter_map(moved).collect());
        let batch = Batch {
            relevance: self.prepared.images.relevance.select(&images),
            items,
            triplets,
            chunk: self.prepared.chunk,
            seed: dropout_seed(config.seed, epoch, step),
        };
        (images, batch)
    }

    /// Keeps the hardest triplets of the epoch.
    fn remember(&mut self, found: &Found, images: &[usize]) {
        let pictures = &self.prepared.images.pictures;
        let path = |row: usize| pictures[images[row]].path.display().to_string();
        let named = found
            .hardest
            .iter()
            .map(|&(t, positive, negative)| HardTriplet {
                anchor: path(t.anchor),
                positive: path(t.positive),
                negative: path(t.negative),
                similarities: [positive, negative],
            });
        self.saved.head.remember(named);
    }

    /// The whole network with the weights as they are now.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        let whole = self.prepared.model.parameters.clone();
        whole.with(&self.prepared.learner.parameters)
    }

    /// Takes the best network of the run in place of the last.
    pub fn take_best(&mut self) -> Result<(), Error> {
        let path = self.folder.join("best.safetensors");
        let model = &mut self.prepared.model;
        let trained = model.parameters.clone();
        let best = Parameters::open(&model.network, &path, &self.prepared.device)?;
        model.parameters = trained.with(&best)?;
        let learner = &mut self.prepared.learner;
        learner.parameters = learner.parameters.clone().with(&best)?;
        Ok(())
    }
}

impl Rounds for Trainer<'_> {
    type Batch = Planned;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn saved(&mut self) -> &mut Checkpoint {
        &mut self.saved
    }

    fn pace(&self) -> Pace<'_> {
        Pace {
            stop: &self.config.stop,
            schedule: &self.config.schedule,
            optimiser: &self.config.optimiser,
        }
    }

    fn titles(&self) -> (&str, &str) {
        (self.config.loss.kind.name(), "validation mAP")
    }

    fn plan(&mut self, epoch: usize) -> Result<Vec<Planned>, Error> {
        let images = &self.prepared.images;
        let relevance = images.relevance.select(&images.train);
        if self.config.sampling.mining == Mining::Pool && self.saved.head.step == 0 {
            self.fill_pool(epoch, &relevance)?;
        }
        batches(self.config, &relevance, &self.saved.head.pool, epoch)
    }

    fn step(&mut self, place: Place, planned: &Planned) -> Result<Taken, Error> {
        let begin = Instant::now();
        let Place { epoch, step, .. } = place;
        let (images, batch) = self.load(epoch, step, planned);
        let rate = place.rate(self.pace());
        let mut rng = random(self.config.seed, Stream::Mining, epoch, step);
        let found = match batch.items.len() {
            0 | 1 => Found {
                finite: true,
                ..Found::default()
            },
            _ => self.prepared.learner.step(&batch, rate, &mut rng)?,
        };
        if !found.finite {
            let pictures = &self.prepared.images.pictures;
            let names = images.iter().map(|&image| pictures[image].name.as_str());
            let state = rounds::state(&self.folder);
            return Err(Error::diverged((epoch, step + 1), rate, names, state));
        }
        self.remember(&found, &images);
        Ok(Taken {
            loss: found.loss,
            active_share: found.active_share,
            images: images.len(),
            seconds: begin.elapsed().as_secs_f64(),
        })
    }

    /// Of the validation images among the training images.
    fn validate(&mut self, epoch: usize) -> Result<Option<f64>, Error> {
        let images = &self.prepared.images;
        if images.validation.is_empty() {
            return Ok(None);
        }
        let queries = self.prepared.embed(&images.validation)?;
        let gallery = self.prepared.embed(&images.train)?;
        let ranked = rank(
            &Side {
                images: &images.validation,
                rows: &queries,
            },
            &Side {
                images: &images.train,
                rows: &gallery,
            },
            &images.relevance,
        );
        if ranked.is_empty() {
            return Ok(None);
        }
        let mean = |of: &dyn Fn(&super::ranking::Ranked) -> f64| {
            Figure::of(&ranked.iter().map(of).collect::<Vec<f64>>(), 0).value
        };
        let map = mean(&|r| r.average_precision);
        let line = format!(
            "{epoch},{map:.6},{:.6},{:.6}\n",
            mean(&|r| r.precision_at[0]),
            mean(&|r| r.precision_at[1])
        );
        self.saved.head.validation_csv.push_str(&line);
        Ok(Some(map))
    }

    fn save_best(&self) -> Result<(), Error> {
        self.parameters()?
            .save(&self.folder.join("best.safetensors"))
    }

    fn save(&mut self) -> Result<Saved, Error> {
        self.saved.head.skipped = self.skipped.clone().into_iter().collect();
        self.prepared.learner.save()
    }
}

impl LossKind {
    /// The name as it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            LossKind::Classification => "classification",
            LossKind::Contrastive => "contrastive",
            LossKind::Triplet => "triplet",
            LossKind::AveragePrecision => "average precision",
            LossKind::InfoNce => "InfoNCE",
        }
    }
}
