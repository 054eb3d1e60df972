//! From ranked lists to the named metrics of a report.

use std::collections::BTreeSet;

use crate::bootstrap::{Interval, bootstrap_seeded};
use crate::ordered::Ordered;
use crate::protocol::{Judgement, Protocol, Setup, Truth};
use crate::ranked::Ranked;
use crate::ranking::{
    average_precision, bounded_precision_at, found_at, hit_at, mean_of_counted, median_rank,
    positive_ranks, precision_at, reciprocal_rank, trapezoidal_average_precision,
};
use crate::separation::{Weighted, auroc, best_f1, weighted_auroc};
use crate::verdict::{OpenSet, QueryVerdict};

const CUTOFFS: [usize; 3] = [1, 5, 10];

/// Metrics that get a bootstrap interval: means over queries that people compare.
const WITH_INTERVAL: [&str; 7] = [
    "map",
    "recall@1",
    "recall@5",
    "recall@10",
    "precision@1",
    "precision@5",
    "verdict_f1_per_query",
];

/// What is known of one query once its list is judged; [`summarise`] makes a report of many.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryMetrics {
    /// Values whose mean over queries is the metric of the same name. Those of ranking are absent for a query
    /// without positives, which leaves it out of their mean.
    pub values: Ordered<f64>,
    verdict: QueryVerdict,
    /// Rank of the first positive; the outer `None` for a query without positives.
    first: Option<Option<usize>>,
    /// Confidence and relevance of every returned image that is not junk.
    confidences: Vec<(f64, bool)>,
    missing_positives: u64,
    missing_negatives: u64,
}

/// Judges a ranked list (best first) against the truth of its query in a gallery of `gallery` images.
pub fn judge_query(
    protocol: Protocol,
    truth: &Truth,
    ranked: &[Ranked],
    gallery: usize,
) -> QueryMetrics {
    let list: Vec<usize> = ranked.iter().map(|r| r.gallery).collect();
    let mut values = Ordered::new();
    for &(setup, suffix) in protocol.setups() {
        let judgement = truth.judge(setup);
        if judgement.positives() > 0 {
            let ranks = positive_ranks(&list, &judgement);
            rank_metrics(protocol, suffix, &ranks, judgement.positives(), &mut values);
        }
    }
    let judgement = truth.judge(Setup::All);
    let verdict = QueryVerdict::of(ranked, &judgement);
    values.insert("verdict_f1_per_query", verdict.f1());
    let confidences = confidences(ranked, &judgement);
    let returned_positives = confidences.iter().filter(|c| c.1).count();
    let ignored = judgement.junk();
    let negatives = gallery.saturating_sub(judgement.positives() + ignored);
    let first =
        (judgement.positives() > 0).then(|| positive_ranks(&list, &judgement).first().copied());
    QueryMetrics {
        values,
        verdict,
        first,
        missing_positives: (judgement.positives() - returned_positives) as u64,
        missing_negatives: negatives.saturating_sub(confidences.len() - returned_positives) as u64,
        confidences,
    }
}

fn rank_metrics(
    protocol: Protocol,
    suffix: &str,
    ranks: &[usize],
    positives: usize,
    values: &mut Ordered<f64>,
) {
    let precision = match protocol {
        Protocol::Plain => average_precision(ranks, positives),
        Protocol::Oxford | Protocol::Revisited => trapezoidal_average_precision(ranks, positives),
    };
    values.insert(format!("map{suffix}"), precision);
    for k in CUTOFFS {
        values.insert(
            format!("recall@{k}{suffix}"),
            f64::from(u8::from(hit_at(ranks, k))),
        );
    }
    values.insert(format!("found@10{suffix}"), found_at(ranks, positives, 10));
    values.insert(format!("mrr{suffix}"), reciprocal_rank(ranks));
    if protocol == Protocol::Plain {
        for k in CUTOFFS {
            values.insert(format!("precision@{k}"), precision_at(ranks, k));
        }
    } else {
        for k in CUTOFFS {
            values.insert(format!("mp@{k}{suffix}"), bounded_precision_at(ranks, k));
        }
    }
}

/// Confidence (−log10 NFA, minus infinity where geometry found nothing) of each distinct image that is not junk.
fn confidences(ranked: &[Ranked], judgement: &Judgement) -> Vec<(f64, bool)> {
    let mut seen = BTreeSet::new();
    ranked
        .iter()
        .filter(|r| !judgement.is_junk(r.gallery) && seen.insert(r.gallery))
        .map(|r| (r.confidence(), judgement.is_positive(r.gallery)))
        .collect()
}

/// Metrics over many queries, in this order, those without a value left out:
///
/// * `map`, `recall@k` (share of queries with a relevant image in the first k), `found@10` (share of the relevant
///   images in the first 10), `mrr`, by the plain protocol `precision@k`, by Oxford's and the revisited one `mp@k`; with the revisited protocol
///   medium is the headline and `_easy`, `_medium`, `_hard` follow. Queries without positives are left out.
/// * `median_rank` of the first relevant image, from 1; left out when more than half the queries miss it.
/// * `verdict_precision`, `verdict_recall`, `verdict_f1` pooled over all claims, `verdict_f1_per_query`,
///   `known_answered` and `unknown_rejected`: see [`OpenSet`].
/// * `verdict_auroc`: known against unknown queries by the highest confidence of the query. `pair_auroc`: relevant
///   against irrelevant (query, image) pairs by confidence, images that were not returned at minus infinity.
/// * `best_f1` at `best_f1_log10_nfa`: the best pooled F1 that any bound on the NFA would have given; the distance
///   from `verdict_f1` is what calibration leaves on the table.
pub fn summarise(queries: &[QueryMetrics]) -> Ordered<f64> {
    let mut metrics = Ordered::new();
    for name in names(queries) {
        let values = queries.iter().filter_map(|q| q.values.get(name).copied());
        metrics.insert_some(name, mean_of_counted(values));
    }
    let first: Vec<Option<usize>> = queries.iter().filter_map(|q| q.first).collect();
    metrics.insert_some("median_rank", median_rank(&first));
    let verdicts: Vec<QueryVerdict> = queries.iter().map(|q| q.verdict).collect();
    if let Some(open) = OpenSet::of(&verdicts) {
        metrics.insert_some("verdict_precision", open.precision);
        metrics.insert_some("verdict_recall", open.recall);
        metrics.insert("verdict_f1", open.f1);
        metrics.insert("verdict_f1_per_query", open.f1_per_query);
        metrics.insert_some("known_answered", open.known_answered);
        metrics.insert_some("unknown_rejected", open.unknown_rejected);
    }
    let by_query: Vec<(f64, bool)> = queries
        .iter()
        .map(|q| (q.highest_confidence(), q.first.is_some()))
        .collect();
    metrics.insert_some("verdict_auroc", auroc(&by_query));
    metrics.insert_some("pair_auroc", pair_auroc(queries));
    let positives = verdicts
        .iter()
        .map(|v| v.true_positives + v.false_negatives)
        .sum();
    let verified: Vec<(f64, bool)> = queries
        .iter()
        .flat_map(|q| q.confidences.iter().copied())
        .filter(|c| c.0 > f64::NEG_INFINITY)
        .collect();
    if let Some(best) = best_f1(&verified, positives) {
        metrics.insert("best_f1", best.f1);
        metrics.insert("best_f1_log10_nfa", -best.threshold);
    }
    metrics
}

/// Bootstrap intervals of the headline metrics.
pub(crate) fn intervals(queries: &[QueryMetrics], seed: u64) -> Ordered<Interval> {
    let mut intervals = Ordered::new();
    for name in WITH_INTERVAL {
        let values: Vec<f64> = queries
            .iter()
            .filter_map(|q| q.values.get(name).copied())
            .collect();
        intervals.insert_some(name, bootstrap_seeded(&values, seed));
    }
    intervals
}

/// Names of all ranking values, in order of their first appearance.
fn names(queries: &[QueryMetrics]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in queries.iter().flat_map(|q| q.values.iter()) {
        if name != "verdict_f1_per_query" && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn pair_auroc(queries: &[QueryMetrics]) -> Option<f64> {
    let mut entries: Vec<Weighted> = queries
        .iter()
        .flat_map(|q| q.confidences.iter())
        .map(|&(score, right)| Weighted {
            score,
            positive: u64::from(right),
            negative: u64::from(!right),
        })
        .collect();
    entries.push(Weighted {
        score: f64::NEG_INFINITY,
        positive: queries.iter().map(|q| q.missing_positives).sum(),
        negative: queries.iter().map(|q| q.missing_negatives).sum(),
    });
    weighted_auroc(entries)
}

impl QueryMetrics {
    fn highest_confidence(&self) -> f64 {
        self.confidences
            .iter()
            .map(|c| c.0)
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(images: &[(usize, bool, Option<f64>)]) -> Vec<Ranked> {
        images
            .iter()
            .map(|&(gallery, matched, log10_nfa)| Ranked {
                gallery,
                score: 0.0,
                matched,
                log10_nfa,
            })
            .collect()
    }

    fn value(metrics: &Ordered<f64>, name: &str) -> f64 {
        *metrics
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing"))
    }

    #[test]
    fn a_query_without_positives_counts_for_the_verdict_only() {
        let found = list(&[(3, true, Some(-20.0)), (1, false, None)]);
        let queries = [
            judge_query(Protocol::Plain, &Truth::relevant([3]), &found, 10),
            judge_query(Protocol::Plain, &Truth::default(), &found, 10),
        ];
        let metrics = summarise(&queries);
        assert_eq!(value(&metrics, "map"), 1.0);
        assert_eq!(value(&metrics, "verdict_precision"), 0.5);
        assert_eq!(value(&metrics, "unknown_rejected"), 0.0);
        assert_eq!(value(&metrics, "verdict_auroc"), 0.5);
        // pairs: one positive at 20; negatives: one at 20, the other 18 at minus infinity
        assert_eq!(value(&metrics, "pair_auroc"), 18.5 / 19.0);
    }

    #[test]
    fn setups_of_the_revisited_protocol_move_easy_and_hard_to_junk() {
        let truth = Truth {
            good: vec![0],
            ok: vec![1],
            junk: vec![2],
        };
        let ranked = list(&[
            (2, false, None),
            (0, false, None),
            (9, false, None),
            (1, false, None),
        ]);
        let metrics = judge_query(Protocol::Revisited, &truth, &ranked, 10).values;
        assert_eq!(value(&metrics, "map_easy"), 1.0);
        assert_eq!(value(&metrics, "map_hard"), 0.25);
        // medium: ranks 0 and 2 → (1 + (1/2 + 2/3)/2)/2
        assert!((value(&metrics, "map_medium") - (1.0 + 7.0 / 12.0) / 2.0).abs() < 1e-12);
        assert_eq!(value(&metrics, "map"), value(&metrics, "map_medium"));
        assert_eq!(value(&metrics, "mp@10_medium"), 2.0 / 3.0);
        // only hard positives: easy is left out
        let hard = Truth {
            good: vec![],
            ok: vec![1],
            junk: vec![],
        };
        let metrics = judge_query(Protocol::Revisited, &hard, &ranked, 10).values;
        assert!(metrics.get("map_easy").is_none() && metrics.get("map_hard").is_some());
    }

    #[test]
    fn calibration_shows_as_best_f1() {
        let truth = Truth::relevant([0]);
        let ranked = list(&[(0, false, Some(-3.0)), (1, false, Some(-1.0))]);
        let metrics = summarise(&[judge_query(Protocol::Plain, &truth, &ranked, 5)]);
        assert_eq!(value(&metrics, "verdict_f1"), 0.0);
        assert_eq!(value(&metrics, "best_f1"), 1.0);
        assert_eq!(value(&metrics, "best_f1_log10_nfa"), -3.0);
        assert!(metrics.get("verdict_precision").is_none());
    }

    #[test]
    fn missing_the_answer_has_no_median_rank() {
        let metrics = summarise(&[judge_query(
            Protocol::Plain,
            &Truth::relevant([0]),
            &list(&[]),
            5,
        )]);
        assert!(metrics.get("median_rank").is_none());
        assert_eq!(value(&metrics, "map"), 0.0);
    }
}
