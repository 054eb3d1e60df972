//! `vizsla models add`: takes a model into the registry after it was tried.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_neural::{
    Aggregation, Error, ModelEntry, ModelKind, ModelSource, NewModel, Pooling, Preset, Registry,
    RuntimeKind, SessionOptions, TensorLayout, TextSettings, TokenPooling,
};

use super::trial::Allowed;
use crate::commands::Outcome;
use crate::output;

/// Take in a network in ONNX format, or a file of word vectors
///
/// The file is hashed and tried once, in a process of its own whose memory and time are limited; what its entry leaves
/// open (input, layout, output, dimension) is found out. Of a file that takes texts as well as images, each half is added
/// by itself: --kind image or text, and --output when it is not found. Beside a file that `vizsla train` wrote lies an entry with the same name and the ending .toml, which says
/// the rest; options go before it. A model of a hub is named by --repository and --filename and fetched by `models
/// pull`.
#[derive(Args)]
pub struct Arguments {
    /// The file of the model
    #[arg(required_unless_present = "repository", conflicts_with = "repository")]
    file: Option<PathBuf>,
    /// Name of the model from now on; left out, that of the entry beside the file
    #[arg(long)]
    id: Option<String>,
    /// image, text or word-vectors
    #[arg(long, default_value = "image")]
    kind: ModelKind,
    /// Repository of a model hub, such as organisation/name
    #[arg(long, requires = "filename")]
    repository: Option<String>,
    /// Path of the file in the repository
    #[arg(long, value_name = "PATH")]
    filename: Option<String>,
    /// Commit, tag or branch of the repository
    #[arg(long, default_value = "main")]
    revision: String,
    /// SHA-256 that the file must have
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// How images are prepared: torchvision, timm, clip, siglip, dinov2, keras or caffe; left out, torchvision
    #[arg(long)]
    preset: Option<Preset>,
    /// Size that the preset's rule gives an image before the crop, pixels
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// Side of the square cut out of the middle, pixels; 0 cuts nothing
    #[arg(long, value_name = "PIXELS")]
    crop: Option<u32>,
    /// Input that takes the images; left out, it is found
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
    /// Order of the input's dimensions, channels-first (NCHW) or channels-last (NHWC); left out, it is found
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<TensorLayout>,
    /// Value to read, any one inside of the model; left out, the last feature map or vector is found
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// How feature maps become vectors, such as gem:3
    #[arg(long)]
    pooling: Option<Pooling>,
    /// Longest side at which images are described, pixels
    #[arg(long, value_name = "PIXELS")]
    side: Option<u32>,
    /// Name shared by models whose vectors can be compared, such as the two halves of CLIP
    #[arg(long)]
    space: Option<String>,
    /// Licence of the weights
    #[arg(long)]
    licence: Option<String>,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    allowed: Allowed,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What text models and word vectors need beside their file.
#[derive(Args)]
struct Text {
    /// Tokenizer of a text network
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// How token vectors become one: cls, mean, sum, last or output
    #[arg(long, value_name = "HOW")]
    text_pooling: Option<TokenPooling>,
    /// Longest text, in tokens
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// Whether texts are lower-cased first
    #[arg(long, value_name = "BOOL")]
    lower_case: Option<bool>,
    /// How word vectors become one: sum, mean, tf-idf or sif
    #[arg(long, value_name = "HOW")]
    aggregation: Option<Aggregation>,
    /// File of word frequencies for tf-idf and sif
    #[arg(long, value_name = "FILE")]
    statistics: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    entry: ModelEntry,
    /// What ran the model when it was tried; none for a model that is not here yet.
    tried_by: Option<RuntimeKind>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let registry = Registry::default_registry()?;
        let options = SessionOptions::default();
        let mut entry = self.entry()?;
        let here = entry.path().is_ok();
        if here {
            entry = self.allowed.tried(&entry, &options)?;
        }
        registry.add(&entry)?;
        let report = Report {
            tried_by: match here {
                true => Some(options.resolve()?),
                false => None,
            },
            entry,
        };
        if self.json {
            output::json(&report)?;
        } else {
            let next = match here {
                true => String::new(),
                false => format!("next: vizsla models pull {}\n", report.entry.id),
            };
            output::show(&format!("{}{next}", super::entry::describe(&report.entry)))?;
        }
        Ok(Outcome::Done)
    }

    /// The entry of the model, as the options say it.
    fn entry(&self) -> Result<ModelEntry> {
        let source = match (&self.file, &self.repository) {
            (Some(file), _) => ModelSource::File { file: file.clone() },
            (None, repository) => ModelSource::Hub {
                repository: repository.clone().unwrap_or_default(),
                revision: self.revision.clone(),
                filename: self.filename.clone().unwrap_or_default(),
            },
        };
        let model = NewModel {
            id: self.id.clone(),
            sha256: self.sha256.clone(),
            preset: self.preset,
            size: self.size,
            crop: self.crop,
            input: self.input.clone(),
            layout: self.layout,
            output: self.output.clone(),
            pooling: self.pooling.clone(),
            side: self.side,
            space: self.space.clone(),
            licence: self.licence.clone(),
            text: self.text.settings(),
            ..NewModel::new(source, self.kind)
        };
        match model.entry() {
            Err(Error::Unnamed) => bail!("{}; add --id NAME", Error::Unnamed),
            entry => Ok(entry?),
        }
    }
}

impl Text {
    fn settings(&self) -> TextSettings {
        TextSettings {
            tokenizer: self.tokenizer.clone(),
            max_length: self.max_length,
            pooling: self.text_pooling,
            lower_case: self.lower_case,
            aggregation: self.aggregation,
            statistics: self.statistics.clone(),
            ..TextSettings::default()
        }
    }
}
