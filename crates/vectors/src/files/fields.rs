//! Little-endian numbers in bytes of unknown origin. Reading beyond the end gives zeros, never a panic.

fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    offset
        .checked_add(N)
        .and_then(|end| bytes.get(offset..end))
        .and_then(|part| part.try_into().ok())
        .unwrap_or([0; N])
}

/// The number at a byte offset.
#[inline]
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(at(bytes, offset))
}

/// The number at a byte offset.
#[inline]
pub fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(at(bytes, offset))
}

/// The number at a byte offset.
#[inline]
pub fn i64_at(bytes: &[u8], offset: usize) -> i64 {
    i64::from_le_bytes(at(bytes, offset))
}

/// The number at a byte offset.
#[inline]
pub fn f32_at(bytes: &[u8], offset: usize) -> f32 {
    f32::from_le_bytes(at(bytes, offset))
}

/// All numbers, one after the other; bytes left over at the end are ignored.
#[inline]
pub fn u32s(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_le_bytes(*b))
}

/// All numbers, one after the other; bytes left over at the end are ignored.
#[inline]
pub fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_end_there_are_zeros() {
        let bytes = [1, 0, 0, 0, 2, 0, 0, 0, 3];
        assert_eq!((u32_at(&bytes, 4), u32_at(&bytes, 6)), (2, 0));
        assert_eq!(u64_at(&bytes, 0), 1 | 2 << 32);
        assert_eq!(i64_at(&bytes, usize::MAX), 0);
        assert_eq!(f32_at(&bytes, 7), 0.0);
        assert_eq!(u32s(&bytes).collect::<Vec<_>>(), [1, 2]);
    }
}
