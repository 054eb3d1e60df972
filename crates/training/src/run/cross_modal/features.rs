//! What the frozen halves say of all images and captions, computed once and kept beside the run.

use std::path::{Path, PathBuf};

use fs_err as fs;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use vizsla_evaluation::Dataset;
use vizsla_neural::{
    ModelEntry, ModelKind, Registry, SessionOptions, TextEncoder, TextSettings, WordVectors,
};
use vizsla_vectors::{AtomicFile, content_id};

use super::super::cache::{Frozen, folder_beside};
use super::super::config::{AugmentConfig, ModelConfig};
use super::super::images::Picture;
use super::super::model::Model;
use super::super::observer::TrainObserver;
use super::super::views::Views;
use super::config::TextConfig;
use crate::error::Error;

/// Captions that are described at a time.
const BATCH: usize = 512;

/// Rows of numbers of one length.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub length: usize,
    pub numbers: Vec<f32>,
}

impl Rows {
    pub fn row(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.length..][..self.length]
    }

    pub fn count(&self) -> usize {
        self.numbers.len() / self.length.max(1)
    }

    /// Some rows, one after the other.
    pub fn gather(&self, places: impl Iterator<Item = usize>) -> Vec<f32> {
        places.flat_map(|place| self.row(place)).copied().collect()
    }
}

/// The features of a part: a row for each image and each caption of its data set.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub images: Rows,
    pub captions: Rows,
}

/// The rows of all images of all parts; `None` when it was cancelled.
pub(super) fn of_images(
    model: &Model,
    parts: &[&Dataset],
    run: &Path,
    observer: &dyn TrainObserver,
) -> Result<Option<Vec<Rows>>, Error> {
    let gallery = parts.iter().flat_map(|part| &part.gallery);
    let pictures: Vec<Picture> = gallery
        .map(|image| Picture {
            name: image.key.clone(),
            path: image.path.clone(),
            region: None,
        })
        .collect();
    let views = Views {
        preprocessing: model.preprocessing.clone(),
        augment: AugmentConfig::default(),
    };
    let frozen = Frozen {
        network: &model.network,
        parameters: &model.parameters,
        side: model.fixed_side,
        views: &views,
        pictures: &pictures,
        seed: 0,
    };
    let Some(cache) = frozen.features(&folder_beside(run), observer)? else {
        return Ok(None);
    };
    let (mut place, length) = (0, model.network.dimension());
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        let mut numbers = Vec::with_capacity(part.gallery.len() * length);
        for image in &part.gallery {
            let item = cache
                .item(place, 0)
                .map_err(|reason| Error::invalid(reason, &image.path))?;
            if item.numbers.len() != length {
                return Err(Error::invalid(
                    format!("{} numbers instead of {length}", item.numbers.len()),
                    &image.path,
                ));
            }
            numbers.extend(item.numbers);
            place += 1;
        }
        found.push(Rows { length, numbers });
    }
    Ok(Some(found))
}

/// The backbone with its pooling.
pub(super) fn backbone(
    config: &ModelConfig,
    seed: u64,
    device: &burn::tensor::Device,
) -> Result<Model, Error> {
    Model::open(config, seed, device)
}

/// The text model with the aggregation that is asked for.
pub(super) fn text_entry(config: &TextConfig) -> Result<ModelEntry, Error> {
    let path = PathBuf::from(&config.model);
    let mut entry = match path.is_file() {
        true => {
            let path = fs::canonicalize(&path)?;
            WordVectors::open(&path)?;
            let mut entry = ModelEntry::for_file("words", ModelKind::WordVectors, &path, "");
            entry.sha256 = entry.digest()?;
            entry
        }
        false if config.model.is_empty() => {
            let allowed = "name a text model of `vizsla models list`, or a file of word vectors";
            return Err(Error::setting("text.model", "empty", allowed));
        }
        false => Registry::default_registry()?.get(&config.model)?,
    };
    let mut settings = entry.text.take().unwrap_or_else(TextSettings::default);
    match entry.kind {
        ModelKind::WordVectors => settings.aggregation = Some(config.aggregation.of_words()?),
        ModelKind::Text => settings.pooling = Some(config.aggregation.of_tokens()?),
        ModelKind::Image => {
            return Err(Error::setting(
                "text.model",
                &config.model,
                "it describes images; name one of texts",
            ));
        }
    }
    entry.text = Some(settings);
    Ok(entry)
}

/// The rows of all captions of all parts; `None` when it was cancelled.
pub(super) fn of_captions(
    entry: &ModelEntry,
    parts: &[&Dataset],
    run: &Path,
    observer: &dyn TrainObserver,
) -> Result<Option<Vec<Rows>>, Error> {
    let encoder = TextEncoder::open(entry, &SessionOptions::default())?;
    let texts: Vec<&str> = parts
        .iter()
        .flat_map(|part| &part.captions)
        .map(|c| c.text.as_str())
        .collect();
    let key = content_id(format!("{}\n{}", encoder.fingerprint(), texts.join("\n")).as_bytes());
    let path = folder_beside(run).join(format!("{key}.captions"));
    let all = match kept(&path, texts.len())? {
        Some(rows) => rows,
        None => match described(&encoder, &texts, observer)? {
            None => return Ok(None),
            Some(rows) => {
                keep(&path, &rows)?;
                rows
            }
        },
    };
    let mut rest = all.numbers.as_slice();
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        let (own, others) = rest.split_at(part.captions.len() * all.length);
        rest = others;
        found.push(Rows {
            length: all.length,
            numbers: own.to_vec(),
        });
    }
    Ok(Some(found))
}

fn described(
    encoder: &TextEncoder,
    texts: &[&str],
    observer: &dyn TrainObserver,
) -> Result<Option<Rows>, Error> {
    observer.begin("captions", texts.len() as u64);
    let mut rows = Rows::default();
    for texts in texts.chunks(BATCH) {
        if observer.cancelled() {
            observer.end();
            return Ok(None);
        }
        for vector in encoder.aggregate_texts(texts)?.vectors {
            rows.length = vector.len();
            rows.numbers.extend(vector);
        }
        observer.advance(texts.len() as u64);
    }
    observer.end();
    Ok(Some(rows))
}

/// Rows that were kept; `None` where there are none or they are not whole, so that they are made again.
fn kept(path: &Path, count: usize) -> Result<Option<Rows>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = fs::read(path)?;
    let view = SafeTensors::deserialize(&bytes).ok();
    let view = view.as_ref().and_then(|file| file.tensor("vectors").ok());
    Ok(view.and_then(|view| match *view.shape() {
        [rows, length] if rows == count && length > 0 && view.dtype() == Dtype::F32 => Some(Rows {
            length,
            numbers: vizsla_vectors::f32s(view.data()).collect(),
        }),
        _ => None,
    }))
}

fn keep(path: &Path, rows: &Rows) -> Result<(), Error> {
    let bytes: Vec<u8> = rows.numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let wrong = |error: safetensors::SafeTensorError| Error::shape(error.to_string());
    let view =
        TensorView::new(Dtype::F32, vec![rows.count(), rows.length], &bytes).map_err(wrong)?;
    let file = safetensors::serialize([("vectors", view)], None).map_err(wrong)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(AtomicFile::write_whole(path, &file)?)
}
