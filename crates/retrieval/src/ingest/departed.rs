//! Where images were before: a new path with known content is a move when an old one has gone.

use std::collections::{BTreeMap, VecDeque};

use fs_err as fs;

use super::held::is_held;
use crate::catalog::FileRow;

/// Files of the catalog that may have gone, by their image, in path order.
#[derive(Default)]
pub(super) struct Departed {
    /// Below the sources, and not there any more.
    gone: BTreeMap<i64, VecDeque<FileRow>>,
    /// Below other folders: looked at only when their content turns up somewhere else.
    elsewhere: BTreeMap<i64, VecDeque<FileRow>>,
}

impl Departed {
    pub(super) fn add_gone(&mut self, row: FileRow) {
        self.gone.entry(row.image).or_default().push_back(row);
    }

    pub(super) fn add_elsewhere(&mut self, row: FileRow) {
        self.elsewhere.entry(row.image).or_default().push_back(row);
    }

    /// Takes out the path that an image moved away from; `None` when all its files are still there.
    pub(super) fn take(&mut self, image: i64) -> Option<FileRow> {
        if let Some(row) = self.gone.get_mut(&image).and_then(VecDeque::pop_front) {
            return Some(row);
        }
        let rows = self.elsewhere.get_mut(&image)?;
        let at = rows.iter().position(|row| {
            // What is in no file is never gone.
            let looked = || fs::symlink_metadata(&row.path);
            !is_held(&row.path)
                && looked().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        })?;
        rows.remove(at)
    }

    /// How many are gone and were found nowhere else.
    pub(super) fn gone(&self) -> usize {
        self.gone.values().map(VecDeque::len).sum()
    }

    /// The files that are gone and were found nowhere else.
    pub(super) fn into_gone(self) -> Vec<FileRow> {
        self.gone.into_values().flatten().collect()
    }
}
