//! Taking pictures into a served collection.
//!
//! The work runs on a pool of half the cores, so that searches find the other half free; it reads nothing outside of the
//! folder it was given, wherever links lead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use utoipa::ToSchema;
use vizsla_pixels::Limits;
use vizsla_retrieval::{IngestOptions, IngestReport, Reporter};

use super::{Ending, Progress, half_of_the_cores};
use crate::problem::Problem;
use crate::served::Served;

/// Skipped files that are listed.
const MOST_LISTED: usize = 1000;

/// What is taken in.
pub(crate) struct Source {
    /// The folder, without symbolic links.
    pub folder: PathBuf,
    /// The configured folder above it, which nothing may lead out of.
    pub root: PathBuf,
    /// Files that were uploaded for this job: those that cannot be taken in are not kept.
    pub uploaded: Vec<PathBuf>,
    /// Whether skipped files are named by their whole path.
    pub show_paths: bool,
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

/// Brings a collection in step with a folder, whose pictures may ask for what the limits allow.
///
/// # Errors
/// The collection cannot be opened or written.
pub(crate) fn ingest(
    served: &Served,
    source: &Source,
    limits: Limits,
    progress: &Progress,
) -> Result<Ending, Problem> {
    let mut collection = served.writer()?;
    let options = IngestOptions {
        within: Some(source.root.clone()),
        limits,
        ..IngestOptions::default()
    };
    let sources = std::slice::from_ref(&source.folder);
    let pool = half_of_the_cores()?;
    let report = pool.install(|| collection.ingest(sources, &options, progress))?;
    for skipped in &report.skipped {
        let path = Path::new(&skipped.path);
        if source.uploaded.iter().any(|own| own == path) {
            // One that stays is listed again by the next ingest, no more.
            let _ = fs_err::remove_file(path);
        }
    }
    Ok(Ending {
        stopped: report.interrupted && progress.cancelled(),
        report: Some(summary(report, source)),
    })
}

fn summary(report: IngestReport, source: &Source) -> IngestSummary {
    let shown = |path: String| match Path::new(&path).strip_prefix(&source.root) {
        Ok(below) if !source.show_paths => below.display().to_string(),
        Err(_) if !source.show_paths => {
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
