//! Exact scores, which the owner of the vectors has.

use crate::distance::prefetch;
use crate::{Metric, dot_f32, l2_squared_f32};

/// Exact scores of ids.
pub trait ExactScores: Sync {
    /// The score of a query, for cosines of length 1, and the vector of an id: the greater, the nearer. Not a number where there is no such vector.
    fn score(&self, query: &[f32], id: i64) -> f32;

    /// Hears of an id that is likely to be asked for soon.
    fn expect(&self, _: i64) {}
}

/// Rows in memory, whose ids are their numbers.
#[derive(Debug, Clone, Copy)]
pub struct ExactRows<'a> {
    /// The rows, one after the other; for cosines of length 1.
    pub rows: &'a [f32],
    /// Numbers of a row.
    pub dimension: usize,
    /// How they are compared.
    pub metric: Metric,
}

impl ExactRows<'_> {
    fn row(&self, id: i64) -> Option<&[f32]> {
        let start = usize::try_from(id).ok()?.checked_mul(self.dimension)?;
        self.rows.get(start..start.checked_add(self.dimension)?)
    }
}

impl ExactScores for ExactRows<'_> {
    fn score(&self, query: &[f32], id: i64) -> f32 {
        match (self.row(id), self.metric) {
            (None, _) => f32::NAN,
            (Some(row), Metric::L2) => -l2_squared_f32(query, row),
            (Some(row), Metric::Dot | Metric::Cosine) => dot_f32(query, row),
        }
    }

    fn expect(&self, id: i64) {
        if let Some(row) = self.row(id) {
            prefetch(row);
        }
    }
}

/// Exact scores of one query.
#[derive(Clone, Copy)]
pub(super) struct OfQuery<'a> {
    pub scores: &'a dyn ExactScores,
    pub query: &'a [f32],
}

impl OfQuery<'_> {
    pub fn score(&self, id: i64) -> f32 {
        self.scores.score(self.query, id)
    }

    pub fn expect(&self, id: i64) {
        self.scores.expect(id);
    }
}
