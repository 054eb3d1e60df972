//! Tables that are written as HTML and as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::compare::Comparison;
use super::read::{Board, Figure, RunFolder, directions};
use crate::page::escaped;

/// Metrics that come first, in this order; the others follow by name.
const FIRST: [&str; 10] = [
    "map",
    "mean_average_precision",
    "precision_at_1",
    "precision_at_5",
    "precision_at_10",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "median_rank",
    "mean_reciprocal_rank",
];

/// A cell: its text, an addition in small print, and whether it is the best of its column.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub text: String,
    pub small: String,
    pub best: bool,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// A table with a title; the first column names the rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    pub title: String,
    pub heads: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Rows to be marked, by number.
    pub marked: BTreeSet<usize>,
}

impl Grid {
    pub(super) fn html(&self) -> String {
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = writeln!(text, "<h3>{}</h3>", escaped(&self.title));
        }
        text.push_str("<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>");
        for head in &self.heads {
            let _ = write!(text, "<th scope=\"col\">{}</th>", escaped(head));
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for (number, row) in self.rows.iter().enumerate() {
            let class = if self.marked.contains(&number) {
                " class=\"differs\""
            } else {
                ""
            };
            let _ = write!(text, "<tr{class}>");
            for (at, cell) in row.iter().enumerate() {
                let best = if cell.best { " class=\"best\"" } else { "" };
                let small = match cell.small.as_str() {
                    "" => String::new(),
                    small => format!(" <small>{}</small>", escaped(small)),
                };
                let inner = format!("{}{small}", escaped(&cell.text));
                let _ = match at {
                    0 => write!(text, "<th scope=\"row\">{inner}</th>"),
                    _ => write!(text, "<td{best}>{inner}</td>"),
                };
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table></div>\n");
        text
    }

    pub(super) fn markdown(&self) -> String {
        let plain = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = writeln!(text, "### {}\n", self.title);
        }
        let heads: Vec<String> = self.heads.iter().map(|head| plain(head)).collect();
        let _ = writeln!(text, "| {} |", heads.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(heads.len()));
        for row in &self.rows {
            let cell = |cell: &Cell| {
                let body = match cell.best {
                    true => format!("**{}**", plain(&cell.text)),
                    false => plain(&cell.text),
                };
                match cell.small.as_str() {
                    "" => body,
                    small => format!("{body} ({})", plain(small)),
                }
            };
            let cells: Vec<String> = row.iter().map(cell).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
        text
    }
}

/// The results as HTML.
pub(super) fn results(runs: &[RunFolder], comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for grid in figures(runs) {
        text.push_str(&grid.html());
    }
    text.push_str(&format!("<p class=\"soft\">{FIGURES}</p>\n"));
    for grid in significance(runs, comparisons) {
        text.push_str(&grid.html());
    }
    if !comparisons.is_empty() {
        text.push_str(&format!("<p class=\"soft\">{DIFFERENCES}</p>\n"));
    }
    text
}

/// What stands under the figures.
pub(super) const FIGURES: &str = "In small print the 95 % interval of the mean over queries (percentile bootstrap). Bold: the best of the column, \
     which is not to say that the difference means anything.";

/// What stands under the differences.
pub(super) const DIFFERENCES: &str = "Differences are of mean average precision over the queries that both runs have, second minus first, with the 95 % \
     interval of the paired bootstrap; p is that of the two-sided paired randomisation test. A difference is called \
     significant when p is below 0.05 divided by the number of comparisons in the report (Bonferroni).";

/// A table of figures for each direction.
pub(super) fn figures(runs: &[RunFolder]) -> Vec<Grid> {
    let of_direction = |direction: String| {
        let boards: Vec<Option<&Board>> = runs.iter().map(|run| run.board(&direction)).collect();
        let metrics = metrics(&boards);
        let mut grid = Grid {
            title: direction,
            heads: vec!["run".to_owned()],
            ..Grid::default()
        };
        grid.heads
            .extend(metrics.iter().map(|metric| spoken(metric)));
        grid.heads
            .extend(["queries listed", "time", "device"].map(str::to_owned));
        for (run, board) in runs.iter().zip(&boards) {
            let mut row = vec![Cell::new(&run.name)];
            for metric in &metrics {
                let figure = board.and_then(|board| board.metrics.get(metric));
                row.push(figure.map_or_else(|| Cell::new("–"), |f| figure_cell(f, metric)));
            }
            row.push(Cell::new(
                board.map_or(0, |board| board.queries.len()).to_string(),
            ));
            row.push(Cell::new(run.facts.seconds.map_or("–".to_owned(), time)));
            row.push(Cell::new(device(run)));
            grid.rows.push(row);
        }
        mark_best(&mut grid, &boards, &metrics);
        grid
    };
    directions(runs).into_iter().map(of_direction).collect()
}

fn metrics(boards: &[Option<&Board>]) -> Vec<String> {
    let all: BTreeSet<&String> = boards
        .iter()
        .flatten()
        .flat_map(|b| b.metrics.keys())
        .collect();
    let mut metrics: Vec<String> = all.into_iter().cloned().collect();
    let place = |name: &String| FIRST.iter().position(|f| f == name).unwrap_or(FIRST.len());
    metrics.sort_by(|a, b| place(a).cmp(&place(b)).then(a.cmp(b)));
    metrics
}

fn mark_best(grid: &mut Grid, boards: &[Option<&Board>], metrics: &[String]) {
    if boards.len() < 2 {
        return;
    }
    for (column, metric) in metrics.iter().enumerate() {
        let sign = if metric.ends_with("_rank") && !metric.contains("reciprocal") {
            -1.0
        } else {
            1.0
        };
        let value = |board: &Option<&Board>| {
            let figure = board.as_ref()?.metrics.get(metric)?;
            figure.value.is_finite().then_some(sign * figure.value)
        };
        let values: Vec<Option<f64>> = boards.iter().map(value).collect();
        let best = values
            .iter()
            .flatten()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        for (row, value) in grid.rows.iter_mut().zip(values) {
            row[column + 1].best = value == Some(best);
        }
    }
}

fn figure_cell(figure: &Figure, metric: &str) -> Cell {
    let places = if metric.ends_with("median_rank") {
        1
    } else {
        3
    };
    let number = |value: f64| format!("{value:.places$}");
    Cell {
        text: number(figure.value),
        small: figure.interval.map_or_else(String::new, |[low, high]| {
            format!("{}–{}", number(low), number(high))
        }),
        best: false,
    }
}

/// `precision_at_1` as people write it.
fn spoken(metric: &str) -> String {
    match metric {
        "map" | "mean_average_precision" => "mAP".to_owned(),
        metric => metric.replace("_at_", "@").replace('_', " "),
    }
}

fn device(run: &RunFolder) -> String {
    let device = run.facts.device.as_deref().unwrap_or("–");
    match run.facts.threads {
        Some(threads) if device == "cpu" => format!("cpu, {threads} threads"),
        _ => device.to_owned(),
    }
}

/// A span of time for people.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!(
            "{:.0} min {:02.0} s",
            (s / 60.0).floor(),
            (s % 60.0).floor()
        ),
        s => format!(
            "{:.0} h {:02.0} min",
            (s / 3600.0).floor(),
            (s % 3600.0 / 60.0).floor()
        ),
    }
}

/// A table of differences for each direction with two runs or more.
pub(super) fn significance(runs: &[RunFolder], comparisons: &[Comparison]) -> Vec<Grid> {
    let of_direction = |direction: String| {
        let own = comparisons.iter().filter(|c| c.direction == direction);
        let title = match direction.as_str() {
            "" => "Differences".to_owned(),
            direction => format!("Differences, {direction}"),
        };
        let row = |c: &Comparison| {
            vec![
                Cell::new(format!("{} → {}", runs[c.first].name, runs[c.second].name)),
                Cell {
                    text: format!("{:+.3}", c.difference),
                    small: c
                        .interval
                        .map_or_else(String::new, |i| format!("{:+.3} to {:+.3}", i.low, i.high)),
                    best: false,
                },
                Cell::new(format!("{:.4}", c.p)),
                Cell::new(c.queries.to_string()),
                Cell::new(c.verdict()),
            ]
        };
        Grid {
            title,
            heads: [
                "first → second",
                "difference in mAP",
                "p",
                "queries",
                "verdict",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: own.map(row).collect(),
            marked: BTreeSet::new(),
        }
    };
    let grids = directions(runs).into_iter().map(of_direction);
    grids.filter(|grid| !grid.rows.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_the_same_in_both_languages() {
        let grid = Grid {
            title: "A & B".to_owned(),
            heads: vec!["run".to_owned(), "mAP".to_owned()],
            rows: vec![vec![
                Cell::new("a|b"),
                Cell {
                    text: "0.5".to_owned(),
                    small: "0.4–0.6".to_owned(),
                    best: true,
                },
            ]],
            marked: BTreeSet::new(),
        };
        let markdown = "### A & B\n\n| run | mAP |\n|---|---|\n| a\\|b | **0.5** (0.4–0.6) |\n\n";
        assert_eq!(grid.markdown(), markdown);
        let html = grid.html();
        assert!(
            html.contains("<td class=\"best\">0.5 <small>0.4–0.6</small></td>"),
            "{html}"
        );
        assert!(html.contains("A &amp; B"));
    }

    #[test]
    fn metrics_and_times_read_well() {
        assert_eq!(spoken("precision_at_1"), "precision@1");
        assert_eq!(time(83.21), "83.2 s");
        assert_eq!(time(125.9), "2 min 05 s");
        assert_eq!(time(7260.0), "2 h 01 min");
    }
}
