//! What is said of fusions and of the stages of a search.

use super::about::{About, Add};
use crate::{Expansion, Fusion, StageRecipe};

pub(super) fn fusions(add: Add<'_>) {
    for fusion in Fusion::ALL {
        add(
            fusion.name().to_owned(),
            fusion == Fusion::default(),
            of_fusion(fusion),
        );
    }
}

pub(super) fn stages(add: Add<'_>) {
    for stage in StageRecipe::NAMES {
        // Each of the names is a stage with its usual figures: a test of the list reads all of them.
        if let Ok(recipe) = stage.parse::<StageRecipe>() {
            add(stage.to_owned(), stage == "verify", of_stage(recipe));
        }
    }
}

fn of_fusion(fusion: Fusion) -> About {
    let (what, paper) = match fusion {
        Fusion::Calibrated => (
            "each channel's scores as deviations above its mean over the collection, added",
            "Stouffer 1949; Cantelli's inequality",
        ),
        Fusion::ReciprocalRank => (
            "ranks alone: sums of 1 / (60 + rank)",
            "Cormack, Clarke & Büttcher, SIGIR 2009",
        ),
    };
    About {
        what,
        paper,
        cost: "nothing beside the channels",
        memory: "none",
    }
}

fn of_stage(stage: StageRecipe) -> About {
    let (what, paper, cost, memory) = match stage {
        StageRecipe::Verify { .. } => (
            "geometry proves or refuses the first candidates",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007; Moisan & Stival, IJCV 2004",
            "about a third of a millisecond a candidate",
            "the features in the catalog, about 18 bytes each",
        ),
        StageRecipe::Expand {
            how: Expansion::Average,
            ..
        } => (
            "the query is asked again, all that it found counting as much as itself",
            "Chum, Philbin, Sivic, Isard & Zisserman, ICCV 2007",
            "one more query of the channels",
            "none",
        ),
        StageRecipe::Expand {
            how: Expansion::Alpha(_),
            ..
        } => (
            "the query is asked again, what it found counting by a power of its similarity",
            "Radenović, Tolias & Chum, PAMI 2018",
            "one more query of the channels",
            "none",
        ),
        StageRecipe::Expand {
            how: Expansion::Regions,
            ..
        } => (
            "the query is asked again with the words of verified images within its frame",
            "Chum, Philbin, Sivic, Isard & Zisserman, ICCV 2007",
            "one more query of the words",
            "none",
        ),
        StageRecipe::Augment { .. } => (
            "each candidate is compared as the weighted sum of itself and its neighbours",
            "Turcot & Lowe, ICCV Workshops 2009; Arandjelović & Zisserman, CVPR 2012",
            "one look at the vectors for each candidate",
            "none",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}
