//! Maps of the descriptors of each run, coloured by label.

use std::fmt::Write;

use vizsla_evaluation::{Legend, MapItem, project, trustworthiness};
use vizsla_retrieval::Reporter;

use super::ReportOptions;
use super::read::{Embeddings, RunFolder};
use super::short::short;
use crate::page::escaped;

/// Points of a map at most; of more every n-th is shown.
const POINTS: usize = 3000;
/// Neighbours on the map that are checked against the truth.
const NEIGHBOURS: usize = 10;
/// Side of the drawing and its margin, in its own units.
const SIDE: f32 = 480.0;
const MARGIN: f32 = 12.0;

/// The section; empty when no run has descriptors, or no maps are wanted.
pub(super) fn section(
    runs: &[RunFolder],
    options: &ReportOptions,
    reporter: &dyn Reporter,
) -> String {
    let Some(method) = options.map else {
        return String::new();
    };
    let mut maps = String::new();
    // Runs of one data set share their labels, others have their own.
    let mut shown: Vec<(String, String)> = Vec::new();
    for run in runs {
        let Some(embeddings) = &run.embeddings else {
            continue;
        };
        let (items, samples) = thinned(embeddings);
        let drawn = project(
            &samples,
            embeddings.dimension,
            method,
            options.seed,
            reporter,
        );
        let name = escaped(&run.name);
        match drawn {
            Ok(plane) => {
                let trust = trustworthiness(&samples, embeddings.dimension, &plane, NEIGHBOURS);
                let trust = trust.map_or_else(String::new, |t| format!(", trustworthiness {t:.3}"));
                let legend = Legend::of(&items);
                let _ = writeln!(
                    maps,
                    "<figure>{}<figcaption>{name}: {} points{trust}</figcaption></figure>",
                    scatter(&items, &plane, &legend, &run.name),
                    items.len()
                );
                let key = keys(&legend);
                if shown.iter().all(|(_, other)| *other != key) {
                    shown.push((name, key));
                }
            }
            Err(error) => {
                let why = escaped(&error.to_string());
                let _ = writeln!(maps, "<p class=\"soft\">{name}: no map, {why}</p>");
            }
        }
    }
    let several = shown.len() > 1;
    let key = |(run, key): &(String, String)| match several {
        true => format!("<p>{run}: {key}</p>\n"),
        false => format!("<p>{key}</p>\n"),
    };
    let keys: String = shown.iter().map(key).collect();
    match maps.is_empty() {
        true => maps,
        false => format!("{keys}<div class=\"charts\">\n{maps}</div>\n"),
    }
}

/// As many pictures as a map shows, evenly, with their vectors.
fn thinned(embeddings: &Embeddings) -> (Vec<MapItem>, Vec<f32>) {
    let step = embeddings.images.len().div_ceil(POINTS).max(1);
    let rows = embeddings.vectors.chunks_exact(embeddings.dimension);
    let mut samples = Vec::new();
    let mut items = Vec::new();
    for (image, row) in embeddings.images.iter().zip(rows).step_by(step) {
        samples.extend_from_slice(row);
        items.push(MapItem {
            position: [0.0; 2],
            path: image.image.clone(),
            label: image.label.clone().filter(|label| !label.is_empty()),
            caption: String::new(),
        });
    }
    (items, samples)
}

fn scatter(items: &[MapItem], plane: &[[f32; 2]], legend: &Legend, name: &str) -> String {
    let ends = |axis: usize| {
        let values = plane.iter().map(|point| point[axis]);
        let low = values.clone().fold(f32::INFINITY, f32::min);
        (low, values.fold(f32::NEG_INFINITY, f32::max))
    };
    let ((left, right), (low, high)) = (ends(0), ends(1));
    let extent = (right - left).max(high - low).max(f32::MIN_POSITIVE);
    let zoom = (SIDE - 2.0 * MARGIN) / extent;
    // The shorter extent lies in the middle.
    let pad = |from: f32, to: f32| MARGIN + 0.5 * (extent - (to - from)) * zoom;
    let (pad_x, pad_y) = (pad(left, right), pad(low, high));
    let mut text = format!(
        "<svg viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" aria-label=\"Map of {}\">\n",
        escaped(name)
    );
    for ((item, point), &entry) in items.iter().zip(plane).zip(&legend.of_item) {
        let (x, y) = (
            pad_x + (point[0] - left) * zoom,
            pad_y + (high - point[1]) * zoom,
        );
        let label = item.label.as_deref().unwrap_or("no label");
        let _ = writeln!(
            text,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\" fill-opacity=\"0.75\"><title>{} {}</title></circle>",
            colour(legend, entry),
            escaped(label),
            escaped(short(&item.path))
        );
    }
    text.push_str("</svg>");
    text
}

fn colour(legend: &Legend, entry: usize) -> String {
    let [r, g, b] = legend
        .entries
        .get(entry)
        .map_or([140; 3], |entry| entry.color);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn keys(legend: &Legend) -> String {
    let mut text = String::new();
    for (number, entry) in legend.entries.iter().enumerate() {
        let _ = write!(
            text,
            "<span class=\"key\"><i style=\"color:{};height:.7rem;width:.7rem;border-radius:50%\"></i>{}</span>",
            colour(legend, number),
            escaped(&entry.name)
        );
    }
    text
}
