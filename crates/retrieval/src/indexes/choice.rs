//! Which kind of index a recipe asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_features::{UnknownName, named};

/// How vectors of a collection are made findable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexChoice {
    /// All vectors are compared: exact.
    #[default]
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
}

impl IndexChoice {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Flat,
        Self::KdForest,
        Self::SpectralHash,
        Self::Itq,
        Self::SemanticHash,
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::KdForest => "kd_forest",
            Self::SpectralHash => "spectral_hash",
            Self::Itq => "itq",
            Self::SemanticHash => "semantic_hash",
        }
    }
}

impl fmt::Display for IndexChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for IndexChoice {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("index", text, &Self::ALL, Self::name)
    }
}
