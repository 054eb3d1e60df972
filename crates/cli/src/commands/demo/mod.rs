//! `vizsla demo`: the whole way, from pictures to verdicts, without any photographs of the user's.
//!
//! Photographs that are part of the program are indexed among distractors and searched for by views
//! of them whose homographies are known: both the answer and its place can be checked.

mod answer;
mod sheet;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use rayon::prelude::*;
use vizsla_evaluation::{
    Dataset, GalleryImage, Protocol, QueryCase, Ranked, Run, Truth, evaluate, render_report,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Collection, Hit, IngestOptions, IngestReport, Query, Recipe, Reporter, Scratch, SearchOptions,
    Verdict,
};

use self::answer::Answer;
use super::Outcome;
use super::threads::Threads;
use crate::demo::photos::photos;
use crate::demo::render::{DemoQuery, DemoSet, render};
use crate::output::{self, Progress};

/// Seed of everything that is rendered.
const SEED: u64 = 1;

/// Show what Vizsla does: render pictures, index them, search, and draw a contact sheet
///
/// Needs no photographs and no network.
#[derive(Args)]
pub struct Arguments {
    /// Where the contact sheet is written
    #[arg(long, value_name = "FILE", default_value = "vizsla-demo.jpg")]
    sheet: PathBuf,
    /// Keep the rendered pictures and the collection in this new folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        super::picture::check_ending(&self.sheet)?;
        self.threads.start()?;
        let start = Instant::now();
        let passing = Scratch::new()?;
        let place = match &self.keep {
            Some(keep) => {
                fs_err::create_dir(keep)?;
                keep.clone()
            }
            None => passing.path().to_owned(),
        };
        let progress = Progress::start();
        progress.begin("rendering", 0);
        let set = render(&photos()?, SEED)?;
        let dataset = write(&set, &place)?;
        progress.end();
        if progress.cancelled() {
            return Ok(Outcome::Interrupted);
        }

        let place = place.join("demo.vizsla");
        let mut collection = Collection::builder(&place)
            .recipe(Recipe::standard()?)
            .create()?;
        let gallery: Vec<PathBuf> = dataset.gallery.iter().map(|g| g.path.clone()).collect();
        let report = collection.ingest(&gallery, &IngestOptions::default(), &progress)?;
        if report.interrupted {
            return Ok(Outcome::Interrupted);
        }
        let (run, answers) = search(&set, &dataset, &collection, &report, &progress)?;
        drop(progress);

        super::picture::save(&sheet::draw(&set, &answers)?, &self.sheet)?;
        output::show(&render_report(&run.report))?;
        output::show(&places(&answers))?;
        output::show(&format!(
            "contact sheet      {}\nwhole demo         {}\n",
            self.sheet.display(),
            output::duration(start.elapsed().as_secs_f64())
        ))?;
        Ok(Outcome::Done)
    }
}

/// Writes the pictures as files and says what belongs to what.
fn write(set: &DemoSet, place: &Path) -> Result<Dataset> {
    let save = |folder: &str, pictures: &[(&str, &Rgb)]| -> Result<Vec<PathBuf>> {
        let folder = place.join(folder);
        fs_err::create_dir(&folder)?;
        let one = |&(name, picture): &(&str, &Rgb)| {
            let path = folder.join(format!("{name}.jpg"));
            picture.save_jpeg(&path, 92)?;
            Ok(fs_err::canonicalize(path)?)
        };
        pictures.par_iter().map(one).collect()
    };
    let named: Vec<(&str, &Rgb)> = set
        .gallery
        .iter()
        .map(|(name, image)| (&name[..], image))
        .collect();
    let gallery = save("gallery", &named)?;
    let named: Vec<(&str, &Rgb)> = set
        .queries
        .iter()
        .map(|q| (&q.name[..], &q.image))
        .collect();
    let queries = save("queries", &named)?;
    let mut dataset = Dataset {
        name: "demo".to_owned(),
        gallery: gallery
            .into_iter()
            .zip(&set.gallery)
            .map(|(path, (name, _))| GalleryImage {
                key: name.clone(),
                path,
            })
            .collect(),
        queries: queries
            .into_iter()
            .zip(&set.queries)
            .map(|(path, query)| vizsla_evaluation::Query {
                case: QueryCase::image(&query.name, query.kind, path),
                truth: truth(set, query),
            })
            .collect(),
        captions: Vec::new(),
        notes: Vec::new(),
        protocol: Protocol::Plain,
    };
    // Queries of one hardship stand together.
    let sets: Vec<String> = dataset.sets().into_iter().map(str::to_owned).collect();
    dataset
        .queries
        .sort_by_key(|query| sets.iter().position(|set| *set == query.case.set));
    Ok(dataset)
}

/// The photograph itself is relevant. Where a scene was photographed in two overlapping halves, the
/// other half is neither right nor wrong.
fn truth(set: &DemoSet, query: &DemoQuery) -> Truth {
    let scene = |name: &str| {
        name.trim_end_matches("-left")
            .trim_end_matches("-right")
            .to_owned()
    };
    let positions = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let names = set
            .gallery
            .iter()
            .map(|(name, _)| name.as_str())
            .enumerate();
        names
            .filter(|(_, name)| wanted(name))
            .map(|(position, _)| position)
            .collect()
    };
    Truth {
        good: positions(&|name| name == query.truth),
        ok: Vec::new(),
        junk: positions(&|name| name != query.truth && scene(name) == scene(&query.truth)),
    }
}

fn search<'a>(
    set: &'a DemoSet,
    dataset: &Dataset,
    collection: &Collection,
    report: &IngestReport,
    progress: &Progress,
) -> Result<(Run, Vec<Answer<'a>>)> {
    let mut answers = Vec::with_capacity(set.queries.len());
    let mut ask = |case: &QueryCase| {
        let options = SearchOptions {
            top: 20,
            ..SearchOptions::default()
        };
        let path = case.path().ok_or("every query is a picture")?;
        let response = collection.search(&Query::file(path), &options)?;
        let position = |hit: &Hit| dataset.gallery.iter().position(|g| g.path == hit.path);
        let ranked = response
            .hits
            .iter()
            .filter_map(|hit| {
                Some(Ranked {
                    gallery: position(hit)?,
                    score: hit.score,
                    matched: hit.verdict == Verdict::Match,
                    log10_nfa: hit.agreement.as_ref().map(|agreement| agreement.log10_nfa),
                })
            })
            .collect();
        if let Some(query) = set.queries.iter().find(|query| query.name == case.key) {
            answers.push(Answer {
                query,
                hits: response.hits,
            });
        }
        Ok(ranked)
    };
    progress.begin("searching", dataset.queries.len() as u64);
    let options = vizsla_evaluation::Options {
        index_images_per_s: Some(report.images_per_s),
        bytes_per_image: Some(collection.info()?.bytes_per_image),
        progress: Some(&|_, _| progress.advance(1)),
        seed: SEED,
        ..vizsla_evaluation::Options::default()
    };
    let run = evaluate(dataset, &mut ask, &options)?;
    progress.end();
    Ok((run, answers))
}

/// How far the places of right matches are from the truth, in pixels of the photograph.
fn places(answers: &[Answer]) -> String {
    let mut errors: Vec<f64> = answers.iter().filter_map(misplacement).collect();
    errors.sort_by(f64::total_cmp);
    let Some(&median) = errors.get(errors.len() / 2) else {
        return String::new();
    };
    let close = errors.iter().filter(|error| **error < 3.0).count();
    format!(
        "place              {median:.2} pixels off in the median, within 3 pixels for {close} of {}\n",
        errors.len()
    )
}

/// Mean distance over the inliers between where the transform puts a point of the view and where it
/// truly lies in the photograph; `None` when the photograph was not matched.
fn misplacement(answer: &Answer) -> Option<f64> {
    let right = |hit: &&Hit| {
        hit.verdict == Verdict::Match
            && hit
                .path
                .file_stem()
                .is_some_and(|stem| *stem == *answer.query.truth)
    };
    let agreement = answer.hits.iter().find(right)?.agreement.as_ref()?;
    let truth = vizsla_features::Transform(answer.query.homography).inverse()?;
    let found = vizsla_features::Transform(agreement.transform);
    let mut sum = 0.0;
    for pair in &agreement.pairs {
        let [x, y] = pair.query.map(f64::from);
        let ((u, v), (s, t)) = (found.apply(x, y)?, truth.apply(x, y)?);
        sum += (u - s).hypot(v - t);
    }
    Some(sum / agreement.pairs.len().max(1) as f64)
}
