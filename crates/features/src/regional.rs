//! Any detector with any descriptor: regions from the one, patches of them described by the other.

use vizsla_pixels::Gray;

use crate::covariant::{Covariant, CovariantConfig};
use crate::dense::{self, DenseConfig};
use crate::extractor::{DescriptorKind, Detector, ExtractError, Extractor};
use crate::fast::orb::{self, OrbConfig};
use crate::fast::{self, FastConfig};
use crate::fast_hessian::{self, FastHessianConfig};
use crate::keypoint::{Features, Keypoint};
use crate::mser::{self, MserConfig};
use crate::pyramid::Pyramid;
use crate::regions::{Description, Direction, describe_regions};
use crate::sift::{Sift, SiftConfig};

/// A detector and a descriptor, by way of regions and patches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regional {
    pub(crate) detector: Detector,
    pub(crate) descriptor: DescriptorKind,
    /// Largest number of features; 0 keeps all.
    pub(crate) budget: usize,
    /// Whether features stand as the picture does.
    pub(crate) upright: bool,
    /// For [`Detector::Dog`].
    pub(crate) sift: SiftConfig,
    /// For Harris' and Hessian's detectors.
    pub(crate) covariant: Option<CovariantConfig>,
}

impl Regional {
    /// Regions, strongest first, within the budget; their angles are given only where the detector has them.
    fn regions(&self, image: &Gray) -> Vec<Keypoint> {
        let budget = self.budget;
        match self.detector {
            Detector::Dog => {
                let once = SiftConfig {
                    upright: true,
                    ..self.sift
                };
                Sift::new(once).extract(image).keypoints
            }
            Detector::Mser => mser::detect(
                image,
                &MserConfig {
                    budget,
                    ..MserConfig::default()
                },
            ),
            Detector::FastHessian => fast_hessian::detect(
                image,
                &FastHessianConfig {
                    budget,
                    ..FastHessianConfig::default()
                },
            ),
            Detector::Fast => fast::detect(
                image,
                &FastConfig {
                    budget,
                    ..FastConfig::default()
                },
            ),
            Detector::Orb => orb::detect(
                image,
                &OrbConfig {
                    budget,
                    ..OrbConfig::default()
                },
            ),
            Detector::Dense => dense::detect(
                image,
                &DenseConfig {
                    budget,
                    ..DenseConfig::default()
                },
            ),
            _ => (self.covariant)
                .map(|config| Covariant::new(config).regions(image))
                .unwrap_or_default(),
        }
    }

    /// What turns a patch. Places of a grid have no direction of their own, and those of ORB come with one.
    fn direction(&self) -> Direction {
        match self.detector {
            Detector::Dense => Direction::Upright,
            _ if self.upright => Direction::Upright,
            Detector::Orb => Direction::Given,
            _ => Direction::Gradients,
        }
    }
}

impl Extractor for Regional {
    fn kind(&self) -> DescriptorKind {
        self.descriptor
    }

    fn extract(&self, image: &Gray) -> Result<Features, ExtractError> {
        let description = Description {
            budget: self.budget,
            direction: self.direction(),
            kind: self.descriptor,
        };
        let size = (image.width(), image.height());
        let pyramid = Pyramid::of(image);
        Ok(describe_regions(
            &pyramid,
            self.regions(image),
            size,
            &description,
        ))
    }
}
