//! `vizsla models pull`: fetches the files of a hub model.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::{ModelEntry, Registry, SessionOptions};

use super::trial::Allowed;
use crate::commands::Outcome;
use crate::output;

/// Fetch the files of a model from its hub, where they are not here yet
///
/// Files go to the hub's own cache (HF_HOME, HF_HUB_CACHE), so that what another tool fetched is not
/// fetched again. HF_ENDPOINT names another server, HF_HUB_OFFLINE=1 forbids the network.
#[derive(Args)]
pub struct Arguments {
    /// The model
    id: String,
    #[command(flatten)]
    allowed: Allowed,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    entry: ModelEntry,
    fetched_bytes: u64,
    /// Left out of what is part of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let registry = Registry::default_registry()?;
        let (mut entry, fetched_bytes) = registry.pull(&self.id)?;
        // Bytes that came from elsewhere are tried before anything else opens them.
        if fetched_bytes > 0 || entry.dimension.is_none() {
            entry = self.allowed.tried(&entry, &SessionOptions::default())?;
            registry.replace(&entry)?;
        }
        let report = Report {
            path: entry.verify()?.map(|path| path.display().to_string()),
            entry,
            fetched_bytes,
        };
        if self.json {
            output::json(&report)?;
        } else {
            let fetched = match fetched_bytes {
                0 => "here already".to_owned(),
                bytes => format!("fetched {}", output::bytes(bytes)),
            };
            let place = report.path.as_deref().unwrap_or("part of the program");
            output::show(&format!("{}: {fetched}, {place}\n", self.id))?;
        }
        Ok(Outcome::Done)
    }
}
