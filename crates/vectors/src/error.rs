//! What can go wrong with samples, and with files of numbers.

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
        /// The kind of file that was expected, such as "projection".
        expected: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{kind} has format version {found}, this program reads up to {supported}; update Vizsla: {}", path.display())]
    NewerVersion {
        /// The kind of file.
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
        /// The kind of file.
        kind: &'static str,
        /// The check that failed.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The numbers given are not whole rows of the dimension said.
    #[error(
        "{numbers} numbers are not rows of {dimension}; give a multiple of it, and at least one row"
    )]
    Shape {
        /// Numbers given.
        numbers: usize,
        /// Dimension of a row.
        dimension: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {row} holds a value that is not a finite number; leave it out")]
    NotFinite {
        /// Its row, from 0.
        row: usize,
    },
    /// Too few samples for what is to be learned.
    #[error("{found} {what} are too few, at least {needed} are needed; give more")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A dimension or count outside its range.
    #[error("{what} is {found}, allowed are {least} to {most}")]
    OutOfRange {
        /// What it is.
        what: &'static str,
        /// The value given.
        found: usize,
        /// Smallest value allowed.
        least: usize,
        /// Largest value allowed.
        most: usize,
    },
    /// A figure that is no count is outside its range.
    #[error("{what} is {found}, allowed is {allowed}")]
    Figure {
        /// What it is.
        what: &'static str,
        /// The value given.
        found: f64,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// A pair names a row that is not there.
    #[error("a pair names row {row}, but there are {rows}, counted from 0")]
    UnknownRow {
        /// The row named.
        row: usize,
        /// Rows there are.
        rows: usize,
    },
    /// A name that none of the known ones is.
    #[error("there is no {what} '{name}'; choose {known}")]
    UnknownName {
        /// What was named.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A weight or a bias of an encoder is NaN or infinite.
    #[error(
        "layer {layer} holds a weight or a bias that is not a finite number; train it again at a lower rate"
    )]
    LayerNotFinite {
        /// The layer, from 0.
        layer: usize,
    },
    /// The last layer of an encoder does not give bits.
    #[error("the last layer of an encoder is the code and has to be logistic; make it so")]
    CodeLayer,
    /// A hash that needs a network trainer.
    #[error(
        "a {hash} hash is not learned here: a network trainer learns its layers, and `BinaryHasher::from_layers` takes them; \
         choose spectral or itq to learn one"
    )]
    NotLearnedHere {
        /// Its name.
        hash: &'static str,
    },
    /// The decomposition of a covariance did not come to an end.
    #[error(
        "the covariance of these samples could not be decomposed; they may hold very large values, normalise them first"
    )]
    Decomposition,
}
