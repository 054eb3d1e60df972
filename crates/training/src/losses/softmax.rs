//! Classification: cross entropy of a softmax over classes.
//!
//! Babenko et al. 2014 (Neural codes for image retrieval) trained a network to tell the classes of the
//! images at hand and searched with the activations below its last layer. With logits `z` and the class
//! `y`: `L = -z_y + log Σ_c exp(z_c)`, the mean over the batch.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::rows::{check_positions, entries, zero};
use crate::error::Error;
use crate::relevance::check_labels;

/// Mean cross entropy of `logits` (images × classes, any numbers) and the class of each image.
///
/// # Errors
/// [`Error::Shape`] when a label is missing or no class.
pub fn softmax(logits: Tensor<2>, labels: &[usize]) -> Result<Tensor<1>, Error> {
    check_labels(labels, logits.dims()[0])?;
    check_positions(logits.dims()[1], labels.iter().copied())?;
    if labels.is_empty() {
        return Ok(zero(logits));
    }
    let places: Vec<(usize, usize)> = labels.iter().copied().enumerate().collect();
    Ok(entries(log_softmax(logits, 1), &places).mean().neg())
}
