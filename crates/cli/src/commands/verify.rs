//! `vizsla verify`: checks every byte of a collection against its checksums.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::Collection;

use super::Outcome;
use crate::output::{self, Progress, Table};

/// Check a collection for damage; exit code 1 when something is wrong
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let progress = Progress::start();
        let report = Collection::open(&self.collection)?.verify(&progress)?;
        drop(progress);
        let sound = report.problems.is_empty();
        if self.json {
            output::json(&report)?;
        } else if sound {
            output::show(&format!(
                "sound: {} and {} checked\n",
                output::plural(report.images, "image"),
                output::plural(report.segments, "segment")
            ))?;
        } else {
            let mut table = Table::new(&["file", "problem", "remedy"]);
            for problem in &report.problems {
                let path = problem.path.display().to_string();
                table.row([path, problem.what.clone(), problem.remedy.clone()]);
            }
            output::show(&table.render())?;
        }
        Ok(if sound { Outcome::Done } else { Outcome::Found })
    }
}
