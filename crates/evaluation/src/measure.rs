//! A whole evaluation of a collection: the gallery is taken in, every query is asked, the lists are judged.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;
use vizsla_retrieval::{Collection, IngestOptions, Reporter, Scratch, SearchOptions, Skipped};

use crate::collection::CollectionSearcher;
use crate::dataset::{Dataset, Query, QueryCase, QueryContent, Target};
use crate::datasets::IMAGE_TO_TEXT;
use crate::error::Error;
use crate::process::{processor_seconds, processor_seconds_since};
use crate::protocol::Protocol;
use crate::run::Run;
use crate::runner::{Options, evaluate};

/// Seed of the bootstrap: the same lists always give the same intervals.
pub const SEED: u64 = 1;

/// Relevant pictures of one query from which on the lists are as long as the gallery.
const MANY: usize = 20;
/// Length of the ranked lists otherwise.
const DEPTH: usize = 100;

/// A run over a collection, and what a person should know of it.
#[derive(Debug)]
pub struct Measured {
    /// The run.
    pub run: Run,
    /// Pictures that are not in the gallery, with reasons.
    pub skipped: Vec<Skipped>,
    /// Whether the queries that ask for captions with a picture were left out: the models of the collection share no space.
    pub captions_not_asked: bool,
}

impl Dataset {
    /// How long ranked lists must be: average precision over many relevant pictures needs them all in the list.
    pub fn depth(&self) -> usize {
        let many = |query: &Query| query.truth.good.len() > MANY;
        match self.protocol == Protocol::Plain && self.queries.iter().any(many) {
            true => self.gallery.len().max(DEPTH),
            false => DEPTH,
        }
    }
}

/// Takes the gallery of a data set into a collection, with its captions, asks every query and judges the lists.
/// `search.top` is the length of the ranked lists. `None` when the reporter says that the caller wants to stop.
///
/// # Errors
/// The collection cannot be written or searched, or no query can be answered by its models.
pub fn measure(
    dataset: &Dataset,
    collection: &mut Collection,
    search: &SearchOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Measured>, Error> {
    let gallery = dataset.gallery.iter();
    let sources: Vec<PathBuf> = gallery.map(|image| image.path.clone()).collect();
    let before = processor_seconds();
    let report = collection.ingest(&sources, &IngestOptions::default(), reporter)?;
    let worked = processor_seconds_since(before);
    if report.interrupted {
        return Ok(None);
    }
    let (dataset, captions_not_asked) = answerable(dataset, collection)?;
    bring(&dataset, collection)?;
    collection.encode_captions(reporter)?;
    let searcher = CollectionSearcher::new(&dataset, collection, search.clone())?;
    reporter.begin("searching", dataset.queries.len() as u64);
    let options = Options {
        index_images_per_s: (report.added > 0).then_some(report.images_per_s),
        index_processor_ms: worked
            .filter(|_| report.added > 0)
            .map(|seconds| 1e3 * seconds / report.added as f64),
        bytes_per_image: Some(collection.info()?.bytes_per_image),
        configuration: json!({
            "recipe": collection.recipe(),
            "depth": search.top,
            "channels": search.channels,
            "fusion": search.fusion,
            "verify": search.verify,
            "threads": rayon::current_num_threads(),
        }),
        seed: SEED,
        progress: Some(&|_, _| reporter.advance(1)),
    };
    let mut stopped = false;
    let mut ask = |case: &QueryCase| {
        if reporter.cancelled() {
            stopped = true;
            return Err("stopped".into());
        }
        searcher.ask(case)
    };
    let run = evaluate(&dataset, &mut ask, &options);
    reporter.end();
    if stopped {
        return Ok(None);
    }
    Ok(Some(Measured {
        run: run?,
        skipped: report.skipped,
        captions_not_asked,
    }))
}

/// The data set without the queries that no model of the collection can answer, and whether there were some.
fn answerable(dataset: &Dataset, collection: &Collection) -> Result<(Dataset, bool), Error> {
    let mut dataset = dataset.clone();
    let by_picture = |query: &Query| {
        query.case.target == Target::Captions
            && matches!(query.case.content, QueryContent::Image { .. })
    };
    let left_out = dataset.queries.iter().any(by_picture) && !collection.is_joint()?;
    if left_out {
        dataset.queries.retain(|query| !by_picture(query));
        if dataset.queries.is_empty() {
            return Err(Error::Unanswerable(IMAGE_TO_TEXT));
        }
    }
    Ok((dataset, left_out))
}

/// Imports the captions of the data set, unless the collection has captions already.
fn bring(dataset: &Dataset, collection: &mut Collection) -> Result<(), Error> {
    if dataset.captions.is_empty() || !collection.captions()?.is_empty() {
        return Ok(());
    }
    // The import reads files, which keeps one reader of captions in the system.
    let folder = Scratch::new()?;
    let path = folder.path().join("captions.jsonl");
    let mut table = std::io::BufWriter::new(fs_err::File::create(&path)?);
    for caption in &dataset.captions {
        let image = fs_err::canonicalize(&dataset.gallery[caption.image].path)?;
        writeln!(table, "{}", json!({"path": image, "caption": caption.text}))?;
    }
    table.flush()?;
    drop(table);
    collection.import_captions(&path, &[])?;
    Ok(())
}
