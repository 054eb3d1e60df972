//! Dominant gradient directions around a blob (Lowe 2004, section 5), with OpenCV's window and smoothing.
//!
//! Gradients are taken a row of the window at a time in vector registers; only the sums of the 36 bins are scalar, in
//! several copies so that neighbouring pixels of one direction need not wait for one another.

#![allow(unsafe_code)]

use std::f32::consts::TAU;

use vizsla_pixels::{Isa, Lanes, Plane, per_isa};

use crate::dog::Blob;
use crate::gradient::turns;

const BINS: usize = 36;
/// Standard deviation of the window over the blob's.
const WINDOW: f32 = 1.5;
/// Peaks of at least this share of the highest one make a keypoint of their own.
const PEAK_SHARE: f32 = 0.8;
/// Largest radius of the window in pixels of the octave; Lowe's parameters stay below 18.
const MAX_RADIUS: usize = 60;
/// More than a register holds.
const LANES: usize = 32;
/// Copies of the histogram.
const COPIES: usize = 4;

/// Sums of the copies; one more bin catches the direction that was rounded up to a full turn.
type Copies = [[f32; BINS + 1]; COPIES];

/// The directions of a blob in radians `[0, 2π)`, y down, in ascending order of their bin, handed to `found`.
pub(crate) fn orientations(isa: Isa, plane: &Plane, blob: &Blob, mut found: impl FnMut(f32)) {
    let raw = histogram(isa, plane, blob);
    let at = |i: usize| raw[i % BINS];
    let smooth: [f32; BINS] = std::array::from_fn(|i| {
        (at(i + BINS - 2) + at(i + 2)) / 16.0 + (at(i + BINS - 1) + at(i + 1)) / 4.0 + at(i) * 0.375
    });
    let highest = smooth.iter().copied().fold(0.0f32, f32::max);
    if highest <= 0.0 {
        return;
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
            found(if angle < TAU { angle } else { 0.0 });
        }
    }
}

/// Weights of the window along one axis, `[MAX_RADIUS + distance]`.
#[inline(always)]
fn falloff(spread: f32, radius: usize) -> [f32; 2 * MAX_RADIUS + 1 + LANES] {
    let mut weights = [0.0; 2 * MAX_RADIUS + 1 + LANES];
    let ratio = (-0.5 / (spread * spread)).exp();
    let (mut weight, mut step) = (1.0, ratio);
    for distance in 0..=radius {
        weights[MAX_RADIUS - distance] = weight;
        weights[MAX_RADIUS + distance] = weight;
        weight *= step;
        step *= ratio * ratio;
    }
    weights
}

/// Adds the pixels from column `x` of the middle one of three rows on to the bins.
///
/// # Safety
/// `rows` must be valid from `x - 1` to `x + V::COUNT`, `weights` for `V::COUNT` values.
#[inline(always)]
unsafe fn add_pixels<V: Lanes>(
    rows: [*const f32; 3],
    x: usize,
    weights: *const f32,
    line: f32,
    copies: &mut Copies,
) {
    let (mut bins, mut sizes) = ([0u32; LANES], [0.0f32; LANES]);
    // SAFETY: the caller vouches for the pointers and the instruction set; a register holds at most 32 values.
    unsafe {
        let dx = V::load(rows[1].add(x + 1)).sub(V::load(rows[1].add(x - 1)));
        let dy = V::load(rows[2].add(x)).sub(V::load(rows[0].add(x)));
        let weight = V::load(weights).mul(V::splat(line));
        dx.mul_add(dx, dy.mul(dy))
            .sqrt()
            .mul(weight)
            .store(sizes.as_mut_ptr());
        turns(dy, dx)
            .mul(V::splat(BINS as f32))
            .store_rounded(bins.as_mut_ptr());
    }
    for i in 0..V::COUNT {
        copies[i % COPIES][(bins[i] as usize).min(BINS)] += sizes[i];
    }
}

/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn histogram_with<V: Lanes>(plane: &Plane, blob: &Blob) -> [f32; BINS] {
    let spread = WINDOW * blob.sigma;
    let radius = ((3.0 * spread).round() as usize).min(MAX_RADIUS);
    let weights = falloff(spread, radius);
    let (cx, cy) = (blob.x.round() as usize, blob.y.round() as usize);
    let (x0, x1) = (
        cx.saturating_sub(radius).max(1),
        (cx + radius + 1).min(plane.width() - 1),
    );
    let (y0, y1) = (
        cy.saturating_sub(radius).max(1),
        (cy + radius + 1).min(plane.height() - 1),
    );
    let mut copies: Copies = [[0.0; BINS + 1]; COPIES];
    for y in y0..y1 {
        let rows = [plane.row(y - 1), plane.row(y), plane.row(y + 1)].map(<[f32]>::as_ptr);
        let line = weights[MAX_RADIUS + y - cy];
        let mut x = x0;
        while x < x1 {
            let own = weights[MAX_RADIUS + x - cx..].as_ptr();
            // SAFETY: beyond the window the weights are zero and go on for a register more, so registers may reach
            // over its end; at the end of the row single values are taken.
            unsafe {
                if x + V::COUNT < plane.width() {
                    add_pixels::<V>(rows, x, own, line, &mut copies);
                    x += V::COUNT;
                } else {
                    add_pixels::<f32>(rows, x, own, line, &mut copies);
                    x += 1;
                }
            }
        }
    }
    let mut bins = [0.0; BINS];
    for copy in &copies {
        for (i, &value) in copy.iter().enumerate() {
            bins[i % BINS] += value;
        }
    }
    bins
}

per_isa! {
    fn histogram(plane: &Plane, blob: &Blob) -> [f32; BINS], histogram_with, wide
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::{Isa, Plane};

    use super::{histogram, orientations};
    use crate::dog::Blob;

    fn blob(x: f32, y: f32) -> Blob {
        Blob {
            octave: 0,
            layer: 1,
            x,
            y,
            sigma: 2.3,
            response: 0.1,
        }
    }

    /// A ramp that rises in the given direction, with a ripple.
    fn ramp(angle: f32, ripple: f32) -> Plane {
        let mut plane = Plane::new(67, 61);
        for y in 0..61 {
            for (x, value) in plane.row_mut(y).iter_mut().enumerate() {
                let (x, y) = (x as f32, y as f32);
                *value =
                    x * angle.cos() + y * angle.sin() + ripple * (0.9 * x).sin() * (0.7 * y).cos();
            }
        }
        plane
    }

    #[test]
    fn a_ramp_points_where_it_rises() {
        for step in 0..12 {
            let angle = step as f32 * 0.5;
            let mut found = Vec::new();
            orientations(Isa::detect(), &ramp(angle, 0.0), &blob(30.2, 29.8), |a| {
                found.push(a)
            });
            assert_eq!(found.len(), 1);
            let off = (found[0] - angle).abs();
            // A ramp fills one or two bins of ten degrees; the peak is known to a fraction of a bin.
            assert!(
                off.min(std::f32::consts::TAU - off) < 0.1,
                "{angle} {found:?}"
            );
        }
    }

    #[test]
    fn all_instruction_sets_agree_with_the_scalar_twin() {
        let plane = ramp(0.8, 3.0);
        for blob in [
            blob(30.2, 29.8),
            blob(5.0, 5.4),
            blob(61.0, 55.3),
            blob(50.7, 7.0),
        ] {
            let twin = histogram(Isa::SCALAR, &plane, &blob);
            let total: f32 = twin.iter().sum();
            for isa in Isa::available() {
                let other = histogram(isa, &plane, &blob);
                // A pixel on the border of two bins may change sides.
                let off: f32 = twin.iter().zip(other).map(|(a, b)| (a - b).abs()).sum();
                assert!(off < 0.02 * total, "{isa:?}: {off} of {total}");
            }
        }
    }
}
