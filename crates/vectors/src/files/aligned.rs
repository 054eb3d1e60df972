//! Parts of a file that begin where numbers can be read.

use std::ops::Range;

/// Parts begin at multiples of this.
pub(crate) const LINE: usize = 64;

/// Where parts of these lengths lie that follow a header, one after the other, each from a multiple of [`LINE`] on; `None` where
/// they are too long for any file.
pub(crate) fn aligned<const N: usize>(
    header: usize,
    lengths: [usize; N],
) -> Option<[Range<usize>; N]> {
    let mut at = header;
    let mut parts = [const { 0..0 }; N];
    for (part, length) in parts.iter_mut().zip(lengths) {
        let start = at.checked_next_multiple_of(LINE)?;
        at = start.checked_add(length)?;
        *part = start..at;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_at_lines() {
        let parts = aligned(100, [64, 0, 5]).unwrap();
        assert_eq!(parts, [128..192, 192..192, 192..197]);
        assert!(aligned(100, [1, usize::MAX - 100]).is_none());
    }
}
