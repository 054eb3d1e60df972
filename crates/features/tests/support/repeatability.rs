//! Repeatability and matching score of regions by the protocol of Mikolajczyk et al. (IJCV 2005).
//!
//! Only regions whose centre lies in the part that both images show count. The second image's regions are carried into the
//! first by the homography, linear around each centre; both ellipses of a pair are scaled by what gives the first one a radius
//! of 30 pixels while the centres stay, as the authors' program does. Pairs whose centres are within four scales and whose
//! overlap error (1 - intersection / union) is below 0.4 correspond, one to one, the least error first. So scaled, small
//! regions may be several scales apart; [`Size::Own`] is the stricter question, with regions of three scales as they are.
//!
//! Repeatability is the number of correspondences over the smaller number of regions. The matching score is the number of
//! nearest neighbours among descriptors whose regions overlap as well, one to one, over the same number.

use vizsla_features::{Descriptor, Features, Keypoint};

/// Radius to which the first region of a pair is scaled.
const RADIUS: f64 = 30.0;
/// Radius of a region that is not scaled, over the keypoint's scale.
const REACH: f64 = 3.0;
/// How far the centres of a pair may be apart, over the scale.
const APART: f64 = 4.0;
/// Largest overlap error.
const MOST_ERROR: f64 = 0.4;
/// Lines of the numeric integration.
const LINES: i32 = 200;

/// How large the regions of a pair are when their overlap is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Scaled so that the first has a radius of 30 pixels: the protocol.
    Normalised,
    /// Three times their scale.
    Own,
}

/// An ellipse: its centre and the symmetric matrix `C` with `(p - centre)ᵀ C⁻¹ (p - centre) ≤ 1`, as xx, xy, yy.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub centre: [f64; 2],
    pub spread: [f64; 3],
}

/// What a pair of images gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    /// Smaller number of regions in the common part.
    pub regions: usize,
    /// Pairs that overlap.
    pub correspondences: usize,
    /// Pairs that overlap and whose descriptors are nearest neighbours.
    pub matches: usize,
}

impl Score {
    pub fn repeatability(&self) -> f64 {
        self.correspondences as f64 / self.regions.max(1) as f64
    }

    pub fn matching(&self) -> f64 {
        self.matches as f64 / self.regions.max(1) as f64
    }
}

impl Region {
    pub fn of(keypoint: &Keypoint) -> Self {
        let radius = f64::from(keypoint.scale);
        let [[a, b], [_, c]] = keypoint.shape.matrix();
        let spread = [a * a + b * b, b * (a + c), b * b + c * c];
        Self {
            centre: [f64::from(keypoint.x), f64::from(keypoint.y)],
            spread: spread.map(|value| value * radius * radius),
        }
    }

    /// The region as a homography shows it, linear around its centre.
    pub fn seen(&self, h: &[f64; 9]) -> Self {
        let [x, y] = self.centre;
        let w = h[6] * x + h[7] * y + h[8];
        let centre = project(h, self.centre);
        let [u, v] = centre;
        let (a, b) = ((h[0] - u * h[6]) / w, (h[1] - u * h[7]) / w);
        let (c, d) = ((h[3] - v * h[6]) / w, (h[4] - v * h[7]) / w);
        let [xx, xy, yy] = self.spread;
        Self {
            centre,
            spread: [
                a * a * xx + 2.0 * a * b * xy + b * b * yy,
                a * c * xx + (a * d + b * c) * xy + b * d * yy,
                c * c * xx + 2.0 * c * d * xy + d * d * yy,
            ],
        }
    }

    fn radius(&self) -> f64 {
        determinant(self.spread).max(0.0).sqrt().sqrt()
    }
}

fn determinant([xx, xy, yy]: [f64; 3]) -> f64 {
    xx * yy - xy * xy
}

pub fn project(h: &[f64; 9], [x, y]: [f64; 2]) -> [f64; 2] {
    let w = h[6] * x + h[7] * y + h[8];
    [
        (h[0] * x + h[1] * y + h[2]) / w,
        (h[3] * x + h[4] * y + h[5]) / w,
    ]
}

/// The inverse of a homography, up to its size.
pub fn inverse(h: &[f64; 9]) -> [f64; 9] {
    let minor = |a: usize, b: usize, c: usize, d: usize| h[a] * h[d] - h[b] * h[c];
    [
        minor(4, 5, 7, 8),
        -minor(1, 2, 7, 8),
        minor(1, 2, 4, 5),
        -minor(3, 5, 6, 8),
        minor(0, 2, 6, 8),
        -minor(0, 2, 3, 5),
        minor(3, 4, 6, 7),
        -minor(0, 1, 6, 7),
        minor(0, 1, 3, 4),
    ]
}

/// `1 - intersection / union` of two regions of one image; 1 where they are farther apart than a pair may be, or one has
/// more than twice the area of the other.
pub fn overlap_error(first: &Region, second: &Region, size: Size) -> f64 {
    let (radius, ratio) = (first.radius(), second.radius() / first.radius());
    let apart = [0, 1].map(|i| second.centre[i] - first.centre[i]);
    let near = apart[0].hypot(apart[1]) < APART * radius;
    if !(near && (0.5..=2.0).contains(&(ratio * ratio))) {
        return 1.0;
    }
    let size = match size {
        Size::Normalised => (RADIUS / radius).powi(2),
        Size::Own => REACH * REACH,
    };
    let first = first.spread.map(|value| value * size);
    let second = second.spread.map(|value| value * size);
    // A lower triangular root of the first: seen through its inverse, the first is the unit circle.
    let root = [
        first[0].sqrt(),
        first[1] / first[0].sqrt(),
        (determinant(first) / first[0]).sqrt(),
    ];
    let through = |[x, y]: [f64; 2]| [x / root[0], (y - root[1] * x / root[0]) / root[2]];
    let [dx, dy] = through(apart);
    let [ax, ay] = through([second[0], second[1]]);
    let [bx, by] = through([second[1], second[2]]);
    let [xx, xy] = through([ax, bx]);
    let [_, yy] = through([ay, by]);
    let area = determinant([xx, xy, yy]).max(0.0).sqrt() * std::f64::consts::PI;
    let width = 2.0 / f64::from(LINES);
    let lines = (0..LINES).map(|i| {
        let x = (f64::from(i) + 0.5) * width - 1.0;
        let t = x - dx;
        let inside = 1.0 - t * t / xx;
        if inside <= 0.0 {
            return 0.0;
        }
        let half = (inside * (yy - xy * xy / xx)).max(0.0).sqrt();
        let (middle, own) = (dy + t * xy / xx, (1.0 - x * x).sqrt());
        ((middle + half).min(own) - (middle - half).max(-own)).max(0.0) * width
    });
    let shared: f64 = lines.sum();
    1.0 - shared / (std::f64::consts::PI + area - shared)
}

/// The features of one image in the common part, and their regions, each once.
struct Side<'a> {
    descriptors: Vec<&'a Descriptor>,
    /// Which region each descriptor describes.
    region_of: Vec<usize>,
    regions: Vec<Region>,
}

impl<'a> Side<'a> {
    fn new(features: &'a Features, to: &[f64; 9], (width, height): (u32, u32)) -> Self {
        let mut side = Self {
            descriptors: Vec::new(),
            region_of: Vec::new(),
            regions: Vec::new(),
        };
        let mut known: Vec<Keypoint> = Vec::new();
        for (keypoint, descriptor) in features.keypoints.iter().zip(&features.descriptors) {
            let [x, y] = project(to, [f64::from(keypoint.x), f64::from(keypoint.y)]);
            if !(x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height)) {
                continue;
            }
            let region = Keypoint {
                angle: 0.0,
                ..*keypoint
            };
            // Directions of one region follow one another.
            if known.last() != Some(&region) {
                known.push(region);
                side.regions.push(Region::of(keypoint));
            }
            side.descriptors.push(descriptor);
            side.region_of.push(known.len() - 1);
        }
        side
    }
}

/// Compares the features of two images; `h` carries the first onto the second.
pub fn score(first: &Features, second: &Features, h: &[f64; 9], size: Size) -> Score {
    let back = inverse(h);
    let one = Side::new(first, h, (second.width, second.height));
    let two = Side::new(second, &back, (first.width, first.height));
    let seen: Vec<Region> = two
        .regions
        .iter()
        .map(|region| region.seen(&back))
        .collect();
    let pairs = one.regions.iter().enumerate().flat_map(|(i, a)| {
        seen.iter().enumerate().filter_map(move |(j, b)| {
            let error = overlap_error(a, b, size);
            (error < MOST_ERROR).then_some((error, i, j))
        })
    });
    let matches = (0..one.descriptors.len()).filter_map(|i| {
        let j = nearest(one.descriptors[i], &two.descriptors)?;
        let (i, j) = (one.region_of[i], two.region_of[j]);
        let error = overlap_error(&one.regions[i], &seen[j], size);
        (error < MOST_ERROR).then_some((error, i, j))
    });
    let sizes = (one.regions.len(), two.regions.len());
    Score {
        regions: sizes.0.min(sizes.1),
        correspondences: one_to_one(pairs.collect(), sizes),
        matches: one_to_one(matches.collect(), sizes),
    }
}

/// How many pairs remain when each region is taken once, the least error first.
fn one_to_one(mut pairs: Vec<(f64, usize, usize)>, sizes: (usize, usize)) -> usize {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut first, mut second) = (vec![false; sizes.0], vec![false; sizes.1]);
    let mut count = 0;
    for (_, i, j) in pairs {
        if !first[i] && !second[j] {
            (first[i], second[j]) = (true, true);
            count += 1;
        }
    }
    count
}

fn nearest(descriptor: &Descriptor, among: &[&Descriptor]) -> Option<usize> {
    let distance = |other: &Descriptor| -> i32 {
        (descriptor.iter().zip(other))
            .map(|(&a, &b)| (i32::from(a) - i32::from(b)).pow(2))
            .sum()
    };
    (0..among.len()).min_by_key(|&j| distance(among[j]))
}

/// Reads a homography of the data set: nine numbers.
pub fn read_homography(text: &str) -> Option<[f64; 9]> {
    let values: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    values.try_into().ok()
}
