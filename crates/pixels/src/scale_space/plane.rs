//! A plane of 32-bit floats, the working image of the scale space.

use super::memory::Memory;
use super::prefetch::prefetch;

/// One channel of `f32` values, row-major, without padding. A plane may hold its last rows only, in turns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plane {
    width: usize,
    height: usize,
    /// Row `y` is kept at `y & turn`.
    turn: usize,
    data: Memory,
}

impl Plane {
    /// A plane of zeros, `width × height`.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let mut plane = Self::default();
        plane.reset(width, height);
        plane
    }

    /// Gives the plane a new size and keeps its memory where that suffices. The contents are unspecified afterwards
    /// (old values or zeros).
    pub fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height, self.turn) = (width, height, usize::MAX);
        self.data.resize(width * height);
    }

    /// As [`Plane::reset`], with memory for at least the last `kept` rows written, whatever the height.
    pub(crate) fn reset_rolling(&mut self, width: usize, height: usize, kept: usize) {
        let kept = kept.next_power_of_two();
        if kept >= height {
            return self.reset(width, height);
        }
        (self.width, self.height, self.turn) = (width, height, kept - 1);
        self.data.resize(width * kept);
    }

    /// Columns.
    #[must_use]
    #[inline]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    #[inline]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values that are kept, row after row.
    #[must_use]
    #[inline]
    pub fn data(&self) -> &[f32] {
        self.data.values()
    }

    /// Memory held, which may be more than the current size needs.
    pub(crate) fn bytes(&self) -> usize {
        self.data.bytes()
    }

    /// Row `y`, `width` values. Of a plane that holds its last rows only, a later row in place of one that is gone.
    ///
    /// # Panics
    /// If `y` is not below the height.
    #[must_use]
    #[inline]
    pub fn row(&self, y: usize) -> &[f32] {
        assert!(y < self.height);
        &self.data.values()[(y & self.turn) * self.width..][..self.width]
    }

    /// Row `y` for writing.
    ///
    /// # Panics
    /// If `y` is not below the height.
    #[inline]
    pub fn row_mut(&mut self, y: usize) -> &mut [f32] {
        assert!(y < self.height);
        &mut self.data.values_mut()[(y & self.turn) * self.width..][..self.width]
    }

    /// Asks for the part of a plane within `reach` of `(x, y)` to be brought into the cache.
    pub fn prefetch(&self, x: f32, y: f32, reach: f32) {
        let clamped = |value: f32, len: usize| (value.max(0.0) as usize).min(len);
        let (left, right) = (
            clamped(x - reach, self.width),
            clamped(x + reach + 2.0, self.width),
        );
        let data = self.data();
        for y in clamped(y - reach, self.height)..clamped(y + reach + 2.0, self.height) {
            let start = (y & self.turn) * self.width;
            prefetch(&data[start + left..start + right]);
        }
    }

    /// Rows `y` and `y + 1` for writing, `y` even.
    pub(crate) fn row_pair_mut(&mut self, y: usize) -> [&mut [f32]; 2] {
        assert!(y.is_multiple_of(2) && y + 1 < self.height);
        let both = &mut self.data.values_mut()[(y & self.turn) * self.width..][..2 * self.width];
        let (first, second) = both.split_at_mut(self.width);
        [first, second]
    }
}
