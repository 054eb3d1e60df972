//! What two images of a thing can have in common: a map of the plane, or epipolar lines.

use serde::{Deserialize, Serialize};

use super::TransformModel;
use super::fundamental::Fundamental;
use super::transform::Transform;

/// The families of two-view geometry that [`ransac`](crate::ransac) estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoViewModel {
    /// Rotation, uniform scale and shift.
    Similarity,
    /// Any linear map and shift.
    Affine,
    /// Any perspective view of a plane.
    #[default]
    Homography,
    /// Any two views of a scene of any depth: epipolar lines.
    Fundamental,
}

/// What a minimal sample is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// Positions alone: 2, 3, 4 or 7 pairs.
    #[default]
    Points,
    /// Whole frames, with scale, direction and shape: 1, 1, 2 or 3 pairs.
    Frames,
}

/// What relates two images, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TwoViewGeometry {
    /// A map of the first image onto the second.
    Plane(Transform),
    /// Points to epipolar lines.
    Epipolar(Fundamental),
}

impl TwoViewModel {
    /// How many correspondences a minimal sample has.
    #[must_use]
    pub const fn sample_size(self, kind: SampleKind) -> usize {
        match (self, kind) {
            (Self::Similarity | Self::Affine, SampleKind::Frames) => 1,
            (Self::Similarity, SampleKind::Points) | (Self::Homography, SampleKind::Frames) => 2,
            (Self::Affine, SampleKind::Points) | (Self::Fundamental, SampleKind::Frames) => 3,
            (Self::Homography, SampleKind::Points) => 4,
            (Self::Fundamental, SampleKind::Points) => 7,
        }
    }

    /// How many geometries fit a minimal sample of points at most.
    #[must_use]
    pub const fn solutions(self) -> usize {
        match self {
            Self::Fundamental => 3,
            _ => 1,
        }
    }

    /// Correspondences that a least-squares fit needs.
    pub(crate) const fn fit_size(self) -> usize {
        match self {
            Self::Similarity => 2,
            Self::Affine => 3,
            Self::Homography => 4,
            Self::Fundamental => 8,
        }
    }

    /// The family of transforms; `None` for the fundamental matrix.
    #[must_use]
    pub const fn plane(self) -> Option<TransformModel> {
        match self {
            Self::Similarity => Some(TransformModel::Similarity),
            Self::Affine => Some(TransformModel::Affine),
            Self::Homography => Some(TransformModel::Homography),
            Self::Fundamental => None,
        }
    }
}

impl From<TransformModel> for TwoViewModel {
    fn from(model: TransformModel) -> Self {
        match model {
            TransformModel::Similarity => Self::Similarity,
            TransformModel::Affine => Self::Affine,
            TransformModel::Homography => Self::Homography,
        }
    }
}

crate::named_choice!(
    TwoViewModel,
    "two-view model",
    Similarity => "similarity",
    Affine => "affine",
    Homography => "homography",
    Fundamental => "fundamental",
);

crate::named_choice!(SampleKind, "kind of sample", Points => "points", Frames => "frames");

impl TwoViewGeometry {
    /// Squared error of a pair, pixels²: the transfer error in the second image of a map, the Sampson error
    /// of epipolar lines. Infinite where it is not defined.
    #[must_use]
    #[inline]
    pub fn squared_error(&self, from: (f64, f64), to: (f64, f64)) -> f64 {
        match self {
            Self::Plane(transform) => match transform.apply(from.0, from.1) {
                Some((u, v)) => (u - to.0).powi(2) + (v - to.1).powi(2),
                None => f64::INFINITY,
            },
            Self::Epipolar(f) => f.sampson_squared(from, to),
        }
    }

    /// The map; `None` for epipolar lines.
    #[must_use]
    pub const fn transform(&self) -> Option<&Transform> {
        match self {
            Self::Plane(transform) => Some(transform),
            Self::Epipolar(_) => None,
        }
    }

    /// The fundamental matrix; `None` for a map.
    #[must_use]
    pub const fn fundamental(&self) -> Option<&Fundamental> {
        match self {
            Self::Plane(_) => None,
            Self::Epipolar(f) => Some(f),
        }
    }

    pub(crate) fn matrix(&self) -> &[[f64; 3]; 3] {
        match self {
            Self::Plane(transform) => &transform.0,
            Self::Epipolar(f) => &f.0,
        }
    }
}
