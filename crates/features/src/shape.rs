//! The affine shape of a feature: which ellipse of the picture its descriptor saw as a circle.
//!
//! A shape is a symmetric matrix of determinant 1, as Baumberg (CVPR 2000) and Mikolajczyk & Schmid (IJCV 2004)
//! normalise patches with. It is kept as the two numbers of its logarithm, `[[u, v], [v, -u]]`: a circle is zero, equal steps
//! are equal changes of the axes' ratio, and no direction is better resolved than another.

/// An ellipse without its size: the ratio of its axes, and where the longer one points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// How much longer it is along x than along y: half the logarithm of their ratio where `v` is 0.
    pub u: f32,
    /// The same along the diagonal that falls to the right against the one that rises.
    pub v: f32,
}

/// Most stretching that a shape says, as `hypot(u, v)`: one axis is 55 times the other.
const MOST: f32 = 2.0;

impl Shape {
    /// What a detector of blobs finds.
    pub const CIRCLE: Self = Self { u: 0.0, v: 0.0 };

    /// Whether it is exactly a circle.
    #[must_use]
    pub fn is_circle(&self) -> bool {
        *self == Self::CIRCLE
    }

    /// Whether it can be used: finite, and no more stretched than any view of something is.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.u.hypot(self.v) <= MOST
    }

    /// Where the long axis points, radians from the x axis towards the (downward) y axis, `-π/2` to `π/2`; 0 for a circle.
    pub(crate) fn long_axis(&self) -> f32 {
        // The eigenvector of [[u, v], [v, -u]] to its positive value.
        0.5 * self.v.atan2(self.u)
    }

    /// The matrix that makes a circle this ellipse: symmetric, of determinant 1, row by row.
    #[must_use]
    pub fn matrix(&self) -> [[f64; 2]; 2] {
        let (u, v) = (f64::from(self.u), f64::from(self.v));
        let length = u.hypot(v);
        // sinh(x)/x, which is 1 at 0.
        let slope = if length > 1e-9 {
            length.sinh() / length
        } else {
            1.0
        };
        let middle = length.cosh();
        [
            [middle + slope * u, slope * v],
            [slope * v, middle - slope * u],
        ]
    }

    /// The shape of a symmetric matrix of positive eigenvalues, whatever its size; `None` for other matrices.
    #[must_use]
    pub fn of_matrix([[a, b], [c, d]]: [[f64; 2]; 2]) -> Option<Self> {
        let determinant = a * d - b * c;
        let symmetric = (b - c).abs() <= 1e-9 * (a.abs() + d.abs());
        if !symmetric || a <= 0.0 || determinant <= 0.0 || !determinant.is_finite() {
            return None;
        }
        let size = determinant.sqrt();
        let (difference, off) = (0.5 * (a - d) / size, b / size);
        let sinh = difference.hypot(off);
        let slope = if sinh > 1e-9 {
            sinh.asinh() / sinh
        } else {
            1.0
        };
        let shape = Self {
            u: (slope * difference) as f32,
            v: (slope * off) as f32,
        };
        shape.is_valid().then_some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_its_matrix() {
        assert_eq!(Shape::CIRCLE.matrix(), [[1.0, 0.0], [0.0, 1.0]]);
        for (u, v) in [(0.5, 0.0), (-0.3, 0.8), (1e-6, -1e-6), (0.0, 1.7)] {
            let shape = Shape { u, v };
            let [[a, b], [c, d]] = shape.matrix();
            assert!((a * d - b * c - 1.0).abs() < 1e-9, "{shape:?}");
            let larger = [[3.0 * a, 3.0 * b], [3.0 * c, 3.0 * d]];
            let again = Shape::of_matrix(larger).unwrap();
            assert!(
                (again.u - u).abs() < 1e-6 && (again.v - v).abs() < 1e-6,
                "{again:?}"
            );
        }
        // Twice as long along x as along y.
        let wide = Shape::of_matrix([[2.0, 0.0], [0.0, 1.0]]).unwrap();
        assert!((wide.u - 0.5 * 2f32.ln()).abs() < 1e-6 && wide.v == 0.0);
    }

    #[test]
    fn what_is_no_ellipse_is_none() {
        for matrix in [
            [[1.0, 0.5], [0.2, 1.0]],
            [[-1.0, 0.0], [0.0, -1.0]],
            [[1.0, 2.0], [2.0, 1.0]],
            [[f64::NAN, 0.0], [0.0, 1.0]],
            [[1e9, 0.0], [0.0, 1e-9]],
        ] {
            assert_eq!(Shape::of_matrix(matrix), None, "{matrix:?}");
        }
        assert!(
            !Shape {
                u: f32::NAN,
                v: 0.0
            }
            .is_valid()
        );
        assert!(!Shape { u: 2.0, v: 1.0 }.is_valid());
    }
}
