//! Features of grey-level co-occurrence (Haralick, Shanmugam & Dinstein, "Textural features for image classification",
//! IEEE Transactions on Systems, Man, and Cybernetics 1973): how often two grey levels are neighbours at 0°, 45°, 90°
//! and 135°. Checked against scikit-image's `graycomatrix` and `graycoprops`.

use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// Steps to the neighbour, right and down.
const ANGLES: [(isize, usize); 4] = [(1, 0), (1, 1), (0, 1), (-1, 1)];
/// Contrast, homogeneity, energy, correlation, entropy.
const FEATURES: usize = 5;

/// Features of neighbouring grey levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cooccurrence {
    levels: usize,
    distance: usize,
}

impl Cooccurrence {
    pub(super) const FORM: &str =
        "LEVELS,DISTANCE (2 to 64 grey levels, neighbours 1 to 16 pixels away)";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let [levels, distance] = spec.numbers_alone(',', [2..=64, 1..=16], [16, 1])?;
        Some(Cooccurrence { levels, distance })
    }

    /// Shares of pairs of levels, either order; those of an image of one level where there are no pairs.
    fn matrix(&self, image: &Gray, (right, down): (isize, usize)) -> Vec<f64> {
        let (levels, width) = (self.levels, image.width());
        let (right, down) = (right * self.distance as isize, down * self.distance);
        let level: Vec<usize> = (0..256).map(|value| value * levels / 256).collect();
        let mut counts = vec![0u32; levels * levels];
        let reach = right.unsigned_abs();
        let (first, other) = if right < 0 { (reach, 0) } else { (0, reach) };
        if reach < width && down < image.height() {
            let length = width - reach;
            for y in 0..image.height() - down {
                let here = &image.row(y)[first..first + length];
                let there = &image.row(y + down)[other..other + length];
                for (&a, &b) in here.iter().zip(there) {
                    counts[level[usize::from(a)] * levels + level[usize::from(b)]] += 1;
                }
            }
        }
        let total: u32 = counts.iter().sum();
        if total == 0 {
            counts[0] = 1;
        }
        let whole = 2.0 * f64::from(total.max(1));
        let both = |i: usize| counts[i] + counts[i % levels * levels + i / levels];
        (0..levels * levels)
            .map(|i| f64::from(both(i)) / whole)
            .collect()
    }

    fn features(&self, matrix: &[f64]) -> [f64; FEATURES] {
        let pairs = || {
            let place = |i| ((i / self.levels) as f64, (i % self.levels) as f64);
            matrix.iter().enumerate().map(move |(i, &p)| (place(i), p))
        };
        let sum = |of: &dyn Fn(f64, f64) -> f64| pairs().map(|((i, j), p)| p * of(i, j)).sum();
        let mean: f64 = sum(&|i, _| i);
        let variance: f64 = sum(&|i, _| (i - mean) * (i - mean));
        let covariance: f64 = sum(&|i, j| (i - mean) * (j - mean));
        let present = matrix.iter().filter(|&&p| p > 0.0);
        [
            sum(&|i, j| (i - j) * (i - j)),
            sum(&|i, j| 1.0 / (1.0 + (i - j) * (i - j))),
            matrix.iter().map(|p| p * p).sum::<f64>().sqrt(),
            if variance > 1e-15 {
                covariance / variance
            } else {
                1.0
            },
            present.map(|p| -p * p.ln()).sum(),
        ]
    }
}

impl Method for Cooccurrence {
    fn dimension(&self) -> usize {
        ANGLES.len() * FEATURES
    }

    /// Contrast, homogeneity, energy, correlation and entropy (in nats), at 0°, 45°, 90° and 135°. Levels are counted
    /// from 0.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let angles = ANGLES.into_iter();
        angles
            .flat_map(|angle| self.features(&self.matrix(&picture.gray, angle)))
            .map(|value| value as f32)
            .collect()
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::L1, Distance::L2, Distance::Cosine]
    }

    /// The largest possible value of each is brought to 1; of contrast, of which images have little, a hundredth.
    fn weights(&self) -> Vec<f32> {
        let levels = self.levels as f32;
        let contrast = (levels - 1.0).powi(2) * 0.01;
        let weights = [1.0 / contrast, 1.0, 1.0, 1.0, 0.5 / levels.ln()];
        weights.repeat(ANGLES.len())
    }
}

impl fmt::Display for Cooccurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cooccurrence:{},{}", self.levels, self.distance)
    }
}
