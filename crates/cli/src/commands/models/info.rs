//! `vizsla models info`: all that is known of one model, its checksum compared.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::{ModelEntry, Registry};

use crate::commands::Outcome;
use crate::output;

/// Show a model and compare its checksum; exit code 1 when it cannot be used
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
    #[serde(flatten)]
    entry: ModelEntry,
    verified: bool,
    path: Option<String>,
    problem: Option<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let entry = Registry::default_registry()?.get(&self.id)?;
        let verified = entry.verify();
        let report = Report {
            verified: verified.is_ok(),
            path: entry.path().ok().map(|path| path.display().to_string()),
            problem: verified.err().map(|error| error.to_string()),
            entry,
        };
        if self.json {
            output::json(&report)?;
        } else {
            let state = match &report.problem {
                None => "the checksum agrees",
                Some(problem) => problem,
            };
            let text = super::entry::describe(&report.entry);
            output::show(&format!("{text}{:14}{state}\n", "file"))?;
        }
        Ok(match report.verified {
            true => Outcome::Done,
            false => Outcome::Found,
        })
    }
}
