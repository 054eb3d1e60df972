//! The metrics against an independent implementation (`reference/metrics.py`).

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail by panicking

use std::collections::BTreeMap;

use serde::Deserialize;
use vizsla_evaluation::{
    Ordered, Protocol, Ranked, Setup, Truth, average_precision, bounded_precision_at, judge_query,
    positive_ranks, summarise, trapezoidal_average_precision,
};

#[derive(Deserialize)]
struct Reference {
    gallery: usize,
    threshold: f64,
    cases: Vec<Case>,
    means: BTreeMap<String, BTreeMap<String, f64>>,
    verdict: BTreeMap<String, f64>,
    auroc: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Case {
    easy: Vec<usize>,
    hard: Vec<usize>,
    junk: Vec<usize>,
    ranked: Vec<usize>,
    log10_nfa: Vec<f64>,
    expected: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Case {
    fn truth(&self) -> Truth {
        Truth {
            good: self.easy.clone(),
            ok: self.hard.clone(),
            junk: self.junk.clone(),
        }
    }

    fn list(&self, threshold: f64) -> Vec<Ranked> {
        let pairs = self.ranked.iter().zip(&self.log10_nfa);
        pairs
            .map(|(&gallery, &nfa)| Ranked {
                gallery,
                score: -nfa,
                matched: nfa < threshold,
                log10_nfa: Some(nfa),
            })
            .collect()
    }
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/metrics.json")).expect("written by metrics.py")
}

fn close(name: &str, got: f64, expected: f64) {
    assert!(
        (got - expected).abs() < 1e-12,
        "{name}: {got}, expected {expected}"
    );
}

fn metric(metrics: &Ordered<f64>, name: &str) -> f64 {
    *metrics
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn single_lists_agree_in_all_setups() {
    let setups = [
        ("easy", Setup::Easy),
        ("medium", Setup::Medium),
        ("hard", Setup::Hard),
    ];
    for case in &reference().cases {
        for (name, setup) in setups {
            let judgement = case.truth().judge(setup);
            let Some(expected) = case.expected.get(name) else {
                assert_eq!(judgement.positives(), 0);
                continue;
            };
            let ranks = positive_ranks(&case.ranked, &judgement);
            let positives = judgement.positives();
            close(
                "oxford",
                trapezoidal_average_precision(&ranks, positives),
                expected["oxford_ap"],
            );
            close(
                "plain",
                average_precision(&ranks, positives),
                expected["plain_ap"],
            );
            for k in [1, 5, 10] {
                let name = format!("mp@{k}");
                close(&name, bounded_precision_at(&ranks, k), expected[&name]);
            }
        }
    }
}

#[test]
fn means_leave_out_queries_without_positives() {
    let reference = reference();
    let judged: Vec<_> = reference
        .cases
        .iter()
        .map(|c| {
            judge_query(
                Protocol::Revisited,
                &c.truth(),
                &c.list(0.0),
                reference.gallery,
            )
        })
        .collect();
    let metrics = summarise(&judged);
    for (setup, means) in &reference.means {
        close(
            setup,
            metric(&metrics, &format!("map_{setup}")),
            means["oxford_ap"],
        );
        for k in [1, 5, 10] {
            let name = format!("mp@{k}");
            close(
                &name,
                metric(&metrics, &format!("{name}_{setup}")),
                means[&name],
            );
        }
    }
}

#[test]
fn verdicts_and_separation_agree() {
    let reference = reference();
    let judged: Vec<_> = reference
        .cases
        .iter()
        .map(|c| {
            let list = c.list(reference.threshold);
            judge_query(Protocol::Oxford, &c.truth(), &list, reference.gallery)
        })
        .collect();
    let metrics = summarise(&judged);
    for (name, &expected) in &reference.verdict {
        close(name, metric(&metrics, &format!("verdict_{name}")), expected);
    }
    for (name, &expected) in &reference.auroc {
        close(name, metric(&metrics, name), expected);
    }
}
