//! Which features of two images may show the same thing.

mod guided;
mod nearest;
mod neighbour_search;
mod rules;

pub use guided::{GuidedConfig, match_guided};
pub use nearest::{Match, MatchConfig, match_descriptors};
pub use neighbour_search::NeighbourSearch;
pub use rules::{
    CrossCheck, MatchRule, RatedMatch, SecondNeighbour, match_features, match_features_by,
};
