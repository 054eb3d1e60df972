//! Vectors as codes: each becomes a code of so many bytes, and a query is compared with codes without making vectors of them
//! again (asymmetric distances, Jégou, Douze & Schmid 2011).

mod additive;
mod bytes;
mod floats;
mod halves;
mod linear_map;
mod optimised;
mod product;
mod scalar;
mod stored;
mod training;
mod whole_sums;

#[cfg(test)]
mod checks;

pub(crate) use self::additive::Additive;
pub(crate) use self::floats::Floats;
pub(crate) use self::halves::Halves;
pub(crate) use self::linear_map::LinearMap;
pub(crate) use self::optimised::optimised_rotation;
pub(crate) use self::product::Product;
pub(crate) use self::scalar::{Scalar, ScalarBits};
pub(crate) use self::stored::StoredCoder;

use rayon::prelude::*;

use crate::Metric;

/// Rows that one task encodes.
const TASK: usize = 256;

/// A way to keep vectors, learned from some where it has something to learn. Rows and queries are what
/// [`Metric::prepared`] makes of them, so that a coder never meets [`Metric::Cosine`] but as inner products.
pub(crate) trait Coder: Send + Sync {
    /// A query made ready for many comparisons.
    type Question<'a>: Question
    where
        Self: 'a;

    /// Numbers of a vector.
    fn dimension(&self) -> usize;

    /// Bytes of a code.
    fn code_bytes(&self) -> usize;

    /// The code of a row of [`Coder::dimension`] finite numbers; `code` has [`Coder::code_bytes`].
    fn encode(&self, row: &[f32], code: &mut [u8]);

    /// The codes of rows that follow each other, in parallel in the current rayon pool; the same that [`Coder::encode`] gives.
    fn encode_all(&self, rows: &[f32], codes: &mut [u8]) {
        let rows = rows.par_chunks_exact(self.dimension().max(1));
        let codes = codes.par_chunks_exact_mut(self.code_bytes().max(1));
        let pairs = codes.zip(rows).with_min_len(TASK);
        pairs.for_each(|(code, row)| self.encode(row, code));
    }

    /// The vector that a code stands for.
    fn decode(&self, code: &[u8], row: &mut [f32]);

    /// A query made ready.
    fn ask<'a>(&'a self, query: &[f32], metric: Metric) -> Self::Question<'a>;

    /// The score of two codes: of the vectors that they stand for, up to rounding.
    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32;
}

/// A query that is compared with codes. The score is that of the query and of the vector that the code stands for, up to
/// rounding, and is the same on every machine and in whichever company a code is scored.
pub(crate) trait Question: Send + Sync {
    /// The score of one code.
    fn score(&self, code: &[u8]) -> f32;

    /// The scores of codes that follow each other; `scores` has one for each.
    fn scores(&self, codes: &[u8], scores: &mut [f32]) {
        let bytes = codes.len() / scores.len().max(1);
        for (score, code) in scores.iter_mut().zip(codes.chunks_exact(bytes.max(1))) {
            *score = self.score(code);
        }
    }
}
