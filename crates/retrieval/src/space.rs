//! The vectors of one owner, as one commit left them.

use vizsla_vectors::{Allowed, Nearest, TopK, VectorIndex};

use crate::Error;

/// The vectors of one owner at one commit.
pub(crate) struct Space {
    pub index: Option<Box<dyn VectorIndex>>,
    pub ids: Vec<i64>,
    pub rows: Vec<f32>,
    pub dimension: usize,
}

impl Space {
    /// The `k` vectors with the greatest inner product with `query` among those allowed.
    pub(crate) fn nearest(
        &self,
        query: &[f32],
        k: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Nearest, Error> {
        let found = match &self.index {
            Some(index) => index.nearest(query, k, allowed).map_err(Error::of_index)?,
            None => Nearest::default(),
        };
        let mut moments = found.moments;
        let mut top = TopK::new(k);
        for (id, score) in found.best {
            top.push(score, id);
        }
        for (&id, row) in self
            .ids
            .iter()
            .zip(self.rows.chunks_exact(self.dimension.max(1)))
        {
            if allowed.contains(id) {
                let score = vizsla_vectors::dot_f32(query, row);
                moments.add(score);
                top.push(score, id);
            }
        }
        let best = top.into_sorted().into_iter().map(|(score, id)| (id, score));
        Ok(Nearest {
            best: best.collect(),
            moments,
        })
    }

    /// The greatest id; 0 when there is none.
    pub(crate) fn last_id(&self) -> i64 {
        let last = self.index.as_ref().map_or(0, |index| index.last_id());
        self.ids.last().map_or(last, |&id| id.max(last))
    }

    /// Whether its file is as long as when it was opened.
    pub(crate) fn is_whole(&self) -> bool {
        self.index
            .as_ref()
            .is_none_or(|index| index.check_whole().is_ok())
    }
}
