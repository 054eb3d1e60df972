//! Words as the rotation of signatures turns them.
//!
//! The rotation is linear, so the rotated residual of a descriptor at a word is the rotated descriptor less the rotated word. A descriptor that
//! is compared under many words is rotated once, and a word when it is first met: what is left is to compare numbers.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::sync::{Arc, OnceLock};

use vizsla_features::Descriptor;
use vizsla_vectors::Rotation;

use crate::codebook_file::SIGNATURE_BITS;
use crate::signature::Signature;

/// A vector as the rotation turns it.
pub(crate) type Turned = [i32; SIGNATURE_BITS];

/// The words that were met so far. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnedWords(Arc<OnceLock<Vec<OnceLock<Box<Turned>>>>>);

impl TurnedWords {
    /// A word as the rotation turns it; `None` of one that `words` does not have.
    pub(crate) fn of(
        &self,
        rotation: &Rotation,
        words: &[Descriptor],
        word: u32,
    ) -> Option<&Turned> {
        let centre = words.get(word as usize)?;
        let known = self.0.get_or_init(|| {
            let mut known = Vec::new();
            known.resize_with(words.len(), OnceLock::new);
            known
        });
        let slot = known.get(word as usize)?;
        Some(slot.get_or_init(|| Box::new(turned(rotation, centre))))
    }
}

/// A descriptor as the rotation turns it.
pub(crate) fn turned(rotation: &Rotation, descriptor: &Descriptor) -> Turned {
    rotation.apply(&descriptor.map(i16::from))
}

/// A bit for each number that is above that of the word.
pub(crate) fn signs_above(turned: &Turned, word: &Turned) -> Signature {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { signs_above_avx2(turned, word) };
        }
    }
    signs_above_plain(turned, word)
}

fn signs_above_plain(turned: &Turned, word: &Turned) -> Signature {
    Signature::of_signs(std::array::from_fn(|i| turned[i] - word[i]))
}

/// The twin of [`signs_above_plain`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn signs_above_avx2(turned: &Turned, word: &Turned) -> Signature {
    let mut signature = Signature::default();
    let (turned, word) = (turned.chunks_exact(8), word.chunks_exact(8));
    for (at, (values, thresholds)) in turned.zip(word).enumerate() {
        // SAFETY: the slice has the eight numbers that are read.
        let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
        // SAFETY: as above.
        let thresholds = unsafe { _mm256_loadu_si256(thresholds.as_ptr().cast()) };
        let above = _mm256_castsi256_ps(_mm256_cmpgt_epi32(values, thresholds));
        let bits = _mm256_movemask_ps(above) as u64;
        signature.0[at / 8] |= bits << (8 * (at % 8));
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_what_is_turned_is_turning_what_is_compared() {
        let rotation = Rotation::random(3);
        let descriptor = |seed: usize| -> Descriptor {
            std::array::from_fn(|i| ((i * 7 + seed * 31) * 37 % 251) as u8)
        };
        let words: Vec<Descriptor> = (0..5).map(descriptor).collect();
        let known = TurnedWords::default();
        for seed in 5..40 {
            let one = descriptor(seed);
            let own = turned(&rotation, &one);
            for (number, word) in words.iter().enumerate() {
                let residual = std::array::from_fn(|i| i16::from(one[i]) - i16::from(word[i]));
                let expected = Signature::of_signs(rotation.apply(&residual));
                let word = known.of(&rotation, &words, number as u32).unwrap();
                assert_eq!(signs_above(&own, word), expected);
                assert_eq!(signs_above_plain(&own, word), expected);
            }
        }
        // A word itself is above none of its own numbers.
        let word = known.of(&rotation, &words, 2).unwrap();
        assert_eq!(signs_above(word, word), Signature::default());
        assert!(known.of(&rotation, &words, 5).is_none());
    }
}
