//! A picture becomes what the catalog stores of it.

use vizsla_features::{Descriptor, Features};
use vizsla_pixels::{Format, Limits, guarded};
use vizsla_words::Codebook;

use crate::artefacts::Artefacts;
use crate::catalog::ImageRow;
use crate::describe::{Describer, Wanted};
use crate::models::Models;
use crate::picture::{Picture, PictureSource};
use crate::stored::{self, StoredFeature};
use crate::{Codes, Error, Recipe, Scoring, ground, trailer};

/// A described image, ready for the catalog.
pub(super) struct NewImage {
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
pub(super) enum Failure {
    /// It cannot be read.
    Picture(String),
    /// It was read, but the collection's model cannot take it or failed on it.
    Model(String),
}

/// Makes images of files; one for all threads.
pub(super) struct Intake<'a> {
    describer: Describer<'a>,
    wanted: Wanted,
    codebook: &'a Codebook,
    limits: Limits,
}

impl<'a> Intake<'a> {
    /// Gets ready for so many pictures.
    ///
    /// # Errors
    /// The recipe's model is not there, or another than the collection's.
    pub(super) fn new(
        recipe: &'a Recipe,
        codebook: &'a Codebook,
        (models, artefacts): (&Models, &Artefacts),
        pictures: usize,
        limits: Limits,
    ) -> Result<Self, Error> {
        Ok(Self {
            describer: Describer::of_gallery(recipe, models, artefacts, pictures)?,
            wanted: Wanted {
                features: recipe.local.enabled,
                vector: recipe.global.is_some(),
            },
            codebook,
            limits,
        })
    }

    /// Describes the bytes of a file.
    pub(super) fn describe(&self, bytes: &[u8], content: [u8; 32]) -> Result<NewImage, Failure> {
        // A defect in our own code must cost one file, not a batch of 100,000.
        let work = || {
            let source = PictureSource::Bytes(bytes);
            let read = self.describer.read(source, None, self.wanted, self.limits);
            let picture = read.map_err(|error| Failure::Picture(error.to_string()))?;
            let features = self.describer.features(&picture);
            let features = features.map_err(|error| Failure::Model(error.to_string()))?;
            let vector = self.describer.vector(&picture, features.as_ref());
            let vector = vector.map_err(|error| Failure::Model(error.to_string()))?;
            let features = features.filter(|_| self.wanted.features);
            Ok(self.store(picture, content, features, vector))
        };
        guarded(work).unwrap_or_else(|panic| {
            Err(Failure::Picture(format!(
                "describing it failed inside vizsla ({panic}); please report this file"
            )))
        })
    }

    fn store(
        &self,
        picture: Picture,
        content: [u8; 32],
        features: Option<Features>,
        vector: Option<Vec<f32>>,
    ) -> NewImage {
        let features = features.unwrap_or_default();
        let mut quantised = self.quantise(&features, picture.zoom() as f32);
        quantised.sort_by(|(a, _), (b, _)| stored::order(a, b));
        let (mut stored, descriptors): (Vec<StoredFeature>, Vec<&Descriptor>) =
            quantised.into_iter().unzip();
        let mut data = match self.describer.recipe().search.scoring {
            Scoring::Hamming | Scoring::HammingWgc | Scoring::Bow => stored::encode(&mut stored),
            Scoring::Asmk => {
                let codes = self.codebook.aggregate(&features.descriptors, 1);
                stored::encode_with(&mut stored, &codes)
            }
        };
        if self.describer.recipe().local.codes == Codes::Precise {
            trailer::add_fine(&mut data, descriptors.into_iter());
        }
        if let Some(colour) = picture
            .colour
            .as_ref()
            .filter(|_| self.wanted.features && self.describer.recipe().local.look)
            && let Some(little) = ground::record(colour)
        {
            trailer::add_little(&mut data, &little);
        }
        let [width, height] = picture.full;
        let file = picture.file;
        NewImage {
            vector,
            data,
            pages: file.pages,
            row: ImageRow {
                content,
                width,
                height,
                format: file.format.map_or("", Format::name).to_owned(),
                taken: file.exif.taken,
                camera: file.exif.camera,
                latitude: file.exif.latitude,
                longitude: file.exif.longitude,
                features: stored.len() as u32,
            },
        }
    }

    fn quantise<'f>(
        &self,
        features: &'f Features,
        zoom: f32,
    ) -> Vec<(StoredFeature, &'f Descriptor)> {
        let size = (features.width as f32, features.height as f32);
        let words = self.codebook.assign_each(&features.descriptors);
        let pairs = features.keypoints.iter().zip(&features.descriptors);
        pairs
            .zip(words)
            .map(|((keypoint, descriptor), word)| {
                let signature = self.codebook.signature(descriptor, word);
                let stored = StoredFeature::new(keypoint, size, zoom, word, signature);
                (stored, descriptor)
            })
            .collect()
    }
}
