//! What a search for nearest rows answers.

/// A row and its squared distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour<D = u32> {
    /// Squared distance; the number of differing bits where rows are binary codes.
    pub distance: D,
    /// Row number.
    pub row: u32,
}
