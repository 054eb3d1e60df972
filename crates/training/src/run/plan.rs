//! The batches of an epoch, from the seed and the number of the epoch alone.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::config::{LossKind, RunConfig};
use crate::error::Error;
use crate::losses::Triplet;
use crate::relevance::Relevance;
use crate::sampling::{class_batches, shuffled_batches};

/// What random numbers are for; each has a stream of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Batches = 1,
    Pool,
    Mining,
    Views,
    Dropout,
}

/// The generator of one purpose, epoch and step or image.
pub(super) fn random(seed: u64, of: Stream, epoch: usize, number: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((of as u64) << 56) | ((epoch as u64) << 32) | number as u64);
    rng
}

/// Where the dropout of a step begins.
pub(super) fn dropout_seed(seed: u64, epoch: usize, step: usize) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((Stream::Dropout as u64) << 56 | (epoch as u64) << 32 | (step as u64) << 12)
}

/// One batch by places among the training images.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    pub places: Vec<usize>,
    /// By rows of the batch, where they were chosen beforehand.
    pub triplets: Option<Vec<Triplet>>,
}

/// The batches of an epoch of images; `pool` holds triplets that were chosen beforehand.
pub(super) fn batches(
    config: &RunConfig,
    relevance: &Relevance,
    pool: &[[usize; 3]],
    epoch: usize,
) -> Result<Vec<Planned>, Error> {
    let mut rng = random(config.seed, Stream::Batches, epoch, 0);
    let sampling = &config.sampling;
    let size = sampling.classes * sampling.images;
    if !pool.is_empty() {
        let mut pool = pool.to_vec();
        pool.shuffle(&mut rng);
        return Ok(pool.chunks((size / 3).max(1)).map(of_triplets).collect());
    }
    let places = match config.loss.kind {
        LossKind::Classification => shuffled_batches(relevance.len(), size, &mut rng)?,
        _ => class_batches(relevance, sampling.classes, sampling.images, &mut rng)?,
    };
    let plain = |places| Planned {
        places,
        triplets: None,
    };
    Ok(places.into_iter().map(plain).collect())
}

/// Triplets of images as triplets of rows, each image once.
fn of_triplets(triplets: &[[usize; 3]]) -> Planned {
    let mut places: Vec<usize> = triplets.as_flattened().to_vec();
    places.sort_unstable();
    places.dedup();
    let row = |place: usize| places.binary_search(&place).unwrap_or(0);
    let triplets = triplets.iter().map(|&[a, p, n]| Triplet {
        anchor: row(a),
        positive: row(p),
        negative: row(n),
    });
    Planned {
        triplets: Some(triplets.collect()),
        places,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn epochs_differ_and_repeat() {
        let config = RunConfig::default();
        let labels: Vec<usize> = (0..300).map(|i| i % 10).collect();
        let relevance = labels.into();
        let of = |epoch| batches(&config, &relevance, &[], epoch).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let pool = [[0, 1, 5], [5, 6, 0]];
        let planned = batches(&config, &relevance, &pool, 0).unwrap();
        assert_eq!(planned.len(), 1);
        assert_eq!(planned[0].places, [0, 1, 5, 6]);
        let triplets = planned[0].triplets.clone().unwrap();
        assert!(triplets.contains(&Triplet {
            anchor: 2,
            positive: 3,
            negative: 0
        }));
    }
}
