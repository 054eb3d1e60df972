//! How the visual words of a query vote for images.

use serde::{Deserialize, Serialize};
use vizsla_words::Contents;

/// What is made of the words that a query and an image share. It is fixed when a collection is made: the inverted file holds what
/// it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// Features vote by the distance of their signatures, against burstiness (Jégou, Douze & Schmid 2008, 2009).
    #[default]
    Hamming,
    /// The same, and the votes for an image must agree on one turn and one change of size: weak geometric consistency (Jégou,
    /// Douze & Schmid 2008). 2 bytes a feature more in the inverted file.
    HammingWgc,
    /// The cosine of bags of words with tf-idf, without signatures (Sivic & Zisserman 2003).
    Bow,
    /// All features of a word count as one: ASMK* (Tolias, Avrithis & Jégou 2013).
    Asmk,
}

/// How a query descriptor is shared between the words that it is looked up under.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// It counts fully for each: the signature says how near it is.
    #[default]
    Hard,
    /// By its distance to them, 1 in all (Philbin, Chum, Isard, Sivic & Zisserman 2008).
    Soft,
}

vizsla_features::named_choice!(
    Scoring,
    "scoring",
    Hamming => "hamming",
    HammingWgc => "hamming_wgc",
    Bow => "bow",
    Asmk => "asmk",
);

impl Scoring {
    /// What the postings of the inverted file must be.
    pub(crate) fn contents(self) -> Contents {
        match self {
            Self::Hamming | Self::Bow => Contents::Features,
            Self::HammingWgc => Contents::Posed,
            Self::Asmk => Contents::Aggregated,
        }
    }
}

vizsla_features::named_choice!(
    Assignment,
    "assignment",
    Hard => "hard",
    Soft => "soft",
);
