//! What robust estimation works on: pairs of local frames.

use crate::shape::Shape;

/// Where a feature is, how large, which way it points and how it is stretched. A pair of frames alone fixes a similarity, and
/// an affine map where the shapes are not both circles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Horizontal position in pixels; the centre of the top-left pixel is 0.
    pub x: f64,
    /// Vertical position in pixels, downwards.
    pub y: f64,
    /// Size in pixels, positive. Only ratios of sizes are used, so any fixed multiple of sigma will do.
    pub scale: f64,
    /// Direction in radians from the x axis towards the y axis; any multiple of 2π may be added. Where the shape is no
    /// circle, as it lies once the ellipse is made one.
    pub angle: f64,
    /// The ellipse that looked like a circle to the descriptor.
    pub shape: Shape,
}

/// A feature of one image that may show the same thing as a feature of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correspondence {
    /// The feature in the first image (the query).
    pub from: Frame,
    /// The feature in the second image (the gallery).
    pub to: Frame,
    /// Confidence, positive; any scale. Correspondences with a weight that is not finite and positive
    /// are never used.
    pub weight: f64,
}

/// The families of transforms that can be estimated, from poorest to richest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransformModel {
    /// Rotation, uniform scale and shift: 4 degrees of freedom, two points.
    Similarity,
    /// Any linear map and shift: 6 degrees of freedom, three points.
    Affine,
    /// Any perspective view of a plane: 8 degrees of freedom, four points.
    Homography,
}

impl TransformModel {
    /// Points that fix a transform of this family.
    pub const fn sample_size(self) -> usize {
        match self {
            Self::Similarity => 2,
            Self::Affine => 3,
            Self::Homography => 4,
        }
    }
}

impl Frame {
    /// Whether position is finite and scale and angle can be used.
    pub(crate) fn is_valid(&self) -> bool {
        // Squares of larger numbers than these would leave the range of f32.
        self.x.abs() < 1e9
            && self.y.abs() < 1e9
            && self.angle.is_finite()
            && self.scale > 1e-9
            && self.scale < 1e9
            && self.shape.is_valid()
    }

    /// The linear map from a circle of size 1, pointing right, to the feature.
    fn linear(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let [[a, b], [c, d]] = self.shape.matrix();
        let turned = [
            [a * cos + b * sin, b * cos - a * sin],
            [c * cos + d * sin, d * cos - c * sin],
        ];
        turned.map(|row| row.map(|value| value * self.scale))
    }

    /// Where the direction points in the picture, a vector of length 1.
    pub(crate) fn direction(&self) -> (f64, f64) {
        let (sin, cos) = self.angle.sin_cos();
        if self.shape.is_circle() {
            return (cos, sin);
        }
        let [[x, _], [y, _]] = self.linear();
        let length = x.hypot(y);
        (x / length, y / length)
    }
}

impl Correspondence {
    /// Whether the two frames propose more than a similarity.
    pub(crate) fn is_shaped(&self) -> bool {
        !self.from.shape.is_circle() || !self.to.shape.is_circle()
    }

    /// The linear part of the affine map that the two frames propose; `None` where both are circles, which propose a
    /// similarity.
    pub(crate) fn local_map(&self) -> Option<[[f64; 2]; 2]> {
        if !self.is_shaped() {
            return None;
        }
        let [[a, b], [c, d]] = self.from.linear();
        let [to_x, to_y] = self.to.linear();
        let determinant = a * d - b * c;
        let row = |[p, q]: [f64; 2]| [(p * d - q * c) / determinant, (q * a - p * b) / determinant];
        Some([row(to_x), row(to_y)])
    }

    /// Whether both positions and the weight can be used.
    pub(crate) fn has_valid_positions(&self) -> bool {
        let fine = |f: &Frame| f.x.abs() < 1e9 && f.y.abs() < 1e9;
        fine(&self.from) && fine(&self.to) && self.weight > 0.0 && self.weight.is_finite()
    }
}
