//! Names as a report shows them.

use std::path::Path;

/// The file name of a path that a report shows; a sentence stays whole.
pub(super) fn short(name: &str) -> &str {
    match (Path::new(name).extension(), Path::new(name).file_name()) {
        (Some(_), Some(file)) if !name.ends_with('.') => file.to_str().unwrap_or(name),
        _ => name,
    }
}
