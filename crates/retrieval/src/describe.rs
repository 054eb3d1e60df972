//! A picture becomes what the catalog stores of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use vizsla_features::{Features, Sift};
use vizsla_pixels::{DecodeOptions, Decoded, Gray};
use vizsla_words::Codebook;

use crate::catalog::ImageRow;
use crate::stored::{self, StoredFeature};
use crate::{Error, Recipe};

/// A described image, ready for the catalog.
pub(crate) struct Described {
    pub row: ImageRow,
    /// Encoded features, as the catalog keeps them.
    pub data: Vec<u8>,
}

/// Describes gallery images; one for all threads.
pub(crate) struct Describer<'a> {
    sift: Sift,
    decode: DecodeOptions,
    codebook: &'a Codebook,
}

impl<'a> Describer<'a> {
    pub(crate) fn new(recipe: &Recipe, codebook: &'a Codebook) -> Self {
        Self {
            sift: Sift::new(recipe.gallery_sift()),
            decode: DecodeOptions {
                fit: Some(recipe.pixels.max_side),
                ..DecodeOptions::default()
            },
            codebook,
        }
    }

    /// Describes the bytes of a file. The error is a reason for a person.
    pub(crate) fn describe(&self, bytes: &[u8], content: [u8; 32]) -> Result<Described, String> {
        // A defect in our own code must cost one file, not a batch of 100,000.
        let work = AssertUnwindSafe(|| {
            let decoded =
                vizsla_pixels::decode_gray(bytes, &self.decode).map_err(|e| e.to_string())?;
            Ok(self.store(decoded, content))
        });
        catch_unwind(work).unwrap_or_else(|_| {
            Err("describing it failed inside vizsla; please report this file".to_owned())
        })
    }

    fn store(&self, decoded: Decoded<Gray>, content: [u8; 32]) -> Described {
        let features = self.sift.extract(&decoded.image);
        let zoom = decoded.full_width as f32 / decoded.image.width() as f32;
        let mut stored = self.quantise(&features, zoom);
        Described {
            data: stored::encode(&mut stored),
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
    Ok(Sift::new(recipe.gallery_sift()).extract(&decoded.image))
}
