//! The affine shape of a region, by iteration on the second moment matrix of its gradients (Lindeberg & Gårding 1997;
//! Baumberg, CVPR 2000; Mikolajczyk & Schmid, IJCV 2004).
//!
//! The region is seen through the shape found so far; if the gradients there have no preferred direction, the shape is
//! right, else the matrix says how to change it. As the region is always read with a blur and a window that are round
//! where it is seen, these follow the shape, and what is found does not depend on the view. Position and scale stay (as
//! with Baumberg, Perdoch and VLFeat; Mikolajczyk & Schmid look for them anew in every step).

use crate::keypoint::Keypoint;
use crate::patch::{Patch, PatchLayout};
use crate::pyramid::Pyramid;
use crate::shape::Shape;

/// What the moments are taken from: blurred with a third of the scale of the region. The more blur and the wider the gradients,
/// the fewer regions are found again, see `benches/detectors.md`.
pub(super) const LAYOUT: PatchLayout = PatchLayout {
    side: 23,
    sigma: 1.2,
    blur: 0.4,
};
/// Standard deviation of the window in pixels of the patch: 2.7 times the scale of the region.
const WINDOW: f32 = 3.2;
/// Gradients along a side, one between two pixels.
const GRADIENTS: usize = LAYOUT.side - 1;
/// Steps before a region is given up.
const MOST_STEPS: usize = 16;
/// A step is the last when the ratio of the axes by which it changes the shape is within this of 1: another one would change a
/// third of that or less.
const TOLERANCE: f32 = 0.15;
/// Largest ratio of the axes; what asks for more is an edge.
const MOST_STRETCH: f32 = 6.0;

/// Finds shapes; holds the weights of the window.
pub(super) struct Adaptation {
    weights: [f32; GRADIENTS],
}

impl Adaptation {
    pub(super) fn new() -> Self {
        let middle = (GRADIENTS - 1) as f32 * 0.5;
        let weight = |i: usize| (-0.5 * ((i as f32 - middle) / WINDOW).powi(2)).exp();
        Self {
            weights: std::array::from_fn(weight),
        }
    }

    /// The shape of a region, starting with the one that it has. `None` where the iteration does not come to rest or the
    /// region is an edge.
    pub(super) fn shape(&self, pyramid: &Pyramid, region: &Keypoint) -> Option<Shape> {
        let mut region = *region;
        for _ in 0..MOST_STEPS {
            // Turned to where it is read soonest.
            region.angle = region.shape.long_axis();
            let patch = Patch::of(pyramid, &region, &LAYOUT)?;
            let moments = turned(self.second_moments(&patch), region.angle);
            let missing = Shape::of_matrix(moments)?;
            region.shape = improved(region.shape, moments)?;
            if ratio(region.shape) > MOST_STRETCH {
                return None;
            }
            // The matrix asks for its inverse square root.
            if ratio(missing).sqrt() < 1.0 + TOLERANCE {
                return Some(region.shape);
            }
        }
        None
    }

    /// The second moment matrix of a patch's gradients under the window, in grey values (0 to 255) per pixel of the patch,
    /// squared; the weights of the window are not normalised. The patch has the side of [`LAYOUT`]. Gradients are differences
    /// between the two halves of four pixels: they see finer than central differences, which reach over three.
    pub(super) fn second_moments(&self, patch: &Patch) -> [[f64; 2]; 2] {
        // A sum for each column: these need not wait for one another.
        let [mut xx, mut xy, mut yy] = [[0.0f32; GRADIENTS]; 3];
        for (y, line) in self.weights.iter().enumerate() {
            let [here, below] = [y, y + 1].map(|row| &patch.row(row)[..LAYOUT.side]);
            for x in 0..GRADIENTS {
                let weight = line * self.weights[x];
                let falling = below[x + 1] - here[x];
                let rising = here[x + 1] - below[x];
                let (dx, dy) = (0.5 * (falling + rising), 0.5 * (falling - rising));
                xx[x] += weight * dx * dx;
                xy[x] += weight * dx * dy;
                yy[x] += weight * dy * dy;
            }
        }
        let [xx, xy, yy] = [xx, xy, yy].map(|sums| sums.iter().copied().map(f64::from).sum());
        [[xx, xy], [xy, yy]]
    }
}

/// Moments as they are where what they were taken from is turned by `angle`.
fn turned([[xx, xy], [_, yy]]: [[f64; 2]; 2], angle: f32) -> [[f64; 2]; 2] {
    let (sin, cos) = f64::from(angle).sin_cos();
    let off = (xx - yy) * sin * cos + xy * (cos * cos - sin * sin);
    [
        [cos * cos * xx - 2.0 * sin * cos * xy + sin * sin * yy, off],
        [off, sin * sin * xx + 2.0 * sin * cos * xy + cos * cos * yy],
    ]
}

/// How many times longer one axis is than the other.
fn ratio(shape: Shape) -> f32 {
    (2.0 * shape.u.hypot(shape.v)).exp()
}

/// The shape through which gradients of these moments, seen through `shape`, have no preferred direction: the square root
/// of `shape · moments⁻¹ · shape`.
fn improved(shape: Shape, moments: [[f64; 2]; 2]) -> Option<Shape> {
    let [[a, b], [_, c]] = shape.matrix();
    let [[xx, xy], [_, yy]] = moments;
    // The adjugate is the inverse but for its size, which a shape does not have.
    let [p, q, r] = [yy, -xy, xx];
    let off = a * (p * b + q * c) + b * (q * b + r * c);
    let square = [
        [a * (p * a + q * b) + b * (q * a + r * b), off],
        [off, b * (p * b + q * c) + c * (q * b + r * c)],
    ];
    let Shape { u, v } = Shape::of_matrix(square)?;
    Some(Shape {
        u: 0.5 * u,
        v: 0.5 * v,
    })
}
