//! Blobs as maxima of the determinant of the Hessian in position and scale (Lindeberg, IJCV 1998; Mikolajczyk & Schmid,
//! IJCV 2004).
//!
//! Mikolajczyk & Schmid take the maxima of the determinant in each plane and keep those where the Laplacian has an extremum
//! over scale. Here the determinant chooses the scale as well, as in Perdoch's Hessian-Affine (CVPR 2009) and in VLFeat's
//! `covdet`: a blob is a maximum among its 26 neighbours, and one structure is found once. For a Gaussian blob both
//! criteria give the same scale, the blob's own standard deviation. Only positive determinants count: saddles are no blobs.

use vizsla_pixels::Plane;

use crate::dog::Blob;
use crate::pyramid::Octave;
use crate::quadratic::{Cube, Quadratic, step};

/// Pixels along the border of an octave in which nothing is detected.
const BORDER: usize = 5;
/// Steps of the refinement before a point is given up.
const MAX_STEPS: usize = 5;
/// Largest offset from a pixel. With a half, a maximum midway between two planes is sent back and forth and lost.
const NEAR: f32 = 0.6;
/// Share of the threshold that a pixel must have before it is refined.
const FIRST_SHARE: f32 = 0.8;

/// Thresholds of the detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct HessianConfig {
    /// Smallest response, see [`Blob::response`]: the square root of the determinant times σ², grey values as `[0, 1]`.
    pub(super) threshold: f32,
    /// Largest ratio of the principal curvatures.
    pub(super) edge_threshold: f32,
}

/// A pixel of one plane of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    layer: usize,
    y: usize,
    x: usize,
}

/// Adds the blobs of an octave, in the order layer, row, column. `sigma` is the blur of its plane 0 in its pixels;
/// `responses` is memory.
pub(super) fn detect(
    number: usize,
    octave: &Octave<'_>,
    sigma: f32,
    config: &HessianConfig,
    responses: &mut Vec<Plane>,
    blobs: &mut Vec<Blob>,
) {
    let layers = octave.layers();
    responses.resize_with(layers + 2, Plane::default);
    for (index, response) in responses.iter_mut().enumerate() {
        let blur = sigma * 2.0f32.powf(index as f32 / layers as f32);
        determinant(octave.plane(index), blur, response);
    }
    let least = (FIRST_SHARE * config.threshold).powi(2);
    let mut found: Vec<Blob> = Vec::new();
    for place in maxima(responses, least) {
        found.extend(refine(responses, place).and_then(|(place, offset, value)| {
            let response = value.max(0.0).sqrt();
            let curved = second_derivatives(octave.plane(place.layer), place.x, place.y);
            if response < config.threshold || !is_round(curved, config.edge_threshold) {
                return None;
            }
            let interval = (place.layer as f32 + offset[2]) / layers as f32;
            Some(Blob {
                octave: number,
                layer: place.layer,
                x: place.x as f32 + offset[0],
                y: place.y as f32 + offset[1],
                sigma: sigma * 2.0f32.powf(interval),
                response,
            })
        }));
    }
    without_twins(&mut found);
    blobs.append(&mut found);
}

/// Removes points that the refinement moved onto one another.
fn without_twins(blobs: &mut Vec<Blob>) {
    blobs.sort_by(|a, b| {
        (a.layer.cmp(&b.layer))
            .then(a.y.total_cmp(&b.y))
            .then(a.x.total_cmp(&b.x))
    });
    blobs.dedup_by(|a, b| {
        a.layer == b.layer && (a.x - b.x).abs() < 1e-3 && (a.y - b.y).abs() < 1e-3
    });
}

/// `[xx, xy, yy]` by central differences, in grey values (0 to 255) per square pixel; `(x, y)` is not on the border.
pub(super) fn second_derivatives(plane: &Plane, x: usize, y: usize) -> [f32; 3] {
    let [above, here, below] = [y - 1, y, y + 1].map(|row| &plane.row(row)[x - 1..=x + 1]);
    [
        here[2] + here[0] - 2.0 * here[1],
        0.25 * (below[2] - below[0] - above[2] + above[0]),
        below[1] + above[1] - 2.0 * here[1],
    ]
}

/// `σ⁴ · det H`, grey values as `[0, 1]`; 0 along the border.
pub(super) fn determinant(plane: &Plane, sigma: f32, out: &mut Plane) {
    let (width, height) = (plane.width(), plane.height());
    out.reset(width, height);
    let scale = (sigma * sigma / 255.0).powi(2);
    for y in 0..height {
        let row = out.row_mut(y);
        if y == 0 || y + 1 == height || width < 3 {
            row.fill(0.0);
            continue;
        }
        (row[0], row[width - 1]) = (0.0, 0.0);
        let inside = width - 2;
        let [above, here, below] = [y - 1, y, y + 1].map(|line| plane.row(line));
        let (a0, a1, a2) = (&above[..inside], &above[1..=inside], &above[2..]);
        let (h0, h1, h2) = (&here[..inside], &here[1..=inside], &here[2..]);
        let (b0, b1, b2) = (&below[..inside], &below[1..=inside], &below[2..]);
        for (x, value) in row[1..=inside].iter_mut().enumerate() {
            let xx = h2[x] + h0[x] - 2.0 * h1[x];
            let yy = b1[x] + a1[x] - 2.0 * h1[x];
            let xy = 0.25 * (b2[x] - b0[x] - a2[x] + a0[x]);
            *value = scale * (xx * yy - xy * xy);
        }
    }
}

/// Pixels of at least `least` that exceed their 26 neighbours.
fn maxima(responses: &[Plane], least: f32) -> Vec<Place> {
    let (width, height) = (responses[0].width(), responses[0].height());
    let mut found = Vec::new();
    for layer in 1..responses.len() - 1 {
        for y in BORDER..height.saturating_sub(BORDER) {
            let row = responses[layer].row(y);
            for x in BORDER..width.saturating_sub(BORDER) {
                let value = row[x];
                if value >= least && value > row[x - 1] && value >= row[x + 1] {
                    let place = Place { layer, y, x };
                    if is_highest(responses, place, value) {
                        found.push(place);
                    }
                }
            }
        }
    }
    found
}

/// Whether no neighbour has more, and none of those that come before it as much.
fn is_highest(responses: &[Plane], at: Place, value: f32) -> bool {
    let planes = responses[at.layer - 1..=at.layer + 1].iter().enumerate();
    planes.into_iter().all(|(l, plane)| {
        (0..3).all(|r| {
            let row = &plane.row(at.y + r - 1)[at.x - 1..=at.x + 1];
            (row.iter().enumerate()).all(|(c, &other)| match (l, r, c).cmp(&(1, 1, 1)) {
                std::cmp::Ordering::Less => value > other,
                std::cmp::Ordering::Equal => true,
                std::cmp::Ordering::Greater => value >= other,
            })
        })
    })
}

/// The pixel nearest to the maximum of the quadratic, the offset from it in columns, rows and layers, and the value
/// there.
fn refine(responses: &[Plane], from: Place) -> Option<(Place, [f32; 3], f32)> {
    let (width, height) = (responses[0].width(), responses[0].height());
    let mut at = from;
    for _ in 0..MAX_STEPS {
        let cube = cube(responses, at);
        let quadratic = Quadratic::of(&cube);
        let offset = quadratic.stationary()?;
        if offset.iter().all(|o| o.abs() < NEAR) {
            let gain: f32 = (quadratic.gradient.iter().zip(offset))
                .map(|(g, o)| g * o)
                .sum();
            return Some((at, offset, cube[1][1][1] + 0.5 * gain));
        }
        at = Place {
            layer: step(at.layer, offset[2], 1, responses.len() - 1)?,
            y: step(at.y, offset[1], BORDER, height.checked_sub(BORDER)?)?,
            x: step(at.x, offset[0], BORDER, width.checked_sub(BORDER)?)?,
        };
    }
    None
}

fn cube(responses: &[Plane], at: Place) -> Cube {
    [at.layer - 1, at.layer, at.layer + 1].map(|layer| {
        [at.y - 1, at.y, at.y + 1].map(|y| {
            let row = responses[layer].row(y);
            [row[at.x - 1], row[at.x], row[at.x + 1]]
        })
    })
}

/// Whether the ratio of the principal curvatures stays below `edge`.
fn is_round([xx, xy, yy]: [f32; 3], edge: f32) -> bool {
    let (trace, determinant) = (xx + yy, xx * yy - xy * xy);
    determinant > 0.0 && trace * trace * edge < (edge + 1.0) * (edge + 1.0) * determinant
}
