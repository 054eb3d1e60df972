//! The exact distance of descriptions that no inner product stands for: the first candidates change places.

use rayon::prelude::*;

use super::candidate::Ranking;
use super::exchange::exchange;
use super::question::Question;
use super::searcher::Searcher;
use super::stage::Stage;
use crate::catalog::Owner;
use crate::{Error, GlobalRecipe, StageName};

/// Candidates between two looks at whether the caller still waits: an earth mover's distance can take milliseconds.
const CHUNK: usize = 64;

/// Orders the first candidates by the distance that the recipe names.
pub(super) struct Exact {
    /// How many.
    pub images: usize,
}

impl Stage for Exact {
    fn name(&self) -> StageName {
        StageName::Exact
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        question.asks_global() && question.record.is_some()
    }

    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error> {
        let global = searcher.recipe().global.as_ref();
        let whole = global.and_then(GlobalRecipe::unmapped);
        let (Some(query), Some(whole)) = (&question.record, whole) else {
            return Ok(0);
        };
        let head = &ranking.candidates[..self.images.min(ranking.candidates.len())];
        let (mut places, mut distances) = (Vec::new(), Vec::new());
        for (chunk, candidates) in head.chunks(CHUNK).enumerate() {
            question.go_on()?;
            let records = candidates.iter().map(|candidate| {
                let record = searcher.catalog.vector(Owner::Image, candidate.image)?;
                Ok(record.unwrap_or_default())
            });
            let records: Vec<Vec<f32>> = records.collect::<Result<_, Error>>()?;
            let of_chunk: Vec<Option<f32>> = records
                .par_iter()
                .map(|record| whole.distance(query, record))
                .collect();
            for (at, distance) in of_chunk.into_iter().enumerate() {
                if let Some(distance) = distance {
                    places.push(chunk * CHUNK + at);
                    distances.push(distance);
                }
            }
        }
        exchange(ranking, &places, &distances);
        Ok(places.len())
    }
}
