//! The sums of the codes of a block, for every instruction set the same whole numbers.
#![allow(unsafe_code)]

use super::{BLOCK_CODES, QUAD_BYTES};

/// The sum of each code of a block.
pub(super) type BlockSums = [i32; BLOCK_CODES];

/// A way to add up the entries of the codes of a block. `quads` and `tables` are as long as each other, whole quads. The instructions of the implementor
/// must be there.
pub(super) trait Sums {
    fn of(quads: &[u8], tables: &[u8]) -> BlockSums;
}

/// The meaning of the others.
pub(super) struct Portable;

impl Sums for Portable {
    #[inline(always)]
    fn of(quads: &[u8], tables: &[u8]) -> BlockSums {
        let mut sums = [0; BLOCK_CODES];
        let quads = quads.as_chunks::<QUAD_BYTES>().0.iter();
        let (low, high) = sums.split_at_mut(BLOCK_CODES / 2);
        for (quad, tables) in quads.zip(tables.as_chunks::<QUAD_BYTES>().0) {
            for ((parts, low), high) in quad
                .as_chunks::<4>()
                .0
                .iter()
                .zip(&mut *low)
                .zip(&mut *high)
            {
                for (part, &byte) in parts.iter().enumerate() {
                    let byte = usize::from(byte);
                    *low += i32::from(tables[16 * part + (byte & 15)]);
                    *high += i32::from(tables[16 * part + (byte >> 4)]);
                }
            }
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use std::arch::x86_64::*;

    use super::{BLOCK_CODES, BlockSums, QUAD_BYTES, Sums};

    /// Whether this processor has all instructions of [`Bytes512`].
    pub(crate) fn has_bytes512() -> bool {
        std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vbmi")
            && std::arch::is_x86_feature_detected!("avx512vnni")
    }

    /// AVX-512 BW, VBMI and VNNI: one permutation looks up 64 parts, one instruction adds four neighbours.
    pub(crate) struct Bytes512;

    /// AVX2.
    pub(crate) struct Bytes256;

    impl Sums for Bytes512 {
        #[inline(always)]
        fn of(quads: &[u8], tables: &[u8]) -> BlockSums {
            let quads = quads.as_chunks::<QUAD_BYTES>().0;
            let tables = tables.as_chunks::<QUAD_BYTES>().0;
            let mut sums = [0; BLOCK_CODES];
            // SAFETY: the caller has the instructions, and all that is loaded or stored is as long as a register.
            unsafe {
                let zero = _mm512_setzero_si512();
                // Two pairs of sums, so that no addition waits for the one before it.
                let (mut even, mut odd) = ([zero; 2], [zero; 2]);
                let (pairs, last) = quads.as_chunks::<2>();
                let (pair_tables, last_tables) = tables.as_chunks::<2>();
                for (quads, tables) in pairs.iter().zip(pair_tables) {
                    even = added(even, &quads[0], &tables[0]);
                    odd = added(odd, &quads[1], &tables[1]);
                }
                for (quad, table) in last.iter().zip(last_tables) {
                    even = added(even, quad, table);
                }
                let (low, high) = sums.split_at_mut(BLOCK_CODES / 2);
                _mm512_storeu_si512(low.as_mut_ptr().cast(), _mm512_add_epi32(even[0], odd[0]));
                _mm512_storeu_si512(high.as_mut_ptr().cast(), _mm512_add_epi32(even[1], odd[1]));
            }
            sums
        }
    }

    /// # Safety
    /// As for [`Bytes512`].
    #[inline(always)]
    unsafe fn added(
        sums: [__m512i; 2],
        quad: &[u8; QUAD_BYTES],
        table: &[u8; QUAD_BYTES],
    ) -> [__m512i; 2] {
        // SAFETY: said above.
        unsafe {
            let table = _mm512_loadu_si512(table.as_ptr().cast());
            let quad = _mm512_loadu_si512(quad.as_ptr().cast());
            let (halves, parts) = (_mm512_set1_epi8(15), _mm512_set1_epi32(0x3020_1000));
            let ones = _mm512_set1_epi8(1);
            // (a & b) | c: the entry, and which of the four tables.
            let low = _mm512_ternarylogic_epi32::<0xea>(quad, halves, parts);
            let high = _mm512_srli_epi16::<4>(quad);
            let high = _mm512_ternarylogic_epi32::<0xea>(high, halves, parts);
            [
                _mm512_dpbusd_epi32(sums[0], _mm512_permutexvar_epi8(low, table), ones),
                _mm512_dpbusd_epi32(sums[1], _mm512_permutexvar_epi8(high, table), ones),
            ]
        }
    }

    /// Quads whose sums fit 16 bits.
    const SHORT: usize = 64;

    impl Sums for Bytes256 {
        #[inline(always)]
        fn of(quads: &[u8], tables: &[u8]) -> BlockSums {
            let mut sums = [0; BLOCK_CODES];
            let several = quads.chunks(SHORT * QUAD_BYTES);
            for (quads, tables) in several.zip(tables.chunks(SHORT * QUAD_BYTES)) {
                // SAFETY: the caller has AVX2.
                let short = unsafe { short_sums(quads, tables) };
                for (sum, short) in sums.iter_mut().zip(short) {
                    *sum += i32::from(short);
                }
            }
            sums
        }
    }

    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn short_sums(quads: &[u8], tables: &[u8]) -> [u16; BLOCK_CODES] {
        let quads = quads.as_chunks::<QUAD_BYTES>().0.iter();
        let mut sums = [0; BLOCK_CODES];
        // SAFETY: said above, and all that is loaded or stored is as long as a register.
        unsafe {
            let zero = _mm256_setzero_si256();
            let half = _mm256_set1_epi8(15);
            // Sums of the lower and of the upper halves: of all bytes as words, and of every second byte.
            let mut all = [zero; 2];
            let mut second = [zero; 2];
            for (quad, table) in quads.zip(tables.as_chunks::<QUAD_BYTES>().0) {
                let tables = [0, 32].map(|at| _mm256_loadu_si256(table.as_ptr().add(at).cast()));
                for (parts, table) in by_parts(quad).into_iter().zip(tables) {
                    let halves = [parts, _mm256_srli_epi16::<4>(parts)];
                    for (at, codes) in halves.into_iter().enumerate() {
                        let entries = _mm256_shuffle_epi8(table, _mm256_and_si256(codes, half));
                        all[at] = _mm256_add_epi16(all[at], entries);
                        let high = _mm256_srli_epi16::<8>(entries);
                        second[at] = _mm256_add_epi16(second[at], high);
                    }
                }
            }
            for (at, sums) in sums.chunks_exact_mut(BLOCK_CODES / 2).enumerate() {
                let first = _mm256_sub_epi16(all[at], _mm256_slli_epi16::<8>(second[at]));
                let (first, second) = (folded(first), folded(second[at]));
                let low = _mm_unpacklo_epi16(first, second);
                let high = _mm_unpackhi_epi16(first, second);
                // What `by_parts` left in its order: codes 0–3, 8–11, 4–7, 12–15.
                let (to, stored) = sums.split_at_mut(BLOCK_CODES / 4);
                _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_unpacklo_epi64(low, high));
                _mm_storeu_si128(stored.as_mut_ptr().cast(), _mm_unpackhi_epi64(low, high));
            }
        }
        sums
    }

    /// A quad sorted by parts: a register half for each, codes 0–3, 8–11, 4–7, 12–15.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn by_parts(quad: &[u8; QUAD_BYTES]) -> [__m256i; 2] {
        // SAFETY: said above, and half a quad is as long as a register.
        unsafe {
            let sort = _mm256_broadcastsi128_si256(_mm_setr_epi8(
                0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
            ));
            let [a, b] = [0, 32].map(|at| {
                let codes = _mm256_loadu_si256(quad.as_ptr().add(at).cast());
                _mm256_shuffle_epi8(codes, sort)
            });
            let order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
            [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)]
                .map(|parts| _mm256_permutevar8x32_epi32(parts, order))
        }
    }

    /// The sum of the two halves of a register.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn folded(words: __m256i) -> __m128i {
        // SAFETY: said above.
        unsafe {
            let high = _mm256_extracti128_si256::<1>(words);
            _mm_add_epi16(_mm256_castsi256_si128(words), high)
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::random::Random;

    #[target_feature(enable = "avx512bw,avx512vbmi,avx512vnni")]
    fn wide(quads: &[u8], tables: &[u8]) -> BlockSums {
        x86::Bytes512::of(quads, tables)
    }

    #[target_feature(enable = "avx2")]
    fn narrow(quads: &[u8], tables: &[u8]) -> BlockSums {
        x86::Bytes256::of(quads, tables)
    }

    #[test]
    fn all_instructions_give_the_same_sums() {
        let mut random = Random::new(4);
        for quads in [0, 1, 2, 5, 8, 64, 65, 200] {
            let mut bytes = |largest: u64| -> Vec<u8> {
                let bytes = (0..quads * QUAD_BYTES).map(|_| random.below(largest) as u8);
                bytes.collect()
            };
            let (codes, tables) = (bytes(256), bytes(256));
            for tables in [tables, vec![255; codes.len()]] {
                let expected = Portable::of(&codes, &tables);
                if x86::has_bytes512() {
                    // SAFETY: the features were found on this processor just above.
                    assert_eq!(unsafe { wide(&codes, &tables) }, expected);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the feature was found on this processor just above.
                    assert_eq!(unsafe { narrow(&codes, &tables) }, expected);
                }
            }
        }
    }
}
