//! Histograms of oriented gradients over the whole image (Dalal & Triggs, "Histograms of oriented gradients for human
//! detection", CVPR 2005), brought to a square of fixed size. Checked against scikit-image, whose way of counting this
//! is: each gradient in the one bin of its cell and direction.

use std::f32::consts::{PI, TAU};
use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// Side of a cell, pixels.
const CELL: usize = 16;
/// Cells along a side of a block that is normalised as one.
const BLOCK: usize = 2;
/// Largest share of a block that a value may have.
const CLIP: f32 = 0.2;

/// Gradients of the whole image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrientedGradients {
    cells: usize,
    directions: usize,
}

impl OrientedGradients {
    pub(super) const FORM: &str =
        "CELLS,DIRECTIONS (2 to 16 cells a side, 2 to 36 directions within half a turn)";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let [cells, directions] = spec.numbers_alone(',', [2..=16, 2..=36], [8, 9])?;
        Some(OrientedGradients { cells, directions })
    }

    /// Sums of magnitudes, `[row][column][direction]` of the cells.
    fn histogram(&self, image: &Gray) -> Vec<f32> {
        let (cells, directions) = (self.cells, self.directions);
        let mut sums = vec![0.0; cells * cells * directions];
        let size = image.width();
        for y in 0..size {
            let row = image.row(y);
            // Equal rows, and so nothing, at the border.
            let inner = y > 0 && y + 1 < size;
            let (above, below) = if inner {
                (image.row(y - 1), image.row(y + 1))
            } else {
                (row, row)
            };
            for x in 0..size {
                let difference = |a: u8, b: u8| f32::from(a) - f32::from(b);
                // Zero at the border.
                let across = match x {
                    0 => 0.0,
                    x if x + 1 == size => 0.0,
                    x => difference(row[x + 1], row[x - 1]),
                };
                let down = difference(below[x], above[x]);
                let magnitude = (across * across + down * down).sqrt();
                if magnitude > 0.0 {
                    let turn = direction(down, across, directions);
                    let cell = y / CELL * cells + x / CELL;
                    sums[cell * directions + turn] += magnitude;
                }
            }
        }
        sums
    }
}

/// Which of `count` equal parts of half a turn a direction is in.
pub(super) fn direction(down: f32, across: f32, count: usize) -> usize {
    let angle = down.atan2(across);
    let angle = if angle < 0.0 { angle + PI } else { angle };
    // An angle of just half a turn is one of none.
    let turn = angle / PI * count as f32;
    (turn as usize) % count
}

/// Which of `count` equal parts of a whole turn a direction is in.
pub(super) fn full_direction(down: f32, across: f32, count: usize) -> usize {
    let angle = down.atan2(across);
    let angle = if angle < 0.0 { angle + TAU } else { angle };
    ((angle / TAU * count as f32) as usize) % count
}

impl Method for OrientedGradients {
    fn dimension(&self) -> usize {
        let blocks = self.cells + 1 - BLOCK;
        blocks * blocks * BLOCK * BLOCK * self.directions
    }

    /// Blocks row after row, in each its cells row after row; each block is brought to length 1, clipped, and brought
    /// to length 1 again. All zero for a flat image.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let size = self.cells * CELL;
        let Ok(image) = picture.gray.resized(size, size) else {
            return vec![0.0; self.dimension()];
        };
        let sums = self.histogram(&image);
        let pixels = (CELL * CELL) as f32;
        let blocks = self.cells + 1 - BLOCK;
        let mut out = Vec::with_capacity(self.dimension());
        for y in 0..blocks {
            for x in 0..blocks {
                let start = out.len();
                for row in y..y + BLOCK {
                    let first = (row * self.cells + x) * self.directions;
                    let cells = &sums[first..first + BLOCK * self.directions];
                    out.extend(cells.iter().map(|sum| sum / pixels));
                }
                let block = &mut out[start..];
                normalise(block);
                block.iter_mut().for_each(|value| *value = value.min(CLIP));
                normalise(block);
            }
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::Cosine, Distance::L2, Distance::L1]
    }
}

/// To length 1, shorter ones to less.
fn normalise(block: &mut [f32]) {
    let squares: f32 = block.iter().map(|value| value * value).sum();
    let length = (squares + 1e-10).sqrt();
    block.iter_mut().for_each(|value| *value /= length);
}

impl fmt::Display for OrientedGradients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hog:{},{}", self.cells, self.directions)
    }
}
