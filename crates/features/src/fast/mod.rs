//! FAST-9 corners (Rosten & Drummond, "Machine learning for high-speed corner detection", ECCV 2006), and ORB's oriented ones on
//! a pyramid ([`orb`]).
//!
//! A pixel is a corner where at least nine neighbouring pixels of the sixteen on the circle of radius 3 are all brighter, or
//! all darker, by more than the threshold. Its score is the highest threshold at which it still is one; only pixels whose
//! score exceeds those of all eight neighbours are kept. Corners and scores are exactly OpenCV's; see `tests/reference`.

pub(crate) mod orb;

use vizsla_pixels::Gray;

use crate::budget;
use crate::keypoint::Keypoint;
use crate::shape::Shape;

/// Radius of the circle, pixels.
const RADIUS: usize = 3;
/// Pixels of the circle that must agree.
const ARC: usize = 9;
/// The circle from below its centre on, column and row plus [`RADIUS`].
const CIRCLE: [(usize, usize); 16] = [
    (3, 6),
    (4, 6),
    (5, 5),
    (6, 4),
    (6, 3),
    (6, 2),
    (5, 1),
    (4, 0),
    (3, 0),
    (2, 0),
    (1, 1),
    (0, 2),
    (0, 3),
    (0, 4),
    (1, 5),
    (2, 6),
];
/// A corner is described by its surroundings of 31 × 31 pixels (Rublee et al. 2011); a descriptor's window is twelve
/// scales wide.
pub(crate) const CORNER_SCALE: f32 = 31.0 / 12.0;

/// What [`detect`] looks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastConfig {
    /// Largest number of keypoints of an image; 0 keeps all.
    pub budget: usize,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
    /// Difference of grey values that must be exceeded; default 20.
    pub threshold: u8,
}

impl Default for FastConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            spread: true,
            threshold: 20,
        }
    }
}

/// A corner in whole pixels and the highest threshold at which it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) score: u8,
}

/// The corners of an image as keypoints, strongest first: the score over 255 as response, `[0, 1)`, a scale of 31/12 pixels, whose
/// descriptor sees 31 pixels, angle 0, round. An image with a side below 7 has none.
#[must_use]
pub fn detect(image: &Gray, config: &FastConfig) -> Vec<Keypoint> {
    let keypoints: Vec<Keypoint> = corners(image, config.threshold)
        .iter()
        .map(|corner| Keypoint {
            x: corner.x as f32,
            y: corner.y as f32,
            scale: CORNER_SCALE,
            angle: 0.0,
            shape: Shape::CIRCLE,
            response: f32::from(corner.score) / 255.0,
        })
        .collect();
    let size = (image.width(), image.height());
    budget::within(&keypoints, size, config.budget, config.spread)
}

/// The corners that exceed their neighbours, row by row.
pub(crate) fn corners(image: &Gray, threshold: u8) -> Vec<Corner> {
    let (width, height) = (image.width(), image.height());
    let mut found = Vec::new();
    if width <= 2 * RADIUS || height <= 2 * RADIUS {
        return found;
    }
    // Scores of three rows: row y lies in y % 3.
    let mut scores = [vec![0u8; width], vec![0u8; width], vec![0u8; width]];
    for y in RADIUS..=height - RADIUS {
        let row = &mut scores[y % 3];
        row.fill(0);
        if y < height - RADIUS {
            score_row(image, y, threshold, row);
        }
        if y > RADIUS {
            let around = [&scores[(y + 1) % 3], &scores[(y + 2) % 3], &scores[y % 3]];
            peaks(around, y - 1, &mut found);
        }
    }
    found
}

/// Scores of the corners of a row; 0 for what is none.
fn score_row(image: &Gray, y: usize, threshold: u8, scores: &mut [u8]) {
    let rows: [&[u8]; 7] = std::array::from_fn(|i| image.row(y + i - RADIUS));
    let threshold = i16::from(threshold);
    let width = image.width();
    for x in RADIUS..width - RADIUS {
        let centre = i16::from(rows[RADIUS][x]);
        let (low, high) = (centre - threshold, centre + threshold);
        let at = |i: usize| {
            let (column, row) = CIRCLE[i];
            i16::from(rows[row][x + column - RADIUS])
        };
        // Nine in a row hold one of every two that face each other.
        let faces = |i: usize| {
            let (a, b) = (at(i), at(i + 8));
            (a > high || b > high, a < low || b < low)
        };
        let (mut bright, mut dark) = faces(0);
        for i in [4, 2, 6] {
            if !bright && !dark {
                break;
            }
            let (brighter, darker) = faces(i);
            bright &= brighter;
            dark &= darker;
        }
        if bright || dark {
            let differences: [i16; 16] = std::array::from_fn(|i| at(i) - centre);
            let score = arc_minimum(&differences) - 1;
            if score >= threshold {
                scores[x] = score.clamp(0, 255) as u8;
            }
        }
    }
}

/// The largest value that nine neighbouring differences, or their negatives, all reach.
fn arc_minimum(differences: &[i16; 16]) -> i16 {
    let mut best = 0;
    for start in 0..16 {
        let (mut low, mut high) = (i16::MAX, i16::MIN);
        for step in 0..ARC {
            let value = differences[(start + step) % 16];
            low = low.min(value);
            high = high.max(value);
        }
        best = best.max(low).max(-high);
    }
    best
}

/// Corners of the middle one of three rows that exceed all neighbours.
fn peaks(rows: [&Vec<u8>; 3], y: usize, found: &mut Vec<Corner>) {
    let width = rows[1].len();
    for x in RADIUS..width - RADIUS {
        let score = rows[1][x];
        if score == 0 {
            continue;
        }
        let around = |row: &[u8]| row[x - 1].max(row[x + 1]);
        let highest = around(rows[0]).max(rows[0][x]).max(around(rows[1]));
        if score > highest.max(around(rows[2])).max(rows[2][x]) {
            found.push(Corner { x, y, score });
        }
    }
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{Corner, FastConfig, corners, detect};

    #[test]
    fn a_square_has_four_corners() {
        let mut image = Gray::filled(40, 40, 50).unwrap();
        for y in 10..25usize {
            for x in 12..30usize {
                // Brightest in its corners, since neighbours of one score suppress each other.
                let off = x.abs_diff(12).min(x.abs_diff(29)) + y.abs_diff(10).min(y.abs_diff(24));
                image.data_mut()[y * 40 + x] = 200 - 3 * off as u8;
            }
        }
        let found = corners(&image, 20);
        let places: Vec<(usize, usize, u8)> = found.iter().map(|c| (c.x, c.y, c.score)).collect();
        let wanted = [(12, 10, 149), (29, 10, 149), (12, 24, 149), (29, 24, 149)];
        assert_eq!(places, wanted);
        assert!(corners(&image, 149).len() == 4 && corners(&image, 150).is_empty());
        let points = detect(
            &image,
            &FastConfig {
                budget: 2,
                ..FastConfig::default()
            },
        );
        assert_eq!(points.len(), 2);
    }

    #[test]
    fn a_spot_on_the_outermost_pixel_is_found() {
        let mut image = Gray::filled(7, 7, 0).unwrap();
        image.data_mut()[3 * 7 + 3] = 255;
        let only = Corner {
            x: 3,
            y: 3,
            score: 254,
        };
        assert_eq!(corners(&image, 254), [only]);
        assert_eq!(corners(&image, 255), []);
        assert_eq!(corners(&image, 0), [only]);
    }

    #[test]
    fn no_image_and_no_setting_is_too_strange() {
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (6, 9), (7, 7), (64, 64)] {
            for value in [0, 255] {
                let image = Gray::filled(width, height, value).unwrap();
                for threshold in [0, 20, 255] {
                    let config = FastConfig {
                        threshold,
                        budget: 5,
                        spread: true,
                    };
                    assert!(detect(&image, &config).is_empty());
                }
            }
        }
    }
}
