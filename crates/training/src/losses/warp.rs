//! WARP, the loss of WSABIE: a violation costs by the rank that it reveals.
//!
//! Weston et al. 2011. For a query and its target, other targets are drawn until one violates the margin,
//! `s_n > s_p - m`. When the k-th of `Y` others does, about `⌊Y/k⌋` stand before the target, and the
//! hinge is weighted by `L(r) = Σ_{i=1..r} 1/i`, which makes the first ranks the dearest:
//! `L = L(⌊Y/k⌋) · max(0, m - s_p + s_n)`. Drawing is apart from the loss, so that the loss is a function.

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::rows::{check_positions, check_positive, check_same, entries, similarities, zero};
use crate::error::Error;

/// What was drawn for one query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarpChoice {
    /// Row among the queries.
    pub query: usize,
    /// Row of its target.
    pub positive: usize,
    /// Row of the target that violates the margin.
    pub negative: usize,
    /// `L` of the estimated rank.
    pub weight: f32,
}

/// Draws for each query (a row of `similarities`, queries × targets) until a target of another group
/// violates the margin; queries without a violation are left out. `positives[i]` is the target of
/// query `i`, `groups[j]` the group of target `j`.
///
/// # Errors
/// [`Error::Shape`] when sizes disagree.
pub fn draw_warp(
    similarities: &[f32],
    positives: &[usize],
    groups: &[usize],
    margin: f32,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<WarpChoice>, Error> {
    let targets = groups.len();
    if similarities.len() != targets * positives.len() {
        return Err(Error::shape(format!(
            "{} similarities for {} queries and {targets} targets",
            similarities.len(),
            positives.len()
        )));
    }
    check_positions(targets, positives.iter().copied())?;
    let mut choices = Vec::new();
    for (query, &positive) in positives.iter().enumerate() {
        let row = &similarities[query * targets..][..targets];
        let mut others: Vec<usize> = (0..targets)
            .filter(|&target| groups[target] != groups[positive])
            .collect();
        others.shuffle(rng);
        let violates = |&target: &usize| row[target] + margin > row[positive];
        if let Some(drawn) = others.iter().position(violates) {
            let rank = (others.len() / (drawn + 1)).max(1);
            choices.push(WarpChoice {
                query,
                positive,
                negative: others[drawn],
                weight: (1..=rank).map(|i| 1.0 / i as f64).sum::<f64>() as f32,
            });
        }
    }
    Ok(choices)
}

/// Sum over choices divided by the number of queries; `queries` and `targets` have rows of one length.
///
/// # Errors
/// [`Error::Shape`] for a position outside, [`Error::Setting`] for a margin that is not above zero.
pub fn warp(
    queries: Tensor<2>,
    targets: Tensor<2>,
    choices: &[WarpChoice],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the margin", margin)?;
    check_same(&queries, &targets, false)?;
    let count = queries.dims()[0];
    check_positions(count, choices.iter().map(|c| c.query))?;
    let chosen = choices.iter().flat_map(|c| [c.positive, c.negative]);
    check_positions(targets.dims()[0], chosen)?;
    if choices.is_empty() {
        return Ok(zero(queries) + zero(targets));
    }
    let weights: Vec<f32> = choices.iter().map(|c| c.weight).collect();
    let weights = TensorData::new(weights, [choices.len()]);
    let weights = Tensor::<1>::from_data(weights, &queries.device());
    let matrix = similarities(queries, targets);
    let at = |target: fn(&WarpChoice) -> usize| {
        let places: Vec<(usize, usize)> = choices.iter().map(|c| (c.query, target(c))).collect();
        entries(matrix.clone(), &places)
    };
    let (right, wrong) = (at(|c| c.positive), at(|c| c.negative));
    Ok((relu(wrong - right + margin) * weights).sum() / count as f64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn the_first_draw_that_violates_tells_the_rank() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // Query 0 is beaten by all others, query 1 by none, query 2 only by its own group.
        let similarities = [
            [0.1, 0.9, 0.9, 0.9],
            [0.0, 0.9, 0.0, 0.0],
            [0.0, 0.0, 0.5, 0.9],
        ];
        let groups = [0, 1, 2, 2];
        let choices =
            draw_warp(&similarities.concat(), &[0, 1, 2], &groups, 0.1, &mut rng).unwrap();
        assert_eq!(choices.len(), 1);
        assert_eq!((choices[0].query, choices[0].positive), (0, 0));
        let rank_three = 1.0 + 1.0 / 2.0 + 1.0 / 3.0;
        assert!((choices[0].weight - rank_three).abs() < 1e-6);
        assert!(draw_warp(&[0.0; 5], &[0], &groups, 0.1, &mut rng).is_err());
    }
}
