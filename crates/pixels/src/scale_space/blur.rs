//! The two passes of the separable Gaussian blur, one output row at a time.
//!
//! The vertical pass reads whole source rows side by side and keeps a block of the output row in registers over all
//! taps; the horizontal pass reads the one row that came out, which is still in the first-level cache. Nothing but
//! that row is ever stored between the passes.

#![allow(unsafe_code)]

use super::kernel::mirror;
use super::lanes::Lanes;
use crate::per_isa;

/// Registers that are summed side by side.
const BLOCK: usize = 4;

/// `out[i] = half[0] · centre[i] + Σ half[t] · (before(t)[i] + after(t)[i])` for `N` registers from `x` on.
///
/// # Safety
/// `centre`, `before(t)`, `after(t)` and `out` must be valid for `N` registers from offset `x` on.
#[inline(always)]
unsafe fn block<V: Lanes, const N: usize>(
    half: &[f32],
    x: usize,
    centre: *const f32,
    neighbours: &impl Fn(usize) -> (*const f32, *const f32),
    out: *mut f32,
) {
    // SAFETY: the caller vouches for the pointers and the instruction set.
    unsafe {
        let weight = V::splat(half[0]);
        let mut sum = [weight; N];
        for (i, s) in sum.iter_mut().enumerate() {
            *s = V::load(centre.add(x + i * V::COUNT)).mul(weight);
        }
        for (tap, &weight) in half.iter().enumerate().skip(1) {
            let weight = V::splat(weight);
            let (before, after) = neighbours(tap);
            for (i, s) in sum.iter_mut().enumerate() {
                let at = x + i * V::COUNT;
                *s = V::load(before.add(at))
                    .add(V::load(after.add(at)))
                    .mul_add(weight, *s);
            }
        }
        for (i, s) in sum.iter().enumerate() {
            s.store(out.add(x + i * V::COUNT));
        }
    }
}

/// One pass over a row of `width` values.
///
/// # Safety
/// As [`block`], for all `width` values.
#[inline(always)]
unsafe fn pass<V: Lanes>(
    half: &[f32],
    width: usize,
    centre: *const f32,
    neighbours: impl Fn(usize) -> (*const f32, *const f32),
    out: *mut f32,
) {
    // SAFETY: no block reaches beyond `width`.
    unsafe {
        let mut x = 0;
        while x + BLOCK * V::COUNT <= width {
            block::<V, BLOCK>(half, x, centre, &neighbours, out);
            x += BLOCK * V::COUNT;
        }
        while x + V::COUNT <= width {
            block::<V, 1>(half, x, centre, &neighbours, out);
            x += V::COUNT;
        }
        while x < width {
            block::<f32, 1>(half, x, centre, &neighbours, out);
            x += 1;
        }
    }
}

/// Both passes: `padded` is scratch of `out.len() + 2 · radius` values.
#[inline(always)]
unsafe fn both<V: Lanes>(rows: &[&[f32]], half: &[f32], padded: &mut [f32], out: &mut [f32]) {
    let (width, radius) = (out.len(), half.len() - 1);
    assert!(rows.len() == 2 * radius + 1 && padded.len() == width + 2 * radius);
    assert!(rows.iter().all(|row| row.len() == width));
    // SAFETY: all rows and the inside of `padded` hold `width` values; taps end at `radius`, on either side of which there are
    // as many rows.
    unsafe {
        let middle = rows.as_ptr().add(radius);
        let vertical = |tap: usize| ((*middle.sub(tap)).as_ptr(), (*middle.add(tap)).as_ptr());
        let inside = padded.as_mut_ptr().add(radius);
        pass::<V>(half, width, rows[radius].as_ptr(), vertical, inside);
    }
    for i in 1..=radius {
        padded[radius - i] = padded[radius + mirror(-(i as isize), width)];
        padded[radius + width - 1 + i] = padded[radius + mirror((width - 1 + i) as isize, width)];
    }
    // SAFETY: shifted by at most `radius` either way, the inside of `padded` stays within it.
    unsafe {
        let inside = padded.as_ptr().add(radius);
        let horizontal = |tap: usize| (inside.sub(tap), inside.add(tap));
        pass::<V>(half, width, inside, horizontal, out.as_mut_ptr());
    }
}

per_isa! {
    fn both_passes(rows: &[&[f32]], half: &[f32], padded: &mut [f32], out: &mut [f32]), both, wide
}

/// Blurs one output row from `2 · radius + 1` source rows (already mirrored at the border by the caller).
/// `scratch` is resized as needed. All rows and `out` have one length, at least 1.
pub(crate) fn blur_row(
    isa: super::Isa,
    rows: &[&[f32]],
    half: &[f32],
    scratch: &mut Vec<f32>,
    out: &mut [f32],
) {
    let needed = out.len() + 2 * (half.len() - 1);
    if scratch.len() < needed {
        scratch.resize(needed, 0.0);
    }
    both_passes(isa, rows, half, &mut scratch[..needed], out);
}
