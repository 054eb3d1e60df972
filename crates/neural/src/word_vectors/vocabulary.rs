//! Where in the file each word is, and which word has which row.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// Longest word in bytes; no text has longer ones, a damaged file may seem to.
pub(super) const LONGEST_WORD: usize = 1 << 16;

/// An open-addressing table over words that stay in the file: 20 to 30 bytes of memory for each.
#[derive(Debug)]
pub(super) struct Vocabulary {
    starts: Vec<u64>,
    lengths: Vec<u32>,
    /// Row plus one, or 0 for an empty slot; a power of two, at most half full.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Vocabulary {
    /// Indexes words by their places in `bytes`. Of equal words the first is found. The caller has seen to
    /// it that there are fewer than 2³² of them and that they lie inside `bytes`.
    pub fn new(bytes: &[u8], spans: Vec<Range<usize>>) -> Vocabulary {
        let mut vocabulary = Vocabulary {
            starts: spans.iter().map(|span| span.start as u64).collect(),
            lengths: spans.iter().map(|span| span.len() as u32).collect(),
            slots: vec![0; (2 * spans.len()).next_power_of_two().max(2)],
            hasher: RandomState::new(),
        };
        for (row, span) in spans.into_iter().enumerate() {
            let slot = vocabulary.slot(bytes, &bytes[span]);
            if vocabulary.slots[slot] == 0 {
                vocabulary.slots[slot] = row as u32 + 1;
            }
        }
        vocabulary
    }

    /// Words there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The place of the word of a row.
    pub fn span(&self, row: usize) -> Range<usize> {
        let start = self.starts[row] as usize;
        start..start + self.lengths[row] as usize
    }

    /// The row of a word.
    pub fn find(&self, bytes: &[u8], word: &str) -> Option<usize> {
        let slot = self.slot(bytes, word.as_bytes());
        (self.slots[slot] as usize).checked_sub(1)
    }

    /// The slot that holds the word, or the empty one where it would be.
    fn slot(&self, bytes: &[u8], word: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(word) as usize & mask;
        while let Some(row) = (self.slots[slot] as usize).checked_sub(1) {
            if bytes.get(self.span(row)) == Some(word) {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_the_first_of_two() {
        let text: Vec<String> = (0..500).map(|i| format!("w{}", i % 400)).collect();
        let bytes = text.concat().into_bytes();
        let mut at = 0;
        let spans: Vec<Range<usize>> = text
            .iter()
            .map(|word| {
                at += word.len();
                at - word.len()..at
            })
            .collect();
        let words = Vocabulary::new(&bytes, spans);
        assert_eq!(words.len(), 500);
        for (row, word) in text.iter().enumerate() {
            assert_eq!(words.find(&bytes, word), Some(row % 400));
        }
        assert_eq!(words.find(&bytes, "w400"), None);
        assert_eq!(Vocabulary::new(b"", Vec::new()).find(b"", ""), None);
    }
}
