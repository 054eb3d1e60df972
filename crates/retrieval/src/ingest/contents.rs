//! What is known while files are taken in, and how files are counted.

use std::collections::HashMap;
use std::sync::RwLock;

use vizsla_pixels::Foreign;

use super::departed::Departed;
use super::plan;
use crate::catalog::FileRow;
use crate::{IngestReport, Skipped};

/// Content hash → image id, for all images committed so far.
pub(super) type Contents = RwLock<HashMap<[u8; 32], i64>>;

/// A file of a format that is not read, and was opened: its name had promised another.
pub(super) fn count_foreign(report: &mut IngestReport, foreign: Foreign, path: String) {
    plan::count_foreign(report, foreign, 1);
    report.skipped.push(Skipped {
        path,
        reason: vizsla_pixels::ErrorKind::Foreign(foreign.name).to_string(),
    });
}

/// A new path with known content: moved when a file of that image is gone, else one more copy.
pub(super) fn count_place(
    report: &mut IngestReport,
    departed: &mut Departed,
    image: i64,
) -> Option<FileRow> {
    let old = departed.take(image);
    if old.is_some() {
        report.moved += 1;
    } else {
        report.duplicates += 1;
    }
    old
}
