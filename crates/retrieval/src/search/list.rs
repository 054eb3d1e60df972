//! The stages there are.

use super::augment::Augment;
use super::expand::Expand;
use super::question::Neighbourhood;
use super::stage::Stage;
use super::verify::Verify;
use crate::StageRecipe;

/// The stage that a recipe means.
pub(super) fn stage(recipe: StageRecipe) -> Box<dyn Stage> {
    match recipe {
        StageRecipe::Verify { images } => Box::new(Verify { images }),
        StageRecipe::Expand { how, images } => Box::new(Expand { how, images }),
        StageRecipe::Augment { neighbours, alpha } => {
            Box::new(Augment(Neighbourhood { neighbours, alpha }))
        }
    }
}
