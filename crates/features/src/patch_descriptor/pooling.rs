//! Pooling over domain sizes (Dong & Soatto, "Domain-size pooling in local descriptors: DSP-SIFT", CVPR 2015).
//!
//! A keypoint's scale is not exact, and what lies around it may move against it. The descriptors of windows of several sizes around the
//! same place, averaged, change less than any of them does.

use super::is_patch;
use crate::descriptor::quantise;
use crate::keypoint::Descriptor;

/// Over which sizes [`describe_pooled`] averages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DspConfig {
    /// Windows, 1 to 64 (others are clamped); default 10.
    pub sizes: usize,
    /// Side of the smallest window over that of the patch, which is the largest; 0.05 to 1 (others are clamped). Default 1/8, as from
    /// 1/6 to 4/3 of the keypoint's own window in the paper: the patch is then to be 4/3 as large as without pooling.
    pub smallest: f32,
    /// Whether the average gets the length of what was averaged, which suits descriptors of fixed length that are nowhere negative (SIFT,
    /// RootSIFT, LBP, CS-LBP); without it bytes are plain means (SURF, BRIEF). Default true.
    pub keep_length: bool,
}

impl Default for DspConfig {
    fn default() -> Self {
        Self {
            sizes: 10,
            smallest: 0.125,
            keep_length: true,
        }
    }
}

impl DspConfig {
    /// The sides of the windows over that of the patch, ascending and evenly spaced, the last one 1.
    #[must_use]
    pub fn shares(&self) -> Vec<f32> {
        let count = self.sizes.clamp(1, 64);
        let smallest = match self.smallest.is_nan() {
            true => 0.125,
            false => self.smallest.clamp(0.05, 1.0),
        };
        let step = (1.0 - smallest) / (count - 1).max(1) as f32;
        (1..=count)
            .map(|i| 1.0 - (count - i) as f32 * step)
            .collect()
    }
}

/// Describes windows of several sizes in the middle of a patch, each resampled to the patch's own side, and averages the descriptors.
/// The patch is row by row, `side * side` grey values, `[0, 1]`; another length gives 128 zeros.
#[must_use]
pub fn describe_pooled(
    patch: &[f32],
    side: usize,
    config: &DspConfig,
    describe: impl Fn(&[f32], usize) -> Descriptor,
) -> Descriptor {
    if !is_patch(patch, side, 2) {
        return [0; 128];
    }
    let all: Vec<Descriptor> = config
        .shares()
        .iter()
        .map(|&share| describe(&middle(patch, side, share), side))
        .collect();
    pool(&all, config.keep_length)
}

/// The mean of descriptors, byte by byte, rounded; `keep_length` stretches it to the root mean square of their lengths. None
/// give 128 zeros.
#[must_use]
pub fn pool(descriptors: &[Descriptor], keep_length: bool) -> Descriptor {
    let mut sums = [0u64; 128];
    for descriptor in descriptors {
        for (sum, &value) in sums.iter_mut().zip(descriptor) {
            *sum += u64::from(value);
        }
    }
    let count = descriptors.len().max(1) as f64;
    let mut scale = 1.0 / count;
    if keep_length {
        let squares = |v: &u8| u64::from(*v) * u64::from(*v);
        let own: u64 = descriptors.iter().flatten().map(squares).sum();
        let mean: f64 = sums.iter().map(|&s| (s as f64 / count).powi(2)).sum();
        if mean > 0.0 {
            scale *= (own as f64 / count / mean).sqrt();
        }
    }
    sums.map(|sum| (sum as f64 * scale).round().min(255.0) as u8)
}

/// The mean of histograms as SIFT sums them (4 × 4 cells of 8 directions), each of length 1 first, made a descriptor as SIFT does: cut at
/// 0.2, normalised, in bytes; `root` takes the square roots of the shares (RootSIFT). This is DSP-SIFT proper. Values are not negative;
/// histograms without length are passed over, and none give 128 zeros.
#[must_use]
pub fn pool_histograms(histograms: &[[f32; 128]], root: bool) -> Descriptor {
    let mut sums = [0.0f32; 128];
    for histogram in histograms {
        let length = histogram.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 && length.is_finite() {
            for (sum, &value) in sums.iter_mut().zip(histogram) {
                *sum += value / length;
            }
        }
    }
    quantise(&sums, root)
}

/// The middle part of a patch, read at as many places as the whole one has; bilinear.
fn middle(patch: &[f32], side: usize, share: f32) -> Vec<f32> {
    let half = 0.5 * (side - 1) as f32;
    let split: Vec<(usize, f32)> = (0..side)
        .map(|i| {
            let place = half + share * (i as f32 - half);
            let pixel = (place as usize).min(side - 2);
            (pixel, place - pixel as f32)
        })
        .collect();
    let mut out = Vec::with_capacity(patch.len());
    for &(y, down) in &split {
        for &(x, right) in &split {
            let at = |row: usize| {
                let start = patch[row * side + x];
                start + right * (patch[row * side + x + 1] - start)
            };
            let upper = at(y);
            out.push(upper + down * (at(y + 1) - upper));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{distance, patch, stands_everything};
    use super::super::{brief, cs_lbp, surf};
    use super::{DspConfig, describe_pooled, middle, pool, pool_histograms};
    use crate::keypoint::Descriptor;

    #[test]
    fn windows_lie_in_the_middle() {
        let ramp: Vec<f32> = (0..25)
            .map(|i| (i % 5) as f32 + 10.0 * (i / 5) as f32)
            .collect();
        assert_eq!(middle(&ramp, 5, 1.0), ramp);
        let half = middle(&ramp, 5, 0.5);
        assert_eq!(half[..5], [11.0, 11.5, 12.0, 12.5, 13.0]);
        assert_eq!((half[12], half[24]), (22.0, 33.0));
        let shares = DspConfig {
            sizes: 4,
            smallest: 0.25,
            ..DspConfig::default()
        }
        .shares();
        assert_eq!(shares, [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(
            DspConfig {
                sizes: 0,
                ..DspConfig::default()
            }
            .shares(),
            [1.0]
        );
    }

    #[test]
    fn means_are_means() {
        let (mut a, mut b) = ([0; 128], [0; 128]);
        (a[0], a[1]) = (200, 100);
        (b[0], b[2]) = (100, 51);
        let mean = pool(&[a, b], false);
        assert_eq!(mean[..4], [150, 50, 26, 0]);
        let long = pool(&[a, b], true);
        let length = |d: &Descriptor| distance(d, &[0; 128]);
        let wanted = ((length(&a).powi(2) + length(&b).powi(2)) / 2.0).sqrt();
        assert!((length(&long) - wanted).abs() < 1.0);
        assert_eq!((pool(&[a], true), pool(&[], true)), (a, [0; 128]));
    }

    #[test]
    fn histograms_count_alike_whatever_their_size() {
        let mut a = [1.0f32; 128];
        a[..32].fill(2.0);
        let b: [f32; 128] = std::array::from_fn(|i| 1.0 + (i % 5) as f32);
        let large = b.map(|v| 1000.0 * v);
        for root in [false, true] {
            assert_eq!(
                pool_histograms(&[a, b], root),
                pool_histograms(&[a, large], root)
            );
            assert_ne!(pool_histograms(&[a, b], root), pool_histograms(&[a], root));
            let length = distance(&pool_histograms(&[a, b], root), &[0; 128]);
            assert!((length - 512.0).abs() < 6.0);
            assert_eq!(pool_histograms(&[[0.0; 128]], root), [0; 128]);
        }
    }

    /// The reason for pooling: a window of a wrong size.
    #[test]
    fn a_wrong_scale_changes_less() {
        let config = DspConfig {
            smallest: 0.4,
            ..DspConfig::default()
        };
        let plain =
            |patch: &[f32], side| cs_lbp::describe(patch, side, &cs_lbp::CsLbpConfig::default());
        let pooled = |patch: &[f32], side| describe_pooled(patch, side, &config, plain);
        let (mut alone, mut together) = (0.0, 0.0);
        for seed in 1..20 {
            let own = patch(41, seed);
            let wrong = middle(&own, 41, 0.8);
            let right = middle(&own, 41, 1.0);
            alone += distance(&plain(&right, 41), &plain(&wrong, 41));
            together += distance(&pooled(&right, 41), &pooled(&wrong, 41));
        }
        assert!(together < 0.8 * alone, "{together} of {alone}");
    }

    #[test]
    fn nothing_panics() {
        for smallest in [f32::NAN, 0.0, 9.0] {
            let config = DspConfig {
                smallest,
                sizes: 3,
                keep_length: false,
            };
            stands_everything(|patch, side| {
                describe_pooled(patch, side, &config, |p, s| surf::describe(p, s, true))
            });
            stands_everything(|patch, side| describe_pooled(patch, side, &config, brief::describe));
        }
    }
}
