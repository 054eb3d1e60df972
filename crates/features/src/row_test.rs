//! Pixels of a row that pass a test, found a register at a time: extrema among neighbours, by the detectors that sweep a
//! scale space.

#![allow(unsafe_code)]

use vizsla_pixels::Lanes;

/// A test that takes as many pixels of a row at once as a register has lanes.
pub(crate) trait RowTest {
    /// Which of the pixels from `x` on pass, a bit each.
    ///
    /// # Safety
    /// All rows that are read must be valid from `x - 1` to `x + V::COUNT`, and the processor must have the instruction set
    /// of `V`.
    unsafe fn passing<V: Lanes>(&self, x: usize) -> u32;
}

/// Appends the columns that pass, those of the border left out; `border` is at least 1.
///
/// # Safety
/// All rows that the test reads must have `width` pixels, and the processor must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn passing_columns<V: Lanes>(
    test: &impl RowTest,
    width: usize,
    border: usize,
    found: &mut Vec<usize>,
) {
    let (mut x, end) = (border, width.saturating_sub(border));
    while x < end {
        // SAFETY: a register from `x + 1` on ends within the rows; the border leaves room on the left.
        let (mut bits, count) = unsafe {
            if x + V::COUNT < width {
                (test.passing::<V>(x), V::COUNT)
            } else {
                (test.passing::<f32>(x), 1)
            }
        };
        while bits != 0 {
            let column = x + bits.trailing_zeros() as usize;
            if column < end {
                found.push(column);
            }
            bits &= bits - 1;
        }
        x += count;
    }
}
