//! Keypoints on a regular grid, in several sizes: no detector at all, which category retrieval and textures prefer.
//!
//! The grid of every size is centred in the image. Where more points were wanted than the budget allows the grid is made wider,
//! so that what is left still covers the whole image evenly.

use vizsla_pixels::Gray;

use crate::keypoint::Keypoint;
use crate::shape::Shape;

/// Where [`detect`] puts keypoints.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseConfig {
    /// Largest number of keypoints of an image; 0 keeps all.
    pub budget: usize,
    /// Distance between neighbours in both directions, pixels, 1 to 10,000 (others are clamped); default 8.
    pub step: f32,
    /// Scales, as of a blob's Gaussian, pixels; a descriptor sees twelve of them. Those that are not positive and finite are
    /// passed over. Default 4/3, 2, 8/3, 10/3: descriptors of 16, 24, 32 and 40 pixels.
    pub scales: Vec<f32>,
}

impl Default for DenseConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            step: 8.0,
            scales: vec![4.0 / 3.0, 2.0, 8.0 / 3.0, 10.0 / 3.0],
        }
    }
}

/// The grid of an image: row by row for each scale in turn; response 1, angle 0, round. Points keep six scales from the
/// border, half of what a descriptor sees; a scale for which there is no such place has none.
#[must_use]
pub fn detect(image: &Gray, config: &DenseConfig) -> Vec<Keypoint> {
    let least = match config.step.is_nan() {
        true => 8.0,
        false => config.step.clamp(1.0, 10_000.0),
    };
    let scales: Vec<f32> = config
        .scales
        .iter()
        .copied()
        .filter(|s| s.is_finite() && *s > 0.0)
        .collect();
    let (width, height) = (image.width(), image.height());
    let count = |step: f32| {
        let of = |&scale: &f32| {
            axis(width, scale, step).map_or(0, |(_, n)| n)
                * axis(height, scale, step).map_or(0, |(_, n)| n)
        };
        scales.iter().map(of).fold(0, usize::saturating_add)
    };
    let mut step = least;
    if config.budget != 0 {
        while count(step) > config.budget {
            // At a step beyond the image one point is left of every scale.
            if step > width.max(height) as f32 {
                break;
            }
            step *= 1.02;
        }
    }
    let mut found = Vec::new();
    for &scale in &scales {
        let (Some(across), Some(down)) = (axis(width, scale, step), axis(height, scale, step))
        else {
            continue;
        };
        for row in 0..down.1 {
            found.extend((0..across.1).map(|column| Keypoint {
                x: across.0 + column as f32 * step,
                y: down.0 + row as f32 * step,
                scale,
                angle: 0.0,
                shape: Shape::CIRCLE,
                response: 1.0,
            }));
        }
    }
    if config.budget != 0 {
        found.truncate(config.budget);
    }
    found
}

/// The first place along a side and how many there are.
fn axis(side: usize, scale: f32, step: f32) -> Option<(f32, usize)> {
    let margin = 6.0 * scale;
    let room = (side - 1) as f32 - 2.0 * margin;
    if room < 0.0 {
        return None;
    }
    let steps = (room / step).floor();
    Some((margin + 0.5 * (room - steps * step), steps as usize + 1))
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{DenseConfig, detect};

    #[test]
    fn the_grid_is_even_centred_and_inside() {
        let image = Gray::filled(101, 61, 7).unwrap();
        let config = DenseConfig {
            step: 10.0,
            scales: vec![2.0, 4.0],
            ..DenseConfig::default()
        };
        let found = detect(&image, &config);
        // Room of 100 - 24 and 60 - 24, and of 100 - 48 and 60 - 48 pixels.
        assert_eq!(found.len(), 8 * 4 + 6 * 2);
        assert_eq!((found[0].x, found[0].y, found[0].scale), (15.0, 15.0, 2.0));
        assert_eq!((found[1].x, found[8].y), (25.0, 25.0));
        let last = found[31];
        assert_eq!((last.x, last.y), (85.0, 45.0));
        assert_eq!(
            (found[32].x, found[32].y, found[32].scale),
            (25.0, 25.0, 4.0)
        );
    }

    #[test]
    fn a_budget_widens_the_grid() {
        let image = Gray::filled(640, 480, 7).unwrap();
        for budget in [1, 3, 10, 500, 3000] {
            let config = DenseConfig {
                budget,
                ..DenseConfig::default()
            };
            let found = detect(&image, &config);
            assert!(
                found.len() <= budget && 10 * found.len() >= 8 * budget.min(4),
                "{budget}"
            );
            if budget >= 10 {
                let right = found.iter().map(|k| k.x).fold(0.0, f32::max);
                let left = found.iter().map(|k| k.x).fold(640.0, f32::min);
                assert!(
                    10 * found.len() >= 6 * budget,
                    "{} of {budget}",
                    found.len()
                );
                assert!((left + right - 639.0).abs() < 1e-2, "{left} {right}");
            }
        }
    }

    #[test]
    fn no_image_and_no_setting_is_too_strange() {
        let strange = [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-30, 1e30];
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (64, 64)] {
            let image = Gray::filled(width, height, 255).unwrap();
            assert!(detect(&image, &DenseConfig::default()).len() <= 64 * 64);
            for step in strange {
                let config = DenseConfig {
                    budget: 7,
                    step,
                    scales: strange.to_vec(),
                };
                let found = detect(&image, &config);
                assert!(found.len() <= 7);
                assert!(found.iter().all(|k| k.x >= 0.0 && k.x < width as f32));
            }
        }
    }
}
