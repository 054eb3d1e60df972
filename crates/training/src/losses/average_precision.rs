//! Average precision as a loss, made differentiable by histogram binning.
//!
//! He et al. 2018 (Hashing as tie-aware learning to rank) and Revaud et al. 2019 (Learning with average
//! precision: training image retrieval with a listwise loss): similarities in [-1, 1] are shared between `M` bins with centres `b_k` from 1 down to -1,
//! `δ(s, k) = max(0, 1 - |s - b_k|/Δ)`, `Δ = 2/(M-1)`. With `y` marking the relevant ones,
//! `P_k = Σ_{i≤k} δ(s,i)·y / Σ_{i≤k} δ(s,i)·1` is the precision and `r_k = δ(s,k)·y / Σy` the gain of recall
//! in bin `k`; `AP = Σ_k P_k r_k`, and the loss is `1 - mean AP` over all rows as queries. A query does not
//! search itself; one without a relevant row is left out.
//!
//! A tensor of batch × batch × bins would need gigabytes at a batch of thousands. But a similarity touches
//! two bins only, so value and derivative follow from two histograms per query in one pass. They are counted
//! here for blocks of queries; memory is that of the descriptors.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::rows::similarities;
use crate::error::Error;
use crate::relevance::Relevance;

/// Queries whose similarities are in memory at the same time.
const BLOCK: usize = 128;

/// `1 - mean AP` of `descriptors` (images × length, rows of length 1), each in turn the query among all
/// others; what is neither positive nor negative of it is not ranked. `bins` is 2 to 1000; the papers take 10 to 25.
///
/// # Errors
/// [`Error::Shape`] when a label is missing, [`Error::Setting`] for a number of bins out of range,
/// [`Error::Device`] when the device fails.
pub fn average_precision_loss(
    descriptors: Tensor<2>,
    relevance: &Relevance,
    bins: usize,
) -> Result<Tensor<1>, Error> {
    relevance.check(descriptors.dims()[0])?;
    if !(2..=1000).contains(&bins) {
        return Err(Error::setting(
            "the number of bins",
            bins,
            "it is 2 to 1000",
        ));
    }
    let fixed = descriptors.clone().inner();
    let count = relevance.len();
    let queries = (0..count)
        .into_par_iter()
        .filter(|&query| relevance.has_positive(query))
        .count();
    let mut sum = 0.0;
    let mut gradient = fixed.zeros_like();
    for start in (0..count).step_by(BLOCK) {
        let rows = start..count.min(start + BLOCK);
        let block = fixed.clone().slice(rows.clone());
        let matrix = similarities(block.clone(), fixed.clone()).try_into_vec_as::<f32>()?;
        let mut slopes = vec![0.0f32; matrix.len()];
        let found: Vec<f64> = matrix
            .par_chunks(count)
            .zip(slopes.par_chunks_mut(count))
            .zip(rows.clone().into_par_iter())
            .map(|((row, slopes), query)| {
                Query {
                    query,
                    relevance,
                    bins,
                }
                .rank(row, slopes)
            })
            .collect();
        sum += found.iter().sum::<f64>();
        let slopes = TensorData::new(slopes, [rows.len(), count]);
        let slopes = Tensor::<2>::from_data(slopes, &fixed.device());
        gradient = gradient + slopes.clone().transpose().matmul(block);
        let own = gradient.clone().slice(rows.clone()) + slopes.matmul(fixed.clone());
        gradient = gradient.slice_assign([rows, 0..fixed.dims()[1]], own);
    }
    let among = queries.max(1) as f64;
    let loss = if queries == 0 { 0.0 } else { 1.0 - sum / among };
    Ok(with_gradient(descriptors, loss, gradient * (-1.0 / among)))
}

/// A tensor of the given value whose gradient with respect to `input` is the given one.
fn with_gradient(input: Tensor<2>, value: f64, gradient: Tensor<2>) -> Tensor<1> {
    let linear = (input * gradient).sum();
    linear.clone() - linear.inner() + value
}

/// One query of a batch.
struct Query<'a> {
    query: usize,
    relevance: &'a Relevance,
    bins: usize,
}

impl Query<'_> {
    /// The average precision of a row of similarities; its derivatives are written to `slopes`. Both are
    /// zero without a relevant row.
    fn rank(&self, row: &[f32], slopes: &mut [f32]) -> f64 {
        let relevant = |other: usize| self.relevance.is_positive(self.query, other);
        let others = || (0..row.len()).filter(|&other| self.relevance.is_known(self.query, other));
        let (mut all, mut hits) = (vec![0.0f64; self.bins], vec![0.0f64; self.bins]);
        let mut total = 0.0;
        for other in others() {
            let (bin, share) = self.place(row[other]);
            let hit = f64::from(u8::from(relevant(other)));
            total += hit;
            all[bin] += 1.0 - share;
            all[bin + 1] += share;
            hits[bin] += hit * (1.0 - share);
            hits[bin + 1] += hit * share;
        }
        if total == 0.0 {
            return 0.0;
        }
        let (precision, of_hit, of_any) = derivatives(&all, &hits, total);
        let width = 2.0 / (self.bins - 1) as f64;
        for other in others() {
            let (bin, _) = self.place(row[other]);
            let slope = |k: usize| of_any[k] + if relevant(other) { of_hit[k] } else { 0.0 };
            slopes[other] = ((slope(bin) - slope(bin + 1)) / width) as f32;
        }
        precision
    }

    /// The upper of the two bins that a similarity lies between, and the share of the lower.
    fn place(&self, similarity: f32) -> (usize, f64) {
        let steps = (self.bins - 1) as f64;
        let at = ((1.0 - f64::from(similarity)) * steps / 2.0).clamp(0.0, steps);
        // A NaN lands in the first bin; the trainer sees it in the descriptors.
        let bin = (at as usize).min(self.bins - 2);
        (bin, if at.is_nan() { 0.0 } else { at - bin as f64 })
    }
}

/// The average precision of two histograms, and its derivatives with respect to a relevant and to any
/// entry of each bin.
fn derivatives(all: &[f64], hits: &[f64], total: f64) -> (f64, Vec<f64>, Vec<f64>) {
    let running = |histogram: &[f64]| -> Vec<f64> {
        let sums = histogram.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        });
        sums.collect()
    };
    let (seen, found) = (running(all), running(hits));
    let bins = all.len();
    let (mut of_hit, mut of_any) = (vec![0.0; bins], vec![0.0; bins]);
    let (mut precision, mut later_hit, mut later_any) = (0.0, 0.0, 0.0);
    for k in (0..bins).rev() {
        if seen[k] > 0.0 {
            let here = found[k] / seen[k];
            precision += here * hits[k] / total;
            later_hit += hits[k] / (seen[k] * total);
            later_any -= hits[k] * here / (seen[k] * total);
            of_hit[k] = here / total;
        }
        of_hit[k] += later_hit;
        of_any[k] = later_any;
    }
    (precision, of_hit, of_any)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_ranking_costs_nothing_and_a_lone_row_is_no_query() {
        let device = burn::tensor::Device::flex();
        let rows = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]];
        let loss = |labels: &[usize]| {
            let rows = Tensor::<2>::from_data(rows, &device);
            let loss = average_precision_loss(rows, &labels.into(), 21).unwrap();
            loss.into_scalar::<f32>()
        };
        assert!(loss(&[0, 0, 1, 1, 2]).abs() < 1e-6);
        assert_eq!(loss(&[0, 1, 2, 3, 4]), 0.0);
        assert!(loss(&[0, 1, 1, 0, 2]) > 0.5);
        let rows = Tensor::<2>::from_data(rows, &device);
        assert!(average_precision_loss(rows.clone(), &vec![0; 4].into(), 21).is_err());
        assert!(average_precision_loss(rows, &vec![0; 5].into(), 1).is_err());
    }
}
