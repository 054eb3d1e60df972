//! t-SNE by the `bhtsne` crate.
//!
//! Two things keep it reproducible: neighbours and the start are handed in, because its own draw on the thread's
//! random generator; and it runs on one thread, because some of its sums depend on how the work was split.

use std::cell::Cell;

use vizsla_retrieval::Reporter;

use super::neighbours::nearest;
use crate::error::Error;

const PERPLEXITY: usize = 30;
const EPOCHS: usize = 1000;
/// Opening angle of the Barnes-Hut tree.
const THETA: f32 = 0.5;
/// Standard deviation of the start along its longer axis, as in openTSNE and scikit-learn.
const START: f64 = 1e-4;

pub(super) fn layout(
    samples: &[f32],
    dimension: usize,
    plane: &[[f32; 2]],
    reporter: &dyn Reporter,
) -> Result<Vec<[f32; 2]>, Error> {
    let count = plane.len();
    // Three times the perplexity is the number of neighbours, and there must be so many others.
    let perplexity = PERPLEXITY.min((count - 1) / 3);
    let neighbours: Vec<Vec<bhtsne::Neighbor<f32>>> = nearest(samples, dimension, 3 * perplexity)
        .into_iter()
        .map(|row| {
            let given = row.into_iter().map(|near| bhtsne::Neighbor {
                index: near.row as usize,
                distance: near.distance,
            });
            given.collect()
        })
        .collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|e| Error::Layout(format!("t-SNE could not start its thread ({e})")))?;
    let start = scaled(plane);
    reporter.begin("t-SNE", EPOCHS as u64);
    // The callback runs on the pool's thread; the reporter is told from there.
    let flat = pool.install(|| {
        let rows = vec![(); count];
        let told = Cell::new(0usize);
        let mut tsne: bhtsne::tSNE<f32, ()> = bhtsne::tSNE::new(&rows);
        tsne.perplexity(perplexity as f32)
            .epochs(EPOCHS)
            .initial_embedding(start)
            .epoch_callback(|epoch, _| {
                reporter.advance((epoch + 1 - told.get()) as u64);
                told.set(epoch + 1);
            })
            .barnes_hut_with_neighbors(THETA, &neighbours)
            .embedding()
    });
    reporter.end();
    Ok(flat.chunks_exact(2).map(|p| [p[0], p[1]]).collect())
}

/// The plane shrunk around its centre, points one after the other.
fn scaled(plane: &[[f32; 2]]) -> Vec<f32> {
    let count = plane.len() as f64;
    let deviation = |axis: usize| {
        let mean = plane.iter().map(|p| f64::from(p[axis])).sum::<f64>() / count;
        let squares = plane.iter().map(|p| (f64::from(p[axis]) - mean).powi(2));
        (squares.sum::<f64>() / count).sqrt()
    };
    let factor = START / deviation(0).max(deviation(1)).max(f64::MIN_POSITIVE);
    let place = |v: &f32| (f64::from(*v) * factor) as f32;
    plane.iter().flatten().map(place).collect()
}
