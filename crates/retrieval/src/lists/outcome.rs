//! How the reading of a list ended.

use std::path::Path;

use serde::Serialize;

/// Lines that could not be read and are listed one by one.
pub const MOST_LISTED: usize = 20;

/// A line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Where it stands: `line 3`, or `entry 3` of a JSON document.
    pub at: String,
    /// Why it could not be used, and what would be right.
    pub reason: String,
}

/// What reading a list came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRead {
    /// Records that were taken.
    pub records: usize,
    /// Lines or entries that could not be used.
    pub unread: usize,
    /// The first [`MOST_LISTED`] of them.
    pub unread_listed: Vec<Unread>,
    /// What a person should know: an encoding that was assumed, columns that were found by their looks.
    pub notes: Vec<String>,
}

/// Unread records that a remark names.
const NAMED: usize = 3;

impl ListRead {
    /// What a person should know of the reading of this list, the records passed over with it, each with the path.
    pub fn remarks(&self, list: &Path) -> Vec<String> {
        let mut remarks = self.notes.clone();
        if self.unread > 0 {
            let listed = self.unread_listed.iter().take(NAMED);
            let named: Vec<String> = listed
                .map(|unread| format!("{}: {}", unread.at, unread.reason))
                .collect();
            let more = match self.unread > named.len() {
                true => "; …",
                false => "",
            };
            remarks.push(format!(
                "records passed over: {} ({}{more})",
                self.unread,
                named.join("; ")
            ));
        }
        let path = list.display();
        let with_path = remarks
            .into_iter()
            .map(|remark| format!("{remark}: {path}"));
        with_path.collect()
    }
}

/// Why nothing of a list can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    /// The line, from 1, when it is one.
    pub line: Option<u64>,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl Refused {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            line: None,
            what: what.into(),
        }
    }

    pub(super) fn at(line: u64, what: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            what: what.into(),
        }
    }
}
