//! The stages there are.

use vizsla_vectors::ReciprocalConfig;

use super::augment::Augment;
use super::diffuse::Diffuse;
use super::exact::Exact;
use super::expand::Expand;
use super::question::{Neighbourhood, Spread};
use super::rerank::Rerank;
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
        StageRecipe::Diffuse {
            neighbours,
            alpha,
            images,
        } => Box::new(Diffuse(Spread {
            neighbours,
            alpha,
            images,
        })),
        StageRecipe::Exact { images } => Box::new(Exact { images }),
        StageRecipe::Rerank {
            images,
            k1,
            k2,
            lambda,
        } => Box::new(Rerank {
            images,
            config: ReciprocalConfig { k1, k2, lambda },
        }),
    }
}
