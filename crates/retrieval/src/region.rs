//! A rectangle drawn in a picture.

use serde::Serialize;

/// A rectangle in pixels of the upright, full-resolution picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Region {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, positive.
    pub width: f64,
    /// Height, positive.
    pub height: f64,
}
