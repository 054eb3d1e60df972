//! How a descriptor is laid out: its cells and directions, and how their sums become bytes.

use crate::keypoint::Descriptor;

/// Cells along a side.
pub(super) const CELLS: usize = 4;
/// Directions per cell.
pub(super) const DIRECTIONS: usize = 8;
/// Side of a cell over the keypoint's sigma.
pub(super) const CELL_SIDE: f32 = 3.0;
/// Largest share of one value in the normalised vector.
pub(super) const CLIP: f32 = 0.2;
/// From unit length to 8 bits.
pub(super) const QUANTUM: f32 = 512.0;

/// Sums of gradient magnitude before normalisation, `[row][column][direction]`.
pub(super) type Histogram = [f32; CELLS * CELLS * DIRECTIONS];

/// Where a descriptor is read: position and sigma in pixels of the plane, angle in radians, y down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) sigma: f32,
    pub(crate) angle: f32,
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
pub(crate) fn quantise(bins: &Histogram, root: bool) -> Descriptor {
    let clip = sum(bins, |v| v * v).sqrt() * CLIP;
    let mut clipped = *bins;
    clipped.iter_mut().for_each(|v| *v = v.min(clip));
    let mut descriptor = [0u8; CELLS * CELLS * DIRECTIONS];
    if root {
        let scale = QUANTUM * QUANTUM / sum(&clipped, |v| v).max(1e-20);
        for (out, &v) in descriptor.iter_mut().zip(&clipped) {
            *out = to_byte((v * scale).sqrt());
        }
    } else {
        let scale = QUANTUM / sum(&clipped, |v| v * v).sqrt().max(1e-20);
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
