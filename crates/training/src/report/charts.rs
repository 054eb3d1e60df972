//! Curves as drawings inside the page.

use std::fmt::Write;

use super::read::{RunFolder, Table, directions};
use crate::page::escaped;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
/// Left, top, right, bottom.
const MARGINS: [f64; 4] = [52.0, 26.0, 14.0, 38.0];
/// Colours of the style sheet; after them lines are dashed.
const COLOURS: usize = 8;
const DASHES: [&str; 3] = ["", "7 4", "2 3"];

/// A line of a chart.
struct Line<'a> {
    /// Number of the run.
    run: usize,
    name: &'a str,
    points: Vec<[f64; 2]>,
}

struct Chart<'a> {
    title: &'a str,
    /// Name of the horizontal axis; the title names the other.
    x: &'a str,
    /// Whether both axes go from 0 to 1.
    unit: bool,
}

/// Precision over recall for each direction, loss and validation over epochs; empty when there is nothing to draw.
pub(super) fn section(runs: &[RunFolder]) -> String {
    let mut charts = String::new();
    for direction in directions(runs) {
        let lines = lines(runs, &|run| {
            run.board(&direction)
                .map(|b| b.precision_recall.clone())
                .unwrap_or_default()
        });
        let title = match direction.as_str() {
            "" => "Precision over recall".to_owned(),
            direction => format!("Precision over recall, {direction}"),
        };
        let chart = Chart {
            title: &title,
            x: "recall",
            unit: true,
        };
        charts.push_str(&chart.draw(&lines));
    }
    let over_epochs = |title: &str, y: &str, of: &dyn Fn(&RunFolder) -> &Table| {
        let chart = Chart {
            title,
            x: "epoch",
            unit: false,
        };
        chart.draw(&lines(runs, &|run| column(of(run), y)))
    };
    charts.push_str(&over_epochs("Loss while training", "loss", &|run| &run.log));
    charts.push_str(&over_epochs(
        "Mean average precision on validation",
        "map",
        &|run| &run.validation,
    ));
    charts.push_str(&over_epochs(
        "Share of active examples",
        "active_share",
        &|run| &run.log,
    ));
    if charts.is_empty() {
        return charts;
    }
    format!(
        "<p>{}</p>\n<div class=\"charts\">\n{charts}</div>\n",
        keys(runs)
    )
}

fn lines<'a>(runs: &'a [RunFolder], points: &dyn Fn(&RunFolder) -> Vec<[f64; 2]>) -> Vec<Line<'a>> {
    let line = |(number, run): (usize, &'a RunFolder)| Line {
        run: number,
        name: &run.name,
        points: points(run),
    };
    let lines = runs.iter().enumerate().map(line);
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// A column over the epochs, or over the rows where there are none.
fn column(table: &Table, name: &str) -> Vec<[f64; 2]> {
    let Some(values) = table.0.get(name) else {
        return Vec::new();
    };
    let epochs = table.0.get("epoch");
    let epoch = |row: usize| {
        epochs
            .and_then(|e| e.get(row).copied())
            .unwrap_or(row as f64)
    };
    let points = values
        .iter()
        .enumerate()
        .map(|(row, &value)| [epoch(row), value]);
    points
        .filter(|point| point.iter().all(|v| v.is_finite()))
        .collect()
}

fn stroke(run: usize) -> String {
    let dash = match DASHES[run / COLOURS % DASHES.len()] {
        "" => String::new(),
        dash => format!(";stroke-dasharray:{dash}"),
    };
    format!("stroke:var(--s{}){dash}", run % COLOURS)
}

fn keys(runs: &[RunFolder]) -> String {
    let mut text = String::new();
    for (number, run) in runs.iter().enumerate() {
        let _ = write!(
            text,
            "<span class=\"key\"><i style=\"color:var(--s{})\"></i>{}</span>",
            number % COLOURS,
            escaped(&run.name)
        );
    }
    text
}

impl Chart<'_> {
    fn draw(&self, lines: &[Line<'_>]) -> String {
        let Some([x_ends, y_ends]) = self.ends(lines) else {
            return String::new();
        };
        let [left, top, right, bottom] = MARGINS;
        let x = |value: f64| {
            left + (value - x_ends[0]) / (x_ends[1] - x_ends[0]) * (WIDTH - left - right)
        };
        let y = |value: f64| {
            HEIGHT
                - bottom
                - (value - y_ends[0]) / (y_ends[1] - y_ends[0]) * (HEIGHT - top - bottom)
        };
        let mut text = format!(
            "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\">\n\
             <text x=\"{left}\" y=\"16\" style=\"fill:var(--ink);font-weight:600\">{0}</text>\n",
            escaped(self.title)
        );
        for value in ticks(y_ends) {
            let at = y(value);
            let _ = writeln!(
                text,
                "<path class=\"axis\" d=\"M{left} {at:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - right,
                left - 6.0,
                at + 4.0,
                number(value)
            );
        }
        for value in ticks(x_ends) {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(value),
                HEIGHT - bottom + 16.0,
                number(value)
            );
        }
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - right,
            HEIGHT - 5.0,
            escaped(self.x)
        );
        for line in lines {
            text.push_str(&drawn(line, &x, &y));
        }
        text.push_str("</svg></figure>\n");
        text
    }

    /// The ends of both axes.
    fn ends(&self, lines: &[Line<'_>]) -> Option<[[f64; 2]; 2]> {
        let points = || lines.iter().flat_map(|line| &line.points);
        points().next()?;
        if self.unit {
            return Some([[0.0, 1.0]; 2]);
        }
        let ends = |axis: usize| {
            let low = points().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
            let high = points().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
            match high > low {
                true => [low, high],
                false => [low - 0.5, high + 0.5],
            }
        };
        let [x, [low, high]] = [ends(0), ends(1)];
        let room = 0.06 * (high - low);
        Some([x, [low - room, high + room]])
    }
}

fn drawn(line: &Line<'_>, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let style = stroke(line.run);
    let name = escaped(line.name);
    if let [point] = line.points[..] {
        let (x, y) = (x(point[0]), y(point[1]));
        return format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" style=\"fill:var(--s{})\"><title>{name}</title></circle>\n",
            line.run % COLOURS
        );
    }
    let mut path = String::new();
    for (at, point) in line.points.iter().enumerate() {
        let letter = if at == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", x(point[0]), y(point[1]));
    }
    format!("<path class=\"curve\" style=\"{style}\" d=\"{path}\"><title>{name}</title></path>\n")
}

/// Four to eight round numbers between the ends.
fn ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    let step = steps
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(power);
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last.min(first + 12))
        .map(|n| n as f64 * step)
        .collect()
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" | "" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            ticks([0.0, 1.0])
                .iter()
                .map(|v| number(*v))
                .collect::<Vec<_>>(),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        let odd = ticks([0.313, 0.97]);
        assert!(
            odd.len() >= 3 && odd.iter().all(|v| (0.313..=0.97).contains(v)),
            "{odd:?}"
        );
        assert_eq!(number(20.0), "20");
        assert_eq!(number(-0.0), "0");
    }
}
