//! A list while it is read.

use super::outcome::{ListRead, MOST_LISTED, Unread};
use super::record::{At, Record, Role};

/// What is called for each record; it may find that a record cannot be used, and says why.
pub type Take<'a> = dyn FnMut(Record) -> Result<(), String> + 'a;

/// Collects what a reader finds.
pub(super) struct Reading<'a> {
    pub(crate) roles: &'a [Role],
    pub(crate) take: &'a mut Take<'a>,
    pub(crate) read: ListRead,
}

impl Reading<'_> {
    pub(super) fn take(&mut self, record: Record) {
        let at = record.at;
        match record.check(self.roles).and_then(|()| (self.take)(record)) {
            Ok(()) => self.read.records += 1,
            Err(reason) => self.pass(at, reason),
        }
    }

    pub(super) fn pass(&mut self, at: At, reason: impl Into<String>) {
        self.read.unread += 1;
        if self.read.unread_listed.len() < MOST_LISTED {
            let (at, reason) = (at.to_string(), reason.into());
            self.read.unread_listed.push(Unread { at, reason });
        }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.read.notes.push(note.into());
    }
}
