//! Finer codes of all vectors, by which the best are compared once more.

use crate::codes::{Question, StoredCoder};
use crate::distance::prefetch;
use crate::files::{Mapped, i64_at};
use crate::ids::place_of;
use crate::{ExactScores, Metric};

/// Ids of all vectors, ascending, eight bytes each.
#[derive(Debug, Clone)]
pub(super) struct Ids(pub Mapped);

impl Ids {
    pub fn len(&self) -> usize {
        self.0.bytes().len() / 8
    }

    /// The id of a row; 0 where there is none.
    pub fn id(&self, row: usize) -> i64 {
        i64_at(self.0.bytes(), 8 * row)
    }

    /// The row of an id.
    pub fn row(&self, id: i64) -> Option<usize> {
        // Ids that follow each other without gaps, as they mostly do.
        let guess = usize::try_from(id.wrapping_sub(self.id(0))).unwrap_or(usize::MAX);
        if guess < self.len() && self.id(guess) == id {
            return Some(guess);
        }
        place_of(id, self.len(), |row| self.id(row))
    }
}

/// A query to the codes of rows.
pub(super) trait Asked: Send + Sync {
    /// The score of a row.
    fn score(&self, row: usize) -> f32;

    /// Hears of a row that is likely to be scored soon.
    fn expect(&self, row: usize);
}

/// Codes of rows, whatever their kind is.
pub(super) trait Finer: Send + Sync {
    /// The scores of a query, as it came.
    fn ask<'a>(&'a self, query: &[f32], metric: Metric) -> Box<dyn Asked + 'a>;
}

/// Codes of one kind.
pub(super) struct FinerCodes<C> {
    pub coder: C,
    pub codes: Mapped,
}

struct AskedCodes<'a, Q> {
    question: Q,
    codes: &'a [u8],
    bytes: usize,
}

impl<Q> AskedCodes<'_, Q> {
    fn code(&self, row: usize) -> Option<&[u8]> {
        let start = row.checked_mul(self.bytes)?;
        self.codes.get(start..start.checked_add(self.bytes)?)
    }
}

impl<Q: Question> Asked for AskedCodes<'_, Q> {
    fn score(&self, row: usize) -> f32 {
        let code = self.code(row);
        code.map_or(f32::NAN, |code| self.question.score(code))
    }

    fn expect(&self, row: usize) {
        prefetch(self.code(row).unwrap_or_default());
    }
}

impl<C: StoredCoder> Finer for FinerCodes<C> {
    fn ask<'a>(&'a self, query: &[f32], metric: Metric) -> Box<dyn Asked + 'a> {
        Box::new(AskedCodes {
            question: self.coder.ask(query, metric),
            codes: self.codes.bytes(),
            bytes: self.coder.code_bytes(),
        })
    }
}

/// A query to finer codes, by row or by id.
pub(super) struct FinerQuestion<'a> {
    pub ids: &'a Ids,
    pub asked: Box<dyn Asked + 'a>,
}

impl FinerQuestion<'_> {
    pub fn of_row(&self, row: usize) -> f32 {
        self.asked.score(row)
    }

    pub fn of_id(&self, id: i64) -> f32 {
        let row = self.ids.row(id);
        row.map_or(f32::NAN, |row| self.asked.score(row))
    }
}

impl ExactScores for FinerQuestion<'_> {
    /// The query is known already.
    fn score(&self, _: &[f32], id: i64) -> f32 {
        self.of_id(id)
    }

    fn expect(&self, id: i64) {
        if let Some(row) = self.ids.row(id) {
            self.asked.expect(row);
        }
    }
}
