//! Ready recipes: the systems that made object search what it is, each as it can be built from what is here.

/// A recipe that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyRecipe {
    /// Its name, in place of a file of a recipe.
    pub name: &'static str,
    /// What the system does, in a line.
    pub what: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// The recipe, in TOML, with what has to be learned for it as comments.
    pub text: &'static str,
}

/// All of them, the oldest first.
pub static READY_RECIPES: [ReadyRecipe; 7] = [
    ReadyRecipe {
        name: "qbic",
        what: "colour, texture and shape of whole pictures",
        paper: "Niblack et al., SPIE 1993; Flickner et al., IEEE Computer 1995",
        text: include_str!("../recipes/qbic.toml"),
    },
    ReadyRecipe {
        name: "video_google",
        what: "visual words of stable regions, tf-idf, spatial consistency",
        paper: "Sivic & Zisserman, ICCV 2003",
        text: include_str!("../recipes/video_google.toml"),
    },
    ReadyRecipe {
        name: "hamming_embedding",
        what: "visual words with signatures and weak geometric consistency",
        paper: "Jégou, Douze & Schmid, ECCV 2008",
        text: include_str!("../recipes/hamming_embedding.toml"),
    },
    ReadyRecipe {
        name: "vlad",
        what: "residuals of local features in one vector",
        paper: "Jégou, Douze, Schmid & Pérez, CVPR 2010",
        text: include_str!("../recipes/vlad.toml"),
    },
    ReadyRecipe {
        name: "fisher",
        what: "gradients of a Gaussian mixture in one vector",
        paper: "Perronnin, Liu, Sánchez & Poirier, CVPR 2010",
        text: include_str!("../recipes/fisher.toml"),
    },
    ReadyRecipe {
        name: "asmk",
        what: "one selective, aggregated residual for each word of an image",
        paper: "Tolias, Avrithis & Jégou, ICCV 2013",
        text: include_str!("../recipes/asmk.toml"),
    },
    ReadyRecipe {
        name: "rmac_diffusion",
        what: "maxima of regions of a network, diffusion over the graph of neighbours",
        paper: "Tolias, Sicre & Jégou, ICLR 2016; Iscen, Tolias, Avrithis, Furon & Chum, CVPR 2017",
        text: include_str!("../recipes/rmac_diffusion.toml"),
    },
];

/// The ready recipe of this name.
pub fn ready_recipe(name: &str) -> Option<&'static ReadyRecipe> {
    READY_RECIPES.iter().find(|ready| ready.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;

    #[test]
    fn every_ready_recipe_is_one() {
        for ready in READY_RECIPES {
            let recipe = Recipe::from_toml(ready.text);
            assert!(recipe.is_ok(), "{}: {:?}", ready.name, recipe.err());
            assert_ne!(recipe.unwrap(), Recipe::default(), "{}", ready.name);
            let same = |other: &&ReadyRecipe| other.name == ready.name;
            assert_eq!(READY_RECIPES.iter().filter(same).count(), 1);
        }
    }
}
