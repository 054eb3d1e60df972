//! `vizsla optimize`: merges the segments of a collection, or makes them again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::Collection;

use super::Outcome;
use crate::output::{self, Progress};

/// Merge the segments of a collection into one and clear what was removed
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Make the segments again from the catalog, also when they are damaged or missing
    #[arg(long)]
    rebuild: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let progress = Progress::start();
        let mut collection = Collection::open(&self.collection)?;
        let report = collection.optimize(self.rebuild, &progress)?;
        drop(progress);
        if self.json {
            output::json(&report)?;
            return Ok(Outcome::Done);
        }
        let how = if report.rebuilt {
            "made again from the catalog"
        } else {
            "merged"
        };
        output::show(&format!(
            "{} {how}: now {}, {} on disk (before: {})\n",
            output::plural(report.segments_before, "segment"),
            output::plural(report.segments_after, "segment"),
            output::bytes(report.bytes_after),
            output::bytes(report.bytes_before),
        ))?;
        report
            .warnings
            .iter()
            .for_each(|warning| output::warn(&output::with_how(warning)));
        Ok(Outcome::Done)
    }
}
