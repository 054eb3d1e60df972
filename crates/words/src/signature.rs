//! Binary signatures of descriptors within their words.

use crate::codebook_file::SIGNATURE_BITS;

/// Signs of a rotated residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Signature(pub [u64; 2]);

impl Signature {
    /// A bit is set where the number is positive.
    pub(crate) fn of_signs<T: Copy + Default + PartialOrd>(values: [T; SIGNATURE_BITS]) -> Self {
        let mut signature = Self::default();
        for (half, values) in signature.0.iter_mut().zip(values.chunks_exact(64)) {
            for (bit, &value) in values.iter().enumerate() {
                *half |= u64::from(value > T::default()) << bit;
            }
        }
        signature
    }

    /// Number of differing bits, 0 to 128.
    pub fn distance(self, other: Signature) -> u32 {
        (self.0[0] ^ other.0[0]).count_ones() + (self.0[1] ^ other.0[1]).count_ones()
    }
}
