//! Maximally stable extremal regions: blots of any shape whose outline holds still while a threshold moves (Matas, Chum, Urban &
//! Pajdla, BMVC 2002), found in linear time (Nistér & Stewénius, ECCV 2008).
//!
//! A region is stable where its variation, the growth of its area from `delta` levels below to `delta` levels above over its
//! own area, is smallest among the regions that it holds and that hold it. Without diversity the regions are those of OpenCV 5, pixel by
//! pixel (see `tests/reference`), but that OpenCV leaves out the image's outermost pixels. Diversity is measured
//! as VLFeat does, by how much two nested stable regions differ in area; OpenCV 5 measures something else.

mod config;
mod flood;
mod stable;

pub use config::MserConfig;

use vizsla_pixels::Gray;

use crate::budget;
use crate::keypoint::Keypoint;
use crate::shape::Shape;

/// Which side of the threshold a region lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Darker than what surrounds it.
    Dark,
    /// Brighter than what surrounds it.
    Bright,
}

/// A maximally stable region: the pixels connected with `seed`, by sides, that are not brighter (dark) or not darker (bright) than
/// `level`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MserRegion {
    /// Dark or bright.
    pub polarity: Polarity,
    /// The grey value of the threshold.
    pub level: u8,
    /// Column and row of one of its pixels.
    pub seed: (usize, usize),
    /// Pixels.
    pub area: u32,
    /// Column and row of the centre of gravity.
    pub centre: (f64, f64),
    /// Second central moments over the area, in square pixels, symmetric. A pixel counts as a square, so that a line has a
    /// width.
    pub covariance: [[f64; 2]; 2],
    /// Growth of the area over `2 delta` levels, a share of the area, `[0, max_variation]`.
    pub variation: f32,
}

impl MserRegion {
    /// The places of all its pixels in the image it was found in, ascending: `y * width + x`.
    #[must_use]
    pub fn pixels(&self, image: &Gray) -> Vec<usize> {
        let (width, height) = (image.width(), image.height());
        let inside = |at: usize| match self.polarity {
            Polarity::Dark => image.data()[at] <= self.level,
            Polarity::Bright => image.data()[at] >= self.level,
        };
        let (x, y) = self.seed;
        if x >= width || y >= height || !inside(y * width + x) {
            return Vec::new();
        }
        let mut seen = vec![false; width * height];
        let mut pixels = vec![y * width + x];
        seen[y * width + x] = true;
        let mut next = 0;
        while let Some(&at) = pixels.get(next) {
            next += 1;
            let (x, y) = (at % width, at / width);
            let neighbours = [
                (x + 1 < width, at + 1),
                (x > 0, at.wrapping_sub(1)),
                (y + 1 < height, at + width),
                (y > 0, at.wrapping_sub(width)),
            ];
            for (exists, to) in neighbours {
                if exists && !seen[to] && inside(to) {
                    seen[to] = true;
                    pixels.push(to);
                }
            }
        }
        pixels.sort_unstable();
        pixels
    }

    /// The region as a keypoint: the ellipse of its second moments. Its scale is that at which a blob detector
    /// answers to a disc of the same moments (radius over √2). `None` for what is longer than any [`Shape`].
    #[must_use]
    pub fn keypoint(&self) -> Option<Keypoint> {
        let [[a, b], [_, d]] = self.covariance;
        let root = (a * d - b * b).max(0.0).sqrt();
        // The square root of a symmetric 2 × 2 matrix, up to a factor.
        let shape = Shape::of_matrix([[a + root, b], [b, d + root]])?;
        Some(Keypoint {
            x: self.centre.0 as f32,
            y: self.centre.1 as f32,
            scale: (2.0 * root).sqrt() as f32,
            angle: 0.0,
            shape,
            response: 1.0 / (1.0 + self.variation),
        })
    }
}

/// The stable regions of an image, the most stable first, those of equal variation by falling area. Ignores the budget.
/// Takes about 5 bytes a pixel and 34 a region of any level; an image of 2³² pixels or more has none.
#[must_use]
pub fn regions(image: &Gray, config: &MserConfig) -> Vec<MserRegion> {
    let size = (image.width(), image.height());
    if image.data().len() >= flood::NONE as usize {
        return Vec::new();
    }
    let areas = (config.min_area.max(1), config.max_area);
    let mut found = Vec::new();
    for (polarity, flip, wanted) in [
        (Polarity::Dark, 0, config.dark),
        (Polarity::Bright, 255, config.bright),
    ] {
        if wanted {
            let tree = flood::flood(image.data(), size, flip, areas);
            let stable = stable::select(&tree, config);
            found.extend(stable.iter().filter_map(|&(node, variation)| {
                region(&tree, node, variation, polarity, flip, size.0)
            }));
        }
    }
    found.sort_by(|a, b| {
        (a.variation.total_cmp(&b.variation))
            .then(b.area.cmp(&a.area))
            .then(a.seed.cmp(&b.seed))
    });
    found
}

/// The stable regions of an image as keypoints, strongest first: response `1 / (1 + variation)`, `[1 / (1 + max_variation), 1]`,
/// angle 0, the ellipse of the second moments (see [`MserRegion::keypoint`]).
#[must_use]
pub fn detect(image: &Gray, config: &MserConfig) -> Vec<Keypoint> {
    let keypoints: Vec<Keypoint> = regions(image, config)
        .iter()
        .filter_map(MserRegion::keypoint)
        .collect();
    let size = (image.width(), image.height());
    budget::within(&keypoints, size, config.budget, config.spread)
}

fn region(
    tree: &flood::Tree,
    node: usize,
    variation: f32,
    polarity: Polarity,
    flip: u8,
    width: usize,
) -> Option<MserRegion> {
    let node = &tree.nodes[node];
    let sums = tree.moments.get(node.moments as usize)?;
    let count = f64::from(node.area);
    let (x, y) = (sums.x as f64 / count, sums.y as f64 / count);
    // The variance of a pixel's own square.
    let square = 1.0 / 12.0;
    let off = sums.xy as f64 / count - x * y;
    Some(MserRegion {
        polarity,
        level: node.level ^ flip,
        seed: (node.seed as usize % width, node.seed as usize / width),
        area: node.area,
        centre: (x, y),
        covariance: [
            [sums.xx as f64 / count - x * x + square, off],
            [off, sums.yy as f64 / count - y * y + square],
        ],
        variation,
    })
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{MserConfig, Polarity, detect, regions};

    /// Dark and bright ellipses `(x, y, a, b, turn, value)` on grey 128.
    fn ellipses(list: &[(f64, f64, f64, f64, f64, u8)]) -> Gray {
        let mut image = Gray::filled(160, 120, 128).unwrap();
        for (at, value) in image.data_mut().iter_mut().enumerate() {
            let (px, py) = ((at % 160) as f64, (at / 160) as f64);
            for &(x, y, a, b, turn, tone) in list {
                let (sin, cos) = turn.sin_cos();
                let (u, v) = (
                    (px - x) * cos + (py - y) * sin,
                    (py - y) * cos - (px - x) * sin,
                );
                if (u / a).powi(2) + (v / b).powi(2) <= 1.0 {
                    *value = tone;
                }
            }
        }
        image
    }

    #[test]
    fn ellipses_are_found_as_they_were_drawn() {
        let drawn = [
            (40.0, 40.0, 20.0, 10.0, 0.6, 30),
            (110.0, 70.0, 12.0, 12.0, 0.0, 220),
        ];
        let image = ellipses(&drawn);
        let found = regions(&image, &MserConfig::default());
        assert_eq!(found.len(), 2, "{found:?}");
        let points = detect(&image, &MserConfig::default());
        for (x, y, a, b, turn, tone) in drawn {
            let region = found.iter().find(|r| {
                r.pixels(&image).len() == r.area as usize
                    && (r.centre.0 - x).hypot(r.centre.1 - y) < 0.1
            });
            let region = region.unwrap();
            let polarity = if tone < 128 {
                Polarity::Dark
            } else {
                Polarity::Bright
            };
            assert_eq!((region.polarity, region.level), (polarity, tone));
            let point = points
                .iter()
                .find(|k| (k.x - x as f32).hypot(k.y - y as f32) < 0.1)
                .unwrap();
            let length = f64::from(point.shape.u.hypot(point.shape.v));
            assert!((length - 0.5 * (a / b).ln()).abs() < 0.02, "{point:?}");
            if a > b {
                let towards = 0.5 * f64::from(point.shape.v.atan2(point.shape.u));
                assert!((towards - turn).abs() < 0.02, "{towards}");
            }
            let radius = (a * b).sqrt();
            assert!((f64::from(point.scale) * 2f64.sqrt() / radius - 1.0).abs() < 0.02);
            assert_eq!((point.response, point.angle), (1.0, 0.0));
        }
    }

    #[test]
    fn polarity_area_variation_and_budget_select() {
        let image = ellipses(&[
            (40.0, 40.0, 20.0, 10.0, 0.6, 30),
            (110.0, 70.0, 12.0, 12.0, 0.0, 220),
        ]);
        let count = |config: MserConfig| detect(&image, &config).len();
        let all = MserConfig::default();
        assert_eq!(count(MserConfig { dark: false, ..all }), 1);
        assert_eq!(
            count(MserConfig {
                bright: false,
                ..all
            }),
            1
        );
        assert_eq!(
            count(MserConfig {
                min_area: 500,
                ..all
            }),
            1
        );
        assert_eq!(
            count(MserConfig {
                max_area: 500,
                ..all
            }),
            1
        );
        assert_eq!(count(MserConfig { budget: 1, ..all }), 1);
        // Over 100 levels both blots run into the ground.
        assert_eq!(count(MserConfig { delta: 120, ..all }), 0);
    }

    #[test]
    fn diversity_keeps_one_of_nested_twins() {
        // Rings, each one pixel wider and 20 levels brighter: nested regions of nearly one area.
        let rings: Vec<_> = (0..4)
            .rev()
            .map(|i| {
                let radius = 20.0 + f64::from(i);
                (80.0, 60.0, radius, radius, 0.0, 20 + 20 * i as u8)
            })
            .collect();
        let image = ellipses(&rings);
        let found = |min_diversity| {
            let config = MserConfig {
                min_diversity,
                bright: false,
                ..MserConfig::default()
            };
            regions(&image, &config).len()
        };
        assert_eq!(found(0.0), 4);
        assert_eq!(found(0.2), 1);
    }

    #[test]
    fn no_image_and_no_setting_is_too_strange() {
        let configs = [
            MserConfig::default(),
            MserConfig {
                delta: 0,
                min_area: 0,
                max_area: u32::MAX,
                max_variation: f32::INFINITY,
                min_diversity: -1.0,
                ..MserConfig::default()
            },
            MserConfig {
                delta: 255,
                min_area: u32::MAX,
                max_area: 0,
                max_variation: f32::NAN,
                min_diversity: f32::NAN,
                budget: usize::MAX,
                ..MserConfig::default()
            },
        ];
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (64, 64)] {
            for value in [0, 200, 255] {
                let flat = Gray::filled(width, height, value).unwrap();
                let stripes: Vec<u8> = (0..width * height).map(|i| (i * 37) as u8).collect();
                let striped = Gray::new(width, height, stripes).unwrap();
                for config in configs {
                    for image in [&flat, &striped] {
                        let found = detect(image, &config);
                        assert!(found.iter().all(|k| k.shape.is_valid() && k.scale > 0.0));
                    }
                }
                // What fills the picture has no outline.
                assert!(detect(&flat, &configs[0]).is_empty());
            }
        }
    }
}
