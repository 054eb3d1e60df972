//! What errors say about a file of word vectors.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The file that is read, for messages.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub fn new(path: &Path) -> File {
        File {
            path: path.to_path_buf(),
        }
    }

    /// Truncated or changed.
    pub fn damaged(&self, what: impl Into<String>) -> Error {
        Error::Damaged {
            kind: "file of word vectors",
            what: what.into(),
            path: self.path.clone(),
        }
    }

    /// Not a file that can be read.
    pub fn wrong_kind(&self, what: impl Into<String>) -> Error {
        Error::WrongKind {
            expected: "file of word vectors",
            what: what.into(),
            path: self.path.clone(),
        }
    }
}
