//! `vizsla index`: takes a folder of pictures into a collection, or brings a collection up to date.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{Collection, IngestOptions, IngestReport, check_source};

use super::Outcome;
use super::making::Making;
use super::threads::Threads;
use crate::output::{self, Progress, Table};

/// Index pictures, or bring an existing collection up to date
///
/// Run it again on the same folders at any time: only what is new, changed, moved or gone is
/// worked on. Ctrl-C stops at a safe point, and the next run goes on from there.
#[derive(Args)]
pub struct Arguments {
    /// Folders and files to take in
    #[arg(required = true, value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// The collection, a folder by convention called something.vizsla; made when missing
    #[arg(long, value_name = "COLLECTION")]
    into: PathBuf,
    /// Say what would be done and write nothing
    #[arg(long)]
    dry_run: bool,
    /// End with exit code 1 when a file was skipped
    #[arg(long)]
    strict: bool,
    /// Files of one transaction: what is lost at most when the program is killed; 0 lets it choose
    #[arg(long, value_name = "N", default_value_t = 0)]
    batch: usize,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    making: Making,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let options = IngestOptions {
            dry_run: self.dry_run,
            batch: self.batch,
        };
        // A mistyped path must not leave an empty collection behind.
        for source in &self.sources {
            check_source(source)?;
        }
        let progress = Progress::start();
        // A dry run on a collection that is not there yet is played through in a passing folder.
        let passing = tempfile::tempdir()?;
        let place = match self.dry_run && !Collection::exists(&self.into) {
            true => passing.path().join("dry-run.vizsla"),
            false => self.into.clone(),
        };
        let mut collection = self.making.open(&place)?;
        let report = collection.ingest(&self.sources, &options, &progress)?;
        drop(progress);
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&describe(&report, &self.into.display().to_string()))?;
        }
        if report.seen + report.skipped.len() == 0 && report.warnings.is_empty() {
            output::warn("no picture was found; files are taken by endings such as .jpg or .png");
        }
        for warning in &report.warnings {
            output::warn(warning);
        }
        if !report.skipped.is_empty() {
            output::warn(&format!(
                "{} skipped",
                output::plural(report.skipped.len(), "file")
            ));
        }
        Ok(if report.interrupted {
            Outcome::Interrupted
        } else if self.strict && !(report.skipped.is_empty() && report.warnings.is_empty()) {
            Outcome::Found
        } else {
            Outcome::Done
        })
    }
}

fn describe(report: &IngestReport, collection: &str) -> String {
    let verb = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{collection}: {} seen\n",
        output::plural(report.seen, "file")
    );
    let parts = [
        (report.added, "added"),
        (report.changed, "changed"),
        (report.moved, "moved"),
        (report.duplicates, "duplicates of another file"),
        (report.gone, "gone"),
    ];
    for (number, what) in parts.into_iter().filter(|&(number, _)| number > 0) {
        text.push_str(&format!("  {:>9} {verb}{what}\n", output::count(number)));
    }
    let quiet = [
        (report.unchanged, "unchanged"),
        (report.ignored, "not pictures by their name, left alone"),
    ];
    for (number, what) in quiet.into_iter().filter(|&(number, _)| number > 0) {
        text.push_str(&format!("  {:>9} {what}\n", output::count(number)));
    }
    if !report.skipped.is_empty() {
        text.push_str(&format!(
            "  {:>9} skipped\n\n",
            output::count(report.skipped.len())
        ));
        let mut table = Table::new(&["skipped", "reason"]);
        for skipped in &report.skipped {
            table.row([skipped.path.clone(), skipped.reason.clone()]);
        }
        text.push_str(&table.render());
    }
    if !report.dry_run {
        text.push_str(&format!("took {}", output::duration(report.seconds)));
        if report.added + report.changed > 0 {
            text.push_str(&format!(", {:.1} images/s", report.images_per_s));
        }
        text.push('\n');
    }
    if report.interrupted {
        text.push_str("stopped before the end; run the same command again to go on\n");
    }
    text
}
