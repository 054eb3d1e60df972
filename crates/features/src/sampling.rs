//! Values between the pixels of a plane along a line, bilinear, a register at a time; only the four loads of each are scalar.

#![allow(unsafe_code)]

use vizsla_pixels::{Lanes, Plane};

use crate::gradient::{TO_INTEGER, integer_bits};

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

/// The first `count` values at `origin + i · step`, columns and rows; what lies outside the plane is moved onto its border. The
/// rest of `out` is unspecified. The plane has at least 2 × 2 pixels.
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
    const { assert!(N.is_multiple_of(V::COUNT)) };
    let (mut fx, mut fy, mut ix, mut iy) = ([0.0; N], [0.0; N], [0.0; N], [0.0; N]);
    // SAFETY: whole registers of rows of `N` values.
    unsafe {
        let (width, height) = (plane.width(), plane.height());
        for start in (0..N).step_by(V::COUNT) {
            let along = V::load(const { counting::<N>() }.as_ptr().add(start));
            split::<V, N>(along, origin.0, step.0, width, start, &mut fx, &mut ix);
            split::<V, N>(along, origin.1, step.1, height, start, &mut fy, &mut iy);
        }
    }
    let (data, width) = (plane.data(), plane.width());
    let (mut upper, mut lower) = ([[0.0f32; N]; 2], [[0.0f32; N]; 2]);
    for i in 0..count.min(N) {
        let at = integer_bits(iy[i]) * width + integer_bits(ix[i]);
        let around = &data[at..at + width + 2];
        (upper[0][i], upper[1][i]) = (around[0], around[1]);
        (lower[0][i], lower[1][i]) = (around[width], around[width + 1]);
    }
    // SAFETY: as above.
    unsafe {
        for start in (0..N).step_by(V::COUNT) {
            let (upper_left, lower_left) = (at(&upper[0], start), at(&lower[0], start));
            let fx: V = at(&fx, start);
            let top = fx.mul_add(at::<V, N>(&upper[1], start).sub(upper_left), upper_left);
            let low = fx.mul_add(at::<V, N>(&lower[1], start).sub(lower_left), lower_left);
            at::<V, N>(&fy, start)
                .mul_add(low.sub(top), top)
                .store(out.as_mut_ptr().add(start));
        }
    }
}

/// A register of a row.
///
/// # Safety
/// `start` must leave room for a register in the row, and the processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn at<V: Lanes, const N: usize>(row: &[f32; N], start: usize) -> V {
    // SAFETY: the caller vouches for `start` and the instruction set.
    unsafe { V::load(row.as_ptr().add(start)) }
}

/// Positions `origin + step · along` within `0..size`, split into whole pixels (still with [`TO_INTEGER`] added, and
/// at most `size - 2`) and the rest.
///
/// # Safety
/// `start` must leave room for a register in a row.
#[inline(always)]
unsafe fn split<V: Lanes, const N: usize>(
    along: V,
    origin: f32,
    step: f32,
    size: usize,
    start: usize,
    rest: &mut [f32; N],
    whole: &mut [f32; N],
) {
    // SAFETY: the caller vouches for `start` and the instruction set.
    unsafe {
        let position = along.mul_add(V::splat(step), V::splat(origin));
        let position = position.max(V::splat(0.0)).min(V::splat((size - 1) as f32));
        let magic = V::splat(TO_INTEGER);
        let pixel = position
            .sub(V::splat(0.5))
            .add(magic)
            .min(V::splat((size - 2) as f32).add(magic));
        pixel.store(whole.as_mut_ptr().add(start));
        position
            .sub(pixel.sub(magic))
            .store(rest.as_mut_ptr().add(start));
    }
}
