//! What is wrong in a collection.

use std::path::PathBuf;

use serde::Serialize;

use crate::Remedy;

/// Something `verify` found.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub remedy: Remedy,
}
