//! The tables of a report as Markdown.

use super::compare::Comparison;
use super::read::RunFolder;
use super::{configuration, failures, tables};

/// All tables, with headings.
pub(super) fn render(runs: &[RunFolder], comparisons: &[Comparison]) -> String {
    let mut text = String::from("# Training runs\n\n## Results\n\n");
    for run in runs {
        for missing in &run.missing {
            text.push_str(&format!("{}: {missing}\n\n", run.name));
        }
    }
    for grid in tables::figures(runs) {
        text.push_str(&grid.markdown());
    }
    text.push_str(&format!("{}\n\n", tables::FIGURES));
    for grid in tables::significance(runs, comparisons) {
        text.push_str(&grid.markdown());
    }
    if !comparisons.is_empty() {
        text.push_str(&format!("{}\n\n", tables::DIFFERENCES));
    }
    let grids = failures::grids(runs);
    if !grids.is_empty() {
        text.push_str("## Failures\n\n");
    }
    for grid in grids {
        text.push_str(&grid.markdown());
    }
    let (differing, same) = configuration::grids(runs);
    if !differing.rows.is_empty() || !same.rows.is_empty() {
        text.push_str("## Configuration\n\n");
    }
    for grid in [differing, same] {
        if !grid.rows.is_empty() {
            text.push_str(&grid.markdown());
        }
    }
    text
}
