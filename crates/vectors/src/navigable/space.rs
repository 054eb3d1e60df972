//! The distances by which a graph is built.
//!
//! Edges follow squared Euclidean distances, whatever queries are compared by. Vectors of one length are ordered by them as by
//! inner products. Where lengths differ, one dimension is added that gives all vectors the length Φ of the longest (Bachrach,
//! Finkelstein, Gilad-Bachrach, Katzir, Koenigstein, Nice & Paquet 2014): x becomes (x, √(Φ² − |x|²)), its *lift*. A query has 0
//! there, and its nearest neighbours are those with the greatest inner products.

use rayon::prelude::*;

use super::view::View;
use crate::codes::{Coder, Question};
use crate::{Metric, dot_f32};

/// Lifts of less than this part of Φ come from rounding.
const ROUNDING: f32 = 1e-2;

/// Distances of nodes to each other.
pub(super) struct Space<'a, C> {
    pub coder: &'a C,
    /// One for each node; none where all would be 0.
    lifts: Vec<f32>,
}

impl<'a, C: Coder> Space<'a, C> {
    pub fn new(coder: &'a C, metric: Metric, view: &View<'_>) -> Self {
        let lifts = match metric {
            Metric::Dot => lifts(coder, view),
            Metric::L2 | Metric::Cosine => Vec::new(),
        };
        Self { coder, lifts }
    }

    fn lift(&self, node: u32) -> f32 {
        self.lifts.get(node as usize).copied().unwrap_or(0.0)
    }

    /// What scores nodes by minus their squared distance to this one.
    pub fn towards(&self, view: &View<'_>, node: u32) -> impl Fn(u32, &[u8]) -> f32 {
        let mut row = vec![0.0; self.coder.dimension()];
        self.coder.decode(view.code(node), &mut row);
        let question = self.coder.ask(&row, Metric::L2);
        let own = self.lift(node);
        let lifts = &self.lifts;
        move |other, code| {
            let score = question.score(code);
            match lifts.get(other as usize) {
                None => score,
                Some(lift) => score - (lift - own) * (lift - own),
            }
        }
    }

    /// The squared distance of two nodes.
    #[inline]
    pub fn distance(&self, view: &View<'_>, a: u32, b: u32) -> f32 {
        let score = self.coder.between(view.code(a), view.code(b), Metric::L2);
        if self.lifts.is_empty() {
            return -score;
        }
        let rise = self.lift(a) - self.lift(b);
        rise * rise - score
    }
}

fn lifts<C: Coder>(coder: &C, view: &View<'_>) -> Vec<f32> {
    let squares = (0..view.count as u32).into_par_iter().map_init(
        || vec![0.0; coder.dimension()],
        |row, node| {
            coder.decode(view.code(node), row);
            dot_f32(row, row)
        },
    );
    let mut lifts: Vec<f32> = squares.collect();
    let longest = lifts.iter().copied().fold(0f32, f32::max);
    for square in &mut lifts {
        *square = (longest - *square).max(0.0).sqrt();
    }
    let flat = ROUNDING * longest.sqrt();
    match lifts.iter().all(|&lift| lift <= flat) {
        true => Vec::new(),
        false => lifts,
    }
}
