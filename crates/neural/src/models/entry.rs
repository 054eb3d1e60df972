//! One model as data: where its file is, what it must hash to, and how it is used.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest;
use super::hub;
use crate::error::Error;
use crate::onnx;
use crate::pooling::PoolingRecipe;
use crate::preprocess::Preprocessing;
use crate::tensor_layout::TensorLayout;
use crate::text::{Aggregation, TokenPooling};

/// The second file of tokenizers that come in two.
const MERGES: &str = "merges.txt";

/// What a model describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Images, by a network in ONNX format.
    Image,
    /// Texts, by a network in ONNX format behind a tokenizer.
    Text,
    /// Words, by a table of vectors: fastText, word2vec or GloVe.
    WordVectors,
}

impl ModelKind {
    /// The names of all kinds, as they are written.
    pub const NAMES: &'static str = "image, text or word-vectors";

    /// The name as it is written in entries.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Image => "image",
            ModelKind::Text => "text",
            ModelKind::WordVectors => "word-vectors",
        }
    }
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for ModelKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "image" => Ok(ModelKind::Image),
            "text" => Ok(ModelKind::Text),
            "word-vectors" => Ok(ModelKind::WordVectors),
            _ => Err(Error::Value {
                name: "the kind of a model",
                value: text.to_owned(),
                allowed: format!("it is {}", Self::NAMES),
            }),
        }
    }
}

/// Where the file of a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum ModelSource {
    /// A file of this machine.
    File {
        /// Its path; a relative one begins at the folder of the registry.
        file: PathBuf,
    },
    /// A file in a repository of a model hub.
    Hub {
        /// Such as "organisation/name".
        repository: String,
        /// A commit, a tag or a branch.
        revision: String,
        /// The path of the file inside the repository, parts separated by "/".
        filename: String,
    },
    /// Part of the program.
    Shipped {
        /// Its id.
        shipped: String,
    },
}

/// What a model of texts or words needs beside its file. Relative paths begin at the folder of the
/// model's file; for a hub model they are paths in the repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// The tokenizer of a network, in one of the formats that [`crate::ModelKind::Text`] models come
    /// with, such as `tokenizer.json` or a WordPiece vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// SHA-256 of the tokenizer file, hexadecimal; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tokenizer_sha256: String,
    /// SHA-256 of the `merges.txt` that belongs to a tokenizer in two files, hexadecimal; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub merges_sha256: String,
    /// Longest text in tokens, special ones included; longer texts are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// How token vectors become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<TokenPooling>,
    /// Whether texts are lower-cased first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_case: Option<bool>,
    /// How word vectors become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// How often words occur, for the aggregations that weigh them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<PathBuf>,
    /// SHA-256 of that file, hexadecimal; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub statistics_sha256: String,
    /// A network in ONNX format that takes what the pooling or aggregation gives, not scaled, into another space: the
    /// text half of a trained pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<PathBuf>,
    /// SHA-256 of that file, hexadecimal; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub head_sha256: String,
}

/// One model of the registry. Field for field what its TOML file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Its name: letters, digits, `.`, `-` and `_`.
    pub id: String,
    /// What it describes.
    pub kind: ModelKind,
    /// SHA-256 of the file and of the weight files it refers to, hexadecimal; see
    /// [`ModelEntry::verified_path`].
    pub sha256: String,
    /// The input that takes the images; left out, the model's only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The value that is read; left out, it is found (see [`crate::ImageEncoder`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// In which order the input takes the numbers of a picture; left out, it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<TensorLayout>,
    /// How feature maps become vectors, such as "gem:3"; left out, the recipe decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<PoolingRecipe>,
    /// Channels of the feature map, or numbers of the vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// Longest side, in pixels, at which images are described when nothing else is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<u32>,
    /// Models of the same space give vectors that can be compared: the two halves of CLIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Licence of the weights, as an SPDX expression where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where the file is.
    pub source: ModelSource,
    /// How images become tensors.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// What a text model needs beside its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSettings>,
}

impl ModelEntry {
    /// An entry for a file of this machine with nothing but the necessary set.
    pub fn for_file(id: &str, kind: ModelKind, file: &Path, sha256: &str) -> ModelEntry {
        ModelEntry {
            id: id.to_owned(),
            kind,
            sha256: sha256.to_owned(),
            input: None,
            output: None,
            layout: None,
            pooling: None,
            dimension: None,
            side: None,
            space: None,
            licence: None,
            source: ModelSource::File {
                file: file.to_path_buf(),
            },
            preprocessing: Preprocessing::default(),
            text: None,
        }
    }

    /// Where the file of the model is on this machine. Nothing is fetched.
    ///
    /// # Errors
    /// [`Error::NotHere`] when it is absent.
    pub fn path(&self) -> Result<PathBuf, Error> {
        match &self.source {
            ModelSource::File { file } if file.is_file() => Ok(file.clone()),
            ModelSource::File { file } => Err(Error::NotHere {
                id: self.id.clone(),
                advice: "bring it back, or remove the model and add it from its new place".into(),
                path: file.clone(),
            }),
            ModelSource::Hub {
                repository,
                revision,
                filename,
            } => hub::cached(repository, revision, filename).ok_or_else(|| Error::NotHere {
                id: self.id.clone(),
                advice: format!("`vizsla models pull {}` fetches it", self.id),
                path: hub::snapshot_path(repository, revision, filename),
            }),
            ModelSource::Shipped { .. } => Err(Error::Unsuitable {
                id: self.id.clone(),
                what: "is part of the program and has no file of its own; name a model in a file"
                    .into(),
            }),
        }
    }

    /// Whether the model is part of the program.
    pub fn is_shipped(&self) -> bool {
        matches!(self.source, ModelSource::Shipped { .. })
    }

    /// Hashes what is recorded of the model, all its files; where it is: `None` for what is part of the program.
    ///
    /// # Errors
    /// As [`ModelEntry::verified_path`] and [`ModelEntry::tokenizer_path`].
    pub fn verify(&self) -> Result<Option<PathBuf>, Error> {
        if self.is_shipped() {
            return Ok(None);
        }
        let path = self.verified_path()?;
        if self.kind == ModelKind::Text {
            self.tokenizer_path()?;
        }
        Ok(Some(path))
    }

    /// As [`ModelEntry::path`], after the file was hashed and found to be the recorded one. The
    /// digest covers the model's file and, one after the other, the external weight files that an
    /// ONNX model refers to, in the order of its graph.
    ///
    /// # Errors
    /// [`Error::NotHere`], or [`Error::Checksum`] when the file is another one.
    pub fn verified_path(&self) -> Result<PathBuf, Error> {
        let path = self.path()?;
        let name = format!("model '{}'", self.id);
        compare(name, &self.sha256, self.digest()?, &path)?;
        Ok(path)
    }

    /// Records the SHA-256 of the files beside the model, tokenizer, word statistics and head, as they are now.
    ///
    /// # Errors
    /// [`Error::NotHere`] when the model is absent, [`Error::Io`] when one of the files is.
    pub fn record_files(&mut self) -> Result<(), Error> {
        let Some(mut text) = self.text.take() else {
            return Ok(());
        };
        let hash = |path: &Option<PathBuf>| match path {
            Some(path) => digest::file(&self.beside(path)?),
            None => Ok(String::new()),
        };
        let merges = text
            .tokenizer
            .as_ref()
            .map(|path| path.with_file_name(MERGES));
        let beside = |path: &PathBuf| self.beside(path).is_ok_and(|path| path.is_file());
        let merges = merges.filter(beside);
        let hashed = [&text.tokenizer, &merges, &text.statistics, &text.head].map(hash);
        let recorded = hashed.into_iter().collect::<Result<Vec<_>, _>>();
        let recorded = recorded.map(|hashed| {
            let mut hashed = hashed.into_iter();
            for place in [
                &mut text.tokenizer_sha256,
                &mut text.merges_sha256,
                &mut text.statistics_sha256,
                &mut text.head_sha256,
            ] {
                *place = hashed.next().unwrap_or_default();
            }
        });
        self.text = Some(text);
        recorded
    }

    /// The head behind a text model, hashed and found to be the recorded one; `None` where the entry names none.
    ///
    /// # Errors
    /// [`Error::Io`] when the file is absent, [`Error::Checksum`] when it is another one.
    pub fn head_path(&self) -> Result<Option<PathBuf>, Error> {
        let Some((settings, head)) = self.text.as_ref().and_then(|t| Some((t, t.head.as_ref()?)))
        else {
            return Ok(None);
        };
        let path = self.beside(head)?;
        let name = format!("the head of model '{}'", self.id);
        compare(name, &settings.head_sha256, digest::file(&path)?, &path)?;
        Ok(Some(path))
    }

    /// The word statistics of a table of word vectors, hashed and found to be the recorded ones; `None` where the
    /// entry names none.
    ///
    /// # Errors
    /// [`Error::Io`] when the file is absent, [`Error::Checksum`] when it is another one.
    pub fn statistics_path(&self) -> Result<Option<PathBuf>, Error> {
        let Some(settings) = &self.text else {
            return Ok(None);
        };
        let Some(statistics) = &settings.statistics else {
            return Ok(None);
        };
        let path = self.beside(statistics)?;
        let name = format!("the word statistics of model '{}'", self.id);
        compare(
            name,
            &settings.statistics_sha256,
            digest::file(&path)?,
            &path,
        )?;
        Ok(Some(path))
    }

    /// Where a file is that `path` names relative to the model's file.
    ///
    /// # Errors
    /// [`Error::NotHere`] when the model itself is absent.
    pub fn beside(&self, path: &Path) -> Result<PathBuf, Error> {
        match &self.source {
            ModelSource::Hub {
                repository,
                revision,
                ..
            } if path.is_relative() => {
                let name = path.to_string_lossy();
                Ok(hub::snapshot_path(repository, revision, &name))
            }
            _ => {
                let model = self.path()?;
                Ok(model.parent().unwrap_or(Path::new(".")).join(path))
            }
        }
    }

    /// The files beside the model that hold weights of it.
    ///
    /// # Errors
    /// As [`ModelEntry::digest`].
    pub(super) fn external_files(&self) -> Result<Vec<PathBuf>, Error> {
        if self.kind == ModelKind::WordVectors {
            return Ok(Vec::new());
        }
        let path = self.path()?;
        let names = onnx::external_names(&path)?;
        names
            .iter()
            .map(|name| onnx::external_path(&path, name))
            .collect()
    }

    /// SHA-256 of the files as they are now, which is what [`ModelEntry::sha256`] records.
    ///
    /// # Errors
    /// [`Error::NotHere`] when a file is absent, [`Error::WrongKind`] when it is no model.
    pub fn digest(&self) -> Result<String, Error> {
        let path = self.path()?;
        match self.kind {
            ModelKind::WordVectors => digest::file(&path),
            ModelKind::Image | ModelKind::Text => digest::model(&path),
        }
    }

    /// The tokenizer of a text model, hashed and found to be the recorded one.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when the entry names none, [`Error::NotHere`] when it is absent,
    /// [`Error::Checksum`] when it is another one.
    pub fn tokenizer_path(&self) -> Result<PathBuf, Error> {
        let settings = self.text.as_ref();
        let Some((settings, tokenizer)) =
            settings.and_then(|settings| Some((settings, settings.tokenizer.as_ref()?)))
        else {
            return Err(Error::Unsuitable {
                id: self.id.clone(),
                what: "has no tokenizer; add it again with --tokenizer FILE".into(),
            });
        };
        let path = self.beside(tokenizer)?;
        if !path.is_file() {
            return Err(Error::NotHere {
                id: self.id.clone(),
                advice: "its tokenizer is missing; bring it back or pull the model again".into(),
                path,
            });
        }
        let found = digest::file(&path)?;
        let name = format!("the tokenizer of model '{}'", self.id);
        compare(name, &settings.tokenizer_sha256, found, &path)?;
        if !settings.merges_sha256.is_empty() {
            let merges = path.with_file_name(MERGES);
            let name = format!("the merges of model '{}'", self.id);
            compare(
                name,
                &settings.merges_sha256,
                digest::file(&merges)?,
                &merges,
            )?;
        }
        Ok(path)
    }
}

fn compare(name: String, expected: &str, found: String, path: &Path) -> Result<(), Error> {
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::Checksum {
        name,
        expected: match expected {
            "" => "one, but none is recorded".to_owned(),
            expected => expected.to_owned(),
        },
        found,
        path: path.to_path_buf(),
    })
}
