//! How hard a search has to look, measured on the vectors of the index themselves.
//!
//! Some vectors ask for their own neighbours, which are also found by comparing all. The width of walks, or the number of lists, is raised
//! until the share that was found is as wanted. A vector is nearer to others of its own set than a query from outside is, as a rule, so
//! more is found of them: the recall wanted is asked of the harder half of these queries.

use rayon::prelude::*;

use super::Effort;
use crate::Metric;
use crate::TopK;
use crate::random::Random;

/// Vectors that ask.
const ASKING: usize = 200;

/// How hard a search has to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// Width of walks, or lists that are read.
    pub width: usize,
    /// For so many answers.
    pub answers: usize,
    /// Share of the nearest that was found then by the harder half of the vectors that asked.
    pub recall: f64,
}

/// Vectors that ask, and the nearest of each.
pub(super) struct Truth {
    queries: Vec<Vec<f32>>,
    nearest: Vec<Vec<i64>>,
}

impl Truth {
    /// Draws vectors and finds the nearest of each by comparing all; `rows` are prepared vectors.
    pub fn of(
        ids: &[i64],
        rows: &[f32],
        dimension: usize,
        metric: Metric,
        answers: usize,
        seed: u64,
    ) -> Self {
        let chosen = Random::stream(seed, 7).subset(ASKING, ids.len());
        let row = |at: usize| &rows[at * dimension..][..dimension];
        let nearest = |&asking: &usize| {
            let mut top = TopK::new(answers);
            for (at, &id) in ids.iter().enumerate().filter(|&(at, _)| at != asking) {
                top.push(metric.of_prepared(row(asking), row(at)), id);
            }
            let found = top.into_sorted().into_iter();
            found.map(|(_, id)| id).collect()
        };
        Self {
            nearest: chosen.par_iter().map(nearest).collect(),
            queries: chosen.iter().map(|&at| row(at).to_vec()).collect(),
        }
    }

    /// The least width on a ladder that finds the share wanted, or the widest.
    pub fn tuned(
        &self,
        search: impl Fn(&[f32], usize, Effort) -> Vec<i64> + Sync,
        widest: usize,
        first: usize,
        answers: usize,
        recall: f64,
    ) -> Tuned {
        let mut width = first.clamp(1, widest);
        loop {
            let found = self.recall(|query| search(query, answers + 1, Effort::of_width(width)));
            if found >= recall || width >= widest {
                return Tuned {
                    width,
                    answers,
                    recall: found,
                };
            }
            width = (width + (width / 2).max(1)).min(widest);
        }
    }

    /// The share found by the harder half.
    fn recall(&self, search: impl Fn(&[f32]) -> Vec<i64> + Sync) -> f64 {
        let pairs = self.queries.par_iter().zip(&self.nearest);
        let mut shares: Vec<f64> = pairs
            .map(|(query, nearest)| {
                let found = search(query);
                let hits = nearest.iter().filter(|id| found.contains(id)).count();
                hits as f64 / nearest.len().max(1) as f64
            })
            .collect();
        if self.nearest.iter().all(Vec::is_empty) {
            return 1.0;
        }
        shares.sort_by(f64::total_cmp);
        let half = shares.len().div_ceil(2);
        shares[..half].iter().sum::<f64>() / half.max(1) as f64
    }
}
