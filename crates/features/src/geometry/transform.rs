//! Plane transforms.

/// The corners of a box after a transform, in the order top left, top right, bottom right, bottom left
/// of the box.
pub type Quad = [(f64, f64); 4];

/// A plane projective transform as a row-major 3×3 matrix acting on homogeneous column vectors.
///
/// Similarities and affine transforms are those whose last row is `0 0 1`. Pixel coordinates follow the
/// convention of keypoints: the centre of the top-left pixel is (0, 0), y points down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform(pub [[f64; 3]; 3]);

/// What a map between two photographs of one flat object can look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plausibility {
    /// Largest local magnification and largest local reduction, ≥ 1.
    pub max_scale: f64,
    /// Largest ratio of the two local singular values (foreshortening), ≥ 1.
    pub max_stretch: f64,
    /// Largest ratio of the local scales at two corners of the region (perspective), ≥ 1.
    pub max_scale_change: f64,
}

impl Default for Plausibility {
    fn default() -> Self {
        Self {
            max_scale: 20.0,
            max_stretch: 5.0,
            max_scale_change: 5.0,
        }
    }
}

impl Transform {
    /// The transform that leaves every point where it is.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// From the pixels of an image to those of the same image enlarged `zoom` times. The corners of the
    /// image stay corners, so centres of pixels, which have whole coordinates, move by half a pixel's growth.
    pub fn enlargement(zoom: f64) -> Self {
        let shift = 0.5 * zoom - 0.5;
        Self([[zoom, 0.0, shift], [0.0, zoom, shift], [0.0, 0.0, 1.0]])
    }

    /// Scales by `scale`, turns by `angle` radians (from the x axis towards the y axis), then shifts.
    pub fn similarity(scale: f64, angle: f64, shift_x: f64, shift_y: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        let (a, b) = (scale * cos, scale * sin);
        Self([[a, -b, shift_x], [b, a, shift_y], [0.0, 0.0, 1.0]])
    }

    /// Where the point goes; `None` on or beyond the horizon (where the third homogeneous coordinate is
    /// not positive) or when the result is not finite.
    #[inline]
    pub fn apply(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let m = &self.0;
        let w = m[2][0] * x + m[2][1] * y + m[2][2];
        let (u, v) = (
            m[0][0] * x + m[0][1] * y + m[0][2],
            m[1][0] * x + m[1][1] * y + m[1][2],
        );
        let (u, v) = (u / w, v / w);
        (w > 0.0 && u.is_finite() && v.is_finite()).then_some((u, v))
    }

    /// The inverse, scaled so that its last entry is 1 where possible; `None` when singular or not finite.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        let cofactor = |r0: usize, r1: usize, c0: usize, c1: usize| {
            m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0]
        };
        let adjugate = [
            [
                cofactor(1, 2, 1, 2),
                -cofactor(0, 2, 1, 2),
                cofactor(0, 1, 1, 2),
            ],
            [
                -cofactor(1, 2, 0, 2),
                cofactor(0, 2, 0, 2),
                -cofactor(0, 1, 0, 2),
            ],
            [
                cofactor(1, 2, 0, 1),
                -cofactor(0, 2, 0, 1),
                cofactor(0, 1, 0, 1),
            ],
        ];
        let determinant = self.determinant();
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        // Divided by the determinant, points in front of the one horizon stay in front of the other.
        let inverse = Self(adjugate.map(|row| row.map(|v| v / determinant)));
        let inverse = if inverse.0[2][2] > 0.0 {
            inverse.normalised()
        } else {
            inverse
        };
        inverse.is_finite().then_some(inverse)
    }

    /// First `other`, then `self`.
    pub fn compose(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        let mut product = [[0.0; 3]; 3];
        for (r, row) in product.iter_mut().enumerate() {
            for (c, entry) in row.iter_mut().enumerate() {
                *entry = (0..3).map(|k| a[r][k] * b[k][c]).sum();
            }
        }
        Self(product)
    }

    /// The same map with the last entry 1; unchanged when that entry is zero.
    pub fn normalised(&self) -> Self {
        let last = self.0[2][2];
        if last == 0.0 {
            *self
        } else {
            Self(self.0.map(|row| row.map(|v| v / last)))
        }
    }

    /// Whether every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.0.iter().flatten().all(|v| v.is_finite())
    }

    /// Determinant of the matrix; negative for a mirror image when the last entry is positive.
    pub fn determinant(&self) -> f64 {
        let m = &self.0;
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
            - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    }

    /// Derivative of the map at a point; rows are the image's coordinates, columns the source's. `None`
    /// where [`apply`](Self::apply) is.
    pub fn jacobian_at(&self, x: f64, y: f64) -> Option<[[f64; 2]; 2]> {
        let m = &self.0;
        let (u, v) = self.apply(x, y)?;
        let w = m[2][0] * x + m[2][1] * y + m[2][2];
        let row = |r: usize, value: f64| {
            [
                (m[r][0] - value * m[2][0]) / w,
                (m[r][1] - value * m[2][1]) / w,
            ]
        };
        Some([row(0, u), row(1, v)])
    }

    /// Local magnification: square root of the area ratio at a point; `None` where the map is not
    /// defined or mirrors.
    pub fn scale_at(&self, x: f64, y: f64) -> Option<f64> {
        let j = self.jacobian_at(x, y)?;
        let area = j[0][0] * j[1][1] - j[0][1] * j[1][0];
        (area > 0.0).then(|| area.sqrt())
    }

    /// Local turn in radians, (-π, π]: the rotation nearest to the derivative. `None` where
    /// [`apply`](Self::apply) is.
    pub fn rotation_at(&self, x: f64, y: f64) -> Option<f64> {
        let j = self.jacobian_at(x, y)?;
        Some((j[1][0] - j[0][1]).atan2(j[0][0] + j[1][1]))
    }

    /// Where the four corners of a box go; `None` when one of them has no image.
    pub fn project_box(&self, x: f64, y: f64, width: f64, height: f64) -> Option<Quad> {
        Some([
            self.apply(x, y)?,
            self.apply(x + width, y)?,
            self.apply(x + width, y + height)?,
            self.apply(x, y + height)?,
        ])
    }

    /// Whether the map of a box looks like a view of the same flat thing: every corner in front of the
    /// horizon, a convex outline that is not mirrored, and local scale, foreshortening and perspective
    /// within the limits at the corners.
    pub fn is_plausible(
        &self,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        limits: &Plausibility,
    ) -> bool {
        let Some(quad) = self.project_box(x, y, width, height) else {
            return false;
        };
        if !is_convex(&quad) {
            return false;
        }
        let (mut smallest, mut largest) = (f64::INFINITY, 0f64);
        for (cx, cy) in [
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
        ] {
            let Some(j) = self.jacobian_at(cx, cy) else {
                return false;
            };
            let area = j[0][0] * j[1][1] - j[0][1] * j[1][0];
            let square: f64 = j.iter().flatten().map(|v| v * v).sum();
            // The singular values p ≥ q have p·q = area and p² + q² = square, hence p/q + q/p below.
            let stretch = limits.max_stretch + 1.0 / limits.max_stretch;
            if area <= 0.0 || square > stretch * area {
                return false;
            }
            smallest = smallest.min(area);
            largest = largest.max(area);
        }
        largest <= limits.max_scale.powi(2)
            && smallest >= limits.max_scale.powi(-2)
            && largest <= smallest * limits.max_scale_change.powi(2)
    }
}

/// Whether a quadrilateral is convex and runs in the same sense as a box (not mirrored, not folded,
/// not degenerate).
pub fn is_convex(quad: &Quad) -> bool {
    (0..4).all(|i| {
        let (a, b, c) = (quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]);
        (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0) > 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSPECTIVE: Transform =
        Transform([[0.9, -0.2, 30.0], [0.15, 1.1, -12.0], [2e-4, -1e-4, 1.0]]);

    #[test]
    fn a_transform_and_its_inverse_cancel() {
        let inverse = PERSPECTIVE.inverse().unwrap();
        let (u, v) = PERSPECTIVE.apply(123.0, 77.0).unwrap();
        let (x, y) = inverse.apply(u, v).unwrap();
        assert!((x - 123.0).abs() < 1e-9 && (y - 77.0).abs() < 1e-9);
        let product = PERSPECTIVE.compose(&inverse).normalised();
        for (r, row) in product.0.iter().enumerate() {
            for (c, v) in row.iter().enumerate() {
                assert!((v - Transform::IDENTITY.0[r][c]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn points_beyond_the_horizon_have_no_image() {
        let t = Transform([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.01, 0.0, 1.0]]);
        assert!(t.apply(-99.0, 0.0).is_some());
        assert!(t.apply(-100.0, 0.0).is_none());
        assert!(t.apply(-101.0, 0.0).is_none());
        assert!(t.project_box(-200.0, 0.0, 300.0, 10.0).is_none());
    }

    #[test]
    fn local_scale_and_turn_of_a_similarity() {
        let t = Transform::similarity(2.5, 0.7, 10.0, -4.0);
        assert!((t.scale_at(5.0, 6.0).unwrap() - 2.5).abs() < 1e-12);
        assert!((t.rotation_at(5.0, 6.0).unwrap() - 0.7).abs() < 1e-12);
    }

    #[test]
    fn the_jacobian_is_the_derivative() {
        let (x, y, h) = (50.0, 80.0, 1e-5);
        let j = PERSPECTIVE.jacobian_at(x, y).unwrap();
        let (a, b) = (
            PERSPECTIVE.apply(x + h, y).unwrap(),
            PERSPECTIVE.apply(x - h, y).unwrap(),
        );
        assert!((j[0][0] - (a.0 - b.0) / (2.0 * h)).abs() < 1e-6);
        assert!((j[1][0] - (a.1 - b.1) / (2.0 * h)).abs() < 1e-6);
    }

    #[test]
    fn mirrors_and_extremes_are_implausible() {
        let limits = Plausibility::default();
        let plausible = |t: &Transform| t.is_plausible(0.0, 0.0, 400.0, 300.0, &limits);
        assert!(plausible(&Transform::IDENTITY));
        assert!(plausible(&PERSPECTIVE));
        let mirror = Transform([[-1.0, 0.0, 400.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
        assert!(!plausible(&mirror));
        assert!(!plausible(&Transform::similarity(25.0, 0.0, 0.0, 0.0)));
        let flat = Transform([[1.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 1.0]]);
        assert!(!plausible(&flat));
        let steep = Transform([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.01, 0.0, 1.0]]);
        assert!(!plausible(&steep));
    }

    #[test]
    fn singular_matrices_have_no_inverse() {
        assert!(Transform([[0.0; 3]; 3]).inverse().is_none());
        assert!(Transform([[f64::NAN; 3]; 3]).inverse().is_none());
    }
}
