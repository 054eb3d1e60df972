//! Figures for Prometheus, in its text format (version 0.0.4).
//!
//! What is counted as it happens is kept here; sizes of collections and the state of the queue are looked up when somebody
//! asks. Labels come from fixed sets: routes as they are written in the router, methods and stages that exist.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::App;

/// Upper ends of the classes of times, in seconds.
const CLASSES: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// Times, counted in classes.
#[derive(Debug, Clone, Default)]
struct Histogram {
    counts: [u64; CLASSES.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        if let Some(class) = CLASSES.iter().position(|&end| seconds <= end) {
            self.counts[class] += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// Route, method and status of an answer.
type Answered = (String, String, String);

#[derive(Default)]
struct Counted {
    requests: BTreeMap<Answered, u64>,
    /// By route.
    times: BTreeMap<String, Histogram>,
    /// By stage of a search.
    stages: BTreeMap<String, Histogram>,
}

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Counted>);

impl Metrics {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stage of a search took so many milliseconds.
    pub fn stage(&self, stage: &str, ms: f64) {
        let mut counted = self.counted();
        let times = counted.stages.entry(stage.to_owned()).or_default();
        times.add(ms / 1000.0);
    }

    fn answered(&self, (route, method, status): Answered, seconds: f64) {
        let mut counted = self.counted();
        counted.times.entry(route.clone()).or_default().add(seconds);
        *counted.requests.entry((route, method, status)).or_default() += 1;
    }

    /// The text of what was counted.
    fn text(&self) -> String {
        let counted = self.counted();
        let mut text = Text::default();
        text.head(
            "vizsla_http_requests_total",
            "counter",
            "Requests by route and status; gone = the client left",
        );
        for ((route, method, status), count) in &counted.requests {
            let labels = [
                ("route", route.as_str()),
                ("method", method),
                ("status", status),
            ];
            text.line("vizsla_http_requests_total", &labels, *count as f64);
        }
        text.histograms(
            "vizsla_http_request_seconds",
            "Time from the head of a request to that of its answer",
            "route",
            &counted.times,
        );
        text.histograms(
            "vizsla_search_stage_seconds",
            "Time of a stage of a search",
            "stage",
            &counted.stages,
        );
        text.0
    }
}

/// Lines in the format of Prometheus.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let label = |(key, value): &(&str, &str)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{key}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.line(name, &[], value);
    }

    fn histograms(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        of: &BTreeMap<String, Histogram>,
    ) {
        self.head(name, "histogram", help);
        let (bucket, sum, count) = (
            format!("{name}_bucket"),
            format!("{name}_sum"),
            format!("{name}_count"),
        );
        for (value, histogram) in of {
            let mut below = 0;
            for (end, counted) in CLASSES.iter().zip(histogram.counts) {
                below += counted;
                let end = end.to_string();
                self.line(&bucket, &[(label, value), ("le", &end)], below as f64);
            }
            self.line(
                &bucket,
                &[(label, value), ("le", "+Inf")],
                histogram.count as f64,
            );
            self.line(&sum, &[(label, value)], histogram.sum);
            self.line(&count, &[(label, value)], histogram.count as f64);
        }
    }
}

/// Counts a request also when its client leaves before the answer: then this is dropped without a status.
struct Pending {
    app: Arc<App>,
    route: String,
    method: String,
    begun: Instant,
    status: Option<u16>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let status = self
            .status
            .map_or("gone".to_owned(), |status| status.to_string());
        let (route, method) = (
            std::mem::take(&mut self.route),
            std::mem::take(&mut self.method),
        );
        let seconds = self.begun.elapsed().as_secs_f64();
        self.app.metrics.answered((route, method, status), seconds);
    }
}

/// Counts what passes.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let known = ["GET", "HEAD", "POST", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    let mut pending = Pending {
        route: route.map_or("other".to_owned(), |route| route.as_str().to_owned()),
        method: if known.contains(&method) {
            method
        } else {
            "other"
        }
        .to_owned(),
        app,
        begun: Instant::now(),
        status: None,
    };
    let response = next.run(request).await;
    pending.status = Some(response.status().as_u16());
    response
}

/// All figures as text. Looks into the catalogs: not for the threads that serve connections.
pub(crate) fn text(app: &App) -> String {
    let mut text = Text(app.metrics.text());
    let (running, waiting) = app.work.load();
    text.gauge(
        "vizsla_work_running",
        "Requests that are computed now",
        running as f64,
    );
    text.gauge(
        "vizsla_work_waiting",
        "Requests that wait for a worker",
        waiting as f64,
    );
    jobs(app, &mut text);
    collections(app, &mut text);
    if let Some(bytes) = vizsla_evaluation::peak_rss_bytes() {
        text.gauge(
            "vizsla_process_peak_resident_bytes",
            "Largest resident memory of the process so far",
            bytes as f64,
        );
    }
    text.0
}

fn jobs(app: &App, text: &mut Text) {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for job in app.jobs.all() {
        let words = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, state) = (serde_json::json!(job.kind), serde_json::json!(job.state));
        *counts.entry((words(kind), words(state))).or_default() += 1;
    }
    text.head(
        "vizsla_jobs",
        "gauge",
        "Jobs that are open, and the last that ended",
    );
    for ((kind, state), count) in counts {
        text.line(
            "vizsla_jobs",
            &[("kind", &kind), ("state", &state)],
            count as f64,
        );
    }
}

/// One figure of a collection.
type Figure = fn(&vizsla_retrieval::Info) -> u64;

/// The figures of a collection with what they are.
const FIGURES: [(&str, &str, Figure); 7] = [
    (
        "vizsla_collection_images",
        "Images of a collection",
        |info| info.images,
    ),
    (
        "vizsla_collection_features",
        "Local features of a collection",
        |info| info.features,
    ),
    (
        "vizsla_collection_segments",
        "Segments of its inverted file",
        |info| info.segments as u64,
    ),
    (
        "vizsla_collection_tombstones",
        "Removed images that are still in a segment",
        |info| info.tombstones,
    ),
    (
        "vizsla_collection_catalog_bytes",
        "Bytes of its catalog",
        |info| info.catalog_bytes,
    ),
    (
        "vizsla_collection_index_bytes",
        "Bytes of its segments",
        |info| info.segment_bytes,
    ),
    (
        "vizsla_collection_artefact_bytes",
        "Bytes of its codebook and whitening",
        |info| info.artefact_bytes,
    ),
];

fn collections(app: &App, text: &mut Text) {
    let infos: Vec<_> = app
        .collections
        .iter()
        .map(|(name, served)| {
            let info = served.reader().ok().and_then(|reader| reader.info().ok());
            (name, info)
        })
        .collect();
    text.head(
        "vizsla_collection_up",
        "gauge",
        "Whether a collection can be read",
    );
    for (name, info) in &infos {
        let up = f64::from(u8::from(info.is_some()));
        text.line("vizsla_collection_up", &[("collection", name)], up);
    }
    for (metric, help, figure) in FIGURES {
        text.head(metric, "gauge", help);
        for (name, info) in infos
            .iter()
            .filter_map(|(name, info)| Some((name, info.as_ref()?)))
        {
            text.line(metric, &[("collection", name)], figure(info) as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_in_growing_classes() {
        let metrics = Metrics::default();
        for ms in [0.5, 1.0, 30.0, 90_000.0] {
            metrics.stage("words", ms);
        }
        let key = ("/a\"b\\".to_owned(), "GET".to_owned(), "200".to_owned());
        metrics.answered(key, 0.3);
        let text = metrics.text();
        for line in [
            "vizsla_search_stage_seconds_bucket{stage=\"words\",le=\"0.001\"} 2",
            "vizsla_search_stage_seconds_bucket{stage=\"words\",le=\"0.02\"} 2",
            "vizsla_search_stage_seconds_bucket{stage=\"words\",le=\"0.05\"} 3",
            "vizsla_search_stage_seconds_bucket{stage=\"words\",le=\"30\"} 3",
            "vizsla_search_stage_seconds_bucket{stage=\"words\",le=\"+Inf\"} 4",
            "vizsla_search_stage_seconds_count{stage=\"words\"} 4",
            "vizsla_search_stage_seconds_sum{stage=\"words\"} 90.0315",
            "vizsla_http_requests_total{route=\"/a\\\"b\\\\\",method=\"GET\",status=\"200\"} 1",
            "# TYPE vizsla_http_request_seconds histogram",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
