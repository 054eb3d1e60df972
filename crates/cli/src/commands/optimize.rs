//! `vizsla optimize`: merges the segments of a collection, or makes them again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{ByteSize, Collection, IndexChoice};

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
    /// How vectors are made findable from now on: `auto`, `flat`, or another of docs/nearest-neighbours.md
    #[arg(long, value_name = "INDEX")]
    index: Option<IndexChoice>,
    /// Share of the nearest vectors that indexes are tuned to find from now on, 0.5 to 0.999
    #[arg(long, value_name = "SHARE")]
    recall: Option<f64>,
    /// What the index of vectors that `auto` chooses may take from now on, such as "512 MiB"; `any` for no bound
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    memory: Option<Memory>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A bound on memory, or none.
#[derive(Clone, Copy)]
struct Memory(Option<ByteSize>);

fn memory(text: &str) -> Result<Memory, String> {
    match text {
        "any" => Ok(Memory(None)),
        text => text.parse().map(|bytes| Memory(Some(bytes))),
    }
}

impl Arguments {
    /// Writes down how vectors are made findable, where something else is asked for.
    fn set_index(&self, collection: &mut Collection) -> Result<()> {
        let recipe = collection.recipe();
        let (before, mut reach) = (recipe.search.index, recipe.index);
        let index = self.index.unwrap_or(before);
        reach.recall = self.recall.unwrap_or(reach.recall);
        reach.memory = self.memory.map_or(reach.memory, |memory| memory.0);
        if (index, reach) != (before, recipe.index) {
            collection.set_index(index, reach)?;
        }
        Ok(())
    }

    pub fn run(self) -> Result<Outcome> {
        let progress = Progress::start();
        let mut collection = Collection::open(&self.collection)?;
        self.set_index(&mut collection)?;
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
