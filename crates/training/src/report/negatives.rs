//! The hardest negatives that training met, as pictures.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::ReportOptions;
use super::pictures::{Frame, Pictures};
use super::read::{HardTriplet, MinedEpoch, RunFolder};
use super::short::short;
use crate::Error;
use crate::page::escaped;

/// The section; empty when no run has mined.
pub(super) fn section(
    runs: &[RunFolder],
    options: &ReportOptions,
    pictures: &mut Pictures,
) -> Result<String, Error> {
    let mut text = String::new();
    for run in runs {
        let (Some(first), Some(last)) = (filled(run).next(), filled(run).last()) else {
            continue;
        };
        let _ = writeln!(text, "<h3>{}</h3>", escaped(&run.name));
        epoch(&mut text, run, last, options.negatives, pictures)?;
        if first.epoch != last.epoch {
            let mut inner = String::new();
            epoch(&mut inner, run, first, options.negatives / 2, pictures)?;
            let _ = writeln!(
                text,
                "<details><summary>At the beginning</summary>\n{inner}</details>"
            );
        }
    }
    if !text.is_empty() {
        let note = "Anchor, positive and the negative that was nearer than it should be, with their similarities to the \
                    anchor. A negative that shows the same as its anchor is a wrong label.";
        text.insert_str(0, &format!("<p class=\"soft\">{note}</p>\n"));
    }
    Ok(text)
}

fn filled(run: &RunFolder) -> impl Iterator<Item = &MinedEpoch> {
    run.mined.iter().filter(|epoch| !epoch.hardest.is_empty())
}

fn epoch(
    text: &mut String,
    run: &RunFolder,
    epoch: &MinedEpoch,
    count: usize,
    pictures: &mut Pictures,
) -> Result<(), Error> {
    let _ = writeln!(
        text,
        "<p class=\"soft\">Epoch {}</p>\n<div class=\"strip\">",
        epoch.epoch
    );
    for triplet in hardest(epoch, count) {
        let similarity = |at: usize| match triplet.similarities.get(at) {
            Some(value) => format!(" {value:.3}"),
            None => String::new(),
        };
        text.push_str("<div class=\"strip line\">");
        let path = run.picture(&triplet.anchor);
        // A sentence stands in the place of the picture.
        let anchor = match path.is_file() {
            true => format!("anchor {}", short(&triplet.anchor)),
            false => "anchor".to_owned(),
        };
        text.push_str(&pictures.tile(path, &triplet.anchor, Frame::Plain, &anchor)?);
        if let Some(positive) = &triplet.positive {
            let caption = format!("positive{}", similarity(0));
            text.push_str(&pictures.tile(run.picture(positive), positive, Frame::Hit, &caption)?);
        }
        let caption = format!("negative{}", similarity(1));
        let path = run.picture(&triplet.negative);
        text.push_str(&pictures.tile(path, &triplet.negative, Frame::Miss, &caption)?);
        text.push_str("</div>\n");
    }
    text.push_str("</div>\n");
    Ok(())
}

/// Those nearest to their anchors, each pair of anchor and negative once.
fn hardest(epoch: &MinedEpoch, count: usize) -> Vec<&HardTriplet> {
    let nearness = |triplet: &HardTriplet| triplet.similarities.get(1).copied().unwrap_or(0.0);
    let mut all: Vec<&HardTriplet> = epoch.hardest.iter().collect();
    all.sort_by(|a, b| {
        let names = |t: &HardTriplet| (t.anchor.clone(), t.negative.clone());
        nearness(b)
            .total_cmp(&nearness(a))
            .then_with(|| names(a).cmp(&names(b)))
    });
    let mut seen = BTreeSet::new();
    all.retain(|triplet| seen.insert((&triplet.anchor, &triplet.negative)));
    all.truncate(count);
    all
}
