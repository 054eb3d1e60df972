//! The stages that rank: each takes the list of candidates and gives it back in a better order.
//!
//! A new one is a file with an implementation of [`Stage`], a name and its figures in [`StageRecipe`], and a line in
//! `list.rs`.

use super::candidate::Ranking;
use super::question::Question;
use super::searcher::Searcher;
use crate::{Error, StageName};

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
