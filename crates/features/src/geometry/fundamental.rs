//! The fundamental matrix: what two views of a scene that is not flat have in common.
//!
//! A point of the first image fixes a line of the second, on which its image must lie (Faugeras 1992; Hartley
//! 1992; chapter 9 of Hartley and Zisserman, *Multiple View Geometry*, 2004). The matrix has rank 2; its null
//! vectors are the epipoles, where each image would show the other's camera.

use super::eigen::right_singular;

/// A 3×3 matrix F, row by row, with x'ᵀ F x = 0 for the homogeneous pixel coordinates x = (x, y, 1) of a point
/// in the first image and x' = (u, v, 1) in the second. Its size and sign mean nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fundamental(pub [[f64; 3]; 3]);

/// Products of one point pair with a matrix: the line of the first point in the second image, the line of the
/// second point in the first, and x'ᵀ F x.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incidence {
    pub to_line: [f64; 3],
    pub from_line: [f64; 3],
    pub algebraic: f64,
}

impl Incidence {
    /// Sum of the squares of both lines' normals.
    #[inline]
    pub(crate) fn gradient(&self) -> f64 {
        let ([a, b, _], [c, d, _]) = (self.to_line, self.from_line);
        a * a + b * b + c * c + d * d
    }
}

/// A square over squares, infinite where 0/0 or not finite: such a pair agrees with nothing.
#[inline]
fn quotient(square: f64, over: f64) -> f64 {
    let value = square / over;
    if value.is_finite() {
        value
    } else {
        f64::INFINITY
    }
}

impl Fundamental {
    #[inline]
    pub(crate) fn incidence(&self, [x, y, u, v]: [f64; 4]) -> Incidence {
        // Written out: closures over three entries cost more than what they do.
        let [a, b, c] = &self.0;
        let to_line = [
            a[0] * x + a[1] * y + a[2],
            b[0] * x + b[1] * y + b[2],
            c[0] * x + c[1] * y + c[2],
        ];
        let from_line = [
            a[0] * u + b[0] * v + c[0],
            a[1] * u + b[1] * v + c[1],
            a[2] * u + b[2] * v + c[2],
        ];
        Incidence {
            algebraic: u * to_line[0] + v * to_line[1] + to_line[2],
            to_line,
            from_line,
        }
    }

    /// Squared Sampson error in pixels²: to first order the squared distance, in the four coordinates of
    /// both points, to the nearest pair that fits exactly (Sampson 1982; Luong and Faugeras 1996). Infinite
    /// where it is not defined.
    #[must_use]
    #[inline]
    pub fn sampson_squared(&self, (x, y): (f64, f64), (u, v): (f64, f64)) -> f64 {
        let at = self.incidence([x, y, u, v]);
        quotient(at.algebraic * at.algebraic, at.gradient())
    }

    /// Distances, in pixels, of each point from the epipolar line of the other: in the first and in the
    /// second image. Infinite where a line is not defined.
    #[must_use]
    pub fn line_distances(&self, (x, y): (f64, f64), (u, v): (f64, f64)) -> (f64, f64) {
        let at = self.incidence([x, y, u, v]);
        let from = at.from_line[0].hypot(at.from_line[1]);
        let to = at.to_line[0].hypot(at.to_line[1]);
        (
            quotient(at.algebraic.abs(), from),
            quotient(at.algebraic.abs(), to),
        )
    }

    /// Squared symmetric epipolar distance in pixels²: the sum of the squares of
    /// [`line_distances`](Self::line_distances).
    #[must_use]
    pub fn symmetric_epipolar_squared(&self, from: (f64, f64), to: (f64, f64)) -> f64 {
        let (a, b) = self.line_distances(from, to);
        a * a + b * b
    }

    /// The line (a, b, c), a u + b v + c = 0 in the second image, of a point of the first.
    #[must_use]
    pub fn line_in_second(&self, x: f64, y: f64) -> [f64; 3] {
        let [a, b, c] = &self.0;
        [
            a[0] * x + a[1] * y + a[2],
            b[0] * x + b[1] * y + b[2],
            c[0] * x + c[1] * y + c[2],
        ]
    }

    /// The line in the first image of a point of the second.
    #[must_use]
    pub fn line_in_first(&self, u: f64, v: f64) -> [f64; 3] {
        self.transposed().line_in_second(u, v)
    }

    /// The relation from the second image to the first.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.0;
        Self([[a, d, g], [b, e, h], [c, f, i]])
    }

    /// Determinant, 0 of a fundamental matrix but for rounding.
    #[must_use]
    pub fn determinant(&self) -> f64 {
        let [a, b, c] = &self.0;
        dot(a, &cross(b, c))
    }

    /// Whether every entry is finite and one is not zero.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let entries = self.0.as_flattened();
        entries.iter().all(|v| v.is_finite()) && entries.iter().any(|&v| v != 0.0)
    }

    /// The same relation with the sum of squares 1 and the entry of largest magnitude positive; `None` for
    /// the zero matrix and what is not finite.
    #[must_use]
    pub fn normalised(&self) -> Option<Self> {
        let mut largest = 0.0;
        for &v in self.0.as_flattened() {
            if v.abs() > f64::abs(largest) {
                largest = v;
            }
        }
        if largest == 0.0 || !self.is_usable() {
            return None;
        }
        let mut normal = self.0;
        let mut square = 0.0;
        for v in normal.as_flattened_mut() {
            *v /= largest;
            square += *v * *v;
        }
        let size = square.sqrt();
        normal
            .as_flattened_mut()
            .iter_mut()
            .for_each(|v| *v /= size);
        Some(Self(normal))
    }

    /// The nearest matrix of rank 2 in the Frobenius norm (Hartley 1997); `None` when the rank is 1 or not
    /// even that, which is no relation of two views.
    #[must_use]
    pub fn rank_two(&self) -> Option<Self> {
        let start = self.normalised()?;
        let mut scaled = start.0;
        let (values, vectors) = right_singular(&mut scaled);
        if values[1] <= 1e-12 * values[0] {
            return None;
        }
        // Taking the smallest part away keeps what is left exact.
        let least = vectors.map(|row| row[2]);
        let f = start.0.map(|row| {
            let along = dot(&row, &least);
            [0, 1, 2].map(|c| row[c] - along * least[c])
        });
        Self(f).normalised()
    }

    /// Epipoles in homogeneous coordinates of length 1: in the first image the vector with F e = 0, in the
    /// second e' with Fᵀ e' = 0. `None` for a matrix without two independent rows.
    #[must_use]
    pub fn epipoles(&self) -> Option<([f64; 3], [f64; 3])> {
        Some((null_vector(&self.0)?, null_vector(&self.transposed().0)?))
    }
}

/// The direction at a right angle to all rows of a matrix of rank 2.
fn null_vector(rows: &[[f64; 3]; 3]) -> Option<[f64; 3]> {
    let mut best = ([0.0; 3], 0.0);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        let candidate = cross(&rows[a], &rows[b]);
        let square = dot(&candidate, &candidate);
        if square > best.1 {
            best = (candidate, square);
        }
    }
    let ([x, y, z], square) = best;
    let length = square.sqrt();
    (length > 0.0 && length.is_finite()).then(|| [x / length, y / length, z / length])
}

#[inline]
pub(crate) fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[inline]
pub(crate) fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera that moved to the right: lines are rows.
    const SIDEWAYS: Fundamental = Fundamental([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]);

    #[test]
    fn errors_of_a_sideways_move_are_differences_of_rows() {
        let (from, to) = ((40.0, 70.0), (90.0, 73.0));
        let (a, b) = SIDEWAYS.line_distances(from, to);
        assert!((a - 3.0).abs() < 1e-12 && (b - 3.0).abs() < 1e-12);
        assert!((SIDEWAYS.sampson_squared(from, to) - 4.5).abs() < 1e-12);
        assert!((SIDEWAYS.symmetric_epipolar_squared(from, to) - 18.0).abs() < 1e-12);
        let (first, second) = SIDEWAYS.epipoles().unwrap();
        assert!(first[0].abs() == 1.0 && second[0].abs() == 1.0);
        assert_eq!(SIDEWAYS.line_in_second(5.0, 8.0), [0.0, -1.0, 8.0]);
        assert_eq!(SIDEWAYS.line_in_first(5.0, 8.0), [0.0, 1.0, -8.0]);
    }

    #[test]
    fn rank_two_is_the_nearest_of_rank_two() {
        let full = Fundamental([[1.0, 2.0, 0.5], [-0.3, 0.8, 1.0], [0.2, -1.0, 2.0]]);
        let nearest = full.rank_two().unwrap();
        assert!(nearest.determinant().abs() < 1e-15);
        let size: f64 = nearest.0.iter().flatten().map(|v| v * v).sum();
        assert!((size - 1.0).abs() < 1e-12);
        let again = nearest.rank_two().unwrap();
        for (a, b) in nearest.0.iter().flatten().zip(again.0.iter().flatten()) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_no_relation_is_none() {
        assert!(Fundamental([[0.0; 3]; 3]).normalised().is_none());
        assert!(Fundamental([[f64::NAN; 3]; 3]).rank_two().is_none());
        assert!(Fundamental([[1.0, 2.0, 3.0]; 3]).rank_two().is_none());
        assert!(Fundamental([[0.0; 3]; 3]).epipoles().is_none());
        let zero = Fundamental([[0.0; 3]; 3]);
        assert_eq!(zero.sampson_squared((1.0, 1.0), (2.0, 2.0)), f64::INFINITY);
    }
}
