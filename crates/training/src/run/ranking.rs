//! Ranked lists of held-out images, and what they are worth.

use rayon::prelude::*;
use serde::Serialize;
use vizsla_evaluation::{Interval, average_precision, bootstrap_seeded};
use vizsla_vectors::dot_f32;

use crate::relevance::Relevance;

/// Places of a list that are kept.
const KEPT: usize = 10;
/// Points of a curve of precision over recall.
const POINTS: usize = 11;

/// What became of one query.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    pub query: usize,
    pub average_precision: f64,
    pub precision_at: [f64; 2],
    pub relevant: usize,
    /// Image and score, best first.
    pub best: Vec<(usize, f32)>,
    /// Highest precision at recall 0, 0.1, … 1 or beyond.
    pub curve: [f64; POINTS],
}

/// A mean over queries with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Figure {
    pub(super) fn of(values: &[f64], seed: u64) -> Figure {
        let value = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let interval = bootstrap_seeded(values, seed).unwrap_or(Interval {
            low: value,
            high: value,
        });
        Figure {
            value,
            low: interval.low,
            high: interval.high,
        }
    }
}

/// Images, by places in a list of all, with their descriptors; images without a descriptor were skipped.
pub(super) struct Side<'a> {
    pub images: &'a [usize],
    pub rows: &'a [Vec<f32>],
}

/// Ranks the gallery for each query by inner product. What is neither positive nor negative is taken out of the
/// list, and queries without anything relevant are left out, as the protocols do.
pub(super) fn rank(queries: &Side, gallery: &Side, relevance: &Relevance) -> Vec<Ranked> {
    let of_query = |number: usize| -> Option<Ranked> {
        let (image, query) = (queries.images[number], queries.rows[number].as_slice());
        let relevant = |g: usize| relevance.is_positive(image, gallery.images[g]);
        let mut list: Vec<(f32, usize)> = (0..gallery.images.len())
            .filter(|&g| gallery.rows[g].len() == query.len() && !query.is_empty())
            .filter(|&g| relevance.is_known(image, gallery.images[g]))
            .map(|g| (dot_f32(query, &gallery.rows[g]), g))
            .collect();
        list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let hits = list.iter().enumerate();
        let hits = hits.filter(|(_, (_, g))| relevant(*g));
        let ranks: Vec<usize> = hits.map(|(rank, _)| rank).collect();
        let relevant = ranks.len();
        (relevant > 0).then(|| Ranked {
            query: image,
            average_precision: average_precision(&ranks, relevant),
            precision_at: [1, 5]
                .map(|k| ranks.iter().filter(|&&rank| rank < k).count() as f64 / k as f64),
            relevant,
            best: list
                .iter()
                .take(KEPT)
                .map(|&(score, g)| (gallery.images[g], score))
                .collect(),
            curve: curve(&ranks),
        })
    };
    (0..queries.images.len())
        .into_par_iter()
        .filter_map(of_query)
        .collect()
}

/// Interpolated precision: the highest at this recall or beyond.
fn curve(ranks: &[usize]) -> [f64; POINTS] {
    let mut best = [0.0f64; POINTS];
    for (found, &rank) in ranks.iter().enumerate() {
        let precision = (found + 1) as f64 / (rank + 1) as f64;
        let recall = (found + 1) as f64 / ranks.len() as f64;
        let reached = (recall * (POINTS - 1) as f64 + 1e-9).floor() as usize;
        for place in best.iter_mut().take(reached.min(POINTS - 1) + 1) {
            *place = place.max(precision);
        }
    }
    best
}

/// Mean curve of precision over recall, as pairs.
pub(super) fn mean_curve(ranked: &[Ranked]) -> Vec<[f64; 2]> {
    (0..POINTS)
        .map(|point| {
            let sum: f64 = ranked.iter().map(|r| r.curve[point]).sum();
            [
                point as f64 / (POINTS - 1) as f64,
                sum / ranked.len().max(1) as f64,
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_judged() {
        let gallery = Side {
            images: &[0, 1, 2, 3],
            rows: &[vec![1.0, 0.0], vec![0.8, 0.6], vec![0.0, 1.0], vec![]],
        };
        let queries = Side {
            images: &[4, 5, 6],
            rows: &[vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0]],
        };
        let relevance = vec![0, 1, 0, 0, 0, 1, 5].into();
        let ranked = rank(&queries, &gallery, &relevance);
        assert_eq!(ranked.len(), 2);
        assert!((ranked[0].average_precision - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!(ranked[0].best[0], (0, 1.0));
        assert!((ranked[1].average_precision - 0.5).abs() < 1e-12);
        assert!((ranked[1].precision_at[0]).abs() < 1e-12);
        assert!((mean_curve(&ranked)[0][1] - 0.75).abs() < 1e-12);
    }
}
