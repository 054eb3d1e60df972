//! `vizsla models learn-pooling`: the poolings that need pictures before they can be used.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_neural::{
    ImageEncoder, ModelKind, OutputKind, PoolingLearner, Registry, SessionOptions,
};
use vizsla_retrieval::{Skipped, find_pictures, map_places};

use crate::commands::Outcome;
use crate::commands::threads::Threads;
use crate::output::{self, Progress};

/// Learn a pooling from your pictures: NetVLAD (netvlad:CENTRES) or Fisher vectors (fisher:GAUSSIANS)
///
/// Takes the places of the model's feature maps of some hundred pictures, as many from each part of the list. The file
/// is then named when a collection is made: vizsla index … --encoder ID --pooling netvlad:FILE
#[derive(Args)]
pub struct Arguments {
    /// The model, of kind image, that gives feature maps
    id: String,
    /// Folders and files to learn from
    #[arg(required = true, value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// What to learn: netvlad:CENTRES or fisher:GAUSSIANS
    #[arg(long, value_name = "POOLING", default_value = "netvlad:16")]
    pooling: PoolingLearner,
    /// File for what is learnt
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
    /// Longest side, in pixels, at which the model sees pictures; left out, the model's own rule
    #[arg(long, value_name = "PIXELS")]
    encoder_side: Option<u32>,
    /// Most pictures that are looked at
    #[arg(long, value_name = "N", default_value_t = 240)]
    pictures: usize,
    /// Where learning starts; the same seed and pictures give the same file
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Serialize)]
struct Report {
    model: String,
    pooling: String,
    path: PathBuf,
    pictures: usize,
    places: usize,
    dimension: usize,
    skipped: Vec<Skipped>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let entry = Registry::default_registry()?.get(&self.id)?;
        if entry.kind != ModelKind::Image {
            bail!(
                "model '{}' is of kind {}; a pooling needs image",
                self.id,
                entry.kind
            );
        }
        let encoder = ImageEncoder::open(&entry, None, &SessionOptions::default())?;
        let OutputKind::Map { channels } = encoder.kind()? else {
            bail!("model '{}' gives vectors, which need no pooling", self.id);
        };
        let (files, mut skipped) = find_pictures(&self.sources)?;
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let progress = Progress::start();
        let side = self.encoder_side.or(entry.side);
        let Some(found) = map_places(&encoder, side, &files, self.pictures, &progress)? else {
            return Ok(Outcome::Interrupted);
        };
        skipped.extend(found.skipped);
        if found.pictures == 0 {
            bail!("no picture could be read: {}", self.sources[0].display());
        }
        let pooling = self.pooling.learn(&found.rows, channels, self.seed)?;
        drop(progress);
        pooling.save_learned(&self.into)?;
        for skipped in &skipped {
            output::warn(&format!("skipped: {}: {}", skipped.path, skipped.reason));
        }
        let report = Report {
            model: self.id,
            pooling: pooling.to_string(),
            path: self.into,
            pictures: found.pictures,
            places: found.rows.len() / found.channels.max(1),
            dimension: pooling.dimension(channels),
            skipped,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&format!(
                "{}: {} of {} dimensions, from {} of {}\n",
                report.path.display(),
                report.pooling,
                output::count(report.dimension),
                output::plural(report.places, "place"),
                output::plural(report.pictures, "picture"),
            ))?;
        }
        Ok(Outcome::Done)
    }
}
