//! A-contrario bounds: how many agreements this good would chance produce?
//!
//! Under a background model in which correspondences are independent, one of them agrees with a fixed
//! transform with some probability. The number of false alarms (NFA) is the number of transforms that
//! could have been tried times the probability that as many agree as do (Desolneux, Moisan and Morel
//! 2000; Moisan and Stival 2004 for point matches; Rabin, Delon and Gousseau 2009 for local features
//! with frames). It is the expected number of accidents, so a cut on it means the same for few and for
//! many correspondences, small and large images. Everything is in decimal logarithms.

use std::f64::consts::{LN_10, PI};

/// Natural logarithm of the gamma function for arguments ≥ 1 (Stirling's series after shifting the
/// argument above 8; relative error below 1e-12).
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 8.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0))));
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series
}

/// log10 of the number of ways to choose `k` of `n`; negative infinity when `k > n`.
pub fn log10_choose(n: usize, k: usize) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    (ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)) / LN_10
}

fn ln_factorial(n: usize) -> f64 {
    ln_gamma(n as f64 + 1.0)
}

/// log10 of the probability that at least `successes` of `trials` independent events happen, each with
/// probability 10^`log10_probability`. At most 0; negative infinity when `successes > trials`. Up to the
/// expected number of successes, where the tail is about a half or more, the answer is its upper bound 0.
pub fn log10_binomial_tail(trials: usize, successes: usize, log10_probability: f64) -> f64 {
    tail_unless(
        (trials, successes),
        log10_probability,
        log10_choose,
        |_, _| false,
    )
}

/// [`log10_binomial_tail`] by a given [`log10_choose`]. The tail is no less than its first term; where `is_enough` says so
/// of that (and of the logarithm of the probability that an event does not happen), it is the answer in place of the tail.
#[inline(always)]
fn tail_unless(
    (trials, successes): (usize, usize),
    log10_probability: f64,
    choose: impl FnOnce(usize, usize) -> f64,
    is_enough: impl FnOnce(f64, f64) -> bool,
) -> f64 {
    if successes == 0 || log10_probability >= 0.0 {
        return if successes > trials {
            f64::NEG_INFINITY
        } else {
            0.0
        };
    }
    if successes > trials || log10_probability.is_nan() {
        return f64::NEG_INFINITY;
    }
    let probability = 10f64.powf(log10_probability);
    if successes as f64 <= trials as f64 * probability {
        return 0.0;
    }
    let log10_failure = (-probability).ln_1p() / LN_10;
    let first = choose(trials, successes)
        + successes as f64 * log10_probability
        + (trials - successes) as f64 * log10_failure;
    if is_enough(first.min(0.0), log10_failure) {
        return first.min(0.0);
    }
    // The remaining terms relative to the first, each from the one before it.
    let odds = probability / (1.0 - probability);
    let (mut term, mut sum) = (1.0f64, 1.0f64);
    for i in successes..trials {
        let factor = (trials - i) as f64 / (i + 1) as f64 * odds;
        term *= factor;
        sum += term;
        if (factor < 1.0 && term < 1e-12 * sum) || sum > 1e300 {
            break;
        }
    }
    (first + sum.log10()).min(0.0)
}

/// log10 of the number of false alarms of `inliers` out of `correspondences` agreeing with one
/// transform that `sample` of them fix.
///
/// `log10_probability` is the logarithm of the chance that an unrelated correspondence agrees, and
/// `log10_thresholds` that of the number of tolerances tried. Every sample counts as tried, whether it
/// was or not. Positive infinity when there are no more inliers than the sample.
pub fn log10_nfa(
    correspondences: usize,
    inliers: usize,
    sample: usize,
    log10_probability: f64,
    log10_thresholds: f64,
) -> f64 {
    if inliers <= sample || inliers > correspondences || log10_probability.is_nan() {
        return f64::INFINITY;
    }
    log10_thresholds
        + log10_choose(correspondences, sample)
        + log10_binomial_tail(
            correspondences - sample,
            inliers - sample,
            log10_probability,
        )
}

/// Finds the least of many [`log10_nfa`] of the same correspondences. Keeps the logarithms of factorials that it met.
#[derive(Debug, Default)]
pub(crate) struct LeastNfa {
    ln_factorials: Vec<f64>,
}

impl LeastNfa {
    /// Most logarithms that are kept.
    const KEPT: usize = 1 << 16;

    /// The least [`log10_nfa`] over all numbers of inliers above `sample`, of which the n-th (from 1) agrees by chance with
    /// the probability 10^`log10_probability(n)`; `None` where there are no more than the sample. The same to the last bit
    /// as one after the other.
    pub(crate) fn of(
        &mut self,
        correspondences: usize,
        inliers: usize,
        sample: usize,
        log10_probability: impl Fn(usize) -> f64,
        log10_thresholds: f64,
    ) -> Option<f64> {
        for n in self.ln_factorials.len()..=correspondences.min(Self::KEPT) {
            self.ln_factorials.push(ln_factorial(n));
        }
        let known = &self.ln_factorials;
        let factorial = |n: usize| known.get(n).copied().unwrap_or_else(|| ln_factorial(n));
        let choose = |n: usize, k: usize| match n.checked_sub(k) {
            Some(others) => (factorial(n) - factorial(k) - factorial(others)) / LN_10,
            None => f64::NEG_INFINITY,
        };
        let fixed = log10_thresholds + choose(correspondences, sample);
        let mut least: Option<f64> = None;
        // The last probability for which it was computed, and that of the opposite.
        let (mut known_probability, mut known_failure) = (f64::NEG_INFINITY, 0.0);
        // Most often the least is near the end, and then a bound of the others suffices.
        for n in (sample + 1..=inliers).rev() {
            let probability = log10_probability(n);
            if n > correspondences || probability.is_nan() {
                least = least.or(Some(f64::INFINITY));
                continue;
            }
            let (trials, successes) = (correspondences - sample, n - sample);
            let is_more = |tail: f64| least.is_some_and(|least| fixed + tail >= least);
            if probability <= known_probability {
                // An event that is less probable fails more often. The margin is for rounding.
                let first = choose(trials, successes)
                    + successes as f64 * probability
                    + (trials - successes) as f64 * known_failure;
                if is_more((first - 1e-9 * (1.0 + first.abs())).min(0.0)) {
                    continue;
                }
            }
            let is_enough = |tail: f64, failure: f64| {
                (known_probability, known_failure) = (probability, failure);
                is_more(tail)
            };
            let nfa = fixed + tail_unless((trials, successes), probability, choose, is_enough);
            if least.is_none_or(|least| nfa.total_cmp(&least).is_lt()) {
                least = Some(nfa);
            }
        }
        least
    }
}

/// log10 of the number of false alarms when a sample gives up to `models` transforms, as seven points give three
/// fundamental matrices (Moisan and Stival 2004): [`log10_nfa`] with each of them counted as tried.
pub fn log10_nfa_of_models(
    correspondences: usize,
    inliers: usize,
    (sample, models): (usize, usize),
    log10_probability: f64,
    log10_thresholds: f64,
) -> f64 {
    let one = log10_nfa(
        correspondences,
        inliers,
        sample,
        log10_probability,
        log10_thresholds,
    );
    one + (models.max(1) as f64).log10()
}

/// log10 of the probability that a point, uniform in an image of this width and height in pixels, is within `distance` of
/// another one: the share of a disc. At most 0; NaN when a size is not positive.
pub fn log10_point_probability(distance: f64, (width, height): (f64, f64)) -> f64 {
    (PI * distance * distance / (width * height))
        .min(1.0)
        .log10()
}

/// log10 of the probability that a point, uniform in an image of this width and height in pixels, is within `distance` of
/// a line: at most the share of a band as long as the diagonal (Moisan and Stival 2004). At most 0; NaN when a
/// size is not positive.
pub fn log10_line_probability(distance: f64, (width, height): (f64, f64)) -> f64 {
    (2.0 * width.hypot(height) * distance / (width * height))
        .min(1.0)
        .log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_is_the_factorial() {
        let mut factorial = 1.0f64;
        for n in 1..150u32 {
            factorial *= f64::from(n);
            let error = ln_gamma(f64::from(n) + 1.0) - factorial.ln();
            assert!(
                error.abs() < 1e-10 * factorial.ln().max(1.0),
                "{n}: {error}"
            );
        }
    }

    #[test]
    fn tails_agree_with_direct_sums() {
        for (n, k, p) in [
            (10usize, 3usize, 0.2f64),
            (20, 1, 0.01),
            (30, 29, 0.9),
            (12, 12, 0.5),
        ] {
            let exact: f64 = (k..=n)
                .map(|i| {
                    10f64.powf(log10_choose(n, i))
                        * p.powi(i as i32)
                        * (1.0 - p).powi((n - i) as i32)
                })
                .sum();
            let tail = log10_binomial_tail(n, k, p.log10());
            assert!((tail - exact.log10()).abs() < 1e-9, "{n} {k} {p}: {tail}");
        }
    }

    #[test]
    fn large_numbers_stay_finite() {
        let tail = log10_binomial_tail(1_000_000, 500_000, -8.0);
        assert!(tail.is_finite() && tail < -3_000_000.0);
        assert_eq!(log10_binomial_tail(1_000_000, 3, -0.1), 0.0);
        assert_eq!(log10_binomial_tail(5, 6, -1.0), f64::NEG_INFINITY);
        assert_eq!(log10_binomial_tail(5, 0, -1.0), 0.0);
    }

    #[test]
    fn more_inliers_and_fewer_trials_mean_fewer_false_alarms() {
        let nfa = |n, k| log10_nfa(n, k, 3, -4.0, 0.0);
        assert!(nfa(100, 8) < nfa(100, 7));
        assert!(nfa(100, 8) < nfa(1000, 8));
        assert_eq!(nfa(100, 3), f64::INFINITY);
        let three = log10_nfa_of_models(100, 20, (7, 3), -2.0, 0.0);
        assert!((three - log10_nfa(100, 20, 7, -2.0, 0.0) - 3f64.log10()).abs() < 1e-12);
    }

    #[test]
    fn the_least_is_that_of_one_after_the_other() {
        let mut least = LeastNfa::default();
        for (count, inliers, sample, scale) in [
            (100, 40, 3, 0.1),
            (30, 30, 2, 0.5),
            (700, 90, 4, 0.02),
            (70_000, 300, 4, 1e-3),
            (12, 3, 3, 0.1),
            (12, 14, 4, 0.1),
            (40, 20, 3, f64::NAN),
            (500, 60, 3, 30.0),
        ] {
            // Of growing discs, as the distances of inliers give them.
            let probability = |n: usize| (scale * (n as f64 / 500.0).powi(2)).min(1.0).log10();
            let single = (sample + 1..=inliers)
                .map(|n| log10_nfa(count, n, sample, probability(n), 1.3))
                .min_by(f64::total_cmp);
            let found = least.of(count, inliers, sample, probability, 1.3);
            assert_eq!(
                found.map(f64::to_bits),
                single.map(f64::to_bits),
                "{count} {inliers}"
            );
        }
    }

    #[test]
    fn probabilities_are_shares_of_the_image() {
        let size = (300.0, 400.0);
        assert!(
            (log10_line_probability(3.0, size) - (3000.0f64 / 120_000.0).log10()).abs() < 1e-12
        );
        let disc = log10_point_probability(10.0, size);
        assert!((10f64.powf(disc) - PI * 100.0 / 120_000.0).abs() < 1e-12);
        assert_eq!(log10_point_probability(1e9, size), 0.0);
        assert_eq!(log10_line_probability(1e9, size), 0.0);
    }
}
