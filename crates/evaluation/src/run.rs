//! A run file: the report of an evaluation with every ranked list, so that it can be compared later.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::datasets::read_text;
use crate::error::Error;
use crate::ordered::Ordered;
use crate::report::Report;

/// One evaluation in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Always `vizsla-run`.
    pub format: String,
    /// Version of this format, 1.
    pub format_version: u32,
    /// Version of Vizsla that wrote it.
    pub vizsla: String,
    /// What the searcher was told: recipe, search settings, threads.
    pub configuration: Value,
    /// The figures.
    pub report: Report,
    /// One entry per query, in the order of the data set.
    pub queries: Vec<QueryRun>,
}

/// What happened to one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryRun {
    /// The query set.
    pub set: String,
    /// Name of the query.
    pub query: String,
    /// Names of the relevant images or captions.
    pub relevant: Vec<String>,
    /// Time by the wall clock in milliseconds.
    pub ms: f64,
    /// Values whose means are the metrics of the report.
    pub metrics: Ordered<f64>,
    /// The list, best first.
    pub ranked: Vec<RankedEntry>,
}

/// One returned image or caption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedEntry {
    /// Name of the image or caption.
    pub image: String,
    /// Score that the list is ordered by.
    pub score: f64,
    /// Whether the searcher calls it a match.
    pub matched: bool,
    /// Logarithm of the number of false alarms, `null` where geometry was not verified.
    pub log10_nfa: Option<f64>,
}

impl Run {
    pub(crate) const FORMAT: &str = "vizsla-run";
    pub(crate) const VERSION: u32 = 1;

    /// Writes the run as JSON; the file appears complete or not at all.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec(self)
            .map_err(|e| Error::invalid(format!("run cannot be written ({e})"), path))?;
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        fs_err::write(&part, text)?;
        fs_err::rename(&part, path)?;
        Ok(())
    }

    /// Reads a run file.
    ///
    /// # Errors
    /// The file is not a run, or of a newer format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read_text(path)?;
        let head: Head = parse(&text, path, "not the expected JSON")?;
        if head.format.as_deref() != Some(Self::FORMAT) {
            return Err(Error::invalid("not a run file of vizsla evaluate", path));
        }
        if head.format_version != Some(Self::VERSION) {
            let problem = format!(
                "run file of format {}, this version reads {}; use a newer vizsla",
                head.format_version
                    .map_or_else(|| "unknown".into(), |v| v.to_string()),
                Self::VERSION
            );
            return Err(Error::invalid(problem, path));
        }
        parse(&text, path, "damaged run file")
    }
}

/// What tells a run file from others.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    format_version: Option<u32>,
}

fn parse<T: DeserializeOwned>(text: &str, path: &Path, problem: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|e| Error::invalid(format!("{problem} ({e})"), path))
}
