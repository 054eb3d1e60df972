//! What every description of a whole image is.

use super::distance::Distance;
use super::picture::Picture;

/// What every method says of itself.
pub(super) trait Method {
    /// Length of its descriptions.
    fn dimension(&self) -> usize;

    fn describe(&self, picture: &Picture) -> Vec<f32>;

    /// The distances that suit it, its own first.
    fn distances(&self) -> &'static [Distance];

    /// What each component is multiplied by before descriptions are compared; empty for ones.
    fn weights(&self) -> Vec<f32> {
        Vec::new()
    }

    /// Whether descriptions are histograms of the sum 1, of which half of L1 is the distance of the intersection.
    fn has_unit_sum(&self) -> bool {
        false
    }
}
