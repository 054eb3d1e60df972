//! The ways in which images are found.

use serde::{Deserialize, Serialize};

/// An index that can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Visual words of local features: pictures of the same object.
    Words,
    /// The global descriptor: pictures that look alike or mean the same, and sentences where the models share a
    /// space.
    Global,
    /// Words of captions (BM25).
    Captions,
    /// Meaning of captions, by the text encoder.
    Text,
}

impl Channel {
    /// All channels, in the order of their cost.
    pub const ALL: [Self; 4] = [Self::Words, Self::Global, Self::Captions, Self::Text];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Global => "global",
            Self::Captions => "captions",
            Self::Text => "text",
        }
    }
}
