//! Harris- and Hessian-Laplace, Harris- and Hessian-Affine: detector, shape, budget and descriptors put together.
//!
//! How strong a region is counts with the root of its scale. The derivatives of a noisy image, normalised, have noise that falls with
//! the scale, and small regions are many, so that without it the budget goes to those that the next picture does not show
//! again.
//!
//! See [`hessian`], [`harris`] and [`adaptation`] for the papers and for
//! what was chosen where they leave a choice. Responses, moments and shapes are checked against NumPy and SciPy in
//! `tests/reference`, repeatability and matching score against OpenCV in `benches/detectors.md`.

mod adaptation;
mod harris;
mod hessian;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use vizsla_pixels::{Gray, ScaleSpaceConfig};

use adaptation::Adaptation;
use harris::HarrisPlanes;
use hessian::{HessianConfig, HessianSearch};

use crate::budget::strength;
use crate::dog::Blob;
use crate::extractor::{DescriptorKind, ExtractError, Extractor};
use crate::keypoint::{Features, Keypoint};
use crate::pyramid::Pyramid;
use crate::regions::{Description, Direction, chosen, describe_regions};
use crate::shape::Shape;
use crate::sift::keypoint;

/// What [`Covariant`] looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Blobs: maxima of the determinant of the Hessian in position and scale.
    #[default]
    Hessian,
    /// Corners: maxima of the Harris measure in position where the Laplacian has an extremum over scale.
    Harris,
}

impl Measure {
    /// The smallest response that [`CovariantConfig`] asks for, grey values as `[0, 1]`.
    #[must_use]
    pub fn default_threshold(self) -> f32 {
        match self {
            Self::Hessian => 0.02,
            Self::Harris => 0.025,
        }
    }
}

/// What [`Covariant`] looks for, and how it is described.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CovariantConfig {
    /// Blobs or corners.
    pub measure: Measure,
    /// Whether the affine shape of each is found; what has none (edges) is dropped. Default false.
    pub affine: bool,
    /// Largest number of features of an image; 0 keeps all. The strongest are kept, where strength, [`Keypoint::response`], is
    /// the response below times the square root of the scale: of two regions of one contrast the larger is found again more
    /// often.
    pub budget: usize,
    /// Smallest response, grey values as `[0, 1]`: `σ² · √det H` of a blob, the fourth root of the Harris measure of a corner.
    /// Both are proportional to contrast. `None`, the default, is [`Measure::default_threshold`]; what is below 0 counts as 0.
    pub threshold: Option<f32>,
    /// Largest ratio of principal curvatures of a blob; default 10. Corners have none: the Harris measure itself bounds it.
    pub edge_threshold: f32,
    /// Whether the image is doubled first, which finds smaller features; default true.
    pub upsample: bool,
    /// Whether features stand as the picture does, instead of each having the direction of its gradients; default false.
    pub upright: bool,
    /// RootSIFT instead of SIFT; default true.
    pub root: bool,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
}

impl Default for CovariantConfig {
    fn default() -> Self {
        Self {
            measure: Measure::default(),
            affine: false,
            budget: 0,
            threshold: None,
            edge_threshold: 10.0,
            upsample: true,
            upright: false,
            root: true,
            spread: true,
        }
    }
}

/// Extracts features that keep to their place on a surface when scale (or, with `affine`, the direction of view)
/// changes. Holds only its configuration: one value serves any number of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covariant {
    config: CovariantConfig,
}

/// Largest memory that a thread keeps.
const KEPT_BYTES: usize = 256 << 20;
/// Intervals of an octave in which blobs are sought.
const HESSIAN_LAYERS: usize = 3;

thread_local! {
    static PYRAMID: RefCell<Option<Pyramid>> = const { RefCell::new(None) };
}

impl Covariant {
    /// An extractor with this configuration.
    #[must_use]
    pub fn new(config: CovariantConfig) -> Self {
        Self { config }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &CovariantConfig {
        &self.config
    }

    /// Finds and describes the features of an image, strongest first, on the calling thread. An image without texture or
    /// of less than 6 pixels on a side (12 without doubling) has none.
    ///
    /// Takes about 120 bytes per pixel with doubling, 30 without. A thread keeps up to 256 MiB of it for the next image.
    #[must_use]
    pub fn extract(&self, image: &Gray) -> Features {
        let description = Description {
            budget: self.config.budget,
            direction: match self.config.upright {
                true => Direction::Upright,
                false => Direction::Gradients,
            },
            kind: Extractor::kind(self),
        };
        let size = (image.width(), image.height());
        self.looking(image, |pyramid, regions| {
            describe_regions(pyramid, regions, size, &description)
        })
    }

    /// The regions alone, strongest first, with angle 0.
    pub(crate) fn regions(&self, image: &Gray) -> Vec<Keypoint> {
        self.looking(image, |_, regions| regions)
    }

    fn looking<T>(&self, image: &Gray, with: impl FnOnce(&Pyramid, Vec<Keypoint>) -> T) -> T {
        let layout = ScaleSpaceConfig {
            layers: match self.config.measure {
                Measure::Hessian => HESSIAN_LAYERS,
                Measure::Harris => harris::LAYERS,
            },
            upsample: self.config.upsample,
            ..ScaleSpaceConfig::default()
        };
        let kept = PYRAMID.with(|cell| cell.borrow_mut().take());
        let mut pyramid = match kept {
            Some(pyramid) if *pyramid.space().config() == layout => pyramid,
            _ => Pyramid::with_layout(layout),
        };
        let regions = self.chosen_regions(image, &mut pyramid);
        let done = with(&pyramid, regions);
        if pyramid.bytes() <= KEPT_BYTES {
            PYRAMID.with(|cell| *cell.borrow_mut() = Some(pyramid));
        }
        done
    }

    fn chosen_regions(&self, image: &Gray, pyramid: &mut Pyramid) -> Vec<Keypoint> {
        let size = (image.width(), image.height());
        let blobs = self.detect(image, pyramid);
        let space = pyramid.space();
        let weighted = |blob: &Blob| {
            let region = keypoint(space, blob, 0.0);
            Keypoint {
                response: strength(region.response, region.scale),
                ..region
            }
        };
        let regions: Vec<Keypoint> = blobs.iter().map(weighted).collect();
        let CovariantConfig {
            budget,
            spread,
            affine,
            ..
        } = self.config;
        if !affine {
            let order = chosen(&regions, size, budget, spread, |_| true);
            return order.into_iter().map(|index| regions[index]).collect();
        }
        // Shapes take time: they are found for those that the budget asks for, and of those for the ones that it would take
        // if all had one in the order in which they lie in memory.
        let adaptation = Adaptation::new();
        let mut shapes: Vec<Option<Option<Shape>>> = vec![None; regions.len()];
        let mut first = chosen(&regions, size, budget, spread, |_| true);
        first.sort_unstable();
        for index in first {
            shapes[index] = Some(adaptation.shape(pyramid, &regions[index]));
        }
        let order = chosen(&regions, size, budget, spread, |index| {
            let shape = || adaptation.shape(pyramid, &regions[index]);
            shapes[index].get_or_insert_with(shape).is_some()
        });
        let shaped = |index: usize| Keypoint {
            shape: shapes[index].flatten().unwrap_or_default(),
            ..regions[index]
        };
        order.into_iter().map(shaped).collect()
    }

    /// Builds the pyramid and finds its blobs or corners.
    fn detect(&self, image: &Gray, pyramid: &mut Pyramid) -> Vec<Blob> {
        let config = &self.config;
        let threshold = (config.threshold)
            .unwrap_or(config.measure.default_threshold())
            .max(0.0);
        let (isa, sigma) = (pyramid.isa(), pyramid.space().config().sigma);
        match config.measure {
            Measure::Hessian => {
                let thresholds = HessianConfig {
                    threshold,
                    edge_threshold: config.edge_threshold,
                };
                let mut search = HessianSearch::new(isa, sigma, thresholds);
                pyramid.build_rows(image, |octave, y, planes| search.row(octave, y, planes));
                search.into_blobs()
            }
            Measure::Harris => {
                let (mut memory, mut blobs) = (HarrisPlanes::default(), Vec::new());
                pyramid.build(image, |number, octave| {
                    harris::detect(number, octave, sigma, threshold, &mut memory, &mut blobs);
                });
                blobs
            }
        }
    }
}

impl Extractor for Covariant {
    fn kind(&self) -> DescriptorKind {
        match self.config.root {
            true => DescriptorKind::RootSift,
            false => DescriptorKind::Sift,
        }
    }

    fn extract(&self, image: &Gray) -> Result<Features, ExtractError> {
        Ok(Covariant::extract(self, image))
    }
}
