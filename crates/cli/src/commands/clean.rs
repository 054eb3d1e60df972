//! `vizsla clean`: keeps of each class what geometry proves to show the same.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use vizsla_training::{CleanOptions, Cleaning, DropReason};

use super::threads::Threads;
use super::{Outcome, range};
use crate::output::{self, Progress, Table};

/// Classes and files that are named one by one.
const NAMED: usize = 20;

/// Clean a folder of classes: keep what verifies each other, with boxes and training pairs
///
/// Pictures of one class that share visual words are verified by geometry; the largest group of each class is kept, with a
/// box around the object. Writes clean.json (all evidence), kept.csv (a training list with boxes), pairs.csv and
/// negatives.csv (pairs to train with), dropped.html and dropped.png (what was dropped, and why). No picture is moved or
/// changed.
#[derive(Args)]
pub struct Arguments {
    /// The folder; the folders in it are the classes
    folder: PathBuf,
    /// Where to write; left out, a folder beside it with "-clean" after its name
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A collection that holds the pictures already; left out, one is made for the time of the work
    #[arg(long, value_name = "COLLECTION")]
    collection: Option<PathBuf>,
    /// Fewest places that must agree for two pictures to show the same, at least 4
    #[arg(long, value_name = "N", default_value_t = CleanOptions::default().min_inliers)]
    min_inliers: usize,
    /// Most pictures of its class that each is verified with
    #[arg(long, value_name = "N", default_value_t = CleanOptions::default().neighbours, value_parser = range::one_or_more)]
    neighbours: usize,
    /// Look past classes: compare pictures taken within so many metres of each other; each group is a place
    #[arg(long, value_name = "METRES", value_parser = range::positive)]
    gps: Option<f64>,
    /// Quantiles of the inliers between which a verified pair is a positive pair, such as 0,0.9
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1)]
    positives: Vec<f64>,
    /// Hard negatives for each kept picture, each of another class; 0 for none
    #[arg(long, value_name = "N", default_value_t = CleanOptions::default().negatives)]
    negatives: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let options = self.options()?;
        let target = match &self.output {
            Some(target) => target.clone(),
            None => beside(&self.folder)?,
        };
        if target.exists() && !target.is_dir() {
            bail!("a folder is written, this is a file: {}", target.display());
        }
        let progress = Progress::start();
        let cleaning = vizsla_training::clean(&self.folder, &options, &progress)?;
        drop(progress);
        let Some(cleaning) = cleaning else {
            output::warn("stopped; nothing was written");
            return Ok(Outcome::Interrupted);
        };
        cleaning.write(&target)?;
        match self.json {
            true => output::json(&cleaning)?,
            false => output::show(&describe(&cleaning, &target))?,
        }
        Ok(Outcome::Done)
    }

    fn options(&self) -> Result<CleanOptions> {
        let defaults = CleanOptions::default();
        let positives = match self.positives[..] {
            [] => defaults.positives,
            [low, high] => [low, high],
            _ => bail!("--positives takes two numbers with a comma between them, such as 0,0.9"),
        };
        Ok(CleanOptions {
            collection: self.collection.clone(),
            min_inliers: self.min_inliers,
            neighbours: self.neighbours,
            near: self.gps,
            positives,
            negatives: self.negatives,
        })
    }
}

/// The folder's name with "-clean" after it.
fn beside(folder: &Path) -> Result<PathBuf> {
    let folder = fs_err::canonicalize(folder)?;
    let Some(name) = folder.file_name() else {
        bail!(
            "say where to write with --output: {} has no name",
            folder.display()
        );
    };
    let mut name = name.to_os_string();
    name.push("-clean");
    Ok(folder.with_file_name(name))
}

fn describe(cleaning: &Cleaning, target: &Path) -> String {
    let mut text = format!(
        "{}: {} kept, {} dropped; {}, {} and {} to train with, took {}\n",
        output::plural(cleaning.images, "picture"),
        output::count(cleaning.kept),
        output::count(cleaning.dropped),
        output::plural(cleaning.edges, "verified pair"),
        output::plural(cleaning.positives.len(), "positive"),
        output::plural(cleaning.negatives.len(), "hard negative"),
        output::duration(cleaning.seconds)
    );
    if cleaning.near.is_some() {
        let places = cleaning
            .classes
            .iter()
            .filter(|class| !class.kept.is_empty());
        text.push_str(&format!("{}\n", output::plural(places.count(), "place")));
    }
    if !cleaning.isolated.is_empty() {
        let named = cleaning.isolated.iter().take(NAMED).cloned();
        let more = match cleaning.isolated.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&format!(
            "no two pictures show the same in {}: {}{more}\n",
            output::plural(cleaning.isolated.len(), "class").replace("classs", "classes"),
            named.collect::<Vec<_>>().join(", ")
        ));
    }
    let mut table = Table::new(&[">pictures", "dropped because"]);
    for (reason, count) in reasons(cleaning) {
        table.row([output::count(count), reason]);
    }
    if cleaning.dropped > 0 {
        text.push_str(&format!("\n{}", table.render()));
    }
    text.push_str(&format!("\nwritten: {}\n", target.display()));
    text
}

/// How many pictures go for which reason, the most frequent first.
fn reasons(cleaning: &Cleaning) -> Vec<(String, usize)> {
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for dropped in cleaning.classes.iter().flat_map(|class| &class.dropped) {
        let reason = match &dropped.reason {
            DropReason::Copy { .. } => "the same file as another of its class".to_owned(),
            DropReason::OtherGroup { .. } => {
                "in a smaller group that shows something else".to_owned()
            }
            _ if dropped.belongs_to.is_some() => "shows what another class shows".to_owned(),
            reason => reason.to_string(),
        };
        *counts.entry(reason).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts.truncate(NAMED);
    counts
}
