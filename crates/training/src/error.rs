//! The error type of this floor.

/// What can go wrong while data are cleaned, a network is trained or a report is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The floor of networks failed.
    #[error(transparent)]
    Neural(#[from] vizsla_neural::Error),
    /// The collection failed.
    #[error(transparent)]
    Retrieval(#[from] vizsla_retrieval::Error),
}
