//! Descriptors kept whole enough to be compared with each other.
//!
//! A visual word and a signature relative to it are what an image is found by; two descriptors on both sides of a border between words are not
//! compared at all. Where it matters more than space, 4 bits of each of the 128 values are kept too: 64 bytes a feature. Between descriptors
//! of one place they change squared distances by some percent, and exhaustive matching with the ratio of the nearest to the second
//! nearest and a mutual check works on them as on the descriptors themselves. They are read for the shortlist alone.

use serde::{Deserialize, Serialize};
use vizsla_features::Descriptor;

/// Bytes of a descriptor.
pub(crate) const BYTES: usize = 64;
/// What the steps are apart: 15 of them are 255.
const STEP: u8 = 17;

/// How much is kept of the descriptors of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codes {
    /// A visual word and a signature: 18 bytes a feature.
    #[default]
    Compact,
    /// 64 bytes a feature more, by which every feature of the query is compared with every one of a picture of the shortlist.
    Precise,
}

vizsla_features::named_choice!(
    Codes,
    "code",
    Compact => "compact",
    Precise => "precise",
);

/// A descriptor as it is kept.
pub(crate) fn encode(descriptor: &Descriptor) -> [u8; BYTES] {
    let step = |value: u8| (value / STEP) + u8::from(value % STEP > STEP / 2);
    std::array::from_fn(|at| step(descriptor[2 * at]) | step(descriptor[2 * at + 1]) << 4)
}

/// Descriptors as they were kept, one after another; what is left over is left out.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Descriptor> {
    let (codes, _) = bytes.as_chunks::<BYTES>();
    let value = |code: &[u8; BYTES], at: usize| (code[at / 2] >> (4 * (at % 2)) & 15) * STEP;
    let descriptor = |code| std::array::from_fn(|at| value(code, at));
    codes.iter().map(descriptor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_half_a_step() {
        let descriptor: Descriptor = std::array::from_fn(|at| (at * 2) as u8);
        let back = decode(&encode(&descriptor));
        assert_eq!(back.len(), 1);
        for (a, b) in descriptor.iter().zip(back[0]) {
            assert!(a.abs_diff(b) <= STEP / 2, "{a} {b}");
        }
        assert_eq!(decode(&encode(&[255; 128])), [[255; 128]]);
        assert_eq!(decode(&encode(&[0; 128])), [[0; 128]]);
        assert!(decode(&[1; 63]).is_empty());
    }
}
