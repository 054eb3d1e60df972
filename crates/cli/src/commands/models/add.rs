//! `vizsla models add`: takes a model into the registry after it was tried.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_neural::{
    Aggregation, ModelEntry, ModelKind, ModelSource, Pooling, PoolingRecipe, Preprocessing, Preset,
    Registry, RuntimeKind, SessionOptions, TensorLayout, TextSettings, TokenPooling,
};

use super::trial::Allowed;
use crate::commands::Outcome;
use crate::output;

/// Longest entry beside a model that is read, bytes.
const MOST_ENTRY_BYTES: u64 = 1 << 20;

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
        let beside = self.beside()?;
        // The file is the head of a text model, whose entry says everything.
        if let (Some(beside), ModelSource::File { file }) = (&beside, &source)
            && let Some(text) = beside.text.as_ref().filter(|text| is_head(text, file))
        {
            return Ok(ModelEntry {
                id: self.id.clone().unwrap_or_else(|| beside.id.clone()),
                text: Some(TextSettings {
                    head: Some(file.clone()),
                    ..text.clone()
                }),
                ..beside.clone()
            });
        }
        let recorded = beside.as_ref().map(|entry| entry.sha256.clone());
        let prepared = self.preset.is_some() || self.size.is_some() || self.crop.is_some();
        let base = match (beside, &self.id) {
            (Some(beside), _) => beside,
            (None, Some(id)) => ModelEntry::for_file(id, self.kind, Path::new(""), ""),
            (None, None) => bail!("the model needs a name; add --id NAME"),
        };
        let mut entry = ModelEntry {
            id: self.id.clone().unwrap_or(base.id),
            kind: self.kind,
            sha256: String::new(),
            source,
            input: self.input.clone().or(base.input),
            output: self.output.clone().or(base.output),
            layout: self.layout.or(base.layout),
            pooling: self
                .pooling
                .as_ref()
                .map(|pooling| PoolingRecipe::Named(pooling.name()))
                .or(base.pooling),
            side: self.side.or(base.side),
            space: self.space.clone().or(base.space),
            licence: self.licence.clone().or(base.licence),
            preprocessing: match prepared || recorded.is_none() {
                true => self.preprocessing(),
                false => base.preprocessing,
            },
            dimension: base.dimension,
            text: self.text.settings(self.kind, is_hub)?,
        };
        let here = entry.path().is_ok();
        if here || !is_hub {
            entry.sha256 = entry.digest()?;
            entry.record_files()?;
        }
        if let Some(expected) = self.sha256.as_ref().or(recorded.as_ref()) {
            entry.sha256.clone_from(expected);
            if here {
                entry.verified_path()?;
            }
        }
        Ok(entry)
    }

    /// The entry that lies beside the file under its name, if there is one.
    fn beside(&self) -> Result<Option<ModelEntry>> {
        let Some(path) = self.file.as_ref().map(|file| file.with_extension("toml")) else {
            return Ok(None);
        };
        if !path.is_file() || fs_err::metadata(&path)?.len() > MOST_ENTRY_BYTES {
            return Ok(None);
        }
        match toml::from_str(&fs_err::read_to_string(&path)?) {
            Ok(entry) => Ok(Some(entry)),
            // With a name given, a file that happens to lie there is not about the model.
            Err(_) if self.id.is_some() => Ok(None),
            Err(error) => bail!("this is no entry of a model ({error}): {}", path.display()),
        }
    }

    fn preprocessing(&self) -> Preprocessing {
        let mut rule = self.preset.unwrap_or(Preset::Torchvision).preprocessing();
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
            merges_sha256: String::new(),
            max_length: self.max_length,
            pooling: self.text_pooling,
            lower_case: self.lower_case,
            aggregation: self.aggregation,
            statistics: file(&self.statistics)?,
            statistics_sha256: String::new(),
            head: None,
            head_sha256: String::new(),
        }))
    }
}

/// Whether a file is what the entry beside it names as the head of its text model.
fn is_head(text: &TextSettings, file: &Path) -> bool {
    let head = text.head.as_ref().and_then(|head| head.file_name());
    head.is_some() && head == file.file_name()
}

fn absolute(path: &Path) -> Result<PathBuf> {
    fs_err::canonicalize(path).with_context(|| format!("check the path: {}", path.display()))
}
