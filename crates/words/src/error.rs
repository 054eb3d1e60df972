//! What can go wrong with codebooks and segments.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
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
    /// A codebook of descriptors that a later version of the program knows.
    #[error(
        "the codebook is of descriptors that this program does not know (number {number}); a newer one does: {}",
        path.display()
    )]
    UnknownDescriptor {
        /// The number in the file.
        number: u32,
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
    #[error("a codebook has 1 to 1048576 visual words, not {0}")]
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
    /// An image has a word of an aggregated segment twice.
    #[error("image {image} has the visual word {word} twice; aggregate its features by word first")]
    RepeatedWord {
        /// The word.
        word: u32,
        /// The image.
        image: i64,
    },
    /// A segment has other postings than are needed.
    #[error("the postings are of {found}, {expected} are needed; make the index again")]
    OtherContents {
        /// What there is.
        found: crate::Contents,
        /// What is needed.
        expected: crate::Contents,
    },
    /// A number of a config is out of its range.
    #[error("{name} = {value}, allowed is {low} to {high}")]
    OutOfRange {
        /// What it is.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The least that is allowed.
        low: f64,
        /// The most that is allowed.
        high: f64,
    },
    /// More images than one segment may hold.
    #[error("a segment holds at most {0} images")]
    TooManyImages(usize),
    /// A file of numbers cannot be read, or learning from descriptors failed.
    #[error(transparent)]
    Vectors(#[from] vizsla_vectors::Error),
}
