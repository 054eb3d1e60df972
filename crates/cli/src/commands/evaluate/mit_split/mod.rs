//! `vizsla evaluate mit-split`: how good a network's vectors are at finding pictures of the same class, by pooling,
//! normalisation, whitening and scale.
//!
//! Every test picture ranks all training pictures by cosine; those of its class are relevant. Everything that is learned
//! is learned from training pictures alone; rows that use their class names say so.

mod features;
mod ranking;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};
use vizsla_evaluation::{Dataset, Report, Run, load_mit_split, render_report};
use vizsla_neural::{
    ImageEncoder, ModelEntry, ModelKind, Preset, Registry, RuntimeChoice, SessionOptions,
};
use vizsla_vectors::Projection;

use self::features::{Extractor, Features};
use self::ranking::Vectors;
use self::settings::{Pairs, PoolingChoice, Settings, Whiten};
use crate::commands::{Outcome, range, threads::Threads};
use crate::output::{self, Progress, Table};

/// Measure the vectors of a network on eight classes of scenes
#[derive(Args)]
pub struct Arguments {
    /// Folder with train/ and test/
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Id of a registered model, or an ONNX file
    #[arg(long, value_name = "ID|FILE")]
    model: String,
    /// How pictures are prepared for a model given as a file: torchvision, timm, clip, siglip, dinov2, keras, caffe
    #[arg(long, default_value = "torchvision")]
    preset: Preset,
    /// Value of the model that is read; left out, the last feature map
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// Longest side in pixels; 0 for the resize rule of the model
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    side: u32,
    /// rten, ort or auto
    #[arg(long, default_value = "auto")]
    runtime: RuntimeChoice,
    #[command(flatten)]
    row: Row,
    /// Measure pooling × normalisation × whitening × scales and print the table
    #[arg(long)]
    sweep: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write every ranked list to this JSON file
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    run_file: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
}

/// What is measured without --sweep.
#[derive(Args)]
struct Row {
    /// mac, spoc, spoc+centre, crow, r_mac:LEVELS, gem:P, several joined by |, netvlad:CENTRES, fisher:GAUSSIANS
    #[arg(long, default_value = "spoc")]
    pooling: PoolingChoice,
    /// Factors of the side, separated by commas; with --sweep those of the rows with several scales
    #[arg(long, value_delimiter = ',', value_parser = scale)]
    scales: Vec<f32>,
    /// Exponent of the signed power; 0.5 is the square root
    #[arg(long, default_value_t = 1.0, value_parser = range::ratio)]
    power: f32,
    /// Dimensions to keep; 0 keeps all
    #[arg(long, value_name = "D", default_value_t = 0)]
    pca: usize,
    /// How dimensions are weighed
    #[arg(long, value_enum, default_value = "none")]
    whiten: Whiten,
    /// Where the pairs of learned whitening come from
    #[arg(long, value_enum, default_value = "class")]
    pairs: Pairs,
    /// Average each training picture's vector with its nearest N (database-side augmentation)
    #[arg(long, value_name = "N", default_value_t = 0)]
    augment: usize,
    /// Average each query's vector with its nearest N (α query expansion)
    #[arg(long, value_name = "N", default_value_t = 0)]
    expand: usize,
}

fn scale(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(scale) if (0.05..=8.0).contains(&scale) => Ok(scale),
        _ => Err("a scale is from 0.05 to 8".to_owned()),
    }
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let dataset = load_mit_split(&self.data)?;
        let encoder = ImageEncoder::open(
            &self.entry()?,
            self.output.as_deref(),
            &SessionOptions {
                runtime: self.runtime,
                threads: rayon::current_num_threads(),
            },
        )?;
        let progress = Progress::start();
        let extractor = Extractor {
            encoder: &encoder,
            side: self.side,
            progress: &progress,
        };
        let rows = self.rows(extractor.gives_vectors()?)?;
        let gallery = dataset.gallery.iter().map(|image| image.path.as_path());
        let queries = dataset.queries.iter().filter_map(|query| query.case.path());
        let files: Vec<&Path> = gallery.chain(queries).collect();
        let (poolings, scales) = needed(&rows);
        let Some(features) =
            extractor.extract(&files, dataset.gallery.len(), &poolings, &scales)?
        else {
            return Ok(Outcome::Interrupted);
        };
        let runs = measure(&dataset, &features, &rows)?;
        self.tell(&encoder, &rows, &runs)?;
        Ok(Outcome::Done)
    }

    fn entry(&self) -> Result<ModelEntry> {
        let file = Path::new(&self.model);
        if !file.is_file() {
            return Ok(Registry::default_registry()?.get(&self.model)?);
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut entry = ModelEntry::for_file(&name, ModelKind::Image, file, "");
        entry.sha256 = entry.digest()?;
        entry.preprocessing = self.preset.preprocessing();
        Ok(entry)
    }

    fn rows(&self, vectors: bool) -> Result<Vec<Settings>> {
        let row = &self.row;
        if self.sweep {
            let several = [
                1.0,
                std::f32::consts::FRAC_1_SQRT_2,
                std::f32::consts::SQRT_2,
            ];
            let scales = if row.scales.is_empty() {
                &several[..]
            } else {
                &row.scales[..]
            };
            return Ok(settings::table(vectors, scales)?);
        }
        let one = vec![1.0];
        let scales = if row.scales.is_empty() {
            one
        } else {
            row.scales.clone()
        };
        if (vectors || self.side == 0) && scales != [1.0] {
            bail!("several scales need a feature map and a side; leave --scales out");
        }
        Ok(vec![Settings {
            pooling: if vectors {
                PoolingChoice::Vector
            } else {
                row.pooling.clone()
            },
            scales,
            power: row.power,
            whiten: row.whiten,
            dimension: row.pca,
            pairs: row.pairs,
            augment: row.augment,
            expand: row.expand,
        }])
    }

    fn tell(&self, encoder: &ImageEncoder, rows: &[Settings], runs: &[Run]) -> Result<()> {
        if let (Some(file), Some(run)) = (&self.run_file, runs.first()) {
            run.write(file)?;
        }
        match (runs, self.sweep, self.json) {
            ([run], false, true) => output::json(&run.report),
            ([run], false, false) => output::show(&render_report(&run.report)),
            (_, _, true) => {
                let rows: Vec<Value> = rows
                    .iter()
                    .zip(runs)
                    .map(|(row, run)| json!({"settings": row.json(), "report": run.report}))
                    .collect();
                output::json(&json!({
                    "dataset": "mit-split", "model": self.model, "output": encoder.output(),
                    "side": self.side, "rows": rows,
                }))
            }
            _ => output::show(&table(rows, runs)),
        }
    }
}

/// Poolings and scales that rows use.
fn needed(rows: &[Settings]) -> (Vec<PoolingChoice>, Vec<f32>) {
    let (mut poolings, mut scales) = (Vec::new(), Vec::new());
    for row in rows {
        if !poolings.contains(&row.pooling) {
            poolings.push(row.pooling.clone());
        }
        for &scale in &row.scales {
            if !scales.contains(&scale) {
                scales.push(scale);
            }
        }
    }
    (poolings, scales)
}

/// Rows that share pooling, scales and power share vectors; those that share the whitening too share the projection.
fn measure(dataset: &Dataset, features: &Features, rows: &[Settings]) -> Result<Vec<Run>> {
    let names: Vec<&str> = dataset
        .gallery
        .iter()
        .map(|image| image.key.split('/').next().unwrap_or_default())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let class = |name: &&str| sorted.binary_search(name).unwrap_or(0);
    let classes: Vec<usize> = names.iter().map(class).collect();
    let mut runs = Vec::with_capacity(rows.len());
    let same = |a: &Settings, b: &Settings| {
        a.pooling == b.pooling && a.scales == b.scales && a.power == b.power
    };
    for rows in rows.chunk_by(same) {
        let vectors = Vectors::assemble(features, &rows[0], dataset.gallery.len())?;
        let kind = |row: &Settings| (row.whiten, row.pairs, row.dimension > 0);
        let mut kinds = BTreeMap::new();
        for row in rows {
            kinds.entry(kind(row)).or_insert(row);
        }
        let projections: BTreeMap<_, Option<Projection>> = kinds
            .into_par_iter()
            .map(|(kind, row)| Ok((kind, vectors.projection(row, &classes)?)))
            .collect::<Result<_>>()?;
        let judged: Vec<Run> = rows
            .par_iter()
            .map(|row| {
                let projection = projections.get(&kind(row)).and_then(Option::as_ref);
                let mut run = vectors.judge(dataset, row, projection)?;
                if rows.len() > 1 {
                    run.queries.clear();
                }
                Ok(run)
            })
            .collect::<Result<_>>()
            .with_context(|| format!("pooling {}", rows[0].pooling))?;
        runs.extend(judged);
    }
    Ok(runs)
}

fn table(rows: &[Settings], runs: &[Run]) -> String {
    let mut table = Table::new(&[
        "pooling",
        "power",
        "whitening",
        "scales",
        ">mAP",
        ">95 %",
        ">P@1",
        ">P@5",
    ]);
    let number = |report: &Report, name: &str| {
        let value = report.metrics.get(name);
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
    };
    for (row, run) in rows.iter().zip(runs) {
        let report = &run.report;
        let interval = report.intervals.get("map");
        let interval =
            interval.map_or_else(String::new, |i| format!("{:.3} to {:.3}", i.low, i.high));
        let [pooling, power, whitening, scales] = row.columns();
        let [map, one, five] =
            ["map", "precision@1", "precision@5"].map(|name| number(report, name));
        table.row([pooling, power, whitening, scales, map, interval, one, five]);
    }
    table.render()
}
