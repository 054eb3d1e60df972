//! The map of a collection: which images, where they lie, what they are coloured by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use vizsla_pixels::{DecodeOptions, Rgb};
use vizsla_retrieval::{Collection, ListedImage, Reporter};

use super::item::MapItem;
use crate::error::Error;
use crate::projection::{MapMethod, project, trustworthiness};

/// Neighbours on the map that are checked against the truth.
const NEIGHBOURS: usize = 10;
/// Most characters of captions kept for a picture.
const MOST_CAPTION: usize = 400;

/// Images of a collection laid out on a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct MapLayout {
    /// The images.
    pub images: Vec<i64>,
    /// Where each lies; only relative places matter.
    pub plane: Vec<[f32; 2]>,
    /// How many neighbours on the map are neighbours in truth, 1 = all; `None` for very few images.
    pub trustworthiness: Option<f64>,
}

impl MapLayout {
    /// Lays out the images of a collection that have a global descriptor and are `wanted` (`None` = all).
    ///
    /// # Errors
    /// The catalog cannot be read, or there are too few images to lay out; [`Error::Layout`] says why.
    pub fn of(
        collection: &Collection,
        wanted: Option<&BTreeSet<i64>>,
        method: MapMethod,
        seed: u64,
        reporter: &dyn Reporter,
    ) -> Result<Self, Error> {
        reporter.begin("reading vectors", 0);
        let (mut images, mut samples, mut dimension) = (Vec::new(), Vec::new(), 0);
        for (image, vector) in collection.vectors()? {
            let fits = dimension == 0 || vector.len() == dimension;
            if fits && wanted.is_none_or(|wanted| wanted.contains(&image)) {
                dimension = vector.len();
                images.push(image);
                samples.extend(vector);
            }
        }
        reporter.end();
        if images.is_empty() {
            return Err(Error::Layout("no image is left to map".into()));
        }
        reporter.begin("laying out", 0);
        let plane = project(&samples, dimension, method, seed, reporter)?;
        Ok(Self {
            trustworthiness: trustworthiness(&samples, dimension, &plane, NEIGHBOURS),
            images,
            plane,
        })
    }

    /// The images as a page shows them, coloured by `by`: `label`, `folder`, `camera`, `format`, `year` or a key of the
    /// metadata; `None` = by label where there are labels, else by folder. Also tells what they are coloured by.
    ///
    /// # Errors
    /// The catalog cannot be read, or no image has the key.
    pub fn items(
        &self,
        collection: &Collection,
        by: Option<&str>,
    ) -> Result<(String, Vec<MapItem>), Error> {
        let listed = collection.list()?.into_iter();
        let listed: BTreeMap<i64, ListedImage> = listed.map(|image| (image.image, image)).collect();
        let (by, labels) = labels(collection, &listed, by)?;
        let captions = captions(collection)?;
        let item = |(image, &position): (&i64, &[f32; 2])| MapItem {
            position,
            path: listed
                .get(image)
                .map_or_else(String::new, |image| path_of(image).display().to_string()),
            label: labels.get(image).cloned(),
            caption: captions.get(image).cloned().unwrap_or_default(),
        };
        Ok((by, self.images.iter().zip(&self.plane).map(item).collect()))
    }
}

/// The first value of a metadata key of each image that has one.
///
/// # Errors
/// The catalog cannot be read, or no image has the key.
pub fn first_values(collection: &Collection, key: &str) -> Result<BTreeMap<i64, String>, Error> {
    let values = collection.metadata(key)?.into_iter();
    let first = |(image, values): (i64, Vec<String>)| Some((image, values.into_iter().next()?));
    Ok(values.filter_map(first).collect())
}

/// A file as a small picture; `None` when it cannot be read.
pub fn thumbnail(path: &Path, side: u32) -> Option<Rgb> {
    let options = DecodeOptions {
        fit: Some(side),
        ..DecodeOptions::default()
    };
    Some(vizsla_pixels::read_rgb(path, &options).ok()?.image)
}

/// What the colours stand for, and the label of each image that has one.
fn labels(
    collection: &Collection,
    listed: &BTreeMap<i64, ListedImage>,
    by: Option<&str>,
) -> Result<(String, BTreeMap<i64, String>), Error> {
    let of = |label: &dyn Fn(&ListedImage) -> Option<String>| {
        let known = |image: &ListedImage| Some((image.image, label(image)?));
        listed.values().filter_map(known).collect()
    };
    let folder = |image: &ListedImage| {
        let name = path_of(image);
        let name = name.parent()?.file_name()?.to_string_lossy();
        Some(name.into_owned())
    };
    let labels = match by {
        None => match first_values(collection, "label") {
            Ok(labels) => return Ok(("label".to_owned(), labels)),
            Err(_) => return Ok(("folder".to_owned(), of(&folder))),
        },
        Some("folder") => of(&folder),
        Some("camera") => of(&|image| image.camera.clone()),
        Some("format") => of(&|image| Some(image.format.clone())),
        Some("year") => of(&|image| image.taken.as_ref()?.get(..4).map(str::to_owned)),
        Some(key) => first_values(collection, &key.to_lowercase())?,
    };
    Ok((by.unwrap_or_default().to_owned(), labels))
}

/// Where an image lies; each has a file at least.
fn path_of(image: &ListedImage) -> PathBuf {
    image.paths.first().cloned().unwrap_or_default()
}

/// The captions of each image, in one line.
fn captions(collection: &Collection) -> Result<BTreeMap<i64, String>, Error> {
    let mut captions: BTreeMap<i64, String> = BTreeMap::new();
    for caption in collection.captions()? {
        let line = captions.entry(caption.image).or_default();
        if line.chars().count() < MOST_CAPTION {
            if !line.is_empty() {
                line.push_str(" · ");
            }
            line.push_str(caption.text.trim());
        }
    }
    Ok(captions)
}
