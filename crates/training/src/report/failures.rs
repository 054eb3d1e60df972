//! Mistakes by their kind.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::pictures::{Frame, Pictures};
use super::read::{Board, QueryResult, RunFolder, directions};
use super::short::short;
use super::tables::{Cell, Grid};
use crate::Error;
use crate::page::escaped;

/// Confusions that are listed, and the worst queries that are shown of each kind.
const CONFUSIONS: usize = 8;
const SHOWN: usize = 6;

/// What went wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// No relevant picture is among the first ones that are kept.
    Nothing,
    /// The first relevant picture stands behind others.
    Late,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Nothing, Self::Late];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing relevant in the top 10",
            Self::Late => "a relevant picture, but not first",
        }
    }

    fn of(query: &QueryResult) -> Option<Self> {
        if query.ranked.is_empty() {
            return None;
        }
        match query.ranked.iter().position(|image| image.relevant) {
            None => Some(Self::Nothing),
            Some(0) => None,
            Some(_) => Some(Self::Late),
        }
    }
}

/// Of a query whose first result is wrong: its label and the label that was found.
fn confusion(query: &QueryResult) -> Option<(&str, &str)> {
    let first = query.ranked.first().filter(|image| !image.relevant)?;
    let (own, other) = (query.label.as_deref()?, first.label.as_deref()?);
    (own != other).then_some((own, other))
}

/// Confused labels by falling count.
fn confusions(board: &Board) -> Vec<((&str, &str), usize)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for pair in board.queries.iter().filter_map(confusion) {
        *counts.entry(pair).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts
}

/// A table of kinds for each direction.
pub(super) fn grids(runs: &[RunFolder]) -> Vec<Grid> {
    let of_direction = |direction: String| {
        let heads = [
            "run",
            Kind::Nothing.name(),
            Kind::Late.name(),
            "most confused",
        ];
        let mut grid = Grid {
            title: direction.clone(),
            heads: heads.map(str::to_owned).to_vec(),
            ..Grid::default()
        };
        for run in runs {
            let Some(board) = run
                .board(&direction)
                .filter(|board| !board.queries.is_empty())
            else {
                continue;
            };
            let mut row = vec![Cell::new(&run.name)];
            for kind in Kind::ALL {
                let count = board
                    .queries
                    .iter()
                    .filter(|q| Kind::of(q) == Some(kind))
                    .count();
                let share = 100.0 * count as f64 / board.queries.len() as f64;
                row.push(Cell {
                    text: count.to_string(),
                    small: format!("{share:.1} %"),
                    best: false,
                });
            }
            let most = confusions(board);
            let most = most
                .iter()
                .take(3)
                .map(|((own, other), n)| format!("{own} as {other}: {n}"));
            row.push(Cell::new(most.collect::<Vec<_>>().join(", ")));
            grid.rows.push(row);
        }
        grid
    };
    let grids = directions(runs).into_iter().map(of_direction);
    grids.filter(|grid| !grid.rows.is_empty()).collect()
}

/// The section; empty when no run has ranked lists.
pub(super) fn section(runs: &[RunFolder], pictures: &mut Pictures) -> Result<String, Error> {
    let mut text: String = grids(runs).iter().map(Grid::html).collect();
    for direction in directions(runs) {
        for run in runs {
            let Some(board) = run.board(&direction) else {
                continue;
            };
            let title = match direction.as_str() {
                "" => run.name.clone(),
                direction => format!("{}, {direction}", run.name),
            };
            let inner = of_run(run, board, pictures)?;
            if !inner.is_empty() {
                let title = escaped(&title);
                let _ = writeln!(
                    text,
                    "<details><summary>{title}</summary>\n{inner}</details>"
                );
            }
        }
    }
    Ok(text)
}

fn of_run(run: &RunFolder, board: &Board, pictures: &mut Pictures) -> Result<String, Error> {
    let mut text = String::new();
    let confused = confusions(board);
    if !confused.is_empty() {
        text.push_str("<h3>Confused</h3>\n<ul>\n");
        for ((own, other), count) in confused.iter().take(CONFUSIONS) {
            let (own, other) = (escaped(own), escaped(other));
            let _ = writeln!(text, "<li>{own} taken for {other}: {count}</li>");
        }
        text.push_str("</ul>\n");
    }
    for kind in Kind::ALL {
        let mut failed: Vec<&QueryResult> = board
            .queries
            .iter()
            .filter(|query| Kind::of(query) == Some(kind))
            .collect();
        failed.sort_by(|a, b| {
            a.average_precision
                .total_cmp(&b.average_precision)
                .then(a.query.cmp(&b.query))
        });
        if failed.is_empty() {
            continue;
        }
        let _ = writeln!(
            text,
            "<h3>{}: {}</h3>\n<div class=\"strip\">",
            kind.name(),
            failed.len()
        );
        for query in failed.into_iter().take(SHOWN) {
            pair(&mut text, run, query, pictures)?;
        }
        text.push_str("</div>\n");
    }
    Ok(text)
}

/// A query beside what was found first.
fn pair(
    text: &mut String,
    run: &RunFolder,
    query: &QueryResult,
    pictures: &mut Pictures,
) -> Result<(), Error> {
    let label = |label: &Option<String>, name: &str| match label {
        Some(label) => label.clone(),
        None => short(name).to_owned(),
    };
    let own = format!("query: {}", label(&query.label, &query.query));
    text.push_str("<div class=\"strip line\">");
    text.push_str(&pictures.tile(run.picture(&query.query), &query.query, Frame::Plain, &own)?);
    if let Some(first) = query.ranked.first() {
        let place = query.ranked.iter().position(|image| image.relevant);
        let right = place.map_or_else(String::new, |at| format!(", first right one at {}", at + 1));
        let caption = format!("found: {}{right}", label(&first.label, first.found()));
        text.push_str(&pictures.tile(
            run.picture(first.found()),
            first.found(),
            Frame::Miss,
            &caption,
        )?);
    }
    text.push_str("</div>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::read::RankedImage;
    use super::*;

    fn query(relevant: &[bool]) -> QueryResult {
        let image = |&relevant: &bool| RankedImage {
            label: Some(if relevant { "coast" } else { "street" }.to_owned()),
            relevant,
            ..RankedImage::default()
        };
        QueryResult {
            label: Some("coast".to_owned()),
            ranked: relevant.iter().map(image).collect(),
            ..QueryResult::default()
        }
    }

    #[test]
    fn failures_are_told_apart() {
        assert_eq!(Kind::of(&query(&[true, false])), None);
        assert_eq!(Kind::of(&query(&[false, true])), Some(Kind::Late));
        assert_eq!(Kind::of(&query(&[false, false])), Some(Kind::Nothing));
        assert_eq!(Kind::of(&query(&[])), None);
        assert_eq!(confusion(&query(&[false, true])), Some(("coast", "street")));
        assert_eq!(confusion(&query(&[true])), None);
    }
}
