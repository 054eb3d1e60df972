//! The loop: epochs of steps, validation, checkpoints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;
use rayon::prelude::*;
use vizsla_vectors::{AtomicFile, content_id};

use super::checkpoint::{Checkpoint, HardTriplet, MinedEpoch};
use super::config::{LossKind, RunConfig};
use super::curves;
use super::learner::{Batch, Found};
use super::observer::{EpochReport, StepReport, TrainObserver};
use super::plan::{Planned, Stream, batches, random};
use super::prepare::{Prepared, Source};
use super::ranking::{Figure, Side, rank};
use super::result::{self, RunResult};
use super::views::Item;
use crate::error::Error;
use crate::network::Parameters;
use crate::sampling::{Mining, hardest_in_pool};

const STEPS_HEAD: &str = "epoch,step,loss,rate,active_share,images_per_second,seconds\n";
const VALIDATION_HEAD: &str = "epoch,map,precision_at_1,precision_at_5\n";
/// Hard triplets of an epoch that are kept for `mined.json`.
const HARDEST: usize = 24;

/// How a run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainOptions {
    /// Go on from the checkpoint in the folder.
    pub resume: bool,
}

/// Trains as configured and writes the run to `folder`; `None` when the observer stopped it, after a checkpoint.
///
/// # Errors
/// Whatever is wrong with the configuration, the images or the network; [`Error::Diverged`] when numbers are no
/// longer finite; [`Error::Invalid`] when the folder holds a run already, or with `resume` the run of another
/// configuration.
pub fn train(
    config: &RunConfig,
    folder: &Path,
    options: TrainOptions,
    observer: &dyn TrainObserver,
) -> Result<Option<RunResult>, Error> {
    config.check()?;
    let state = folder.join("checkpoint/state.vzck");
    let saved = match (options.resume, state.is_file()) {
        (true, true) => Some(Checkpoint::open(&state)?),
        (true, false) => {
            return Err(Error::invalid(
                "there is no checkpoint to go on from",
                &state,
            ));
        }
        (false, true) => {
            let what = "a run is here already; go on with --resume, or name another folder";
            return Err(Error::invalid(what, folder));
        }
        (false, false) => None,
    };
    fs::create_dir_all(folder)?;
    AtomicFile::write_whole(&folder.join("run.toml"), config.to_toml()?.as_bytes())?;
    let Some(prepared) = Prepared::new(config, folder, observer)? else {
        return Ok(None);
    };
    let mut trainer = Trainer::new(config, folder, prepared, saved)?;
    if !trainer.saved.head.finished && !trainer.epochs(observer)? {
        return Ok(None);
    }
    trainer.finish(observer).map(Some)
}

pub(super) struct Trainer<'a> {
    pub config: &'a RunConfig,
    pub folder: PathBuf,
    pub prepared: Prepared,
    /// What the next checkpoint holds, but for the tensors.
    pub saved: Checkpoint,
    pub skipped: BTreeMap<usize, String>,
}

impl<'a> Trainer<'a> {
    fn new(
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
                let head = &mut trainer.saved.head;
                head.fingerprint = fingerprint;
                head.chunk = trainer.prepared.chunk;
                head.steps_csv = STEPS_HEAD.into();
                head.log_csv = STEPS_HEAD.into();
                head.validation_csv = VALIDATION_HEAD.into();
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
        let names: Vec<String> = pictures
            .map(|p| format!("{} {}", p.name, p.label))
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
        Err(Error::invalid(
            what,
            self.folder.join("checkpoint/state.vzck"),
        ))
    }

    /// All epochs that are left; false when it was stopped.
    fn epochs(&mut self, observer: &dyn TrainObserver) -> Result<bool, Error> {
        let stop = &self.config.stop;
        let (epochs, patience) = (stop.epochs, stop.patience);
        if epochs > 0 && !self.prepared.learner.trains() {
            let allowed =
                "nothing of the network is trained; give it a head, or set stop.epochs = 0";
            return Err(Error::setting(
                "model.train",
                &self.config.model.train,
                allowed,
            ));
        }
        while self.saved.head.epoch < epochs && !self.exhausted(patience) {
            if !self.epoch(observer)? {
                return Ok(false);
            }
            let epoch = self.saved.head.epoch + 1;
            let map = self.validate(epoch)?;
            self.close_epoch(epoch, map, observer)?;
        }
        if self.saved.head.best.is_none() {
            self.save_best()?;
        }
        self.saved.head.finished = true;
        self.checkpoint()?;
        Ok(true)
    }

    /// Whether the best epoch is so long ago that it ends; 0 for never.
    fn exhausted(&self, patience: usize) -> bool {
        let head = &self.saved.head;
        let since = |(_, best): (u64, usize)| head.epoch.saturating_sub(best);
        patience > 0 && head.best.is_some_and(|best| since(best) >= patience)
    }

    /// The steps that are left of the present epoch; false when it was stopped.
    fn epoch(&mut self, observer: &dyn TrainObserver) -> Result<bool, Error> {
        let epoch = self.saved.head.epoch + 1;
        let labels = self.prepared.images.labels(&self.prepared.images.train);
        if self.config.sampling.mining == Mining::Pool && self.saved.head.step == 0 {
            self.fill_pool(epoch, &labels)?;
        }
        let planned = batches(self.config, &labels, &self.saved.head.pool, epoch)?;
        let steps = planned.len();
        observer.begin(&format!("epoch {epoch}"), steps as u64);
        observer.advance(self.saved.head.step as u64);
        while self.saved.head.step < steps {
            let step = self.saved.head.step;
            let report = self.step(epoch, step, steps, &planned[step])?;
            observer.step(&report);
            observer.advance(1);
            if observer.cancelled() {
                self.checkpoint()?;
                observer.end();
                return Ok(false);
            }
            if (step + 1).is_multiple_of(self.config.stop.checkpoint_steps) {
                self.checkpoint()?;
            }
        }
        observer.end();
        Ok(true)
    }

    fn fill_pool(&mut self, epoch: usize, labels: &[usize]) -> Result<(), Error> {
        let rows = self.prepared.embed(&self.prepared.images.train)?;
        let length = rows.iter().map(Vec::len).max().unwrap_or(0);
        let seen: Vec<usize> = (0..rows.len())
            .filter(|&i| rows[i].len() == length)
            .collect();
        let numbers: Vec<f32> = seen.iter().flat_map(|&i| rows[i].iter().copied()).collect();
        let of_seen: Vec<usize> = seen.iter().map(|&i| labels[i]).collect();
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

    fn step(
        &mut self,
        epoch: usize,
        step: usize,
        steps: usize,
        planned: &Planned,
    ) -> Result<StepReport, Error> {
        let begin = Instant::now();
        let seed = self.config.seed;
        let (images, batch) = self.load(epoch, step, planned);
        let done = (epoch - 1) as f64 + step as f64 / steps as f64;
        let factor = self.config.schedule.at(done, self.config.stop.epochs);
        let rate = self.config.optimiser.rate * factor;
        let mut rng = random(seed, Stream::Mining, epoch, step);
        let found = match batch.items.len() {
            0 | 1 => Found {
                finite: true,
                ..Found::default()
            },
            _ => self.prepared.learner.step(&batch, rate, &mut rng)?,
        };
        if !found.finite {
            return Err(self.diverged(epoch, step, rate, &images));
        }
        self.remember(&found, &images);
        let seconds = begin.elapsed().as_secs_f64();
        let head = &mut self.saved.head;
        let add = |sum: &mut u64, value: f64| *sum = (f64::from_bits(*sum) + value).to_bits();
        add(&mut head.sums[0], f64::from(found.loss));
        add(&mut head.sums[1], found.active_share.unwrap_or(0.0));
        add(
            &mut head.sums[2],
            f64::from(u8::from(found.active_share.is_some())),
        );
        add(&mut head.sums[3], images.len() as f64);
        add(&mut head.sums[4], seconds);
        head.step = step + 1;
        let speed = images.len() as f64 / seconds.max(1e-9);
        let line = row(
            epoch,
            step + 1,
            f64::from(found.loss),
            rate,
            found.active_share,
            speed,
            seconds,
        );
        head.steps_csv.push_str(&line);
        Ok(StepReport {
            epoch,
            step: step + 1,
            steps,
            loss: found.loss,
            active_share: found.active_share,
            images_per_second: f64::from_bits(head.sums[3])
                / f64::from_bits(head.sums[4]).max(1e-9),
        })
    }

    /// The items of a batch, without those that cannot be read, and their images.
    fn load(&mut self, epoch: usize, step: usize, planned: &Planned) -> (Vec<usize>, Batch) {
        let config = self.config;
        let varies = match &self.prepared.source {
            Source::Cache(cache) => cache.views() > 1,
            Source::Images => config.augment.flip || config.augment.crop < 1.0,
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
            labels: self.prepared.images.labels(&images),
            items,
            triplets,
            chunk: self.prepared.chunk,
            seed: config
                .seed
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(
                    (Stream::Dropout as u64) << 56 | (epoch as u64) << 32 | (step as u64) << 12,
                ),
        };
        (images, batch)
    }

    fn diverged(&self, epoch: usize, step: usize, rate: f64, images: &[usize]) -> Error {
        let names = images
            .iter()
            .take(3)
            .map(|&i| self.prepared.images.pictures[i].name.as_str());
        Error::Diverged {
            epoch,
            step: step + 1,
            images: format!(
                "{} and {} more",
                names.collect::<Vec<_>>().join(", "),
                images.len().saturating_sub(3)
            ),
            rate,
            path: self.folder.join("checkpoint/state.vzck"),
        }
    }

    /// Keeps the hardest triplets of the epoch.
    fn remember(&mut self, found: &Found, images: &[usize]) {
        let pictures = &self.prepared.images.pictures;
        let path = |row: usize| pictures[images[row]].path.display().to_string();
        let round = |x: f32| (x * 1e4).round() / 1e4;
        let kept = &mut self.saved.head.mining;
        kept.extend(
            found
                .hardest
                .iter()
                .map(|&(t, positive, negative)| HardTriplet {
                    anchor: path(t.anchor),
                    positive: path(t.positive),
                    negative: path(t.negative),
                    similarities: [round(positive), round(negative)],
                }),
        );
        let violation = |t: &HardTriplet| t.similarities[1] - t.similarities[0];
        kept.sort_by(|a, b| {
            violation(b)
                .total_cmp(&violation(a))
                .then_with(|| (&a.anchor, &a.negative).cmp(&(&b.anchor, &b.negative)))
        });
        kept.dedup_by(|a, b| (&a.anchor, &a.negative) == (&b.anchor, &b.negative));
        kept.truncate(HARDEST);
    }

    /// Mean average precision of the validation images among the training images; `None` without any.
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
                labels: &images.labels(&images.validation),
            },
            &Side {
                images: &images.train,
                rows: &gallery,
                labels: &images.labels(&images.train),
            },
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

    fn close_epoch(
        &mut self,
        epoch: usize,
        map: Option<f64>,
        observer: &dyn TrainObserver,
    ) -> Result<(), Error> {
        let head = &mut self.saved.head;
        head.epoch = epoch;
        let [loss, share, shares, images, seconds] = head.sums.map(f64::from_bits);
        let steps = head.step.max(1) as f64;
        let active = (shares > 0.0).then(|| share / shares);
        let factor = self
            .config
            .schedule
            .at(epoch as f64, self.config.stop.epochs);
        let rate = self.config.optimiser.rate * factor;
        let speed = images / seconds.max(1e-9);
        let line = row(epoch, head.step, loss / steps, rate, active, speed, seconds);
        head.log_csv.push_str(&line);
        head.seconds = (f64::from_bits(head.seconds) + seconds).to_bits();
        head.mined.push(MinedEpoch {
            epoch,
            hardest: std::mem::take(&mut head.mining),
        });
        head.sums = [0; 5];
        head.step = 0;
        head.pool.clear();
        let better =
            map.is_some_and(|map| head.best.is_none_or(|(best, _)| map > f64::from_bits(best)));
        if let (true, Some(map)) = (better, map) {
            head.best = Some((map.to_bits(), epoch));
            self.save_best()?;
        }
        self.checkpoint()?;
        self.draw(epoch)?;
        observer.epoch(&EpochReport {
            epoch,
            epochs: self.config.stop.epochs,
            loss: loss / steps,
            map,
            best: better,
        });
        Ok(())
    }

    /// The whole network with the weights as they are now.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        let whole = self.prepared.model.parameters.clone();
        whole.with(&self.prepared.learner.parameters)
    }

    fn save_best(&self) -> Result<(), Error> {
        self.parameters()?
            .save(&self.folder.join("best.safetensors"))
    }

    /// Writes the checkpoint and the tables.
    fn checkpoint(&mut self) -> Result<(), Error> {
        (self.saved.values, self.saved.states) = self.prepared.learner.save()?;
        self.saved.head.skipped = self.skipped.clone().into_iter().collect();
        self.saved
            .save(&self.folder.join("checkpoint/state.vzck"))?;
        self.saved.values = Vec::new();
        self.saved.states = Vec::new();
        let head = &self.saved.head;
        let mined = serde_json::to_string_pretty(&head.mined)
            .map_err(|error| Error::shape(error.to_string()))?;
        for (name, text) in [
            ("steps.csv", &head.steps_csv),
            ("log.csv", &head.log_csv),
            ("validation.csv", &head.validation_csv),
            ("mined.json", &mined),
        ] {
            AtomicFile::write_whole(&self.folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    fn draw(&self, epoch: usize) -> Result<(), Error> {
        let column = |text: &str, column: usize| -> Vec<f32> {
            let rows = text.lines().skip(1);
            rows.filter_map(|line| line.split(',').nth(column)?.parse().ok())
                .collect()
        };
        let head = &self.saved.head;
        let title = format!("{} after {epoch} epochs", self.config.loss.kind.name());
        curves::draw(
            &self.folder.join("curves.png"),
            &title,
            &[
                ("loss", column(&head.log_csv, 2)),
                ("validation mAP", column(&head.validation_csv, 1)),
            ],
        )
    }

    /// Evaluates the best network and writes what is left of the run.
    fn finish(&mut self, observer: &dyn TrainObserver) -> Result<RunResult, Error> {
        let path = self.folder.join("best.safetensors");
        let model = &mut self.prepared.model;
        let trained = model.parameters.clone();
        let best = Parameters::open(&model.network, &path, &self.prepared.device)?;
        model.parameters = trained.with(&best)?;
        let learner = &mut self.prepared.learner;
        learner.parameters = learner.parameters.clone().with(&best)?;
        result::finish(self, observer)
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

fn row(
    epoch: usize,
    step: usize,
    loss: f64,
    rate: f64,
    active: Option<f64>,
    speed: f64,
    seconds: f64,
) -> String {
    let active = active.map_or(String::new(), |share| format!("{share:.4}"));
    format!("{epoch},{step},{loss:.6},{rate:.6e},{active},{speed:.1},{seconds:.3}\n")
}
