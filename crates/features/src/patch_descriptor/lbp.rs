//! Local binary patterns (Ojala, Pietikäinen & Mäenpää, "Multiresolution gray-scale and rotation invariant texture classification with
//! local binary patterns", PAMI 2002), counted in cells.
//!
//! Every pixel gets one bit for each point on a circle around it: whether that is at least as bright as the pixel itself. Patterns
//! whose bits change at most twice around the circle are called uniform and make up nearly all; they are counted in cells, pixels shared
//! between neighbouring cells. The bytes are the square roots of the shares, 512 times, so that their
//! Euclidean distance is Hellinger's distance of the histograms. Codes are those of scikit-image; see `tests/reference`.

use super::cells::Cells;
use super::ring::Ring;
use super::{is_flat, is_patch};
use crate::descriptor::quantise;
use crate::keypoint::Descriptor;

/// Which patterns [`describe`] counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbpConfig {
    /// How patterns become bins.
    pub patterns: LbpPatterns,
    /// Radius of the circle, pixels of the patch, 1 to 8 (others are clamped); default 2.
    pub radius: f32,
}

/// How patterns become bins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LbpPatterns {
    /// Six points; their 32 uniform patterns, in 2 × 2 cells: 128 bytes. The others are not counted. Bins by the number of ones,
    /// then by the point at which they begin.
    #[default]
    Uniform,
    /// Eight points; 10 bins, which do not change when the patch turns by an eighth: the number of ones of uniform
    /// patterns, and all others; in 3 × 3 cells: 90 bytes, and 38 zeros. For textures; of places in a blurred photograph it
    /// finds few again where [`LbpPatterns::Uniform`] finds most.
    RotationInvariant,
}

impl Default for LbpConfig {
    fn default() -> Self {
        Self {
            patterns: LbpPatterns::Uniform,
            radius: 2.0,
        }
    }
}

impl LbpPatterns {
    /// Points on the circle, bins of a cell, cells along a side.
    fn layout(self) -> (usize, usize, usize) {
        match self {
            LbpPatterns::Uniform => (6, 32, 2),
            LbpPatterns::RotationInvariant => (8, 10, 3),
        }
    }

    /// The bin of a code; `None` for what is not counted.
    fn bin(self, code: u32) -> Option<usize> {
        let (points, ..) = self.layout();
        let ones = code.count_ones() as usize;
        let uniform = changes(code, points) <= 2;
        match self {
            LbpPatterns::Uniform if !uniform => None,
            LbpPatterns::Uniform => Some(match ones {
                0 => 0,
                _ if ones == points => points * (points - 1) + 1,
                _ => 1 + (ones - 1) * points + first(code, points),
            }),
            LbpPatterns::RotationInvariant if !uniform => Some(points + 1),
            LbpPatterns::RotationInvariant => Some(ones),
        }
    }
}

/// How often neighbouring bits differ, once around.
fn changes(code: u32, points: usize) -> u32 {
    let turned = (code >> 1) | ((code & 1) << (points - 1));
    (code ^ turned).count_ones()
}

/// The bit at which the only run of ones begins.
fn first(code: u32, points: usize) -> usize {
    let is_set = |i: usize| code >> (i % points) & 1 == 1;
    (0..points)
        .find(|&i| is_set(i) && !is_set(i + points - 1))
        .unwrap_or(0)
}

/// One bit for each value: whether it is at least `centre`, the first lowest.
fn code(values: &[f32], centre: f32) -> u32 {
    let bit = |(i, &value): (usize, &f32)| u32::from(value >= centre) << i;
    values.iter().enumerate().map(bit).sum()
}

/// Describes a patch of at least 8 × 8 values in which the circle fits; others, and flat ones, are all zero.
#[must_use]
pub fn describe(patch: &[f32], side: usize, config: &LbpConfig) -> Descriptor {
    let radius = match config.radius.is_nan() {
        true => 2.0,
        false => config.radius.clamp(1.0, 8.0),
    };
    let (points, bins, count) = config.patterns.layout();
    let ring = Ring::new(points, radius);
    if !is_patch(patch, side, 8.max(2 * ring.reach + 2)) || is_flat(patch) {
        return [0; 128];
    }
    let cells = Cells::new(side - 2 * ring.reach, count);
    let mut sums = [0.0; 128];
    let mut values = [0.0f32; 8];
    for y in ring.reach..side - ring.reach {
        for x in ring.reach..side - ring.reach {
            ring.read(patch, side, x, y, &mut values);
            let code = code(&values[..points], patch[y * side + x]);
            if let Some(bin) = config.patterns.bin(code) {
                cells.add(x - ring.reach, y - ring.reach, bin, bins, &mut sums);
            }
        }
    }
    quantise(&sums, true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::ring::Ring;
    use super::super::tests::{patch, stands_everything, tells_patches_apart};
    use super::{LbpConfig, LbpPatterns, changes, code, describe};

    const BOTH: [LbpPatterns; 2] = [LbpPatterns::Uniform, LbpPatterns::RotationInvariant];

    #[test]
    fn every_uniform_pattern_has_a_bin_of_its_own() {
        let uniform: Vec<u32> = (0..64).filter(|&c| changes(c, 6) <= 2).collect();
        let bins: BTreeSet<usize> = uniform
            .iter()
            .filter_map(|&c| LbpPatterns::Uniform.bin(c))
            .collect();
        assert_eq!((uniform.len(), bins), (32, (0..32).collect()));
        assert_eq!(LbpPatterns::Uniform.bin(0b010101), None);
        let bins: BTreeSet<usize> = (0..256)
            .filter_map(|c| LbpPatterns::RotationInvariant.bin(c))
            .collect();
        assert_eq!(bins, (0..10).collect());
    }

    /// Codes of the inner pixels as scikit-image gives them, all alike.
    #[test]
    fn codes_are_those_of_scikit_image() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/lbp.json");
        let json: serde_json::Value =
            serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
        let side = 41;
        let drawn = patch(side, 7);
        for reference in json.as_array().unwrap() {
            let points = reference["points"].as_u64().unwrap() as usize;
            let ring = Ring::new(points, reference["radius"].as_f64().unwrap() as f32);
            let wanted = reference["codes"].as_array().unwrap();
            let folded = reference["uniform"].as_array().unwrap();
            let mut values = vec![0.0; points];
            let inner = side - 2 * ring.reach;
            assert_eq!(wanted.len(), inner * inner);
            for i in 0..inner * inner {
                let (x, y) = (ring.reach + i % inner, ring.reach + i / inner);
                ring.read(&drawn, side, x, y, &mut values);
                let found = code(&values, drawn[y * side + x]);
                assert_eq!(u64::from(found), wanted[i].as_u64().unwrap(), "{x} {y}");
                let bin = match changes(found, points) <= 2 {
                    true => found.count_ones() as usize,
                    false => points + 1,
                };
                assert_eq!(bin as u64, folded[i].as_u64().unwrap());
                if points == 8 {
                    assert_eq!(LbpPatterns::RotationInvariant.bin(found), Some(bin));
                }
            }
        }
    }

    #[test]
    fn roots_of_shares_have_the_length_512() {
        for patterns in BOTH {
            let config = LbpConfig {
                patterns,
                ..LbpConfig::default()
            };
            let found = describe(&patch(41, 3), 41, &config);
            let length: f32 = found.iter().map(|&v| f32::from(v).powi(2)).sum();
            assert!((length.sqrt() - 512.0).abs() < 6.0, "{}", length.sqrt());
        }
    }

    #[test]
    fn patches_are_told_apart_and_nothing_panics() {
        for patterns in BOTH {
            let config = LbpConfig {
                patterns,
                ..LbpConfig::default()
            };
            tells_patches_apart(|patch, side| describe(patch, side, &config));
            stands_everything(|patch, side| describe(patch, side, &config));
            for radius in [f32::NAN, f32::INFINITY, -1.0, 1e-30] {
                let _ = describe(&patch(20, 1), 20, &LbpConfig { patterns, radius });
            }
        }
    }
}
