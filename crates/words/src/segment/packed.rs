//! Numbers of few bits, one behind the other.
//!
//! The first is in the lowest bits of the first bytes. Any of them can be read without the others.

/// Most bits of a number.
pub(crate) const MOST_BITS: u32 = 32;

/// Bits that a number needs; 0 of 0.
pub(crate) fn bits_of(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// Bytes of so many numbers.
pub(crate) fn packed_length(count: u64, bits: u64) -> u64 {
    (count * bits).div_ceil(8)
}

/// Appends numbers of at most so many bits each.
pub(crate) fn pack(numbers: impl Iterator<Item = u32>, bits: u32, into: &mut Vec<u8>) {
    let (mut waiting, mut count) = (0u64, 0);
    for number in numbers {
        waiting |= u64::from(number) << count;
        count += bits;
        while count >= 8 {
            into.push(waiting as u8);
            waiting >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        into.push(waiting as u8);
    }
}

/// The number at a place; what lies beyond the bytes is 0.
#[inline]
pub(crate) fn unpack(bytes: &[u8], at: usize, bits: u32) -> u32 {
    let first = at * bits as usize;
    let from = bytes.get(first / 8..).unwrap_or_default();
    let eight = match from.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => {
            let mut eight = [0; 8];
            eight[..from.len()].copy_from_slice(from);
            u64::from_le_bytes(eight)
        }
    };
    let mask = (1u64 << bits.min(MOST_BITS)) - 1;
    (eight >> (first % 8) & mask) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        for bits in 0..=MOST_BITS {
            let mask = (1u64 << bits) - 1;
            for count in [0, 1, 7, 8, 130] {
                let number = |at: u64| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20 & mask) as u32;
                let numbers: Vec<u32> = (0..count).map(number).chain([mask as u32]).collect();
                let mut bytes = vec![9];
                pack(numbers.iter().copied(), bits, &mut bytes);
                let packed = &bytes[1..];
                let length = packed_length(numbers.len() as u64, bits.into());
                assert_eq!(packed.len() as u64, length, "{count} of {bits}");
                let read = (0..numbers.len()).map(|at| unpack(packed, at, bits));
                assert!(read.eq(numbers.iter().copied()), "{count} of {bits}");
            }
        }
        assert_eq!(unpack(&[0xff], 3, 17), 0);
        assert_eq!([0, 1, 255, 256, u32::MAX].map(bits_of), [0, 1, 8, 9, 32]);
    }

    #[test]
    fn whole_bytes_lie_as_they_are() {
        let numbers = [1u16, 600, 40_000];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let mut packed = Vec::new();
        pack(numbers.iter().map(|&n| n.into()), 16, &mut packed);
        assert_eq!(packed, bytes);
    }
}
