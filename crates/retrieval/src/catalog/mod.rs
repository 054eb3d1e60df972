//! The catalog: one SQLite file, the only truth of a collection.
//!
//! Every row carries a CRC-32 of its content, because SQLite itself keeps no page checksums: with
//! `PRAGMA integrity_check` for the structure, a flipped byte in live data is found. Write-ahead logging lets
//! several processes read while one writes; `synchronous = FULL` makes a committed batch survive a power cut.

mod browse;
mod captions;
mod check;
mod metadata;
mod readers;
mod rows;
mod vectors;
mod writer;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::error::{Error, RESTORE};
use crate::scan::KeptRules;

#[allow(unused_imports)]
pub(crate) use self::captions::CaptionHit;
pub(crate) use self::metadata::Datum;
pub(crate) use self::readers::Connections;
pub(crate) use self::rows::{FileRow, ImageRow, SegmentRow};
use self::rows::{file_row, text_crc};
pub(crate) use self::vectors::{Owner, to_bytes};
pub(crate) use self::writer::{Changes, Writer};

/// Name of the catalog in a collection's folder.
pub(crate) const FILE: &str = "catalog.db";
/// The format this program writes, and the newest it reads. Format 1 had no captions and no metadata; it is read as
/// it is and lifted by the first writer that needs more.
pub(crate) const FORMAT: i64 = 2;
/// Entry of `meta` that holds what is left out of the folders that are indexed.
pub(crate) const KEPT_RULES: &str = "rules";
const APPLICATION: i64 = 0x565a_534c;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE images (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  content BLOB NOT NULL UNIQUE,
  width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL,
  taken TEXT, camera TEXT, latitude REAL, longitude REAL,
  features INTEGER NOT NULL,
  crc INTEGER NOT NULL);
CREATE TABLE features (image INTEGER PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,
  data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE files (path TEXT PRIMARY KEY,
  image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
  size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX files_by_image ON files(image);
CREATE TABLE segments (id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE,
  images INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE tombstones (image INTEGER PRIMARY KEY);
";

/// What format 2 has beyond format 1.
const SECOND: [&str; 3] = [captions::TABLES, metadata::TABLES, vectors::TABLES];

/// How a catalog is opened.
#[derive(Clone)]
struct Way {
    /// Its file.
    path: PathBuf,
    /// What SQLite calls it.
    name: PathBuf,
    flags: OpenFlags,
}

/// A connection to a catalog.
pub(crate) struct Catalog {
    way: Way,
    connection: Connection,
}

impl Catalog {
    /// Makes a new catalog file with the given facts in its `meta` table.
    pub(crate) fn create(path: &Path, meta: &[(&str, &str)]) -> Result<(), Error> {
        let wrap = |source| Error::Sqlite {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(wrap)?;
        let transaction = connection.transaction().map_err(wrap)?;
        transaction
            .execute_batch(&format!("{SCHEMA}{}", SECOND.concat()))
            .map_err(wrap)?;
        for (key, value) in meta {
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

    /// Opens a catalog and checks that it is one, of a version that can be read.
    ///
    /// Readers of a write-ahead log share a file beside the catalog. In a folder where none can be made (read-only
    /// media, another user's collection) and where no log waits, the catalog is read as one that never changes.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let way = Way {
            path: path.to_owned(),
            name: path.to_owned(),
            flags: OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        };
        let catalog = match Self::connect(&way) {
            Err(error) if error.only_reading() && !path.with_extension("db-wal").exists() => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                    | OpenFlags::SQLITE_OPEN_URI
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let name = unchanging(path).into();
                Self::connect(&Way { name, flags, ..way })?
            }
            connected => connected?,
        };
        let number = |name: &str| {
            catalog
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        let application = number("application_id").map_err(|e| catalog.wrap(e))?;
        if application != APPLICATION {
            return Err(Error::damaged(
                path,
                "this is not a catalog of vizsla",
                RESTORE,
            ));
        }
        let found = number("user_version").map_err(|e| catalog.wrap(e))?;
        if found > FORMAT {
            return Err(Error::TooNew {
                path: path.to_owned(),
                found,
                supported: FORMAT,
            });
        }
        Ok(catalog)
    }

    fn connect(way: &Way) -> Result<Self, Error> {
        let wrap = |source| wrapped(&way.path, source);
        let catalog = Self {
            way: way.clone(),
            connection: Connection::open_with_flags(&way.name, way.flags).map_err(wrap)?,
        };
        catalog.set_up().map_err(wrap)?;
        Ok(catalog)
    }

    fn set_up(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(Duration::from_secs(20))?;
        self.connection.pragma_update(None, "foreign_keys", true)?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        self.connection.pragma_update(None, "cache_size", -16_384)
    }

    /// The format that the catalog has now; another process may lift it at any time.
    pub(crate) fn format(&self) -> Result<i64, Error> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|e| self.wrap(e))
    }

    /// Path of the catalog file.
    pub(crate) fn path(&self) -> &Path {
        &self.way.path
    }

    pub(crate) fn wrap(&self, source: rusqlite::Error) -> Error {
        wrapped(self.path(), source)
    }

    /// Runs `work` in one transaction: all of it happens, or nothing.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Writer<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let path = self.way.path.clone();
        let wrap = |source| wrapped(&path, source);
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(wrap)?;
        let value = work(&Writer {
            transaction: &transaction,
        })
        .map_err(wrap)?;
        transaction.commit().map_err(wrap)?;
        Ok(value)
    }

    /// Runs several reads on one state of the catalog, whatever others commit meanwhile.
    pub(crate) fn at_one_instant<T>(
        &self,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        // Ends however `work` ends: a catalog whose reader panicked is read by others.
        let instant = self
            .connection
            .unchecked_transaction()
            .map_err(|e| self.wrap(e))?;
        let value = work();
        instant.commit().map_err(|e| self.wrap(e))?;
        value
    }

    /// Changes whenever another connection commits.
    pub(crate) fn data_version(&self) -> Result<i64, Error> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|e| self.wrap(e))
    }

    /// A fact from `meta` that is always there.
    pub(crate) fn meta(&self, key: &str) -> Result<String, Error> {
        self.optional_meta(key)?.ok_or_else(|| {
            let what = format!("the entry `{key}` is missing");
            Error::damaged(self.path(), what, RESTORE)
        })
    }

    /// A fact from `meta`.
    pub(crate) fn optional_meta(&self, key: &str) -> Result<Option<String>, Error> {
        let found: Option<(String, u32)> = self
            .connection
            .query_row("SELECT value, crc FROM meta WHERE key = ?1", [key], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(|e| self.wrap(e))?;
        match found {
            Some((value, crc)) if crc != text_crc(&[key, &value]) => Err(Error::damaged(
                self.path(),
                format!("the entry `{key}` is damaged"),
                RESTORE,
            )),
            found => Ok(found.map(|(value, _)| value)),
        }
    }

    /// What is left out of the folders that are indexed.
    pub(crate) fn kept_rules(&self) -> Result<KeptRules, Error> {
        let text = self.optional_meta(KEPT_RULES)?;
        let kept = text.map(|text| KeptRules::from_json(&text)).transpose();
        kept.map(Option::unwrap_or_default).map_err(|reason| {
            let what = format!("the entry `{KEPT_RULES}` cannot be understood ({reason})");
            Error::damaged(self.path(), what, RESTORE)
        })
    }

    /// Names of the files under `segments/` that this catalog lists.
    pub(crate) fn listed_files(&self) -> Result<HashSet<String>, Error> {
        let mut files: HashSet<String> = self.segments()?.into_iter().map(|row| row.file).collect();
        for owner in [Owner::Image, Owner::Caption] {
            files.extend(self.flat_file(owner)?);
        }
        Ok(files)
    }

    /// All files, in path order.
    pub(crate) fn files(&self) -> Result<Vec<FileRow>, Error> {
        self.rows(
            "SELECT path, image, size, modified_ns FROM files ORDER BY path",
            file_row,
        )
    }

    /// Content hash → image, for all images.
    pub(crate) fn contents(&self) -> Result<Vec<([u8; 32], i64)>, Error> {
        self.rows("SELECT content, id FROM images ORDER BY id", |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?))
        })
    }

    /// All segments, oldest first.
    pub(crate) fn segments(&self) -> Result<Vec<SegmentRow>, Error> {
        self.rows(
            "SELECT id, file, images, bytes FROM segments ORDER BY id",
            |row| {
                Ok(SegmentRow {
                    id: row.get(0)?,
                    file: row.get(1)?,
                    images: row.get(2)?,
                    bytes: row.get(3)?,
                })
            },
        )
    }

    /// Removed images whose postings are still in a segment.
    pub(crate) fn tombstones(&self) -> Result<Vec<i64>, Error> {
        self.rows("SELECT image FROM tombstones ORDER BY image", |row| {
            row.get(0)
        })
    }

    /// Ids of all images, ascending.
    pub(crate) fn image_ids(&self) -> Result<Vec<i64>, Error> {
        self.rows("SELECT id FROM images ORDER BY id", |row| row.get(0))
    }

    /// A single number.
    pub(crate) fn count(&self, what: Count) -> Result<u64, Error> {
        let sql = match what {
            Count::Images => "SELECT count(*) FROM images",
            Count::Files => "SELECT count(*) FROM files",
            Count::Features => "SELECT coalesce(sum(features), 0) FROM images",
            Count::Tombstones => "SELECT count(*) FROM tombstones",
            Count::Captions | Count::Metadata if self.format()? < 2 => return Ok(0),
            Count::Captions => "SELECT count(*) FROM captions",
            Count::Metadata => "SELECT count(*) FROM metadata",
        };
        let count: i64 = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(|e| self.wrap(e))?;
        Ok(count.unsigned_abs())
    }

    /// The id that the next image will get.
    pub(crate) fn next_image_id(&self) -> Result<i64, Error> {
        self.next_id("images")
    }

    /// The id that the next segment will get; ids are never used twice.
    pub(crate) fn next_segment_id(&self) -> Result<i64, Error> {
        self.next_id("segments")
    }

    fn next_id(&self, table: &str) -> Result<i64, Error> {
        self.connection
            .query_row(
                "SELECT seq + 1 FROM sqlite_sequence WHERE name = ?1",
                [table],
                |row| row.get(0),
            )
            .optional()
            .map(|id| id.unwrap_or(1))
            .map_err(|e| self.wrap(e))
    }

    /// The stored features of an image, checked; `None` when there is no such image.
    pub(crate) fn features(&self, image: i64) -> Result<Option<Vec<u8>>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT data, crc FROM features WHERE image = ?1")
            .map_err(|e| self.wrap(e))?;
        let found: Option<(Vec<u8>, u32)> = statement
            .query_row([image], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(|e| self.wrap(e))?;
        match found {
            Some((data, crc)) if crc == crc32fast::hash(&data) => Ok(Some(data)),
            Some(_) => Err(Error::damaged(
                self.path(),
                format!("the features of image {image} are damaged"),
                RESTORE,
            )),
            None => Ok(None),
        }
    }

    /// Size of an image and the files that hold it, in order.
    pub(crate) fn image_files(
        &self,
        image: i64,
    ) -> Result<Option<(u32, u32, Vec<PathBuf>)>, Error> {
        let wrap = |e| self.wrap(e);
        let size: Option<(u32, u32)> = self
            .connection
            .prepare_cached("SELECT width, height FROM images WHERE id = ?1")
            .map_err(wrap)?
            .query_row([image], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(wrap)?;
        let Some((width, height)) = size else {
            return Ok(None);
        };
        let mut statement = self
            .connection
            .prepare_cached("SELECT path FROM files WHERE image = ?1 ORDER BY path")
            .map_err(wrap)?;
        let paths = statement
            .query_map([image], |row| row.get::<_, String>(0))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(wrap)?;
        Ok(Some((
            width,
            height,
            paths.into_iter().map(PathBuf::from).collect(),
        )))
    }

    /// The first column of what a statement with parameters selects.
    pub(crate) fn select_ids<C: FromIterator<i64>>(
        &self,
        sql: &str,
        parameters: Vec<rusqlite::types::Value>,
    ) -> Result<C, Error> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let parameters = rusqlite::params_from_iter(parameters);
                statement.query_map(parameters, |row| row.get(0))?.collect()
            })
            .map_err(|e| self.wrap(e))
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare(sql).map_err(|e| self.wrap(e))?;
        let rows = statement.query_map([], read).map_err(|e| self.wrap(e))?;
        rows.collect::<rusqlite::Result<_>>()
            .map_err(|e| self.wrap(e))
    }

    /// Moves the write-ahead log into the catalog and gives free pages back.
    pub(crate) fn compact(&self) -> Result<(), Error> {
        self.connection
            .execute_batch(
                "PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE);",
            )
            .map_err(|e| self.wrap(e))
    }

    /// Moves the write-ahead log into the catalog when no reader is in the way.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|e| self.wrap(e))
    }
}

/// An error of SQLite; what was interrupted was stopped by its caller.
fn wrapped(path: &Path, source: rusqlite::Error) -> Error {
    if source.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
        return Error::Cancelled;
    }
    Error::Sqlite {
        path: path.to_owned(),
        source,
    }
}

/// What [`Catalog::count`] counts.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Images,
    Files,
    Features,
    Tombstones,
    Captions,
    Metadata,
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
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let name = unchanging(&path).into();
        let catalog = Catalog::connect(&Way { path, name, flags }).unwrap();
        assert_eq!(catalog.meta("recipe").unwrap(), "x");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_that_panics_leaves_the_catalog_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.db");
        Catalog::create(&path, &[("recipe", "x")]).unwrap();
        let catalog = Catalog::open(&path).unwrap();
        let work = std::panic::AssertUnwindSafe(|| {
            catalog.at_one_instant(|| -> Result<(), Error> { panic!("on purpose") })
        });
        assert!(std::panic::catch_unwind(work).is_err());
        let recipe = catalog.at_one_instant(|| catalog.meta("recipe"));
        assert_eq!(recipe.unwrap(), "x");
    }

    #[test]
    fn a_catalog_of_the_first_format_is_read_and_lifted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.db");
        let first = Connection::open(&path).unwrap();
        first.execute_batch(SCHEMA).unwrap();
        first
            .execute_batch(
                "INSERT INTO images VALUES (7, zeroblob(32), 4, 3, 'PNG', NULL, NULL, NULL, NULL, 0, 0)",
            )
            .unwrap();
        first
            .pragma_update(None, "application_id", APPLICATION)
            .unwrap();
        first.pragma_update(None, "user_version", 1).unwrap();
        drop(first);
        let reader = Catalog::open(&path).unwrap();
        assert_eq!(reader.format().unwrap(), 1);
        assert!(reader.captions().unwrap().is_empty() && reader.labels().unwrap().is_empty());
        assert!(reader.bm25("dog", 5).unwrap().is_empty());
        assert_eq!(reader.count(Count::Metadata).unwrap(), 0);
        let wide =
            crate::Filter::parse("width = 4 and camera is null and caption is null").unwrap();
        assert_eq!(reader.matching(&wide).unwrap().len(), 1);
        assert_eq!(reader.list().unwrap().len(), 1);
        let mut writer = Catalog::open(&path).unwrap();
        let changes = writer.write(|writer| {
            writer.lift()?;
            writer.lift()?;
            writer.set_captions(7, "list.csv", &["A dog".into()])
        });
        assert_eq!(changes.unwrap().added, 1);
        assert_eq!(
            (reader.format().unwrap(), reader.captions().unwrap().len()),
            (2, 1)
        );
        assert_eq!(reader.bm25("dogs", 5).unwrap().len(), 1);
        assert!(reader.matching(&wide).unwrap().is_empty());
    }
}
