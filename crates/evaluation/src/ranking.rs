//! Figures of one ranked list, and how they are averaged.
//!
//! Everything is computed from the *positive ranks*: the zero-based positions of the positives once junk is taken
//! out of the list, so that every image behind a junk image moves up by one. The two average precisions differ:
//! the plain one takes the precision at each positive, the trapezoidal one (the `compute_ap` of Oxford5k, and
//! Radenović et al. 2018) the mean of the precision there and just before it. For one positive at rank 2 they
//! give 0.5 and 0.25.

use std::collections::BTreeSet;

use crate::protocol::Judgement;

/// Zero-based ranks of the positives in `ranked` (gallery numbers, best first), ascending, junk removed.
///
/// A gallery number that occurs again is ignored after its first occurrence, so that a list cannot gain by
/// repeating an answer. At most as many ranks as there are positives.
pub fn positive_ranks(ranked: &[usize], judgement: &Judgement) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let mut ranks = Vec::new();
    let mut rank = 0;
    for &image in ranked {
        if judgement.is_junk(image) || !seen.insert(image) {
            continue;
        }
        if judgement.is_positive(image) {
            ranks.push(rank);
        }
        rank += 1;
    }
    ranks
}

/// Mean over the positives of the precision at their rank; positives that were not returned count as 0.
/// In 0..=1; NaN without positives.
pub fn average_precision(ranks: &[usize], positives: usize) -> f64 {
    let sum: f64 = ranks
        .iter()
        .enumerate()
        .map(|(i, &r)| (i + 1) as f64 / (r + 1) as f64)
        .sum();
    ratio(sum, positives)
}

/// Area under the precision-recall curve by trapezoids: at each positive the mean of the precision there and of
/// the precision one place before it (1 at the head of the list). In 0..=1; NaN without positives.
pub fn trapezoidal_average_precision(ranks: &[usize], positives: usize) -> f64 {
    let sum: f64 = ranks
        .iter()
        .enumerate()
        .map(|(i, &r)| {
            let before = if r == 0 { 1.0 } else { i as f64 / r as f64 };
            let at = (i + 1) as f64 / (r + 1) as f64;
            (before + at) / 2.0
        })
        .sum();
    ratio(sum, positives)
}

/// Share of positives among the first `k` (≥ 1) places; always divided by `k`.
pub fn precision_at(ranks: &[usize], k: usize) -> f64 {
    ratio(ranks.iter().filter(|&&r| r < k).count() as f64, k)
}

/// Precision at `min(k, last rank of a positive)` as averaged to mP@k by Radenović et al. 2018: a query with
/// fewer positives than `k`, all at the head, reaches 1. 0 when no positive was returned.
pub fn bounded_precision_at(ranks: &[usize], k: usize) -> f64 {
    match ranks.last() {
        Some(&last) => precision_at(ranks, k.min(last + 1)),
        None => 0.0,
    }
}

/// Whether a positive is among the first `k`. Its mean over queries is recall@k in the sense of instance search:
/// the share of queries with at least one relevant image in the first `k`. For the share of all relevant images
/// see [`found_at`].
pub fn hit_at(ranks: &[usize], k: usize) -> bool {
    ranks.first().is_some_and(|&r| r < k)
}

/// Share of the positives that are among the first `k`. NaN without positives.
pub fn found_at(ranks: &[usize], positives: usize, k: usize) -> f64 {
    ratio(ranks.iter().filter(|&&r| r < k).count() as f64, positives)
}

/// One over the (one-based) rank of the first positive; 0 when none was returned.
pub fn reciprocal_rank(ranks: &[usize]) -> f64 {
    ranks.first().map_or(0.0, |&r| 1.0 / (r + 1) as f64)
}

/// Median of the one-based ranks of the first positive, one entry per query with positives; `None` entries were
/// not returned and rank behind everything. `None` without queries or when the median itself was not returned.
/// An even count takes the mean of the two middle ranks.
pub fn median_rank(first: &[Option<usize>]) -> Option<f64> {
    let mut ranks: Vec<f64> = first
        .iter()
        .map(|r| r.map_or(f64::INFINITY, |r| (r + 1) as f64))
        .collect();
    ranks.sort_by(f64::total_cmp);
    let (low, high) = (ranks.len().checked_sub(1)? / 2, ranks.len() / 2);
    let median = (ranks.get(low)? + ranks.get(high)?) / 2.0;
    median.is_finite().then_some(median)
}

/// Mean of the values that are counted: NaN stands for a query without positives and is left out. `None` when
/// nothing is counted.
pub fn mean_of_counted(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .into_iter()
        .filter(|v| !v.is_nan())
        .fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn ratio(numerator: f64, denominator: usize) -> f64 {
    if denominator == 0 {
        f64::NAN
    } else {
        numerator / denominator as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn trapezoids_take_the_mean_with_the_place_before() {
        close(trapezoidal_average_precision(&[0], 1), 1.0);
        close(trapezoidal_average_precision(&[1], 1), 0.25);
        // ranks 1 and 3 (one-based): (1 + 1)/2 · 1/2 + (1/2 + 2/3)/2 · 1/2
        close(
            trapezoidal_average_precision(&[0, 2], 2),
            0.5 + (0.5 + 2.0 / 3.0) / 4.0,
        );
        // a positive that was not returned adds nothing but still divides
        close(trapezoidal_average_precision(&[0], 4), 0.25);
        assert!(trapezoidal_average_precision(&[], 0).is_nan());
    }

    #[test]
    fn plain_average_precision_of_one_positive_is_the_reciprocal_rank() {
        for rank in 0..5 {
            close(average_precision(&[rank], 1), reciprocal_rank(&[rank]));
        }
        close(average_precision(&[0, 2], 2), (1.0 + 2.0 / 3.0) / 2.0);
    }

    #[test]
    fn junk_is_removed_by_shifting_ranks() {
        let judgement = Judgement::new([5, 6], [1, 2]);
        assert_eq!(positive_ranks(&[1, 5, 2, 9, 6], &judgement), [0, 2]);
        // junk at the head would otherwise cost the first place
        close(
            trapezoidal_average_precision(&positive_ranks(&[1, 2, 5, 6], &judgement), 2),
            1.0,
        );
    }

    #[test]
    fn a_repeated_answer_gains_nothing() {
        let judgement = Judgement::new([5, 6], []);
        assert_eq!(positive_ranks(&[5, 5, 5, 6], &judgement), [0, 1]);
        assert_eq!(positive_ranks(&[9, 9, 9, 5], &judgement), [1]);
    }

    #[test]
    fn bounded_precision_divides_by_the_last_positive_rank_or_k() {
        close(bounded_precision_at(&[0, 1], 10), 1.0); // min(2, 10)
        close(bounded_precision_at(&[0, 3], 10), 0.5); // min(4, 10)
        close(bounded_precision_at(&[0, 30], 10), 0.1); // min(31, 10)
        close(bounded_precision_at(&[2, 4], 1), 0.0);
        close(bounded_precision_at(&[], 5), 0.0);
        close(precision_at(&[0, 1], 10), 0.2);
    }

    #[test]
    fn recall_is_a_hit_and_found_is_a_share() {
        assert!(hit_at(&[4, 9], 5) && !hit_at(&[4, 9], 4) && !hit_at(&[], 4));
        close(found_at(&[4, 9], 4, 10), 0.5);
        assert!(found_at(&[], 0, 10).is_nan());
    }

    #[test]
    fn queries_without_positives_are_left_out_of_the_mean() {
        assert_eq!(mean_of_counted([1.0, f64::NAN, 0.0]), Some(0.5));
        assert_eq!(mean_of_counted([f64::NAN]), None);
    }

    #[test]
    fn median_rank_treats_a_missing_answer_as_last() {
        assert_eq!(median_rank(&[Some(0), Some(4), None]), Some(5.0));
        assert_eq!(median_rank(&[Some(0), Some(3)]), Some(2.5));
        assert_eq!(median_rank(&[Some(0), None]), None);
        assert_eq!(median_rank(&[]), None);
    }
}
