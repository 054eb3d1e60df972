//! What keeps the server from starting or running.

use std::net::SocketAddr;
use std::path::PathBuf;

/// An error of the server floor. What goes wrong in a request is answered to its client instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error("{0}")]
    Config(String),
    /// A file of settings cannot be understood.
    #[error("the settings cannot be understood ({what}): {}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        what: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address} ({source}); choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// A collection cannot be opened.
    #[error(transparent)]
    Retrieval(#[from] vizsla_retrieval::Error),
    /// The file system failed; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
