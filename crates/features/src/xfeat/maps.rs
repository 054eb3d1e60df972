//! What the network answered.

use super::cell::{CELL, NUMBERS};
use crate::extractor::ExtractError;

/// Logits of a cell: each of its pixels, and none.
pub(super) const LOGITS: usize = CELL * CELL + 1;
/// Most cells along a side.
const MOST: usize = 1 << 20;

/// The three maps of a picture, one cell for 8 × 8 pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct XfeatMaps {
    /// Cells in a row.
    pub(super) columns: usize,
    /// Cells in a column.
    pub(super) rows: usize,
    /// 64 planes.
    pub(super) features: Vec<f32>,
    /// 65 planes.
    pub(super) keypoints: Vec<f32>,
    /// One plane.
    pub(super) reliability: Vec<f32>,
}

impl XfeatMaps {
    /// From planes of `rows` × `columns` cells, one after the other: 64 of `features`, of any length; 65 of `keypoints`, the
    /// logits of the 64 pixels of a cell row by row, then of none; one of `reliability`, `[0, 1]`.
    ///
    /// # Errors
    /// A map has another length.
    pub fn new(
        (columns, rows): (usize, usize),
        features: Vec<f32>,
        keypoints: Vec<f32>,
        reliability: Vec<f32>,
    ) -> Result<Self, ExtractError> {
        let cells = columns.min(MOST) * rows.min(MOST);
        for (name, planes, found) in [
            ("features", NUMBERS, features.len()),
            ("keypoints", LOGITS, keypoints.len()),
            ("reliability", 1, reliability.len()),
        ] {
            if cells == 0 || found != planes * cells {
                return Err(ExtractError::new(format!(
                    "the map '{name}' of {rows} x {columns} cells has {found} numbers; it must have {planes} of each cell"
                )));
            }
        }
        Ok(Self {
            columns,
            rows,
            features,
            keypoints,
            reliability,
        })
    }

    /// Cells of a plane.
    pub(super) fn cells(&self) -> usize {
        self.columns * self.rows
    }
}
