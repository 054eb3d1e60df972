//! The descriptor by its definition: every pixel of the window is a sample, spread among the eight bins around it.

use std::f32::consts::TAU;

use vizsla_pixels::Plane;

use super::layout::{CELL_SIDE, CELLS, DIRECTIONS, Histogram, Window, quantise};
use crate::keypoint::Descriptor;

/// As [`super::describe`], slowly.
pub(super) fn describe(plane: &Plane, window: &Window, root: bool) -> Descriptor {
    quantise(&accumulate(plane, window), root)
}

fn accumulate(plane: &Plane, window: &Window) -> Histogram {
    let mut bins = [0.0f32; 128];
    let side = CELL_SIDE * window.sigma;
    let (width, height) = (plane.width() as isize, plane.height() as isize);
    let diagonal = ((width * width + height * height) as f32).sqrt();
    let reach = (side * std::f32::consts::SQRT_2 * (CELLS as f32 + 1.0) * 0.5)
        .min(diagonal)
        .round() as isize;
    let (sin, cos) = window.angle.sin_cos();
    let (sin, cos) = (sin / side, cos / side);
    let (cx, cy) = (window.x.round() as isize, window.y.round() as isize);
    for y in (cy - reach).max(1)..=(cy + reach).min(height - 2) {
        let dy = y as f32 - window.y;
        let (above, here, below) = (
            plane.row(y as usize - 1),
            plane.row(y as usize),
            plane.row(y as usize + 1),
        );
        for x in (cx - reach).max(1)..=(cx + reach).min(width - 2) {
            let dx = x as f32 - window.x;
            let (column, row) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let (c, r) = (column + 1.5, row + 1.5);
            if c <= -1.0 || c >= CELLS as f32 || r <= -1.0 || r >= CELLS as f32 {
                continue;
            }
            let i = x as usize;
            let (gx, gy) = (here[i + 1] - here[i - 1], above[i] - below[i]);
            let weight = (-0.125 * (column * column + row * row)).exp();
            let turn = (gy.atan2(gx) + window.angle) * (DIRECTIONS as f32 / TAU);
            spread(&mut bins, r, c, turn, weight * (gx * gx + gy * gy).sqrt());
        }
    }
    bins
}

/// Shares a sample among the eight bins around it.
fn spread(bins: &mut Histogram, r: f32, c: f32, turn: f32, magnitude: f32) {
    let (r0, c0, t0) = (r.floor(), c.floor(), turn.floor());
    let (fr, fc, ft) = (r - r0, c - c0, turn - t0);
    let t0 = t0.rem_euclid(DIRECTIONS as f32) as usize % DIRECTIONS;
    for (row, wr) in [(r0, 1.0 - fr), (r0 + 1.0, fr)] {
        for (column, wc) in [(c0, 1.0 - fc), (c0 + 1.0, fc)] {
            if row < 0.0 || column < 0.0 || row >= CELLS as f32 || column >= CELLS as f32 {
                continue;
            }
            let base = (row as usize * CELLS + column as usize) * DIRECTIONS;
            let share = magnitude * wr * wc;
            bins[base + t0] += share * (1.0 - ft);
            bins[base + (t0 + 1) % DIRECTIONS] += share * ft;
        }
    }
}
