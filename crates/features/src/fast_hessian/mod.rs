//! The detector of SURF, "fast Hessian" (Bay, Ess, Tuytelaars & Van Gool, CVIU 2008).
//!
//! Blobs are maxima of the determinant of the Hessian over place and scale. Second derivatives of Gaussians are replaced with
//! boxes, whose sums an integral image gives in the same time for every size; so the image is never smoothed or shrunk, the filter
//! grows instead. Checked against a float64 program written from the paper (`tests/reference/surf.py`). The first octave samples every
//! pixel, and every further one half as densely.

mod response;

use vizsla_pixels::Gray;

use self::response::{Derivatives, Layer};
use crate::budget;
use crate::integral::Integral;
use crate::keypoint::Keypoint;
use crate::shape::Shape;

/// What [`detect`] looks for; the default holds the paper's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastHessianConfig {
    /// Largest number of keypoints of an image; 0 keeps all.
    pub budget: usize,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
    /// Smallest determinant of a blob, grey values as `[0, 1]` and filters normalised by their area; default 0.0004.
    pub threshold: f32,
    /// Octaves, 1 to 5 (others are clamped); default 4.
    pub octaves: usize,
    /// Scales of an octave at which blobs are found, 1 to 8 (others are clamped); two more are computed around them.
    /// Default 2.
    pub layers: usize,
}

impl Default for FastHessianConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            spread: true,
            threshold: 4e-4,
            octaves: 4,
            layers: 2,
        }
    }
}

/// A blob and the sign of its Laplacian. Blobs of different signs never show the same thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HessianBlob {
    /// Place, angle 0, round; response: the determinant at the refined place. The scale is 5/3 of the paper's, that is 2 pixels
    /// for the filter of side 9: a descriptor's window of twelve scales is then the paper's of twenty. A Gaussian spot is
    /// found at about 1.2 times its standard deviation.
    pub keypoint: Keypoint,
    /// Whether it is brighter than what surrounds it.
    pub bright: bool,
}

/// Scale of a keypoint over the side of the filter that answers most strongly.
const SCALE: f64 = 2.0 / 9.0;

/// Side of the filter of layer `layer` of an octave: 9, 15, 21, 27; 15, 27, 39, 51; 27, …
fn filter_size(octave: usize, layer: usize) -> usize {
    3 * ((2 << octave) * (layer + 1) + 1)
}

/// The blobs of an image, octave by octave, row by row. Ignores the budget. Takes 4 bytes a pixel, and 4 for each of
/// `layers + 2` determinants.
#[must_use]
pub fn blobs(image: &Gray, config: &FastHessianConfig) -> Vec<HessianBlob> {
    let size = (image.width(), image.height());
    let layers = config.layers.clamp(1, 8);
    let integral = Integral::new(image);
    let mut stack: Vec<Layer> = (0..layers + 2).map(|_| Layer::default()).collect();
    let mut found = Vec::new();
    for octave in 0..config.octaves.clamp(1, 5) {
        // The smallest filter between two others must fit with its neighbours.
        if filter_size(octave, 2) + 2 > size.0.min(size.1) {
            break;
        }
        for (i, layer) in stack.iter_mut().enumerate() {
            layer.fill(&integral, size, filter_size(octave, i), 1 << octave);
        }
        for triple in stack.windows(3) {
            if let [below, layer, above] = triple {
                search(
                    &integral,
                    [below, layer, above],
                    size,
                    config.threshold,
                    &mut found,
                );
            }
        }
    }
    found
}

/// The blobs of an image as keypoints, strongest first; see [`blobs`] for the signs.
#[must_use]
pub fn detect(image: &Gray, config: &FastHessianConfig) -> Vec<Keypoint> {
    let keypoints: Vec<Keypoint> = blobs(image, config).iter().map(|b| b.keypoint).collect();
    let size = (image.width(), image.height());
    budget::within(&keypoints, size, config.budget, config.spread)
}

/// Finds the maxima of the middle one of three layers.
fn search(
    integral: &Integral,
    layers: [&Layer; 3],
    (width, height): (usize, usize),
    threshold: f32,
    found: &mut Vec<HessianBlob>,
) {
    let layer = layers[1];
    // All neighbours must have been computed, also with the largest filter.
    let reach = layers[2].size / 2;
    let margin = reach.div_ceil(layer.step) + 1;
    let fits = |at: usize, side: usize| (at + 1) * layer.step + reach < side;
    for row in margin..layer.height {
        if !fits(row, height) {
            break;
        }
        for column in margin..layer.width {
            if !fits(column, width) {
                break;
            }
            let value = layer.at(column, row);
            if value > threshold && is_maximum(layers, column, row, value) {
                let (x, y) = (column * layer.step, row * layer.step);
                let bright = Derivatives::at(integral, x, y, layer.size).is_bright();
                found.extend(
                    refine(layers, column, row).map(|keypoint| HessianBlob { keypoint, bright }),
                );
            }
        }
    }
}

/// Whether a value exceeds all its 26 neighbours.
fn is_maximum(layers: [&Layer; 3], column: usize, row: usize, value: f32) -> bool {
    for (l, layer) in layers.iter().enumerate() {
        for y in row - 1..=row + 1 {
            for x in column - 1..=column + 1 {
                let itself = l == 1 && x == column && y == row;
                if !itself && layer.at(x, y) >= value {
                    return false;
                }
            }
        }
    }
    true
}

/// The maximum of the quadratic through a place and its neighbours (Brown & Lowe, BMVC 2002); `None` where it lies nearer to another
/// sample.
fn refine(layers: [&Layer; 3], column: usize, row: usize) -> Option<Keypoint> {
    let at = |x: i64, y: i64, s: usize| {
        let (x, y) = (column as i64 + x, row as i64 + y);
        f64::from(layers[s].at(x as usize, y as usize))
    };
    let centre = at(0, 0, 1);
    let gradient = [
        0.5 * (at(1, 0, 1) - at(-1, 0, 1)),
        0.5 * (at(0, 1, 1) - at(0, -1, 1)),
        0.5 * (at(0, 0, 2) - at(0, 0, 0)),
    ];
    let xx = at(1, 0, 1) + at(-1, 0, 1) - 2.0 * centre;
    let yy = at(0, 1, 1) + at(0, -1, 1) - 2.0 * centre;
    let ss = at(0, 0, 2) + at(0, 0, 0) - 2.0 * centre;
    let xy = 0.25 * (at(1, 1, 1) - at(-1, 1, 1) - at(1, -1, 1) + at(-1, -1, 1));
    let xs = 0.25 * (at(1, 0, 2) - at(-1, 0, 2) - at(1, 0, 0) + at(-1, 0, 0));
    let ys = 0.25 * (at(0, 1, 2) - at(0, -1, 2) - at(0, 1, 0) + at(0, -1, 0));
    let offset = solve([[xx, xy, xs], [xy, yy, ys], [xs, ys, ss]], gradient)?;
    if offset.iter().any(|o| o.abs() > 0.5) {
        return None;
    }
    let gain: f64 = gradient.iter().zip(offset).map(|(g, o)| g * o).sum();
    let layer = layers[1];
    let step = layer.step as f64;
    let growth = (layer.size - layers[0].size) as f64;
    Some(Keypoint {
        x: ((column as f64 + offset[0]) * step) as f32,
        y: ((row as f64 + offset[1]) * step) as f32,
        scale: (SCALE * (layer.size as f64 + offset[2] * growth)) as f32,
        angle: 0.0,
        shape: Shape::CIRCLE,
        response: (centre + 0.5 * gain) as f32,
    })
}

/// The offset at which a quadratic of this Hessian and gradient is stationary, by Cramer's rule.
fn solve(h: [[f64; 3]; 3], g: [f64; 3]) -> Option<[f64; 3]> {
    let cross = |a: [f64; 3], b: [f64; 3]| {
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    };
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let determinant = dot(h[0], cross(h[1], h[2]));
    let rows = [cross(h[1], h[2]), cross(h[2], h[0]), cross(h[0], h[1])];
    let offset = [0, 1, 2].map(|i| {
        let sum = rows[0][i] * g[0] + rows[1][i] * g[1] + rows[2][i] * g[2];
        -sum / determinant
    });
    offset.iter().all(|o| o.is_finite()).then_some(offset)
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{FastHessianConfig, blobs, detect, filter_size, solve};

    /// Gaussian spots `(x, y, sigma, height)` on grey.
    fn spots(spots: &[(f32, f32, f32, f32)]) -> Gray {
        let value = |i: usize| {
            let (x, y) = ((i % 200) as f32, (i / 200) as f32);
            let tone = |&(sx, sy, s, h): &(f32, f32, f32, f32)| {
                h * (-((x - sx).powi(2) + (y - sy).powi(2)) / (2.0 * s * s)).exp()
            };
            (128.0 + spots.iter().map(tone).sum::<f32>()).round() as u8
        };
        Gray::new(200, 150, (0..200 * 150).map(value).collect()).unwrap()
    }

    #[test]
    fn filters_grow_as_in_the_paper() {
        let sizes = |octave| [0, 1, 2, 3].map(|layer| filter_size(octave, layer));
        assert_eq!(sizes(0), [9, 15, 21, 27]);
        assert_eq!(sizes(1), [15, 27, 39, 51]);
        assert_eq!(sizes(2), [27, 51, 75, 99]);
        assert_eq!(sizes(3), [51, 99, 147, 195]);
    }

    #[test]
    fn a_quadratic_is_solved() {
        let (h, offset) = (
            [[-2.0, 0.3, 0.1], [0.3, -1.5, 0.2], [0.1, 0.2, -1.0]],
            [0.2, -0.3, 0.4],
        );
        let g = [0, 1, 2].map(|i| -(0..3).map(|j| h[i][j] * offset[j]).sum::<f64>());
        let found = solve(h, g).unwrap();
        assert!(found.iter().zip(offset).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(solve([[0.0; 3]; 3], g), None);
    }

    #[test]
    fn spots_are_found_where_as_large_and_as_bright_as_they_are() {
        let truth = [(50.3, 45.6, 3.0, 100.0), (130.8, 90.1, 6.0, -100.0)];
        let image = spots(&truth);
        let found = blobs(&image, &FastHessianConfig::default());
        for (x, y, sigma, height) in truth {
            let near: Vec<_> = found
                .iter()
                .filter(|b| {
                    (b.keypoint.x - x).hypot(b.keypoint.y - y) < 0.5
                        && (b.keypoint.scale / sigma - 1.2).abs() < 0.1
                })
                .collect();
            assert!(!near.is_empty(), "{found:?}");
            assert!(near.iter().all(|b| b.bright == (height > 0.0)));
        }
        let config = FastHessianConfig {
            budget: 1,
            ..FastHessianConfig::default()
        };
        assert_eq!(detect(&image, &config).len(), 1);
    }

    #[test]
    fn no_image_and_no_setting_is_too_strange() {
        let configs = [
            FastHessianConfig::default(),
            FastHessianConfig {
                threshold: f32::NAN,
                octaves: 0,
                layers: 0,
                ..Default::default()
            },
            FastHessianConfig {
                threshold: -1.0,
                octaves: 99,
                layers: 99,
                ..Default::default()
            },
        ];
        for (width, height) in [
            (1, 1),
            (1, 10_000),
            (10_000, 1),
            (22, 24),
            (23, 23),
            (64, 64),
        ] {
            for value in [0, 255] {
                let flat = Gray::filled(width, height, value).unwrap();
                let noise: Vec<u8> = (0..width * height).map(|i| (i * i * 37) as u8).collect();
                let noisy = Gray::new(width, height, noise).unwrap();
                for config in &configs {
                    assert!(detect(&flat, config).is_empty());
                    assert!(detect(&noisy, config).iter().all(|k| k.scale > 0.0));
                }
            }
        }
    }
}
