//! What a run found: figures with intervals, every query, and a model to search with.

use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use serde_json::json;
use vizsla_evaluation::run_files;
use vizsla_neural::{ModelEntry, ModelKind};
use vizsla_vectors::AtomicFile;

use super::observer::TrainObserver;
use super::ranking::{Figure, Ranked, Side, mean_curve, rank};
use super::trainer::Trainer;
use crate::error::Error;

/// Descriptors that are written for the report at most.
pub(super) const MOST_EMBEDDINGS: usize = 4000;

/// The figures of a run, as `vizsla train --json` prints them.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// The folder of the run.
    pub run: PathBuf,
    /// Whose images were the queries: `test` or `validation`.
    pub queries: &'static str,
    /// Mean average precision; `None` without queries.
    pub map: Option<Figure>,
    /// Precision of the first place.
    pub precision_at_1: Option<Figure>,
    /// Precision of the first five places.
    pub precision_at_5: Option<Figure>,
    /// Best validation mAP, and the epoch that reached it.
    pub best: Option<(f64, usize)>,
    /// Epochs trained.
    pub epochs: usize,
    /// Seconds of training steps, without validation.
    pub seconds: f64,
    /// Where it was computed.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// Images that could not be read, with the reasons.
    pub skipped: Vec<(String, String)>,
    /// Remarks that need a person's eye.
    pub warnings: Vec<String>,
}

/// Evaluates the network as it is and writes result, embeddings and model.
pub(super) fn finish(
    trainer: &mut Trainer,
    observer: &dyn TrainObserver,
) -> Result<RunResult, Error> {
    observer.begin("evaluating", 0);
    let images = &trainer.prepared.images;
    let test = !images.queries.is_empty();
    let (queries, gallery) = match test {
        true => {
            let mut gallery = [images.train.as_slice(), &images.validation].concat();
            gallery.sort_unstable();
            (images.queries.clone(), gallery)
        }
        false => (images.validation.clone(), images.train.clone()),
    };
    let rows = trainer.prepared.embed(&queries)?;
    let found = trainer.prepared.embed(&gallery)?;
    let ranked = rank(
        &Side {
            images: &queries,
            rows: &rows,
        },
        &Side {
            images: &gallery,
            rows: &found,
        },
        &images.relevance,
    );
    if let super::prepare::Source::Images = trainer.prepared.source {
        for (&image, row) in queries.iter().zip(&rows).chain(gallery.iter().zip(&found)) {
            if row.is_empty() && !trainer.skipped.contains_key(&image) {
                let reason = trainer.prepared.item(image, None).err();
                trainer.skipped.insert(image, reason.unwrap_or_default());
            }
        }
    }
    let report = figures(trainer, test, &ranked);
    write_result(trainer, &report, &ranked)?;
    let images = &trainer.prepared.images;
    let embedded = queries.iter().zip(&rows).filter(|(_, row)| !row.is_empty());
    let embedded: Vec<Embedded> = embedded
        .take(MOST_EMBEDDINGS)
        .map(|(&image, row)| Embedded {
            of: images.pictures[image].path.display().to_string(),
            label: images.class(image),
            row,
        })
        .collect();
    write_embeddings(&trainer.folder, &embedded, report.queries)?;
    export(trainer)?;
    observer.end();
    Ok(report)
}

fn figures(trainer: &Trainer, test: bool, ranked: &[Ranked]) -> RunResult {
    let head = &trainer.saved.head;
    let pictures = &trainer.prepared.images.pictures;
    let figure = |of: &dyn Fn(&Ranked) -> f64| {
        let values: Vec<f64> = ranked.iter().map(of).collect();
        (!values.is_empty()).then(|| Figure::of(&values, trainer.config.seed))
    };
    let skipped = trainer.skipped.iter();
    RunResult {
        run: trainer.folder.clone(),
        queries: if test { "test" } else { "validation" },
        map: figure(&|r| r.average_precision),
        precision_at_1: figure(&|r| r.precision_at[0]),
        precision_at_5: figure(&|r| r.precision_at[1]),
        best: head.best.map(|(map, epoch)| (f64::from_bits(map), epoch)),
        epochs: head.epoch,
        seconds: f64::from_bits(head.seconds),
        device: trainer.prepared.device_name.clone(),
        threads: rayon::current_num_threads(),
        skipped: skipped
            .map(|(&image, reason)| (pictures[image].name.clone(), reason.clone()))
            .collect(),
        warnings: trainer.prepared.images.warnings.clone(),
    }
}

/// Every query with the ten best of its list.
fn queries(trainer: &Trainer, ranked: &[Ranked]) -> Vec<serde_json::Value> {
    let images = &trainer.prepared.images;
    let path = |image: usize| images.pictures[image].path.display().to_string();
    let label = |image: usize| images.class(image);
    ranked
        .iter()
        .map(|r| {
            let list: Vec<_> = r
                .best
                .iter()
                .map(|&(image, score)| {
                    json!({
                        "image": path(image),
                        "label": label(image),
                        "relevant": images.relevance.is_positive(image, r.query),
                        "score": score,
                    })
                })
                .collect();
            json!({
                "query": path(r.query),
                "label": label(r.query),
                "average_precision": r.average_precision,
                "relevant": r.relevant,
                "ranked": list,
            })
        })
        .collect()
}

fn write_result(trainer: &Trainer, report: &RunResult, ranked: &[Ranked]) -> Result<(), Error> {
    let mut metrics = serde_json::Map::new();
    for (name, figure) in [
        ("map", report.map),
        ("precision_at_1", report.precision_at_1),
        ("precision_at_5", report.precision_at_5),
    ] {
        if let Some(figure) = figure {
            metrics.insert(name.into(), json!(figure));
        }
    }
    let what = match report.queries {
        "test" => "queries: test images; gallery: training and validation images",
        _ => "queries: validation images; gallery: training images",
    };
    let relevant = match trainer.prepared.images.relevance.has_pairs() {
        true => "what was named with the query",
        false => "same class",
    };
    let document = json!({
        "format": "vizsla-training-run",
        "format_version": 1,
        "name": name_of(&trainer.folder),
        "dataset": trainer.config.data.images,
        "protocol": format!("{what}; relevant: {relevant}; similarity: inner product"),
        "loss": trainer.config.loss.kind,
        "metrics": metrics,
        "best": report.best.map(|(map, epoch)| json!({"validation_map": map, "epoch": epoch})),
        "epochs": report.epochs,
        "seconds": report.seconds,
        "device": report.device,
        "threads": report.threads,
        "skipped": report.skipped,
        "warnings": report.warnings,
        "precision_recall": mean_curve(ranked),
        "queries": queries(trainer, ranked),
    });
    let text = serde_json::to_vec_pretty(&document).map_err(|e| Error::shape(e.to_string()))?;
    Ok(AtomicFile::write_whole(
        &trainer.folder.join(run_files::RESULT),
        &text,
    )?)
}

/// A row of `embeddings.safetensors` and what it describes.
pub(super) struct Embedded<'a> {
    /// Path of the image, or the words of a caption.
    pub of: String,
    pub label: &'a str,
    pub row: &'a [f32],
}

/// Writes descriptors and what they describe, for the maps of the report; nothing when there are none.
pub(super) fn write_embeddings(folder: &Path, rows: &[Embedded], set: &str) -> Result<(), Error> {
    let Some(length) = rows.first().map(|embedded| embedded.row.len()) else {
        return Ok(());
    };
    let bytes: Vec<u8> = rows
        .iter()
        .flat_map(|embedded| embedded.row)
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let wrong = |error: safetensors::SafeTensorError| Error::shape(error.to_string());
    let view = TensorView::new(Dtype::F32, vec![rows.len(), length], &bytes).map_err(wrong)?;
    let file = safetensors::serialize([("vectors", view)], None).map_err(wrong)?;
    AtomicFile::write_whole(&folder.join("embeddings.safetensors"), &file)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let wrong = |error: csv::Error| Error::shape(error.to_string());
    table
        .write_record(["image", "label", "set"])
        .map_err(wrong)?;
    for embedded in rows {
        table
            .write_record([embedded.of.as_str(), embedded.label, set])
            .map_err(wrong)?;
    }
    let text = table
        .into_inner()
        .map_err(|error| Error::shape(error.to_string()))?;
    Ok(AtomicFile::write_whole(
        &folder.join("embeddings.csv"),
        &text,
    )?)
}

/// Writes `best.onnx` and the entry beside it.
fn export(trainer: &Trainer) -> Result<(), Error> {
    let model = &trainer.prepared.model;
    let path = trainer.folder.join("best.onnx");
    model
        .network
        .save_onnx(&model.parameters, model.fixed_side, &path)?;
    let id = name_of(&trainer.folder);
    let mut entry = ModelEntry::for_file(&id, ModelKind::Image, &path, "");
    entry.sha256 = entry.digest()?;
    entry.source = vizsla_neural::ModelSource::File {
        file: PathBuf::from("best.onnx"),
    };
    entry.input = Some("input".into());
    entry.output = model.network.nodes().last().map(|node| node.name.clone());
    entry.dimension = Some(model.network.dimension());
    entry.preprocessing = model.preprocessing.clone();
    let text = toml::to_string_pretty(&entry).map_err(|error| Error::shape(error.to_string()))?;
    Ok(AtomicFile::write_whole(
        &trainer.folder.join("best.toml"),
        text.as_bytes(),
    )?)
}

/// The folder's name as the id of a model.
pub(super) fn name_of(folder: &Path) -> String {
    let folder = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let name = folder
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    match plain.trim_start_matches('.') {
        "" => "trained".into(),
        name => name.to_owned(),
    }
}
