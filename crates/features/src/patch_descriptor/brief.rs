//! BRIEF (Calonder, Lepetit, Strecha & Fua, ECCV 2010), steered as in ORB (Rublee et al., ICCV 2011).
//!
//! 128 pairs of places are compared, each place the mean over a small square; a byte is 255 where the first is darker than
//! the second and 0 otherwise. The Euclidean distance of two descriptors is therefore 255 times the root of their Hamming distance.
//! Places follow a Gaussian around the middle whose standard deviation is a fifth of the patch's side (the paper's best choice), drawn
//! once from a fixed seed, so that they are the same everywhere and for ever.

use std::sync::OnceLock;

use super::is_patch;
use crate::geometry::Pcg;
use crate::integral::PatchSums;
use crate::keypoint::Descriptor;

/// Start of the generator; another one makes other descriptors.
const SEED: u64 = 2010;
/// Half the side of the squares over that of the patch, as ORB's 5 of 31 pixels.
const SQUARE: f64 = 5.0 / 31.0;
/// Standard deviation of the places over half the patch's side.
const SPREAD: f64 = 0.4;
/// Farthest places, so that they and their squares stay inside while the pattern turns.
const FARTHEST: f64 = 0.82;
/// Differences that are only rounding.
const NOTHING: f64 = 1e-6;

/// Two places in half sides from the middle, column and row.
type Pair = [(f64, f64); 2];

/// Describes a patch of at least 8 × 8 values that was already turned, or is to be described as it stands; others, and flat
/// ones, are all zero.
#[must_use]
pub fn describe(patch: &[f32], side: usize) -> Descriptor {
    steered(patch, side, 0.0)
}

/// Describes a patch as if it had been turned so that `angle`, radians from the x axis towards the (downward) y axis, points to the
/// right.
#[must_use]
pub fn steered(patch: &[f32], side: usize, angle: f32) -> Descriptor {
    let mut descriptor = [0; 128];
    if !is_patch(patch, side, 8) || !angle.is_finite() {
        return descriptor;
    }
    let sums = PatchSums::new(patch, side);
    let (sin, cos) = f64::from(angle).sin_cos();
    let half = 0.5 * side as f64;
    let reach = half * SQUARE;
    let mean = |(x, y): (f64, f64)| {
        let (column, row) = (
            half + half * (cos * x - sin * y),
            half + half * (sin * x + cos * y),
        );
        sums.mean(column - reach, row - reach, column + reach, row + reach)
    };
    for (byte, &[a, b]) in descriptor.iter_mut().zip(pairs()) {
        *byte = if mean(a) + NOTHING < mean(b) { 255 } else { 0 };
    }
    descriptor
}

/// The places, drawn when they are first needed.
fn pairs() -> &'static [Pair; 128] {
    static PAIRS: OnceLock<[Pair; 128]> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let mut random = Pcg::new(SEED);
        std::array::from_fn(|_| [place(&mut random), place(&mut random)])
    })
}

/// A place within the disc. Twelve even numbers add up to a Gaussian one without any function that differs between machines.
fn place(random: &mut Pcg) -> (f64, f64) {
    let mut normal = || {
        let sum: u32 = (0..12).map(|_| random.below(1 << 24)).sum();
        f64::from(sum) / f64::from(1 << 24) - 6.0
    };
    loop {
        let (x, y) = (SPREAD * normal(), SPREAD * normal());
        if x * x + y * y <= FARTHEST * FARTHEST {
            return (x, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{distance, patch, stands_everything, tells_patches_apart};
    use super::{FARTHEST, describe, pairs, steered};

    #[test]
    fn places_spread_as_a_gaussian() {
        let places: Vec<(f64, f64)> = pairs().iter().flatten().copied().collect();
        assert_eq!(places.len(), 256);
        let spread = |value: fn(&(f64, f64)) -> f64| {
            let mean = places.iter().map(value).sum::<f64>() / 256.0;
            let square = places
                .iter()
                .map(|p| (value(p) - mean).powi(2))
                .sum::<f64>()
                / 256.0;
            (mean, square.sqrt())
        };
        for (mean, deviation) in [spread(|p| p.0), spread(|p| p.1)] {
            // Cutting the tails takes some of 0.4.
            assert!(
                mean.abs() < 0.06 && (0.31..0.4).contains(&deviation),
                "{mean} {deviation}"
            );
        }
        assert!(places.iter().all(|p| p.0.hypot(p.1) <= FARTHEST));
    }

    #[test]
    fn a_ramp_sets_the_bits_of_pairs_that_rise() {
        let ramp: Vec<f32> = (0..41 * 41).map(|i| (i % 41) as f32 / 41.0).collect();
        let found = describe(&ramp, 41);
        for (byte, [a, b]) in found.iter().zip(pairs()) {
            assert_eq!(*byte == 255, a.0 < b.0, "{a:?} {b:?}");
        }
        assert!(found.iter().all(|&b| b == 0 || b == 255));
    }

    #[test]
    fn steering_is_turning_the_patch() {
        let upright = patch(41, 5);
        // A quarter turn: what pointed down points to the right.
        let turned: Vec<f32> = (0..41 * 41)
            .map(|i| upright[(i % 41) * 41 + 40 - i / 41])
            .collect();
        let angle = std::f32::consts::FRAC_PI_2;
        let apart = distance(&steered(&upright, 41, angle), &describe(&turned, 41));
        assert!(apart <= 255.0, "{apart}");
        assert!(distance(&describe(&upright, 41), &describe(&turned, 41)) > 1000.0);
    }

    #[test]
    fn patches_are_told_apart_and_nothing_panics() {
        tells_patches_apart(describe);
        stands_everything(describe);
        for angle in [f32::NAN, f32::INFINITY, 1e30] {
            let _ = steered(&patch(20, 1), 20, angle);
        }
    }
}
