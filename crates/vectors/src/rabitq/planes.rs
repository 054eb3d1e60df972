//! The inner product of a query with whole numbers of a few bits, which lie bit by bit.
//!
//! The bits of sixteen numbers make a word, a plane: as a mask of a register it chooses what of the query is added. Every plane has
//! sixteen sums, of every sixteenth number; those of the planes are added with their powers of two, and then the halves of what
//! comes of it, as [`dot_f32`](crate::dot_f32) does.
#![allow(unsafe_code)]

/// Numbers of a word.
pub(super) const WORD: usize = 16;

/// Σ u·q of numbers u of `bits` bits: the lower ones in `low`, for sixteen numbers a word of each from the lowest on, the highest
/// in `high`, a word for sixteen. `query` has sixteen numbers for each word of `high`.
pub(super) fn product(high: &[u16], low: &[u8], query: &[f32], bits: usize) -> f32 {
    match bits {
        2 => dispatched::<1>(high, low, query),
        3 => dispatched::<2>(high, low, query),
        4 => dispatched::<3>(high, low, query),
        5 => dispatched::<4>(high, low, query),
        6 => dispatched::<5>(high, low, query),
        7 => dispatched::<6>(high, low, query),
        8 => dispatched::<7>(high, low, query),
        _ => dispatched::<0>(high, low, query),
    }
}

fn dispatched<const LOW: usize>(high: &[u16], low: &[u8], query: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { x86::avx512::<LOW>(high, low, query) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { x86::avx2::<LOW>(high, low, query) };
        }
    }
    body::<LOW>(high, low, query)
}

/// The word of a plane.
#[inline(always)]
fn word<const LOW: usize>(low: &[u8], at: usize, plane: usize) -> u16 {
    let start = 2 * (at * LOW + plane);
    match low.get(start..start + 2) {
        Some(bytes) => u16::from_le_bytes([bytes[0], bytes[1]]),
        None => 0,
    }
}

/// The meaning of the others.
#[inline(always)]
fn body<const LOW: usize>(high: &[u16], low: &[u8], query: &[f32]) -> f32 {
    let mut sums = [[0f32; WORD]; LOW];
    let mut top = [0f32; WORD];
    let add = |sums: &mut [f32; WORD], bits: u16, query: &[f32; WORD]| {
        for (lane, (sum, x)) in sums.iter_mut().zip(query).enumerate() {
            *sum += if bits >> lane & 1 == 1 { *x } else { 0.0 };
        }
    };
    let query = query.as_chunks::<WORD>().0;
    for (at, (&bits, query)) in high.iter().zip(query).enumerate() {
        add(&mut top, bits, query);
        for (plane, sums) in sums.iter_mut().enumerate() {
            add(sums, word::<LOW>(low, at, plane), query);
        }
    }
    whole::<LOW>(top, sums)
}

#[inline(always)]
fn whole<const LOW: usize>(top: [f32; WORD], sums: [[f32; WORD]; LOW]) -> f32 {
    let mut total = top.map(|x| x * (1u32 << LOW) as f32);
    for (plane, sums) in sums.iter().enumerate() {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum * (1u32 << plane) as f32;
        }
    }
    let mut width = WORD / 2;
    while width > 0 {
        for lane in 0..width {
            total[lane] += total[lane + width];
        }
        width /= 2;
    }
    total[0]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{WORD, body, whole, word};

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2<const LOW: usize>(high: &[u16], low: &[u8], query: &[f32]) -> f32 {
        body::<LOW>(high, low, query)
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512<const LOW: usize>(high: &[u16], low: &[u8], query: &[f32]) -> f32 {
        let mut sums = [_mm512_setzero_ps(); LOW];
        let mut top = _mm512_setzero_ps();
        let query = query.as_chunks::<WORD>().0;
        for (at, (&bits, query)) in high.iter().zip(query).enumerate() {
            // SAFETY: a word of the query is as long as a register.
            let query = unsafe { _mm512_loadu_ps(query.as_ptr()) };
            top = _mm512_mask_add_ps(top, bits, top, query);
            for (plane, sum) in sums.iter_mut().enumerate() {
                let bits = word::<LOW>(low, at, plane);
                *sum = _mm512_mask_add_ps(*sum, bits, *sum, query);
            }
        }
        let stored = |sum: __m512| {
            let mut lanes = [0f32; WORD];
            // SAFETY: the lanes are as many as those of a register.
            unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), sum) };
            lanes
        };
        whole::<LOW>(stored(top), sums.map(stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn all_instructions_give_the_same_bits_and_what_is_meant() {
        let mut random = Random::new(6);
        for (words, bits) in [
            (1, 1),
            (2, 2),
            (8, 3),
            (8, 4),
            (3, 5),
            (7, 6),
            (48, 7),
            (8, 8),
        ] {
            let query: Vec<f32> = (0..words * WORD)
                .map(|_| random.unit() as f32 - 0.5)
                .collect();
            let numbers: Vec<u32> = query
                .iter()
                .map(|_| random.below(1 << bits) as u32)
                .collect();
            let plane = |at: usize, plane: usize| {
                let bit = |(lane, u): (usize, &u32)| ((u >> plane & 1) as u16) << lane;
                let word = numbers[at * WORD..][..WORD].iter().enumerate();
                word.map(bit).fold(0, |all, bit| all | bit)
            };
            let high: Vec<u16> = (0..words).map(|at| plane(at, bits - 1)).collect();
            let low = (0..words).flat_map(|at| (0..bits - 1).map(move |p| (at, p)));
            let low: Vec<u8> = low.flat_map(|(at, p)| plane(at, p).to_le_bytes()).collect();
            let found = product(&high, &low, &query, bits);
            let exact: f64 = numbers
                .iter()
                .zip(&query)
                .map(|(&u, &q)| f64::from(u) * f64::from(q))
                .sum();
            assert!((f64::from(found) - exact).abs() < 1e-4 * f64::from(1 << bits));
            let portable = match bits {
                1 => body::<0>(&high, &low, &query),
                2 => body::<1>(&high, &low, &query),
                3 => body::<2>(&high, &low, &query),
                4 => body::<3>(&high, &low, &query),
                5 => body::<4>(&high, &low, &query),
                6 => body::<5>(&high, &low, &query),
                7 => body::<6>(&high, &low, &query),
                _ => body::<7>(&high, &low, &query),
            };
            assert_eq!(found.to_bits(), portable.to_bits());
        }
    }
}
