//! The contrastive loss of Siamese networks.
//!
//! Hadsell et al. 2006, in the form that Radenović et al. 2016 trained retrieval with: for a pair at
//! Euclidean distance `d`, `L = ½ d²` when the two belong together and `½ max(0, m - d)²` when not.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::rows::{check_positions, check_positive, entries, squared_distances, zero};
use crate::error::Error;

/// Added under a square root, whose slope at zero is infinite.
pub(super) const UNDER_ROOT: f64 = 1e-12;

/// Two rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// One row.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// Whether they belong together.
    pub relevant: bool,
}

/// Mean over pairs of rows of `descriptors` (images × length); `margin` above 0, at most 2 where rows
/// have length 1.
///
/// # Errors
/// [`Error::Shape`] for a position outside, [`Error::Setting`] for a margin that is not above zero.
pub fn contrastive(
    descriptors: Tensor<2>,
    pairs: &[Pair],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the margin", margin)?;
    let count = descriptors.dims()[0];
    check_positions(count, pairs.iter().flat_map(|p| [p.first, p.second]))?;
    if pairs.is_empty() {
        return Ok(zero(descriptors));
    }
    let squared = squared_distances(descriptors);
    let places = |relevant: bool| -> Vec<(usize, usize)> {
        let kept = pairs.iter().filter(|pair| pair.relevant == relevant);
        kept.map(|pair| (pair.first, pair.second)).collect()
    };
    let (near, far) = (places(true), places(false));
    let mut sum = squared.clone().slice([0..1, 0..1]).sum() * 0.0;
    if !near.is_empty() {
        sum = sum + entries(squared.clone(), &near).sum();
    }
    if !far.is_empty() {
        let distances = (entries(squared, &far) + UNDER_ROOT).sqrt();
        sum = sum + relu(distances.neg() + margin).square().sum();
    }
    Ok(sum * (0.5 / pairs.len() as f64))
}
