//! `vizsla remove`: takes images out of a collection.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Collection, Selector};

use super::Outcome;
use crate::output;

/// Take images out of a collection; the files themselves stay
///
/// Indexing the same folder again takes the images in again.
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Files, or folders for everything below them
    #[arg(value_name = "PATH", required_unless_present = "ids")]
    paths: Vec<PathBuf>,
    /// An image by the identity that `list` shows; may be repeated
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<i64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    removed: u64,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let paths = self.paths.into_iter().map(Selector::Path);
        let ids = self.ids.into_iter().map(Selector::Image);
        let selected: Vec<Selector> = paths.chain(ids).collect();
        let removed = Collection::open(&self.collection)?.remove(&selected)? as u64;
        if self.json {
            output::json(&Report { removed })?;
        } else {
            output::show(&format!("removed {}\n", output::plural(removed, "file")))?;
        }
        Ok(Outcome::Done)
    }
}
