//! How far a model's similarities agree with people's.
//!
//! Ranking metrics ask whether the one right answer was found; they do not see that a wrong answer may be almost
//! right. Three kinds of judgements do: grades of how well a sentence fits a picture (Flickr8k's experts and crowd,
//! Hodosh, Young & Hockenmaier 2013), compared by rank correlation, and the question "which of these two is closer"
//! (Gordo & Larlus 2017), compared by the share of answers on which model and people agree. Beside every figure
//! stands what people reach among themselves, and the caption oracle ([`CaptionOracle`]), which a model that sees
//! pixels has to beat.

mod collection;
mod correlation;
mod judgements;
mod measure;
mod oracle;
mod similarities;
mod triplets;

pub use collection::CollectionSimilarities;
pub use correlation::{kendall_tau_b, kendall_tau_c, pairwise_accuracy, spearman};
pub use judgements::{JudgedPair, load_crowd_judgements, load_expert_judgements};
pub use measure::{Agreement, agree_with_judgements, agree_with_triplets};
pub use oracle::CaptionOracle;
pub use similarities::{Similarities, SimilarityTable};
pub use triplets::{Triplet, load_triplets, triplets_of_judgements};
