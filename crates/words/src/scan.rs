//! Finds near signatures in a posting list.
#![allow(unsafe_code)]

/// Signatures looked at before any is handed out.
const BLOCK: usize = 128;

/// Asks the processor to bring bytes near that will be read soon. Posting lists lie far apart, so
/// that without this every one begins with waiting for memory.
#[inline]
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint; it never faults, and the address is that of a valid byte besides.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Calls `found(position, distance)` for every signature (8 little-endian bytes each) within
/// `threshold` bits of `signature`, in order.
#[inline]
pub(crate) fn near_signatures(
    signatures: &[u8],
    signature: u64,
    threshold: u32,
    mut found: impl FnMut(usize, u32),
) {
    let mut near = [(0u8, 0u8); BLOCK];
    for (block, signatures) in signatures.chunks(8 * BLOCK).enumerate() {
        let count = near_in_block(signatures, signature, threshold, &mut near);
        for &(at, distance) in &near[..count] {
            found(block * BLOCK + usize::from(at), u32::from(distance));
        }
    }
}

#[inline]
fn near_in_block(
    signatures: &[u8],
    signature: u64,
    threshold: u32,
    near: &mut [(u8, u8); BLOCK],
) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { near_in_block_avx2(signatures, signature, threshold, near) };
        }
    }
    near_in_block_body(signatures, signature, threshold, near)
}

/// Four signatures at a time; the bits of a byte are counted by looking up its halves (Muła, Kurz &
/// Lemire 2018). Near signatures are rare, so a branch on "any of four" is predicted well.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn near_in_block_avx2(
    signatures: &[u8],
    signature: u64,
    threshold: u32,
    near: &mut [(u8, u8); BLOCK],
) -> usize {
    use std::arch::x86_64::*;
    let query = _mm256_set1_epi64x(signature as i64);
    let bits = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    ));
    let half = _mm256_set1_epi8(0x0f);
    let beyond = _mm256_set1_epi64x(i64::from(threshold) + 1);
    let mut count = 0;
    let (fours, rest) = signatures.as_chunks::<32>();
    let fours = &fours[..fours.len().min(BLOCK / 4)];
    for (four, bytes) in fours.iter().enumerate() {
        // SAFETY: the chunk has the 32 bytes of one unaligned load.
        let codes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        let different = _mm256_xor_si256(codes, query);
        let low = _mm256_and_si256(different, half);
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(different), half);
        let per_byte = _mm256_add_epi8(
            _mm256_shuffle_epi8(bits, low),
            _mm256_shuffle_epi8(bits, high),
        );
        let distances = _mm256_sad_epu8(per_byte, _mm256_setzero_si256());
        let close = _mm256_castsi256_pd(_mm256_cmpgt_epi64(beyond, distances));
        let mut mask = _mm256_movemask_pd(close);
        while mask != 0 {
            let lane = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let code = vizsla_vectors::u64_at(bytes, 8 * lane);
            let distance = (code ^ signature).count_ones();
            near[count & (BLOCK - 1)] = ((4 * four + lane) as u8, distance as u8);
            count += 1;
        }
    }
    let first = 4 * fours.len();
    for (at, bytes) in rest.as_chunks::<8>().0.iter().enumerate() {
        let distance = (u64::from_le_bytes(*bytes) ^ signature).count_ones();
        if distance <= threshold {
            near[count & (BLOCK - 1)] = ((first + at) as u8, distance as u8);
            count += 1;
        }
    }
    count
}

/// Writes every candidate and keeps it by moving on, which spares a branch nobody can predict.
#[inline(always)]
fn near_in_block_body(
    signatures: &[u8],
    signature: u64,
    threshold: u32,
    near: &mut [(u8, u8); BLOCK],
) -> usize {
    let mut count = 0;
    let (signatures, _) = signatures.as_chunks::<8>();
    for (at, bytes) in signatures.iter().take(BLOCK).enumerate() {
        let distance = (u64::from_le_bytes(*bytes) ^ signature).count_ones();
        near[count & (BLOCK - 1)] = (at as u8, distance as u8);
        count += usize::from(distance <= threshold);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_loop_finds() {
        let mut state = 1u64;
        let codes: Vec<u64> = (0..300)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state ^ (state >> 29)
            })
            .collect();
        let bytes: Vec<u8> = codes.iter().flat_map(|c| c.to_le_bytes()).collect();
        for threshold in [0, 28, 32, 64] {
            let mut found = Vec::new();
            near_signatures(&bytes, codes[3], threshold, |i, h| found.push((i, h)));
            let expected: Vec<(usize, u32)> = codes
                .iter()
                .map(|c| (c ^ codes[3]).count_ones())
                .enumerate()
                .filter(|&(_, h)| h <= threshold)
                .collect();
            assert_eq!(found, expected);
            for block in bytes.chunks(8 * BLOCK) {
                let (mut a, mut b) = ([(0, 0); BLOCK], [(0, 0); BLOCK]);
                let n = near_in_block(block, codes[3], threshold, &mut a);
                assert_eq!(n, near_in_block_body(block, codes[3], threshold, &mut b));
                assert_eq!(a[..n], b[..n]);
            }
        }
    }
}
