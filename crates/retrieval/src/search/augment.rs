//! Database-side augmentation: candidates are compared as the weighted sum of themselves and their neighbours.
//!
//! It is done for the candidates of a query, from the collection as it is: nothing is stored that an added or removed image
//! would make stale.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rayon::prelude::*;
use vizsla_vectors::{Allowed, dot_f32, widened};

use super::candidate::Ranking;
use super::fusion::Answer;
use super::question::{Neighbourhood, Question};
use super::searcher::Searcher;
use super::stage::Stage;
use crate::space::Space;
use crate::{Error, StageName};

/// Compares images together with their neighbours from here on.
pub(super) struct Augment(pub Neighbourhood);

impl Stage for Augment {
    fn name(&self) -> StageName {
        StageName::Augment
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
        question.augment = Some(self.0);
        searcher.ask_again(question, ranking)?;
        Ok(ranking.candidates().len())
    }
}

impl Searcher<'_> {
    /// The answer of the global descriptor with the vectors of images widened by their neighbours.
    pub(super) fn augmented(
        &self,
        mut answer: Answer,
        augment: Neighbourhood,
        space: &Space,
        query: &[f32],
        question: &Question<'_>,
    ) -> Result<Answer, Error> {
        let mut vectors: HashMap<i64, Vec<f32>> = HashMap::new();
        self.read_vectors(answer.found.iter().map(|found| found.key), &mut vectors)?;
        let allowed = Allowed::except(&self.snapshot.removed);
        let near = answer.found.par_iter().map(|found| {
            question.go_on()?;
            let vector = vectors.get(&found.key).map_or(&[][..], Vec::as_slice);
            // One more than is wanted, for the image itself is among its nearest.
            let mut near = space
                .nearest(vector, augment.neighbours + 1, &allowed)?
                .best;
            near.retain(|&(id, _)| id != found.key);
            near.truncate(augment.neighbours);
            Ok(near)
        });
        let near: Vec<Vec<(i64, f32)>> = near.collect::<Result<_, Error>>()?;
        self.read_vectors(near.iter().flatten().map(|&(id, _)| id), &mut vectors)?;
        let scored = answer.found.par_iter_mut().zip(&near);
        scored.for_each(|(found, near)| {
            let vector = vectors.get(&found.key).map_or(&[][..], Vec::as_slice);
            let neighbours = near
                .iter()
                .filter_map(|(id, similarity)| Some((*similarity, vectors.get(id)?.as_slice())));
            let widened = widened(vector, neighbours, augment.alpha as f32);
            found.score = f64::from(dot_f32(query, &widened));
        });
        let found = &mut answer.found;
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        answer.floor = found.last().map_or(0.0, |found| found.score);
        Ok(answer)
    }

    /// Reads the vectors of images as they are compared, those that are known left out.
    fn read_vectors(
        &self,
        images: impl Iterator<Item = i64>,
        into: &mut HashMap<i64, Vec<f32>>,
    ) -> Result<(), Error> {
        for image in images {
            if let Entry::Vacant(place) = into.entry(image)
                && let Some(vector) = self.compared_vector(image)?
            {
                place.insert(vector);
            }
        }
        Ok(())
    }
}
