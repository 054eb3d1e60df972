//! Which kind of index a recipe asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_vectors::IndexName;

/// How vectors of a collection are made findable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IndexChoice {
    /// As suits their number: all are compared below 50,000, from there on a graph is searched.
    #[default]
    Auto,
    /// All vectors are compared: exact.
    Flat,
    /// A randomised kd-forest (Silpa-Anan & Hartley 2008; Muja & Lowe 2009).
    KdForest,
    /// Codes of spectral hashing (Weiss, Torralba & Fergus 2008).
    SpectralHash,
    /// Codes of iterative quantisation (Gong & Lazebnik 2011).
    Itq,
    /// Codes of a trained autoencoder (Salakhutdinov & Hinton 2009): of the hash that is set by
    /// [`Collection::set_hash`](crate::Collection::set_hash). Until one is, all vectors are compared.
    SemanticHash,
    /// What a name says, such as `HNSW32,SQ8,Refine(SQfp16)`.
    Named(IndexName),
}

impl IndexChoice {
    /// All that have a word of their own.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Flat,
        Self::KdForest,
        Self::SpectralHash,
        Self::Itq,
        Self::SemanticHash,
    ];

    /// The word for it; `named` where the name is what an index is made of.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Flat => "flat",
            Self::KdForest => "kd_forest",
            Self::SpectralHash => "spectral_hash",
            Self::Itq => "itq",
            Self::SemanticHash => "semantic_hash",
            Self::Named(_) => "named",
        }
    }
}

impl fmt::Display for IndexChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name.fmt(f),
            choice => f.pad(choice.name()),
        }
    }
}

impl FromStr for IndexChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Self::ALL.into_iter();
        if let Some(found) = words.find(|choice| choice.name() == text) {
            return Ok(found);
        }
        text.parse().map(Self::Named).map_err(|error| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no index `{text}`; there are {known}, and names such as HNSW16,SQ8,Refine(SQfp16) ({error})")
        })
    }
}

impl TryFrom<String> for IndexChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<IndexChoice> for String {
    fn from(choice: IndexChoice) -> Self {
        choice.to_string()
    }
}
