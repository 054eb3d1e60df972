//! From a rotated residual to a code, and to the numbers that make an estimate of it.

use super::planes::WORD;
use crate::fast_scan::FACTOR_BYTES;
use crate::{Metric, dot_f32};

/// Standard deviations that an error is taken to be at most; 1.9 as in the paper.
const BOUND: f32 = 1.9;

/// What a code is made of: residual and centroid of its list, both rotated.
pub(crate) struct Sides<'a> {
    pub residual: &'a [f32],
    pub centroid: &'a [f32],
    /// Inner product of the two.
    pub product: f32,
}

/// What makes an estimate: score − base = `known` + `slope` · ⟨y, q⟩, where y is what the code stands for, and what the bound adds for each
/// unit of the distance between query and centroid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factors {
    known: f32,
    slope: f32,
    bound: f32,
}

impl Factors {
    /// For −‖o − q‖² = −‖q − c‖² − ‖r‖² + 2⟨r, q − c⟩ or ⟨o, q⟩ = ⟨c, q⟩ + ⟨r, c⟩ + ⟨r, q − c⟩; with ⟨r, q − c⟩ by the estimate
    /// f · ⟨y, q − c⟩, f = ‖r‖² / ⟨y, r⟩.
    pub fn of(sides: &Sides<'_>, values: &[f32], metric: Metric) -> Self {
        let (residual, dimension) = (sides.residual, sides.residual.len());
        let square = dot_f32(residual, residual);
        let along = dot_f32(values, residual);
        let f = match along > 0.0 && square > 0.0 {
            true => square / along,
            false => 0.0,
        };
        let times = if metric == Metric::L2 { 2.0 } else { 1.0 };
        let known = match metric {
            Metric::L2 => -square,
            Metric::Dot | Metric::Cosine => sides.product,
        };
        let off = (f * f * dot_f32(values, values) - square).max(0.0).sqrt();
        let spread = BOUND / ((dimension - 1).max(1) as f32).sqrt();
        Self {
            known: known - times * (f * dot_f32(values, sides.centroid)),
            slope: times * f,
            bound: times * off * spread,
        }
    }

    /// Writes them into a block, each beside those of the other codes.
    pub fn write(self, block: &mut [u8], first: usize, lane: usize) {
        for (which, factor) in [self.known, self.slope, self.bound].into_iter().enumerate() {
            let at = first + which * FACTOR_BYTES + 4 * lane;
            if let Some(bytes) = block.get_mut(at..at + 4) {
                bytes.copy_from_slice(&factor.to_le_bytes());
            }
        }
    }
}

/// The signs as numbers.
pub(super) fn signs(residual: &[f32]) -> Vec<f32> {
    let sign = |&x: &f32| if x >= 0.0 { 1.0 } else { -1.0 };
    residual.iter().map(sign).collect()
}

/// The signs, four to a part.
pub(super) fn sign_parts(residual: &[f32]) -> impl Iterator<Item = u8> + '_ {
    residual.chunks(4).map(|part| {
        let bits = part.iter().enumerate();
        bits.fold(0, |all, (bit, &x)| all | u8::from(x >= 0.0) << bit)
    })
}

/// Widths of the steps that are best for normal numbers, in standard deviations, for 2 to 8 bits (Max 1960, "Quantizing for minimum
/// distortion").
const STEPS: [f32; 7] = [0.9957, 0.586, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308];
/// Widths that are tried, in these.
const TRIED: [f32; 9] = [0.7, 0.78, 0.86, 0.93, 1.0, 1.07, 1.15, 1.24, 1.35];

/// Odd halves, of 2^`bits`, in about the direction of the residual: the best of several widths, after which single numbers move by one where
/// that brings the direction nearer.
pub(super) fn values(residual: &[f32], bits: usize) -> Vec<f32> {
    let sizes: Vec<f32> = residual.iter().map(|x| x.abs()).collect();
    let square = dot_f32(&sizes, &sizes);
    let most = ((1u32 << (bits - 1)) - 1) as f32;
    let step = STEPS.get(bits.wrapping_sub(2)).copied().unwrap_or(1.0);
    let deviation = (square / residual.len().max(1) as f32).sqrt();
    let mut best = (f32::NEG_INFINITY, vec![0.5; sizes.len()]);
    if deviation > 0.0 {
        for tried in TRIED {
            let inverse = 1.0 / (deviation * step * tried);
            // Sizes are not negative, so cutting is rounding down.
            let value = |x: &f32| ((x * inverse) as i32 as f32).min(most) + 0.5;
            let values: Vec<f32> = sizes.iter().map(value).collect();
            let (along, length) = (dot_f32(&values, &sizes), dot_f32(&values, &values));
            let cosine = along / length.sqrt();
            if cosine > best.0 {
                best = (cosine, values);
            }
        }
    }
    let mut values = best.1;
    moved(&sizes, &mut values, most + 0.5);
    let signs = values.iter_mut().zip(residual);
    signs.for_each(|(value, x)| *value = if *x >= 0.0 { *value } else { -*value });
    values
}

/// Moves single numbers by one where that brings the direction nearer.
fn moved(sizes: &[f32], values: &mut [f32], most: f32) {
    let (mut along, mut length) = (dot_f32(values, sizes), dot_f32(values, values));
    for (value, &size) in values.iter_mut().zip(sizes) {
        for to in [*value - 1.0, *value + 1.0] {
            if !(0.5..=most).contains(&to) {
                continue;
            }
            let (a, l) = (
                along + (to - *value) * size,
                length + (to * to - *value * *value),
            );
            if a * a * length > along * along * l {
                (along, length, *value) = (a, l, to);
                break;
            }
        }
    }
}

/// Writes all bits of the numbers but the highest: for sixteen numbers a word of each bit, from the lowest on.
pub(super) fn write_planes(values: &[f32], bits: usize, bytes: &mut [u8]) {
    let middle = ((1u32 << bits) - 1) as f32 / 2.0;
    let words = bytes.chunks_exact_mut(2 * (bits - 1).max(1));
    for (values, planes) in values.chunks(WORD).zip(words) {
        for (plane, word) in planes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let bits = values.iter().enumerate().fold(0u16, |all, (lane, value)| {
                all | ((((value + middle) as u32) >> plane & 1) as u16) << lane
            });
            *word = bits.to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::Normal;
    use crate::random::Random;

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut normal = Normal::new(Random::new(seed));
        (0..count).map(|_| normal.draw() as f32).collect()
    }

    #[test]
    fn directions_are_nearly_the_best_of_all_widths() {
        for bits in 2..=8 {
            let residual = normals(bits as u64, 128);
            let sizes: Vec<f32> = residual.iter().map(|x| x.abs()).collect();
            let cosine = |values: &[f32]| dot_f32(values, &sizes) / dot_f32(values, values).sqrt();
            let found: Vec<f32> = values(&residual, bits).iter().map(|x| x.abs()).collect();
            let most = ((1 << (bits - 1)) - 1) as f32;
            let widths = (1..4000).map(|at| {
                let inverse = at as f32 * 0.02;
                let value = |x: &f32| (x * inverse).floor().min(most) + 0.5;
                cosine(&sizes.iter().map(value).collect::<Vec<f32>>())
            });
            let best = widths.fold(0.0, f32::max);
            let length = dot_f32(&sizes, &sizes).sqrt();
            let (lost, least) = (1.0 - cosine(&found) / length, 1.0 - best / length);
            assert!(lost < 1.15 * least + 1e-6, "{bits}: {lost} {least}");
        }
    }
}
