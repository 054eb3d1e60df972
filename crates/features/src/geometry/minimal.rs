//! Transforms from as few points as fix them, with the tests that spare scoring hopeless samples.
//!
//! A homography from four points is the product of two projective bases, each in closed form (Semple and
//! Kneebone 1952; Heckbert 1989), so no linear system is solved. The signs of the four triangles tell beforehand
//! whether the points keep their orientation (Werner and Pajdla 2001; Márquez-Neila et al. 2015): a plane seen
//! from one side never mirrors a triangle, which discards most samples with an outlier.

use super::TransformModel;
use super::transform::Transform;

/// A pair of points in normalised coordinates: (x, y, u, v).
pub(crate) type Point = [f64; 4];

/// Twice the area below which a triangle counts as collinear, relative to its squared longest side.
const THINNEST: f64 = 2e-3;
/// Largest ratio of depths within a sample.
const STEEPEST: f64 = 20.0;
/// Largest change of scale between normalised coordinates.
const LARGEST: f64 = 1e3;

/// The transform that the sample fixes, or `None` when the sample is degenerate or mirrors.
#[inline]
pub(crate) fn solve(model: TransformModel, sample: &[Point; 4]) -> Option<Transform> {
    match model {
        TransformModel::Similarity => similarity(&sample[0], &sample[1]),
        TransformModel::Affine => affine(&sample[0], &sample[1], &sample[2]),
        TransformModel::Homography => homography(sample),
    }
}

fn similarity(p: &Point, q: &Point) -> Option<Transform> {
    let [x, y, u, v] = [0, 1, 2, 3].map(|i| q[i] - p[i]);
    let (from, to) = (x * x + y * y, u * u + v * v);
    if from < 1e-8 || to < 1e-8 {
        return None;
    }
    let (a, b) = ((x * u + y * v) / from, (x * v - y * u) / from);
    Some(Transform([
        [a, -b, p[2] - a * p[0] + b * p[1]],
        [b, a, p[3] - b * p[0] - a * p[1]],
        [0.0, 0.0, 1.0],
    ]))
}

/// Twice the signed area of three points, their coordinates at `at` and `at + 1`.
#[inline(always)]
fn doubled_area(p: &Point, q: &Point, r: &Point, at: usize) -> f64 {
    (q[at] - p[at]) * (r[at + 1] - p[at + 1]) - (q[at + 1] - p[at + 1]) * (r[at] - p[at])
}

/// Whether a triangle of this doubled area is too thin to trust.
#[inline(always)]
fn is_thin(p: &Point, q: &Point, r: &Point, at: usize, area: f64) -> bool {
    let side = |s: &Point, t: &Point| (s[at] - t[at]).powi(2) + (s[at + 1] - t[at + 1]).powi(2);
    area.abs() <= THINNEST * side(p, q).max(side(q, r)).max(side(p, r)) || area.is_nan()
}

fn affine(p: &Point, q: &Point, r: &Point) -> Option<Transform> {
    let (from, to) = (doubled_area(p, q, r, 0), doubled_area(p, q, r, 2));
    if from * to <= 0.0 || is_thin(p, q, r, 0, from) || is_thin(p, q, r, 2, to) {
        return None;
    }
    let row = |at: usize| {
        let (dq, dr) = (q[at] - p[at], r[at] - p[at]);
        let a = (dq * (r[1] - p[1]) - dr * (q[1] - p[1])) / from;
        let b = (dr * (q[0] - p[0]) - dq * (r[0] - p[0])) / from;
        [a, b, p[at] - a * p[0] - b * p[1]]
    };
    Some(Transform([row(2), row(3), [0.0, 0.0, 1.0]]))
}

fn homography(sample: &[Point; 4]) -> Option<Transform> {
    let [p, q, r, s] = sample;
    // The coordinates of the last point in the basis of the first three are areas of triangles. One
    // mirrored triangle ends it: most samples with an outlier go no further than the first.
    let (mut from, mut to) = ([0.0; 4], [0.0; 4]);
    for (i, [a, b, c]) in [
        (3, [p, q, r]),
        (2, [p, q, s]),
        (1, [p, s, r]),
        (0, [s, q, r]),
    ] {
        from[i] = doubled_area(a, b, c, 0);
        to[i] = doubled_area(a, b, c, 2);
        if from[i] * to[i] <= 0.0 {
            return None;
        }
    }
    // Depths of the first three points relative to the last one's, all positive by the signs above.
    let last = to[3] / from[3];
    let depth = [0, 1, 2].map(|i| to[i] / (from[i] * last));
    let largest = depth.iter().fold(1.0, |m: f64, &d| m.max(d));
    let smallest = depth.iter().fold(1.0, |m: f64, &d| m.min(d));
    if largest > STEEPEST * smallest {
        return None;
    }
    for (at, a) in [(0, &from), (2, &to)] {
        let thin = is_thin(s, q, r, at, a[0])
            || is_thin(p, s, r, at, a[1])
            || is_thin(p, q, s, at, a[2])
            || is_thin(p, q, r, at, a[3]);
        if thin {
            return None;
        }
    }
    // Columns to·depth against columns from: H = to · diag(depth) · from⁻¹, up to scale.
    let rows = [
        [q[1] - r[1], r[0] - q[0], q[0] * r[1] - q[1] * r[0]],
        [r[1] - p[1], p[0] - r[0], r[0] * p[1] - r[1] * p[0]],
        [p[1] - q[1], q[0] - p[0], p[0] * q[1] - p[1] * q[0]],
    ];
    let image = [(p[2], p[3]), (q[2], q[3]), (r[2], r[3])];
    let mut h = [[0.0; 3]; 3];
    for k in 0..3 {
        let weight = depth[k] / from[3];
        for c in 0..3 {
            h[0][c] += weight * image[k].0 * rows[k][c];
            h[1][c] += weight * image[k].1 * rows[k][c];
            h[2][c] += weight * rows[k][c];
        }
    }
    let h = Transform(h);
    let bounded = h.0.iter().flatten().all(|v| v.abs() < LARGEST);
    bounded.then_some(h)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: Transform = Transform([[0.9, -0.3, 0.1], [0.2, 1.2, -0.2], [0.15, -0.1, 1.0]]);

    fn pair(t: &Transform, x: f64, y: f64) -> Point {
        let (u, v) = t.apply(x, y).unwrap();
        [x, y, u, v]
    }

    fn sample(t: &Transform) -> [Point; 4] {
        [(-1.0, -0.8), (0.9, -1.0), (1.1, 0.7), (-0.7, 1.0)].map(|(x, y)| pair(t, x, y))
    }

    #[test]
    fn each_family_is_found_exactly() {
        let flat = Transform([[0.9, -0.3, 0.1], [0.2, 1.2, -0.2], [0.0, 0.0, 1.0]]);
        let turned = Transform::similarity(0.7, 2.5, 0.3, 0.1);
        for (model, truth) in [
            (TransformModel::Similarity, turned),
            (TransformModel::Affine, flat),
            (TransformModel::Homography, TRUTH),
        ] {
            let found = solve(model, &sample(&truth)).unwrap();
            for (x, y) in [(0.3, -0.2), (-0.9, 0.8)] {
                let (a, b) = (found.apply(x, y).unwrap(), truth.apply(x, y).unwrap());
                assert!(
                    (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12,
                    "{model:?}"
                );
            }
        }
    }

    #[test]
    fn degenerate_and_mirrored_samples_are_refused() {
        let good = sample(&TRUTH);
        let mut collinear = good;
        collinear[2] = pair(&TRUTH, -0.05, -0.9);
        assert!(solve(TransformModel::Homography, &collinear).is_none());
        let mirrored = good.map(|[x, y, u, v]| [x, y, -u, v]);
        assert!(solve(TransformModel::Homography, &mirrored).is_none());
        assert!(solve(TransformModel::Affine, &mirrored).is_none());
        let mut crossed = good;
        crossed.swap(0, 1);
        let crossed = [0, 1, 2, 3].map(|i| [good[i][0], good[i][1], crossed[i][2], crossed[i][3]]);
        assert!(solve(TransformModel::Homography, &crossed).is_none());
        let same = [good[0]; 4];
        for model in [
            TransformModel::Similarity,
            TransformModel::Affine,
            TransformModel::Homography,
        ] {
            assert!(solve(model, &same).is_none());
            assert!(solve(model, &[[f64::NAN; 4]; 4]).is_none_or(|t| !t.is_finite()));
        }
    }
}
