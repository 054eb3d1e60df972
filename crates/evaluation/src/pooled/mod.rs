//! How good a network's vectors are at finding pictures of the same class, by pooling, normalisation, whitening and scale.
//!
//! Every query ranks the whole gallery by cosine; pictures of its class are relevant. Everything that is learned is learned
//! from the gallery alone; rows that use its class names say so.

mod features;
mod ranking;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use vizsla_neural::{ImageEncoder, OutputKind};
use vizsla_retrieval::Reporter;
use vizsla_vectors::Projection;

pub use self::settings::{PairsFrom, PooledRow, PoolingChoice, Whiten, pooled_table};

use self::features::{Extractor, Features};
use self::ranking::Vectors;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::run::Run;

/// Whether a network gives vectors, which need no pooling.
///
/// # Errors
/// When the network fails.
pub fn gives_vectors(encoder: &ImageEncoder) -> Result<bool, Error> {
    Ok(matches!(encoder.kind()?, OutputKind::Vector { .. }))
}

/// Describes all pictures of a data set once, then measures each row: a run for each, in their order. `side` is the longest
/// side at scale 1; 0 for the resize rule of the model. Where several rows share their vectors, their runs come without the
/// ranked lists. `None` when the reporter says that the caller wants to stop.
///
/// # Errors
/// A picture cannot be read, the network fails, or a row does not fit what the network gives.
pub fn measure_pooled(
    dataset: &Dataset,
    encoder: &ImageEncoder,
    side: u32,
    rows: &[PooledRow],
    reporter: &dyn Reporter,
) -> Result<Option<Vec<Run>>, Error> {
    let extractor = Extractor {
        encoder,
        side,
        progress: reporter,
    };
    let gallery = dataset.gallery.iter().map(|image| image.path.as_path());
    let queries = dataset.queries.iter().filter_map(|query| query.case.path());
    let files: Vec<&Path> = gallery.chain(queries).collect();
    let (poolings, scales) = needed(rows);
    let features = extractor.extract(&files, dataset.gallery.len(), &poolings, &scales)?;
    let Some(features) = features else {
        return Ok(None);
    };
    let classes = classes(dataset);
    let mut runs = Vec::with_capacity(rows.len());
    let same = |a: &PooledRow, b: &PooledRow| {
        a.pooling == b.pooling && a.scales == b.scales && a.power == b.power
    };
    for rows in rows.chunk_by(same) {
        runs.extend(measure(dataset, &features, &classes, rows)?);
    }
    Ok(Some(runs))
}

/// Poolings and scales that rows use.
fn needed(rows: &[PooledRow]) -> (Vec<PoolingChoice>, Vec<f32>) {
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

/// The class of each gallery picture, by the folder that its key begins with.
fn classes(dataset: &Dataset) -> Vec<usize> {
    let gallery = dataset.gallery.iter();
    let names = gallery.map(|image| image.key.split('/').next().unwrap_or_default());
    let names: Vec<&str> = names.collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let class = |name: &&str| sorted.binary_search(name).unwrap_or(0);
    names.iter().map(class).collect()
}

/// Measures rows that share pooling, scales and power, and so their vectors; those that share the whitening too share the
/// projection.
fn measure(
    dataset: &Dataset,
    features: &Features,
    classes: &[usize],
    rows: &[PooledRow],
) -> Result<Vec<Run>, Error> {
    let vectors = Vectors::assemble(features, &rows[0], dataset.gallery.len())?;
    let kind = |row: &PooledRow| (row.whiten, row.pairs, row.dimension > 0);
    let mut kinds = BTreeMap::new();
    for row in rows {
        kinds.entry(kind(row)).or_insert(row);
    }
    let projections = kinds
        .into_par_iter()
        .map(|(kind, row)| Ok((kind, vectors.projection(row, classes)?)));
    let projections: BTreeMap<_, Option<Projection>> = projections.collect::<Result<_, Error>>()?;
    let judged = rows.par_iter().map(|row| {
        let projection = projections.get(&kind(row)).and_then(Option::as_ref);
        let mut run = vectors.judge(dataset, row, projection)?;
        if rows.len() > 1 {
            run.queries.clear();
        }
        Ok(run)
    });
    judged.collect()
}
