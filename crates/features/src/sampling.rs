//! Values between the pixels of a plane along a line, bilinear, a register at a time; two neighbours with each load.

#![allow(unsafe_code)]

use vizsla_pixels::{Lanes, Plane};

/// A float below 2²¹ to which this was added has lost all that is behind the point; taking it away again leaves the nearest whole
/// number.
const TO_INTEGER: f32 = 12_582_912.0;

/// Lanes of the widest register.
const MOST_LANES: usize = 32;

/// 0, 1, 2, …
const fn counting<const N: usize>() -> [f32; N] {
    let mut row = [0.0; N];
    let mut i = 0;
    while i < N {
        row[i] = i as f32;
        i += 1;
    }
    row
}

/// Values at `origin + i · step`, columns and rows, for the registers in which the first `count` lie; what lies outside the plane is
/// moved onto its border. The rest of `out` stays. The plane has at least 2 × 2 pixels, else nothing is read.
///
/// # Safety
/// The processor must have the instruction set of `V`, of which a whole number of registers makes `N` values.
#[inline(always)]
pub(crate) unsafe fn line<V: Lanes, const N: usize>(
    plane: &Plane,
    origin: (f32, f32),
    step: (f32, f32),
    count: usize,
    out: &mut [f32; N],
) {
    let (width, height, data) = (plane.width(), plane.height(), plane.data());
    if width < 2 || height < 2 || data.len() != width * height || u32::try_from(data.len()).is_err()
    {
        return;
    }
    // SAFETY: columns are below `width - 1` and rows below `height - 1`, so that the pixel right of them, and those a row further
    // down, are in the plane as well.
    unsafe { registers::<V, N, true>(plane, origin, step, count, out) };
}

/// As [`line`], where the caller knows that all values lie within the plane.
///
/// # Safety
/// As for [`line`]. All whole registers in which the first `count` values lie must be at least a pixel away from the border of the
/// plane, which has less than 2³² pixels.
#[inline(always)]
pub(crate) unsafe fn line_inside<V: Lanes, const N: usize>(
    plane: &Plane,
    origin: (f32, f32),
    step: (f32, f32),
    count: usize,
    out: &mut [f32; N],
) {
    // SAFETY: the caller vouches for the positions.
    unsafe { registers::<V, N, false>(plane, origin, step, count, out) };
}

/// Registers of values at `origin + i · step`, which `HELD` holds within the plane.
///
/// # Safety
/// Else their pixels, and those right of and below them, must be in the plane. Besides as for [`line`].
#[inline(always)]
unsafe fn registers<V: Lanes, const N: usize, const HELD: bool>(
    plane: &Plane,
    origin: (f32, f32),
    step: (f32, f32),
    count: usize,
    out: &mut [f32; N],
) {
    const { assert!(N.is_multiple_of(V::COUNT) && V::COUNT <= MOST_LANES) };
    let (width, height, upper) = (plane.width(), plane.height(), plane.data().as_ptr());
    let mut offsets = [0u32; MOST_LANES];
    for start in (0..count.min(N)).step_by(V::COUNT) {
        // SAFETY: whole registers of rows of `N` values; the caller vouches for the places.
        unsafe {
            let along = V::load(const { counting::<N>() }.as_ptr().add(start));
            let (column, fx) = split(along, origin.0, step.0, HELD.then_some(width));
            let (row, fy) = split(along, origin.1, step.1, HELD.then_some(height));
            column.store_offsets(row, width as u32, offsets.as_mut_ptr());
            let (left, right) = V::load_pairs(upper, offsets.as_ptr());
            let top = fx.mul_add(right.sub(left), left);
            let (left, right) = V::load_pairs(upper.add(width), offsets.as_ptr());
            let low = fx.mul_add(right.sub(left), left);
            let value = fy.mul_add(low.sub(top), top);
            value.store(out.as_mut_ptr().add(start));
        }
    }
}

/// Positions `origin + step · along` split into whole pixels and the rest; with a `size` held within `0..size`, and whole pixels
/// at most `size - 2`.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn split<V: Lanes>(along: V, origin: f32, step: f32, size: Option<usize>) -> (V, V) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let magic = V::splat(TO_INTEGER);
        let mut position = along.mul_add(V::splat(step), V::splat(origin));
        if let Some(size) = size {
            // In this order what is no number becomes 0 on every processor that has a choice.
            position = position.max(V::splat(0.0)).min(V::splat((size - 1) as f32));
        }
        let mut pixel = position.sub(V::splat(0.5)).add(magic);
        if let Some(size) = size {
            pixel = pixel.min(V::splat((size - 2) as f32).add(magic));
        }
        let pixel = pixel.sub(magic);
        (pixel, position.sub(pixel))
    }
}
