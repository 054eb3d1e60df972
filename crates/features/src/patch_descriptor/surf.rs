//! The descriptor of SURF (Bay, Ess, Tuytelaars & Van Gool, CVIU 2008), 64 numbers or the extended 128.
//!
//! A grid of 20 × 20 Haar wavelets, a scale apart and two scales wide, is weighted with a Gaussian of 3.3 scales and summed in
//! 4 × 4 cells: the responses along x and y, and their absolute values. Wavelets here read a patch by sums over fractions of pixels,
//! so that its side is free. Checked against a float64 program written from the paper (`tests/reference/surf.py`).
//!
//! The numbers have length 1 together and may be negative. The bytes are 128 + 256 · value for sums, and 256 · value for sums
//! of absolute values, rounded and cut to `[0, 255]`; so the Euclidean distance is 256 times that of the numbers. Only what
//! exceeds half of the whole length is cut. Of 64 numbers the other 64 bytes are zero.

use super::is_patch;
use crate::integral::PatchSums;
use crate::keypoint::Descriptor;

/// Side of the patch that [`describe`] wants, in scales of the keypoint: the descriptor's window of 12 and half a wavelet on
/// either side. The paper's scales, of which the window has 20, are 3/5 of these.
pub const SURF_EXTENT: f32 = 13.2;

/// The same in scales of the paper.
pub(super) const EXTENT: f64 = 22.0;

/// Wavelets along a side.
const SAMPLES: usize = 20;
/// Cells along a side.
const CELLS: usize = 4;
/// Standard deviation of the window, scales.
const WINDOW: f64 = 3.3;
/// From unit length to bytes.
const QUANTUM: f64 = 256.0;

/// Responses that are only rounding.
const NOTHING: f64 = 1e-6;

/// Describes a patch of at least 8 × 8 values. Each cell has Σdx, Σdy, Σ|dx|, Σ|dy|; `extended` splits the sums of dx by the sign of dy
/// and the other way round, first the negative one: Σdx, Σdx, Σ|dx|, Σ|dx|, Σdy, Σdy, Σ|dy|, Σ|dy|. Other patches,
/// and flat ones, are all zero.
#[must_use]
pub fn describe(patch: &[f32], side: usize, extended: bool) -> Descriptor {
    let mut descriptor = [0; 128];
    if !is_patch(patch, side, 8) {
        return descriptor;
    }
    let values = numbers(patch, side, extended);
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    if !length.is_finite() || length < NOTHING {
        return descriptor;
    }
    let per_cell = if extended { 8 } else { 4 };
    for (i, (byte, value)) in descriptor.iter_mut().zip(&values).enumerate() {
        // The second half of a cell, or of each half of it, are absolute values.
        let is_signed = i % 4 < 2;
        let middle = if is_signed { 128.0 } else { 0.0 };
        if i < CELLS * CELLS * per_cell {
            *byte = (middle + QUANTUM * value / length)
                .round()
                .clamp(0.0, 255.0) as u8;
        }
    }
    descriptor
}

/// The sums before normalisation, 64 or 128 of them, cells row by row.
fn numbers(patch: &[f32], side: usize, extended: bool) -> Vec<f64> {
    let sums = PatchSums::new(patch, side);
    let per_cell = if extended { 8 } else { 4 };
    let mut values = vec![0.0; CELLS * CELLS * per_cell];
    let scale = side as f64 / EXTENT;
    let middle = 0.5 * side as f64;
    let place = |i: usize| i as f64 + 0.5 - 0.5 * SAMPLES as f64;
    for row in 0..SAMPLES {
        for column in 0..SAMPLES {
            let (u, v) = (place(column), place(row));
            let (x, y) = (middle + scale * u, middle + scale * v);
            let (left, right, top, bottom) = (x - scale, x + scale, y - scale, y + scale);
            let dx = sums.mean(x, top, right, bottom) - sums.mean(left, top, x, bottom);
            let dy = sums.mean(left, y, right, bottom) - sums.mean(left, top, right, y);
            let weight = (-(u * u + v * v) / (2.0 * WINDOW * WINDOW)).exp();
            let cell = row * CELLS / SAMPLES * CELLS + column * CELLS / SAMPLES;
            let own = &mut values[cell * per_cell..(cell + 1) * per_cell];
            add(own, weight * dx, weight * dy, extended);
        }
    }
    values
}

/// Adds one wavelet to its cell.
fn add(cell: &mut [f64], dx: f64, dy: f64, extended: bool) {
    let parts = if extended {
        // What is only rounding counts as zero, lest it have a sign.
        let sign = |v: f64| usize::from(v > -1e-9);
        let (by_y, by_x) = (sign(dy), sign(dx));
        [
            (by_y, dx),
            (4 + by_x, dy),
            (2 + by_y, dx.abs()),
            (6 + by_x, dy.abs()),
        ]
    } else {
        [(0, dx), (1, dy), (2, dx.abs()), (3, dy.abs())]
    };
    for (at, value) in parts {
        if let Some(sum) = cell.get_mut(at) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{patch, stands_everything, surf_references, tells_patches_apart};
    use super::{describe, numbers};

    /// Values of the float64 program within 10⁻⁶, for patches of several sides.
    #[test]
    fn numbers_are_those_of_the_paper() {
        for reference in surf_references() {
            let number = |name: &str| reference[name].as_u64().unwrap() as usize;
            let side = number("side");
            let drawn = patch(side, number("seed") as u32);
            for (name, extended) in [("surf", false), ("extended", true)] {
                let wanted = reference[name].as_array().unwrap();
                let found = numbers(&drawn, side, extended);
                let length = found.iter().map(|v| v * v).sum::<f64>().sqrt();
                assert_eq!(found.len(), wanted.len());
                let bytes = describe(&drawn, side, extended);
                for (i, (value, wanted)) in found.iter().zip(wanted).enumerate() {
                    let (value, wanted) = (value / length, wanted.as_f64().unwrap());
                    assert!(
                        (value - wanted).abs() < 2e-6,
                        "{name} {i}: {value} {wanted}"
                    );
                    let middle = if i % 4 < 2 { 128.0 } else { 0.0 };
                    assert!((f64::from(bytes[i]) - middle - 256.0 * wanted).abs() < 0.51);
                }
            }
        }
    }

    #[test]
    fn a_ramp_answers_along_its_direction_alone() {
        let ramp: Vec<f32> = (0..44 * 44).map(|i| (i % 44) as f32 / 44.0).collect();
        let found = describe(&ramp, 44, false);
        for cell in found[..64].chunks_exact(4) {
            assert!(cell[0] >= 128 && cell[1] == 128 && cell[2].abs_diff(cell[0] - 128) <= 1);
            assert_eq!(cell[3], 0);
        }
        assert_eq!(found[64..], [0; 64]);
        let found = describe(&ramp, 44, true);
        assert!(found[8 * 5 + 1] > 150);
        for cell in found.chunks_exact(8) {
            assert!(cell[0] == 128 && cell[1] >= 128 && cell[2] == 0);
            assert_eq!(cell[4..], [128, 128, 0, 0]);
        }
    }

    #[test]
    fn patches_are_told_apart_and_nothing_panics() {
        for extended in [false, true] {
            tells_patches_apart(|patch, side| describe(patch, side, extended));
            stands_everything(|patch, side| describe(patch, side, extended));
        }
    }
}
