//! Which strip or tile is unpacked.

/// A strip or tile of one plane.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Its place among all, those of other planes included.
    pub index: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Rows that are wanted; a JPEG may have more, up to `most_rows`.
    pub rows: usize,
    pub most_rows: usize,
}
