//! InfoNCE: to find the right one among all others.
//!
//! van den Oord et al. 2018. With similarities `s` of descriptors of length 1 and a temperature `τ`, a
//! query `i` with its partner `i` costs `L_i = -log( exp(s_ii/τ) / Σ_j exp(s_ij/τ) )`; both directions are
//! averaged, as in models of images and text. Rows of the same group are no negatives of each other: they
//! are left out of the sum.
//!
//! With labels in place of partners every positive pair (a, p) is such a query, and the sum runs over `p`
//! and the negatives of `a`: the loss of Khosla et al. 2020 with other positives taken out of the
//! denominator.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, relu};

use super::rows::{check_positive, check_same, entries, indices, mask, similarities, zero};
use crate::error::Error;
use crate::relevance::{Relevance, check_labels};

/// What takes a logit out of a sum of exponentials; half precision can hold it.
const LEFT_OUT: f64 = -1e4;

/// Mean over both directions and all rows; row `i` of `first` belongs to row `i` of `second` (both
/// pairs × length), rows with the same group are no negatives. `temperature` above 0.
///
/// # Errors
/// [`Error::Shape`] when sizes disagree, [`Error::Setting`] for a temperature that is not above zero.
pub fn info_nce(
    first: Tensor<2>,
    second: Tensor<2>,
    groups: &[usize],
    temperature: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the temperature", temperature)?;
    check_same(&first, &second, true)?;
    check_labels(groups, first.dims()[0])?;
    if groups.is_empty() {
        return Ok(zero(first));
    }
    let count = groups.len();
    let same = mask(count, count, &first.device(), |row, column| {
        row != column && groups[row] == groups[column]
    });
    let logits = similarities(first, second) / temperature;
    let logits = logits.mask_fill(same, LEFT_OUT);
    let own: Vec<(usize, usize)> = (0..count).map(|i| (i, i)).collect();
    let forth = entries(log_softmax(logits.clone(), 1), &own).mean();
    let back = entries(log_softmax(logits, 0), &own).mean();
    Ok((forth + back) * -0.5)
}

/// Mean over all ordered positive pairs of rows of `descriptors` (images × length).
///
/// # Errors
/// As [`info_nce`].
pub fn info_nce_labelled(
    descriptors: Tensor<2>,
    relevance: &Relevance,
    temperature: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the temperature", temperature)?;
    relevance.check(descriptors.dims()[0])?;
    let count = relevance.len();
    let pairs: Vec<(usize, usize)> = (0..count)
        .flat_map(|a| (0..count).map(move |p| (a, p)))
        .filter(|&(a, p)| relevance.is_positive(a, p))
        .collect();
    if pairs.is_empty() {
        return Ok(zero(descriptors));
    }
    let device = descriptors.device();
    let others = mask(count, count, &device, |row, column| {
        !relevance.is_negative(row, column)
    });
    let logits = similarities(descriptors.clone(), descriptors) / temperature;
    let negatives = log_sum_exp(logits.clone().mask_fill(others, LEFT_OUT));
    let of_anchor = negatives.select(0, indices(pairs.iter().map(|pair| pair.0), &device));
    Ok(soft_plus(of_anchor - entries(logits, &pairs)).mean())
}

/// `log Σ exp` of each row.
fn log_sum_exp(rows: Tensor<2>) -> Tensor<1> {
    let count = rows.dims()[0];
    let highest = rows.clone().max_dim(1).detach();
    let sum = (rows - highest.clone()).exp().sum_dim(1).log() + highest;
    sum.reshape([count])
}

/// `log(1 + exp(x))` without overflow.
fn soft_plus(x: Tensor<1>) -> Tensor<1> {
    relu(x.clone()) + x.abs().neg().exp().log1p()
}
