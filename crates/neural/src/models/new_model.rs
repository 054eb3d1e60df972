//! Taking in a model: from what is known of it to the entry that the registry keeps.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::entry::{ModelEntry, ModelKind, ModelSource, TextSettings};
use crate::error::Error;
use crate::pooling::{Pooling, PoolingRecipe};
use crate::preprocess::{Preprocessing, Preset};
use crate::tensor_layout::TensorLayout;

/// Longest entry beside a model that is read, bytes.
const MOST_ENTRY_BYTES: u64 = 1 << 20;

/// What is known of a model that is to be taken in. What is left out is taken from the entry beside its file, where
/// training wrote one, or found out when the model is tried ([`TrialProcess`](crate::TrialProcess)).
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Where it is.
    pub source: ModelSource,
    /// What it describes.
    pub kind: ModelKind,
    /// Its name from now on; left out, that of the entry beside the file.
    pub id: Option<String>,
    /// SHA-256 that the file must have, hexadecimal.
    pub sha256: Option<String>,
    /// How images are prepared; left out, as torchvision does.
    pub preset: Option<Preset>,
    /// Size that the preset's rule gives an image before the crop, pixels.
    pub size: Option<u32>,
    /// Side of the square cut out of the middle, pixels; 0 cuts nothing.
    pub crop: Option<u32>,
    /// Input that takes the images.
    pub input: Option<String>,
    /// Order of the input's dimensions.
    pub layout: Option<TensorLayout>,
    /// Value to read.
    pub output: Option<String>,
    /// How feature maps become vectors.
    pub pooling: Option<Pooling>,
    /// Longest side at which images are described, pixels.
    pub side: Option<u32>,
    /// Name shared by models whose vectors can be compared.
    pub space: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// What text models and word vectors need beside their file; hashes are found.
    pub text: TextSettings,
}

impl NewModel {
    /// A model of which nothing is known but where it is and what it describes.
    pub fn new(source: ModelSource, kind: ModelKind) -> Self {
        Self {
            source,
            kind,
            id: None,
            sha256: None,
            preset: None,
            size: None,
            crop: None,
            input: None,
            layout: None,
            output: None,
            pooling: None,
            side: None,
            space: None,
            licence: None,
            text: TextSettings::default(),
        }
    }

    /// The entry: what is said here goes before what stands in the entry beside the file. Paths of a file that is here
    /// become absolute, and hashes of what is here are recorded; what the hash must be is checked.
    ///
    /// # Errors
    /// [`Error::Unnamed`] when there is no name; [`Error::Checksum`] when the file is another than the one that was
    /// named; [`Error::Entry`] when what lies beside it is no entry and no name was given; a file is missing.
    pub fn entry(&self) -> Result<ModelEntry, Error> {
        let source = match &self.source {
            ModelSource::File { file } => ModelSource::File {
                file: fs::canonicalize(file)?,
            },
            hub => hub.clone(),
        };
        let beside = self.beside()?;
        if let Some(head) = self.as_head(beside.as_ref(), &source) {
            return Ok(head);
        }
        let recorded = beside.as_ref().map(|entry| entry.sha256.clone());
        let mut entry = self.assembled(beside, source)?;
        let here = entry.path().is_ok();
        if here || !self.is_hub() {
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

    fn is_hub(&self) -> bool {
        matches!(self.source, ModelSource::Hub { .. })
    }

    /// The entry beside the file, where the file is the head of the text model that it describes: it says everything.
    fn as_head(&self, beside: Option<&ModelEntry>, source: &ModelSource) -> Option<ModelEntry> {
        let ModelSource::File { file } = source else {
            return None;
        };
        let beside = beside?;
        let text = beside.text.as_ref().filter(|text| is_head(text, file))?;
        Some(ModelEntry {
            id: self.id.clone().unwrap_or_else(|| beside.id.clone()),
            text: Some(TextSettings {
                head: Some(file.clone()),
                ..text.clone()
            }),
            ..beside.clone()
        })
    }

    /// The entry before anything is hashed.
    fn assembled(
        &self,
        beside: Option<ModelEntry>,
        source: ModelSource,
    ) -> Result<ModelEntry, Error> {
        let prepared = self.preset.is_some() || self.size.is_some() || self.crop.is_some();
        let prepared = prepared || beside.is_none();
        let base = match (beside, &self.id) {
            (Some(beside), _) => beside,
            (None, Some(id)) => ModelEntry::for_file(id, self.kind, Path::new(""), ""),
            (None, None) => return Err(Error::Unnamed),
        };
        let pooling = self.pooling.as_ref().map(Pooling::name);
        Ok(ModelEntry {
            id: self.id.clone().unwrap_or(base.id),
            kind: self.kind,
            sha256: String::new(),
            source,
            input: self.input.clone().or(base.input),
            output: self.output.clone().or(base.output),
            layout: self.layout.or(base.layout),
            pooling: pooling.map(PoolingRecipe::Named).or(base.pooling),
            side: self.side.or(base.side),
            space: self.space.clone().or(base.space),
            licence: self.licence.clone().or(base.licence),
            preprocessing: match prepared {
                true => self.preprocessing(),
                false => base.preprocessing,
            },
            dimension: base.dimension,
            text: self.text()?,
        })
    }

    /// The entry that lies beside the file under its name, if there is one.
    fn beside(&self) -> Result<Option<ModelEntry>, Error> {
        let ModelSource::File { file } = &self.source else {
            return Ok(None);
        };
        let path = file.with_extension("toml");
        if !path.is_file() || fs::metadata(&path)?.len() > MOST_ENTRY_BYTES {
            return Ok(None);
        }
        match toml::from_str(&fs::read_to_string(&path)?) {
            Ok(entry) => Ok(Some(entry)),
            // With a name given, a file that happens to lie there is not about the model.
            Err(_) if self.id.is_some() => Ok(None),
            Err(error) => Err(Error::WrongKind {
                expected: "entry of a model",
                what: error.to_string().trim_end().to_owned(),
                path,
            }),
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

    fn text(&self) -> Result<Option<TextSettings>, Error> {
        if self.kind == ModelKind::Image {
            return Ok(None);
        }
        // In a repository the names are paths of it.
        let file = |path: &Option<PathBuf>| match path {
            Some(path) if !self.is_hub() => fs::canonicalize(path).map(Some),
            path => Ok(path.clone()),
        };
        Ok(Some(TextSettings {
            tokenizer: file(&self.text.tokenizer)?,
            statistics: file(&self.text.statistics)?,
            ..self.text.clone()
        }))
    }
}

/// Whether a file is what the entry beside it names as the head of its text model.
fn is_head(text: &TextSettings, file: &Path) -> bool {
    let head = text.head.as_ref().and_then(|head| head.file_name());
    head.is_some() && head == file.file_name()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(path: &Path) -> NewModel {
        let file = path.to_path_buf();
        // The file of a network would be looked into for others that belong to it.
        NewModel::new(ModelSource::File { file }, ModelKind::WordVectors)
    }

    #[test]
    fn what_is_said_goes_before_what_lies_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.vec");
        fs::write(&path, b"not read here").unwrap();
        let mut model = file(&path);
        assert!(matches!(model.entry(), Err(Error::Unnamed)));
        model.id = Some("net".into());
        model.side = Some(320);
        let first = model.entry().unwrap();
        assert_eq!(first.side, Some(320));
        assert_eq!(first.sha256.len(), 64);

        let beside = toml::to_string(&first).unwrap();
        fs::write(path.with_extension("toml"), beside).unwrap();
        let mut again = file(&path);
        assert_eq!(again.entry().unwrap().side, Some(320));
        again.side = Some(256);
        again.id = Some("other".into());
        let again = again.entry().unwrap();
        assert_eq!((again.id.as_str(), again.side), ("other", Some(256)));

        // The file changed since its entry was written.
        fs::write(&path, b"another").unwrap();
        assert!(matches!(file(&path).entry(), Err(Error::Checksum { .. })));
    }

    #[test]
    fn what_is_no_entry_is_refused_unless_a_name_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.vec");
        fs::write(&path, b"not read here").unwrap();
        fs::write(path.with_extension("toml"), "colour = 'red'").unwrap();
        let mut model = file(&path);
        let error = model.entry().unwrap_err().to_string();
        assert!(error.contains("words.toml"), "{error}");
        model.id = Some("net".into());
        assert_eq!(model.entry().unwrap().id, "net");
    }
}
