//! What a person should know of how a list was read.

use std::path::Path;

use vizsla_retrieval::lists::ListRead;

/// Lines that a note names.
const NAMED: usize = 3;

/// The notes of a list, each with its path.
pub(crate) fn notes(list: &Path, read: &ListRead) -> Vec<String> {
    let mut notes: Vec<String> = read.notes.clone();
    if read.unread > 0 {
        let named: Vec<String> = read
            .unread_listed
            .iter()
            .take(NAMED)
            .map(|unread| format!("{}: {}", unread.at, unread.reason))
            .collect();
        let more = if read.unread > named.len() {
            "; …"
        } else {
            ""
        };
        notes.push(format!(
            "records passed over: {} ({}{more})",
            read.unread,
            named.join("; ")
        ));
    }
    notes
        .into_iter()
        .map(|note| format!("{note}: {}", list.display()))
        .collect()
}
