//! Least-squares fits of plane transforms to weighted point pairs.
//!
//! * Similarity: Umeyama 1991 (rotation without reflection), in the closed form of two dimensions.
//! * Affine: linear regression on centred points.
//! * Homography: the linear solution in Hartley's normalised coordinates (Hartley 1997), then
//!   Levenberg–Marquardt on the transfer error in the second image.
//!
//! Checked against numpy and OpenCV's `findHomography` with method 0 (`tests/reference/fit.py`).

use super::linear::{Square, solve_positive};
use super::transform::Transform;
use super::{Correspondence, TransformModel};

/// One weighted pair of points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub x: f64,
    pub y: f64,
    pub u: f64,
    pub v: f64,
    pub weight: f64,
}

impl Pair {
    /// The places of a correspondence and its weight.
    pub(crate) fn of(c: &Correspondence) -> Self {
        Self {
            x: c.from.x,
            y: c.from.y,
            u: c.to.x,
            v: c.to.y,
            weight: c.weight,
        }
    }
}

/// Below this share of the squared spread, points count as lying on one line.
const FLATNESS: f64 = 1e-9;

/// The transform of the family that minimises the weighted squared error in the `to` image.
///
/// Frames' scales and angles are not used. Correspondences whose positions are not finite or whose
/// weight is not positive are left out. `None` with fewer points than
/// [`sample_size`](TransformModel::sample_size) or when they do not fix the transform (coincident,
/// collinear).
pub fn fit(correspondences: &[Correspondence], model: TransformModel) -> Option<Transform> {
    let pairs: Vec<Pair> = correspondences
        .iter()
        .filter(|c| c.has_valid_positions())
        .map(Pair::of)
        .collect();
    fit_pairs(&pairs, model)
}

pub(crate) fn fit_pairs(pairs: &[Pair], model: TransformModel) -> Option<Transform> {
    if pairs.len() < model.sample_size() {
        return None;
    }
    let fitted = match model {
        TransformModel::Similarity => fit_similarity(pairs),
        TransformModel::Affine => fit_affine(pairs),
        TransformModel::Homography => fit_homography(pairs),
    }?;
    fitted.is_finite().then_some(fitted)
}

/// Weighted centroids and total weight: (x, y, u, v, weight).
fn centroids(pairs: &[Pair]) -> Option<[f64; 4]> {
    let mut sums = [0.0; 5];
    for p in pairs {
        sums[0] += p.weight * p.x;
        sums[1] += p.weight * p.y;
        sums[2] += p.weight * p.u;
        sums[3] += p.weight * p.v;
        sums[4] += p.weight;
    }
    (sums[4] > 0.0).then(|| [0, 1, 2, 3].map(|i| sums[i] / sums[4]))
}

fn fit_similarity(pairs: &[Pair]) -> Option<Transform> {
    let [cx, cy, cu, cv] = centroids(pairs)?;
    let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
    for p in pairs {
        let (x, y, u, v) = (p.x - cx, p.y - cy, p.u - cu, p.v - cv);
        along += p.weight * (x * u + y * v);
        across += p.weight * (x * v - y * u);
        spread += p.weight * (x * x + y * y);
    }
    if spread <= 0.0 {
        return None;
    }
    let (a, b) = (along / spread, across / spread);
    if a == 0.0 && b == 0.0 {
        return None;
    }
    Some(Transform([
        [a, -b, cu - a * cx + b * cy],
        [b, a, cv - b * cx - a * cy],
        [0.0, 0.0, 1.0],
    ]))
}

fn fit_affine(pairs: &[Pair]) -> Option<Transform> {
    let [cx, cy, cu, cv] = centroids(pairs)?;
    let mut s = [0.0; 7];
    for p in pairs {
        let (x, y, u, v) = (p.x - cx, p.y - cy, p.u - cu, p.v - cv);
        for (sum, term) in s
            .iter_mut()
            .zip([x * x, x * y, y * y, x * u, y * u, x * v, y * v])
        {
            *sum += p.weight * term;
        }
    }
    let [xx, xy, yy, xu, yu, xv, yv] = s;
    let determinant = xx * yy - xy * xy;
    let flattest = FLATNESS * (xx + yy).powi(2);
    if determinant <= flattest || !determinant.is_finite() || !flattest.is_finite() {
        return None;
    }
    let solve = |px: f64, py: f64| {
        (
            (yy * px - xy * py) / determinant,
            (xx * py - xy * px) / determinant,
        )
    };
    let ((a, b), (c, d)) = (solve(xu, yu), solve(xv, yv));
    Some(Transform([
        [a, b, cu - a * cx - b * cy],
        [c, d, cv - c * cx - d * cy],
        [0.0, 0.0, 1.0],
    ]))
}

/// Shift and scale that bring points to centroid zero and mean distance √2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normalisation {
    pub shift: (f64, f64),
    pub scale: f64,
}

impl Normalisation {
    /// `None` when all points coincide.
    pub(crate) fn of(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        let (mut count, mut x, mut y) = (0.0, 0.0, 0.0);
        for p in points.clone() {
            count += 1.0;
            x += p.0;
            y += p.1;
        }
        let shift = (x / count, y / count);
        let distance: f64 = points.map(|p| (p.0 - shift.0).hypot(p.1 - shift.1)).sum();
        let scale = std::f64::consts::SQRT_2 * count / distance;
        (distance > 0.0 && scale.is_finite()).then_some(Self { shift, scale })
    }

    pub(crate) fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (
            (x - self.shift.0) * self.scale,
            (y - self.shift.1) * self.scale,
        )
    }

    fn matrix(&self) -> Transform {
        let (s, (x, y)) = (self.scale, self.shift);
        Transform([[s, 0.0, -s * x], [0.0, s, -s * y], [0.0, 0.0, 1.0]])
    }

    /// Brings a transform between normalised coordinates back to pixels.
    pub(crate) fn undo(from: &Self, to: &Self, transform: &Transform) -> Option<Transform> {
        let lifted = to
            .matrix()
            .inverse()?
            .compose(transform)
            .compose(&from.matrix());
        let lifted = lifted.normalised();
        lifted.is_finite().then_some(lifted)
    }
}

fn fit_homography(pairs: &[Pair]) -> Option<Transform> {
    let from = Normalisation::of(pairs.iter().map(|p| (p.x, p.y)))?;
    let to = Normalisation::of(pairs.iter().map(|p| (p.u, p.v)))?;
    let normalised: Vec<Pair> = pairs
        .iter()
        .map(|p| {
            let ((x, y), (u, v)) = (from.apply(p.x, p.y), to.apply(p.u, p.v));
            Pair {
                x,
                y,
                u,
                v,
                weight: p.weight,
            }
        })
        .collect();
    let start = linear_homography(&normalised)?;
    let refined = refine_homography(&start, &normalised, 20);
    Normalisation::undo(&from, &to, &refined)
}

/// The linear solution with the last entry fixed to 1, for normalised points.
///
/// A pair gives the rows `(x, y, 1, 0, 0, 0, -xu, -yu)` and `(0, 0, 0, x, y, 1, -xv, -yv)`; only products that differ from zero
/// and from each other are summed.
fn linear_homography(pairs: &[Pair]) -> Option<Transform> {
    let (mut points, mut in_u, mut in_v, mut both) = ([0.0; 6], [0.0; 6], [0.0; 6], [0.0; 3]);
    let mut right = [0.0; 8];
    for p in pairs {
        let point = [p.x, p.y, 1.0];
        let weighted = point.map(|c| p.weight * c);
        let products = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)];
        for (sum, (i, j)) in points.iter_mut().zip(products) {
            *sum += weighted[i] * point[j];
        }
        for (sums, value, at) in [(&mut in_u, p.u, 0), (&mut in_v, p.v, 3)] {
            let perspective = [-p.x * value, -p.y * value];
            let heavy = perspective.map(|c| p.weight * c);
            for i in 0..3 {
                sums[i] += heavy[0] * point[i];
                sums[3 + i] += heavy[1] * point[i];
                right[at + i] += weighted[i] * value;
            }
            both[0] += heavy[0] * perspective[0];
            both[1] += heavy[1] * perspective[0];
            both[2] += heavy[1] * perspective[1];
            right[6] += heavy[0] * value;
            right[7] += heavy[1] * value;
        }
    }
    let mut normal: Square<8> = [[0.0; 8]; 8];
    for at in [0, 3] {
        normal[at][at] = points[0];
        normal[at + 1][at..at + 2].copy_from_slice(&points[1..3]);
        normal[at + 2][at..at + 3].copy_from_slice(&points[3..6]);
    }
    for i in 0..2 {
        normal[6 + i][..3].copy_from_slice(&in_u[3 * i..3 * i + 3]);
        normal[6 + i][3..6].copy_from_slice(&in_v[3 * i..3 * i + 3]);
    }
    (normal[6][6], normal[7][6], normal[7][7]) = (both[0], both[1], both[2]);
    let h = solve_positive(&normal, &right)?;
    Some(from_parameters(&h))
}

fn from_parameters(h: &[f64; 8]) -> Transform {
    Transform([[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], 1.0]])
}

/// Sums over all pairs that the Gauss–Newton step of a homography needs.
struct HomographySums {
    normal: Square<8>,
    right: [f64; 8],
    cost: f64,
}

/// Normal equations of the transfer error at `h`, lower triangle. Only 29 sums differ from zero or from
/// each other, so only those are formed per pair.
fn homography_sums(h: &[f64; 8], pairs: &[Pair]) -> HomographySums {
    let (mut points, mut in_u, mut in_v, mut both) = ([0.0; 6], [0.0; 6], [0.0; 6], [0.0; 3]);
    let mut right = [0.0; 8];
    let mut cost = 0.0;
    for p in pairs {
        let inverse = 1.0 / (h[6] * p.x + h[7] * p.y + 1.0);
        let u = (h[0] * p.x + h[1] * p.y + h[2]) * inverse;
        let v = (h[3] * p.x + h[4] * p.y + h[5]) * inverse;
        let (ru, rv) = (p.u - u, p.v - v);
        cost += p.weight * (ru * ru + rv * rv);
        let (x, y, one) = (p.x * inverse, p.y * inverse, inverse);
        let products = [x * x, x * y, y * y, x * one, y * one, one * one].map(|t| t * p.weight);
        for i in 0..6 {
            points[i] += products[i];
        }
        // Columns of the perspective parameters: (x, y) against (x, y, 1).
        for i in 0..5 {
            in_u[i] += u * products[i];
            in_v[i] += v * products[i];
        }
        for i in 0..3 {
            both[i] += (u * u + v * v) * products[i];
        }
        let (ru, rv) = (ru * p.weight, rv * p.weight);
        let across = -(u * ru + v * rv);
        let terms = [
            x * ru,
            y * ru,
            one * ru,
            x * rv,
            y * rv,
            one * rv,
            x * across,
            y * across,
        ];
        for i in 0..8 {
            right[i] += terms[i];
        }
    }
    HomographySums {
        normal: assembled(&points, &in_u, &in_v, &both),
        right,
        cost,
    }
}

/// The lower triangle of the normal matrix from its distinct sums.
fn assembled(points: &[f64; 6], in_u: &[f64; 6], in_v: &[f64; 6], both: &[f64; 3]) -> Square<8> {
    let [xx, xy, yy, x1, y1, one] = *points;
    let block = [[xx, 0.0, 0.0], [xy, yy, 0.0], [x1, y1, one]];
    let mut normal = [[0.0; 8]; 8];
    for i in 0..3 {
        for j in 0..=i {
            normal[i][j] = block[i][j];
            normal[i + 3][j + 3] = block[i][j];
        }
    }
    for (offset, s) in [(0, in_u), (3, in_v)] {
        for (row, columns) in [(6, [s[0], s[1], s[3]]), (7, [s[1], s[2], s[4]])] {
            for (c, value) in columns.into_iter().enumerate() {
                normal[row][offset + c] = -value;
            }
        }
    }
    normal[6][6] = both[0];
    normal[7][6] = both[1];
    normal[7][7] = both[2];
    normal
}

/// One Gauss–Newton step of the weighted transfer error; `None` where the pairs do not fix it.
pub(crate) fn improve_homography(start: &Transform, pairs: &[Pair]) -> Option<Transform> {
    let m = start.normalised().0;
    let mut h = [
        m[0][0], m[0][1], m[0][2], m[1][0], m[1][1], m[1][2], m[2][0], m[2][1],
    ];
    let sums = homography_sums(&h, pairs);
    let step = solve_positive(&sums.normal, &sums.right)?;
    for i in 0..8 {
        h[i] += step[i];
    }
    Some(from_parameters(&h)).filter(Transform::is_finite)
}

/// Levenberg–Marquardt on the weighted transfer error, starting at `start` (last entry not zero).
/// Returns the best transform met, never a worse one than `start`.
pub(crate) fn refine_homography(start: &Transform, pairs: &[Pair], iterations: usize) -> Transform {
    let m = start.normalised().0;
    let mut h = [
        m[0][0], m[0][1], m[0][2], m[1][0], m[1][1], m[1][2], m[2][0], m[2][1],
    ];
    let mut sums = homography_sums(&h, pairs);
    let mut damping = 1e-6;
    for _ in 0..iterations {
        let mut damped = sums.normal;
        for (i, row) in damped.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        let Some(step) = solve_positive(&damped, &sums.right) else {
            break;
        };
        let mut candidate = h;
        for i in 0..8 {
            candidate[i] += step[i];
        }
        let next = homography_sums(&candidate, pairs);
        if next.cost < sums.cost {
            let gain = sums.cost - next.cost;
            h = candidate;
            sums = next;
            damping *= 0.1;
            if gain <= 1e-12 * sums.cost {
                break;
            }
        } else {
            damping *= 100.0;
            if damping > 1e3 {
                break;
            }
        }
    }
    from_parameters(&h)
}
