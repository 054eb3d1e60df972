//! The direction that SURF gives to a keypoint (Bay et al. 2008, section 5.1), read from an upright patch.
//!
//! Haar wavelets four scales wide are read a scale apart in a disc of radius six scales and weighted with a Gaussian of two.
//! A window of 60° slides over their directions; the longest sum of those within it points the way.

use std::f64::consts::{FRAC_PI_3, TAU};

use super::is_patch;
use super::surf::EXTENT;
use crate::integral::PatchSums;

/// Radius of the disc, scales.
const RADIUS: i32 = 6;
/// Standard deviation of the weight, scales.
const SPREAD: f64 = 2.0;
/// Sums that are only rounding.
const NOTHING: f64 = 1e-6;

/// A weighted response and its direction, radians `[0, 2π)`.
type Response = (f64, f64, f64);

/// The direction of an upright patch that is [`SURF_EXTENT`](crate::SURF_EXTENT) scales wide: radians `[0, 2π)`, from the x axis
/// towards the (downward) y axis. `None` for a flat patch, one below 8 × 8 values, or one of another length than its side says.
#[must_use]
pub fn direction(patch: &[f32], side: usize) -> Option<f32> {
    if !is_patch(patch, side, 8) {
        return None;
    }
    let responses = responses(patch, side);
    let mut longest = (NOTHING * NOTHING, None);
    for &(_, _, start) in &responses {
        let (mut x, mut y) = (0.0, 0.0);
        for &(dx, dy, angle) in &responses {
            if (angle - start).rem_euclid(TAU) < FRAC_PI_3 {
                x += dx;
                y += dy;
            }
        }
        let length = x * x + y * y;
        if length > longest.0 {
            longest = (length, Some((x, y)));
        }
    }
    let (x, y) = longest.1?;
    let angle = y.atan2(x).rem_euclid(TAU) as f32;
    let full = TAU as f32;
    Some(if angle < full { angle } else { 0.0 })
}

/// The wavelets of the disc that answer at all.
fn responses(patch: &[f32], side: usize) -> Vec<Response> {
    let sums = PatchSums::new(patch, side);
    let scale = side as f64 / EXTENT;
    let middle = 0.5 * side as f64;
    let mut responses = Vec::new();
    for v in -RADIUS..=RADIUS {
        for u in -RADIUS..=RADIUS {
            if u * u + v * v > RADIUS * RADIUS {
                continue;
            }
            let (u, v) = (f64::from(u), f64::from(v));
            let (x, y) = (middle + scale * u, middle + scale * v);
            let reach = 2.0 * scale;
            let (left, right, top, bottom) = (x - reach, x + reach, y - reach, y + reach);
            let weight = (-(u * u + v * v) / (2.0 * SPREAD * SPREAD)).exp();
            let dx = weight * (sums.mean(x, top, right, bottom) - sums.mean(left, top, x, bottom));
            let dy = weight * (sums.mean(left, y, right, bottom) - sums.mean(left, top, right, y));
            responses.push((dx, dy, dy.atan2(dx)));
        }
    }
    responses
}

#[cfg(test)]
mod tests {
    use super::super::tests::{patch, surf_references};
    use super::direction;
    use std::f32::consts::TAU;

    #[test]
    fn a_ramp_points_where_it_rises() {
        for side in [22, 41, 64] {
            for turn in 0..16 {
                let angle = 0.1 + TAU * turn as f32 / 16.0;
                let ramp: Vec<f32> = (0..side * side)
                    .map(|i| {
                        let (x, y) = ((i % side) as f32, (i / side) as f32);
                        0.5 + 0.005 * (x * angle.cos() + y * angle.sin())
                    })
                    .collect();
                let off = (direction(&ramp, side).unwrap() - angle).rem_euclid(TAU);
                assert!(off.min(TAU - off) < 1e-3, "{side} {angle}: {off}");
            }
        }
    }

    /// Within 10⁻⁴ radians of the float64 program.
    #[test]
    fn directions_are_those_of_the_paper() {
        for reference in surf_references() {
            let number = |name: &str| reference[name].as_u64().unwrap() as usize;
            let side = number("side");
            let found = direction(&patch(side, number("seed") as u32), side).unwrap();
            let wanted = reference["direction"].as_f64().unwrap() as f32;
            let off = (found - wanted).rem_euclid(TAU);
            assert!(off.min(TAU - off) < 1e-4, "{found} {wanted}");
        }
    }

    #[test]
    fn what_is_flat_or_no_patch_has_none() {
        for side in 0..30 {
            assert_eq!(direction(&vec![0.3; side * side], side), None);
            let _ = direction(&vec![f32::NAN; side * side], side);
        }
        assert_eq!(direction(&patch(20, 1)[1..], 20), None);
        assert_eq!(direction(&[], usize::MAX), None);
    }
}
