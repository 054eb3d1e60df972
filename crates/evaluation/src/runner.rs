//! Running all queries of a data set through a searcher.

use std::time::Instant;

use serde_json::Value;

use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::metrics::{QueryMetrics, intervals, judge_query, summarise};
use crate::ordered::Ordered;
use crate::process::{peak_rss_bytes, processor_seconds, processor_seconds_since};
use crate::ranked::Ranked;
use crate::report::{Report, SetReport, Timing};
use crate::run::{QueryRun, RankedEntry, Run};
use crate::timing::percentile;

/// Any error of a searcher.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What an evaluation records besides the lists.
#[derive(Default)]
pub struct Options<'a> {
    /// Images indexed per second, if they were indexed for this evaluation.
    pub index_images_per_s: Option<f64>,
    /// Processor time of describing and writing one of them in milliseconds, where the system tells.
    pub index_processor_ms: Option<f64>,
    /// Bytes on disk per image.
    pub bytes_per_image: Option<f64>,
    /// What the searcher was told; kept in the run file.
    pub configuration: Value,
    /// Seed of the bootstrap intervals.
    pub seed: u64,
    /// Called after each query with the number done and the number of all.
    pub progress: Option<&'a dyn Fn(usize, usize)>,
}

/// Asks `searcher` every query, one after the other, and judges what it returns (best first).
///
/// The searcher sees the picture or the sentence, not the truth. Its time is measured around the call. Average
/// precision needs the list as deep as the searcher can rank; images that are not returned count as not found.
///
/// # Errors
/// The searcher fails on a query or returns an image that is not in the gallery.
pub fn evaluate(
    dataset: &Dataset,
    searcher: &mut dyn FnMut(&QueryCase) -> Result<Vec<Ranked>, BoxError>,
    options: &Options,
) -> Result<Run, Error> {
    let mut judged = Vec::with_capacity(dataset.queries.len());
    let mut queries = Vec::with_capacity(dataset.queries.len());
    let mut worked = Some(0.0);
    for query in &dataset.queries {
        let (start, before) = (Instant::now(), processor_seconds());
        let ranked = searcher(&query.case).map_err(|source| Error::Search {
            query: query.case.key.clone(),
            source,
        })?;
        let ms = 1e3 * start.elapsed().as_secs_f64();
        let more = processor_seconds_since(before);
        worked = worked.zip(more).map(|(sum, more)| sum + more);
        check(dataset, query, &ranked)?;
        let metrics = judge_query(
            dataset.protocol,
            &query.truth,
            &ranked,
            dataset.size(query.case.target),
        );
        queries.push(record(dataset, query, &ranked, &metrics, ms));
        judged.push(metrics);
        if let Some(progress) = options.progress {
            progress(queries.len(), dataset.queries.len());
        }
    }
    Ok(Run {
        format: Run::FORMAT.into(),
        format_version: Run::VERSION,
        vizsla: env!("CARGO_PKG_VERSION").into(),
        configuration: options.configuration.clone(),
        report: report(dataset, &queries, &judged, worked, options),
        queries,
    })
}

fn check(dataset: &Dataset, query: &Query, ranked: &[Ranked]) -> Result<(), Error> {
    let gallery = dataset.size(query.case.target);
    match ranked.iter().find(|r| r.gallery >= gallery) {
        Some(outside) => Err(Error::UnknownImage {
            query: query.case.key.clone(),
            index: outside.gallery,
            gallery,
        }),
        None => Ok(()),
    }
}

fn record(
    dataset: &Dataset,
    query: &Query,
    ranked: &[Ranked],
    metrics: &QueryMetrics,
    ms: f64,
) -> QueryRun {
    let key = |position: usize| dataset.key(query.case.target, position).map(str::to_owned);
    let relevant = query.truth.good.iter().chain(&query.truth.ok);
    QueryRun {
        set: query.case.set.clone(),
        query: query.case.key.clone(),
        relevant: relevant.filter_map(|&position| key(position)).collect(),
        ms,
        metrics: metrics.values.clone(),
        ranked: ranked
            .iter()
            .map(|r| RankedEntry {
                image: key(r.gallery).unwrap_or_default(),
                score: finite(r.score),
                matched: r.matched,
                log10_nfa: Some(-r.confidence())
                    .filter(|&n| n < f64::INFINITY)
                    .map(finite),
            })
            .collect(),
    }
}

/// JSON has no infinities: the nearest number it has, 0 for NaN.
fn finite(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(f64::MIN, f64::MAX)
    }
}

fn report(
    dataset: &Dataset,
    queries: &[QueryRun],
    judged: &[QueryMetrics],
    worked: Option<f64>,
    options: &Options,
) -> Report {
    let mut sets = Ordered::new();
    for set in dataset.sets() {
        let of_set = |i: &usize| dataset.queries[*i].case.set == set;
        let members: Vec<usize> = (0..queries.len()).filter(of_set).collect();
        let metrics: Vec<QueryMetrics> = members.iter().map(|&i| judged[i].clone()).collect();
        let times: Vec<f64> = members.iter().map(|&i| queries[i].ms).collect();
        let figures = SetReport {
            queries: members.len(),
            metrics: summarise(&metrics),
            intervals: intervals(&metrics, options.seed),
            query_ms_median: percentile(&times, 0.5).unwrap_or(0.0),
        };
        sets.insert(set, figures);
    }
    let times: Vec<f64> = queries.iter().map(|q| q.ms).collect();
    Report {
        dataset: dataset.name.clone(),
        queries: queries.len(),
        gallery: dataset.gallery.len(),
        captions: dataset.captions.len(),
        metrics: summarise(judged),
        timing: Timing {
            index_images_per_s: options.index_images_per_s,
            query_ms_median: percentile(&times, 0.5).unwrap_or(0.0),
            query_ms_p99: percentile(&times, 0.99).unwrap_or(0.0),
            index_processor_ms: options.index_processor_ms,
            query_processor_ms: worked
                .filter(|_| !queries.is_empty())
                .map(|seconds| 1e3 * seconds / queries.len() as f64),
        },
        bytes_per_image: options.bytes_per_image,
        peak_rss_bytes: peak_rss_bytes(),
        intervals: intervals(judged, options.seed),
        sets,
    }
}
