//! How far a mean over queries can be trusted.
//!
//! The percentile bootstrap (Efron 1979): queries are drawn with replacement, the mean is taken, and the interval
//! holds the middle 95 % of many such means. Comparing two runs uses the differences of the same queries, which
//! takes the difficulty of the queries out of the interval.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// An interval of confidence, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

const RESAMPLES: usize = 1000;
const LEVEL: f64 = 0.95;

/// Percentile interval of the mean of `values` at `level` (0..1) from `resamples` draws. `None` when there is
/// nothing to draw from or `resamples` is 0.
pub fn bootstrap_mean(
    values: &[f64],
    level: f64,
    resamples: usize,
    rng: &mut impl Rng,
) -> Option<Interval> {
    if values.is_empty() || resamples == 0 {
        return None;
    }
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            let sum: f64 = (0..values.len())
                .map(|_| values[rng.random_range(0..values.len())])
                .sum();
            sum / values.len() as f64
        })
        .collect();
    middle(&mut means, level)
}

/// 95 % intervals of `N` figures of things that come in groups: groups are drawn with replacement, and `figures` sees
/// the members of all drawn groups. A figure that a draw does not have is left out of its interval. Every draw has a
/// random stream of its own, so that the number of threads does not matter.
pub(crate) fn bootstrap_groups<const N: usize>(
    groups: &[Vec<usize>],
    seed: u64,
    figures: &(dyn Fn(&[usize]) -> [Option<f64>; N] + Sync),
) -> [Option<Interval>; N] {
    if groups.is_empty() {
        return [None; N];
    }
    let draws: Vec<[Option<f64>; N]> = (0..RESAMPLES as u64)
        .into_par_iter()
        .map(|draw| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(draw);
            let picked = groups
                .iter()
                .map(|_| &groups[rng.random_range(0..groups.len())]);
            figures(&picked.flatten().copied().collect::<Vec<usize>>())
        })
        .collect();
    std::array::from_fn(|figure| {
        let mut values: Vec<f64> = draws.iter().filter_map(|draw| draw[figure]).collect();
        middle(&mut values, LEVEL)
    })
}

/// The interval that holds the middle `level` of the values, which get sorted.
fn middle(values: &mut [f64], level: f64) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
    let at = |share: f64| values[((share * last as f64).round() as usize).min(last)];
    Some(Interval {
        low: at(tail),
        high: at(1.0 - tail),
    })
}

/// The 95 % interval of the mean of `values` from 1,000 draws that depend on `seed` only.
pub fn bootstrap_seeded(values: &[f64], seed: u64) -> Option<Interval> {
    bootstrap_mean(
        values,
        LEVEL,
        RESAMPLES,
        &mut ChaCha8Rng::seed_from_u64(seed),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_interval() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i % 2)).collect();
        let interval = bootstrap_seeded(&values, 7).expect("values");
        assert_eq!(Some(interval), bootstrap_seeded(&values, 7));
        assert_ne!(Some(interval), bootstrap_seeded(&values, 8));
        // the mean of 50 coin flips has a standard error of 0.0707, so about 0.36..0.64
        assert!((interval.low - 0.36).abs() < 0.041 && (interval.high - 0.64).abs() < 0.041);
    }

    #[test]
    fn constant_values_have_no_width() {
        assert_eq!(
            bootstrap_seeded(&[0.5; 9], 1),
            Some(Interval {
                low: 0.5,
                high: 0.5
            })
        );
        assert_eq!(bootstrap_seeded(&[], 1), None);
    }
}
