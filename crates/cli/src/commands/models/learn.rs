//! `vizsla models learn`: which words of a table of word vectors count, from the user's own texts.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_neural::{Aggregation, ModelKind, Registry, WordEncoder, WordStatistics, WordVectors};
use vizsla_retrieval::lists;

use crate::commands::Outcome;
use crate::output;

/// Learn from your texts how much each word of a table of word vectors counts
///
/// Counts the words of the texts, and for sif finds what all texts have in common. The model's entry uses both
/// from then on; collections that were indexed with it before have to be made again.
#[derive(Args)]
pub struct Arguments {
    /// The model, of kind word-vectors
    id: String,
    /// File with one text in a line, such as all captions
    texts: PathBuf,
    /// File for what is learnt
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
    /// How word vectors become one: tf-idf or sif
    #[arg(long, value_name = "HOW", default_value = "sif")]
    aggregation: Aggregation,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    id: String,
    aggregation: String,
    texts: u64,
    words: usize,
    /// Different words of the texts that the table lacks.
    out_of_vocabulary: usize,
    /// Share of the sums' energy that all texts have in common; none for tf-idf.
    common: Option<f64>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let registry = Registry::default_registry()?;
        let mut entry = registry.get(&self.id)?;
        if entry.kind != ModelKind::WordVectors {
            bail!(
                "model '{}' is of kind {}; only word-vectors are summed by words",
                self.id,
                entry.kind
            );
        }
        let read = lists::read_text(&self.texts, lists::MOST_BYTES)?;
        if let Some(note) = &read.note {
            output::warn(&format!("{note}: {}", self.texts.display()));
        }
        let texts: Vec<&str> = read
            .content
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let mut settings = entry.text.take().unwrap_or_default();
        let lower_case = settings.lower_case.unwrap_or(true);
        let statistics = WordStatistics::learn(texts.iter().copied(), lower_case);
        let vectors = WordVectors::open(&entry.verified_path()?)?;
        let lacks = |word: &&str| !vectors.contains(word);
        let mut report = Report {
            id: self.id,
            aggregation: self.aggregation.to_string(),
            texts: statistics.documents(),
            words: statistics.len(),
            out_of_vocabulary: statistics.words().filter(lacks).count(),
            common: None,
        };
        let mut encoder =
            WordEncoder::new(vectors, self.aggregation, Some(statistics), lower_case)?;
        if matches!(self.aggregation, Aggregation::Sif { .. }) {
            report.common = Some(encoder.learn_common(&texts)?);
        }
        if let Some(statistics) = encoder.statistics() {
            statistics.save(&self.into)?;
        }
        settings.aggregation = Some(self.aggregation);
        settings.statistics = Some(fs_err::canonicalize(&self.into)?);
        entry.text = Some(settings);
        entry.record_files()?;
        registry.replace(&entry)?;
        if self.json {
            output::json(&report)?;
        } else {
            let common = report.common.map_or(String::new(), |share| {
                format!(", {:.0} % of the sums in common", 100.0 * share)
            });
            output::show(&format!(
                "learnt from {} texts: {} words, {} of them out of vocabulary{common}\n",
                report.texts, report.words, report.out_of_vocabulary
            ))?;
        }
        Ok(Outcome::Done)
    }
}
