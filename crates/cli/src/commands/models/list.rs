//! `vizsla models list`: the models that are known.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::{ModelEntry, Registry, small_network};

use crate::commands::Outcome;
use crate::output::{self, Table};

/// List the models that are known
#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object with all that is known of each model
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    folder: String,
    models: Vec<Listed>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    entry: ModelEntry,
    /// True when its file is on this machine, or it is part of the program.
    here: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let registry = Registry::default_registry()?;
        let models = std::iter::once(small_network()).chain(registry.list()?);
        let models = models.map(|entry| Listed {
            here: entry.is_shipped() || entry.path().is_ok(),
            entry,
        });
        let problems = registry.problems()?;
        let report = Report {
            folder: registry.folder().display().to_string(),
            models: models.collect(),
            problems: problems.iter().map(ToString::to_string).collect(),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&table(&report.models).render())?;
            report.problems.iter().for_each(|text| output::warn(text));
        }
        Ok(match report.problems.as_slice() {
            [] => Outcome::Done,
            _ => Outcome::Found,
        })
    }
}

fn table(models: &[Listed]) -> Table {
    let mut table = Table::new(&[
        "id", "kind", ">numbers", "output", "space", "licence", "file",
    ]);
    for Listed { entry, here } in models {
        let state = if *here { "" } else { "absent: " };
        table.row([
            entry.id.clone(),
            entry.kind.to_string(),
            entry.dimension.map_or(String::new(), output::count),
            entry.output.clone().unwrap_or_default(),
            entry.space.clone().unwrap_or_default(),
            entry.licence.clone().unwrap_or_default(),
            format!("{state}{}", super::entry::source(entry)),
        ]);
    }
    table
}
