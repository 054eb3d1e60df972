//! Whose a vector is.

/// Whose vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Images, by the global descriptor.
    Image,
    /// Captions, by the text encoder.
    Caption,
}

impl Owner {
    /// Name of the index file, of its space in the list of index files, and of the kind in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Image => "global",
            Self::Caption => "text",
        }
    }

    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Image => "image_vectors",
            Self::Caption => "caption_vectors",
        }
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Caption => "caption",
        }
    }
}
