//! `vizsla evaluate mit-split`: how good a network's vectors are at finding pictures of the same class, by pooling,
//! normalisation, whitening and scale.
//!
//! Every test picture ranks all training pictures by cosine; those of its class are relevant. Everything that is learned
//! is learned from training pictures alone; rows that use their class names say so.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use vizsla_evaluation::{
    PairsFrom, PooledRow, PoolingChoice, Report, Run, Whiten, gives_vectors, load_mit_split,
    measure_pooled, pooled_table, render_report,
};
use vizsla_neural::{
    ImageEncoder, ModelEntry, ModelKind, Preset, Registry, RuntimeChoice, SessionOptions,
};

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
    /// How dimensions are weighed: none, pca (each principal component divided by its standard deviation) or learned (from
    /// pairs of training pictures)
    #[arg(long, value_name = "HOW", default_value = "none")]
    whiten: Whiten,
    /// Where the pairs of learned whitening come from: class (uses the labels of the training pictures) or mined (pictures
    /// that are among each other's nearest ten)
    #[arg(long, value_name = "WHERE", default_value = "class")]
    pairs: PairsFrom,
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
        let rows = self.rows(gives_vectors(&encoder)?)?;
        let runs = measure_pooled(&dataset, &encoder, self.side, &rows, &progress)?;
        let Some(runs) = runs else {
            return Ok(Outcome::Interrupted);
        };
        drop(progress);
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

    fn rows(&self, vectors: bool) -> Result<Vec<PooledRow>> {
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
            return Ok(pooled_table(vectors, scales)?);
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
        Ok(vec![PooledRow {
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

    fn tell(&self, encoder: &ImageEncoder, rows: &[PooledRow], runs: &[Run]) -> Result<()> {
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

fn table(rows: &[PooledRow], runs: &[Run]) -> String {
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
