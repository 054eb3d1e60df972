//! `vizsla report`: training runs compared on one page.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use vizsla_evaluation::MapMethod;
use vizsla_training::{ReportOptions, RunReport};
use vizsla_vectors::AtomicFile;

use super::Outcome;
use super::threads::Threads;
use crate::output::{self, Progress};

/// Compare training runs: figures with intervals, curves, the same queries side by side, failures, settings
#[derive(Args)]
pub struct Arguments {
    /// Folders of runs, as `vizsla train` writes them; they are shown in this order
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page to write: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE", required_unless_present = "markdown")]
    output: Option<PathBuf>,
    /// Print the tables as Markdown
    #[arg(long)]
    markdown: bool,
    /// Queries shown side by side, in each direction
    #[arg(long, value_name = "N", default_value_t = ReportOptions::default().queries)]
    queries: usize,
    /// Hardest negatives shown of each run
    #[arg(long, value_name = "N", default_value_t = ReportOptions::default().negatives)]
    negatives: usize,
    /// How embeddings are laid out: pca, tsne or umap
    #[arg(long, value_name = "METHOD", default_value = "umap")]
    map: MapMethod,
    /// Leave the maps of embeddings out
    #[arg(long, conflicts_with = "map")]
    no_map: bool,
    /// Most megabytes of thumbnails on the page, 0 to 200
    #[arg(long, value_name = "MB", default_value_t = 12, value_parser = clap::value_parser!(u16).range(..=200))]
    pictures: u16,
    /// Seed of intervals, tests and maps: the same seed gives the same report
    #[arg(long, value_name = "N", default_value_t = ReportOptions::default().seed)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(file) = self.output.as_ref().filter(|file| file.is_dir()) {
            bail!("a file is written, this is a folder: {}", file.display());
        }
        let options = ReportOptions {
            queries: self.queries,
            negatives: self.negatives,
            picture_bytes: usize::from(self.pictures) * 1_000_000,
            map: (!self.no_map).then_some(self.map),
            seed: self.seed,
        };
        let report = RunReport::read(&self.runs, options)?;
        for missing in report.missing() {
            output::warn(&missing);
        }
        if let Some(file) = &self.output {
            let progress = Progress::start();
            let page = report.html(&progress)?;
            drop(progress);
            AtomicFile::write_whole(file, page.as_bytes())?;
            if !self.markdown {
                output::show(&format!(
                    "{}: {}, {}\n",
                    file.display(),
                    output::plural(report.names().len(), "run"),
                    output::bytes(page.len() as u64)
                ))?;
            }
        }
        if self.markdown {
            output::show(&report.markdown())?;
        }
        Ok(Outcome::Done)
    }
}
