//! Distances between single vectors.
//!
//! Every function has one body, written with a fixed number of independent partial sums so that the
//! compiler may keep them in vector registers. On x86-64 the same body is compiled a second time for
//! AVX2 and chosen at run time. The order of additions is part of the source, so both copies give
//! the same bits, which keeps an index identical whatever machine wrote it.
#![allow(unsafe_code)]

/// Partial sums kept side by side; two AVX2 registers of `f32`.
const LANES: usize = 16;

/// Compiles `$body` for the baseline and for AVX2 and picks one at run time.
macro_rules! dispatched {
    ($(#[$doc:meta])* $shown:vis $name:ident, $body:ident, $wide:ident, $left:ty, $right:ty, $result:ty) => {
        $(#[$doc])*
        #[inline]
        $shown fn $name(a: &[$left], b: &[$right]) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                if std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("popcnt")
                {
                    // SAFETY: both features were found on this processor just above.
                    return unsafe { $wide(a, b) };
                }
            }
            $body(a, b)
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,popcnt")]
        fn $wide(a: &[$left], b: &[$right]) -> $result {
            $body(a, b)
        }
    };
}

/// Bytes that come into the cache together.
const LINE: usize = 64;

/// Asks the processor to bring numbers into its cache, where that is known to help; they are read soon after.
#[inline]
pub(crate) fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = numbers.as_ptr().cast::<i8>();
        for at in (0..size_of_val(numbers)).step_by(LINE) {
            // SAFETY: the place lies within the slice, and a prefetch reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, LINE);
}

dispatched! {
    /// Squared Euclidean distance of two byte vectors. Exact up to 66,000 dimensions. When the
    /// lengths differ only the common part counts.
    pub l2_squared_u8, l2_squared_u8_body, l2_squared_u8_avx2, u8, u8, u32
}
dispatched! {
    /// Squared Euclidean distance of two float vectors. When the lengths differ only the common part
    /// counts.
    pub l2_squared_f32, l2_squared_f32_body, l2_squared_f32_avx2, f32, f32, f32
}
dispatched! {
    /// Inner product of two float vectors. When the lengths differ only the common part counts.
    pub dot_f32, dot_f32_body, dot_f32_avx2, f32, f32, f32
}
dispatched! {
    /// Number of differing bits of two binary codes. When the lengths differ only the common part
    /// counts.
    pub hamming, hamming_body, hamming_avx2, u64, u64, u32
}

dispatched! {
    /// Inner product of a byte vector with one of 16-bit numbers. Exact as long as it fits 32 bits. When the lengths differ only
    /// the common part counts.
    pub(crate) dot_u8_i16, dot_u8_i16_body, dot_u8_i16_avx2, u8, i16, i32
}

#[inline(always)]
fn l2_squared_u8_body(a: &[u8], b: &[u8]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| {
            let difference = i32::from(i16::from(x) - i16::from(y));
            (difference * difference) as u32
        })
        .fold(0u32, u32::wrapping_add)
}

#[inline(always)]
fn dot_u8_i16_body(a: &[u8], b: &[i16]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i32::from(i16::from(x)) * i32::from(y))
        .fold(0i32, i32::wrapping_add)
}

#[inline(always)]
fn sum_over_lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut partial = [0f32; LANES];
    let (chunks_a, chunks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (rest_a, rest_b) = (chunks_a.remainder(), chunks_b.remainder());
    for (x, y) in chunks_a.zip(chunks_b) {
        for lane in 0..LANES {
            partial[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (&x, &y)) in rest_a.iter().zip(rest_b).enumerate() {
        partial[lane] += term(x, y);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            partial[lane] += partial[lane + width];
        }
        width /= 2;
    }
    partial[0]
}

#[inline(always)]
fn l2_squared_f32_body(a: &[f32], b: &[f32]) -> f32 {
    sum_over_lanes(a, b, |x, y| (x - y) * (x - y))
}

#[inline(always)]
fn dot_f32_body(a: &[f32], b: &[f32]) -> f32 {
    sum_over_lanes(a, b, |x, y| x * y)
}

#[inline(always)]
fn hamming_body(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(&x, &y)| (x ^ y).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: u32, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn bytes_agree_with_the_definition() {
        for length in [0, 1, 7, 31, 32, 33, 128, 1000] {
            let (a, b) = (bytes(1, length), bytes(2, length));
            let expected: u64 = a
                .iter()
                .zip(&b)
                .map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2))
                .sum();
            assert_eq!(u64::from(l2_squared_u8(&a, &b)), expected);
            assert_eq!(l2_squared_u8(&a, &b), l2_squared_u8_body(&a, &b));
        }
        assert_eq!(l2_squared_u8(&[255; 128], &[0; 128]), 128 * 255 * 255);
    }

    #[test]
    fn products_of_bytes_and_words_agree_with_the_definition() {
        for length in [0, 1, 15, 16, 17, 128, 1000] {
            let (a, b) = (bytes(1, length), bytes(2, length));
            let b: Vec<i16> = b.iter().map(|&y| i16::from(y) * 64 - 8000).collect();
            let expected: i64 = a
                .iter()
                .zip(&b)
                .map(|(&x, &y)| i64::from(x) * i64::from(y))
                .sum();
            assert_eq!(i64::from(dot_u8_i16(&a, &b)), expected);
            assert_eq!(dot_u8_i16(&a, &b), dot_u8_i16_body(&a, &b));
        }
    }

    #[test]
    fn floats_are_the_same_bits_on_both_paths() {
        for length in [0, 1, 15, 16, 17, 128, 1001] {
            let float = |v: Vec<u8>| {
                v.into_iter()
                    .map(|x| f32::from(x) / 7.0)
                    .collect::<Vec<_>>()
            };
            let (a, b) = (float(bytes(3, length)), float(bytes(4, length)));
            assert_eq!(
                l2_squared_f32(&a, &b).to_bits(),
                l2_squared_f32_body(&a, &b).to_bits()
            );
            assert_eq!(dot_f32(&a, &b).to_bits(), dot_f32_body(&a, &b).to_bits());
            let dot: f64 = a
                .iter()
                .zip(&b)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum();
            assert!((f64::from(dot_f32(&a, &b)) - dot).abs() <= 1e-5 * dot.abs());
        }
    }

    #[test]
    fn differing_bits_are_counted() {
        assert_eq!(hamming(&[0, u64::MAX], &[1, 0]), 65);
        assert_eq!(hamming(&[0b1011; 3], &[0b0001; 3]), 6);
        assert_eq!(hamming(&[], &[]), 0);
    }
}
