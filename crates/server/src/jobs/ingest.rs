//! Taking pictures into a served collection.
//!
//! The work runs on a pool of half the cores, so that searches find the other half free; it reads nothing outside of the
//! folder it was given, wherever links lead.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vizsla_pixels::Limits;
use vizsla_retrieval::{IngestOptions, IngestReport, Reporter};

use super::summary::{FurtherPagesOf, IngestSummary, SkippedFile};
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
