//! The sums with AVX2, and with AVX-512 and its multiplications of bytes (VNNI).

use std::arch::x86_64::*;

use super::planes::{Planes, REGISTER, SIGN, SQUARE, STRETCH};

/// The first 64 bytes; what is missing is zero.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn bytes_512(code: &[u8]) -> __m512i {
    match code.first_chunk::<REGISTER>() {
        // SAFETY: there are 64 bytes.
        Some(whole) => unsafe { _mm512_loadu_si512(whole.as_ptr().cast()) },
        None => {
            let mask = (1 << code.len()) - 1;
            // SAFETY: bytes beyond the code are masked out and not read.
            unsafe { _mm512_maskz_loadu_epi8(mask, code.as_ptr().cast()) }
        }
    }
}

/// Up to 16 bytes as words; what is missing is zero.
#[inline]
#[target_feature(enable = "avx2")]
fn words_256(code: &[u8], at: usize) -> __m256i {
    let rest = &code[at..];
    let mut filled = [0u8; 16];
    let bytes = match rest.first_chunk() {
        Some(whole) => whole,
        None => {
            filled[..rest.len()].copy_from_slice(rest);
            &filled
        }
    };
    // SAFETY: there are 16 bytes.
    unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widened_512(lanes: __m512i) -> i64 {
    let low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(lanes));
    let high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64::<1>(lanes));
    _mm512_reduce_add_epi64(_mm512_add_epi64(low, high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn widened_256(lanes: __m256i) -> i64 {
    let low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes));
    let high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256::<1>(lanes));
    let sum = _mm256_add_epi64(low, high);
    let sum = _mm_add_epi64(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    _mm_cvtsi128_si64(sum) + _mm_extract_epi64::<1>(sum)
}

/// The lower or the upper halves of bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn halves_512(bytes: __m512i) -> [__m512i; 2] {
    let mask = _mm512_set1_epi8(15);
    [
        _mm512_and_si512(bytes, mask),
        _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask),
    ]
}

/// The lower or the upper halves of bytes that are words.
#[inline]
#[target_feature(enable = "avx2")]
fn halves_256(words: __m256i) -> [__m256i; 2] {
    let low = _mm256_and_si256(words, _mm256_set1_epi16(15));
    [low, _mm256_srli_epi16::<4>(words)]
}

/// Sums of squares and of the products with either plane.
struct Sums(__m512i, __m512i, __m512i);

impl Sums {
    /// # Safety
    /// There are 64 weights from `at` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn add<const SQUARES: bool>(&mut self, weights: &Planes, at: usize, bytes: __m512i) {
        // SAFETY: the caller vouches for it.
        let (upper, lower) = unsafe {
            (
                _mm512_loadu_si512(weights.upper.as_ptr().add(at).cast()),
                _mm512_loadu_si512(weights.lower.as_ptr().add(at).cast()),
            )
        };
        if SQUARES {
            let signed = _mm512_xor_si512(bytes, _mm512_set1_epi8(i8::MIN));
            self.0 = _mm512_dpbusd_epi32(self.0, bytes, signed);
        }
        self.1 = _mm512_dpbusd_epi32(self.1, bytes, upper);
        self.2 = _mm512_dpbusd_epi32(self.2, bytes, lower);
    }
}

/// # Safety
/// There are weights for every byte of the code, in whole registers of 64 numbers.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn sum_vnni<const WIDE: bool, const SQUARES: bool>(
    weights: &Planes,
    code: &[u8],
) -> i64 {
    // SAFETY: the caller vouches for it.
    let of = |at, part| unsafe { stretch_vnni::<WIDE, SQUARES>(weights, at, part) };
    if code.len() <= STRETCH {
        return of(0, code);
    }
    let parts = code.chunks(STRETCH).enumerate();
    parts.map(|(at, part)| of(at * STRETCH, part)).sum()
}

/// # Safety
/// There are weights for every byte from the one numbered `at` on, in whole registers of 64 numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn stretch_vnni<const WIDE: bool, const SQUARES: bool>(
    weights: &Planes,
    mut at: usize,
    code: &[u8],
) -> i64 {
    const { assert!(SQUARE == 32 && SIGN == 128) };
    let second = weights.words.len() / 2;
    // Two sets of sums, which do not wait for each other.
    let zero = _mm512_setzero_si512();
    let mut sums = [Sums(zero, zero, zero), Sums(zero, zero, zero)];
    let per_round = if WIDE { 2 * REGISTER } else { REGISTER };
    for part in code.chunks(per_round) {
        let bytes = bytes_512(part);
        // SAFETY: the caller vouches for it.
        unsafe {
            if WIDE {
                sums[0].add::<SQUARES>(weights, at, bytes);
                if part.len() > REGISTER {
                    let bytes = bytes_512(&part[REGISTER..]);
                    sums[1].add::<SQUARES>(weights, at + REGISTER, bytes);
                }
            } else {
                let [low, high] = halves_512(bytes);
                sums[0].add::<SQUARES>(weights, at, low);
                sums[1].add::<SQUARES>(weights, second + at, high);
            }
        }
        at += per_round;
    }
    let [a, b] = sums;
    let upper = _mm512_slli_epi32::<7>(_mm512_add_epi32(a.1, b.1));
    let mut sum = _mm512_add_epi32(upper, _mm512_add_epi32(a.2, b.2));
    if SQUARES {
        let squares = _mm512_slli_epi32::<5>(_mm512_add_epi32(a.0, b.0));
        sum = _mm512_add_epi32(sum, squares);
    }
    widened_512(sum)
}

/// # Safety
/// There are 16 weights from `at` on.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn products_avx2<const SQUARES: bool>(
    weights: &Planes,
    at: usize,
    words: __m256i,
) -> __m256i {
    // SAFETY: the caller vouches for it.
    let mut other = unsafe { _mm256_loadu_si256(weights.words.as_ptr().add(at).cast()) };
    if SQUARES {
        other = _mm256_add_epi16(other, _mm256_slli_epi16::<5>(words));
    }
    _mm256_madd_epi16(words, other)
}

/// # Safety
/// There are weights for every byte of the code, in whole registers of 16 numbers.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sum_avx2<const WIDE: bool, const SQUARES: bool>(
    weights: &Planes,
    code: &[u8],
) -> i64 {
    let second = weights.words.len() / 2;
    let mut total = 0;
    for start in (0..code.len()).step_by(STRETCH) {
        let end = code.len().min(start + STRETCH);
        let mut sums = [_mm256_setzero_si256(); 2];
        for at in (start..end).step_by(16) {
            let words = words_256(code, at);
            // SAFETY: the caller vouches for it.
            unsafe {
                if WIDE {
                    let products = products_avx2::<SQUARES>(weights, at, words);
                    sums[0] = _mm256_add_epi32(sums[0], products);
                } else {
                    let [low, high] = halves_256(words);
                    let low = products_avx2::<SQUARES>(weights, at, low);
                    let high = products_avx2::<SQUARES>(weights, second + at, high);
                    sums[0] = _mm256_add_epi32(sums[0], low);
                    sums[1] = _mm256_add_epi32(sums[1], high);
                }
            }
        }
        total += widened_256(sums[0]) + widened_256(sums[1]);
    }
    total
}

/// Adds the sums of a register of bytes each. Of products, the second of the sums counts 128 times.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_pairs_512<const SQUARED: bool>(sums: &mut [__m512i; 2], a: __m512i, b: __m512i) {
    if SQUARED {
        let far = _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a));
        let zero = _mm512_setzero_si512();
        let (low, high) = (
            _mm512_unpacklo_epi8(far, zero),
            _mm512_unpackhi_epi8(far, zero),
        );
        sums[0] = _mm512_dpwssd_epi32(sums[0], low, low);
        sums[1] = _mm512_dpwssd_epi32(sums[1], high, high);
    } else {
        let signed = _mm512_xor_si512(b, _mm512_set1_epi8(i8::MIN));
        sums[0] = _mm512_dpbusd_epi32(sums[0], a, signed);
        sums[1] = _mm512_dpbusd_epi32(sums[1], a, _mm512_set1_epi8(1));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn pairs_vnni<const WIDE: bool, const SQUARED: bool>(a: &[u8], b: &[u8]) -> i64 {
    if a.len() <= STRETCH {
        return stretch_pairs_vnni::<WIDE, SQUARED>(a, b);
    }
    let parts = a.chunks(STRETCH).zip(b.chunks(STRETCH));
    parts
        .map(|(a, b)| stretch_pairs_vnni::<WIDE, SQUARED>(a, b))
        .sum()
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn stretch_pairs_vnni<const WIDE: bool, const SQUARED: bool>(a: &[u8], b: &[u8]) -> i64 {
    let mut sums = [_mm512_setzero_si512(); 2];
    for (a, b) in a.chunks(REGISTER).zip(b.chunks(REGISTER)) {
        let (a, b) = (bytes_512(a), bytes_512(b));
        if WIDE {
            add_pairs_512::<SQUARED>(&mut sums, a, b);
        } else {
            let ([low_a, high_a], [low_b, high_b]) = (halves_512(a), halves_512(b));
            add_pairs_512::<SQUARED>(&mut sums, low_a, low_b);
            add_pairs_512::<SQUARED>(&mut sums, high_a, high_b);
        }
    }
    if !SQUARED {
        sums[1] = _mm512_slli_epi32::<7>(sums[1]);
    }
    widened_512(_mm512_add_epi32(sums[0], sums[1]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn pair_terms_256<const SQUARED: bool>(a: __m256i, b: __m256i) -> __m256i {
    if SQUARED {
        let difference = _mm256_sub_epi16(a, b);
        _mm256_madd_epi16(difference, difference)
    } else {
        _mm256_madd_epi16(a, b)
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn pairs_avx2<const WIDE: bool, const SQUARED: bool>(a: &[u8], b: &[u8]) -> i64 {
    let mut total = 0;
    for start in (0..a.len()).step_by(STRETCH) {
        let end = a.len().min(start + STRETCH);
        let mut sum = _mm256_setzero_si256();
        for at in (start..end).step_by(16) {
            let (a, b) = (words_256(a, at), words_256(b, at));
            if WIDE {
                sum = _mm256_add_epi32(sum, pair_terms_256::<SQUARED>(a, b));
            } else {
                let ([low_a, high_a], [low_b, high_b]) = (halves_256(a), halves_256(b));
                sum = _mm256_add_epi32(sum, pair_terms_256::<SQUARED>(low_a, low_b));
                sum = _mm256_add_epi32(sum, pair_terms_256::<SQUARED>(high_a, high_b));
            }
        }
        total += widened_256(sum);
    }
    total
}
