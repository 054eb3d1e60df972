//! The weights of a query as they lie beside codes.

/// Numbers of a query beside a register of code bytes.
pub(super) const REGISTER: usize = 64;
/// Code bytes after which lanes are widened.
pub(super) const STRETCH: usize = 2048;
/// A square of a code weighs so much beside its product with a weight of the query.
pub(in crate::codes) const SQUARE: i32 = 32;
/// What takes the place of the sign bit when an unsigned byte c becomes a signed one, c − 128.
pub(super) const SIGN: i32 = 128;
/// Weights in whole registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planes {
    /// The weights of one half of the numbers, and of the other half where a byte holds two; each filled up to whole registers.
    pub words: Vec<i16>,
    /// The planes of what the bytes of a code are multiplied with: the weight, and 32·128 more where squares count.
    pub upper: Vec<i8>,
    pub lower: Vec<i8>,
}
