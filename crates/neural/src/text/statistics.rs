//! How often words occur in a corpus, for the aggregations that weigh them.
//!
//! A file of them holds a header with magic, version and checksums, and then JSON, which people can look at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use vizsla_vectors::{AtomicFile, FileFormat, u32_at};

use super::cut::words;
use crate::error::Error;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZWS",
    kind: "word statistics",
    version: 1,
    header: 20,
};
/// Largest file: ten million words.
const LARGEST: u64 = 512 << 20;

/// Counts of words over texts, and what is common to their vectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordStatistics {
    /// Texts that were counted.
    documents: u64,
    /// Words in them, each as often as it occurs.
    tokens: u64,
    /// Whether words were lower-cased.
    lower_case: bool,
    /// For each word how often it occurs, and in how many texts.
    words: BTreeMap<String, (u64, u64)>,
    /// The direction that [`crate::WordEncoder::learn_common`] found; empty where none was learnt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    common: Vec<f32>,
}

impl WordStatistics {
    /// Counts the words of texts.
    pub fn learn<'a>(texts: impl IntoIterator<Item = &'a str>, lower_case: bool) -> WordStatistics {
        let mut statistics = WordStatistics {
            lower_case,
            ..WordStatistics::default()
        };
        for text in texts {
            let mut seen = BTreeSet::new();
            for word in words(text, lower_case) {
                statistics.tokens += 1;
                let counts = statistics.words.entry(word.clone()).or_default();
                counts.0 += 1;
                counts.1 += u64::from(seen.insert(word));
            }
            statistics.documents += 1;
        }
        statistics
    }

    /// Texts that were counted.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Different words that were met.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The words that were met, in alphabetical order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// Whether no word was met.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether words were lower-cased.
    pub fn lower_case(&self) -> bool {
        self.lower_case
    }

    /// The share of the word among all words, in 0..=1.
    pub fn probability(&self, word: &str) -> f64 {
        let count = self.words.get(word).map_or(0, |counts| counts.0);
        count as f64 / self.tokens.max(1) as f64
    }

    /// log((1 + N) / (1 + n)) + 1 for a word in n of N texts; at least 1.
    pub fn inverse_document_frequency(&self, word: &str) -> f64 {
        let documents = self.words.get(word).map_or(0, |counts| counts.1);
        ((1 + self.documents) as f64 / (1 + documents) as f64).ln() + 1.0
    }

    /// The direction that all texts have in common, of length 1; empty where none was learnt.
    pub fn common(&self) -> &[f32] {
        &self.common
    }

    /// Keeps the direction that all texts have in common.
    pub(super) fn set_common(&mut self, common: Vec<f32>) {
        self.common = common;
    }

    /// CRC-32 of the content.
    pub(super) fn digest(&self) -> u32 {
        crc32fast::hash(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Writes the file, completely or not at all.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let payload = serde_json::to_vec(self).map_err(std::io::Error::from)?;
        let bytes = FORMAT.encode(&[payload.len() as u32], &payload);
        Ok(AtomicFile::write_whole(path, &bytes)?)
    }

    /// Reads a file of [`WordStatistics::save`].
    ///
    /// # Errors
    /// [`Error::Vectors`] when it is another file or damaged.
    pub fn open(path: &Path) -> Result<WordStatistics, Error> {
        let bytes = FORMAT.read(path, LARGEST)?;
        let payload = FORMAT.payload(&bytes, path, |header| Some(u32_at(header, 8) as usize))?;
        serde_json::from_slice(payload).map_err(|_| FORMAT.damaged("content", path).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_texts_are_counted() {
        let texts = ["A dog, a cat.", "The dog and its bone", ""];
        let statistics = WordStatistics::learn(texts, true);
        assert_eq!(statistics.documents(), 3);
        assert_eq!(statistics.probability("a"), 2.0 / 9.0);
        let idf = |word| statistics.inverse_document_frequency(word);
        assert_eq!(idf("dog"), (4.0_f64 / 3.0).ln() + 1.0);
        assert_eq!(idf("zebra"), 4.0_f64.ln() + 1.0);
        assert!(idf("a") > idf("dog"));
    }

    #[test]
    fn files_come_back_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut statistics = WordStatistics::learn(["été 写真 été"], false);
        statistics.set_common(vec![0.6, -0.8]);
        statistics.save(&path).unwrap();
        assert_eq!(WordStatistics::open(&path).unwrap(), statistics);
        let mut bytes = fs_err::read(&path).unwrap();
        bytes[30] ^= 1;
        fs_err::write(&path, &bytes).unwrap();
        assert!(WordStatistics::open(&path).is_err());
    }
}
