//! Centre-symmetric local binary patterns (Heikkilä, Pietikäinen & Schmid, "Description of interest regions with local binary
//! patterns", Pattern Recognition 2009).
//!
//! Every pixel gets one bit for each pair of opposite points on a circle around it: whether the first is brighter by
//! more than a threshold. The patterns are counted in 4 × 4 cells, pixels shared between neighbouring cells, and the sums
//! normalised, cut at 0.2 and normalised again, as in SIFT; length 512.
//!
//! The bytes: cells row by row, 8 for each. With 6 points there are 2³ = 8 patterns, all of which are counted, in the order of
//! their codes. With 8 points there are 16, which would make 256 values. Where grey values rise in one direction the bits along half
//! the circle are ones in a row, of which there are 8 patterns; only those are counted, in the order in which the
//! direction turns. The other 8 are rare and come from noise.

use super::cells::Cells;
use super::ring::Ring;
use super::{is_flat, is_patch};
use crate::descriptor::quantise;
use crate::keypoint::Descriptor;

/// Cells along a side.
const CELLS: usize = 4;
/// Patterns that are counted.
const BINS: usize = 8;

/// Which patterns [`describe`] counts; the default holds values that the paper recommends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CsLbpConfig {
    /// Points on the circle.
    pub points: CsLbpPoints,
    /// Radius of the circle, pixels of the patch, 1 to 8 (others are clamped); default 2.
    pub radius: f32,
    /// Difference of grey values, `[0, 1]`, that must be exceeded; default 0.01.
    pub threshold: f32,
}

/// Points on the circle of [`CsLbpConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsLbpPoints {
    /// Six.
    #[default]
    Six,
    /// Eight, of whose sixteen patterns eight are counted.
    Eight,
}

impl Default for CsLbpConfig {
    fn default() -> Self {
        Self {
            points: CsLbpPoints::Six,
            radius: 2.0,
            threshold: 0.01,
        }
    }
}

/// Bins of the 16 patterns of eight points.
const EIGHT: [Option<usize>; 16] = [
    Some(0), // 0000
    Some(1), // 0001
    None,
    Some(2), // 0011
    None,
    None,
    None,
    Some(3), // 0111
    Some(7), // 1000
    None,
    None,
    None,
    Some(6), // 1100
    None,
    Some(5), // 1110
    Some(4), // 1111
];

/// Describes a patch of at least 8 × 8 values in which the circle fits; others, and flat ones, are all zero.
#[must_use]
pub fn describe(patch: &[f32], side: usize, config: &CsLbpConfig) -> Descriptor {
    let radius = match config.radius.is_nan() {
        true => 2.0,
        false => config.radius.clamp(1.0, 8.0),
    };
    let points = match config.points {
        CsLbpPoints::Six => 6,
        CsLbpPoints::Eight => 8,
    };
    let ring = Ring::new(points, radius);
    if !is_patch(patch, side, 8.max(2 * ring.reach + 2)) || is_flat(patch) {
        return [0; 128];
    }
    let cells = Cells::new(side - 2 * ring.reach, CELLS);
    let mut sums = [0.0; CELLS * CELLS * BINS];
    let mut values = [0.0f32; 8];
    for y in ring.reach..side - ring.reach {
        for x in ring.reach..side - ring.reach {
            ring.read(patch, side, x, y, &mut values);
            let code = code(&values[..points], config.threshold);
            let bin = match config.points {
                CsLbpPoints::Six => Some(code),
                CsLbpPoints::Eight => EIGHT[code],
            };
            if let Some(bin) = bin {
                cells.add(x - ring.reach, y - ring.reach, bin, BINS, &mut sums);
            }
        }
    }
    quantise(&sums, false)
}

/// One bit for each pair of opposite points, the first pair lowest.
fn code(values: &[f32], threshold: f32) -> usize {
    let half = values.len() / 2;
    let bit = |i: usize| usize::from(values[i] - values[i + half] > threshold) << i;
    (0..half).map(bit).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{patch, stands_everything, tells_patches_apart};
    use super::{CsLbpConfig, CsLbpPoints, code, describe};

    const BOTH: [CsLbpPoints; 2] = [CsLbpPoints::Six, CsLbpPoints::Eight];

    fn config(points: CsLbpPoints) -> CsLbpConfig {
        CsLbpConfig {
            points,
            ..CsLbpConfig::default()
        }
    }

    #[test]
    fn bits_are_pairs() {
        assert_eq!(code(&[0.5, 0.1, 0.3, 0.4, 0.2, 0.1], 0.05), 0b101);
        assert_eq!(code(&[0.5, 0.1, 0.3, 0.4, 0.2, 0.1], 0.15), 0b100);
    }

    #[test]
    fn a_ramp_fills_the_bin_of_its_direction() {
        for points in BOTH {
            let mut bins = Vec::new();
            for turn in 0..8 {
                // Between the directions at which a bit changes.
                let (sin, cos) = (std::f32::consts::TAU * (turn as f32 + 0.5) / 8.0).sin_cos();
                let ramp: Vec<f32> = (0..32 * 32)
                    .map(|i| 0.5 + 0.01 * ((i % 32) as f32 * cos - (i / 32) as f32 * sin))
                    .collect();
                let found = describe(
                    &ramp,
                    32,
                    &CsLbpConfig {
                        threshold: 1e-4,
                        ..config(points)
                    },
                );
                let filled: Vec<usize> = (0..128).filter(|&i| found[i] > 0).collect();
                // One bin, the same in every cell.
                assert_eq!(filled.len(), 16, "{points:?} {filled:?}");
                assert!(filled.iter().all(|bin| bin % 8 == filled[0] % 8));
                bins.push(filled[0] % 8);
            }
            if points == CsLbpPoints::Eight {
                // The bins turn with the direction.
                assert!(
                    (0..8).all(|i| (bins[i] + 1) % 8 == bins[(i + 1) % 8]),
                    "{bins:?}"
                );
            }
        }
    }

    #[test]
    fn patches_are_told_apart_and_nothing_panics() {
        for points in BOTH {
            tells_patches_apart(|patch, side| describe(patch, side, &config(points)));
            stands_everything(|patch, side| describe(patch, side, &config(points)));
            for strange in [f32::NAN, f32::INFINITY, -1.0, 1e-30] {
                let config = CsLbpConfig {
                    points,
                    radius: strange,
                    threshold: strange,
                };
                let _ = describe(&patch(20, 1), 20, &config);
            }
        }
    }
}
