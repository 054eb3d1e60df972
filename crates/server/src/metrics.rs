//! Figures for Prometheus, in its text format (version 0.0.4).
//!
//! What is counted as it happens is kept here; what is looked up when somebody asks is in `figures`. Labels come from fixed sets: routes as they are written in the router, methods and stages that exist.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
pub(crate) type Answered = (String, String, String);

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

    pub fn answered(&self, (route, method, status): Answered, seconds: f64) {
        let mut counted = self.counted();
        counted.times.entry(route.clone()).or_default().add(seconds);
        *counted.requests.entry((route, method, status)).or_default() += 1;
    }

    /// The text of what was counted.
    pub fn text(&self) -> String {
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
pub(crate) struct Text(pub String);

impl Text {
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
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

    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
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
