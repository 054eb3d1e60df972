//! What can go wrong with codebooks and segments.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is not what its place says, or belongs to another program.
    #[error("this is not a {expected} of Vizsla: {}", path.display())]
    WrongKind {
        /// "codebook" or "segment".
        expected: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{kind} has format version {found}, this program reads up to {supported}; update Vizsla: {}", path.display())]
    NewerVersion {
        /// "codebook" or "segment".
        kind: &'static str,
        /// Version in the file.
        found: u32,
        /// Newest version that can be read.
        supported: u32,
        /// The file.
        path: PathBuf,
    },
    /// Lengths, offsets or checksums disagree: the file is truncated or was changed.
    #[error("{kind} is damaged ({what}): {}", path.display())]
    Damaged {
        /// "codebook" or "segment".
        kind: &'static str,
        /// The check that failed.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A segment was written for another number of visual words.
    #[error("segment has {found} visual words, the codebook has {expected}: {}", path.display())]
    OtherCodebook {
        /// Words of the segment.
        found: u32,
        /// Words expected.
        expected: u32,
        /// The file.
        path: PathBuf,
    },
    /// Too few descriptors to learn a codebook from.
    #[error(
        "{found} descriptors are too few for {words} visual words; give more images or ask for fewer words"
    )]
    TooFewDescriptors {
        /// Descriptors given.
        found: usize,
        /// Words wanted.
        words: usize,
    },
    /// More or fewer words than a codebook can have.
    #[error("a codebook has 1 to 65536 visual words, not {0}")]
    WordCount(usize),
    /// The same image twice in one segment.
    #[error("image {0} is in the segment twice")]
    DuplicateImage(i64),
    /// A word beyond the codebook.
    #[error("visual word {word} is not among the {words} of the codebook")]
    UnknownWord {
        /// The word.
        word: u32,
        /// Words there are.
        words: u32,
    },
    /// More images than one segment may hold.
    #[error("a segment holds at most {0} images")]
    TooManyImages(usize),
    /// Learning from descriptors failed.
    #[error(transparent)]
    Vectors(vizsla_vectors::Error),
}

impl From<vizsla_vectors::Error> for Error {
    fn from(error: vizsla_vectors::Error) -> Self {
        use vizsla_vectors::Error as E;
        match error {
            E::Io(error) => Self::Io(error),
            E::WrongKind { expected, path } => Self::WrongKind { expected, path },
            E::NewerVersion {
                kind,
                found,
                supported,
                path,
            } => Self::NewerVersion {
                kind,
                found,
                supported,
                path,
            },
            E::Damaged { kind, what, path } => Self::Damaged { kind, what, path },
            other => Self::Vectors(other),
        }
    }
}
