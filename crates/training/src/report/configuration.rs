//! The settings of all runs, and where they differ.

use std::collections::BTreeSet;

use super::read::RunFolder;
use super::tables::{Cell, Grid};

/// Settings that differ between runs, marked, and those that do not.
pub(super) fn grids(runs: &[RunFolder]) -> (Grid, Grid) {
    let grid = |title: &str| Grid {
        title: title.to_owned(),
        heads: vec!["setting".to_owned()],
        ..Grid::default()
    };
    let (mut differing, mut same) = (grid("What differs"), grid("What is the same"));
    if runs.len() < 2 {
        same.title.clear();
    }
    differing
        .heads
        .extend(runs.iter().map(|run| run.name.clone()));
    same.heads.push("value".to_owned());
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    for name in names {
        let values = runs.iter().map(|run| run.settings.get(name));
        let values: Vec<&str> = values
            .map(|value| value.map_or("–", String::as_str))
            .collect();
        if values.iter().all(|value| *value == values[0]) {
            same.rows.push(vec![Cell::new(name), Cell::new(values[0])]);
        } else {
            differing.marked.insert(differing.rows.len());
            let cells = values.into_iter().map(Cell::new);
            differing
                .rows
                .push([Cell::new(name)].into_iter().chain(cells).collect());
        }
    }
    (differing, same)
}

/// The settings as HTML; empty when no run tells them.
pub(super) fn section(runs: &[RunFolder]) -> String {
    let (differing, mut same) = grids(runs);
    let mut text = String::new();
    if !differing.rows.is_empty() {
        text.push_str(&differing.html());
    }
    if !same.rows.is_empty() && runs.len() > 1 {
        same.title.clear();
        let summary = format!("{} settings are the same in all runs", same.rows.len());
        text.push_str(&format!(
            "<details><summary>{summary}</summary>\n{}</details>\n",
            same.html()
        ));
    } else if !same.rows.is_empty() {
        text.push_str(&same.html());
    }
    text
}
