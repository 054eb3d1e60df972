//! Numbers, frames and views for the tests of geometry.
#![allow(clippy::unwrap_used, dead_code)]

use vizsla_features::{Frame, Shape, Transform, TransformModel};

/// Width and height of the pictures.
pub const SIZE: (f64, f64) = (800.0, 600.0);

/// A small generator, so that the tests need no crate.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: f64) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_041);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64 * bound
    }

    pub fn around(&mut self, spread: f64) -> f64 {
        (0..6).map(|_| self.below(2.0) - 1.0).sum::<f64>() * spread * 0.7
    }

    pub fn frame(&mut self) -> Frame {
        let (x, y) = (self.below(SIZE.0), self.below(SIZE.1));
        Frame {
            x,
            y,
            scale: 1.6 * self.below(2.0).exp(),
            angle: self.below(std::f64::consts::TAU),
            shape: Shape::CIRCLE,
        }
    }
}

pub fn views() -> [(TransformModel, Transform); 3] {
    [
        (
            TransformModel::Similarity,
            Transform::similarity(0.6, 1.1, 420.0, -60.0),
        ),
        (
            TransformModel::Affine,
            Transform([[0.7, -0.3, 200.0], [0.1, 0.9, -20.0], [0.0, 0.0, 1.0]]),
        ),
        (
            TransformModel::Homography,
            Transform([[0.8, -0.2, 150.0], [0.15, 0.7, 20.0], [2e-4, -2e-4, 1.0]]),
        ),
    ]
}

/// Largest distance between two transforms over the corners of the first image.
pub fn gap(a: &Transform, b: &Transform) -> f64 {
    [(0.0, 0.0), (SIZE.0, 0.0), (SIZE.0, SIZE.1), (0.0, SIZE.1)]
        .into_iter()
        .map(|(x, y)| {
            let (a, b) = (a.apply(x, y).unwrap(), b.apply(x, y).unwrap());
            (a.0 - b.0).hypot(a.1 - b.1)
        })
        .fold(0.0, f64::max)
}
