//! The whole way from a picture to the vector of a collection, as data and as the thing that does it.
//!
//! A [`DescriptorRecipe`] says which model, which output, at which sizes, pooled and whitened how; an
//! [`ImageDescriptor`] does it. Whatever the recipe leaves open is decided once, on opening, and
//! [`ImageDescriptor::recipe`] tells what was decided, so that a collection can store it and describe its queries the
//! same way later.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vizsla_pixels::Rgb;
use vizsla_vectors::Projection;

use crate::encoder::{Encoder, Input};
use crate::error::Error;
use crate::feature_map::FeatureMap;
use crate::image_encoder::{ImageEncoder, OutputKind};
use crate::models::{ModelEntry, Registry};
use crate::pooling::{Pooling, PoolingChain, PoolingRecipe};
use crate::preprocess::Preprocessing;
use crate::relevance::Relevance;
use crate::runtime::SessionOptions;

/// Pictures whose maps are held at a time.
const BATCH: usize = 8;
/// Most scales of one picture.
const MOST_SCALES: usize = 8;

/// How pictures become vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DescriptorRecipe {
    /// Id of the model in the registry.
    pub model: String,
    /// SHA-256 the model must have; empty takes what there is.
    pub sha256: String,
    /// The value of the model that is read; empty takes the entry's, or the last feature map found.
    pub output: String,
    /// Longest side in pixels to which pictures are scaled; 0 takes the entry's side, or its own resize rule.
    pub side: u32,
    /// Factors of `side` at which the picture is described; the vectors are summed.
    pub scales: Vec<f32>,
    /// See [`Pooling`]; empty takes the entry's, or `spoc`; `none` when the model gives vectors.
    pub pooling: PoolingRecipe,
    /// Exponent of the signed power, above 0 to 1; 1 changes nothing.
    pub power: f32,
    /// Id of the [`Projection`] applied last; empty for none.
    pub whitening: String,
    /// Numbers of the vector; 0 before it is known.
    pub dimension: usize,
    /// How pictures are prepared; absent takes the entry's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
}

impl Default for DescriptorRecipe {
    fn default() -> Self {
        Self {
            model: String::new(),
            sha256: String::new(),
            output: String::new(),
            side: 0,
            scales: vec![1.0],
            pooling: PoolingRecipe::Open,
            power: 1.0,
            whitening: String::new(),
            dimension: 0,
            preprocessing: None,
        }
    }
}

/// Describes pictures by a recipe.
pub struct ImageDescriptor {
    encoder: ImageEncoder,
    recipe: DescriptorRecipe,
    chain: PoolingChain,
}

impl ImageDescriptor {
    /// Opens the model of a recipe.
    ///
    /// # Errors
    /// When the registry has no such model, or one of another SHA-256 than the recipe's; when pooling, scales, power
    /// or whitening cannot be used with it or with each other.
    pub fn open(
        recipe: &DescriptorRecipe,
        registry: &Registry,
        whitening: Option<Arc<Projection>>,
        options: &SessionOptions,
    ) -> Result<Self, Error> {
        Self::open_entry(
            recipe,
            &registry.get(&recipe.model)?,
            None,
            whitening,
            options,
        )
    }

    /// As [`ImageDescriptor::open`], with an entry that need not be in a registry, and a pooling that was learned and so
    /// cannot be made from the recipe's name; the recipe's `pooling` must then be empty or its name.
    ///
    /// # Errors
    /// As [`ImageDescriptor::open`].
    pub fn open_entry(
        recipe: &DescriptorRecipe,
        entry: &ModelEntry,
        pooling: Option<Pooling>,
        whitening: Option<Arc<Projection>>,
        options: &SessionOptions,
    ) -> Result<Self, Error> {
        check(recipe)?;
        if !recipe.sha256.is_empty() && !recipe.sha256.eq_ignore_ascii_case(&entry.sha256) {
            return Err(Error::Checksum {
                name: format!("model '{}'", entry.id),
                expected: recipe.sha256.clone(),
                found: entry.sha256.clone(),
                path: entry.path().unwrap_or_else(|_| entry.id.clone().into()),
            });
        }
        let output = Some(recipe.output.as_str()).filter(|output| !output.is_empty());
        let mut entry = entry.clone();
        if let Some(preprocessing) = &recipe.preprocessing {
            entry.preprocessing = preprocessing.clone();
        }
        let entry = &entry;
        let encoder = ImageEncoder::open(entry, output, options)?;
        let kind = encoder.kind()?;
        let mut recipe = DescriptorRecipe {
            sha256: entry.sha256.clone(),
            output: encoder.output().to_owned(),
            preprocessing: Some(entry.preprocessing.clone()),
            ..recipe.clone()
        };
        if recipe.side == 0 && encoder.takes_any_size() && matches!(kind, OutputKind::Map { .. }) {
            recipe.side = entry.side.unwrap_or(0);
        }
        let (pooling, dimension) = match kind {
            OutputKind::Map { channels } => {
                let pooling = pooling_for(&recipe, entry, pooling)?;
                recipe.pooling = PoolingRecipe::Named(pooling.name());
                let dimension = pooling.dimension(channels);
                (pooling, dimension)
            }
            OutputKind::Vector { dimension } => {
                suits_vectors(&recipe, entry, pooling.as_ref())?;
                recipe.pooling = PoolingRecipe::None;
                (Pooling::Spoc, dimension)
            }
        };
        if recipe.scales != [1.0] && recipe.side == 0 {
            return Err(Error::Value {
                name: "scales",
                value: format!("{:?}", recipe.scales),
                allowed: "several scales need a side in pixels that they multiply, or leave [1.0]"
                    .into(),
            });
        }
        recipe.dimension = fitting(&mut recipe.whitening, whitening.as_deref(), dimension)?;
        let chain = PoolingChain {
            pooling,
            power: recipe.power,
            whitening,
        };
        Ok(Self {
            encoder,
            recipe,
            chain,
        })
    }

    /// The recipe with everything that was left open filled in.
    pub fn recipe(&self) -> &DescriptorRecipe {
        &self.recipe
    }

    /// Pooling, power and whitening.
    pub fn chain(&self) -> &PoolingChain {
        &self.chain
    }

    /// One vector of length 1 for each picture, in order: pooled at each scale and scaled to length 1, summed, scaled to
    /// length 1, raised to the power, scaled to length 1, whitened, scaled to length 1.
    ///
    /// # Errors
    /// When the model fails on a picture.
    pub fn describe(&self, images: &[&Rgb]) -> Result<Vec<Vec<f32>>, Error> {
        let mut described = Vec::with_capacity(images.len());
        for images in images.chunks(BATCH) {
            let mut pooled: Vec<Vec<Vec<f32>>> = vec![Vec::new(); images.len()];
            if self.gives_vectors() {
                for (pooled, vector) in pooled.iter_mut().zip(self.encoder.vectors(images)?) {
                    pooled.push(vector);
                }
            } else {
                for side in self.sides() {
                    let maps = self.encoder.maps(images, side)?;
                    let vectors: Vec<Vec<f32>> = maps
                        .par_iter()
                        .map(|map| self.chain.pool(map))
                        .collect::<Result<_, Error>>()?;
                    for (pooled, vector) in pooled.iter_mut().zip(vectors) {
                        pooled.push(vector);
                    }
                }
            }
            for pooled in &pooled {
                described.push(self.chain.finish(pooled)?);
            }
        }
        Ok(described)
    }

    /// The feature map of a picture at the first scale.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when the model gives vectors, or the model fails.
    pub fn feature_map(&self, image: &Rgb) -> Result<FeatureMap, Error> {
        let mut maps = self.maps(image, &self.sides()[..1])?;
        maps.pop().ok_or_else(|| self.without_maps())
    }

    /// Which places of two pictures made their similarity, the inner product of their vectors.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when the model gives vectors, or the model fails.
    pub fn relevance(&self, a: &Rgb, b: &Rgb) -> Result<(Relevance, Relevance), Error> {
        let sides = self.sides();
        self.chain
            .relevance(&self.maps(a, &sides)?, &self.maps(b, &sides)?)
    }

    fn maps(&self, image: &Rgb, sides: &[Option<u32>]) -> Result<Vec<FeatureMap>, Error> {
        if self.gives_vectors() {
            return Err(self.without_maps());
        }
        let mut maps = Vec::with_capacity(sides.len());
        for &side in sides {
            maps.extend(self.encoder.maps(&[image], side)?);
        }
        Ok(maps)
    }

    fn gives_vectors(&self) -> bool {
        self.recipe.pooling == PoolingRecipe::None
    }

    fn without_maps(&self) -> Error {
        Error::Unsuitable {
            id: self.recipe.model.clone(),
            what: format!(
                "gives vectors without places at output '{}'; name a feature map as its output",
                self.recipe.output
            ),
        }
    }

    /// Longest sides of all scales; `None` for the entry's own rule.
    fn sides(&self) -> Vec<Option<u32>> {
        let side = self.recipe.side;
        let scaled = |scale: &f32| (side as f32 * scale).round().max(1.0) as u32;
        match side {
            0 => vec![None],
            _ => self.recipe.scales.iter().map(|s| Some(scaled(s))).collect(),
        }
    }
}

impl Encoder for ImageDescriptor {
    fn dimension(&self) -> usize {
        self.recipe.dimension
    }

    fn encode(&self, inputs: &[Input<'_>]) -> Result<Vec<Vec<f32>>, Error> {
        let images = inputs
            .iter()
            .map(|input| match input {
                Input::Image(image) => Ok(*image),
                Input::Text(_) => Err(Error::Unsuitable {
                    id: self.recipe.model.clone(),
                    what: "describes pictures and takes no text".into(),
                }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.describe(&images)
    }
}

fn check(recipe: &DescriptorRecipe) -> Result<(), Error> {
    let scale = |s: &f32| (0.05..=8.0).contains(s);
    let scales = &recipe.scales;
    if scales.is_empty() || scales.len() > MOST_SCALES || !scales.iter().all(scale) {
        return Err(Error::Value {
            name: "scales",
            value: format!("{scales:?}"),
            allowed: format!("1 to {MOST_SCALES} factors from 0.05 to 8"),
        });
    }
    if !(recipe.power > 0.0 && recipe.power <= 1.0) {
        return Err(Error::Value {
            name: "power",
            value: recipe.power.to_string(),
            allowed: "it is above 0 and at most 1; 1 changes nothing, 0.5 is the square root"
                .into(),
        });
    }
    Ok(())
}

/// The pooling of a model that gives feature maps.
fn pooling_for(
    recipe: &DescriptorRecipe,
    entry: &ModelEntry,
    learned: Option<Pooling>,
) -> Result<Pooling, Error> {
    let asked = match (&recipe.pooling, &entry.pooling) {
        (PoolingRecipe::Open, Some(of_entry)) => of_entry,
        (asked, _) => asked,
    };
    match (learned, asked) {
        (Some(pooling), _) => match &recipe.pooling {
            PoolingRecipe::Open => Ok(pooling),
            PoolingRecipe::Named(name) if *name == pooling.name() => Ok(pooling),
            other => Err(Error::Value {
                name: "the pooling",
                value: other.to_string(),
                allowed: format!("the pooling given is {pooling}"),
            }),
        },
        (None, PoolingRecipe::Open) => Ok(Pooling::Spoc),
        (None, PoolingRecipe::Named(name)) => name.plain(),
        (None, PoolingRecipe::None) => Err(Error::Unsuitable {
            id: entry.id.clone(),
            what: "gives feature maps, which need a pooling other than none".into(),
        }),
    }
}

/// A model that gives vectors takes no pooling, no side and no scales.
fn suits_vectors(
    recipe: &DescriptorRecipe,
    entry: &ModelEntry,
    pooling: Option<&Pooling>,
) -> Result<(), Error> {
    let asked = match pooling {
        Some(pooling) => Some(pooling.name()),
        None => recipe.pooling.named().cloned(),
    };
    let unsuitable = |what: String| Error::Unsuitable {
        id: entry.id.clone(),
        what,
    };
    if let Some(asked) = asked {
        return Err(unsuitable(format!(
            "gives vectors at output '{}', which cannot be pooled by {asked}; leave the pooling empty, or name \
             a feature map as output",
            recipe.output
        )));
    }
    if recipe.side != 0 || recipe.scales != [1.0] {
        return Err(unsuitable(
            "gives vectors of pictures prepared by its own resize rule; leave side 0 and scales [1.0]".into(),
        ));
    }
    Ok(())
}

/// Dimension of the result, once the whitening is the recipe's and takes vectors of this dimension.
fn fitting(
    recorded: &mut String,
    whitening: Option<&Projection>,
    dimension: usize,
) -> Result<usize, Error> {
    let given = whitening.map_or("", Projection::id);
    if !recorded.is_empty() && recorded != given {
        return Err(Error::Value {
            name: "the whitening",
            value: recorded.clone(),
            allowed: match given {
                "" => "it was not given; take it along, or leave whitening empty".into(),
                given => format!("the one given is {given}"),
            },
        });
    }
    given.clone_into(recorded);
    match whitening {
        Some(whitening) if whitening.input() != dimension => Err(Error::Length {
            what: format!("the whitening {given}"),
            expected: whitening.input(),
            found: dimension,
        }),
        Some(whitening) => Ok(whitening.output()),
        None => Ok(dimension),
    }
}
