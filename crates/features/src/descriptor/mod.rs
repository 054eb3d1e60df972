//! The SIFT descriptor (Lowe 2004, section 6) and its RootSIFT form (Arandjelović & Zisserman 2012).
//!
//! Lowe read the gradients on a grid that turns with the keypoint; most programs since then walk over the pixels
//! instead and spread each among eight bins. Here it is the grid again: 20 × 20 gradients, four to a cell, a spacing
//! of 3/4 of the keypoint's sigma, close enough to lose nothing of an image that was smoothed with that sigma. On a
//! fixed grid the window and the shares of the cells are constants, the rotation is already done, and nothing is
//! scattered: every step is a loop over whole rows of the grid.
//!
//! The order of the 128 values is OpenCV's: rows of the rotated window, columns, then eight directions that turn from
//! the keypoint's own against the (downward) y axis. [`pixelwise`] is the definition that walks over the pixels, kept
//! as the twin that tests compare with.

mod grid;
#[cfg(test)]
mod pixelwise;

use vizsla_pixels::{Isa, Plane};

use crate::keypoint::Descriptor;

/// Cells along a side.
const CELLS: usize = 4;
/// Directions per cell.
const DIRECTIONS: usize = 8;
/// Side of a cell over the keypoint's sigma.
const CELL_SIDE: f32 = 3.0;
/// Largest share of one value in the normalised vector.
const CLIP: f32 = 0.2;
/// From unit length to 8 bits.
const QUANTUM: f32 = 512.0;

/// Sums of gradient magnitude before normalisation, `[row][column][direction]`.
type Histogram = [f32; CELLS * CELLS * DIRECTIONS];

/// Where a descriptor is read: position and sigma in pixels of the plane, angle in radians, y down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) sigma: f32,
    pub(crate) angle: f32,
}

/// Describes one window of a Gaussian plane of at least 2 × 2 pixels.
pub(crate) fn describe(isa: Isa, plane: &Plane, window: &Window, root: bool) -> Descriptor {
    grid::describe(isa, plane, window, root)
}

/// Sums in eight strands, which vectorises.
#[inline(always)]
fn sum(values: &Histogram, term: impl Fn(f32) -> f32) -> f32 {
    let mut strands = [0.0f32; 8];
    for chunk in values.chunks_exact(8) {
        for (strand, &value) in strands.iter_mut().zip(chunk) {
            *strand += term(value);
        }
    }
    strands.iter().sum()
}

/// Normalises, clips and quantises; an empty window stays all zero.
#[inline(always)]
fn quantise(bins: &Histogram, root: bool) -> Descriptor {
    let clip = sum(bins, |v| v * v).sqrt() * CLIP;
    let mut clipped = *bins;
    clipped.iter_mut().for_each(|v| *v = v.min(clip));
    let mut descriptor = [0u8; CELLS * CELLS * DIRECTIONS];
    if root {
        let scale = QUANTUM * QUANTUM / sum(&clipped, |v| v).max(f32::MIN_POSITIVE);
        for (out, &v) in descriptor.iter_mut().zip(&clipped) {
            *out = to_byte((v * scale).sqrt());
        }
    } else {
        let scale = QUANTUM / sum(&clipped, |v| v * v).sqrt().max(f32::MIN_POSITIVE);
        for (out, &v) in descriptor.iter_mut().zip(&clipped) {
            *out = to_byte(v * scale);
        }
    }
    descriptor
}

/// Rounds a value that is not negative.
#[inline(always)]
fn to_byte(value: f32) -> u8 {
    (value + 0.5).min(255.0) as i32 as u8
}
