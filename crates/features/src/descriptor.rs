//! The SIFT descriptor (Lowe 2004, section 6) and its RootSIFT form (Arandjelović & Zisserman 2012).
//!
//! The order of the 128 values is OpenCV's: rows of the rotated window, columns, then eight directions that turn from
//! the keypoint's own against the (downward) y axis.

use std::f32::consts::TAU;

use vizsla_pixels::Plane;

use crate::keypoint::Descriptor;

/// Cells along a side.
const CELLS: usize = 4;
/// Directions per cell.
const DIRECTIONS: usize = 8;
/// Side of a cell over the keypoint's sigma.
const CELL_SIDE: f32 = 3.0;
/// Largest share of one value in the normalised vector.
const CLIP: f32 = 0.2;
/// From unit length to 8 bits.
const QUANTUM: f32 = 512.0;

/// Where a descriptor is read: position and sigma in pixels of the plane, angle in radians, y down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) sigma: f32,
    pub(crate) angle: f32,
}

/// Describes one window of a Gaussian plane.
pub(crate) fn describe(plane: &Plane, window: &Window, root: bool) -> Descriptor {
    let histogram = accumulate(plane, window);
    quantise(&histogram, root)
}

fn accumulate(plane: &Plane, window: &Window) -> [f32; 128] {
    let mut bins = [0.0f32; 128];
    let side = CELL_SIDE * window.sigma;
    let (width, height) = (plane.width() as isize, plane.height() as isize);
    let diagonal = ((width * width + height * height) as f32).sqrt();
    let reach = (side * 1.414_213_6 * (CELLS as f32 + 1.0) * 0.5)
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
fn spread(bins: &mut [f32; 128], r: f32, c: f32, turn: f32, magnitude: f32) {
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

/// Normalises, clips and quantises; an empty window stays all zero.
fn quantise(bins: &[f32; 128], root: bool) -> Descriptor {
    let norm = bins.iter().map(|v| v * v).sum::<f32>().sqrt();
    let clip = norm * CLIP;
    let clipped: [f32; 128] = std::array::from_fn(|i| bins[i].min(clip));
    if root {
        let sum = clipped.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        std::array::from_fn(|i| (QUANTUM * (clipped[i] / sum).sqrt()).round() as u8)
    } else {
        let norm = clipped
            .iter()
            .map(|v| v * v)
            .sum::<f32>()
            .sqrt()
            .max(f32::MIN_POSITIVE);
        std::array::from_fn(|i| (QUANTUM * clipped[i] / norm).round() as u8)
    }
}
