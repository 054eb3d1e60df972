//! One evaluation: the gallery is indexed into a collection, every query is asked, the lists are judged.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use vizsla_evaluation::{CollectionSearcher, Dataset, QueryCase, Run, evaluate};
use vizsla_retrieval::{IngestOptions, Reporter, Scratch};

use super::{Options, described};
use crate::output::{self, Progress};

/// Seed of the bootstrap: the same lists always give the same intervals.
pub const SEED: u64 = 1;

/// Runs the evaluation; `None` when Ctrl-C stopped it.
pub fn run(dataset: &Dataset, options: &Options) -> Result<Option<Run>> {
    let progress = Progress::start();
    let passing = Scratch::new()?;
    let place = match &options.keep {
        Some(keep) => keep.clone(),
        None => passing.path().join("gallery.vizsla"),
    };
    let mut collection = options.making.open(&place)?;
    let sources: Vec<PathBuf> = dataset
        .gallery
        .iter()
        .map(|image| image.path.clone())
        .collect();
    let report = collection.ingest(&sources, &IngestOptions::default(), &progress)?;
    if report.interrupted {
        return Ok(None);
    }
    for skipped in &report.skipped {
        output::warn(&format!(
            "not in the gallery: {}: {}",
            skipped.path, skipped.reason
        ));
    }
    let dataset = &described::answerable(dataset, &collection)?;
    described::bring(dataset, &mut collection)?;
    collection.encode_captions(&progress)?;
    let search = options.asking.options(options.depth(dataset));
    let searcher = CollectionSearcher::new(dataset, &collection, search.clone())?;
    progress.begin("searching", dataset.queries.len() as u64);
    let settings = vizsla_evaluation::Options {
        index_images_per_s: (report.added > 0).then_some(report.images_per_s),
        bytes_per_image: Some(collection.info()?.bytes_per_image),
        configuration: json!({
            "recipe": collection.recipe(),
            "depth": options.depth(dataset),
            "channels": search.channels,
            "fusion": search.fusion,
            "verify": search.verify,
            "threads": rayon::current_num_threads(),
        }),
        seed: SEED,
        progress: Some(&|_, _| progress.advance(1)),
    };
    let mut stopped = false;
    let mut ask = |case: &QueryCase| {
        if progress.cancelled() {
            stopped = true;
            return Err("stopped".into());
        }
        searcher.ask(case)
    };
    let run = evaluate(dataset, &mut ask, &settings);
    progress.end();
    if stopped { Ok(None) } else { Ok(Some(run?)) }
}
