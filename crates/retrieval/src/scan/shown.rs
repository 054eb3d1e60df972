//! Paths as people read them.

use std::path::Path;

/// The path as text; bytes that are not UTF-8 appear as `\xNN`.
pub(crate) fn shown(path: &Path) -> String {
    path.to_str().map_or_else(
        || format!("{path:?}").trim_matches('"').to_owned(),
        str::to_owned,
    )
}
