//! What the frozen part of a network says of all images, computed once and kept in a file.
//!
//! A frozen backbone gives the same numbers in every epoch. They are computed by the inference runtime, which is
//! quicker than the training engine, and kept under a name made of the hash of the network, its weights, the
//! preparation and the list of images with their sizes and times, so that all runs of a sweep share them. Layout,
//! little-endian:
//!
//! ```text
//! "VZFC" | u32 version | u32 CRC of the index | u32 CRC of the header
//! u64 bytes of the index | index: JSON | numbers: f32
//! ```
//!
//! The numbers have no checksum of their own: reading hundreds of megabytes for every run of a sweep costs more than
//! the features. Their length is checked, and that they are finite where they are used.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vizsla_neural::{Session, SessionOptions, Tensor};
use vizsla_retrieval::Scratch;
use vizsla_vectors::{AtomicFile, CUT_SHORT, FileFormat, Mapped, content_id, f32s, u32_at, u64_at};

use super::images::Picture;
use super::views::{Item, Views};
use crate::error::Error;
use crate::network::{Network, Parameters};
use crate::run::TrainObserver;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZFC",
    kind: "cache of features",
    version: 1,
    header: 16,
};
/// Longest index that is read, bytes.
const MOST_INDEX: u64 = 1 << 32;
/// Images that are decoded and described at a time.
const BATCH: usize = 32;

/// Where an item lies.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    shape: Vec<usize>,
    /// First of its numbers.
    at: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    views: usize,
    /// `views` entries for each image; `None` where it could not be read.
    entries: Vec<Option<Entry>>,
    /// Reasons, by image.
    skipped: BTreeMap<usize, String>,
    numbers: usize,
}

/// Features of all images of a run.
pub(super) struct FeatureCache {
    index: Index,
    map: Mapped,
    start: usize,
}

/// The frozen part and what goes into it.
pub(super) struct Frozen<'a> {
    pub network: &'a Network,
    pub parameters: &'a Parameters,
    /// Side of the images where it must be fixed.
    pub side: Option<u32>,
    pub views: &'a Views,
    pub pictures: &'a [Picture],
    pub seed: u64,
}

impl Frozen<'_> {
    /// The features of all images, from the file in `folder` where there is one.
    ///
    /// # Errors
    /// When the network cannot be run or the file not be written; a damaged file is made again.
    pub fn features(
        &self,
        folder: &Path,
        observer: &dyn TrainObserver,
    ) -> Result<Option<FeatureCache>, Error> {
        let model = self.network.to_onnx(self.parameters, self.side)?;
        let path = folder.join(format!("{}.features", self.key(&model)));
        if let Ok(cache) = FeatureCache::open(&path) {
            return Ok(Some(cache));
        }
        fs::create_dir_all(folder)?;
        let scratch = Scratch::new()?;
        let network = scratch.path().join("network.onnx");
        fs::write(&network, &model)?;
        let session = Session::open(&network, &[], &SessionOptions::default())?;
        match self.write(&session, &path, observer)? {
            true => FeatureCache::open(&path).map(Some),
            false => Ok(None),
        }
    }

    fn key(&self, model: &[u8]) -> String {
        let mut text = format!("{:?} {:?}\n", self.views.preprocessing, self.side);
        if self.views.augment.views > 1 {
            text.push_str(&format!("{:?} {}\n", self.views.augment, self.seed));
        }
        for picture in self.pictures {
            let stamp = fs::metadata(&picture.path).ok();
            let size = stamp.as_ref().map_or(0, std::fs::Metadata::len);
            let time = stamp.and_then(|s| s.modified().ok());
            text.push_str(&format!(
                "{} {:?} {size} {time:?}\n",
                picture.path.display(),
                picture.region
            ));
        }
        content_id([text.as_bytes(), model].concat().as_slice())
    }

    /// Runs the network over all views of all images; false when it was cancelled.
    fn write(
        &self,
        session: &Session,
        path: &Path,
        observer: &dyn TrainObserver,
    ) -> Result<bool, Error> {
        let views = self.views.augment.views;
        let mut index = Index {
            views,
            ..Index::default()
        };
        let mut part = Numbers::create(path)?;
        let jobs: Vec<(usize, usize)> = (0..self.pictures.len())
            .flat_map(|image| (0..views).map(move |view| (image, view)))
            .collect();
        observer.begin("features", jobs.len() as u64);
        for batch in jobs.chunks(BATCH) {
            if observer.cancelled() {
                observer.end();
                return Ok(false);
            }
            let items: Vec<Result<Item, String>> = batch
                .par_iter()
                .map(|&(image, view)| {
                    let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
                    rng.set_stream((image * views + view) as u64);
                    let rng = (view > 0).then_some(&mut rng);
                    let item = self.views.item(&self.pictures[image], rng);
                    item.map_err(|error| error.to_string())
                })
                .collect();
            let found = describe(session, &items)?;
            for ((&(image, _), item), found) in batch.iter().zip(items).zip(found) {
                index.entries.push(found.as_ref().map(|found| Entry {
                    shape: found.shape.clone(),
                    at: index.numbers,
                }));
                if let Some(found) = found {
                    index.numbers += found.numbers.len();
                    part.put(&found.numbers)?;
                }
                if let Err(reason) = item {
                    index.skipped.entry(image).or_insert(reason);
                }
            }
            observer.advance(batch.len() as u64);
        }
        observer.end();
        part.join(&index, path)?;
        Ok(true)
    }
}

/// Runs images of one size together, eight at most.
fn describe(session: &Session, items: &[Result<Item, String>]) -> Result<Vec<Option<Item>>, Error> {
    let mut by_shape: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        if let Ok(item) = item {
            by_shape.entry(&item.shape).or_default().push(place);
        }
    }
    let mut found: Vec<Option<Item>> = vec![None; items.len()];
    for (shape, places) in by_shape {
        for places in places.chunks(8) {
            let numbers = places
                .iter()
                .flat_map(|&p| items[p].iter())
                .flat_map(|i| &i.numbers);
            let full: Vec<usize> = [&[places.len()], shape].concat();
            let input = Tensor::f32(&full, numbers.copied().collect())?;
            let name = session
                .inputs()
                .first()
                .map_or("input", |i| i.name.as_str());
            let output = session.run(&[(name, input)])?.into_iter().next();
            let (shape, numbers) = output.and_then(Tensor::into_f32).unwrap_or_default();
            let length = numbers.len() / places.len();
            for (&place, part) in places.iter().zip(numbers.chunks_exact(length.max(1))) {
                found[place] = Some(Item {
                    shape: shape.get(1..).unwrap_or_default().to_vec(),
                    numbers: part.to_vec(),
                });
            }
        }
    }
    Ok(found)
}

/// Numbers on their way into the file; the index, whose length is known last, goes before them.
struct Numbers {
    file: tempfile::NamedTempFile,
    _scratch: Scratch,
}

impl Numbers {
    fn create(path: &Path) -> Result<Numbers, Error> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let scratch = Scratch::new_in(folder, ".vizsla-part-")?;
        Ok(Numbers {
            file: tempfile::NamedTempFile::new_in(scratch.path())?,
            _scratch: scratch,
        })
    }

    fn put(&mut self, numbers: &[f32]) -> Result<(), Error> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        Ok(self.file.write_all(&bytes)?)
    }

    fn join(mut self, index: &Index, path: &Path) -> Result<(), Error> {
        let index = serde_json::to_vec(index).map_err(|e| Error::shape(e.to_string()))?;
        self.file.flush()?;
        let mut file = AtomicFile::create(path)?;
        // The header's last field before its own checksum is that of the index.
        let header = FORMAT.encode(&[], &index);
        let header = &header[..FORMAT.header];
        file.write_all(header)?;
        file.write_all(&(index.len() as u64).to_le_bytes())?;
        file.write_all(&index)?;
        let mut numbers = self.file.reopen()?;
        std::io::copy(&mut numbers, &mut file)?;
        Ok(file.commit(header)?)
    }
}

impl FeatureCache {
    fn open(path: &Path) -> Result<FeatureCache, Error> {
        let map = Mapped::open(path)?;
        let bytes = map.bytes();
        let header = FORMAT.header(bytes, path)?;
        let damaged = |what| Error::from(FORMAT.damaged(what, path));
        let body = &bytes[FORMAT.header..];
        let length = match body.len() {
            0..8 => return Err(damaged("too short")),
            _ => u64_at(body, 0),
        };
        let text = body
            .get(8..)
            .and_then(|rest| rest.get(..usize::try_from(length).ok()?));
        let text = text
            .filter(|_| length < MOST_INDEX)
            .ok_or_else(|| damaged("length"))?;
        if crc32fast::hash(text) != u32_at(header, 8) {
            return Err(damaged("checksum"));
        }
        let index: Index = serde_json::from_slice(text).map_err(|_| damaged("index"))?;
        let start = FORMAT.header + 8 + text.len();
        let whole = index.numbers.checked_mul(4) == Some(bytes.len() - start);
        let inside = |entry: &Entry| {
            let count = entry
                .shape
                .iter()
                .try_fold(1usize, |n, &side| n.checked_mul(side));
            let end = count.and_then(|count| entry.at.checked_add(count));
            end.is_some_and(|end| end <= index.numbers)
        };
        if !whole || index.views == 0 || !index.entries.iter().flatten().all(inside) {
            return Err(damaged("length"));
        }
        Ok(FeatureCache { index, map, start })
    }

    /// Variants of each image.
    pub fn views(&self) -> usize {
        self.index.views
    }

    /// Images that could not be read, with the reasons.
    pub fn skipped(&self) -> &BTreeMap<usize, String> {
        &self.index.skipped
    }

    /// A variant of an image, or why there is none.
    pub fn item(&self, image: usize, view: usize) -> Result<Item, String> {
        let place = image * self.index.views + view;
        let Some(Some(entry)) = self.index.entries.get(place) else {
            let reason = self.index.skipped.get(&image).cloned();
            return Err(reason.unwrap_or_else(|| "it was not described".into()));
        };
        let count: usize = entry.shape.iter().product();
        let from = self.start + 4 * entry.at;
        let numbers = f32s(&self.map.bytes()[from..from + 4 * count]).collect();
        if !self.map.is_whole() {
            return Err(format!("the cache of features cannot be used, {CUT_SHORT}"));
        }
        Ok(Item {
            shape: entry.shape.clone(),
            numbers,
        })
    }
}

/// The folder that runs side by side share.
pub(super) fn folder_beside(run: &Path) -> PathBuf {
    run.parent().unwrap_or(Path::new(".")).join("features")
}
