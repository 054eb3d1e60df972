//! A cross-modal run: its pairs, steps and validation.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;
use serde_json::json;
use vizsla_evaluation::{Dataset, run_files};
use vizsla_neural::ModelEntry;
use vizsla_vectors::{AtomicFile, content_id};

use super::super::checkpoint::{Checkpoint, HardTriplet, Head};
use super::super::learner::Saved;
use super::super::model::{Model, length_one};
use super::super::observer::TrainObserver;
use super::super::options::TrainOptions;
use super::super::plan::{Stream, dropout_seed, random};
use super::super::result::{Embedded, MOST_EMBEDDINGS, name_of, write_embeddings};
use super::super::rounds::{self, Pace, Place, Rounds, Taken};
use super::branches::{Branches, Pairs};
use super::config::CrossModalConfig;
use super::data::Captioned;
use super::directions::{Direction, both, mean_map};
use super::export;
use super::features::{Part, Rows, backbone, of_captions, of_images, text_entry};
use super::hardest::Hard;
use crate::error::Error;
use crate::network::{Parameters, head};
use crate::sampling::shuffled_batches;

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
    let saved = rounds::begin(folder, options, &config.to_toml()?)?;
    let Some(mut trainer) = Trainer::new(config, folder, saved, observer)? else {
        return Ok(None);
    };
    if !trainer.saved.head.finished && !rounds::train_on(&mut trainer, observer)? {
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
        let compute = config.device.unwrap_or_default();
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
            self.saved.head = Head::fresh(fingerprint, VALIDATION_HEAD);
            return Ok(());
        };
        if saved.head.fingerprint != fingerprint {
            let what = "the checkpoint is of another configuration or of other captions; go on with the settings of \
                        run.toml, or train into another folder";
            return Err(Error::invalid(what, rounds::state(&self.folder)));
        }
        let (values, states) = (
            std::mem::take(&mut saved.values),
            std::mem::take(&mut saved.states),
        );
        self.branches.restore(values, states)?;
        self.saved = saved;
        Ok(())
    }

    fn embed(&self, part: &Part) -> Result<Part, Error> {
        Ok(Part {
            images: self.branches.embed(0, &part.images)?,
            captions: self.branches.embed(1, &part.captions)?,
        })
    }

    /// Evaluates the best heads and writes what is left of the run.
    fn finish(&mut self, observer: &dyn TrainObserver) -> Result<CrossModalResult, Error> {
        observer.begin("evaluating", 0);
        let device = self.config.device.unwrap_or_default().device()?;
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
        let embedded = self.embed(part)?;
        let directions = both(data, &embedded, self.config.seed);
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
        self.write_embeddings(&embedded, data, queries)?;
        export::export(&self.folder, &self.model, &self.branches, &self.entry)?;
        observer.end();
        Ok(result)
    }

    /// Images and captions in one space, evenly chosen where there are many.
    fn write_embeddings(&self, part: &Part, data: &Dataset, set: &str) -> Result<(), Error> {
        let images = data
            .gallery
            .iter()
            .map(|image| image.path.display().to_string());
        let captions = data.captions.iter().map(|caption| caption.text.clone());
        let mut embedded = some_of("image", images.collect(), &part.images);
        embedded.extend(some_of("caption", captions.collect(), &part.captions));
        write_embeddings(&self.folder, &embedded, set)
    }

    /// Keeps the hardest negatives of the epoch: among captions for an image, among images for a caption.
    fn remember(&mut self, hardest: &[Hard], batch: &[usize]) {
        let data = &self.data.train;
        let caption = |row: usize| &data.captions[batch[row]];
        let words = |row: usize| caption(row).text.clone();
        let picture = |row: usize| data.gallery[caption(row).image].path.display().to_string();
        let named = hardest.iter().map(|hard| {
            let similarities = hard.similarities;
            match hard.by_caption {
                false => HardTriplet {
                    anchor: picture(hard.anchor),
                    positive: words(hard.anchor),
                    negative: words(hard.negative),
                    similarities,
                },
                true => HardTriplet {
                    anchor: words(hard.anchor),
                    positive: picture(hard.anchor),
                    negative: picture(hard.negative),
                    similarities,
                },
            }
        });
        self.saved.head.remember(named);
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
            &self.folder.join(run_files::RESULT),
            &text,
        )?)
    }
}

impl Rounds for Trainer<'_> {
    /// Captions of the training images.
    type Batch = Vec<usize>;

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
        ("captions", "validation mAP of both directions")
    }

    fn plan(&mut self, epoch: usize) -> Result<Vec<Vec<usize>>, Error> {
        let mut rng = random(self.config.seed, Stream::Batches, epoch, 0);
        let count = self.train.captions.count();
        shuffled_batches(count, self.config.sampling.batch, &mut rng)
    }

    fn step(&mut self, place: Place, batch: &Vec<usize>) -> Result<Taken, Error> {
        let begin = Instant::now();
        let (seed, Place { epoch, step, .. }) = (self.config.seed, place);
        let captions = &self.data.train.captions;
        let groups: Vec<usize> = batch
            .iter()
            .map(|&caption| captions[caption].image)
            .collect();
        let rate = place.rate(self.pace());
        let pairs = Pairs {
            images: self.train.images.gather(groups.iter().copied()),
            captions: self.train.captions.gather(batch.iter().copied()),
            groups: &groups,
            names: &self.names,
            seed: dropout_seed(seed, epoch, step),
            epoch,
        };
        let mut rng = random(seed, Stream::Mining, epoch, step);
        let Some(found) = self.branches.step(pairs, rate, &mut rng)? else {
            let names = groups.iter().map(|&image| self.names[image].as_str());
            let state = rounds::state(&self.folder);
            return Err(Error::diverged((epoch, step + 1), rate, names, state));
        };
        self.remember(&found.hardest, batch);
        Ok(Taken {
            loss: found.loss,
            active_share: found.active_share,
            images: groups.len(),
            seconds: begin.elapsed().as_secs_f64(),
        })
    }

    fn validate(&mut self, epoch: usize) -> Result<Option<f64>, Error> {
        let directions = both(
            &self.data.validation,
            &self.embed(&self.validation)?,
            self.config.seed,
        );
        let map = mean_map(&directions);
        let firsts: Vec<String> = directions
            .iter()
            .map(|d| format!("{:.6}", d.recall_at_1.value))
            .collect();
        let line = format!("{epoch},{map:.6},{}\n", firsts.join(","));
        self.saved.head.validation_csv.push_str(&line);
        Ok(Some(map))
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

    fn save(&mut self) -> Result<Saved, Error> {
        self.branches.save()
    }
}

/// Half as many rows as are written at most, evenly chosen.
fn some_of<'a>(label: &'a str, names: Vec<String>, rows: &'a Rows) -> Vec<Embedded<'a>> {
    let every = names.len().div_ceil(MOST_EMBEDDINGS / 2).max(1);
    let places = names.into_iter().enumerate().step_by(every);
    let embedded = places.map(|(place, of)| Embedded {
        of,
        label,
        row: rows.row(place),
    });
    embedded.collect()
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
