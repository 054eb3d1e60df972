//! What is a cell, and when it says something.

/// Side of a cell, pixels of the little picture.
pub(super) const CELL: usize = 8;
/// Standard deviation of lightness (L*, 0 to 100) from which a cell has texture.
pub(super) const TEXTURE: f32 = 1.2;
/// Standard deviation from which more texture does not count more.
pub(super) const FULL_TEXTURE: f32 = 4.8;
/// Cross-correlation from which a cell agrees.
pub(super) const AGREES: f32 = 0.6;
/// Cross-correlation below which a cell differs.
pub(super) const DIFFERS: f32 = 0.35;
