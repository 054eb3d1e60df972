//! The hardest negatives among all images, searched anew in every epoch.

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use vizsla_vectors::{TopK, dot_f32};

use crate::error::Error;
use crate::losses::Triplet;
use crate::relevance::Relevance;

/// For each image with a positive: any one positive, and the `negatives` most similar of its
/// negatives, one triplet each, by positions in the pool. `rows` are descriptors of length 1, `length` numbers
/// each. The order is that of the images.
///
/// # Errors
/// [`Error::Shape`] when the numbers are not one row for each label.
pub fn hardest_in_pool(
    rows: &[f32],
    length: usize,
    relevance: &Relevance,
    negatives: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Triplet>, Error> {
    if length == 0 || rows.len() != length * relevance.len() {
        return Err(Error::shape(format!(
            "{} numbers are not {} rows of {length}",
            rows.len(),
            relevance.len()
        )));
    }
    let row = |image: usize| &rows[image * length..][..length];
    let hardest: Vec<Vec<usize>> = (0..relevance.len())
        .into_par_iter()
        .map(|anchor| {
            let mut best = TopK::new(negatives);
            for other in relevance.negatives(anchor) {
                best.push(dot_f32(row(anchor), row(other)), other as i64);
            }
            best.into_sorted()
                .into_iter()
                .map(|(_, other)| other as usize)
                .collect()
        })
        .collect();
    let mut triplets = Vec::new();
    for (anchor, negatives) in hardest.into_iter().enumerate() {
        let Some(&positive) = relevance.positives(anchor).choose(rng) else {
            continue;
        };
        triplets.extend(negatives.into_iter().map(|negative| Triplet {
            anchor,
            positive,
            negative,
        }));
    }
    Ok(triplets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn the_nearest_strangers_are_found() {
        let angle = |a: f32| [a.cos(), a.sin()];
        let rows = [0.0, 0.1, 0.2, 1.0, 1.1, 3.0].map(angle).concat();
        let labels = [0, 0, 1, 1, 0, 2];
        let relevance = Relevance::from(labels.as_slice());
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let found = hardest_in_pool(&rows, 2, &relevance, 2, &mut rng).unwrap();
        // The last image has no positive.
        assert_eq!(found.len(), 10);
        for triplet in &found {
            assert_ne!(triplet.anchor, triplet.positive);
            assert_eq!(labels[triplet.anchor], labels[triplet.positive]);
        }
        let of = |anchor| {
            let own = found.iter().filter(move |t| t.anchor == anchor);
            own.map(|t| t.negative).collect::<Vec<_>>()
        };
        assert_eq!(of(1), [2, 3]);
        assert_eq!(of(3), [4, 1]);
        assert!(hardest_in_pool(&rows, 3, &relevance, 2, &mut rng).is_err());
    }
}
