//! The loop of a cross-modal run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use fs_err as fs;
use serde::Serialize;
use serde_json::json;
use vizsla_evaluation::Dataset;
use vizsla_neural::ModelEntry;
use vizsla_vectors::{AtomicFile, content_id};

use super::super::checkpoint::Checkpoint;
use super::super::curves;
use super::super::model::{Model, length_one};
use super::super::observer::{EpochReport, StepReport, TrainObserver};
use super::super::plan::{Stream, random};
use super::super::result::name_of;
use super::super::trainer::TrainOptions;
use super::branches::{Branches, Pairs};
use super::config::CrossModalConfig;
use super::data::Captioned;
use super::directions::{Direction, both, mean_map};
use super::export;
use super::features::{Part, backbone, of_captions, of_images, text_entry};
use crate::device::Compute;
use crate::error::Error;
use crate::network::{Parameters, head};
use crate::sampling::shuffled_batches;

const STEPS_HEAD: &str = "epoch,step,loss,rate,active_share,images_per_second,seconds\n";
const VALIDATION_HEAD: &str = "epoch,map,image_to_text_recall_at_1,text_to_image_recall_at_1\n";

/// The figures of a cross-modal run.
#[derive(Clone, Debug, Serialize)]
pub struct CrossModalResult {
    /// The folder of the run.
    pub run: PathBuf,
    /// Whose images and captions were asked: `test` or `validation`.
    pub queries: &'static str,
    /// Image to text, then text to image.
    pub directions: Vec<Direction>,
    /// Best validation mAP of both directions, and the epoch that reached it.
    pub best: Option<(f64, usize)>,
    /// Epochs trained.
    pub epochs: usize,
    /// Seconds of training steps, without validation.
    pub seconds: f64,
    /// Where it was computed.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
}

/// Trains both heads as configured and writes the run to `folder`; `None` when the observer stopped it, after a
/// checkpoint.
///
/// # Errors
/// Whatever is wrong with the configuration, images, captions or models; [`Error::Diverged`] when numbers are no longer
/// finite; [`Error::Invalid`] when the folder holds a run already, or with `resume` the run of another configuration.
pub fn train_cross_modal(
    config: &CrossModalConfig,
    folder: &Path,
    options: TrainOptions,
    observer: &dyn TrainObserver,
) -> Result<Option<CrossModalResult>, Error> {
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
    let Some(mut trainer) = Trainer::new(config, folder, saved, observer)? else {
        return Ok(None);
    };
    if !trainer.saved.head.finished && !trainer.epochs(observer)? {
        return Ok(None);
    }
    trainer.finish(observer).map(Some)
}

pub(super) struct Trainer<'a> {
    pub config: &'a CrossModalConfig,
    pub folder: PathBuf,
    /// The image half as a whole.
    pub model: Model,
    pub entry: ModelEntry,
    pub branches: Branches,
    data: Captioned,
    train: Part,
    validation: Part,
    test: Option<Part>,
    names: Vec<String>,
    device_name: String,
    saved: Checkpoint,
}

impl<'a> Trainer<'a> {
    /// Reads and describes everything; `None` when it was cancelled.
    fn new(
        config: &'a CrossModalConfig,
        folder: &Path,
        saved: Option<Checkpoint>,
        observer: &dyn TrainObserver,
    ) -> Result<Option<Trainer<'a>>, Error> {
        let compute: Compute = config.device.as_deref().unwrap_or("cpu").parse()?;
        let device = compute.device()?;
        let data = Captioned::read(&config.data, config.seed)?;
        let entry = text_entry(&config.text)?;
        let mut model = backbone(&config.model, config.seed, &device)?;
        let sets: Vec<&Dataset> = data.parts().collect();
        let Some(images) = of_images(&model, &sets, folder, observer)? else {
            return Ok(None);
        };
        let Some(captions) = of_captions(&entry, &sets, folder, observer)? else {
            return Ok(None);
        };
        let both = images.into_iter().zip(captions);
        let mut parts = both.map(|(images, captions)| Part { images, captions });
        let (train, validation) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let test = parts.next();
        let branches = heads(
            config,
            &mut model,
            train.captions.length,
            &data.train,
            &device,
        )?;
        let mut trainer = Trainer {
            names: data
                .train
                .gallery
                .iter()
                .map(|image| image.key.clone())
                .collect(),
            device_name: compute.to_string(),
            folder: folder.to_path_buf(),
            saved: Checkpoint::default(),
            config,
            model,
            entry,
            branches,
            data,
            train,
            validation,
            test,
        };
        trainer.begin(saved)?;
        Ok(Some(trainer))
    }

    /// Goes on from a checkpoint, or starts the tables.
    fn begin(&mut self, saved: Option<Checkpoint>) -> Result<(), Error> {
        let mut text = self.config.to_toml()?;
        for caption in &self.data.train.captions {
            text.push_str(&caption.key);
        }
        let fingerprint = content_id(text.as_bytes());
        let Some(mut saved) = saved else {
            let head = &mut self.saved.head;
            head.fingerprint = fingerprint;
            head.steps_csv = STEPS_HEAD.into();
            head.log_csv = STEPS_HEAD.into();
            head.validation_csv = VALIDATION_HEAD.into();
            return Ok(());
        };
        if saved.head.fingerprint != fingerprint {
            let what = "the checkpoint is of another configuration or of other captions; go on with the settings of \
                        run.toml, or train into another folder";
            return Err(Error::invalid(
                what,
                self.folder.join("checkpoint/state.vzck"),
            ));
        }
        let (values, states) = (
            std::mem::take(&mut saved.values),
            std::mem::take(&mut saved.states),
        );
        self.branches.restore(values, states)?;
        self.saved = saved;
        Ok(())
    }

    /// All epochs that are left; false when it was stopped.
    fn epochs(&mut self, observer: &dyn TrainObserver) -> Result<bool, Error> {
        let stop = &self.config.stop;
        let (epochs, patience) = (stop.epochs, stop.patience);
        while self.saved.head.epoch < epochs {
            if !self.epoch(observer)? {
                return Ok(false);
            }
            let map = self.validate()?;
            self.close_epoch(map, observer)?;
            let since = self
                .saved
                .head
                .best
                .map_or(0, |(_, best)| self.saved.head.epoch - best);
            if patience > 0 && since >= patience {
                break;
            }
        }
        if self.saved.head.best.is_none() {
            self.save_best()?;
        }
        self.saved.head.finished = true;
        self.checkpoint()?;
        Ok(true)
    }

    /// The steps that are left of the present epoch; false when it was stopped.
    fn epoch(&mut self, observer: &dyn TrainObserver) -> Result<bool, Error> {
        let epoch = self.saved.head.epoch + 1;
        let mut rng = random(self.config.seed, Stream::Batches, epoch, 0);
        let batches = shuffled_batches(
            self.train.captions.count(),
            self.config.sampling.batch,
            &mut rng,
        )?;
        observer.begin(&format!("epoch {epoch}"), batches.len() as u64);
        observer.advance(self.saved.head.step as u64);
        while self.saved.head.step < batches.len() {
            let step = self.saved.head.step;
            let report = self.step(epoch, step, batches.len(), &batches[step])?;
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

    fn step(
        &mut self,
        epoch: usize,
        step: usize,
        steps: usize,
        batch: &[usize],
    ) -> Result<StepReport, Error> {
        let begin = Instant::now();
        let seed = self.config.seed;
        let captions = &self.data.train.captions;
        let groups: Vec<usize> = batch
            .iter()
            .map(|&caption| captions[caption].image)
            .collect();
        let done = (epoch - 1) as f64 + step as f64 / steps as f64;
        let rate =
            self.config.optimiser.rate * self.config.schedule.at(done, self.config.stop.epochs);
        let pairs = Pairs {
            images: self.train.images.gather(groups.iter().copied()),
            captions: self.train.captions.gather(batch.iter().copied()),
            groups: &groups,
            names: &self.names,
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(
                (Stream::Dropout as u64) << 56 | (epoch as u64) << 32 | (step as u64) << 12,
            ),
        };
        let mut rng = random(seed, Stream::Mining, epoch, step);
        let Some(loss) = self.branches.step(pairs, rate, &mut rng)? else {
            return Err(self.diverged(epoch, step, rate, &groups));
        };
        let seconds = begin.elapsed().as_secs_f64();
        let head = &mut self.saved.head;
        let sums = [f64::from(loss), 0.0, 0.0, groups.len() as f64, seconds];
        for (sum, value) in head.sums.iter_mut().zip(sums) {
            *sum = (f64::from_bits(*sum) + value).to_bits();
        }
        head.step = step + 1;
        let speed = groups.len() as f64 / seconds.max(1e-9);
        head.steps_csv
            .push_str(&row(epoch, step + 1, f64::from(loss), rate, speed, seconds));
        Ok(StepReport {
            epoch,
            step: step + 1,
            steps,
            loss,
            active_share: None,
            images_per_second: f64::from_bits(head.sums[3])
                / f64::from_bits(head.sums[4]).max(1e-9),
        })
    }

    fn diverged(&self, epoch: usize, step: usize, rate: f64, groups: &[usize]) -> Error {
        let shown = groups
            .iter()
            .take(3)
            .map(|&image| self.names[image].as_str());
        let shown = shown.collect::<Vec<_>>().join(", ");
        Error::Diverged {
            epoch,
            step: step + 1,
            images: format!("{shown} and {} more", groups.len().saturating_sub(3)),
            rate,
            path: self.folder.join("checkpoint/state.vzck"),
        }
    }

    fn embed(&self, part: &Part) -> Result<Part, Error> {
        Ok(Part {
            images: self.branches.embed(0, &part.images)?,
            captions: self.branches.embed(1, &part.captions)?,
        })
    }

    fn validate(&mut self) -> Result<f64, Error> {
        let directions = both(
            &self.data.validation,
            &self.embed(&self.validation)?,
            self.config.seed,
        );
        let map = mean_map(&directions);
        let head = &mut self.saved.head;
        head.epoch += 1;
        let firsts: Vec<String> = directions
            .iter()
            .map(|d| format!("{:.6}", d.recall_at_1.value))
            .collect();
        head.validation_csv
            .push_str(&format!("{},{map:.6},{}\n", head.epoch, firsts.join(",")));
        Ok(map)
    }

    fn close_epoch(&mut self, map: f64, observer: &dyn TrainObserver) -> Result<(), Error> {
        let config = self.config;
        let head = &mut self.saved.head;
        let epoch = head.epoch;
        let [loss, _, _, images, seconds] = head.sums.map(f64::from_bits);
        let loss = loss / head.step.max(1) as f64;
        let rate = config.optimiser.rate * config.schedule.at(epoch as f64, config.stop.epochs);
        let line = row(
            epoch,
            head.step,
            loss,
            rate,
            images / seconds.max(1e-9),
            seconds,
        );
        head.log_csv.push_str(&line);
        head.seconds = (f64::from_bits(head.seconds) + seconds).to_bits();
        head.sums = [0; 5];
        head.step = 0;
        let best = head.best.is_none_or(|(best, _)| map > f64::from_bits(best));
        if best {
            head.best = Some((map.to_bits(), epoch));
            self.save_best()?;
        }
        self.checkpoint()?;
        self.draw(epoch)?;
        observer.epoch(&EpochReport {
            epoch,
            epochs: config.stop.epochs,
            loss,
            map: Some(map),
            best,
        });
        Ok(())
    }

    fn draw(&self, epoch: usize) -> Result<(), Error> {
        let column = |text: &str, column: usize| -> Vec<f32> {
            let rows = text.lines().skip(1);
            rows.filter_map(|line| line.split(',').nth(column)?.parse().ok())
                .collect()
        };
        let head = &self.saved.head;
        let curves = [
            ("loss", column(&head.log_csv, 2)),
            (
                "validation mAP of both directions",
                column(&head.validation_csv, 1),
            ),
        ];
        curves::draw(
            &self.folder.join("curves.png"),
            &format!("captions after {epoch} epochs"),
            &curves,
        )
    }

    fn save_best(&self) -> Result<(), Error> {
        let image = self
            .model
            .parameters
            .clone()
            .with(&self.branches.parameters[0])?;
        image.save(&self.folder.join("best.safetensors"))?;
        self.branches.parameters[1].save(&self.folder.join("best_text.safetensors"))
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        (self.saved.values, self.saved.states) = self.branches.save()?;
        self.saved
            .save(&self.folder.join("checkpoint/state.vzck"))?;
        (self.saved.values, self.saved.states) = (Vec::new(), Vec::new());
        let head = &self.saved.head;
        for (name, text) in [
            ("steps.csv", &head.steps_csv),
            ("log.csv", &head.log_csv),
            ("validation.csv", &head.validation_csv),
        ] {
            AtomicFile::write_whole(&self.folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Evaluates the best heads and writes what is left of the run.
    fn finish(&mut self, observer: &dyn TrainObserver) -> Result<CrossModalResult, Error> {
        observer.begin("evaluating", 0);
        let device = self
            .config
            .device
            .as_deref()
            .unwrap_or("cpu")
            .parse::<Compute>()?
            .device()?;
        let [image, text] =
            ["best.safetensors", "best_text.safetensors"].map(|name| self.folder.join(name));
        let trained = self.model.parameters.clone();
        self.model.parameters =
            trained.with(&Parameters::open(&self.model.network, &image, &device)?)?;
        self.branches.parameters[0] = self.model.parameters.select(&self.branches.networks[0])?;
        self.branches.parameters[1] = Parameters::open(&self.branches.networks[1], &text, &device)?;
        let (data, part, queries) = match (&self.data.test, &self.test) {
            (Some(data), Some(part)) => (data, part, "test"),
            _ => (&self.data.validation, &self.validation, "validation"),
        };
        let directions = both(data, &self.embed(part)?, self.config.seed);
        let head = &self.saved.head;
        let result = CrossModalResult {
            run: self.folder.clone(),
            queries,
            directions,
            best: head.best.map(|(map, epoch)| (f64::from_bits(map), epoch)),
            epochs: head.epoch,
            seconds: f64::from_bits(head.seconds),
            device: self.device_name.clone(),
            threads: rayon::current_num_threads(),
        };
        self.write_result(&result, data)?;
        export::export(self)?;
        observer.end();
        Ok(result)
    }

    fn write_result(&self, result: &CrossModalResult, data: &Dataset) -> Result<(), Error> {
        let document = json!({
            "format": "vizsla-training-run",
            "format_version": 1,
            "name": name_of(&self.folder),
            "dataset": self.config.data.images,
            "protocol": format!(
                "images and captions of the {} images ask each other; relevant: a caption of the image",
                result.queries
            ),
            "loss": self.config.loss.kind,
            "metrics": {},
            "best": result.best.map(|(map, epoch)| json!({"validation_map": map, "epoch": epoch})),
            "epochs": result.epochs,
            "seconds": result.seconds,
            "device": result.device,
            "threads": result.threads,
            "directions": result.directions.iter().map(|d| d.to_json(data)).collect::<Vec<_>>(),
        });
        let text = serde_json::to_vec_pretty(&document).map_err(|e| Error::shape(e.to_string()))?;
        Ok(AtomicFile::write_whole(
            &self.folder.join("result.json"),
            &text,
        )?)
    }
}

/// The heads of both sides; that of the images becomes a part of its model.
fn heads(
    config: &CrossModalConfig,
    model: &mut Model,
    text: usize,
    train: &Dataset,
    device: &Device,
) -> Result<Branches, Error> {
    let frozen = model.network.nodes().len();
    model.finish(&config.model, config.seed, device)?;
    let (_, Some(image_head)) = model.network.split(frozen)? else {
        return Err(Error::shape("the image branch has no head"));
    };
    let wide = config.model.dimension;
    let sizes = [&[text], config.model.hidden.as_slice(), &[wide]].concat();
    let text_head = head(&sizes, config.model.dropout)?.then("", length_one(wide)?)?;
    let parameters = [
        model.parameters.select(&image_head)?,
        Parameters::initial(&text_head, config.seed ^ 1, device),
    ];
    let networks = [image_head, text_head];
    Branches::new(
        networks,
        parameters,
        &config.optimiser,
        &config.loss,
        train,
        device,
    )
}

fn row(epoch: usize, step: usize, loss: f64, rate: f64, speed: f64, seconds: f64) -> String {
    format!("{epoch},{step},{loss:.6},{rate:.6e},,{speed:.1},{seconds:.3}\n")
}
