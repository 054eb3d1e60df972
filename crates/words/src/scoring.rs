//! What is searched for, how votes are counted, and what comes back.

use serde::{Deserialize, Serialize};

use crate::Signature;

/// A feature of the query under one of its words. With multiple assignment a feature has several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryWord {
    /// Number of the feature in the query; all its words carry the same number.
    pub feature: u32,
    /// The word.
    pub word: u32,
    /// Signature of the feature at this word.
    pub signature: Signature,
    /// Weight of its votes, 1 as a rule.
    pub weight: f32,
}

impl QueryWord {
    /// Words that a query has once each, as those of [`Codebook::aggregate`](crate::Codebook::aggregate): each a feature by itself.
    pub fn each(words: Vec<(u32, Signature)>) -> Vec<Self> {
        let words = (0..).zip(words);
        let word = |(feature, (word, signature))| Self {
            feature,
            word,
            signature,
            weight: 1.0,
        };
        words.map(word).collect()
    }
}

/// What is done against repeated features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Burstiness {
    /// Every near posting votes.
    Ignore,
    /// A query feature votes once per image, with its best posting.
    Intra,
    /// The same, and the votes of a query feature are divided by the root of their sum.
    #[default]
    IntraAndInter,
}

vizsla_features::named_choice!(
    Burstiness,
    "burstiness",
    Ignore => "ignore",
    Intra => "intra",
    IntraAndInter => "intra_and_inter",
);

/// What the sum of votes of an image is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalisation {
    /// Nothing.
    None,
    /// The square root of its number of features.
    Features,
    /// The Euclidean length of its word histogram.
    Histogram,
}

/// Postings that a query reads, by default at most: some fifty milliseconds of one thread.
pub const MOST_POSTINGS: usize = 32_000_000;

/// How votes are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringConfig {
    /// Most differing bits, of 64, for a posting to get a vote.
    pub hamming_threshold: u32,
    /// Width of the Gaussian: a vote at distance *h* is worth exp(−*h*² / sigma²).
    pub hamming_sigma: f32,
    /// Whether votes are weighted by the squared inverse document frequency.
    pub idf: bool,
    /// What is done against repeated features.
    pub burstiness: Burstiness,
    /// What the sums are divided by.
    pub normalisation: Normalisation,
    /// Most postings that a query reads. Where its words have more, those that say most, of the fewest images, are looked up, and the
    /// others are left out: time is bounded however large a collection grows.
    pub most_postings: usize,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            hamming_threshold: 24,
            hamming_sigma: 16.0,
            idf: true,
            burstiness: Burstiness::default(),
            normalisation: Normalisation::Features,
            most_postings: MOST_POSTINGS,
        }
    }
}

/// An image and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Id of the image.
    pub id: i64,
    /// Its score, above 0.
    pub score: f32,
}

/// How much a word says that so many of all images have, above 0. One more than the usual ratio, so that a word that every
/// image has still counts: a collection may consist of one image.
pub fn inverse_document_frequency(images: u64, with: u64) -> f32 {
    (1.0 + images.max(1) as f32 / with.max(1) as f32).ln()
}
