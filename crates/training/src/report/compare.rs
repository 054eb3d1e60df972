//! Whether one run is better than another, on the same queries.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vizsla_evaluation::{Interval, bootstrap_seeded};

use super::read::{Board, RunFolder, directions};

/// Random sign patterns of the test; the smallest p-value is one over this and one.
const DRAWS: usize = 9_999;
/// Below this p-value a difference is called significant.
const LEVEL: f64 = 0.05;

/// Two runs on the queries both have.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub direction: String,
    /// Numbers of the runs.
    pub first: usize,
    pub second: usize,
    pub queries: usize,
    /// Mean average precision of the second minus that of the first.
    pub difference: f64,
    pub interval: Option<Interval>,
    /// Of the paired randomisation test, two-sided.
    pub p: f64,
    /// Comparisons that are made in this report: the level is shared between them.
    pub of: usize,
}

impl Comparison {
    /// What can be said of the difference. The level is divided by the number of comparisons (Bonferroni).
    pub(super) fn verdict(&self) -> &'static str {
        let own = self.p < LEVEL;
        let shared = self.p * (self.of.max(1) as f64) < LEVEL;
        match (shared, own) {
            (true, _) => "significant",
            (false, true) => "only if it were the one comparison",
            (false, false) => "not significant",
        }
    }
}

/// All pairs of runs, direction by direction; pairs without a query in common are left out.
pub(super) fn all(runs: &[RunFolder], seed: u64) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for direction in directions(runs) {
        for (first, a) in runs.iter().enumerate() {
            for (second, b) in runs.iter().enumerate().skip(first + 1) {
                let boards = a.board(&direction).zip(b.board(&direction));
                let differences = boards.map(|(a, b)| differences(a, b)).unwrap_or_default();
                if differences.is_empty() {
                    continue;
                }
                let mean = differences.iter().sum::<f64>() / differences.len() as f64;
                comparisons.push(Comparison {
                    direction: direction.clone(),
                    first,
                    second,
                    queries: differences.len(),
                    difference: mean,
                    interval: bootstrap_seeded(&differences, seed),
                    p: randomisation(&differences, seed),
                    of: 0,
                });
            }
        }
    }
    let count = comparisons.len();
    for comparison in &mut comparisons {
        comparison.of = count;
    }
    comparisons
}

/// Second minus first for each query that both have, in the order of their names.
fn differences(first: &Board, second: &Board) -> Vec<f64> {
    let of = |board: &Board| -> BTreeMap<String, f64> {
        let queries = board.queries.iter();
        let finite = queries.filter(|query| query.average_precision.is_finite());
        finite
            .map(|query| (query.query.clone(), query.average_precision))
            .collect()
    };
    let (first, second) = (of(first), of(second));
    let both = first
        .iter()
        .filter_map(|(query, a)| Some(second.get(query)? - a));
    both.collect()
}

/// How often a random sign of each difference gives a mean as far from 0, counting the observed one.
fn randomisation(differences: &[f64], seed: u64) -> f64 {
    let differences: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let observed = differences.iter().sum::<f64>().abs() * (1.0 - 1e-12);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut as_far = 1;
    for _ in 0..DRAWS {
        let mut sum = 0.0;
        for chunk in differences.chunks(64) {
            let mut signs: u64 = rng.random();
            for difference in chunk {
                sum += if signs & 1 == 1 {
                    *difference
                } else {
                    -difference
                };
                signs >>= 1;
            }
        }
        as_far += usize::from(sum.abs() >= observed);
    }
    as_far as f64 / (DRAWS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_agrees_with_all_sign_patterns() {
        // Of the 16 patterns of these signs 2 have a sum as far from 0 as all of one sign: p = 1/8.
        let p = randomisation(&[0.1, 0.2, 0.3, 0.4], 3);
        assert!((p - 0.125).abs() < 0.02, "{p}");
        assert_eq!(randomisation(&[0.0; 9], 3), 1.0);
        assert_eq!(randomisation(&[], 3), 1.0);
        let clear = randomisation(&[0.1; 40], 3);
        assert!(clear < 0.001, "{clear}");
    }
}
