//! Whether one run is better than another, query by query.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bootstrap::{Interval, bootstrap_seeded};
use crate::error::Error;
use crate::ordered::Ordered;
use crate::run::{QueryRun, Run};

/// A metric in two runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean in the first run over the queries both have.
    pub first: f64,
    /// Mean in the second run over the same queries.
    pub second: f64,
    /// Second minus first.
    pub difference: f64,
    /// 95 % interval of the difference by the paired bootstrap; a difference is worth a word when 0 is outside.
    pub interval: Interval,
    /// Number of queries with this metric in both runs.
    pub queries: usize,
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the data set.
    pub dataset: String,
    /// Gallery sizes of both runs: they differ when one had distractors.
    pub gallery: [usize; 2],
    /// Queries that only one of the runs has, as `set/query`; they are not compared.
    pub unpaired: Vec<String>,
    /// Metrics that are means over queries, over all query sets.
    pub metrics: Ordered<Difference>,
    /// The same per query set.
    pub sets: Ordered<Ordered<Difference>>,
    /// Median query times in milliseconds of both runs.
    pub query_ms_median: [f64; 2],
}

type Pair<'a> = (&'a QueryRun, &'a QueryRun);

/// Compares two runs on the same data set over the queries both have; `seed` is that of the bootstrap.
///
/// # Errors
/// The runs are of different data sets or have no query in common.
pub fn compare(first: &Run, second: &Run, seed: u64) -> Result<Comparison, Error> {
    let names = [&first.report.dataset, &second.report.dataset];
    if names[0] != names[1] {
        let problem = format!("one is of {}, the other of {}", names[0], names[1]);
        return Err(Error::Incomparable(problem));
    }
    let others: BTreeMap<_, _> = second.queries.iter().map(|q| (key(q), q)).collect();
    let own: BTreeMap<_, _> = first.queries.iter().map(|q| (key(q), q)).collect();
    let pairs: Vec<Pair> = first
        .queries
        .iter()
        .filter_map(|q| Some((q, *others.get(&key(q))?)))
        .collect();
    if pairs.is_empty() {
        return Err(Error::Incomparable("they have no query in common".into()));
    }
    let alone = first
        .queries
        .iter()
        .filter(|q| !others.contains_key(&key(q)));
    let alone = alone.chain(second.queries.iter().filter(|q| !own.contains_key(&key(q))));
    let mut sets = Ordered::new();
    for (set, _) in first.report.sets.iter() {
        let of_set: Vec<Pair> = pairs.iter().copied().filter(|p| p.0.set == set).collect();
        if !of_set.is_empty() {
            sets.insert(set, differences(&of_set, seed));
        }
    }
    Ok(Comparison {
        dataset: first.report.dataset.clone(),
        gallery: [first.report.gallery, second.report.gallery],
        unpaired: alone.map(|q| format!("{}/{}", q.set, q.query)).collect(),
        metrics: differences(&pairs, seed),
        sets,
        query_ms_median: [
            first.report.timing.query_ms_median,
            second.report.timing.query_ms_median,
        ],
    })
}

fn key(query: &QueryRun) -> (&str, &str) {
    (&query.set, &query.query)
}

fn differences(pairs: &[Pair], seed: u64) -> Ordered<Difference> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in pairs.iter().flat_map(|p| p.0.metrics.iter()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut differences = Ordered::new();
    for name in names {
        let values: Vec<(f64, f64)> = pairs
            .iter()
            .filter_map(|p| Some((*p.0.metrics.get(name)?, *p.1.metrics.get(name)?)))
            .collect();
        differences.insert_some(name, difference(&values, seed));
    }
    differences
}

fn difference(values: &[(f64, f64)], seed: u64) -> Option<Difference> {
    let deltas: Vec<f64> = values.iter().map(|(a, b)| b - a).collect();
    let interval = bootstrap_seeded(&deltas, seed)?;
    let count = values.len() as f64;
    Some(Difference {
        first: values.iter().map(|v| v.0).sum::<f64>() / count,
        second: values.iter().map(|v| v.1).sum::<f64>() / count,
        difference: deltas.iter().sum::<f64>() / count,
        interval,
        queries: values.len(),
    })
}
