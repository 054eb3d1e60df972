//! `vizsla models add`: takes a model into the registry after it was tried.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use vizsla_neural::{
    ModelEntry, ModelKind, ModelSource, Pooling, Preprocessing, Preset, Registry, RuntimeKind,
    SessionOptions, TextSettings,
};

use crate::commands::Outcome;
use crate::output;

/// Take in a network in ONNX format, or a file of word vectors
///
/// The file is hashed and tried once; what its entry leaves open (input, output, dimension) is found
/// out. A model of a hub is named by --repository and --filename and fetched by `models pull`.
#[derive(Args)]
pub struct Arguments {
    /// The file of the model
    #[arg(required_unless_present = "repository", conflicts_with = "repository")]
    file: Option<PathBuf>,
    /// Name of the model from now on
    #[arg(long)]
    id: String,
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
    /// How images are prepared: torchvision, timm, clip, siglip, dinov2, keras or caffe
    #[arg(long, default_value = "torchvision")]
    preset: Preset,
    /// Size that the preset's rule gives an image before the crop, pixels
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// Side of the square cut out of the middle, pixels; 0 cuts nothing
    #[arg(long, value_name = "PIXELS")]
    crop: Option<u32>,
    /// Input that takes the images; left out, it is found
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
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
    /// How token vectors become one: cls, mean, last or output
    #[arg(long, value_name = "HOW")]
    text_pooling: Option<String>,
    /// Longest text, in tokens
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// Whether texts are lower-cased first
    #[arg(long, value_name = "BOOL")]
    lower_case: Option<bool>,
    /// How word vectors become one: sum, mean, tf-idf or sif
    #[arg(long, value_name = "HOW")]
    aggregation: Option<String>,
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
            entry = entry.tried(&options)?;
            if self.size.is_some() || self.crop.is_some() {
                entry.preprocessing = self.preprocessing();
            }
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
                false => format!("next: vizsla models pull {}\n", self.id),
            };
            output::show(&format!("{}{next}", super::describe(&report.entry)))?;
        }
        Ok(Outcome::Done)
    }

    /// The entry as the options say it, with the digest of a file that is here.
    fn entry(&self) -> Result<ModelEntry> {
        let source = match (&self.file, &self.repository) {
            (Some(file), _) => ModelSource::File {
                file: absolute(file)?,
            },
            (None, repository) => ModelSource::Hub {
                repository: repository.clone().unwrap_or_default(),
                revision: self.revision.clone(),
                filename: self.filename.clone().unwrap_or_default(),
            },
        };
        let is_hub = matches!(source, ModelSource::Hub { .. });
        let mut entry = ModelEntry {
            source,
            input: self.input.clone(),
            output: self.output.clone(),
            pooling: self.pooling.as_ref().map(ToString::to_string),
            side: self.side,
            space: self.space.clone(),
            licence: self.licence.clone(),
            preprocessing: self.preprocessing(),
            text: self.text.settings(self.kind, is_hub)?,
            ..ModelEntry::for_file(&self.id, self.kind, Path::new(""), "")
        };
        let here = entry.path().is_ok();
        if here || !is_hub {
            entry.sha256 = entry.digest()?;
            entry.record_files()?;
        }
        if let Some(expected) = &self.sha256 {
            entry.sha256.clone_from(expected);
            if here {
                entry.verified_path()?;
            }
        }
        Ok(entry)
    }

    fn preprocessing(&self) -> Preprocessing {
        let mut rule = self.preset.preprocessing();
        if let Some(crop) = self.crop {
            rule.crop = Some(crop).filter(|&crop| crop > 0);
        }
        if let Some(size) = self.size {
            rule.size = size;
            rule.crop = rule.crop.map(|crop| crop.min(size));
        }
        rule
    }
}

impl Text {
    fn settings(&self, kind: ModelKind, is_hub: bool) -> Result<Option<TextSettings>> {
        if kind == ModelKind::Image {
            return Ok(None);
        }
        // In a repository the names are paths of it.
        let file = |path: &Option<PathBuf>| match path {
            Some(path) if !is_hub => absolute(path).map(Some),
            path => Ok(path.clone()),
        };
        Ok(Some(TextSettings {
            tokenizer: file(&self.tokenizer)?,
            tokenizer_sha256: String::new(),
            max_length: self.max_length,
            pooling: self.text_pooling.clone(),
            lower_case: self.lower_case,
            aggregation: self.aggregation.clone(),
            statistics: file(&self.statistics)?,
            statistics_sha256: String::new(),
        }))
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    fs_err::canonicalize(path).with_context(|| format!("check the path: {}", path.display()))
}
