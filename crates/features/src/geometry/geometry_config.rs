//! Every way from correspondences to what relates two images, behind one door.
//!
//! [`GeometryConfig`] is a way with all its figures, and [`GeometryConfig::find`] takes it.

use super::Correspondence;
use super::geometry_method::GeometryMethod;
use super::hough::{HoughConfig, hough_poses};
use super::local_consistency::{LocalConsistencyConfig, locally_consistent};
use super::ransac::{Consensus, ransac};
use super::ransac_config::{RansacConfig, Sampling};
use super::sequential::{SequentialConfig, sequential_ransac};
use super::spatial::{SpatialConfig, spatial_match};
use super::two_view::{TwoViewGeometry, TwoViewModel};
use super::verify::{VerifyConfig, verify};

/// A way from correspondences to geometry, with its figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GeometryConfig {
    /// The verdict of a search: see [`verify`].
    Verify(VerifyConfig),
    /// See [`ransac`].
    Ransac(RansacConfig),
    /// Fast spatial matching: see [`spatial_match`].
    Spatial(SpatialConfig),
    /// Poses that correspondences vote for, and the most that are kept: see [`hough_poses`].
    Hough(HoughConfig, usize),
    /// One geometry after another: see [`sequential_ransac`].
    Sequential(RansacConfig, SequentialConfig),
    /// What neighbours bear out, without a model: see [`locally_consistent`].
    LocalConsistency(LocalConsistencyConfig),
}

/// What part of the correspondences agrees on.
#[derive(Debug, Clone, PartialEq)]
pub struct GeometryFinding {
    /// The family of the geometry and the geometry, in pixels of the images that the frames were given in; `None` of what only
    /// neighbours bear out.
    pub geometry: Option<(TwoViewModel, TwoViewGeometry)>,
    /// Positions in the input of those that agree, ascending.
    pub inliers: Vec<u32>,
    /// Decimal logarithm of how often chance would give as much; `None` where no bound is known.
    pub log10_nfa: Option<f64>,
}

impl GeometryConfig {
    /// The method it is of.
    #[must_use]
    pub const fn method(&self) -> GeometryMethod {
        match self {
            Self::Verify(_) => GeometryMethod::Verify,
            Self::Ransac(_) => GeometryMethod::Ransac,
            Self::Spatial(_) => GeometryMethod::Spatial,
            Self::Hough(..) => GeometryMethod::Hough,
            Self::Sequential(..) => GeometryMethod::Sequential,
            Self::LocalConsistency(_) => GeometryMethod::LocalConsistency,
        }
    }

    /// Whether samples are drawn in the order of the correspondences' weights, which should then say how clear each is.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::Ransac(config) | Self::Sequential(config, _) => {
                config.sampling == Sampling::Prosac
            }
            _ => false,
        }
    }

    /// Finds what parts of the correspondences agree on: at most one finding, or those of
    /// [`GeometryMethod::Sequential`] as they were found and of [`GeometryMethod::Hough`] the surest first, no correspondence in two.
    ///
    /// Sizes are (width, height) in pixels of the images that the frames are given in. Empty when nothing is found, or when sizes or
    /// configuration cannot be used.
    #[must_use]
    pub fn find(
        &self,
        correspondences: &[Correspondence],
        from_size: (f64, f64),
        to_size: (f64, f64),
    ) -> Vec<GeometryFinding> {
        let (all, from, to) = (correspondences, from_size, to_size);
        let agreed = |model: TwoViewModel, found: Consensus| GeometryFinding {
            geometry: Some((model, found.geometry)),
            inliers: found.inliers,
            log10_nfa: Some(found.log10_nfa),
        };
        match self {
            Self::Verify(config) => (verify(all, from, to, config).into_iter())
                .map(|found| GeometryFinding {
                    geometry: Some((found.model.into(), TwoViewGeometry::Plane(found.transform))),
                    inliers: found.inliers,
                    log10_nfa: Some(found.log10_nfa),
                })
                .collect(),
            Self::Ransac(config) => (ransac(all, from, to, config).into_iter())
                .map(|found| agreed(config.model, found))
                .collect(),
            Self::Spatial(config) => (spatial_match(all, from, to, config).into_iter())
                .map(|found| agreed(config.model.into(), found))
                .collect(),
            Self::Hough(config, most) => (hough_poses(all, from, to, config).into_iter())
                .take(*most)
                .map(|pose| GeometryFinding {
                    geometry: Some((TwoViewModel::Affine, TwoViewGeometry::Plane(pose.transform))),
                    inliers: pose.inliers,
                    log10_nfa: Some(pose.log10_nfa),
                })
                .collect(),
            Self::Sequential(config, stop) => (sequential_ransac(all, from, to, config, stop)
                .into_iter())
            .map(|found| agreed(config.model, found))
            .collect(),
            Self::LocalConsistency(config) => {
                let inliers = locally_consistent(all, config);
                let finding = GeometryFinding {
                    geometry: None,
                    inliers,
                    log10_nfa: None,
                };
                let found = (!finding.inliers.is_empty()).then_some(finding);
                found.into_iter().collect()
            }
        }
    }
}
