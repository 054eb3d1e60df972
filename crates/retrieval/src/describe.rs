//! What a recipe makes of a picture, the same for the gallery and for a query: local features, and a vector.

use std::path::Path;

use vizsla_features::{Extractor, Features};
use vizsla_neural::DescriptorRecipe;
use vizsla_pixels::{Gray, Limits, Rgb};

use crate::models::{Models, PerThread};
use crate::picture::{Picture, PictureSource, Sides};
use crate::{Error, Recipe, Region};

/// Describes pictures by a recipe.
pub(crate) struct Describer<'a> {
    recipe: &'a Recipe,
    extractor: Box<dyn Extractor>,
    network: Network<'a>,
}

/// Who runs the network of the global descriptor.
enum Network<'a> {
    /// One for all, opened when first needed.
    Shared(&'a Models),
    /// One for each thread of the caller's pool; `None` where the recipe has no global descriptor.
    PerThread(Option<PerThread>),
}

/// What is wanted of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Local features.
    pub features: bool,
    /// The global descriptor, where the recipe has one.
    pub vector: bool,
}

impl<'a> Describer<'a> {
    /// Gets ready for so many pictures of the gallery.
    ///
    /// # Errors
    /// The recipe's model is not there, or another than the collection's.
    pub(crate) fn of_gallery(
        recipe: &'a Recipe,
        models: &Models,
        pictures: usize,
    ) -> Result<Self, Error> {
        let open = |global| models.image_per_thread(global, pictures);
        let networks = recipe.global.as_ref().map(open).transpose()?;
        Ok(Self {
            recipe,
            extractor: recipe.gallery_extractor(),
            network: Network::PerThread(networks),
        })
    }

    /// For pictures to search with. Networks are opened when first needed.
    pub(crate) fn of_queries(recipe: &'a Recipe, models: &'a Models) -> Self {
        Self {
            recipe,
            extractor: recipe.query_extractor(),
            network: Network::Shared(models),
        }
    }

    /// Reads a picture, or a region of it, in the forms that what is wanted is made of.
    ///
    /// # Errors
    /// The picture cannot be read, or the region lies outside.
    pub(crate) fn read(
        &self,
        source: PictureSource<'_>,
        region: Option<Region>,
        wanted: Wanted,
        limits: Limits,
    ) -> Result<Picture, Error> {
        let global = self.recipe.global.as_ref().filter(|_| wanted.vector);
        let sides = Sides {
            gray: wanted.features.then_some(self.recipe.pixels.max_side),
            colour: global.map(|global| colour_side(self.recipe, global)),
        };
        Picture::read(source, region, sides, limits)
    }

    /// Local features, in pixels of the picture given.
    pub(crate) fn features(&self, gray: &Gray) -> Features {
        self.extractor.extract(gray)
    }

    /// The global descriptor as the network gives it; `None` where the recipe has none.
    ///
    /// # Errors
    /// The network is not there, or failed.
    pub(crate) fn vector(&self, colour: &Rgb) -> Result<Option<Vec<f32>>, Error> {
        let Some(global) = &self.recipe.global else {
            return Ok(None);
        };
        let mut vectors = match &self.network {
            Network::Shared(models) => models.image(global)?.describe(&[colour])?,
            Network::PerThread(networks) => match networks.as_ref().and_then(PerThread::get) {
                Some(network) => network.describe(&[colour])?,
                None => return Ok(None),
            },
        };
        Ok(vectors.pop())
    }
}

/// Longest side at which a picture is read for the global descriptor: what the largest scale needs, and enough for a
/// model with a resize rule of its own.
pub(crate) fn colour_side(recipe: &Recipe, global: &DescriptorRecipe) -> u32 {
    let scale = global.scales.iter().copied().fold(1.0, f32::max);
    let wanted = (global.side as f32 * scale).ceil() as u32;
    wanted.max(recipe.pixels.max_side)
}

/// The features of a picture as a gallery has them, for training a codebook: full descriptors, no words.
///
/// # Errors
/// The picture cannot be read.
pub fn extract_features(path: &Path, recipe: &Recipe) -> Result<Features, Error> {
    let sides = Sides {
        gray: Some(recipe.pixels.max_side),
        colour: None,
    };
    let picture = Picture::read(PictureSource::File(path), None, sides, Limits::default())?;
    let extract = |gray: &Gray| recipe.gallery_extractor().extract(gray);
    Ok(picture.gray.as_ref().map(extract).unwrap_or_default())
}
