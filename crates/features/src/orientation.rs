//! Dominant gradient directions around a blob (Lowe 2004, section 5), with OpenCV's window and smoothing.

use std::f32::consts::TAU;

use vizsla_pixels::Plane;

use crate::dog::Blob;

const BINS: usize = 36;
/// Standard deviation of the window over the blob's.
const WINDOW: f32 = 1.5;
/// Peaks of at least this share of the highest one make a keypoint of their own.
const PEAK_SHARE: f32 = 0.8;

/// The directions of a blob in radians `[0, 2π)`, y down, in ascending order of their bin.
pub(crate) fn orientations(plane: &Plane, blob: &Blob) -> Vec<f32> {
    let raw = histogram(plane, blob);
    let at = |i: usize| raw[i % BINS];
    let smooth: [f32; BINS] = std::array::from_fn(|i| {
        (at(i + BINS - 2) + at(i + 2)) / 16.0 + (at(i + BINS - 1) + at(i + 1)) / 4.0 + at(i) * 0.375
    });
    let highest = smooth.iter().copied().fold(0.0f32, f32::max);
    let mut found = Vec::new();
    if highest <= 0.0 {
        return found;
    }
    for i in 0..BINS {
        let (left, here, right) = (
            smooth[(i + BINS - 1) % BINS],
            smooth[i],
            smooth[(i + 1) % BINS],
        );
        if here > left && here > right && here >= PEAK_SHARE * highest {
            let bin = i as f32 + 0.5 * (left - right) / (left - 2.0 * here + right);
            let angle = (bin * (TAU / BINS as f32)).rem_euclid(TAU);
            found.push(if angle < TAU { angle } else { 0.0 });
        }
    }
    found
}

fn histogram(plane: &Plane, blob: &Blob) -> [f32; BINS] {
    let mut bins = [0.0; BINS];
    let spread = WINDOW * blob.sigma;
    let radius = (3.0 * spread).round() as isize;
    let (cx, cy) = (blob.x.round() as isize, blob.y.round() as isize);
    let (width, height) = (plane.width() as isize, plane.height() as isize);
    let falloff = -0.5 / (spread * spread);
    for y in (cy - radius).max(1)..=(cy + radius).min(height - 2) {
        let (above, here, below) = (
            plane.row(y as usize - 1),
            plane.row(y as usize),
            plane.row(y as usize + 1),
        );
        for x in (cx - radius).max(1)..=(cx + radius).min(width - 2) {
            let i = x as usize;
            let (dx, dy) = (here[i + 1] - here[i - 1], below[i] - above[i]);
            let distance = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) as f32;
            let bin = (dy.atan2(dx) * (BINS as f32 / TAU)).round() as isize;
            bins[bin.rem_euclid(BINS as isize) as usize] +=
                (distance * falloff).exp() * (dx * dx + dy * dy).sqrt();
        }
    }
    bins
}
