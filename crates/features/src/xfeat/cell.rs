//! The cells that the network divides its picture into.

/// Pixels of the network's picture along a side of a cell.
pub(super) const CELL: usize = 8;
/// Numbers of a descriptor.
pub(super) const NUMBERS: usize = 64;
