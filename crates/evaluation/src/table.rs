//! Reports as text for a terminal.

use std::fmt::Write;

use crate::comparison::{Comparison, Difference};
use crate::ordered::Ordered;
use crate::report::Report;

/// Columns of a report in order: name of the metric and heading.
const COLUMNS: [(&str, &str); 13] = [
    ("map", "mAP"),
    ("map_easy", "mAP easy"),
    ("map_hard", "mAP hard"),
    ("recall@1", "recall@1"),
    ("recall@5", "recall@5"),
    ("recall@10", "recall@10"),
    ("precision@5", "P@5"),
    ("mp@10", "mP@10"),
    ("median_rank", "median rank"),
    ("verdict_precision", "precision"),
    ("verdict_recall", "recall"),
    ("verdict_f1", "F1"),
    ("unknown_rejected", "rejected"),
];

/// A table with one line per query set and one for all queries, followed by the costs. Figures of the verdict are
/// shown where the searcher claimed anything.
pub fn render_report(report: &Report) -> String {
    let claims = report.metrics.get("verdict_precision").is_some();
    let shown = |name: &str| {
        let of_verdict = name.starts_with("verdict_") || name == "unknown_rejected";
        report.metrics.get(name).is_some() && (claims || !of_verdict)
    };
    let columns: Vec<_> = COLUMNS.iter().filter(|(name, _)| shown(name)).collect();
    let mut rows = vec![vec!["set".to_owned(), "queries".to_owned()]];
    rows[0].extend(columns.iter().map(|(_, heading)| (*heading).to_owned()));
    rows[0].push("ms/query".to_owned());
    let mut row = |set: &str, queries: usize, metrics: &Ordered<f64>, ms: f64| {
        let mut cells = vec![set.to_owned(), queries.to_string()];
        cells.extend(columns.iter().map(|(name, _)| {
            metrics
                .get(name)
                .map_or_else(|| "–".to_owned(), |value| shown_value(name, *value))
        }));
        cells.push(format!("{ms:.1}"));
        rows.push(cells);
    };
    if report.sets.len() > 1 {
        for (name, set) in report.sets.iter() {
            row(name, set.queries, &set.metrics, set.query_ms_median);
        }
    }
    row(
        "all",
        report.queries,
        &report.metrics,
        report.timing.query_ms_median,
    );
    let mut text = format!(
        "{}: {} queries, {} gallery images",
        report.dataset, report.queries, report.gallery
    );
    if report.captions > 0 {
        let _ = write!(text, ", {} captions", report.captions);
    }
    let _ = write!(text, "\n\n{}{}", align(&rows), costs(report));
    text
}

/// Ranks count places, everything else is a share.
fn shown_value(name: &str, value: f64) -> String {
    match name {
        "median_rank" => format!("{value:.1}"),
        _ => format!("{value:.4}"),
    }
}

fn costs(report: &Report) -> String {
    let mut text = String::from("\n");
    if let Some(interval) = report.intervals.get("map") {
        let _ = writeln!(
            text,
            "mAP 95 % interval  {:.4} to {:.4}",
            interval.low, interval.high
        );
    }
    let timing = report.timing;
    let _ = writeln!(
        text,
        "query              {:.1} ms median, {:.1} ms 99th percentile",
        timing.query_ms_median, timing.query_ms_p99
    );
    if let Some(rate) = timing.index_images_per_s {
        let _ = writeln!(text, "indexing           {rate:.1} images/s");
    }
    if let Some(ms) = timing.query_processor_ms {
        let _ = write!(text, "processor          {ms:.1} ms a query");
        if let Some(ms) = timing.index_processor_ms {
            let _ = write!(text, ", {ms:.1} ms an image indexed");
        }
        text.push('\n');
    }
    if let Some(bytes) = report.bytes_per_image {
        let _ = writeln!(text, "on disk            {bytes:.0} bytes/image");
    }
    if let Some(bytes) = report.peak_rss_bytes {
        let _ = writeln!(
            text,
            "peak memory        {:.0} MiB",
            bytes as f64 / f64::from(1 << 20)
        );
    }
    text
}

/// A table of differences with their intervals; `*` marks those whose interval excludes 0.
pub fn render_comparison(comparison: &Comparison) -> String {
    let heading = [
        "set",
        "metric",
        "first",
        "second",
        "difference",
        "95 % interval",
        "",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut add = |set: &str, differences: &Ordered<Difference>| {
        for (name, d) in differences.iter() {
            let clear = d.interval.low > 0.0 || d.interval.high < 0.0;
            rows.push(vec![
                set.to_owned(),
                name.to_owned(),
                format!("{:.4}", d.first),
                format!("{:.4}", d.second),
                format!("{:+.4}", d.difference),
                format!("{:+.4} to {:+.4}", d.interval.low, d.interval.high),
                if clear { "*" } else { "" }.to_owned(),
            ]);
        }
    };
    if comparison.sets.len() > 1 {
        for (set, differences) in comparison.sets.iter() {
            add(set, differences);
        }
    }
    add("all", &comparison.metrics);
    let mut text = format!("{}\n\n{}\n", comparison.dataset, align(&rows));
    let [first, second] = comparison.query_ms_median;
    let _ = writeln!(text, "query median       {first:.1} ms, {second:.1} ms");
    let [first, second] = comparison.gallery;
    if first != second {
        let _ = writeln!(text, "galleries differ: {first} and {second} images");
    }
    if !comparison.unpaired.is_empty() {
        let _ = writeln!(
            text,
            "{} queries are in one run only",
            comparison.unpaired.len()
        );
    }
    text
}

/// Columns of equal width, the first flush left, numbers flush right.
fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter()
            .filter_map(|r| r.get(c))
            .map(|s| s.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (c, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if c == 0 {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "  {cell:>width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
