//! One evaluation: the gallery is indexed into a collection, every query is asked, the lists are judged.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use vizsla_evaluation::{Dataset, QueryCase, Ranked, Run, evaluate};
use vizsla_retrieval::{
    Collection, IngestOptions, Query, Region, Reporter, SearchOptions, Verdict,
};

use super::Options;
use crate::output::{self, Progress};

/// Seed of the bootstrap: the same lists always give the same intervals.
pub const SEED: u64 = 1;

/// Runs the evaluation; `None` when Ctrl-C stopped it.
pub fn run(dataset: &Dataset, options: &Options) -> Result<Option<Run>> {
    let progress = Progress::start();
    let passing = tempfile::tempdir()?;
    let place = match &options.keep {
        Some(keep) => keep.clone(),
        None => passing.path().join("gallery.vizsla"),
    };
    let mut collection = options.making.open(&place)?;
    let sources: Vec<PathBuf> = dataset.gallery.iter().map(|image| image.path.clone()).collect();
    let report = collection.ingest(&sources, &IngestOptions::default(), &progress)?;
    if report.interrupted {
        return Ok(None);
    }
    for skipped in &report.skipped {
        output::warn(&format!("not in the gallery: {}: {}", skipped.path, skipped.reason));
    }
    let gallery = Gallery::new(dataset)?;
    progress.begin("searching", dataset.queries.len() as u64);
    let settings = vizsla_evaluation::Options {
        index_images_per_s: (report.added > 0).then_some(report.images_per_s),
        bytes_per_image: Some(collection.info()?.bytes_per_image),
        configuration: json!({
            "recipe": collection.recipe(),
            "depth": options.depth,
            "threads": rayon::current_num_threads(),
        }),
        seed: SEED,
        progress: Some(&|_, _| progress.advance(1)),
    };
    let mut stopped = false;
    let mut searcher = |case: &QueryCase| {
        if progress.cancelled() {
            stopped = true;
            return Err("stopped".into());
        }
        gallery.ask(&collection, case, options.depth)
    };
    let run = evaluate(dataset, &mut searcher, &settings);
    progress.end();
    if stopped { Ok(None) } else { Ok(Some(run?)) }
}

/// Which gallery entries a file of the collection stands for.
struct Gallery {
    positions: HashMap<PathBuf, Vec<usize>>,
}

impl Gallery {
    fn new(dataset: &Dataset) -> Result<Self> {
        let mut positions: HashMap<PathBuf, Vec<usize>> = HashMap::new();
        for (position, image) in dataset.gallery.iter().enumerate() {
            let path = fs_err::canonicalize(&image.path).context("a gallery image is gone")?;
            positions.entry(path).or_default().push(position);
        }
        Ok(Self { positions })
    }

    /// Asks one query. Files with the same content are one image of the collection: each of them
    /// takes its place in the list.
    fn ask(
        &self,
        collection: &Collection,
        case: &QueryCase,
        depth: usize,
    ) -> Result<Vec<Ranked>, vizsla_evaluation::BoxError> {
        let mut query = Query::file(&case.path);
        query.region = case.region.map(|[x, y, width, height]| Region { x, y, width, height });
        let options = SearchOptions { top: depth, ..SearchOptions::default() };
        let response = collection.search(&query, &options)?;
        let mut ranked = Vec::with_capacity(response.hits.len());
        for hit in &response.hits {
            let paths = std::iter::once(&hit.path).chain(&hit.duplicates);
            let mut positions: Vec<usize> =
                paths.filter_map(|path| self.positions.get(path)).flatten().copied().collect();
            positions.sort_unstable();
            ranked.extend(positions.into_iter().map(|gallery| Ranked {
                gallery,
                score: hit.score,
                matched: hit.verdict == Verdict::Match,
                log10_nfa: hit.agreement.as_ref().map(|agreement| agreement.log10_nfa),
            }));
        }
        Ok(ranked)
    }
}
