//! What a local extractor hands out: keypoints and their descriptors.

use crate::geometry::Frame;
use crate::shape::Shape;

/// A point with a scale, a direction and a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keypoint {
    /// Column in pixels of the image given; the centre of the top-left pixel is (0, 0).
    pub x: f32,
    /// Row in pixels of the image given.
    pub y: f32,
    /// Standard deviation of the Gaussian at which the point was found, in pixels of the image given.
    pub scale: f32,
    /// Dominant gradient direction in radians, `[0, 2π)`, from the x axis towards the (downward) y axis; where the shape
    /// is no circle, as it lies once the ellipse is made one.
    pub angle: f32,
    /// The ellipse that was described; its area is that of the circle of this scale.
    pub shape: Shape,
    /// Strength of the detector's response, `[0, 1]` for the difference of Gaussians (grey values as `[0, 1]`).
    pub response: f32,
}

impl Keypoint {
    /// The keypoint as geometry sees it.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame {
            x: f64::from(self.x),
            y: f64::from(self.y),
            scale: f64::from(self.scale),
            angle: f64::from(self.angle),
            shape: self.shape,
        }
    }
}

/// A SIFT or RootSIFT descriptor: 4 rows × 4 columns of 8 gradient directions, quantised to 8 bits.
pub type Descriptor = [u8; 128];

/// Everything that was extracted from one image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Columns of the image.
    pub width: u32,
    /// Rows of the image.
    pub height: u32,
    /// Keypoints, strongest first.
    pub keypoints: Vec<Keypoint>,
    /// One descriptor per keypoint, in the same order.
    pub descriptors: Vec<Descriptor>,
}

impl Features {
    /// The number of keypoints.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keypoints.is_empty()
    }
}
