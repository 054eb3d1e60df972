//! How pictures are decoded.

use crate::limits::Limits;

/// How to decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// What a file may ask for.
    pub limits: Limits,
    /// Longest side of the result, pixels; a smaller image is left alone. `None`: full size.
    pub fit: Option<u32>,
}
