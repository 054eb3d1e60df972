//! `vizsla verify`: checks every byte of a collection against its checksums.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Collection, Error, FileState, FilesReport, Problem, VerifyReport};

use super::Outcome;
use crate::output::{self, Progress, Table};

/// Check a collection for damage; exit code 1 when something is wrong
///
/// With --files the pictures themselves are read too, and compared with what was indexed of them.
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Read every indexed file as well, and say which differ from what was indexed, are gone or cannot be read; exit
    /// code 1 when there is one
    #[arg(long)]
    files: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found, as a script reads it.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    collection: VerifyReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<FilesReport>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let progress = Progress::start();
        let collection = Collection::open(&self.collection)?;
        let report = collection.verify(&progress)?;
        let files = match self.files {
            true => collection.compare_files(&progress),
            false => return self.tell(report, None),
        };
        drop(progress);
        match files {
            Err(Error::Cancelled) => Ok(Outcome::Interrupted),
            files => self.tell(report, Some(files?)),
        }
    }

    fn tell(&self, report: VerifyReport, files: Option<FilesReport>) -> Result<Outcome> {
        let found = files.iter().flat_map(|files| &files.found);
        let problems: Vec<&Problem> = found
            .map(|finding| &finding.problem)
            .chain(&report.problems)
            .collect();
        let sound = problems.is_empty();
        if self.json {
            let collection = report;
            output::json(&Checked { collection, files })?;
            return Ok(if sound { Outcome::Done } else { Outcome::Found });
        }
        let mut text = String::new();
        if report.problems.is_empty() {
            text.push_str(&format!(
                "sound: {} and {} checked\n",
                output::plural(report.images, "image"),
                output::plural(report.segments, "segment")
            ));
        }
        if let Some(files) = &files {
            text.push_str(&tally(files));
        }
        if !sound {
            let mut table = Table::new(&["file", "problem", "remedy"]);
            for problem in problems {
                let path = problem.path.display().to_string();
                table.row([
                    path,
                    problem.what.clone(),
                    output::how(problem.remedy).to_owned(),
                ]);
            }
            text.push_str(&table.render());
        }
        for remark in &report.remarks {
            text.push_str(&format!("note: {remark}\n"));
        }
        output::show(&text)?;
        Ok(if sound { Outcome::Done } else { Outcome::Found })
    }
}

/// How many files were compared, and what became of those that are not as they were.
fn tally(files: &FilesReport) -> String {
    let mut text = format!(
        "{} compared with what was indexed, {} read",
        output::plural(files.checked, "file"),
        output::bytes(files.bytes)
    );
    let states = [
        (FileState::Differs, "differ"),
        (FileState::Missing, "gone"),
        (FileState::Unreadable, "unreadable"),
    ];
    for (state, what) in states {
        let of_it = files.found.iter().filter(|finding| finding.state == state);
        let count = of_it.count();
        if count > 0 {
            text.push_str(&format!("; {} {what}", output::count(count)));
        }
    }
    text.push('\n');
    text
}
