//! A picture becomes what the catalog stores of it.

use std::path::Path;

use vizsla_features::{Extractor, Features};
use vizsla_neural::DescriptorRecipe;
use vizsla_pixels::{DecodeOptions, Decoded, Gray, Limits, guarded};
use vizsla_words::Codebook;

use crate::catalog::ImageRow;
use crate::models::{Models, PerThread};
use crate::stored::{self, StoredFeature};
use crate::{Error, Recipe};

/// A described image, ready for the catalog.
pub(crate) struct Described {
    pub row: ImageRow,
    /// Encoded features, as the catalog keeps them.
    pub data: Vec<u8>,
    /// The global descriptor, where the recipe has one.
    pub vector: Option<Vec<f32>>,
    /// Pictures in the file, of which this is the first.
    pub pages: u32,
}

/// Why a picture was not described, for a person.
#[derive(Clone)]
pub(crate) enum Failure {
    /// It cannot be read.
    Picture(String),
    /// It was read, but the collection's model cannot take it or failed on it.
    Model(String),
}

/// Describes gallery images; one for all threads.
pub(crate) struct Describer<'a> {
    extractor: Option<Box<dyn Extractor>>,
    decode: DecodeOptions,
    codebook: &'a Codebook,
    global: Option<(PerThread, DecodeOptions)>,
}

impl<'a> Describer<'a> {
    /// Gets ready for so many pictures.
    ///
    /// # Errors
    /// The recipe's model is not there, or another than the collection's.
    pub(crate) fn new(
        recipe: &Recipe,
        codebook: &'a Codebook,
        models: &Models,
        pictures: usize,
        limits: Limits,
    ) -> Result<Self, Error> {
        let fit = |side| DecodeOptions {
            fit: Some(side),
            limits,
        };
        let global = match &recipe.global {
            Some(global) => {
                let descriptors = models.image_per_thread(global, pictures)?;
                Some((descriptors, fit(colour_side(recipe, global))))
            }
            None => None,
        };
        Ok(Self {
            extractor: recipe.local.enabled.then(|| recipe.gallery_extractor()),
            decode: fit(recipe.pixels.max_side),
            codebook,
            global,
        })
    }

    /// Describes the bytes of a file.
    pub(crate) fn describe(&self, bytes: &[u8], content: [u8; 32]) -> Result<Described, Failure> {
        // A defect in our own code must cost one file, not a batch of 100,000.
        let work = || {
            let decoded = vizsla_pixels::decode_gray(bytes, &self.decode).map_err(unreadable)?;
            let vector = self.encode(bytes)?;
            Ok(self.store(decoded, content, vector))
        };
        guarded(work).unwrap_or_else(|panic| {
            Err(Failure::Picture(format!(
                "describing it failed inside vizsla ({panic}); please report this file"
            )))
        })
    }

    fn encode(&self, bytes: &[u8]) -> Result<Option<Vec<f32>>, Failure> {
        let Some((descriptors, decode)) = &self.global else {
            return Ok(None);
        };
        let decoded = vizsla_pixels::decode_rgb(bytes, decode).map_err(unreadable)?;
        let picture = decoded.image;
        let Some(descriptor) = descriptors.get() else {
            return Ok(None);
        };
        match descriptor.describe(&[&picture]) {
            Ok(mut vectors) => Ok(vectors.pop()),
            Err(error) => Err(Failure::Model(error.to_string())),
        }
    }

    fn store(
        &self,
        decoded: Decoded<Gray>,
        content: [u8; 32],
        vector: Option<Vec<f32>>,
    ) -> Described {
        let zoom = decoded.full_width as f32 / decoded.image.width() as f32;
        let mut stored = match &self.extractor {
            Some(extractor) => self.quantise(&extractor.extract(&decoded.image), zoom),
            None => Vec::new(),
        };
        Described {
            vector,
            data: stored::encode(&mut stored),
            pages: decoded.pages,
            row: ImageRow {
                content,
                width: decoded.full_width,
                height: decoded.full_height,
                format: decoded.format.name().to_owned(),
                taken: decoded.exif.taken,
                camera: decoded.exif.camera,
                latitude: decoded.exif.latitude,
                longitude: decoded.exif.longitude,
                features: stored.len() as u32,
            },
        }
    }

    fn quantise(&self, features: &Features, zoom: f32) -> Vec<StoredFeature> {
        let size = (features.width as f32, features.height as f32);
        let pairs = features.keypoints.iter().zip(&features.descriptors);
        pairs
            .map(|(keypoint, descriptor)| {
                let word = self.codebook.assign(descriptor);
                let signature = self.codebook.signature(descriptor, word);
                StoredFeature::new(keypoint, size, zoom, word, signature)
            })
            .collect()
    }
}

fn unreadable(error: vizsla_pixels::Error) -> Failure {
    Failure::Picture(error.to_string())
}

/// Longest side at which a picture is read for the global descriptor: what the largest scale needs, and enough for a
/// model with a resize rule of its own.
pub(crate) fn colour_side(recipe: &Recipe, global: &DescriptorRecipe) -> u32 {
    let scale = global.scales.iter().copied().fold(1.0, f32::max);
    let wanted = (global.side as f32 * scale).ceil() as u32;
    wanted.max(recipe.pixels.max_side)
}

/// The features of every image under `paths`, for training a codebook: full descriptors, no words.
///
/// # Errors
/// The picture cannot be read.
pub fn extract_features(path: &Path, recipe: &Recipe) -> Result<Features, Error> {
    let decode = DecodeOptions {
        fit: Some(recipe.pixels.max_side),
        ..DecodeOptions::default()
    };
    let decoded = vizsla_pixels::read_gray(path, &decode)?;
    Ok(recipe.gallery_extractor().extract(&decoded.image))
}
