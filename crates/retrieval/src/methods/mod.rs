//! What there is: every method that a recipe, a query or a command can name, with its paper, its cost and its memory.
//!
//! The names come from the enums that recipes are checked against, and what is said of each is an exhaustive `match` over
//! them: a method that is added and not told of here does not compile.

mod about;
mod global;
mod local;
mod pairs;
mod ranking;
mod systems;
mod words;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use vizsla_features::{UnknownName, named};

pub use self::about::About;

use self::about::Named;
use self::pairs::Set;

/// What methods of one kind do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Which places of a picture are described.
    Detector,
    /// How a place is described.
    Descriptor,
    /// Colour, texture and shape of a whole picture.
    WholeImage,
    /// All local features of a picture in one vector.
    Aggregation,
    /// From the feature maps of a network to one vector.
    Pooling,
    /// What places the words of a codebook.
    Clustering,
    /// How a query descriptor is shared between words.
    Assignment,
    /// How the visual words of a query vote.
    Scoring,
    /// Which features of two pictures may show the same.
    Matching,
    /// What two pictures are to agree on, and how that is found.
    Geometry,
    /// How vectors are made findable.
    Index,
    /// How the lists of several channels become one.
    Fusion,
    /// What happens to a ranking.
    Stage,
    /// Whole systems, ready to be taken.
    Recipe,
}

impl Family {
    /// All of them, in the order in which a picture meets them.
    pub const ALL: [Self; 14] = [
        Self::Detector,
        Self::Descriptor,
        Self::WholeImage,
        Self::Aggregation,
        Self::Pooling,
        Self::Clustering,
        Self::Assignment,
        Self::Scoring,
        Self::Matching,
        Self::Geometry,
        Self::Index,
        Self::Fusion,
        Self::Stage,
        Self::Recipe,
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Descriptor => "descriptor",
            Self::WholeImage => "whole_image",
            Self::Aggregation => "aggregation",
            Self::Pooling => "pooling",
            Self::Clustering => "clustering",
            Self::Assignment => "assignment",
            Self::Scoring => "scoring",
            Self::Matching => "matching",
            Self::Geometry => "geometry",
            Self::Index => "index",
            Self::Fusion => "fusion",
            Self::Stage => "stage",
            Self::Recipe => "recipe",
        }
    }

    /// Where a recipe, or a command, names one of them; of a family that several options of a command name, the command.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Detector => "local.detector",
            Self::Descriptor => "local.descriptor",
            Self::WholeImage => "global.whole",
            Self::Aggregation => "global.aggregate",
            Self::Pooling => "global.pooling",
            Self::Clustering => "codebook train --clustering",
            Self::Assignment => "search.assignment",
            Self::Scoring => "search.scoring",
            Self::Matching | Self::Geometry => "match",
            Self::Index => "search.index",
            Self::Fusion => "search.fusion",
            Self::Stage => "search.stages",
            Self::Recipe => "index --recipe",
        }
    }

    /// The page of the book that explains them.
    pub fn page(self) -> &'static str {
        match self {
            Self::Detector => "docs/methods/detectors.md",
            Self::Descriptor => "docs/methods/descriptors.md",
            Self::WholeImage => "docs/methods/whole-images.md",
            Self::Aggregation => "docs/methods/aggregation.md",
            Self::Pooling => "docs/pooling.md",
            Self::Clustering | Self::Assignment | Self::Scoring => "docs/visual-words.md",
            Self::Matching => "docs/methods/matching.md",
            Self::Geometry => "docs/methods/geometry.md",
            Self::Index => "docs/nearest-neighbours.md",
            Self::Fusion => "docs/channels.md",
            Self::Stage => "docs/stages.md",
            Self::Recipe => "docs/methods/systems.md",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Family {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("family of methods", text, &Self::ALL, Self::name)
    }
}

/// A method, as a person chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Method {
    /// What it is one of.
    pub family: Family,
    /// Its name in a recipe.
    pub name: String,
    /// Where a recipe, or a command, names it.
    pub setting: &'static str,
    /// Whether a recipe, or a command, that says nothing has it.
    pub default: bool,
    /// What is said of it.
    #[serde(flatten)]
    pub about: About,
}

/// All methods, family by family.
pub fn methods() -> Vec<Method> {
    let of_family = |family: Family| {
        let one = |named: Vec<Named>| {
            let set = named.into_iter().map(|named| (family.setting(), named));
            set.collect()
        };
        let named: Vec<Set> = match family {
            Family::Detector => one(local::detectors()),
            Family::Descriptor => one(local::descriptors()),
            Family::WholeImage => one(global::whole_images()),
            Family::Aggregation => one(global::aggregations()),
            Family::Pooling => one(global::poolings()),
            Family::Clustering => one(words::clusterings()),
            Family::Assignment => one(words::assignments()),
            Family::Scoring => one(words::scorings()),
            Family::Matching => pairs::matchings(),
            Family::Geometry => pairs::geometries(),
            Family::Index => one(ranking::indexes()),
            Family::Fusion => one(ranking::fusions()),
            Family::Stage => one(ranking::stages()),
            Family::Recipe => one(systems::systems()),
        };
        let told = move |(setting, (name, default, about))| Method {
            family,
            name,
            setting,
            default,
            about,
        };
        named.into_iter().map(told)
    };
    Family::ALL.into_iter().flat_map(of_family).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vizsla_words::Clustering;

    use super::*;
    use crate::{Recipe, ready_recipe};

    #[test]
    fn each_method_has_one_name_and_all_that_is_said_of_it() {
        let all = methods();
        let mut seen = BTreeSet::new();
        for method in &all {
            let named = (method.family, method.setting, &method.name);
            assert!(seen.insert(named), "{method:?}");
            let About {
                what,
                paper,
                cost,
                memory,
            } = method.about;
            for text in [what, paper, cost, memory] {
                assert!(!text.is_empty(), "{method:?}");
            }
        }
        for family in Family::ALL {
            assert!(all.iter().any(|method| method.family == family), "{family}");
            assert_eq!(family.name().parse::<Family>().unwrap(), family);
        }
        assert!("colours".parse::<Family>().is_err());
    }

    #[test]
    fn a_recipe_takes_every_name_of_the_list() {
        for method in methods() {
            let (family, name) = (method.family, &method.name);
            let text = match family {
                Family::Detector => format!("[local]\ndetector = \"{name}\""),
                Family::Descriptor => format!("[local]\ndescriptor = \"{name}\""),
                Family::WholeImage => format!("[global]\nwhole = \"{name}\""),
                Family::Aggregation => format!("[global]\naggregate = \"{name}\""),
                Family::Pooling => {
                    // Those that are learned name a file beside.
                    let which = if matches!(name.as_str(), "netvlad" | "fisher") {
                        ":file"
                    } else {
                        ""
                    };
                    format!("[global]\nmodel = \"some\"\npooling = \"{name}{which}\"")
                }
                // A codebook is learned before there is a recipe.
                Family::Clustering => {
                    assert!(name.parse::<Clustering>().is_ok());
                    continue;
                }
                Family::Assignment => format!("[search]\nassignment = \"{name}\""),
                Family::Scoring => format!("[search]\nscoring = \"{name}\""),
                // Two pictures are compared without a recipe.
                Family::Matching | Family::Geometry => {
                    assert!(method.setting.starts_with("match --"), "{method:?}");
                    continue;
                }
                Family::Index => format!("[search]\nindex = \"{name}\""),
                Family::Fusion => format!("[search]\nfusion = \"{name}\""),
                Family::Stage => format!("[search]\nstages = [\"{name}\"]"),
                Family::Recipe => ready_recipe(name).unwrap().text.to_owned(),
            };
            let recipe: Result<Recipe, _> = toml::from_str(&text);
            assert!(recipe.is_ok(), "{text}: {:?}", recipe.err());
        }
    }
}
