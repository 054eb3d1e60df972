//! The configuration of a cross-modal run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::config::{ModelConfig, StopConfig};
use super::super::schedule::Schedule;
use super::super::settings::{self, above_zero, changed, ranged};
use super::super::trained::Trained;
use super::caption_pooling::CaptionPooling;
use crate::device::Compute;
use crate::error::Error;
use crate::optimiser::OptimiserConfig;

/// A cross-modal run as one TOML file; `[model]`, `[optimiser]`, `[schedule]` and `[stop]` as in
/// [`crate::RunConfig`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossModalConfig {
    /// Where all random numbers begin.
    pub seed: u64,
    /// cpu, cuda, cuda:NUMBER or wgpu; left out, the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Compute>,
    /// Which images and captions.
    pub data: CaptionData,
    /// The image branch. `hidden`, `dimension` and `dropout` are those of both heads; the backbone stays as it is.
    pub model: ModelConfig,
    /// The text branch.
    pub text: TextConfig,
    /// What is learned.
    pub loss: CaptionLoss,
    /// Which pairs meet.
    pub sampling: CaptionSampling,
    /// How weights change.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// When it ends, and how often it is saved.
    pub stop: StopConfig,
}

/// `[data]`: relative paths begin at the folder of the TOML file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptionData {
    /// The folder of the images.
    pub images: PathBuf,
    /// CSV with the columns `image` and `caption`, one line for each caption.
    pub captions: PathBuf,
    /// Names of the images that are trained on, one on each line; left out, all that are in no other list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// Names of the images that choose the best epoch; left out, a share of those trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    /// Names of the images of the final evaluation; left out, those of validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The share that is held out without a list for validation, above 0 to 0.5.
    pub held_out: f64,
}

impl Default for CaptionData {
    fn default() -> Self {
        Self {
            images: PathBuf::new(),
            captions: PathBuf::new(),
            train: None,
            validation: None,
            test: None,
            held_out: 0.1,
        }
    }
}

/// `[text]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct TextConfig {
    /// A model of the registry, or a file of word vectors.
    pub model: String,
    /// How the vectors of words or tokens become one: sum or mean, for word vectors also tf-idf and sif; cls, last and
    /// output for networks. The head sees the vector as it is, so that sum and mean differ.
    pub aggregation: CaptionPooling,
}

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionLossKind {
    /// InfoNCE in both directions.
    #[default]
    InfoNce,
    /// Hinges with the hardest negative of the batch in both directions (VSE++).
    MaxOfHinges,
    /// Hinges with all negatives of the batch in both directions.
    MeanOfHinges,
    /// Triplets with one random negative for each anchor.
    Triplet,
    /// One visual and two textual ranking losses over triplets that the captions' words order (Gordo & Larlus 2017).
    VisualTextual,
    /// WARP in both directions: WSABIE, with no hidden layers.
    Warp,
}

/// What asks in the triplets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchors {
    /// Images; positives and negatives are captions.
    Images,
    /// Captions; positives and negatives are images.
    Captions,
    /// Both, their losses summed.
    #[default]
    Both,
}

/// `[loss]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptionLoss {
    /// info-nce, max-of-hinges, mean-of-hinges, triplet, visual-textual or warp.
    pub kind: CaptionLossKind,
    /// Temperature of info-nce, above 0.
    pub temperature: f64,
    /// Margin of the others, above 0.
    pub margin: f64,
    /// images, captions or both, for triplet.
    pub anchors: Anchors,
    /// Epochs at the start of max-of-hinges that take the mean over the negatives. Without any, heads that know nothing
    /// yet are pulled onto one point, where every hardest negative costs exactly the margin, and stay there.
    pub mean_epochs: usize,
}

impl Default for CaptionLoss {
    fn default() -> Self {
        Self {
            kind: CaptionLossKind::InfoNce,
            temperature: 0.05,
            margin: 0.2,
            anchors: Anchors::Both,
            mean_epochs: 1,
        }
    }
}

/// `[sampling]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptionSampling {
    /// Pairs of a batch, 2 to 16384; an epoch shows each caption once.
    pub batch: usize,
}

impl Default for CaptionSampling {
    fn default() -> Self {
        Self { batch: 256 }
    }
}

impl CrossModalConfig {
    /// Whether a TOML file describes a cross-modal run: it names `data.captions`.
    ///
    /// # Errors
    /// When the file cannot be read; one that is no TOML is none.
    pub fn is_in(path: &Path) -> Result<bool, Error> {
        let table: toml::Table = toml::from_str(&settings::read(path)?).unwrap_or_default();
        let data = table.get("data").and_then(toml::Value::as_table);
        Ok(data.is_some_and(|data| data.contains_key("captions")))
    }

    /// Reads a TOML file; relative paths in it become relative to its folder.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no such file, with line and column; [`Error::Setting`] when a value is out of
    /// range.
    pub fn read(path: &Path) -> Result<CrossModalConfig, Error> {
        let mut config: CrossModalConfig = toml::from_str(&settings::read(path)?)
            .map_err(|error| Error::invalid(error.to_string().trim_end(), path))?;
        config.check()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let data = &mut config.data;
        data.images = folder.join(&data.images);
        data.captions = folder.join(&data.captions);
        for list in [&mut data.train, &mut data.validation, &mut data.test] {
            *list = list.take().map(|list| folder.join(list));
        }
        config.model.backbone.base(folder);
        let text = folder.join(&config.text.model);
        if text.is_file() {
            config.text.model = text.to_string_lossy().into_owned();
        }
        Ok(config)
    }

    /// A copy with one setting changed, such as `loss.margin` to `0.2`.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is no such setting or it cannot have this value.
    pub fn with(&self, name: &str, value: &str) -> Result<CrossModalConfig, Error> {
        let changed: CrossModalConfig = changed(self, name, value)?;
        changed.check()?;
        Ok(changed)
    }

    /// The configuration as TOML, all defaults filled in.
    ///
    /// # Errors
    /// None that a checked configuration has.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self).map_err(|error| Error::shape(error.to_string()))
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// [`Error::Setting`], which names the setting and what it may be.
    pub fn check(&self) -> Result<(), Error> {
        let (model, loss, batch) = (&self.model, &self.loss, self.sampling.batch);
        above_zero("loss.temperature", loss.temperature)?;
        above_zero("loss.margin", loss.margin)?;
        let held = self.data.held_out;
        ranged(
            "data.held_out",
            held,
            held > 0.0 && held <= 0.5,
            "it is above 0 and at most 0.5",
        )?;
        ranged(
            "sampling.batch",
            batch as f64,
            (2..=1 << 14).contains(&batch),
            "it is 2 to 16384",
        )?;
        settings::side(model.side)?;
        settings::dropout(model.dropout)?;
        let whitening = model.whitening as f64;
        ranged(
            "model.whitening",
            whitening,
            whitening == 0.0,
            "it is 0 where captions are learned",
        )?;
        settings::checkpoint_steps(self.stop.checkpoint_steps)?;
        for (name, sizes) in [
            ("model.dimension", &[model.dimension][..]),
            ("model.hidden", &model.hidden),
        ] {
            if let Some(size) = sizes.iter().find(|size| !(1..=1 << 16).contains(*size)) {
                return Err(Error::setting(
                    name,
                    size,
                    "it is 1 to 65536, such as 256 to 4096",
                ));
            }
        }
        if model.train != Trained::Head {
            let allowed = "it is head where captions are learned";
            return Err(Error::setting("model.train", &model.train, allowed));
        }
        self.optimiser.check()?;
        self.schedule.check()
    }
}
