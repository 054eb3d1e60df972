//! The one error type of this crate.

use std::path::PathBuf;

/// Why a data set could not be read, a query not be run, or two runs not be compared.
///
/// Messages say what happened, then what to do; the path comes last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed; the message of the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The collection failed.
    #[error(transparent)]
    Collection(#[from] vizsla_retrieval::Error),
    /// A file or folder of the published layout is not there.
    #[error("{what} not found; {remedy}: {}", path.display())]
    Missing {
        /// What was looked for.
        what: String,
        /// What to do about it.
        remedy: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A ground-truth file does not follow its format.
    #[error("{problem}: {}", path.display())]
    Invalid {
        /// What is wrong and what was expected.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// No query of the data set can be answered by the models of the collection.
    #[error(
        "no query can be answered ({0}): pictures find captions only where an image and a text model share a space"
    )]
    Unanswerable(&'static str),
    /// The searcher failed on a query.
    #[error("query {query} failed: {source}")]
    Search {
        /// Key of the query.
        query: String,
        /// The searcher's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The searcher returned a number that the data set does not have.
    #[error("query {query} returned entry {index}, but there are {gallery} to be found")]
    UnknownImage {
        /// Key of the query.
        query: String,
        /// The number returned.
        index: usize,
        /// Number of images or captions that the query could find.
        gallery: usize,
    },
    /// The model has no similarity for two things that people compared.
    #[error(
        "the model knows no similarity of {first} and {second}; all judged pairs must be in it, under the names of \
         the judgements"
    )]
    UnknownPair {
        /// Name of the picture or query.
        first: String,
        /// Name of the caption or candidate.
        second: String,
    },
    /// A network failed, or is not there.
    #[error(transparent)]
    Neural(#[from] vizsla_neural::Error),
    /// The network or the rows that are measured do not fit each other.
    #[error("{0}")]
    Pooled(String),
    /// The vectors cannot be laid out on a plane.
    #[error("{0}")]
    Layout(String),
    /// The vectors of a map are not what they should be.
    #[error(transparent)]
    Vectors(#[from] vizsla_vectors::Error),
    /// A picture of a map could not be made.
    #[error(transparent)]
    Pixels(#[from] vizsla_pixels::Error),
    /// Two runs have no query in common or belong to different data sets.
    #[error("these runs cannot be compared: {0}")]
    Incomparable(String),
}

impl Error {
    pub(crate) fn missing(
        what: impl Into<String>,
        remedy: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Self {
        Self::Missing {
            what: what.into(),
            remedy: remedy.into(),
            path: path.into(),
        }
    }

    pub(crate) fn invalid(problem: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::Invalid {
            problem: problem.into(),
            path: path.into(),
        }
    }
}
