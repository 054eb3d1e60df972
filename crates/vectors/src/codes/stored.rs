//! Coders as files keep them.

use super::{Additive, Coder, Floats, Halves, Product, Scalar};
use crate::files::u32_at;
use crate::points::MOST_DIMENSIONS;

/// A coder that a file can hold; the file has the checksum.
pub(crate) trait StoredCoder: Coder + Sized + 'static {
    /// Its number in files, which no other coder has and which never changes.
    const KIND: u32;

    /// What was learned.
    fn to_bytes(&self) -> Vec<u8>;

    /// What [`StoredCoder::to_bytes`] gave; `None` where the bytes are of something else.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl StoredCoder for Floats {
    const KIND: u32 = 0;

    fn to_bytes(&self) -> Vec<u8> {
        (self.dimension as u32).to_le_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let dimension = u32_at(bytes, 0) as usize;
        let sound = bytes.len() == 4 && (1..=MOST_DIMENSIONS).contains(&dimension);
        sound.then_some(Self { dimension })
    }
}

impl StoredCoder for Halves {
    const KIND: u32 = 3;

    fn to_bytes(&self) -> Vec<u8> {
        Self::to_bytes(*self)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }
}

/// Coders whose bytes are their own affair.
macro_rules! stored {
    ($($coder:ty => $kind:literal,)*) => {
        $(impl StoredCoder for $coder {
            const KIND: u32 = $kind;

            fn to_bytes(&self) -> Vec<u8> {
                <$coder>::to_bytes(self)
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                <$coder>::from_bytes(bytes)
            }
        })*
    };
}

stored! {
    Scalar => 1,
    Product => 2,
    Additive => 4,
}
