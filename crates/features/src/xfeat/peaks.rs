//! Keypoints: peaks of the map of probabilities.

use super::cell::CELL;
use super::maps::{LOGITS, XfeatMaps};
use super::sampling;

/// Pixels around a peak that must not exceed it.
const AROUND: usize = 2;

/// A pixel of the network's picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    pub(super) x: u32,
    pub(super) y: u32,
    /// Its probability times its reliability, `(0, 1]`.
    pub(super) score: f32,
}

/// Peaks above the threshold, row by row. Neighbours that are equal are all peaks.
pub(super) fn find(maps: &XfeatMaps, threshold: f32) -> Vec<Peak> {
    let heat = probabilities(maps);
    let (width, height) = (CELL * maps.columns, CELL * maps.rows);
    let mut found = Vec::new();
    // The authors' program looks up the last column and row outside of the picture, and its list begins with (0, 0) as that
    // of an empty one.
    for y in 0..height - 1 {
        for x in 0..width - 1 {
            let value = heat[y * width + x];
            if !(value > threshold && (x, y) != (0, 0)) {
                continue;
            }
            let columns = x.saturating_sub(AROUND)..(x + AROUND + 1).min(width);
            let rows = y.saturating_sub(AROUND)..(y + AROUND + 1).min(height);
            let exceeded = |row: usize| {
                let line = &heat[row * width..][columns.clone()];
                line.iter().any(|&other| other > value)
            };
            if rows.into_iter().any(exceeded) {
                continue;
            }
            let (x, y) = (x as u32, y as u32);
            let score = value * sampling::reliability(maps, x, y);
            if score > 0.0 {
                found.push(Peak { x, y, score });
            }
        }
    }
    found
}

/// The probability of each pixel to be the keypoint of its cell, row by row.
fn probabilities(maps: &XfeatMaps) -> Vec<f32> {
    let (cells, width) = (maps.cells(), CELL * maps.columns);
    let mut heat = vec![0f32; cells * CELL * CELL];
    for row in 0..maps.rows {
        for column in 0..maps.columns {
            let cell = row * maps.columns + column;
            let logits: [f32; LOGITS] = std::array::from_fn(|i| maps.keypoints[i * cells + cell]);
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers = logits.map(|logit| (logit - most).exp());
            let sum: f32 = powers.iter().sum();
            for (y, line) in powers[..CELL * CELL].chunks_exact(CELL).enumerate() {
                let start = (row * CELL + y) * width + column * CELL;
                for (pixel, power) in heat[start..start + CELL].iter_mut().zip(line) {
                    *pixel = power / sum;
                }
            }
        }
    }
    heat
}
