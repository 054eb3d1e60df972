//! Looking through a collection without a query: pages of images, one image, its features, and what images have in
//! common.

use std::path::Path;

use serde::Serialize;
use vizsla_pixels::position;

use crate::{Collection, Error, Filter, ListedImage, stored};

/// Values of a facet that are counted, the most frequent first.
const MOST_VALUES: usize = 50;

/// A part of a listing.
#[derive(Debug, Clone, Serialize)]
pub struct ImagePage {
    /// How many images the whole listing has.
    pub total: usize,
    /// The images of this part, in the order they came in.
    pub images: Vec<ListedImage>,
}

/// What a facet's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FacetKind {
    /// Words.
    Text,
    /// Numbers.
    Number,
    /// Dates or times, ISO 8601; counted by year.
    Date,
}

/// A value and how many images have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value as it was written; of dates the year.
    pub value: String,
    /// Images that have it.
    pub count: u32,
}

/// What images have under one key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facet {
    /// The key, as a [`Filter`] names it.
    pub key: String,
    /// What its values are.
    pub kind: FacetKind,
    /// How many different values there are.
    pub distinct: u32,
    /// The 50 most frequent values, then in their order.
    pub values: Vec<FacetValue>,
    /// The least number or the first date.
    pub least: Option<String>,
    /// The greatest number or the last date.
    pub greatest: Option<String>,
}

/// Where a local feature lies, in pixels of the upright full-resolution image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeaturePlace {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
    /// Standard deviation of the blob that it is.
    pub scale: f32,
    /// Its direction in radians, 0 to 2π.
    pub angle: f32,
}

impl ListedImage {
    /// Degrees north and east: from metadata where that gives them, else from the camera.
    pub fn position(&self) -> Option<[f64; 2]> {
        let given = |key: &str| match self.metadata.get(key)? {
            serde_json::Value::Array(values) => values.first()?.as_f64(),
            value => value.as_f64(),
        };
        let place = |(north, east)| position(north, east);
        let given = given("latitude").zip(given("longitude"));
        let camera = || self.latitude.zip(self.longitude);
        given.and_then(place).or_else(|| camera().and_then(place))
    }
}

impl Collection {
    /// Images from `offset` on, at most `limit`, of those that meet a condition.
    ///
    /// # Errors
    /// The condition names a key that no image has, or the catalog cannot be read.
    pub fn images(
        &self,
        filter: Option<&Filter>,
        offset: usize,
        limit: usize,
    ) -> Result<ImagePage, Error> {
        let catalog = self.catalog();
        catalog.at_one_instant(|| {
            let (total, ids) = catalog.page_of_ids(filter, offset, limit)?;
            let mut images = Vec::with_capacity(ids.len());
            for id in ids {
                images.extend(catalog.listed(id)?);
            }
            Ok(ImagePage { total, images })
        })
    }

    /// One image with its files; `None` when there is none of this id.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn image(&self, id: i64) -> Result<Option<ListedImage>, Error> {
        let catalog = self.catalog();
        catalog.at_one_instant(|| catalog.listed(id))
    }

    /// Whether a file of the collection is known at this place: an absolute path without links, as an ingest keeps it.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn holds_file(&self, path: &Path) -> Result<bool, Error> {
        match path.to_str() {
            Some(path) => self.catalog().holds_file(path),
            None => Ok(false),
        }
    }

    /// The local features of an image, by visual word; `None` when there is none of this id.
    ///
    /// # Errors
    /// The catalog cannot be read, or is damaged.
    pub fn feature_places(&self, id: i64) -> Result<Option<Vec<FeaturePlace>>, Error> {
        let catalog = self.catalog();
        let Some((width, height, _)) = catalog.image_files(id)? else {
            return Ok(None);
        };
        let data = catalog.features(id)?.unwrap_or_default();
        let place = |feature: stored::StoredFeature| FeaturePlace {
            x: feature.x * width as f32 - 0.5,
            y: feature.y * height as f32 - 0.5,
            scale: feature.scale,
            angle: feature.angle,
        };
        let features = stored::decode(&data).unwrap_or_default();
        Ok(Some(features.into_iter().map(place).collect()))
    }

    /// What the images that meet a condition have under each key: camera, format, when they were taken, and all
    /// metadata.
    ///
    /// # Errors
    /// As [`Collection::images`].
    pub fn facets(&self, filter: Option<&Filter>) -> Result<Vec<Facet>, Error> {
        let catalog = self.catalog();
        catalog.at_one_instant(|| {
            let allowed = filter.map(|filter| catalog.matching(filter)).transpose()?;
            catalog.facets(allowed.as_ref(), MOST_VALUES)
        })
    }

    /// The keys that metadata gave some image a value for, in order.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn metadata_keys(&self) -> Result<Vec<String>, Error> {
        self.catalog().metadata_keys()
    }
}
