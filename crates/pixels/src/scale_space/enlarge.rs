//! Planes of twice the photograph's resolution, made from the photograph itself.
//!
//! Enlarging by two and blurring are one linear map, so a plane of the first octave is a sum over a few pixels of the
//! photograph, with one set of weights for even and one for odd positions. A plane twice as large in both directions
//! is never blurred, and the sums are over half as many values. The enlargement is symmetric about the photograph's
//! pixels, which makes the two sets mirror images of each other: with the weights split into an even part `s` and an
//! odd part `d`, both outputs follow from the same sums and differences of pixels left and right,
//! `Σ s·(p₊ + p₋) ± Σ d·(p₊ − p₋)`. The photograph is continued by mirroring with the border pixel repeated, as the
//! enlargement by interpolation does.
//!
//! Checked in the tests against the definition: enlarged by interpolation first, then blurred plane by plane.

#![allow(unsafe_code)]

use super::kernel::Kernel;
use super::lanes::Lanes;
use crate::per_isa;

/// Registers that are summed side by side, for either phase.
const BLOCK: usize = 4;

/// The weights end at this many standard deviations. A chain of blurs that end at 3.5 each reaches as far as this; at 4
/// one keypoint in a hundred is lost or new, at 4.5 none but along the border.
const TRUNCATE: f64 = 4.5;

/// Weights of the photograph's pixels for one plane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phases {
    /// `s` and `d` by distance; `d` is 0 at distance 0.
    weights: Vec<[f32; 2]>,
}

impl Phases {
    /// The enlargement by bilinear interpolation followed by all of `blurs`, which count in enlarged pixels.
    pub(crate) fn new(blurs: &[Kernel]) -> Self {
        // Shares of a pixel of the photograph in the enlarged pixels -1..=2 around it.
        let start = vec![0.25, 0.75, 0.75, 0.25];
        let whole = blurs.iter().fold(start, |so_far: Vec<f64>, blur| {
            let radius = blur.radius();
            let mut next = vec![0.0; so_far.len() + 2 * radius];
            for (i, value) in so_far.iter().enumerate() {
                for d in 0..=2 * radius {
                    next[i + d] += value * f64::from(blur.half()[d.abs_diff(radius)]);
                }
            }
            next
        });
        let middle = whole.len() / 2 - 1;
        let variance = whole.iter().enumerate().map(|(i, w)| {
            let off = i as f64 - middle as f64 - 0.5;
            0.5 * w * off * off
        });
        let sigma = variance.sum::<f64>().sqrt() / 2.0;
        let reach = ((sigma * TRUNCATE).round() as usize).clamp(1, middle.div_ceil(2));
        // Of an even enlarged pixel, the pixel of the photograph at distance `t` is `-2t` enlarged pixels away.
        let even = |t: isize| {
            let index = middle as isize - 2 * t;
            usize::try_from(index)
                .ok()
                .and_then(|i| whole.get(i))
                .copied()
                .unwrap_or(0.0)
        };
        let total: f64 = (-(reach as isize)..=reach as isize).map(even).sum();
        let weights = (0..=reach as isize).map(|t| {
            let (right, left) = (even(t) / total, even(-t) / total);
            [(0.5 * (right + left)) as f32, (0.5 * (right - left)) as f32]
        });
        Self {
            weights: weights.collect(),
        }
    }

    /// Distance of the outermost pixel.
    pub(crate) fn radius(&self) -> usize {
        self.weights.len() - 1
    }
}

/// Continues `0..len` by mirroring with the border repeated: `… 1 0 | 0 1 2 …`. `len` is at least 1.
pub(crate) fn mirror_repeating(index: isize, len: usize) -> usize {
    let folded = index.rem_euclid(2 * len as isize) as usize;
    folded.min(2 * len - 1 - folded)
}

/// Both phases for `N` registers from `x` on.
///
/// # Safety
/// `centre` and `neighbours(t)` must be valid for `N` registers from offset `x` on.
#[inline(always)]
unsafe fn block<V: Lanes, const N: usize>(
    weights: &[[f32; 2]],
    x: usize,
    centre: *const f32,
    neighbours: &impl Fn(usize) -> (*const f32, *const f32),
) -> ([V; N], [V; N]) {
    // SAFETY: the caller vouches for the pointers and the instruction set.
    unsafe {
        let mut sum = [V::splat(weights[0][0]); N];
        let mut difference = [V::splat(0.0); N];
        for (i, s) in sum.iter_mut().enumerate() {
            *s = V::load(centre.add(x + i * V::COUNT)).mul(*s);
        }
        for (tap, &[even, odd]) in weights.iter().enumerate().skip(1) {
            let (even, odd) = (V::splat(even), V::splat(odd));
            let (before, after) = neighbours(tap);
            for i in 0..N {
                let at = x + i * V::COUNT;
                let (b, a) = (V::load(before.add(at)), V::load(after.add(at)));
                sum[i] = a.add(b).mul_add(even, sum[i]);
                difference[i] = a.sub(b).mul_add(odd, difference[i]);
            }
        }
        for (s, d) in sum.iter_mut().zip(&mut difference) {
            (*s, *d) = (s.add(*d), s.sub(*d));
        }
        (sum, difference)
    }
}

/// Both phases of a row of `width` values, handed to `put(x, even, odd)` a register at a time.
macro_rules! phases {
    ($V:ty, $weights:expr, $width:expr, $centre:expr, $neighbours:expr, $store:ident, $out:expr) => {{
        let mut x = 0;
        while x + BLOCK * <$V>::COUNT <= $width {
            let (even, odd) = block::<$V, BLOCK>($weights, x, $centre, $neighbours);
            for i in 0..BLOCK {
                $store(even[i], odd[i], x + i * <$V>::COUNT, $out);
            }
            x += BLOCK * <$V>::COUNT;
        }
        while x + <$V>::COUNT <= $width {
            let (even, odd) = block::<$V, 1>($weights, x, $centre, $neighbours);
            $store(even[0], odd[0], x, $out);
            x += <$V>::COUNT;
        }
        while x < $width {
            let (even, odd) = block::<f32, 1>($weights, x, $centre, $neighbours);
            $store(even[0], odd[0], x, $out);
            x += 1;
        }
    }};
}

/// One row for each phase.
///
/// # Safety
/// Both rows must be valid for a register from `x` on.
#[inline(always)]
unsafe fn apart<V: Lanes>(even: V, odd: V, x: usize, out: [*mut f32; 2]) {
    // SAFETY: the caller vouches for the rows and the instruction set.
    unsafe {
        even.store(out[0].add(x));
        odd.store(out[1].add(x));
    }
}

/// Both phases in turns.
///
/// # Safety
/// `out` must be valid for two registers from `2 x` on.
#[inline(always)]
unsafe fn in_turns<V: Lanes>(even: V, odd: V, x: usize, out: *mut f32) {
    // SAFETY: the caller vouches for the row and the instruction set.
    unsafe {
        let (first, second) = even.interleave(odd);
        first.store(out.add(2 * x));
        second.store(out.add(2 * x + V::COUNT));
    }
}

/// Rows of the enlarged plane above and below the centre line of the middle one of `rows`; `padded` is scratch of
/// `2 · (width + 2 · radius)` values.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn both_rows<V: Lanes>(
    rows: &[&[f32]],
    phases: &Phases,
    padded: &mut [f32],
    out: [&mut [f32]; 2],
) {
    let weights = phases.weights.as_slice();
    let (width, radius) = (rows[0].len(), weights.len() - 1);
    let stride = width + 2 * radius;
    assert!(rows.len() == 2 * radius + 1 && padded.len() == 2 * stride);
    assert!(rows.iter().all(|row| row.len() == width));
    assert!(out.iter().all(|row| row.len() == 2 * width));
    let (upper, lower) = padded.split_at_mut(stride);
    // SAFETY: all rows and the insides of `upper` and `lower` hold `width` values; taps end at `radius`, on either side of which
    // there are as many rows.
    unsafe {
        let middle = rows.as_ptr().add(radius);
        let inside = [
            upper.as_mut_ptr().add(radius),
            lower.as_mut_ptr().add(radius),
        ];
        let vertical = |tap: usize| ((*middle.sub(tap)).as_ptr(), (*middle.add(tap)).as_ptr());
        phases!(
            V,
            weights,
            width,
            rows[radius].as_ptr(),
            &vertical,
            apart,
            inside
        );
    }
    for (line, out) in [upper, lower].into_iter().zip(out) {
        for i in 1..=radius {
            line[radius - i] = line[radius + mirror_repeating(-(i as isize), width)];
            line[radius + width - 1 + i] =
                line[radius + mirror_repeating((width - 1 + i) as isize, width)];
        }
        // SAFETY: shifted by at most `radius` either way, the inside of `line` stays within it; `out` has room for
        // two values for each of it.
        unsafe {
            let inside = line.as_ptr().add(radius);
            let horizontal = |tap: usize| (inside.sub(tap), inside.add(tap));
            phases!(
                V,
                weights,
                width,
                inside,
                &horizontal,
                in_turns,
                out.as_mut_ptr()
            );
        }
    }
}

per_isa! {
    fn row_pair(rows: &[&[f32]], phases: &Phases, padded: &mut [f32], out: [&mut [f32]; 2]), both_rows, wide
}

/// Makes two rows of an enlarged plane from `2 · radius + 1` rows of the photograph (already mirrored at the border
/// by the caller): the one above and the one below the middle row's centre line. `scratch` is resized as needed. All
/// rows have one length, at least 1, those of `out` twice as much.
pub(crate) fn enlarge_rows(
    isa: super::Isa,
    rows: &[&[f32]],
    phases: &Phases,
    scratch: &mut Vec<f32>,
    out: [&mut [f32]; 2],
) {
    let needed = 2 * (rows[0].len() + 2 * phases.radius());
    if scratch.len() < needed {
        scratch.resize(needed, 0.0);
    }
    row_pair(isa, rows, phases, &mut scratch[..needed], out);
}
