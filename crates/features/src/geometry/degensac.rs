//! Fundamental matrices of scenes with a dominant plane (DEGENSAC, Chum, Werner and Matas, CVPR 2005).
//!
//! If five or more of the seven points lie on one plane, all fundamental matrices that fit its homography H fit
//! the sample, and an arbitrary one wins with the whole plane behind it. Such a sample is told from its matrix: one of five
//! triples of points fixes a homography that two more agree with. Then H and two pairs off the plane, whose
//! parallax meets in the epipole e', fix the matrix: F = [e']× H.

use super::affine_matches::{self, AffineMatch};
use super::fundamental::{Fundamental, cross, dot};
use super::local_optimisation::LocalOptimiser;
use super::minimal::Point;
use super::ransac_config::LocalOptimisation;
use super::sampling::Pcg;
use super::scorer::Scorer;
use super::transform::Transform;
use super::two_view::{TwoViewGeometry, TwoViewModel};

/// Any five points on a plane hold one of these triples.
const TRIPLES: [[usize; 3]; 5] = [[0, 1, 2], [3, 4, 5], [0, 1, 6], [3, 4, 6], [2, 5, 6]];
/// Points of a sample on one plane from which it fixes nothing.
const ON_PLANE: usize = 5;
/// Squared transfer errors on the plane, as multiples of the squared threshold: a homography of three points of a
/// sample is not better known.
const SLACK: f64 = 4.0;
/// Most pairs drawn off the plane.
const MOST_PAIRS: usize = 2_000;

/// The homography that a plane through three points makes with a fundamental matrix (Hartley and Zisserman 2004,
/// result 13.6); `None` when the points are collinear or lie on the epipole.
pub(crate) fn homography_of_triple(f: &Fundamental, points: [&Point; 3]) -> Option<Transform> {
    let (_, epipole) = f.epipoles()?;
    let columns = f.transposed().0.map(|column| cross(&epipole, &column));
    let a: [[f64; 3]; 3] = std::array::from_fn(|r| std::array::from_fn(|c| columns[c][r]));
    let mut right = [0.0; 3];
    let from = points.map(|&[x, y, _, _]| [x, y, 1.0]);
    for (value, (&&[_, _, u, v], x)) in right.iter_mut().zip(points.iter().zip(&from)) {
        let to = [u, v, 1.0];
        let mapped = a.map(|row| dot(&row, x));
        let parallax = cross(&to, &epipole);
        *value = dot(&cross(&to, &mapped), &parallax) / dot(&parallax, &parallax);
    }
    // from · plane = right by Cramer's rule.
    let [p, q, r] = &from;
    let determinant = dot(p, &cross(q, r));
    let (qr, rp, pq) = (cross(q, r), cross(r, p), cross(p, q));
    let plane: [f64; 3] = std::array::from_fn(|i| {
        (right[0] * qr[i] + right[1] * rp[i] + right[2] * pq[i]) / determinant
    });
    let h = Transform(std::array::from_fn(|i| {
        std::array::from_fn(|j| a[i][j] - epipole[i] * plane[j])
    }));
    if determinant.abs() < 1e-9 || !h.is_finite() {
        return None;
    }
    // Points are in front of both cameras.
    let depth = dot(&h.0[2], p);
    Some(if depth < 0.0 {
        Transform(h.0.map(|row| row.map(|v| -v)))
    } else {
        h
    })
}

/// Keeps what was learned of the dominant plane.
pub(crate) struct Degensac {
    plane: LocalOptimiser,
    /// Pairs on the best plane so far.
    support: usize,
    generator: Pcg,
    off_plane: Vec<u32>,
}

impl Degensac {
    pub(crate) fn new(count: usize, seed: u64) -> Self {
        let model = TwoViewModel::Homography;
        Self {
            plane: LocalOptimiser::new(LocalOptimisation::Iterated, model, count, seed),
            support: 0,
            generator: Pcg::new(seed ^ 0x706c_616e_6521),
            off_plane: Vec::new(),
        }
    }

    /// A better matrix when the sample of `f` was mostly on one plane, and its cost; `None` when it was not, or no pair
    /// off the plane says more.
    pub(crate) fn complete(
        &mut self,
        scorer: &Scorer,
        f: &Fundamental,
        sample: &[AffineMatch],
        cost: f32,
    ) -> Option<(Fundamental, f32)> {
        let h = dominant_plane(f, sample, scorer.set.limit * SLACK)?;
        let start = TwoViewGeometry::Plane(h);
        let start_cost = scorer.cost(&start, f32::INFINITY);
        let (plane, _) = self.plane.improve(scorer, &start, start_cost);
        let support = scorer.inliers(&plane);
        if support <= self.support {
            return None;
        }
        self.support = support;
        self.parallax(scorer, plane.transform()?, cost)
    }

    /// The best matrix of the plane and two pairs off it, if it costs less than `cost`.
    fn parallax(
        &mut self,
        scorer: &Scorer,
        h: &Transform,
        cost: f32,
    ) -> Option<(Fundamental, f32)> {
        let limit = scorer.set.limit * SLACK;
        let plane = TwoViewGeometry::Plane(*h);
        self.off_plane.clear();
        let points = scorer.set.points.iter().enumerate();
        let off = points.filter(|(_, p)| Scorer::error(&plane, p) >= limit);
        self.off_plane.extend(off.map(|(i, _)| i as u32));
        let count = self.off_plane.len();
        if count < 2 {
            return None;
        }
        let mut best: Option<(Fundamental, f32)> = None;
        let mut least = cost;
        let mut needed = MOST_PAIRS.min(count * (count - 1) / 2);
        let mut drawn = 0;
        while drawn < needed {
            drawn += 1;
            let mut pair = [0u32; 2];
            self.generator.fill_distinct(count as u32, &mut pair);
            let [p, q] = pair.map(|i| &scorer.set.points[self.off_plane[i as usize] as usize]);
            let Some(f) = of_plane_and_parallax(h, p, q) else {
                continue;
            };
            let geometry = TwoViewGeometry::Epipolar(f);
            let cost = scorer.cost(&geometry, least);
            if cost >= least {
                continue;
            }
            least = cost;
            best = Some((f, cost));
            let agreeing = (self.off_plane.iter())
                .filter(|&&i| scorer.agrees(&geometry, &scorer.set.points[i as usize]))
                .count();
            let clean = (agreeing as f64 / count as f64).powi(2).min(0.999_999);
            let enough = (0.001f64.ln() / (-clean).ln_1p()).ceil().max(1.0);
            needed = needed.min(enough as usize);
        }
        best
    }
}

/// The homography of a plane that holds so much of the sample that it does not fix the matrix.
fn dominant_plane(f: &Fundamental, sample: &[AffineMatch], limit: f64) -> Option<Transform> {
    let agrees = |h: &Transform, m: &AffineMatch| {
        Scorer::error(&TwoViewGeometry::Plane(*h), &m.point) < limit
    };
    if let [a, b, c] = sample {
        // Two affine matches fix a homography; on one plane the third agrees.
        let pairs = [([a, b], c), ([b, c], a), ([a, c], b)];
        return pairs.into_iter().find_map(|([p, q], other)| {
            affine_matches::homography(&[*p, *q]).filter(|h| agrees(h, other))
        });
    }
    TRIPLES.iter().find_map(|triple| {
        let [i, j, k] = triple.map(|t| sample.get(t).map(|m| &m.point));
        let h = homography_of_triple(f, [i?, j?, k?])?;
        let on_plane = sample.iter().filter(|m| agrees(&h, m)).count();
        (on_plane >= ON_PLANE).then_some(h)
    })
}

/// F = [e']× H, where e' is on the lines from where the plane would show two points to where they are.
fn of_plane_and_parallax(h: &Transform, p: &Point, q: &Point) -> Option<Fundamental> {
    let parallax = |&[x, y, u, v]: &Point| {
        let mapped = h.0.map(|row| dot(&row, &[x, y, 1.0]));
        cross(&mapped, &[u, v, 1.0])
    };
    let epipole = cross(&parallax(p), &parallax(q));
    let columns: [[f64; 3]; 3] =
        std::array::from_fn(|c| cross(&epipole, &[h.0[0][c], h.0[1][c], h.0[2][c]]));
    Fundamental(columns).transposed().normalised()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A homography and the fundamental matrix of a camera that moved towards `epipole`.
    fn scene() -> (Transform, Fundamental) {
        let h = Transform([[1.0, 0.05, 0.1], [-0.03, 0.95, 0.02], [0.05, 0.02, 1.0]]);
        let epipole = [0.9, 0.2, 0.4];
        let columns: [[f64; 3]; 3] =
            std::array::from_fn(|c| cross(&epipole, &[h.0[0][c], h.0[1][c], h.0[2][c]]));
        let f = Fundamental(columns).transposed().normalised().unwrap();
        (h, f)
    }

    fn seen(h: &Transform, x: f64, y: f64, parallax: f64) -> Point {
        let mapped = h.0.map(|row| dot(&row, &[x, y, 1.0]));
        let w = mapped[2] + parallax * 0.4;
        [
            x,
            y,
            (mapped[0] + parallax * 0.9) / w,
            (mapped[1] + parallax * 0.2) / w,
        ]
    }

    #[test]
    fn three_points_of_a_plane_give_its_homography() {
        let (h, f) = scene();
        let points = [(0.1, 0.9), (-0.7, 0.3), (0.5, -0.8)].map(|(x, y)| seen(&h, x, y, 0.0));
        let found = homography_of_triple(&f, [&points[0], &points[1], &points[2]]).unwrap();
        for (x, y) in [(0.0, 0.0), (0.9, -0.5), (-1.0, 1.0)] {
            let (a, b) = (found.apply(x, y).unwrap(), h.apply(x, y).unwrap());
            assert!((a.0 - b.0).abs() < 1e-10 && (a.1 - b.1).abs() < 1e-10);
        }
    }

    #[test]
    fn a_plane_and_two_points_off_it_give_the_matrix() {
        let (h, f) = scene();
        let (p, q) = (seen(&h, 0.3, 0.4, 0.2), seen(&h, -0.6, 0.1, -0.1));
        let found = of_plane_and_parallax(&h, &p, &q).unwrap();
        for (a, b) in found.0.iter().flatten().zip(f.0.iter().flatten()) {
            assert!((a - b).abs() < 1e-10);
        }
    }

    #[test]
    fn samples_on_a_plane_are_told_from_others() {
        let (h, f) = scene();
        let places = [
            (0.1, 0.9),
            (-0.7, 0.3),
            (0.5, -0.8),
            (0.9, 0.2),
            (-0.2, -0.6),
            (0.4, 0.5),
            (-0.9, -0.9),
        ];
        let sample = |off: usize| -> Vec<AffineMatch> {
            let at = |(i, &(x, y)): (usize, &(f64, f64))| AffineMatch {
                point: seen(&h, x, y, if i < off { 0.2 + 0.1 * i as f64 } else { 0.0 }),
                local: [[1.0, 0.0], [0.0, 1.0]],
            };
            places.iter().enumerate().map(at).collect()
        };
        assert!(dominant_plane(&f, &sample(2), 1e-8).is_some());
        assert!(dominant_plane(&f, &sample(0), 1e-8).is_some());
        assert!(dominant_plane(&f, &sample(4), 1e-8).is_none());
    }
}
