//! What an ingest did, as clients read it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// What an ingest did.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = IngestReport)]
pub(crate) struct IngestSummary {
    /// Whether it was stopped before its end; ingest again to go on.
    pub interrupted: bool,
    /// Picture files that were seen.
    pub seen: usize,
    /// Known files at their known place.
    pub unchanged: usize,
    /// New images.
    pub added: usize,
    /// Files whose content changed.
    pub changed: usize,
    /// Files found at a new place.
    pub moved: usize,
    /// Files with the content of another one.
    pub duplicates: usize,
    /// Files that are gone.
    pub gone: usize,
    /// Files that are no pictures by their name.
    pub ignored: usize,
    /// Pictures that cannot be read yet, by the name of their format.
    pub unreadable: BTreeMap<String, usize>,
    /// Videos, by the name of their format.
    pub videos: BTreeMap<String, usize>,
    /// Files that a rule leaves out: hidden ones, copies that systems keep, what a `.vizslaignore` names.
    pub left_out_files: usize,
    /// Folders that a rule leaves out.
    pub left_out_folders: usize,
    /// How many files were not taken in.
    pub skipped_count: usize,
    /// Files that were not taken in, the first thousand of them.
    pub skipped: Vec<SkippedFile>,
    /// How many files have further pages, which were left out.
    pub further_pages_count: usize,
    /// Files with further pages, the first thousand of them.
    pub further_pages: Vec<FurtherPagesOf>,
    /// Remarks that need a person's eye.
    pub warnings: Vec<String>,
    pub seconds: f64,
    pub images_per_s: f64,
}

/// A file that was not taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SkippedFile {
    /// The file, below the folder that may be taken in.
    pub path: String,
    /// Why, and what can be done.
    pub reason: String,
}

/// A file of which the first page was taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FurtherPages)]
pub(crate) struct FurtherPagesOf {
    /// The file, below the folder that may be taken in.
    pub path: String,
    /// Pages that were left out.
    pub left_out: u32,
}
