//! Fundamental matrices through seven point pairs.
//!
//! Seven equations leave a pencil of matrices; the ones of rank 2 are the roots of a cubic (Hartley and Zisserman
//! 2004, 11.1.2). Of its up to three real roots those stay that keep all points on the same side of both
//! cameras (the oriented epipolar constraint: Chum, Werner and Matas 2004), which refuses most samples with an
//! outlier before they are scored. Checked against NumPy and OpenCV (`tests/reference/two_view.py`).

use super::cubic::{UpToThree, real_directions};
use super::fundamental::{Fundamental, cross, dot};
use super::minimal::Point;
use super::null_space::null_space;

/// Row of the linear system that a pair of points gives.
#[inline]
pub(crate) fn epipolar_row([x, y, u, v]: &Point) -> [f64; 9] {
    [u * x, u * y, *u, v * x, v * y, *v, *x, *y, 1.0]
}

pub(crate) fn from_entries(f: &[f64; 9]) -> Fundamental {
    Fundamental([[f[0], f[1], f[2]], [f[3], f[4], f[5]], [f[6], f[7], f[8]]])
}

/// All matrices of rank 2 through seven pairs of normalised points, of length 1 each; none when the pairs do
/// not fix them up to the cubic (coincident, collinear, on one plane exactly).
pub(crate) fn seven_points(sample: &[Point; 7]) -> UpToThree<Fundamental> {
    let mut found = UpToThree::default();
    let mut rows = [[0.0; 9]; 7];
    for (row, pair) in rows.iter_mut().zip(sample) {
        *row = epipolar_row(pair);
    }
    let Some([first, second]) = null_space(rows) else {
        return found;
    };
    for f in of_pencil(&first, &second).iter() {
        found.push(*f);
    }
    found
}

/// The matrices of determinant 0 among a·first + b·second.
pub(crate) fn of_pencil(first: &[f64; 9], second: &[f64; 9]) -> UpToThree<Fundamental> {
    let (p, q) = (from_entries(first), from_entries(second));
    let mixed = |a: &Fundamental, b: &Fundamental| {
        let [a0, a1, a2] = &a.0;
        let [b0, b1, b2] = &b.0;
        // The part of det(a + t b) that is linear in t.
        dot(b0, &cross(a1, a2)) + dot(b1, &cross(a2, a0)) + dot(b2, &cross(a0, a1))
    };
    let cubic = [
        q.determinant(),
        mixed(&q, &p),
        mixed(&p, &q),
        p.determinant(),
    ];
    let mut found = UpToThree::default();
    for (a, b) in real_directions(cubic).iter() {
        let mut entries = [0.0; 9];
        for (entry, (p, q)) in entries.iter_mut().zip(first.iter().zip(second)) {
            *entry = a * p + b * q;
        }
        if let Some(f) = from_entries(&entries).normalised() {
            found.push(f);
        }
    }
    found
}

/// Whether all pairs lie on the same side of their epipolar lines, as they must when both cameras see the
/// points in front of them.
pub(crate) fn keeps_orientation(f: &Fundamental, sample: &[Point]) -> bool {
    let Some((_, epipole)) = f.epipoles() else {
        return false;
    };
    let (mut positive, mut negative) = (false, false);
    for &[x, y, u, v] in sample {
        let line = f.line_in_second(x, y);
        let sign = dot(&line, &cross(&epipole, &[u, v, 1.0]));
        positive |= sign > 0.0;
        negative |= sign < 0.0;
    }
    positive != negative
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points at several depths seen by a camera that moved and turned a little.
    fn scene() -> [Point; 7] {
        [
            [0.1, 0.2, 2.0],
            [-0.8, 0.5, 3.0],
            [0.6, -0.7, 2.5],
            [-0.3, -0.9, 4.0],
            [0.9, 0.8, 3.5],
            [-0.5, 0.1, 2.2],
            [0.3, 0.6, 5.0],
        ]
        .map(|[x, y, z]| {
            let (sin, cos) = 0.2f64.sin_cos();
            let [a, b, c] = [x * z, y * z, z];
            let [p, q, r] = [cos * a + sin * c + 0.5, b - 0.1, cos * c - sin * a + 0.2];
            [x, y, p / r, q / r]
        })
    }

    #[test]
    fn all_points_lie_on_their_lines_and_one_solution_keeps_orientation() {
        let sample = scene();
        let found = seven_points(&sample);
        let mut oriented = 0;
        for f in found.iter() {
            assert!(f.determinant().abs() < 1e-14);
            for &[x, y, u, v] in &sample {
                assert!(f.sampson_squared((x, y), (u, v)) < 1e-20);
            }
            oriented += usize::from(keeps_orientation(f, &sample));
        }
        assert!(oriented >= 1);
    }

    #[test]
    fn degenerate_samples_have_no_solution() {
        assert_eq!(seven_points(&[[0.3, 0.1, 0.2, 0.5]; 7]).iter().count(), 0);
        assert_eq!(seven_points(&[[f64::NAN; 4]; 7]).iter().count(), 0);
        let line: [Point; 7] = std::array::from_fn(|i| {
            let t = i as f64 / 3.0 - 1.0;
            [t, 0.5 * t, 0.2 - t, t]
        });
        assert_eq!(seven_points(&line).iter().count(), 0);
    }
}
