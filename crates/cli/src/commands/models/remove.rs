//! `vizsla models remove`: forgets a model.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::Registry;

use crate::commands::Outcome;
use crate::output;

/// Forget a model; its file stays where it is
#[derive(Args)]
pub struct Arguments {
    /// The model
    id: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    removed: String,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        Registry::default_registry()?.remove(&self.id)?;
        let report = Report { removed: self.id };
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&format!("forgot model {}\n", report.removed))?;
        }
        Ok(Outcome::Done)
    }
}
