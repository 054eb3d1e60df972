//! What is at a path, and that no link is.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;

use crate::{Error, Remedy};

/// What is at a path, the last link not followed; `None` when nothing is.
pub(crate) fn about(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// A regular file, or nothing.
///
/// # Errors
/// A link is there, a folder, or something that is no file.
pub(crate) fn regular(path: &Path) -> Result<Option<Metadata>, Error> {
    match about(path)? {
        Some(about) if about.is_symlink() => Err(strange(
            path,
            "this is a link, and no link is followed within a collection",
        )),
        Some(about) if !about.is_file() => Err(strange(path, "this is no file")),
        found => Ok(found),
    }
}

/// Something is there that no program of ours put there.
pub(crate) fn strange(path: &Path, what: &str) -> Error {
    Error::damaged(path, what, Remedy::PutFile)
}
