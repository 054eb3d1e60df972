//! Exact nearest neighbours of every row among the others.

use rayon::prelude::*;
use vizsla_vectors::{TopK, l2_squared_f32};

/// Another row and its Euclidean distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub row: u32,
    pub distance: f32,
}

/// The `k` nearest other rows of every row, nearest first, equal distances by row number. `k` is less than the
/// number of rows.
pub(super) fn nearest(samples: &[f32], dimension: usize, k: usize) -> Vec<Vec<Near>> {
    let rows: Vec<&[f32]> = samples.chunks_exact(dimension).collect();
    rows.par_iter()
        .enumerate()
        .map(|(own, row)| {
            let mut best = TopK::new(k);
            for (other, candidate) in rows.iter().enumerate().filter(|(other, _)| *other != own) {
                best.push(-l2_squared_f32(row, candidate), other as i64);
            }
            best.into_sorted()
                .into_iter()
                .map(|(score, row)| Near {
                    row: row as u32,
                    distance: (-score).sqrt(),
                })
                .collect()
        })
        .collect()
}
