//! Geometry from very few matches whose features have shapes.
//!
//! A pair of frames is an affine match: the point x goes to x', and its neighbourhood by the linear map A. One fixes a
//! similarity or an affine map. Of a homography A is the derivative at x, which makes six linear equations a match
//! (Barath and Hajder 2017), so two fix it with room to spare. Of a fundamental matrix, the derivative of
//! x'ᵀ F x = 0 along the neighbourhood is (Fᵀ x')₁₂ + Aᵀ (F x)₁₂ = 0 (Bentolila and Francos 2014; Barath, Toth and
//! Hajder 2017), three equations a match, so three fix it. Shapes are known far less well than positions, so
//! their equations weigh less. Checked against NumPy (`tests/reference/two_view.py`).

use super::Correspondence;
use super::eigen::right_singular;
use super::eight_points::undone;
use super::fit::Normalisation;
use super::fundamental::Fundamental;
use super::minimal::Point;
use super::seven_points::{epipolar_row, from_entries};
use super::transform::Transform;

/// Weight of an equation from a shape against one from a position, in coordinates of mean distance √2 from the
/// sample's centre.
const SHAPE_WEIGHT: f64 = 0.1;
/// Second smallest singular value, as a share of the largest, below which the matches leave a choice.
const AMBIGUOUS: f64 = 1e-7;

/// A pair of points and the linear map between their neighbourhoods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AffineMatch {
    pub point: Point,
    pub local: [[f64; 2]; 2],
}

impl AffineMatch {
    pub(crate) fn normalised(&self, from: &Normalisation, to: &Normalisation) -> Self {
        let [x, y, u, v] = self.point;
        let ((x, y), (u, v)) = (from.apply(x, y), to.apply(u, v));
        let ratio = to.scale / from.scale;
        Self {
            point: [x, y, u, v],
            local: self.local.map(|row| row.map(|a| a * ratio)),
        }
    }
}

impl Correspondence {
    /// The positions with the linear map that the frames propose, of circles that of a similarity.
    pub(crate) fn affine_match(&self) -> AffineMatch {
        let local = self.local_map().unwrap_or_else(|| {
            let scale = self.to.scale / self.from.scale;
            let (sin, cos) = (self.to.angle - self.from.angle).sin_cos();
            [[scale * cos, -scale * sin], [scale * sin, scale * cos]]
        });
        AffineMatch {
            point: [self.from.x, self.from.y, self.to.x, self.to.y],
            local,
        }
    }
}

/// The similarity that one match proposes: the turn nearest to its linear map and its change of area.
pub(crate) fn similarity(m: &AffineMatch) -> Option<Transform> {
    let [[a, b], [c, d]] = m.local;
    let area = a * d - b * c;
    let angle = (c - b).atan2(a + d);
    if area <= 0.0 || !area.is_finite() {
        return None;
    }
    let (sin, cos) = angle.sin_cos();
    let (p, q) = (area.sqrt() * cos, area.sqrt() * sin);
    through(m.point, [[p, -q], [q, p]])
}

/// The affine map that one match proposes.
pub(crate) fn affine(m: &AffineMatch) -> Option<Transform> {
    let [[a, b], [c, d]] = m.local;
    let area = a * d - b * c;
    (area > 0.0 && area.is_finite())
        .then(|| through(m.point, m.local))
        .flatten()
}

/// The map with this linear part that takes the first point to the second.
pub(crate) fn through([x, y, u, v]: Point, [[a, b], [c, d]]: [[f64; 2]; 2]) -> Option<Transform> {
    let map = Transform([
        [a, b, u - a * x - b * y],
        [c, d, v - c * x - d * y],
        [0.0, 0.0, 1.0],
    ]);
    map.is_finite().then_some(map)
}

/// Coordinates of both images in which the sample is centred; `None` when its points coincide.
fn centred<const N: usize>(
    sample: &[AffineMatch; N],
) -> Option<(Normalisation, Normalisation, [AffineMatch; N])> {
    let from = Normalisation::of(sample.iter().map(|m| (m.point[0], m.point[1])))?;
    let to = Normalisation::of(sample.iter().map(|m| (m.point[2], m.point[3])))?;
    Some((from, to, sample.map(|m| m.normalised(&from, &to))))
}

/// The unit vector that the rows shrink most; `None` when a second one is shrunk nearly to nothing too.
fn least(rows: &mut [[f64; 9]]) -> Option<[f64; 9]> {
    let (values, vectors) = right_singular(rows);
    let clear = values[7] > AMBIGUOUS * values[0] && values[0].is_finite();
    clear.then(|| vectors.map(|row| row[8]))
}

/// The homography that two matches agree on in the sense of least squares; `None` when they coincide, leave a
/// choice, or lie on both sides of its horizon or mirrored.
pub(crate) fn homography(sample: &[AffineMatch; 2]) -> Option<Transform> {
    let (from, to, matches) = centred(sample)?;
    let mut rows = [[0.0; 9]; 12];
    for (block, m) in rows.as_chunks_mut::<6>().0.iter_mut().zip(&matches) {
        let [x, y, u, v] = m.point;
        block[0] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, -u];
        block[1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, -v];
        let [[a, b], [c, d]] = m.local;
        let derivatives = [
            [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -u - a * x, -a * y, -a],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -b * x, -u - b * y, -b],
            [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -v - c * x, -c * y, -c],
            [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -d * x, -v - d * y, -d],
        ];
        for (row, derivative) in block[2..].iter_mut().zip(derivatives) {
            *row = derivative.map(|v| v * SHAPE_WEIGHT);
        }
    }
    let h = least(&mut rows)?;
    let mut h = Transform([[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], h[8]]]);
    let depth = |m: &AffineMatch| h.0[2][0] * m.point[0] + h.0[2][1] * m.point[1] + h.0[2][2];
    if matches.iter().all(|m| depth(m) < 0.0) {
        h = Transform(h.0.map(|row| row.map(|v| -v)));
    }
    let upright = |m: &AffineMatch| h.scale_at(m.point[0], m.point[1]).is_some();
    matches
        .iter()
        .all(upright)
        .then(|| Normalisation::undo(&from, &to, &h))
        .flatten()
}

/// The fundamental matrix that three matches agree on in the sense of least squares, brought to rank 2; `None`
/// when they coincide or leave a choice, as three on one plane do.
pub(crate) fn fundamental(sample: &[AffineMatch; 3]) -> Option<Fundamental> {
    let (from, to, matches) = centred(sample)?;
    let mut rows = [[0.0; 9]; 9];
    for (block, m) in rows.as_chunks_mut::<3>().0.iter_mut().zip(&matches) {
        let [x, y, u, v] = m.point;
        let [[a, b], [c, d]] = m.local;
        block[0] = epipolar_row(&m.point);
        // (Fᵀ x')₁ + a (F x)₁ + c (F x)₂, and the same for the second coordinate.
        let first = [u + a * x, a * y, a, v + c * x, c * y, c, 1.0, 0.0, 0.0];
        let second = [b * x, u + b * y, b, d * x, v + d * y, d, 0.0, 1.0, 0.0];
        block[1] = first.map(|e| e * SHAPE_WEIGHT);
        block[2] = second.map(|e| e * SHAPE_WEIGHT);
    }
    let f = from_entries(&least(&mut rows)?).rank_two()?;
    undone(&from, &to, &f)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSPECTIVE: Transform =
        Transform([[0.9, -0.2, 30.0], [0.15, 1.1, -12.0], [2e-4, -1e-4, 1.0]]);

    fn seen(h: &Transform, x: f64, y: f64) -> AffineMatch {
        let (u, v) = h.apply(x, y).unwrap();
        AffineMatch {
            point: [x, y, u, v],
            local: h.jacobian_at(x, y).unwrap(),
        }
    }

    #[test]
    fn two_exact_matches_give_the_homography() {
        let sample = [
            seen(&PERSPECTIVE, 100.0, 80.0),
            seen(&PERSPECTIVE, 640.0, 410.0),
        ];
        let found = homography(&sample).unwrap();
        for (x, y) in [(0.0, 0.0), (800.0, 0.0), (300.0, 600.0)] {
            let (a, b) = (found.apply(x, y).unwrap(), PERSPECTIVE.apply(x, y).unwrap());
            assert!((a.0 - b.0).abs() < 1e-8 && (a.1 - b.1).abs() < 1e-8);
        }
        assert!(homography(&[sample[0]; 2]).is_none());
        let mut mirrored = sample;
        for m in &mut mirrored {
            m.point[2] = -m.point[2];
            m.local[0] = m.local[0].map(|v| -v);
        }
        assert!(homography(&mirrored).is_none());
    }

    #[test]
    fn one_match_gives_what_its_frames_say() {
        let turned = Transform::similarity(0.7, 2.5, 30.0, 10.0);
        let found = similarity(&seen(&turned, 50.0, 60.0)).unwrap();
        let flat = Transform([[0.9, -0.3, 10.0], [0.2, 1.2, -5.0], [0.0, 0.0, 1.0]]);
        let second = affine(&seen(&flat, 50.0, 60.0)).unwrap();
        for (f, t) in [(found, turned), (second, flat)] {
            for (a, b) in f.0.iter().flatten().zip(t.0.iter().flatten()) {
                assert!((a - b).abs() < 1e-12);
            }
        }
        let broken = AffineMatch {
            point: [0.0; 4],
            local: [[f64::NAN; 2]; 2],
        };
        assert!(similarity(&broken).is_none() && affine(&broken).is_none());
    }

    #[test]
    fn three_matches_on_one_plane_leave_a_choice() {
        let sample =
            [(100.0, 80.0), (640.0, 410.0), (300.0, 500.0)].map(|(x, y)| seen(&PERSPECTIVE, x, y));
        assert!(fundamental(&sample).is_none());
    }
}
