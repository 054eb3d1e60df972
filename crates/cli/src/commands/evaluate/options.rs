//! What every evaluation can be told, and what is told of it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vizsla_evaluation::{
    Dataset, IMAGE_TO_TEXT, Run, SEED, compare, measure, render_comparison, render_report,
};
use vizsla_retrieval::Scratch;

use crate::commands::asking::Asking;
use crate::commands::making::Making;
use crate::commands::threads::Threads;
use crate::commands::{Outcome, range};
use crate::output::{self, Progress};

/// What every evaluation can be told.
#[derive(Args)]
pub(super) struct Options {
    /// Pictures that match no query, added to the gallery; may be repeated
    #[arg(long, value_name = "DIR")]
    distractors: Vec<PathBuf>,
    /// Ask only the query sets of these names; may be repeated
    #[arg(long = "set", value_name = "NAME")]
    sets: Vec<String>,
    /// Length of the ranked lists; left out, 100, or the whole gallery where a query has many pictures to find
    #[arg(long, value_name = "N", value_parser = range::one_or_more)]
    depth: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write every ranked list to this JSON file
    #[arg(long, value_name = "FILE")]
    run_file: Option<PathBuf>,
    /// Compare with an earlier run file
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Keep the collection here, or use it again when it is there already
    #[arg(long, value_name = "COLLECTION")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    making: Making,
}

impl Options {
    /// Measures, and tells what came of it.
    pub(super) fn evaluate(self, mut dataset: Dataset) -> Result<Outcome> {
        self.threads.start()?;
        for note in &dataset.notes {
            output::warn(note);
        }
        // A run file that cannot be compared is better found before the work than after it.
        let earlier = self.compare.as_deref().map(Run::read).transpose()?;
        for folder in &self.distractors {
            dataset.add_distractors(folder)?;
        }
        if !self.sets.is_empty() {
            dataset.keep_sets(&self.sets)?;
        }
        let Some(run) = self.measure(&dataset)? else {
            return Ok(Outcome::Interrupted);
        };
        if let Some(file) = &self.run_file {
            run.write(file)?;
        }
        if self.json {
            output::json(&run.report)?;
        } else {
            output::show(&render_report(&run.report))?;
        }
        if let Some(earlier) = earlier {
            let comparison = compare(&earlier, &run, SEED)?;
            // With --json, standard output holds one object only.
            match self.json {
                true => eprint!("{}", render_comparison(&comparison)),
                false => output::show(&format!("\n{}", render_comparison(&comparison)))?,
            }
        }
        Ok(Outcome::Done)
    }

    /// Runs the evaluation; `None` when Ctrl-C stopped it.
    fn measure(&self, dataset: &Dataset) -> Result<Option<Run>> {
        let progress = Progress::start();
        let passing = Scratch::new()?;
        let place = match &self.keep {
            Some(keep) => keep.clone(),
            None => passing.path().join("gallery.vizsla"),
        };
        let mut collection = self.making.open(&place)?;
        let depth = self.depth.unwrap_or_else(|| dataset.depth());
        let search = self.asking.options(depth);
        let measured = measure(dataset, &mut collection, &search, &progress)?;
        drop(progress);
        let Some(measured) = measured else {
            return Ok(None);
        };
        for skipped in &measured.skipped {
            output::warn(&format!(
                "not in the gallery: {}: {}",
                skipped.path, skipped.reason
            ));
        }
        if measured.captions_not_asked {
            output::warn(&format!(
                "not asked: {IMAGE_TO_TEXT}: pictures find captions only where an image and a text model share a space \
                 (`vizsla models add --space NAME`)"
            ));
        }
        Ok(Some(measured.run))
    }
}
