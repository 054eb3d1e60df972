//! Shrinking for the hashes, to the bit as the imaging library of Python does it, on which hashes of other programs
//! rest: Lanczos' kernel of three lobes, columns and rows rounded one after the other.

use std::f64::consts::PI;

use vizsla_pixels::Gray;

const LOBES: f64 = 3.0;
/// Fractional bits of the weights.
const BITS: u32 = 22;

/// Weights of the source values that one target value is made of.
struct Window {
    start: usize,
    weights: Vec<i64>,
}

/// The image at another size, at least 1 × 1, row after row.
pub(super) fn shrink(image: &Gray, width: usize, height: usize) -> Vec<u8> {
    let across = resample(image.data(), image.width(), image.height(), width);
    let upright = transpose(&across, width, image.height());
    let down = resample(&upright, image.height(), width, height);
    transpose(&down, height, width)
}

fn transpose(data: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    for x in 0..width {
        out.extend((0..height).map(|y| data[y * width + x]));
    }
    out
}

/// Rows of `from` values become rows of `to`.
fn resample(data: &[u8], from: usize, rows: usize, to: usize) -> Vec<u8> {
    if from == to {
        return data.to_vec();
    }
    let windows: Vec<Window> = (0..to).map(|target| window(from, to, target)).collect();
    let mut out = Vec::with_capacity(rows * to);
    for row in data.chunks_exact(from) {
        for window in &windows {
            let values = row[window.start..].iter().zip(&window.weights);
            let sum: i64 = values.map(|(&v, w)| i64::from(v) * w).sum();
            out.push(((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8);
        }
    }
    out
}

fn window(from: usize, to: usize, target: usize) -> Window {
    let scale = from as f64 / to as f64;
    let spread = scale.max(1.0);
    let centre = (target as f64 + 0.5) * scale;
    let start = (centre - LOBES * spread + 0.5).max(0.0) as usize;
    let end = ((centre + LOBES * spread + 0.5) as usize).min(from);
    let raw: Vec<f64> = (start..end)
        .map(|source| kernel((source as f64 - centre + 0.5) / spread))
        .collect();
    let sum: f64 = raw.iter().sum();
    let fixed = |w: f64| (w / sum * f64::from(1u32 << BITS)).round() as i64;
    Window {
        start,
        weights: raw.into_iter().map(fixed).collect(),
    }
}

fn kernel(x: f64) -> f64 {
    if x.abs() >= LOBES {
        return 0.0;
    }
    sinc(x) * sinc(x / LOBES)
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    (PI * x).sin() / (PI * x)
}
