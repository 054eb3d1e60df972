//! The contact sheet of the demo: a query in each row, then what was found for it.

use anyhow::Result;
use vizsla_features::Transform;
use vizsla_pixels::{Color, ContactSheet, Rgb, Tile};
use vizsla_retrieval::{Hit, Verdict};

use super::answer::Answer;
use crate::demo::render::DemoSet;

/// Results shown beside a query.
const RESULTS: usize = 3;
/// Rows of the sheet.
const ROWS: usize = 7;
const RIGHT: Color = [0, 158, 115];
const WRONG: Color = [213, 94, 0];
const UNCLAIMED: Color = [170, 170, 170];

/// Draws one query of each hardship with its best results.
pub(super) fn draw(set: &DemoSet, answers: &[Answer]) -> Result<Rgb> {
    let mut kinds: Vec<&str> = Vec::new();
    for answer in answers {
        if !kinds.contains(&answer.query.kind) {
            kinds.push(answer.query.kind);
        }
    }
    let mut rows = Vec::new();
    for (place, kind) in kinds.into_iter().take(ROWS).enumerate() {
        // Another photograph in every row.
        let same: Vec<&Answer> = answers.iter().filter(|a| a.query.kind == kind).collect();
        if let Some(answer) = same.get(place * 3 % same.len().max(1)) {
            rows.push(row(set, answer)?);
        }
    }
    let sheet = ContactSheet {
        headline: "query, then what was found: green is a match that is right".to_owned(),
        tile_side: 260,
        rows,
    };
    Ok(sheet.draw()?)
}

fn row(set: &DemoSet, answer: &Answer) -> Result<Vec<Tile>> {
    let mut query = answer.query.image.clone();
    if let Some(frame) = answer.hits.first().and_then(frame_in_query) {
        outline(&mut query, &frame);
    }
    let mut tiles = vec![Tile {
        image: query,
        caption: vec![answer.query.kind.to_owned(), "query".to_owned()],
        frame: None,
    }];
    for hit in answer.hits.iter().take(RESULTS) {
        let name = hit.path.file_stem().unwrap_or_default().to_string_lossy();
        let Some((_, picture)) = set.gallery.iter().find(|(known, _)| *known == *name) else {
            continue;
        };
        tiles.push(tile(
            hit,
            &name,
            picture.clone(),
            answer.query.truth == *name,
        ));
    }
    Ok(tiles)
}

fn tile(hit: &Hit, name: &str, mut picture: Rgb, right: bool) -> Tile {
    let matched = hit.verdict == Verdict::Match;
    let mut caption = vec![name.to_owned()];
    match &hit.agreement {
        Some(agreement) if matched => {
            let [x, y, w, h] = corners(&agreement.gallery_box);
            outline(&mut picture, &[(x, y), (w, y), (w, h), (x, h)]);
            caption.push(format!("match, {} inliers", agreement.inliers));
        }
        _ => caption.push("no match".to_owned()),
    }
    let frame = match (matched, right) {
        (true, true) => RIGHT,
        (true, false) => WRONG,
        (false, _) => UNCLAIMED,
    };
    Tile {
        image: picture,
        caption,
        frame: Some(frame),
    }
}

/// Where the frame of a matched picture lies in the query.
fn frame_in_query(hit: &Hit) -> Option<Vec<(f32, f32)>> {
    let agreement = hit
        .agreement
        .as_ref()
        .filter(|_| hit.verdict == Verdict::Match)?;
    let back = Transform(agreement.transform).inverse()?;
    let (right, bottom) = (f64::from(hit.width), f64::from(hit.height));
    [(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)]
        .iter()
        .map(|&(x, y)| back.apply(x, y).map(|(x, y)| (x as f32, y as f32)))
        .collect()
}

/// Left, top, right and bottom of a box.
fn corners(region: &vizsla_retrieval::Region) -> [f32; 4] {
    let (right, bottom) = (region.x + region.width, region.y + region.height);
    [region.x, region.y, right, bottom].map(|v| v as f32)
}

fn outline(picture: &mut Rgb, corners: &[(f32, f32)]) {
    let thickness = (picture.width().max(picture.height()) as f32 / 130.0).max(2.0);
    picture.polyline(corners, true, RIGHT, thickness);
}
