//! The stages that rank: each takes the list of candidates and gives it back in a better order.
//!
//! A new one is a file with an implementation of [`Stage`], a name and its figures in [`StageRecipe`], and a line in
//! [`stage`].

use super::augment::Augment;
use super::candidate::Ranking;
use super::expand::Expand;
use super::question::Question;
use super::searcher::Searcher;
use super::verify::Verify;
use crate::{Error, StageName, StageRecipe};

/// A stage of the ranking.
pub trait Stage: Sync {
    /// Its name, in traces.
    fn name(&self) -> StageName;

    /// Whether it can do something for this question; if not, it is passed over.
    fn applies(&self, question: &Question<'_>) -> bool;

    /// Changes the ranking. It may change the question, for itself and for the stages behind it, and ask it again by
    /// [`Searcher::retrieve`]. Returns how many came out of it, in the unit of its name.
    ///
    /// # Errors
    /// The index or the catalog is damaged, or the caller wants to stop.
    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error>;
}

/// The stage that a recipe means.
pub(super) fn stage(recipe: StageRecipe) -> Box<dyn Stage> {
    match recipe {
        StageRecipe::Verify { images } => Box::new(Verify { images }),
        StageRecipe::Expand { how, images } => Box::new(Expand { how, images }),
        StageRecipe::Augment { neighbours, alpha } => Box::new(Augment { neighbours, alpha }),
    }
}
