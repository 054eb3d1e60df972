//! `vizsla models learn`: which words of a table of word vectors count, from the user's own texts.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::{Aggregation, LearnedWords, Registry};
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
    #[serde(flatten)]
    learned: LearnedWords,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let registry = Registry::default_registry()?;
        let mut entry = registry.get(&self.id)?;
        let read = lists::read_text(&self.texts, lists::MOST_BYTES)?;
        if let Some(note) = &read.note {
            output::warn(&format!("{note}: {}", self.texts.display()));
        }
        let texts: Vec<&str> = read
            .content
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let report = Report {
            learned: entry.learn_words(&texts, self.aggregation, &self.into)?,
            id: self.id,
            aggregation: self.aggregation.to_string(),
        };
        registry.replace(&entry)?;
        if self.json {
            output::json(&report)?;
        } else {
            let learned = &report.learned;
            let common = learned.common.map_or(String::new(), |share| {
                format!(", {:.0} % of the sums in common", 100.0 * share)
            });
            output::show(&format!(
                "learnt from {} texts: {} words, {} of them out of vocabulary{common}\n",
                learned.texts, learned.words, learned.out_of_vocabulary
            ))?;
        }
        Ok(Outcome::Done)
    }
}
