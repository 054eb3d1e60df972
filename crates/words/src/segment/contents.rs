//! What the postings of a segment are.

use std::fmt;

use crate::pose::POSE_BYTES;

/// What one posting of a segment stands for. All segments of a search are alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Contents {
    /// A feature of an image: its signature.
    #[default]
    Features,
    /// A feature of an image: its signature and its [`Pose`](crate::Pose), 2 bytes more.
    Posed,
    /// All features that an image has of a word, in one code.
    Aggregated,
}

impl Contents {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Features, Self::Posed, Self::Aggregated];

    /// The number in a file.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Features => 0,
            Self::Posed => 1,
            Self::Aggregated => 2,
        }
    }

    /// Of a number in a file.
    pub(crate) fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Bytes of a pose in a posting.
    pub(crate) fn pose_bytes(self) -> usize {
        match self {
            Self::Posed => POSE_BYTES,
            Self::Features | Self::Aggregated => 0,
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Features => "features",
            Self::Posed => "features with poses",
            Self::Aggregated => "aggregated words",
        })
    }
}
