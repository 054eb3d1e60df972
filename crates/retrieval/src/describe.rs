//! What a recipe makes of a picture, the same for the gallery and for a query: local features, and a vector.

use std::path::Path;
use std::sync::Arc;

use vizsla_features::{Combined, Extractor, Features};
use vizsla_neural::{DescriptorRecipe, ImageDescriptor, VectorEncoder};
use vizsla_pixels::Limits;
use vizsla_words::{Aggregator, Pyramid};

use crate::artefacts::Artefacts;
use crate::models::{Models, PerThread, network_output};
use crate::picture::{Picture, PictureSource, Sides};
use crate::{AggregateRecipe, Collection, Error, GlobalRecipe, Recipe, Region, ground};

/// Describes pictures by a recipe.
pub(crate) struct Describer<'a> {
    recipe: &'a Recipe,
    /// Where local features are wanted.
    extractor: Option<Box<dyn Extractor>>,
    global: Option<Global<'a>>,
    /// Longest side of the colours that are compared between features, where these are kept.
    look: Option<u32>,
}

/// Who makes the global descriptor.
enum Global<'a> {
    /// One network for all, opened when first needed.
    Shared(&'a Models, &'a DescriptorRecipe),
    /// One network for each thread of the caller's pool.
    PerThread(PerThread),
    /// A sum over local features.
    Aggregate(Summed<'a>),
    /// What is counted of all pixels.
    Whole(&'a Combined),
}

/// Who makes a sum over local features.
struct Summed<'a> {
    aggregator: Arc<Aggregator>,
    pyramid: Option<&'a Pyramid>,
    /// The layers behind it.
    network: Option<Arc<VectorEncoder>>,
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
    /// A model or the vocabulary of the recipe is not there, or another than the collection's.
    pub(crate) fn of_gallery(
        recipe: &'a Recipe,
        models: &Models,
        artefacts: &Artefacts,
        pictures: usize,
    ) -> Result<Self, Error> {
        let global = match &recipe.global {
            Some(GlobalRecipe::Network(network)) => {
                let networks = models.image_per_thread(network, pictures)?;
                Some(Global::PerThread(networks))
            }
            Some(GlobalRecipe::Aggregate(aggregate)) => {
                summed(aggregate, artefacts.aggregator()?, models)?.map(Global::Aggregate)
            }
            Some(GlobalRecipe::Whole(whole)) => Some(Global::Whole(&whole.whole)),
            None => None,
        };
        let extractor = || models.gallery_extractor(recipe, pictures);
        Ok(Self {
            recipe,
            extractor: recipe.takes_local().then(extractor).transpose()?,
            global,
            look: recipe.local.look.then_some(ground::SIDE as u32),
        })
    }

    /// For pictures to search with, of which this is wanted; at a glance with a third of the local features. A network is opened when
    /// first needed.
    ///
    /// # Errors
    /// What is wanted needs a vocabulary or a network of local features that is damaged or missing.
    pub(crate) fn of_queries(
        collection: &'a Collection,
        wanted: Wanted,
        glance: bool,
    ) -> Result<Self, Error> {
        let recipe = &collection.recipe;
        let global = match recipe.global.as_ref().filter(|_| wanted.vector) {
            Some(GlobalRecipe::Network(network)) => {
                Some(Global::Shared(&collection.models, network))
            }
            Some(GlobalRecipe::Aggregate(aggregate)) => {
                let aggregator = collection.aggregator()?;
                summed(aggregate, aggregator, &collection.models)?.map(Global::Aggregate)
            }
            Some(GlobalRecipe::Whole(whole)) => Some(Global::Whole(&whole.whole)),
            None => None,
        };
        let summed = matches!(global, Some(Global::Aggregate(_)));
        let all = recipe.local.query_budget;
        let budget = if glance { all.div_ceil(3) } else { all };
        let extractor = || collection.models.query_extractor(recipe, budget);
        let extractor = (wanted.features || summed).then(extractor);
        Ok(Self {
            recipe,
            extractor: extractor.transpose()?,
            global,
            look: recipe.local.look.then_some(recipe.pixels.max_side),
        })
    }

    /// The recipe it describes by.
    pub(crate) fn recipe(&self) -> &Recipe {
        self.recipe
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
        let summed = global.is_some_and(|global| global.aggregate().is_some());
        let sides = Sides {
            gray: (wanted.features || summed).then_some(self.recipe.pixels.max_side),
            colour: (global.and_then(|global| match global {
                GlobalRecipe::Network(network) => Some(colour_side(self.recipe, network)),
                GlobalRecipe::Whole(_) => Some(self.recipe.pixels.max_side),
                GlobalRecipe::Aggregate(_) => None,
            }))
            .or(self.look.filter(|_| wanted.features)),
        };
        Picture::read(source, region, sides, limits)
    }

    /// Local features, in pixels of the grey form; `None` where the picture was not read in it.
    ///
    /// # Errors
    /// The network of learned features failed.
    pub(crate) fn features(&self, picture: &Picture) -> Result<Option<Features>, Error> {
        let both = picture.gray.as_ref().zip(self.extractor.as_ref());
        let features = both.map(|(gray, extractor)| extractor.extract(gray));
        Ok(features.transpose()?)
    }

    /// The global descriptor as the catalog keeps it, of a picture and its local features; `None` where the recipe has none,
    /// or the picture was not read in the form that it is made of.
    ///
    /// # Errors
    /// The network or the vocabulary is not there, or the network failed.
    pub(crate) fn vector(
        &self,
        picture: &Picture,
        features: Option<&Features>,
    ) -> Result<Option<Vec<f32>>, Error> {
        let colour = picture.colour.as_ref();
        let run = |network: &ImageDescriptor, colour| Ok(network.describe(&[colour])?.pop());
        match (&self.global, colour) {
            (Some(Global::Shared(models, network)), Some(colour)) => {
                run(&*models.image(network)?, colour)
            }
            (Some(Global::PerThread(networks)), Some(colour)) => match networks.get() {
                Some(network) => run(network, colour),
                None => Ok(None),
            },
            (Some(Global::Whole(whole)), Some(colour)) => Ok(Some(whole.record(colour))),
            (Some(Global::Aggregate(summed)), _) => features
                .map(|features| self.sum(summed, features))
                .transpose(),
            _ => Ok(None),
        }
    }

    /// Of a query as many features count as of an image of the gallery: both are sums.
    fn sum(&self, summed: &Summed<'_>, features: &Features) -> Result<Vec<f32>, Error> {
        let most = self.recipe.local.budget.min(features.descriptors.len());
        let descriptors = &features.descriptors[..most];
        let vector = match summed.pyramid {
            Some(pyramid) => {
                let (width, height) = (features.width as f32, features.height as f32);
                let keypoints = features.keypoints.iter().take(most);
                let places: Vec<(f32, f32)> = keypoints
                    .map(|k| ((k.x + 0.5) / width, (k.y + 0.5) / height))
                    .collect();
                summed.aggregator.describe_in(descriptors, &places, pyramid)
            }
            None => summed.aggregator.describe(descriptors),
        };
        match &summed.network {
            // Nothing to see gives no direction, whatever the layers make of zeros.
            Some(network) if vector.iter().any(|&x| x != 0.0) => {
                Ok(network.encode(&[vector])?.pop().unwrap_or_default())
            }
            Some(network) => Ok(vec![0.0; network_output(network, vector.len())?]),
            None => Ok(vector),
        }
    }
}

/// Who makes a sum, of a vocabulary that is there.
fn summed<'a>(
    recipe: &'a AggregateRecipe,
    aggregator: Option<Arc<Aggregator>>,
    models: &Models,
) -> Result<Option<Summed<'a>>, Error> {
    let Some(aggregator) = aggregator else {
        return Ok(None);
    };
    Ok(Some(Summed {
        aggregator,
        pyramid: recipe.pyramid.as_ref(),
        network: models.layers(recipe)?,
    }))
}

/// Longest side at which a picture is read for the global descriptor: what the largest scale needs, and enough for a
/// model with a resize rule of its own.
pub(crate) fn colour_side(recipe: &Recipe, global: &DescriptorRecipe) -> u32 {
    let scale = global.scales.iter().copied().fold(1.0, f32::max);
    let wanted = (global.side as f32 * scale).ceil() as u32;
    wanted.max(recipe.pixels.max_side)
}

/// What finds and describes the local features of so many pictures as a recipe takes them of a gallery, outside of any
/// collection: `local.model` names a file. Networks are opened here, one for each thread of the current pool, at most one a
/// picture.
///
/// # Errors
/// Detector and descriptor do not go together, or a network of learned features is not there or none.
pub fn local_extractor(recipe: &Recipe, pictures: usize) -> Result<Box<dyn Extractor>, Error> {
    Models::default().gallery_extractor(recipe, pictures)
}

/// The features of a picture as a gallery has them, for training a codebook: full descriptors, no words.
///
/// # Errors
/// The picture cannot be read, or the network of learned features is not there or failed.
pub fn extract_features(path: &Path, recipe: &Recipe) -> Result<Features, Error> {
    features_by(&*local_extractor(recipe, 1)?, path, recipe)
}

/// As [`extract_features`], by what was made for many pictures.
pub(crate) fn features_by(
    extractor: &dyn Extractor,
    path: &Path,
    recipe: &Recipe,
) -> Result<Features, Error> {
    let sides = Sides {
        gray: Some(recipe.pixels.max_side),
        colour: None,
    };
    let picture = Picture::read(PictureSource::File(path), None, sides, Limits::default())?;
    let features = picture.gray.map(|gray| extractor.extract(&gray));
    Ok(features.transpose()?.unwrap_or_default())
}
