//! The figures of one evaluation, as printed by `vizsla evaluate --json`.

use serde::{Deserialize, Serialize};

use crate::bootstrap::Interval;
use crate::ordered::Ordered;

/// Everything that one evaluation found; serialises to one JSON object.
///
/// `metrics` are over all queries of all sets, `sets` per query set. Which metrics there are and what they mean is
/// documented at [`crate::summarise`]; a metric that has no value (an AUROC with one class only) is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the data set.
    pub dataset: String,
    /// Number of queries.
    pub queries: usize,
    /// Number of gallery images, distractors included.
    pub gallery: usize,
    /// Number of captions that can be found; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub captions: usize,
    /// Name and value, mostly 0..=1.
    pub metrics: Ordered<f64>,
    /// How long it took.
    pub timing: Timing,
    /// Size of the collection on disk divided by its images; `null` when not measured.
    pub bytes_per_image: Option<f64>,
    /// Largest resident memory of the process; `null` where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// 95 % bootstrap intervals of some metrics over all queries.
    pub intervals: Ordered<Interval>,
    /// The same per query set.
    pub sets: Ordered<SetReport>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Figures of one query set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetReport {
    /// Number of queries.
    pub queries: usize,
    /// Name and value.
    pub metrics: Ordered<f64>,
    /// 95 % bootstrap intervals.
    pub intervals: Ordered<Interval>,
    /// Median time of a query in milliseconds.
    pub query_ms_median: f64,
}

/// Times of an evaluation: by the wall clock, and what the processor worked for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Images described and written per second; `null` when nothing was indexed.
    pub index_images_per_s: Option<f64>,
    /// Median time from the query file to its result, in milliseconds.
    pub query_ms_median: f64,
    /// 99th percentile of the same.
    pub query_ms_p99: f64,
    /// Processor time of describing and writing one image, all threads together, in milliseconds: nearly the same on a
    /// busy machine, where the wall clock is not. `null` when nothing was indexed or the system does not say.
    #[serde(default)]
    pub index_processor_ms: Option<f64>,
    /// Mean processor time of a query in milliseconds, all threads together; `null` as above.
    #[serde(default)]
    pub query_processor_ms: Option<f64>,
}
