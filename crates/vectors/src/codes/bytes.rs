//! What a coder has learned, read from bytes of unknown origin: no length is believed before it is checked.

use crate::files::{f32s, u32s};

/// Bytes not read yet.
pub(super) struct Bytes<'b>(pub &'b [u8]);

impl Bytes<'_> {
    /// `count` numbers of four bytes each.
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count.checked_mul(4)?)?;
        self.0 = rest;
        Some(taken)
    }

    /// A count within a range.
    pub fn count(&mut self, least: usize, most: usize) -> Option<usize> {
        let count = u32s(self.take(1)?).next()? as usize;
        (least..=most).contains(&count).then_some(count)
    }

    /// Whole numbers.
    pub fn whole(&mut self, count: usize) -> Option<Vec<i32>> {
        Some(u32s(self.take(count)?).map(|x| x as i32).collect())
    }

    /// Finite numbers.
    pub fn floats(&mut self, count: usize) -> Option<Vec<f32>> {
        let numbers: Vec<f32> = f32s(self.take(count)?).collect();
        numbers.iter().all(|x| x.is_finite()).then_some(numbers)
    }

    /// Nothing may be left.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Counts as they are written.
pub(super) fn counts(counts: &[usize]) -> Vec<u8> {
    let counts = counts.iter().map(|&count| count as u32);
    counts.flat_map(u32::to_le_bytes).collect()
}

/// Adds numbers as they are written.
pub(super) fn push_floats(bytes: &mut Vec<u8>, floats: &[f32]) {
    bytes.extend(floats.iter().flat_map(|x| x.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_read() {
        let mut written = counts(&[2, 3]);
        push_floats(&mut written, &[1.5, f32::NAN]);
        let mut bytes = Bytes(&written);
        assert_eq!(bytes.count(1, 2), Some(2));
        assert_eq!(bytes.whole(1), Some(vec![3]));
        assert_eq!(bytes.floats(usize::MAX / 2), None);
        assert_eq!(bytes.floats(3), None);
        assert_eq!(bytes.floats(1), Some(vec![1.5]));
        assert_eq!(bytes.floats(1), None);
        assert_eq!(bytes.end(), Some(()));
        assert_eq!(Bytes(&written).count(3, 9), None);
        assert_eq!(Bytes(&written).end(), None);
    }
}
