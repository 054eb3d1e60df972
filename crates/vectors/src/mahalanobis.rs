//! Distances of many samples to many Gaussians with diagonal covariances, each axis divided by its variance.
//!
//! Sixteen Gaussians lie side by side and the terms are added axis by axis in double precision, so that every distance has the
//! bits that one Gaussian after another gives. The divisions are the price of it; see [`DividedLanes::divided`].
#![allow(unsafe_code)]

use crate::blocks::{BLOCK_ROWS, Blocks, Column};
use crate::lanes::DividedLanes;

/// Gaussians, packed.
pub(crate) struct Mahalanobis {
    dimension: usize,
    means: Blocks<f64>,
    variances: Blocks<f64>,
    reciprocals: Blocks<f64>,
}

impl Mahalanobis {
    /// Packs Gaussians: `means` and `variances` are rows of `dimension` numbers, all variances finite and above 0.
    pub fn new(means: &[f32], variances: &[f32], dimension: usize) -> Self {
        let count = means.len().checked_div(dimension).unwrap_or(0);
        let row = |of: &'_ [f32], at: usize| -> Vec<f64> {
            let row = of[at * dimension..][..dimension].iter();
            row.map(|&x| f64::from(x)).collect()
        };
        Self {
            dimension,
            means: Blocks::new(count, dimension, |at| row(means, at).into_iter()),
            variances: Blocks::new(count, dimension, |at| row(variances, at).into_iter()),
            reciprocals: Blocks::new(count, dimension, |at| {
                row(variances, at).into_iter().map(|v| 1.0 / v)
            }),
        }
    }

    /// Number of Gaussians.
    pub fn len(&self) -> usize {
        self.means.rows()
    }

    /// Σ (x − mean)² / variance of every sample to every Gaussian, as many numbers a sample as there are Gaussians. `samples` are
    /// rows of as many numbers as the Gaussians have axes.
    pub fn distances(&self, samples: &[f32]) -> Vec<f64> {
        let samples: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { x86::avx512(self, &samples) };
            }
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
            {
                // SAFETY: both features were found on this processor just above.
                return unsafe { x86::avx2(self, &samples) };
            }
        }
        self.walk::<Column<f64>, 1>(&samples)
    }

    /// `S` samples at a time with the lanes of `L`, whose instructions must be there.
    #[inline(always)]
    fn walk<L: DividedLanes, const S: usize>(&self, samples: &[f64]) -> Vec<f64> {
        let d = self.dimension;
        let count = samples.len().checked_div(d).unwrap_or(0);
        let mut found = vec![0f64; count * self.len()];
        for block in 0..self.means.count() {
            let mut at = 0;
            while at + S <= count {
                let several: [&[f64]; S] = std::array::from_fn(|s| &samples[(at + s) * d..][..d]);
                let sums = self.tile::<L, S>(block, several);
                for (s, sums) in sums.into_iter().enumerate() {
                    self.keep(block, &sums.stored(), at + s, &mut found);
                }
                at += S;
            }
            for at in at..count {
                let [sums] = self.tile::<L, 1>(block, [&samples[at * d..][..d]]);
                self.keep(block, &sums.stored(), at, &mut found);
            }
        }
        found
    }

    #[inline(always)]
    fn keep(&self, block: usize, sums: &Column<f64>, sample: usize, found: &mut [f64]) {
        let start = sample * self.len() + block * BLOCK_ROWS;
        let real = self.means.rows_of(block);
        found[start..start + real].copy_from_slice(&sums[..real]);
    }

    /// Distances of `S` samples to the Gaussians of a block.
    #[inline(always)]
    fn tile<L: DividedLanes, const S: usize>(&self, block: usize, samples: [&[f64]; S]) -> [L; S] {
        let mut sums = [L::splat(0.0); S];
        let blocks = [&self.means, &self.variances, &self.reciprocals];
        let [Some(means), Some(variances), Some(reciprocals)] = blocks.map(|b| b.block(block))
        else {
            return sums;
        };
        for axis in 0..self.dimension {
            let (mean, variance) = (L::load(&means[axis]), L::load(&variances[axis]));
            let reciprocal = L::load(&reciprocals[axis]);
            for (s, sum) in sums.iter_mut().enumerate() {
                let difference = L::splat(samples[s][axis]).minus(mean);
                let square = difference.times(difference);
                *sum = sum.plus(square.divided(variance, reciprocal));
            }
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Mahalanobis;
    use crate::lanes::x86::{Doubles256, Doubles512};

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(gaussians: &Mahalanobis, samples: &[f64]) -> Vec<f64> {
        gaussians.walk::<Doubles512, 4>(samples)
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(gaussians: &Mahalanobis, samples: &[f64]) -> Vec<f64> {
        gaussians.walk::<Doubles256, 2>(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The definition, one Gaussian after another.
    fn single(samples: &[f32], means: &[f32], variances: &[f32], dimension: usize) -> Vec<u64> {
        let mut all = Vec::new();
        for sample in samples.chunks_exact(dimension) {
            let gaussians = means.chunks_exact(dimension);
            for (mean, variance) in gaussians.zip(variances.chunks_exact(dimension)) {
                let mut sum = 0f64;
                for ((&x, &m), &v) in sample.iter().zip(mean).zip(variance) {
                    let difference = f64::from(x) - f64::from(m);
                    sum += difference * difference / f64::from(v);
                }
                all.push(sum.to_bits());
            }
        }
        all
    }

    fn check(samples: &[f32], means: &[f32], variances: &[f32], dimension: usize) {
        let gaussians = Mahalanobis::new(means, variances, dimension);
        let doubles: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
        let mut ways = vec![
            gaussians.distances(samples),
            gaussians.walk::<Column<f64>, 1>(&doubles),
        ];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
            {
                // SAFETY: both features were found on this processor just above.
                ways.push(unsafe { x86::avx2(&gaussians, &doubles) });
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the feature was found on this processor just above.
                ways.push(unsafe { x86::avx512(&gaussians, &doubles) });
            }
        }
        let expected = single(samples, means, variances, dimension);
        for found in ways {
            let found: Vec<u64> = found.iter().map(|x| x.to_bits()).collect();
            assert!(found == expected, "{dimension}");
        }
    }

    #[test]
    fn every_bit_is_that_of_a_division() {
        let mut random = Random::new(5);
        for dimension in (1..40).chain([64, 128, 300]) {
            let (gaussians, samples) = [(1, 1), (16, 4), (37, 11), (5, 7)][dimension % 4];
            let mut draw = |count: usize, low: f64, high: f64| -> Vec<f32> {
                let number = |_| (low + (high - low) * random.unit()) as f32;
                (0..count * dimension).map(number).collect()
            };
            let (samples, means) = (draw(samples, -1.0, 1.0), draw(gaussians, -1.0, 1.0));
            check(&samples, &means, &draw(gaussians, 1e-6, 0.1), dimension);
        }
    }

    #[test]
    fn every_finite_number_is_divided_alike() {
        // Bits drawn evenly: all exponents, numbers below the normal ones too.
        let mut random = Random::new(6);
        let mut draw = |count: usize| -> Vec<f32> {
            let bits = std::iter::from_fn(|| Some(f32::from_bits(random.below(1 << 32) as u32)));
            bits.filter(|x| x.is_finite() && *x != 0.0)
                .take(count)
                .collect()
        };
        for _ in 0..20 {
            let variances: Vec<f32> = draw(160).iter().map(|x| x.abs()).collect();
            check(&draw(500), &draw(160), &variances, 1);
        }
        let most = [
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-45,
            0.0,
            1.0,
            3.0,
            0.1,
            -f32::MAX,
        ];
        let positive: Vec<f32> = most.iter().map(|x| x.abs().max(1e-45)).collect();
        check(&most, &most, &positive, 1);
        check(&most, &most, &positive, 2);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(
            Mahalanobis::new(&[], &[], 3)
                .distances(&[1.0; 6])
                .is_empty()
        );
        assert!(
            Mahalanobis::new(&[1.0; 3], &[1.0; 3], 3)
                .distances(&[])
                .is_empty()
        );
        assert!(Mahalanobis::new(&[], &[], 0).distances(&[]).is_empty());
    }
}
