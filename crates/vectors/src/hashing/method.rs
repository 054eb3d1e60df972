//! How codes are learned, by name.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How binary codes are learned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum HashMethod {
    /// Spectral hashing (Weiss, Torralba & Fergus 2008).
    Spectral,
    /// Iterative quantisation (Gong & Lazebnik 2011).
    #[default]
    Itq,
    /// Semantic hashing: the code layer of a deep autoencoder (Salakhutdinov & Hinton 2009). The layers are trained elsewhere and
    /// taken by [`BinaryHasher::from_layers`](crate::BinaryHasher::from_layers).
    Semantic,
}

impl HashMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spectral, Self::Itq, Self::Semantic];

    /// Those that [`BinaryHasher::learn`](crate::BinaryHasher::learn) learns.
    pub const LEARNED: [Self; 2] = [Self::Spectral, Self::Itq];

    /// The name as it is written: `spectral`, `itq` or `semantic`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spectral => "spectral",
            Self::Itq => "itq",
            Self::Semantic => "semantic",
        }
    }

    /// The number that stands in files.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Spectral => 0,
            Self::Itq => 1,
            Self::Semantic => 2,
        }
    }
}

impl fmt::Display for HashMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HashMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|method| method.name() == text);
        found.ok_or_else(|| Error::UnknownName {
            what: "hash",
            name: text.to_owned(),
            known: "spectral, itq or semantic".to_owned(),
        })
    }
}
