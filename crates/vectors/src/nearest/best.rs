//! The best rows found so far.

/// Dimensions of a descriptor.
pub(super) const DIMENSIONS: usize = 128;

/// The two nearest database rows of one query row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearestTwo {
    /// Row number of the nearest database row; the lower one when several are equally near.
    pub index: u32,
    /// Its squared distance.
    pub distance: u32,
    /// Squared distance of the second nearest row; `u32::MAX` when the database has one row.
    pub second: u32,
}

impl NearestTwo {
    pub(super) const NONE: Self = Self {
        index: 0,
        distance: u32::MAX,
        second: u32::MAX,
    };

    /// Takes in a row; rows must come in ascending order.
    #[inline(always)]
    pub(super) fn offer(&mut self, index: u32, distance: u32) {
        if distance < self.distance {
            *self = Self {
                index,
                distance,
                second: self.distance,
            };
        } else if distance < self.second {
            self.second = distance;
        }
    }
}

/// The nearest query of a database row so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backward {
    pub(super) distance: i32,
    pub(super) index: u32,
}
