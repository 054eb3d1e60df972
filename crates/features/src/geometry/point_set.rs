//! The pairs that a geometry is estimated from, in normalised coordinates.

use super::consensus::Columns;
use super::minimal::Point;

/// Pairs, their weights, and what an inlier is.
pub(crate) struct PointSet {
    pub points: Vec<Point>,
    pub weights: Vec<f64>,
    pub columns: Columns,
    /// Squared threshold in normalised coordinates.
    pub limit: f64,
    /// Square of how much larger a pixel is, normalised, in the first image than in the second.
    pub unequal_scales: f64,
}
