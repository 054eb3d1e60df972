//! The detector of ORB (Rublee, Rabaud, Konolige & Bradski, ICCV 2011): FAST-9 corners on a pyramid, ranked by Harris' measure
//! and turned by the centroid of their grey values.
//!
//! On one level corners, responses and angles are OpenCV's (see `tests/reference`). The pyramid is not: levels here
//! are area-correct and know where their pixels lie, corners are not cut by their FAST score before Harris' measure ranks them,
//! edges (a measure of 0 or less) are dropped, and what a level has not got goes to the coarser ones.

use vizsla_pixels::Gray;

use super::{CORNER_SCALE, Corner, corners};
use crate::budget::{self, Bid};
use crate::keypoint::Keypoint;
use crate::shape::Shape;

/// Radius of the disc whose centroid tells the direction.
const DISC: usize = 15;
/// Pixels along the border that have no corners; the disc must fit.
const BORDER: usize = DISC + 1;
/// Half the side of Harris' window.
const HARRIS: usize = 3;
/// Weight of the trace in Harris' measure.
const HARRIS_K: f64 = 0.04;

/// What [`detect`] looks for; the default holds the paper's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrbConfig {
    /// Largest number of keypoints of an image; 0 keeps all. A level gets a share of it that falls with the level's side.
    pub budget: usize,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
    /// Difference of grey values that a corner must exceed; default 20.
    pub threshold: u8,
    /// Levels of the pyramid, 1 to 16 (others are clamped); default 8.
    pub levels: usize,
    /// From the side of one level to that of the next, 1.05 to 4 (others are clamped); default 1.2.
    pub factor: f32,
}

impl Default for OrbConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            spread: true,
            threshold: 20,
            levels: 8,
            factor: 1.2,
        }
    }
}

/// The oriented corners of an image, strongest first: Harris' measure of grey values as `[0, 1]` and Sobel's derivatives over 7 × 7
/// pixels as response, above 0; 31/12 pixels of the level as scale, whose descriptor sees 31 of them; the direction
/// from the corner to the centroid of the disc around it as angle; round. A level with a side below 33 has none.
#[must_use]
pub fn detect(image: &Gray, config: &OrbConfig) -> Vec<Keypoint> {
    let levels = config.levels.clamp(1, 16);
    let factor = match config.factor.is_nan() {
        true => 1.2,
        false => f64::from(config.factor.clamp(1.05, 4.0)),
    };
    let mut found = Vec::new();
    let mut smaller: Option<Gray> = None;
    for level in 0..levels {
        let layer = smaller.as_ref().unwrap_or(image);
        if layer.width() <= 2 * BORDER || layer.height() <= 2 * BORDER {
            break;
        }
        let wanted = match config.budget {
            0 => 0,
            all if found.len() >= all => break,
            all => share(all - found.len(), factor, levels - level),
        };
        let (sx, sy) = (
            image.width() as f32 / layer.width() as f32,
            image.height() as f32 / layer.height() as f32,
        );
        let points = on_level(layer, config.threshold, wanted, config.spread);
        found.extend(points.into_iter().map(|point| Keypoint {
            x: (point.x + 0.5) * sx - 0.5,
            y: (point.y + 0.5) * sy - 0.5,
            scale: point.scale * (sx * sy).sqrt(),
            ..point
        }));
        let scale = factor.powi(level as i32 + 1);
        let side = |whole: usize| ((whole as f64 / scale).round() as usize).max(1);
        match layer.resized(side(image.width()), side(image.height())) {
            Ok(next) => smaller = Some(next),
            Err(_) => break,
        }
    }
    found.sort_by(|a, b| b.response.total_cmp(&a.response));
    found
}

/// What the finest of `levels` gets of a budget, at least 1: the shares fall with the side.
fn share(budget: usize, factor: f64, levels: usize) -> usize {
    let ratio = 1.0 / factor;
    let own = budget as f64 * (1.0 - ratio) / (1.0 - ratio.powi(levels as i32));
    (own.round() as usize).clamp(1, budget)
}

/// The corners of one level in its own pixels; `budget` 0 keeps all.
fn on_level(layer: &Gray, threshold: u8, budget: usize, spread: bool) -> Vec<Keypoint> {
    let (width, height) = (layer.width(), layer.height());
    let inside = |c: &Corner| {
        c.x >= BORDER && c.y >= BORDER && c.x < width - BORDER && c.y < height - BORDER
    };
    let ranked: Vec<Bid> = corners(layer, threshold)
        .iter()
        .filter(|c| inside(c))
        .map(|c| Bid {
            x: c.x as f32,
            y: c.y as f32,
            response: harris(layer, c.x, c.y),
        })
        .filter(|bid| bid.response > 0.0)
        .collect();
    let disc = disc();
    budget::choose(&ranked, (width, height), budget, spread)
        .into_iter()
        .map(|i| {
            let Bid { x, y, response } = ranked[i];
            Keypoint {
                x,
                y,
                scale: CORNER_SCALE,
                angle: direction(layer, x as usize, y as usize, &disc),
                shape: Shape::CIRCLE,
                response,
            }
        })
        .collect()
}

/// Harris' measure at a pixel at least 4 away from the border.
fn harris(image: &Gray, x: usize, y: usize) -> f32 {
    let (mut xx, mut yy, mut xy) = (0i64, 0i64, 0i64);
    for line in y - HARRIS..=y + HARRIS {
        let rows = [image.row(line - 1), image.row(line), image.row(line + 1)];
        for column in x - HARRIS..=x + HARRIS {
            let at = |row: usize, side: usize| i64::from(rows[row][column + side - 1]);
            let dx = 2 * (at(1, 2) - at(1, 0)) + at(0, 2) - at(0, 0) + at(2, 2) - at(2, 0);
            let dy = 2 * (at(2, 1) - at(0, 1)) + at(2, 0) - at(0, 0) + at(2, 2) - at(0, 2);
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    let (xx, yy, xy) = (xx as f64, yy as f64, xy as f64);
    // Sobel's weights add up to 4 on either side.
    let unit = 4.0 * (2 * HARRIS + 1) as f64 * 255.0;
    ((xx * yy - xy * xy - HARRIS_K * (xx + yy).powi(2)) / unit.powi(4)) as f32
}

/// Half the length of every line of the disc, from its middle down; symmetric about the diagonal.
fn disc() -> [usize; DISC + 1] {
    let round = |v: usize| ((DISC * DISC - v * v) as f64).sqrt().round() as usize;
    std::array::from_fn(|v| {
        if 2 * v * v <= DISC * DISC {
            round(v)
        } else {
            (0..=DISC)
                .rev()
                .find(|&u| 2 * u * u <= DISC * DISC && round(u) >= v)
                .unwrap_or(0)
        }
    })
}

/// From the pixel to the centroid of the disc around it, radians `[0, 2π)`, y down.
fn direction(image: &Gray, x: usize, y: usize, disc: &[usize; DISC + 1]) -> f32 {
    let (mut right, mut down) = (0i64, 0i64);
    for line in 0..=2 * DISC {
        let v = line as i64 - DISC as i64;
        let reach = disc[v.unsigned_abs() as usize];
        let row = &image.row(y + line - DISC)[x - reach..=x + reach];
        let mut sum = 0;
        for (column, &value) in row.iter().enumerate() {
            let value = i64::from(value);
            right += (column as i64 - reach as i64) * value;
            sum += value;
        }
        down += v * sum;
    }
    let angle = (down as f64).atan2(right as f64) as f32;
    let turned = angle.rem_euclid(std::f32::consts::TAU);
    if turned < std::f32::consts::TAU {
        turned
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{OrbConfig, detect, disc, share};

    /// Squares of several sizes and tones, none of them level.
    fn squares() -> Gray {
        let mut image = Gray::filled(320, 240, 90).unwrap();
        for (i, value) in image.data_mut().iter_mut().enumerate() {
            let (x, y) = ((i % 320) as f32, (i / 320) as f32);
            for k in 0..6 {
                let (cx, cy) = (60.0 + 90.0 * (k % 3) as f32, 70.0 + 90.0 * (k / 3) as f32);
                let (sin, cos) = (0.3 + 0.4 * k as f32).sin_cos();
                let (u, v) = (
                    (x - cx) * cos + (y - cy) * sin,
                    (y - cy) * cos - (x - cx) * sin,
                );
                if u.abs().max(v.abs()) < 8.0 + 2.0 * k as f32 {
                    *value = 150 + 15 * k as u8;
                }
            }
        }
        image
    }

    #[test]
    fn the_disc_is_round() {
        assert_eq!(
            disc(),
            [15, 15, 15, 15, 14, 14, 14, 13, 13, 12, 11, 10, 9, 8, 6, 3]
        );
    }

    #[test]
    fn corners_point_into_the_squares() {
        let config = OrbConfig {
            levels: 3,
            ..OrbConfig::default()
        };
        let found = detect(&squares(), &config);
        assert!(found.len() >= 24, "{}", found.len());
        assert!(found.windows(2).all(|p| p[0].response >= p[1].response));
        for point in found.iter().take(12) {
            let k = (0..6)
                .min_by_key(|k| {
                    let (cx, cy) = (60.0 + 90.0 * (k % 3) as f32, 70.0 + 90.0 * (k / 3) as f32);
                    (point.x - cx).hypot(point.y - cy) as i32
                })
                .unwrap();
            let (cx, cy) = (60.0 + 90.0 * (k % 3) as f32, 70.0 + 90.0 * (k / 3) as f32);
            let inwards = (cy - point.y).atan2(cx - point.x);
            let off = (point.angle - inwards).rem_euclid(std::f32::consts::TAU);
            assert!(
                off.min(std::f32::consts::TAU - off) < 0.2,
                "{point:?} {inwards}"
            );
        }
    }

    #[test]
    fn an_image_of_twice_the_size_has_the_same_corners() {
        let small = squares();
        let large = small.resized(640, 480).unwrap();
        let (small, large) = (
            detect(&small, &OrbConfig::default()),
            detect(
                &large,
                &OrbConfig {
                    levels: 12,
                    ..OrbConfig::default()
                },
            ),
        );
        let again = small.iter().filter(|a| {
            large.iter().any(|b| {
                let (x, y) = ((b.x + 0.5) / 2.0 - 0.5, (b.y + 0.5) / 2.0 - 0.5);
                let size = b.scale / (2.0 * a.scale);
                (x - a.x).hypot(y - a.y) < a.scale && size > 0.8 && size < 1.25
            })
        });
        let share = again.count() as f32 / small.len() as f32;
        assert!(share > 0.9, "{share}");
    }

    #[test]
    fn the_budget_is_kept_and_shared_among_levels() {
        assert_eq!(share(100, 2.0, 1), 100);
        assert_eq!(share(70, 2.0, 3), 40);
        for budget in [1, 5, 12] {
            let found = detect(
                &squares(),
                &OrbConfig {
                    budget,
                    ..OrbConfig::default()
                },
            );
            assert_eq!(found.len(), budget);
        }
    }

    #[test]
    fn no_image_and_no_setting_is_too_strange() {
        for (width, height) in [
            (1, 1),
            (1, 10_000),
            (10_000, 1),
            (32, 33),
            (33, 33),
            (64, 64),
        ] {
            for value in [0, 255] {
                let image = Gray::filled(width, height, value).unwrap();
                for (levels, factor) in [(0, 0.0), (99, f32::NAN), (8, f32::INFINITY)] {
                    let config = OrbConfig {
                        levels,
                        factor,
                        threshold: 0,
                        ..OrbConfig::default()
                    };
                    assert!(detect(&image, &config).is_empty());
                }
            }
        }
    }
}
