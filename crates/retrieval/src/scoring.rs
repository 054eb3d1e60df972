//! How the visual words of a query vote for images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_features::{UnknownName, named};
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

impl Scoring {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hamming, Self::HammingWgc, Self::Bow, Self::Asmk];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hamming => "hamming",
            Self::HammingWgc => "hamming_wgc",
            Self::Bow => "bow",
            Self::Asmk => "asmk",
        }
    }

    /// What the postings of the inverted file must be.
    pub(crate) fn contents(self) -> Contents {
        match self {
            Self::Hamming | Self::Bow => Contents::Features,
            Self::HammingWgc => Contents::Posed,
            Self::Asmk => Contents::Aggregated,
        }
    }
}

impl Assignment {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Hard, Self::Soft];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

impl fmt::Display for Scoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scoring {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("scoring", text, &Self::ALL, Self::name)
    }
}

impl FromStr for Assignment {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("assignment", text, &Self::ALL, Self::name)
    }
}
