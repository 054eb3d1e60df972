//! Images that come as what was made of them, without their pictures.
//!
//! Copying between collections of one recipe and codebook needs no picture to be described again, and measurements of large
//! collections are made of more images than there are pictures. Records go through the same writer as files: a batch is a
//! segment and a transaction, made while the next batch is being encoded.

use std::collections::HashMap;
use std::time::Instant;

use vizsla_features::Shape;

use super::batch::{Batch, Item, Outcome};
use super::departed::Departed;
use super::held;
use super::intake::NewImage;
use super::writer::BatchWriter;
use crate::catalog::{FileRow, ImageRow, Owner};
use crate::scan::Found;
use crate::stored::{self, MOST, StoredFeature};
use crate::{Codes, Collection, Error, IngestReport, Reporter, Scoring, trailer};

/// Records of one transaction.
const BATCH: usize = 256;
/// Most bytes of a picture in little.
const MOST_LITTLE: usize = 4096;
/// Most pixels along a side.
const MOST_SIDE: u32 = 1 << 20;

/// What a collection keeps of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// The name under which it is found, as that of [`Source::Bytes`](crate::Source::Bytes): 1 to 1024 bytes without control
    /// characters. Of a file its path.
    pub name: String,
    /// Hash of its content: an image of the same hash is the same image.
    pub content: [u8; 32],
    /// Width of the upright full-resolution image in pixels.
    pub width: u32,
    /// Height of it.
    pub height: u32,
    /// Its local features.
    pub features: Vec<StoredFeature>,
    /// The global descriptor as it was made, before whitening; `None` where the recipe has none.
    pub vector: Option<Vec<f32>>,
    /// The picture in little, a JPEG of at most 4 kB, where the recipe wants one.
    pub little: Option<Vec<u8>>,
}

impl Collection {
    /// What is kept of an image; `None` when there is no such image. Codes of aggregated words and whole descriptors are left out.
    ///
    /// # Errors
    /// The catalog cannot be read, or is damaged.
    pub fn record(&self, image: i64) -> Result<Option<ImageRecord>, Error> {
        let catalog = self.catalog();
        catalog.at_one_instant(|| {
            let (Some(row), Some(data)) = (catalog.image_row(image)?, catalog.features(image)?)
            else {
                return Ok(None);
            };
            let files = catalog.image_files(image)?;
            let path = files.and_then(|(_, _, paths)| paths.into_iter().next());
            let place = path.map_or_else(String::new, |path| path.to_string_lossy().into_owned());
            Ok(Some(ImageRecord {
                name: held::name_of(&place).to_owned(),
                content: row.content,
                width: row.width,
                height: row.height,
                features: stored::decode(&data).unwrap_or_default(),
                vector: catalog.vector(Owner::Image, image)?,
                little: trailer::little(&data).map(<[u8]>::to_vec),
            }))
        })
    }

    /// Takes in images as records of a collection of the same recipe and codebook. They stay until they are removed, as
    /// pictures that were held in memory do; one of a known name takes the place of the image before it. What cannot be
    /// taken is listed in the report with its reason.
    ///
    /// Memory holds three batches of records, whatever their number; beside them the hashes and names of all images.
    ///
    /// # Errors
    /// The collection keeps of its images more than records tell ([`Scoring::Asmk`], [`Codes::Precise`]), another process is
    /// writing, or the disk refused; what was committed stays.
    pub fn add_records(
        &mut self,
        records: impl IntoIterator<Item = ImageRecord>,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let start = Instant::now();
        self.takes_records()?;
        let _lock = self.lock()?;
        let rules = Rules::of(self)?;
        let contents = self.contents()?;
        let files = self.catalog().files()?.into_iter();
        let known: HashMap<String, FileRow> = files
            .filter(|row| held::is_held(&row.path))
            .map(|row| (row.path.clone(), row))
            .collect();
        let report = IngestReport::default();
        let writer = BatchWriter::new(self, &contents, Departed::default(), known, report);
        let mut records = records.into_iter();
        let mut seen = 0;
        reporter.begin("indexing", 0);
        let batches = std::iter::from_fn(|| {
            let some = records.by_ref().take(BATCH);
            let items: Vec<Item> = some.map(|record| rules.item(record)).collect();
            seen += items.len();
            reporter.advance(items.len() as u64);
            (!items.is_empty()).then_some(Batch { items })
        });
        let written = writer.write_along(batches, reporter);
        reporter.end();
        let mut report = self.settled(written?, reporter)?;
        report.seen = seen;
        report.seconds = start.elapsed().as_secs_f64();
        report.images_per_s = report.added as f64 / report.seconds.max(1e-9);
        Ok(report)
    }

    fn takes_records(&self) -> Result<(), Error> {
        let what = match (self.recipe.search.scoring, self.recipe.local.codes) {
            (Scoring::Asmk, _) => "this collection keeps codes of words",
            (_, Codes::Precise) => "this collection keeps whole descriptors",
            _ => return Ok(()),
        };
        Err(Error::Unable {
            what: format!("{what}, and records have none; index the pictures"),
            remedy: None,
            collection: self.path().to_owned(),
        })
    }
}

/// What a collection asks of a record.
struct Rules {
    /// Words of the codebook; 0 where there are no local features.
    words: u32,
    /// Numbers of the global descriptor.
    dimension: Option<usize>,
    little: bool,
}

impl Rules {
    fn of(collection: &Collection) -> Result<Self, Error> {
        let recipe = &collection.recipe;
        let words = match recipe.local.enabled {
            true => collection.codebook()?.len() as u32,
            false => 0,
        };
        Ok(Self {
            words,
            dimension: recipe.global.as_ref().map(crate::GlobalRecipe::dimension),
            little: recipe.local.look,
        })
    }

    fn item(&self, record: ImageRecord) -> Item {
        let outcome = match self.check(&record) {
            Err(reason) => Outcome::Skipped(reason),
            Ok(()) => Outcome::Described(Box::new(NewImage {
                row: ImageRow {
                    content: record.content,
                    width: record.width,
                    height: record.height,
                    format: String::new(),
                    taken: None,
                    camera: None,
                    latitude: None,
                    longitude: None,
                    features: record.features.len() as u32,
                },
                data: self.encoded(record.features, record.little),
                vector: record.vector,
                pages: 1,
            })),
        };
        Item {
            path: held::place_of(&record.name),
            found: Found {
                size: 0,
                modified_ns: 0,
            },
            outcome,
        }
    }

    fn encoded(&self, mut features: Vec<StoredFeature>, little: Option<Vec<u8>>) -> Vec<u8> {
        let mut data = stored::encode(&mut features);
        if let Some(little) = little.filter(|_| self.little) {
            trailer::add_little(&mut data, &little);
        }
        data
    }

    /// Why a record cannot be taken.
    fn check(&self, record: &ImageRecord) -> Result<(), String> {
        if !held::is_name(&record.name) {
            return Err(held::NO_NAME.into());
        }
        let sides = [record.width, record.height];
        if sides.iter().any(|side| !(1..=MOST_SIDE).contains(side)) {
            return Err(format!("no image has {} × {} pixels", sides[0], sides[1]));
        }
        if record.features.len() > MOST {
            return Err(format!("{} features are too many", record.features.len()));
        }
        if let Some(feature) = record.features.iter().find(|f| f.word >= self.words) {
            return Err(format!(
                "a feature has the word {}, the codebook has {}",
                feature.word, self.words
            ));
        }
        if !record.features.iter().all(is_sound) {
            return Err("a feature has no place, size or direction".into());
        }
        if record
            .little
            .as_ref()
            .is_some_and(|little| little.len() > MOST_LITTLE)
        {
            return Err(format!(
                "the picture in little has more than {MOST_LITTLE} bytes"
            ));
        }
        let numbers = record.vector.as_ref().map(Vec::len);
        if numbers != self.dimension {
            let told = |numbers: Option<usize>| numbers.unwrap_or(0);
            return Err(format!(
                "the vector has {} numbers, those of the collection have {}",
                told(numbers),
                told(self.dimension)
            ));
        }
        match record
            .vector
            .iter()
            .flatten()
            .all(|number| number.is_finite())
        {
            true => Ok(()),
            false => Err("the vector has something that is no number".into()),
        }
    }
}

fn is_sound(feature: &StoredFeature) -> bool {
    let Shape { u, v } = feature.shape;
    let inside = |x: f32| (0.0..=1.0).contains(&x);
    inside(feature.x)
        && inside(feature.y)
        && feature.scale.is_finite()
        && feature.scale > 0.0
        && [feature.angle, u, v].iter().all(|x| x.is_finite())
}
