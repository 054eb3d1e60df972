//! Making and opening catalogs.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, params};

use super::header::APPLICATION;
use super::rows::text_crc;
use super::{Catalog, FORMAT, Way, header, log, schema, wrapped};
use crate::error::Error;

/// No value of a row is longer, in bytes: features of the most that an image may have are 23 MB.
const MOST_BYTES: i32 = 1 << 27;

impl Catalog {
    /// Makes a new catalog file with the given facts in its `meta` table.
    pub(crate) fn create(path: &Path, meta: &[(&str, &str)]) -> Result<(), Error> {
        let wrap = |source| wrapped(path, source);
        let mut connection = Connection::open(path).map_err(wrap)?;
        let transaction = connection.transaction().map_err(wrap)?;
        transaction.execute_batch(&schema::newest()).map_err(wrap)?;
        let format = FORMAT.to_string();
        for (key, value) in meta.iter().chain(&[(super::format::KEY, format.as_str())]) {
            transaction
                .execute(
                    "INSERT INTO meta VALUES (?1, ?2, ?3)",
                    params![key, value, text_crc(&[key, value])],
                )
                .map_err(wrap)?;
        }
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(wrap)?;
        transaction
            .pragma_update(None, "user_version", FORMAT)
            .map_err(wrap)?;
        transaction.commit().map_err(wrap)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(wrap)?;
        connection.close().map_err(|(_, source)| wrap(source))
    }

    /// Opens a catalog and checks that it is one, of a version that can be read, with no tables but ours.
    ///
    /// Readers of a write-ahead log share a file beside the catalog. In a folder where none can be made (read-only
    /// media, another user's collection) and where no log waits, the catalog is read as one that never changes.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        header::check_files(path)?;
        header::check(path)?;
        // SQLite passes over what it cannot read of a log, and forgets it: it is looked at before.
        let log = log::examine(path);
        let way = Way {
            path: path.to_owned(),
            name: without_links(path),
            flags: OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW,
            log,
        };
        match Self::connect(&way) {
            Err(error) if error.only_reading() && !header::beside(path, "-wal").exists() => {
                Self::connect(&way.unchanging())
            }
            connected => connected,
        }
    }

    /// One more connection of the same way.
    pub(super) fn connect(way: &Way) -> Result<Self, Error> {
        let wrap = |source| wrapped(&way.path, source);
        let catalog = Self {
            way: way.clone(),
            connection: Connection::open_with_flags(&way.name, way.flags).map_err(wrap)?,
        };
        catalog.set_up().map_err(wrap)?;
        schema::check(&catalog.connection, &way.path).map_err(|error| catalog.newer_or(error))?;
        catalog.check_format()?;
        Ok(catalog)
    }

    /// A catalog of a newer version has tables that this program does not know.
    fn newer_or(&self, error: Error) -> Error {
        match self.user_version() {
            Ok(found) if found > FORMAT => Error::TooNew {
                path: self.path().to_owned(),
                found,
                supported: FORMAT,
            },
            _ => error,
        }
    }

    fn set_up(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(Duration::from_secs(20))?;
        // What the file says of itself is a stranger's word.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MOST_BYTES)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16_384)
    }
}

impl Way {
    /// To a catalog that never changes, without locks and without a file beside it.
    fn unchanging(self) -> Self {
        Self {
            name: unchanging(&self.name).into(),
            flags: OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW,
            ..self
        }
    }
}

/// The same file by a name without links in the path to it, as SQLite asks for where it is to follow none.
fn without_links(path: &Path) -> std::path::PathBuf {
    let whole = || {
        Some((
            fs_err::canonicalize(path.parent()?).ok()?,
            path.file_name()?,
        ))
    };
    match whole() {
        Some((folder, name)) if cfg!(unix) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The URI by which SQLite opens a file without locks and without a file beside it.
fn unchanging(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_that_never_changes_is_read_under_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("50 % of ü? #1.db");
        Catalog::create(&path, &[("recipe", "x")]).unwrap();
        let way = Catalog::open(&path).unwrap().way.clone().unchanging();
        let catalog = Catalog::connect(&way).unwrap();
        assert_eq!(catalog.meta("recipe").unwrap(), "x");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }
}
