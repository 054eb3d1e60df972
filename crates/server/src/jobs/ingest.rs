//! Taking pictures into a served collection.
//!
//! The work runs on a pool of half the cores, so that searches find the other half free; it reads nothing outside of the
//! folder it was given, wherever links lead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use vizsla_pixels::Limits;
use vizsla_retrieval::{IngestOptions, IngestReport, Reporter};

use super::{Ending, Progress, Staged, half_of_the_cores};
use crate::problem::Problem;
use crate::served::Served;

/// Skipped files that are listed.
const MOST_LISTED: usize = 1000;

/// What is taken in.
pub(crate) enum Source {
    /// A folder of the server's disk.
    Folder {
        /// The folder, without symbolic links.
        folder: PathBuf,
        /// The configured folder above it, which nothing may lead out of.
        root: PathBuf,
    },
    /// Pictures that were sent for this job.
    Sent(Staged),
}

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

/// Brings a collection in step with a folder, or takes in what was sent; pictures may ask for what the limits allow. Skipped
/// files are named by their whole path where `show_paths` says so.
///
/// # Errors
/// The collection cannot be opened or written.
pub(crate) fn ingest(
    served: &Arc<Served>,
    source: Source,
    limits: Limits,
    show_paths: bool,
    progress: &Progress,
) -> Result<Ending, Problem> {
    let mut collection = served.writer()?;
    // What was sent and does not enter the catalog is deleted at the end of this function, however that comes.
    let (sources, root, _taken) = match source {
        Source::Folder { folder, root } => (vec![folder], root, None),
        Source::Sent(staged) => {
            let taken = staged.take(served)?;
            (taken.paths.clone(), taken.folder.clone(), Some(taken))
        }
    };
    let options = IngestOptions {
        within: Some(root.clone()),
        limits,
        ..IngestOptions::default()
    };
    let pool = half_of_the_cores()?;
    let report = pool.install(|| collection.ingest(&sources, &options, progress))?;
    Ok(Ending {
        stopped: report.interrupted && progress.cancelled(),
        report: Some(summary(report, &root, show_paths)),
    })
}

fn summary(report: IngestReport, root: &Path, show_paths: bool) -> IngestSummary {
    let shown = |path: String| match Path::new(&path).strip_prefix(root) {
        Ok(below) if !show_paths => below.display().to_string(),
        Err(_) if !show_paths => {
            let name = Path::new(&path).file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }
        _ => path,
    };
    IngestSummary {
        interrupted: report.interrupted,
        seen: report.seen,
        unchanged: report.unchanged,
        added: report.added,
        changed: report.changed,
        moved: report.moved,
        duplicates: report.duplicates,
        gone: report.gone,
        ignored: report.ignored,
        unreadable: report.unreadable,
        videos: report.videos,
        left_out_files: report.left_out_files,
        left_out_folders: report.left_out_folders,
        skipped_count: report.skipped.len(),
        skipped: report
            .skipped
            .into_iter()
            .take(MOST_LISTED)
            .map(|skipped| SkippedFile {
                path: shown(skipped.path),
                reason: skipped.reason,
            })
            .collect(),
        further_pages_count: report.further_pages.len(),
        further_pages: report
            .further_pages
            .into_iter()
            .take(MOST_LISTED)
            .map(|file| FurtherPagesOf {
                path: shown(file.path),
                left_out: file.left_out,
            })
            .collect(),
        warnings: report.warnings,
        seconds: report.seconds,
        images_per_s: report.images_per_s,
    }
}
