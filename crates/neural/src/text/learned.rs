//! Learning from somebody's own texts how much each word of a table of word vectors counts.

use std::path::Path;

use serde::Serialize;

use super::aggregation::Aggregation;
use super::statistics::WordStatistics;
use super::words::WordEncoder;
use crate::error::Error;
use crate::models::{ModelEntry, ModelKind};
use crate::word_vectors::WordVectors;

/// What texts said about words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearnedWords {
    /// Texts that were counted.
    pub texts: u64,
    /// Different words of theirs.
    pub words: usize,
    /// Different words of theirs that the table lacks.
    pub out_of_vocabulary: usize,
    /// Share, 0 to 1, of the sums' energy that all texts have in common; none for tf-idf.
    pub common: Option<f64>,
}

impl ModelEntry {
    /// Counts the words of `texts`, for [`Aggregation::Sif`] finds what the sums of all texts have in common, writes both
    /// to the file `into`, and lets this entry of word vectors use them from now on.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when this is no model of word vectors; its file or `into` cannot be used.
    pub fn learn_words(
        &mut self,
        texts: &[&str],
        aggregation: Aggregation,
        into: &Path,
    ) -> Result<LearnedWords, Error> {
        if self.kind != ModelKind::WordVectors {
            return Err(Error::Unsuitable {
                id: self.id.clone(),
                what: format!(
                    "is of kind {}; only word-vectors are summed by words",
                    self.kind
                ),
            });
        }
        let mut settings = self.text.clone().unwrap_or_default();
        let lower_case = settings.lower_case.unwrap_or(true);
        let statistics = WordStatistics::learn(texts.iter().copied(), lower_case);
        let vectors = WordVectors::open(&self.verified_path()?)?;
        let lacks = |word: &&str| !vectors.contains(word);
        let mut learned = LearnedWords {
            texts: statistics.documents(),
            words: statistics.len(),
            out_of_vocabulary: statistics.words().filter(lacks).count(),
            common: None,
        };
        let mut encoder = WordEncoder::new(vectors, aggregation, Some(statistics), lower_case)?;
        if matches!(aggregation, Aggregation::Sif { .. }) {
            learned.common = Some(encoder.learn_common(texts)?);
        }
        if let Some(statistics) = encoder.statistics() {
            statistics.save(into)?;
        }
        settings.aggregation = Some(aggregation);
        settings.statistics = Some(fs_err::canonicalize(into)?);
        self.text = Some(settings);
        self.record_files()?;
        Ok(learned)
    }
}
