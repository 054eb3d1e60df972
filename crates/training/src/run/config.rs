//! One run as one TOML file.
//!
//! Everything has a default but the images; what is not known is an error, so that a slip of the pen does not
//! train the wrong thing for an hour. `RUN/run.toml` holds all of it, defaults filled in.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vizsla_neural::{PoolingName, Preset};

use super::backbone::BackboneName;
use super::schedule::Schedule;
use super::settings::{self, above_zero, changed, ranged};
use super::trained::Trained;
use crate::device::Compute;
use crate::error::Error;
use crate::losses::Distance;
use crate::optimiser::OptimiserConfig;
use crate::sampling::Mining;

/// The configuration of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Where all random numbers begin.
    pub seed: u64,
    /// cpu, cuda, cuda:NUMBER or wgpu; left out, the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Compute>,
    /// Numbers of the forward pass.
    pub precision: Precision,
    /// Which images.
    pub data: DataConfig,
    /// Which network, and what of it is trained.
    pub model: ModelConfig,
    /// What is learned.
    pub loss: LossConfig,
    /// Which images meet.
    pub sampling: SamplingConfig,
    /// How images are varied.
    pub augment: AugmentConfig,
    /// How weights change.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// When it ends, and how often it is saved.
    pub stop: StopConfig,
}

/// Numbers of the forward pass; weights and optimiser are always 32 bits wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats with the exponent of 32-bit ones; on graphics processors only.
    Bf16,
    /// 16-bit floats; on graphics processors only.
    F16,
}

/// `[data]`: relative paths begin at the folder of the TOML file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// The folder of the images; without a list, one folder in it for each class.
    pub images: PathBuf,
    /// CSV with the columns `image` and `label`, and perhaps the box `x,y,width,height` in pixels of the
    /// upright image; images relative to `images`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
    /// CSV with the columns `image` and `positive`: the pairs are positives, images that no chain of pairs connects
    /// are negatives, the others neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PathBuf>,
    /// Folder of classes whose images are the queries of the final evaluation, all training images the gallery;
    /// never trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<PathBuf>,
    /// Share of the images of each class that is held out for validation, 0 to 0.5; they are the queries, the
    /// others the gallery.
    pub validation: f64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            images: PathBuf::new(),
            list: None,
            pairs: None,
            queries: None,
            validation: 0.2,
        }
    }
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// A model of the registry, an ONNX file, or resnet18, resnet50, resnet101, vgg16, mobilenet_v1:WIDTH.
    pub backbone: BackboneName,
    /// Weights of a named architecture in safetensors format; left out, it begins at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Value of the ONNX model that is read; left out, the entry's or the last feature map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How images of a file are prepared: torchvision, timm, clip, siglip, dinov2, keras or caffe; an entry of
    /// the registry knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Longest side of the images, pixels; their aspect is kept.
    pub side: u32,
    /// mac, spoc, gem:P, r_mac:LEVELS.
    pub pooling: PoolingName,
    /// Dimension of a whitening layer behind the pooling that begins as a PCA of the training images; 0 for none.
    pub whitening: usize,
    /// Sizes of hidden layers with ReLU.
    pub hidden: Vec<usize>,
    /// Numbers of a descriptor; 0 for no head.
    pub dimension: usize,
    /// Share of hidden numbers that is left out in training, 0 to below 1.
    pub dropout: f64,
    /// What is trained: head, all or from:NAME.
    pub train: Trained,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            backbone: BackboneName::Unnamed,
            weights: None,
            output: None,
            preset: None,
            side: 256,
            pooling: PoolingName::Gem { p: 3.0 },
            whitening: 0,
            hidden: vec![512],
            dimension: 256,
            dropout: 0.0,
            train: Trained::Head,
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Softmax over the classes, which is thrown away afterwards.
    Classification,
    /// Pairs, as Siamese networks learn.
    Contrastive,
    /// Triplets.
    #[default]
    Triplet,
    /// Average precision.
    AveragePrecision,
    /// InfoNCE with the labels.
    InfoNce,
}

/// `[loss]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// classification, contrastive, triplet, average-precision or info-nce.
    pub kind: LossKind,
    /// Margin of contrastive and triplet, above 0.
    pub margin: f64,
    /// Distance of triplet: squared-euclidean, euclidean or cosine.
    pub distance: Distance,
    /// Bins of average-precision, 2 to 1000.
    pub bins: usize,
    /// Temperature of info-nce; classification multiplies its logits by one over it.
    pub temperature: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            kind: LossKind::Triplet,
            margin: 0.3,
            distance: Distance::Euclidean,
            bins: 20,
            temperature: 0.07,
        }
    }
}

/// `[sampling]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingConfig {
    /// all, random, semi-hard, batch-hard or pool.
    pub mining: Mining,
    /// Classes of a batch.
    pub classes: usize,
    /// Images of each.
    pub images: usize,
    /// Negatives for each image with `mining = "pool"`.
    pub negatives: usize,
    /// Images that go through the network at the same time; more are taken in stages. 0: as many as fit.
    pub chunk: usize,
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self {
            mining: Mining::BatchHard,
            classes: 8,
            images: 16,
            negatives: 2,
            chunk: 0,
        }
    }
}

/// `[augment]`: usual when the backbone is trained; a frozen one is run over `views` variants beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Whether every second view is mirrored, at random.
    pub flip: bool,
    /// Least share of the image's area that a random crop keeps, above 0 to 1; the aspect stays. 1 for no crop.
    pub crop: f64,
    /// Variants of each image that are cached for a frozen network; 1 is the image itself.
    pub views: usize,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            flip: true,
            crop: 0.6,
            views: 1,
        }
    }
}

impl AugmentConfig {
    /// Whether two epochs may see an image differently.
    pub(super) fn varies(&self) -> bool {
        self.flip || self.crop < 1.0
    }
}

/// `[stop]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopConfig {
    /// Most epochs; 0 evaluates the network as it is.
    pub epochs: usize,
    /// Epochs without a better validation mAP after which it stops; 0 for never.
    pub patience: usize,
    /// Steps between two checkpoints, beside that of every epoch.
    pub checkpoint_steps: usize,
}

impl Default for StopConfig {
    fn default() -> Self {
        Self {
            epochs: 30,
            patience: 8,
            checkpoint_steps: 200,
        }
    }
}

impl RunConfig {
    /// Reads a TOML file; relative paths in it become relative to its folder.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no such file, with line and column; [`Error::Setting`] when a value is out
    /// of range.
    pub fn read(path: &Path) -> Result<RunConfig, Error> {
        let mut config = RunConfig::parse(&settings::read(path)?)
            .map_err(|error| Error::invalid(error.to_string(), path))?;
        config.base(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// A configuration from TOML text, checked; paths stay as they are.
    ///
    /// # Errors
    /// As [`RunConfig::read`].
    pub fn parse(text: &str) -> Result<RunConfig, Error> {
        let config: RunConfig = toml::from_str(text).map_err(|error| Error::Shape {
            what: error.to_string().trim_end().to_owned(),
        })?;
        config.check()?;
        Ok(config)
    }

    /// A copy with one setting changed, such as `loss.margin` to `0.2`.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is no such setting or it cannot have this value.
    pub fn with(&self, name: &str, value: &str) -> Result<RunConfig, Error> {
        let changed: RunConfig = changed(self, name, value)?;
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
        let (data, loss, model) = (&self.data, &self.loss, &self.model);
        let share = (0.0..=0.5).contains(&data.validation);
        ranged("data.validation", data.validation, share, "it is 0 to 0.5")?;
        above_zero("loss.margin", loss.margin)?;
        above_zero("loss.temperature", loss.temperature)?;
        let bins = (2..=1000).contains(&loss.bins);
        ranged("loss.bins", loss.bins as f64, bins, "it is 2 to 1000")?;
        settings::side(model.side)?;
        settings::dropout(model.dropout)?;
        let crop = self.augment.crop > 0.0 && self.augment.crop <= 1.0;
        ranged(
            "augment.crop",
            self.augment.crop,
            crop,
            "it is above 0 and at most 1",
        )?;
        let views = (1..=64).contains(&self.augment.views);
        ranged(
            "augment.views",
            self.augment.views as f64,
            views,
            "it is 1 to 64",
        )?;
        self.check_sizes()?;
        self.check_pooling()?;
        self.check_mining()?;
        self.optimiser.check()?;
        self.schedule.check()
    }

    fn check_sizes(&self) -> Result<(), Error> {
        let model = &self.model;
        let sizes = [
            ("classes", self.sampling.classes),
            ("images", self.sampling.images),
        ];
        for (name, size) in sizes {
            let fits = (2..=4096).contains(&size);
            ranged(
                &format!("sampling.{name}"),
                size as f64,
                fits,
                "it is 2 to 4096",
            )?;
        }
        let negatives = (1..=64).contains(&self.sampling.negatives);
        let given = self.sampling.negatives as f64;
        ranged("sampling.negatives", given, negatives, "it is 1 to 64")?;
        settings::checkpoint_steps(self.stop.checkpoint_steps)?;
        let widest = model
            .hidden
            .iter()
            .copied()
            .chain([model.dimension, model.whitening])
            .max();
        let widest = widest.unwrap_or(0);
        ranged(
            "model.hidden",
            widest as f64,
            widest <= 1 << 16,
            "sizes are at most 65536",
        )?;
        Ok(())
    }

    fn check_pooling(&self) -> Result<(), Error> {
        let trained = |part: &PoolingName| match part {
            PoolingName::Mac
            | PoolingName::Spoc
            | PoolingName::Gem { .. }
            | PoolingName::RMac { .. } => true,
            PoolingName::SpocCentre
            | PoolingName::Crow
            | PoolingName::Learned { .. }
            | PoolingName::Joined(_) => false,
        };
        let pooling = &self.model.pooling;
        match pooling.parts().iter().all(trained) {
            true => Ok(()),
            false => Err(Error::setting(
                "model.pooling",
                pooling,
                "it is mac, spoc, gem:P or r_mac:LEVELS, or several joined by |",
            )),
        }
    }

    fn check_mining(&self) -> Result<(), Error> {
        let pairs = self.loss.kind == LossKind::Contrastive;
        match self.sampling.mining {
            Mining::SemiHard | Mining::Pool if pairs => Err(Error::setting(
                "sampling.mining",
                "semi-hard or pool",
                "with loss.kind = \"contrastive\" it is all, random or batch-hard",
            )),
            Mining::Pool if self.loss.kind != LossKind::Triplet => Err(Error::setting(
                "sampling.mining",
                "pool",
                "it is for loss.kind = \"triplet\"",
            )),
            _ => Ok(()),
        }
    }

    /// Lets relative paths begin at a folder.
    fn base(&mut self, folder: &Path) {
        let data = &mut self.data;
        if !data.images.as_os_str().is_empty() {
            data.images = folder.join(&data.images);
        }
        let others = [
            &mut data.list,
            &mut data.pairs,
            &mut data.queries,
            &mut self.model.weights,
        ];
        for path in others.into_iter().flatten() {
            *path = folder.join(&*path);
        }
        self.model.backbone.base(folder);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fill_what_is_left_out_and_survive_their_file() {
        let config = RunConfig::parse("seed = 3\n[loss]\nkind = \"average-precision\"").unwrap();
        assert_eq!(
            (config.seed, config.loss.kind),
            (3, LossKind::AveragePrecision)
        );
        assert_eq!(config.sampling, SamplingConfig::default());
        let again = RunConfig::parse(&config.to_toml().unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("sede = 1", "sede"),
            ("[loss]\nkind = \"tripplet\"", "average-precision"),
            (
                "[loss]\nmargin = -1",
                "loss.margin is -1; it is a number above zero",
            ),
            ("[model]\npooling = \"gam\"", "gem:P"),
            ("[model]\npooling = \"spoc|crow\"", "r_mac:LEVELS"),
            ("[model]\npooling = \"netvlad:a.vzpl\"", "r_mac:LEVELS"),
            ("[model]\npreset = \"kears\"", "keras"),
            ("[model]\ntrain = \"haed\"", "from:NAME"),
            ("device = \"gpu\"", "cuda:NUMBER"),
            ("[optimiser]\nrate = 0", "optimiser.rate"),
            (
                "[loss]\nkind = \"contrastive\"\n[sampling]\nmining = \"pool\"",
                "batch-hard",
            ),
        ] {
            let message = RunConfig::parse(text).unwrap_err().to_string();
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn single_settings_are_changed() {
        let config = RunConfig::default();
        assert_eq!(config.with("loss.margin", "0.7").unwrap().loss.margin, 0.7);
        assert_eq!(config.with("seed", "9").unwrap().seed, 9);
        let mined = config.with("sampling.mining", "semi-hard").unwrap();
        assert_eq!(mined.sampling.mining, Mining::SemiHard);
        assert_eq!(
            config.with("model.hidden", "[7, 8]").unwrap().model.hidden,
            [7, 8]
        );
        for (name, value) in [
            ("loss.margn", "1"),
            ("loss.margin.x", "1"),
            ("loss.margin", "-2"),
        ] {
            assert!(config.with(name, value).is_err(), "{name}");
        }
    }
}
