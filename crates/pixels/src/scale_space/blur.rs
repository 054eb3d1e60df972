//! The two passes of the separable Gaussian blur, one output row at a time.
//!
//! The vertical pass reads whole source rows side by side and keeps a block of the output row in registers over all
//! taps; the horizontal pass reads the one row that came out, which is still in the first-level cache. Nothing but
//! that row is ever stored between the passes.

#![allow(unsafe_code)]

use super::isa::Isa;

/// Values of a row that are summed together; two 512-bit or four 256-bit registers.
const BLOCK: usize = 32;

/// `a · b + c`, fused where the instruction set has that in one instruction.
#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
fn vertical_block<const FUSED: bool, const N: usize>(
    rows: &[&[f32]],
    half: &[f32],
    x: usize,
    out: &mut [f32],
) {
    let radius = half.len() - 1;
    let mut sum = [0.0f32; N];
    let centre = &rows[radius][x..x + N];
    for j in 0..N {
        sum[j] = half[0] * centre[j];
    }
    for tap in 1..=radius {
        let weight = half[tap];
        let above = &rows[radius - tap][x..x + N];
        let below = &rows[radius + tap][x..x + N];
        for j in 0..N {
            sum[j] = multiply_add::<FUSED>(weight, above[j] + below[j], sum[j]);
        }
    }
    out[x..x + N].copy_from_slice(&sum);
}

/// Weighted sum over `2 · radius + 1` rows of equal length.
#[inline(always)]
fn vertical<const FUSED: bool>(rows: &[&[f32]], half: &[f32], out: &mut [f32]) {
    let width = out.len();
    let mut x = 0;
    while x + BLOCK <= width {
        vertical_block::<FUSED, BLOCK>(rows, half, x, out);
        x += BLOCK;
    }
    while x + 8 <= width {
        vertical_block::<FUSED, 8>(rows, half, x, out);
        x += 8;
    }
    while x < width {
        vertical_block::<FUSED, 1>(rows, half, x, out);
        x += 1;
    }
}

#[inline(always)]
fn horizontal_block<const FUSED: bool, const N: usize>(
    padded: &[f32],
    half: &[f32],
    x: usize,
    out: &mut [f32],
) {
    let radius = half.len() - 1;
    let window = &padded[x..x + N + 2 * radius];
    let mut sum = [0.0f32; N];
    for j in 0..N {
        sum[j] = half[0] * window[radius + j];
    }
    for tap in 1..=radius {
        let weight = half[tap];
        let left = &window[radius - tap..][..N];
        let right = &window[radius + tap..][..N];
        for j in 0..N {
            sum[j] = multiply_add::<FUSED>(weight, left[j] + right[j], sum[j]);
        }
    }
    out[x..x + N].copy_from_slice(&sum);
}

/// Weighted sum along a row that was continued by `radius` values on either side.
#[inline(always)]
fn horizontal<const FUSED: bool>(padded: &[f32], half: &[f32], out: &mut [f32]) {
    let width = out.len();
    let mut x = 0;
    while x + BLOCK <= width {
        horizontal_block::<FUSED, BLOCK>(padded, half, x, out);
        x += BLOCK;
    }
    while x + 8 <= width {
        horizontal_block::<FUSED, 8>(padded, half, x, out);
        x += 8;
    }
    while x < width {
        horizontal_block::<FUSED, 1>(padded, half, x, out);
        x += 1;
    }
}

/// Both passes: `padded` is scratch of `out.len() + 2 · radius` values.
#[inline(always)]
fn both<const FUSED: bool>(rows: &[&[f32]], half: &[f32], padded: &mut [f32], out: &mut [f32]) {
    let (width, radius) = (out.len(), half.len() - 1);
    vertical::<FUSED>(rows, half, &mut padded[radius..radius + width]);
    for i in 1..=radius {
        padded[radius - i] = padded[radius + super::kernel::mirror(-(i as isize), width)];
        padded[radius + width - 1 + i] =
            padded[radius + super::kernel::mirror((width - 1 + i) as isize, width)];
    }
    horizontal::<FUSED>(padded, half, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn both_avx2(rows: &[&[f32]], half: &[f32], padded: &mut [f32], out: &mut [f32]) {
    both::<true>(rows, half, padded, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
fn both_avx512(rows: &[&[f32]], half: &[f32], padded: &mut [f32], out: &mut [f32]) {
    both::<true>(rows, half, padded, out);
}

/// Blurs one output row from `2 · radius + 1` source rows (already mirrored at the border by the caller).
/// `scratch` is resized as needed. All rows and `out` have one length, at least 1.
pub(crate) fn blur_row(
    isa: Isa,
    rows: &[&[f32]],
    half: &[f32],
    scratch: &mut Vec<f32>,
    out: &mut [f32],
) {
    let padded_len = out.len() + 2 * (half.len() - 1);
    if scratch.len() < padded_len {
        scratch.resize(padded_len, 0.0);
    }
    let padded = &mut scratch[..padded_len];
    match isa {
        // SAFETY: `Isa::Avx512` and `Isa::Avx2` are only handed out by `Isa::available` after the processor was asked.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { both_avx512(rows, half, padded, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { both_avx2(rows, half, padded, out) },
        Isa::Neon => both::<true>(rows, half, padded, out),
        _ => both::<false>(rows, half, padded, out),
    }
}
