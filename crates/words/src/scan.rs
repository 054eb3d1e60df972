//! Finds near signatures in a posting list.
#![allow(unsafe_code)]

/// Signatures that are looked at in one call.
pub(crate) const TURN: usize = 128;
/// Signatures that make one mask.
const GROUP: usize = 64;
/// Found places that are written down for each mask, whether there are as many or not: a loop over those that there are ends
/// when nobody can predict. More than as many are rare.
const USUAL: usize = 4;

/// A near posting: its place in the list, and its Hamming distance.
pub(crate) type Hit = (u32, u32);

/// What is found in a list.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    /// Longer than there are any, so that a call need not ask for each whether there is room.
    room: Vec<Hit>,
    count: usize,
}

impl Hits {
    /// All that were found, in order.
    pub fn all(&self) -> &[Hit] {
        &self.room[..self.count]
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Room for what a call finds.
    fn room(&mut self) -> &mut [Hit] {
        let needed = self.count + TURN + USUAL;
        if self.room.len() < needed {
            self.room.resize(2 * needed, (0, 0));
        }
        &mut self.room[self.count..needed]
    }
}

/// Asks the processor to bring values near that will be read soon.
#[inline]
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((64 / size_of::<T>().max(1)).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint; it never faults, and the address is that of a valid value besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Adds place and distance of every signature (8 little-endian bytes each, at most [`TURN`] are looked at) within `threshold` bits
/// of `signature` to `hits`, in order. `first` is the place of the first.
#[inline]
pub(crate) fn near_signatures(
    signatures: &[u8],
    first: u32,
    signature: u64,
    threshold: u32,
    hits: &mut Hits,
) {
    let room = hits.room();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx2") && has!("bmi1") && has!("popcnt") {
            // SAFETY: the features were found on this processor just above.
            hits.count += unsafe { avx2::near(signatures, first, signature, threshold, room) };
            return;
        }
    }
    hits.count += near(signatures, first, signature, threshold, room);
}

/// Writes every candidate and keeps it by moving on, which spares a branch nobody can predict. Returns how many are kept.
#[inline(always)]
fn near(signatures: &[u8], first: u32, signature: u64, threshold: u32, room: &mut [Hit]) -> usize {
    let mut count = 0;
    let (signatures, _) = signatures.as_chunks::<8>();
    for (at, bytes) in (first..).zip(signatures.iter().take(TURN)) {
        let distance = (u64::from_le_bytes(*bytes) ^ signature).count_ones();
        room[count] = (at, distance);
        count += usize::from(distance <= threshold);
    }
    count
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{GROUP, Hit, TURN, USUAL};

    /// Distances of a group in order, and one more that nothing looks at.
    type Distances = [u8; GROUP + 1];

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn near(
        signatures: &[u8],
        first: u32,
        signature: u64,
        threshold: u32,
        room: &mut [Hit],
    ) -> usize {
        let threshold = threshold.min(64) as i8;
        let signatures = &signatures[..signatures.len().min(8 * TURN)];
        let mut distances = [0; GROUP + 1];
        let (groups, rest) = signatures.as_chunks::<{ 8 * GROUP }>();
        let mut count = 0;
        for (at, group) in groups.iter().enumerate() {
            let within = within(group, signature, threshold, &mut distances);
            let first = first + (at * GROUP) as u32;
            count = write(within, first, &distances, room, count);
        }
        if !rest.is_empty() {
            let mut last = [0; 8 * GROUP];
            last[..rest.len()].copy_from_slice(rest);
            let those_there = (1u64 << (rest.len() / 8)) - 1;
            let within = within(&last, signature, threshold, &mut distances) & those_there;
            let first = first + (groups.len() * GROUP) as u32;
            count = write(within, first, &distances, room, count);
        }
        count
    }

    /// Writes down which of a group are within.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn write(
        mut within: u64,
        first: u32,
        distances: &Distances,
        room: &mut [Hit],
        mut count: usize,
    ) -> usize {
        let all = count + within.count_ones() as usize;
        loop {
            for slot in &mut room[count..count + USUAL] {
                // Of none it is the place after the last.
                let at = within.trailing_zeros();
                *slot = (first + at, distances[at as usize].into());
                within &= within.wrapping_sub(1);
            }
            count += USUAL;
            if count >= all {
                return all;
            }
        }
    }

    /// A bit for each of sixty-four signatures within the threshold.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn within(
        group: &[u8; 8 * GROUP],
        signature: u64,
        threshold: i8,
        distances: &mut Distances,
    ) -> u64 {
        let beyond = _mm256_set1_epi8(threshold + 1);
        let mut within = 0;
        for half in 0..2 {
            // SAFETY: the group has sixteen times 32 bytes; half of its distances are 32 bytes.
            unsafe {
                let ordered = distances_of_32(group.as_ptr().add(256 * half), signature);
                _mm256_storeu_si256(distances.as_mut_ptr().add(32 * half).cast(), ordered);
                let close = _mm256_cmpgt_epi8(beyond, ordered);
                within |= u64::from(_mm256_movemask_epi8(close) as u32) << (32 * half);
            }
        }
        within
    }

    /// Distances of thirty-two signatures, as bytes in their order.
    ///
    /// # Safety
    /// 256 bytes can be read from `signatures` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn distances_of_32(signatures: *const u8, signature: u64) -> __m256i {
        let mut fours = [_mm256_setzero_si256(); 4];
        for (at, four) in fours.iter_mut().enumerate() {
            // SAFETY: as above.
            let (a, b) = unsafe {
                let codes = signatures.add(64 * at);
                (
                    distances_of_4(codes, signature),
                    distances_of_4(codes.add(32), signature),
                )
            };
            *four = _mm256_packus_epi32(a, b);
        }
        let (a, b) = (
            _mm256_packus_epi32(fours[0], fours[1]),
            _mm256_packus_epi32(fours[2], fours[3]),
        );
        // The halves of the register were packed each by itself: they hold the first and the second two of every four.
        let packed = _mm256_packus_epi16(a, b);
        let (firsts, seconds) = (
            _mm256_castsi256_si128(packed),
            _mm256_extracti128_si256::<1>(packed),
        );
        _mm256_set_m128i(
            _mm_unpackhi_epi16(firsts, seconds),
            _mm_unpacklo_epi16(firsts, seconds),
        )
    }

    /// Distances of four signatures, 64 bits each. The bits of a byte are counted by looking up its halves (Muła, Kurz & Lemire
    /// 2018).
    ///
    /// # Safety
    /// 32 bytes can be read from `signatures` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn distances_of_4(signatures: *const u8, signature: u64) -> __m256i {
        let bits = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        ));
        let half = _mm256_set1_epi8(0x0f);
        // SAFETY: an unaligned load of the 32 bytes.
        let codes = unsafe { _mm256_loadu_si256(signatures.cast()) };
        let different = _mm256_xor_si256(codes, _mm256_set1_epi64x(signature as i64));
        let low = _mm256_and_si256(different, half);
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(different), half);
        let by_byte = _mm256_add_epi8(
            _mm256_shuffle_epi8(bits, low),
            _mm256_shuffle_epi8(bits, high),
        );
        _mm256_sad_epu8(by_byte, _mm256_setzero_si256())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_loop_finds() {
        let mut state = 1u64;
        let codes: Vec<u64> = (0..TURN as u64 + 40)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state ^ (state >> 29)
            })
            .collect();
        for count in [0, 1, 5, 31, 63, 64, 65, 100, 127, TURN, TURN + 40] {
            let bytes: Vec<u8> = codes[..count]
                .iter()
                .flat_map(|c| c.to_le_bytes())
                .collect();
            for threshold in [0, 20, 28, 32, 63, 64, u32::MAX] {
                let mut hits = Hits::default();
                for first in [0, 1000] {
                    near_signatures(&bytes, first, codes[3], threshold, &mut hits);
                }
                let looked_at = || codes[..count.min(TURN)].iter().zip(0u32..);
                let expected = [0, 1000].map(|first| {
                    let places =
                        looked_at().map(|(c, at)| (first + at, (c ^ codes[3]).count_ones()));
                    places.filter(|&(_, h)| h <= threshold).collect::<Vec<_>>()
                });
                assert_eq!(
                    hits.all(),
                    expected.concat(),
                    "{count}, threshold {threshold}"
                );
                let mut room = [(0, 0); TURN + USUAL];
                let n = near(&bytes, 1000, codes[3], threshold, &mut room);
                assert_eq!(room[..n], expected[1]);
                hits.clear();
                assert!(hits.all().is_empty());
            }
        }
    }
}
