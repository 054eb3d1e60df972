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

/// What the moments are taken from: blurred with half the scale of the region. With all of it a quarter fewer of the regions of
/// `graf` are found again, see `benches/detectors.md`.
pub(super) const LAYOUT: PatchLayout = PatchLayout {
    side: 31,
    sigma: 1.6,
    blur: 0.8,
};
/// Standard deviation of the window in pixels of the patch: three times the scale of the region.
const WINDOW: f32 = 4.8;
/// Steps before a region is given up.
const MOST_STEPS: usize = 16;
/// The shape is right when the ratio of the axes that the moments still ask for is within this of 1.
const TOLERANCE: f32 = 0.05;
/// Largest ratio of the axes; what asks for more is an edge.
const MOST_STRETCH: f32 = 6.0;

/// Finds shapes; holds the weights of the window.
pub(super) struct Adaptation {
    weights: Vec<f32>,
}

impl Adaptation {
    pub(super) fn new() -> Self {
        let middle = (LAYOUT.side - 1) as f32 * 0.5;
        let weight = |i: usize| (-0.5 * ((i as f32 - middle) / WINDOW).powi(2)).exp();
        Self {
            weights: (0..LAYOUT.side).map(weight).collect(),
        }
    }

    /// The shape of a region, starting with the one that it has. `None` where the iteration does not come to rest or the
    /// region is an edge.
    pub(super) fn shape(&self, pyramid: &Pyramid, region: &Keypoint) -> Option<Shape> {
        let mut region = Keypoint {
            angle: 0.0,
            ..*region
        };
        for _ in 0..MOST_STEPS {
            let patch = Patch::of(pyramid, &region, &LAYOUT)?;
            let moments = self.second_moments(&patch);
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

    /// The second moment matrix of a patch's gradients under the window, by central differences, in grey values (0 to
    /// 255) per pixel of the patch, squared; the weights of the window are not normalised.
    pub(super) fn second_moments(&self, patch: &Patch) -> [[f64; 2]; 2] {
        let side = patch.side().min(self.weights.len());
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for y in 1..side - 1 {
            let [above, here, below] = [y - 1, y, y + 1].map(|line| patch.row(line));
            for x in 1..side - 1 {
                let weight = self.weights[x] * self.weights[y];
                let dx = 0.5 * (here[x + 1] - here[x - 1]);
                let dy = 0.5 * (below[x] - above[x]);
                xx += f64::from(weight * dx * dx);
                xy += f64::from(weight * dx * dy);
                yy += f64::from(weight * dy * dy);
            }
        }
        [[xx, xy], [xy, yy]]
    }
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
