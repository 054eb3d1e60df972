//! The triplet loss: an anchor is nearer to its positive than to a negative, by a margin.
//!
//! `L = max(0, m + d(a, p) - d(a, n))` with the squared Euclidean distance (Schroff et al. 2015,
//! FaceNet; Gordo et al. 2016 with the factor ½), the plain one (Hermans et al. 2017) or the cosine
//! distance `1 - a·p` of descriptors of length 1, whose squared Euclidean distance is twice as large.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};

use super::contrastive::UNDER_ROOT;
use super::rows::{
    check_positions, check_positive, entries, similarities, squared_distances, zero,
};
use crate::error::Error;

/// How far two descriptors are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// `‖a - b‖²`, 0 to 4 for descriptors of length 1.
    #[default]
    SquaredEuclidean,
    /// `‖a - b‖`, 0 to 2 for descriptors of length 1.
    Euclidean,
    /// `1 - a·b`, 0 to 2 for descriptors of length 1.
    Cosine,
}

/// Three rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triplet {
    /// The row that asks.
    pub anchor: usize,
    /// A row that belongs to it.
    pub positive: usize,
    /// A row that does not.
    pub negative: usize,
}

/// Mean over triplets of rows of `descriptors` (images × length); `margin` above 0, in the units of
/// the distance.
///
/// # Errors
/// [`Error::Shape`] for a position outside, [`Error::Setting`] for a margin that is not above zero.
pub fn triplet(
    descriptors: Tensor<2>,
    triplets: &[Triplet],
    distance: Distance,
    margin: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the margin", margin)?;
    let count = descriptors.dims()[0];
    let positions = triplets
        .iter()
        .flat_map(|t| [t.anchor, t.positive, t.negative]);
    check_positions(count, positions)?;
    if triplets.is_empty() {
        return Ok(zero(descriptors));
    }
    let matrix = match distance {
        Distance::Cosine => similarities(descriptors.clone(), descriptors).neg(),
        Distance::SquaredEuclidean | Distance::Euclidean => squared_distances(descriptors),
    };
    let at = |other: fn(&Triplet) -> usize| {
        let places: Vec<(usize, usize)> = triplets.iter().map(|t| (t.anchor, other(t))).collect();
        let found = entries(matrix.clone(), &places);
        match distance {
            Distance::Euclidean => (found + UNDER_ROOT).sqrt(),
            Distance::SquaredEuclidean | Distance::Cosine => found,
        }
    };
    let (near, far) = (at(|t| t.positive), at(|t| t.negative));
    Ok(relu(near - far + margin).mean())
}
