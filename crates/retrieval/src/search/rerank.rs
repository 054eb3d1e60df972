//! Re-ranking by k-reciprocal neighbours: the first candidates change places.

use vizsla_vectors::{ReciprocalConfig, reciprocal_distances};

use super::candidate::Ranking;
use super::exchange::exchange;
use super::question::Question;
use super::searcher::Searcher;
use super::stage::Stage;
use crate::{Error, StageName};

/// Orders the first candidates anew.
pub(super) struct Rerank {
    /// How many.
    pub images: usize,
    pub config: ReciprocalConfig,
}

impl Stage for Rerank {
    fn name(&self) -> StageName {
        StageName::Rerank
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        question.asks_global()
    }

    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error> {
        let Some(query) = &question.global else {
            return Ok(0);
        };
        let head = ranking.candidates.iter().take(self.images);
        let images = head.map(|candidate| candidate.image);
        let (places, rows) = searcher.compared_rows(images, query.len())?;
        question.go_on()?;
        let distances = reciprocal_distances(query, &rows, &self.config)?;
        exchange(ranking, &places, &distances);
        Ok(places.len())
    }
}
