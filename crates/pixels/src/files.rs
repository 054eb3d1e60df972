//! Reading and replacing whole files.
//!
//! `std::fs` is used on purpose: `fs_err` puts the path into the middle of its message, and this
//! floor's [`Error`] names it once, at the end.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// All bytes of a regular file within the limits.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    // Opening a named pipe would wait for a writer that may never come: look before.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ErrorKind::NotAFile.into());
    }
    limits.check_file(metadata.len())?;
    // The file may grow between the look and the read.
    let most = limits.max_file_bytes.saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    limits.check_file(bytes.len() as u64)?;
    Ok(bytes)
}

/// Replaces a file in one step: the bytes go to a file beside it, which is then renamed over it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = beside(path);
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error that matters is the one above; a left-over of it is only untidy.
        let _ = fs::remove_file(&partial);
    }
    Ok(written?)
}

/// A name in the same directory that no other process writes to.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
