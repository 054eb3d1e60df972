//! How hard a search has to look, measured on the vectors of the index themselves.
//!
//! Some vectors ask for their own neighbours, which are also found by comparing all. The width of walks, or the number of lists, is raised
//! until the share that was found is as wanted, or no more is found. A vector is nearer to others of its own set than a query from outside is, as a rule, so
//! more is found of them: the recall wanted is asked of the harder half of these queries.

use rayon::prelude::*;

use super::config::Effort;
use super::rows::Rows;
use crate::Metric;
use crate::TopK;
use crate::random::Random;

/// Vectors that ask.
const ASKING: usize = 200;
/// When so many steps together find no more than this share more, codes tell no more.
const STEPS: usize = 3;
const MORE: f64 = 0.004;

/// How hard a search has to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// Width of walks, or lists that are read.
    pub width: usize,
    /// For so many answers.
    pub answers: usize,
    /// Share of the nearest that was found then by the harder half of the vectors that asked.
    pub recall: f64,
    /// Share that was wanted; 0 where a file of before does not say.
    pub wanted: f64,
}

/// Prepared vectors with ascending ids.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub ids: &'a [i64],
    pub rows: &'a Rows,
    pub metric: Metric,
}

/// A vector that asks.
struct Asking {
    at: usize,
    row: Vec<f32>,
    /// The least score of its nearest.
    least: f32,
    /// How many these are.
    count: usize,
}

/// Vectors that ask, and how near the last of the nearest of each is.
pub(super) struct Truth<'a> {
    known: Known<'a>,
    answers: usize,
    asking: Vec<Asking>,
}

impl<'a> Truth<'a> {
    /// Draws vectors and finds the nearest of each by comparing all.
    pub fn of(known: Known<'a>, answers: usize, seed: u64) -> Self {
        let count = known.ids.len();
        let chosen = Random::stream(seed, 7).subset(ASKING, count);
        let asking = chosen.into_iter().map(|at| (at, known.rows.row(at)));
        let mut asking: Vec<_> = asking
            .map(|(at, row)| (at, row, TopK::new(answers)))
            .collect();
        let dimension = known.rows.dimension();
        known.rows.each_part(count, |first, rows| {
            asking.par_iter_mut().for_each(|(asking, own, top)| {
                for (at, row) in (first..).zip(rows.chunks_exact(dimension)) {
                    if at != *asking {
                        top.push(known.metric.of_prepared(own, row), at as i64);
                    }
                }
            });
        });
        let asking = asking.into_iter().map(|(at, row, top)| {
            let found = top.into_sorted();
            Asking {
                at,
                row,
                least: found.last().map_or(f32::INFINITY, |last| last.0),
                count: found.len(),
            }
        });
        Self {
            known,
            answers,
            asking: asking.collect(),
        }
    }

    /// The least width on a ladder that finds the share wanted, or beyond which no more is found. `search` is told a query, how many
    /// answers are wanted, and how hard to look.
    pub fn tuned(
        &self,
        search: impl Fn(&[f32], usize, Effort) -> Vec<i64> + Sync,
        widest: usize,
        first: usize,
        wanted: f64,
    ) -> Tuned {
        let mut seen: Vec<(usize, f64)> = Vec::new();
        let mut width = first.clamp(1, widest);
        loop {
            // One more, because each finds itself.
            let effort = Effort::of_width(width);
            let found = self.recall(|query| search(query, self.answers + 1, effort));
            seen.push((width, found));
            let before = seen.len().checked_sub(STEPS + 1).map(|at| seen[at]);
            let (width, recall) = match before {
                _ if found >= wanted || width >= widest => (width, found),
                Some((then, found_then)) if found < found_then + MORE => (then, found_then),
                _ => {
                    width = (width + (width / 2).max(1)).min(widest);
                    continue;
                }
            };
            return Tuned {
                width,
                answers: self.answers,
                recall,
                wanted,
            };
        }
    }

    /// The share found by the harder half. Whatever is as near as the last of the nearest counts: of equal vectors any will do.
    fn recall(&self, search: impl Fn(&[f32]) -> Vec<i64> + Sync) -> f64 {
        let known = self.known;
        let share = |asking: &Asking| {
            let near = |id: i64| {
                let at = known.ids.binary_search(&id).ok();
                at.filter(|&at| at != asking.at).is_some_and(|at| {
                    known.metric.of_prepared(&asking.row, &known.rows.row(at)) >= asking.least
                })
            };
            let found = search(&asking.row).into_iter();
            let hits = found.filter(|&id| near(id)).take(asking.count).count();
            hits as f64 / asking.count as f64
        };
        let asking = self.asking.par_iter().filter(|asking| asking.count > 0);
        let mut shares: Vec<f64> = asking.map(share).collect();
        if shares.is_empty() {
            return 1.0;
        }
        shares.sort_by(f64::total_cmp);
        let half = shares.len().div_ceil(2);
        shares[..half].iter().sum::<f64>() / half as f64
    }
}
