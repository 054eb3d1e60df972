//! Which format a catalog has.
//!
//! From format 3 on it stands in `meta`, with its checksum. Formats 1 and 2 had it in SQLite's header alone, where nothing
//! guards it: they are told by their tables. The header's number is compared with that and never decides.

use rusqlite::Connection;

use super::given::Numbered;
use super::indexes::IndexEntry;
use super::numbers::is_there;
use super::schema::SECOND;
use super::{Catalog, Writer};
use crate::error::{Error, RESTORE};
use crate::names::IndexFile;

/// The format this program writes, and the newest it reads. Format 1 had no captions and no metadata; formats 1 and 2 did
/// not say in `meta` which they are and which identities were given; formats 1 to 3 listed segments and files of vectors
/// in two places, without what made them. They are read as they are and lifted by the first writer.
pub(crate) const FORMAT: i64 = 4;
/// Its entry in `meta`.
pub(super) const KEY: &str = "format";

impl Catalog {
    /// The format that the catalog has now; another process may lift it at any time.
    pub(crate) fn format(&self) -> Result<i64, Error> {
        let second = is_there(&self.connection, "image_vectors");
        if !second.map_err(|e| self.wrap(e))? {
            return Ok(1);
        }
        match self.optional_meta(KEY)?.map(|text| text.parse()) {
            Some(Ok(format)) => Ok(format),
            None => Ok(2),
            Some(Err(_)) => {
                let what = format!("the entry `{KEY}` is not a number");
                Err(Error::damaged(self.path(), what, RESTORE))
            }
        }
    }

    /// What SQLite's header says of the format.
    pub(super) fn user_version(&self) -> Result<i64, Error> {
        user_version(&self.connection).map_err(|e| self.wrap(e))
    }

    /// Refuses formats that are not known.
    pub(super) fn check_format(&self) -> Result<(), Error> {
        self.at_one_instant(|| self.check_format_now())
    }

    fn check_format_now(&self) -> Result<(), Error> {
        let (format, header) = (self.format()?, self.user_version()?);
        if format > FORMAT {
            return Err(Error::TooNew {
                path: self.path().to_owned(),
                found: format,
                supported: FORMAT,
            });
        }
        if header > FORMAT {
            let what = format!(
                "the head of the catalog says format {header}, its tables say {format}: a newer vizsla wrote it, or \
                 it is damaged"
            );
            return Err(Error::damaged(self.path(), what, RESTORE));
        }
        let fourth = is_there(&self.connection, "index_files").map_err(|e| self.wrap(e))?;
        if fourth != (format >= 4) {
            let what = format!("the catalog says format {format}, but its tables are of another");
            return Err(Error::damaged(self.path(), what, RESTORE));
        }
        Ok(())
    }

    /// Whether there is a write-ahead log; a copy that SQLite's own tools made has none.
    fn has_log(&self) -> Result<bool, Error> {
        self.connection
            .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
            .map(|mode| mode.eq_ignore_ascii_case("wal"))
            .map_err(|e| self.wrap(e))
    }

    /// Whether a writer has something to put right before it writes.
    pub(crate) fn is_to_be_lifted(&self) -> Result<bool, Error> {
        let current = self.format()? == FORMAT && self.user_version()? == FORMAT;
        Ok(!(current && self.has_log()? && self.counters_agree()?))
    }

    /// Brings a catalog of any format to the one that is written, in one transaction. `made` tells what an index file says
    /// of itself.
    pub(crate) fn lift(
        &mut self,
        made: &dyn Fn(IndexFile) -> Option<IndexEntry>,
    ) -> Result<(), Error> {
        if !self.has_log()? {
            self.connection
                .pragma_update(None, "journal_mode", "WAL")
                .map_err(|e| self.wrap(e))?;
        }
        self.write(|writer| writer.lift(made))
    }

    /// What the header says of the format, where it is not the format.
    pub(super) fn check_header(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let (format, header) = (self.format()?, self.user_version()?);
        if format != header {
            found.push(format!(
                "the head of the catalog says format {header}, its tables say {format}"
            ));
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Gives a catalog of an older format what it lacks.
    pub(crate) fn lift(
        &self,
        made: &dyn Fn(IndexFile) -> Option<IndexEntry>,
    ) -> rusqlite::Result<()> {
        if !is_there(self.transaction, "image_vectors")? {
            self.transaction.execute_batch(&SECOND.concat())?;
        }
        if !is_there(self.transaction, "index_files")? {
            self.list_index_files(made)?;
        }
        let format = FORMAT.to_string();
        if self.meta(KEY)?.as_deref() != Some(&format) {
            self.set_meta(KEY, &format)?;
            for what in Numbered::ALL {
                self.last(what)?;
            }
        }
        self.set_counters()?;
        if user_version(self.transaction)? != FORMAT {
            self.transaction
                .pragma_update(None, "user_version", FORMAT)?;
        }
        Ok(())
    }
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
