//! Finds near signatures in a posting list.
#![allow(unsafe_code)]

/// Signatures looked at before any is handed out.
const BLOCK: usize = 128;

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
        if std::arch::is_x86_feature_detected!("popcnt") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { near_in_block_popcnt(signatures, signature, threshold, near) };
        }
    }
    near_in_block_body(signatures, signature, threshold, near)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn near_in_block_popcnt(
    signatures: &[u8],
    signature: u64,
    threshold: u32,
    near: &mut [(u8, u8); BLOCK],
) -> usize {
    near_in_block_body(signatures, signature, threshold, near)
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
