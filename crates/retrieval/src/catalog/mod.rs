//! The catalog: one SQLite file, the only truth of a collection.
//!
//! Every row carries a CRC-32 of its content, because SQLite itself keeps no page checksums: with
//! `PRAGMA integrity_check` for the structure, a flipped byte in live data is found. Write-ahead logging lets
//! several processes read while one writes; `synchronous = FULL` makes a committed batch survive a power cut.

mod browse;
mod captions;
mod check;
mod format;
mod given;
mod header;
mod indexes;
mod log;
mod metadata;
mod numbers;
mod open;
mod owner;
mod readers;
mod rows;
mod schema;
mod sizes;
mod vectors;
mod writer;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use crate::error::{Error, RESTORE};
use crate::names::IndexFile;
use crate::scan::KeptRules;
use crate::trailer;

#[allow(unused_imports)]
pub(crate) use self::captions::CaptionHit;
pub(crate) use self::format::FORMAT;
pub(crate) use self::given::Numbered;
pub(crate) use self::header::check_files;
pub(crate) use self::indexes::{IndexEntry, IndexRow, Made};
pub(crate) use self::metadata::Datum;
pub(crate) use self::owner::Owner;
pub(crate) use self::readers::{Connections, View};
pub(crate) use self::rows::{FileRow, ImageRow};
use self::rows::{file_row, image_row, text_crc};
pub(crate) use self::sizes::{Held, Tree};
pub(crate) use self::vectors::to_bytes;
pub(crate) use self::writer::{Changes, Writer};

/// Name of the catalog in a collection's folder.
pub(crate) const FILE: &str = "catalog.db";
/// Entry of `meta` that holds what is left out of the folders that are indexed.
pub(crate) const KEPT_RULES: &str = "rules";

/// How a catalog is opened.
#[derive(Clone)]
struct Way {
    /// Its file.
    path: PathBuf,
    /// What SQLite calls it.
    name: PathBuf,
    flags: OpenFlags,
    /// What could not be read of the log when it was first opened.
    log: log::Log,
}

/// A connection to a catalog.
pub(crate) struct Catalog {
    way: Way,
    connection: Connection,
}

impl Catalog {
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
        let writer = Writer::new(&transaction);
        let value = work(&writer).map_err(wrap)?;
        writer.keep_numbers().map_err(wrap)?;
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

    /// The files under `segments/` that this catalog lists.
    ///
    /// # Errors
    /// One of the entries is damaged: then nobody knows what is listed.
    pub(crate) fn listed_files(&self) -> Result<HashSet<IndexFile>, Error> {
        let mut files: HashSet<_> = self.segments()?.into_iter().map(|row| row.file).collect();
        for owner in [Owner::Image, Owner::Caption] {
            files.extend(self.vectors_file(owner)?.map(|row| row.file));
        }
        files.extend(self.graph_file()?.map(|row| row.file));
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
            Count::Segments => return self.segment_count(),
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

    /// How many images with local features were kept without a picture in little.
    pub(crate) fn without_look(&self) -> Result<u64, Error> {
        let versions = (0..=u8::MAX).filter(|&version| trailer::has_little(version));
        let versions: Vec<String> = versions
            .map(|version| format!("x'{version:02x}'"))
            .collect();
        let sql = format!(
            "SELECT count(*) FROM features JOIN images ON images.id = image
             WHERE images.features > 0 AND substr(data, 1, 1) NOT IN ({})",
            versions.join(", ")
        );
        self.connection
            .query_row(&sql, [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|e| self.wrap(e))
    }

    /// What is stored of an image besides its features, checked; `None` when there is no such image.
    pub(crate) fn image_row(&self, image: i64) -> Result<Option<ImageRow>, Error> {
        let found: Option<(ImageRow, u32)> = self
            .connection
            .prepare_cached(
                "SELECT content, width, height, format, taken, camera, latitude, longitude, features, crc
                 FROM images WHERE id = ?1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row([image], |row| Ok((image_row(row)?, row.get(9)?)))
                    .optional()
            })
            .map_err(|e| self.wrap(e))?;
        match found {
            Some((row, crc)) if crc != row.crc() => Err(Error::damaged(
                self.path(),
                format!("the entry of image {image} is damaged"),
                RESTORE,
            )),
            found => Ok(found.map(|(row, _)| row)),
        }
    }

    /// Upright full-resolution width and height of an image.
    pub(crate) fn image_size(&self, image: i64) -> Result<Option<(u32, u32)>, Error> {
        let wrap = |e| self.wrap(e);
        self.connection
            .prepare_cached("SELECT width, height FROM images WHERE id = ?1")
            .map_err(wrap)?
            .query_row([image], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(wrap)
    }

    /// Size of an image and the files that hold it, in order.
    pub(crate) fn image_files(
        &self,
        image: i64,
    ) -> Result<Option<(u32, u32, Vec<PathBuf>)>, Error> {
        let wrap = |e| self.wrap(e);
        let Some((width, height)) = self.image_size(image)? else {
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
    Segments,
    Tombstones,
    Captions,
    Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

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
        first.execute_batch(&schema::first()).unwrap();
        first
            .execute_batch(
                "INSERT INTO images VALUES (7, zeroblob(32), 4, 3, 'PNG', NULL, NULL, NULL, NULL, 0, 0)",
            )
            .unwrap();
        first
            .pragma_update(None, "application_id", header::APPLICATION)
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
        assert!(writer.is_to_be_lifted().unwrap());
        writer.lift(&|_| None).unwrap();
        writer.lift(&|_| None).unwrap();
        assert!(!writer.is_to_be_lifted().unwrap());
        let changes = writer.write(|writer| writer.set_captions(7, "list.csv", &["A dog".into()]));
        assert_eq!(changes.unwrap().added, 1);
        assert_eq!(
            (reader.format().unwrap(), reader.captions().unwrap().len()),
            (FORMAT, 1)
        );
        assert_eq!(reader.bm25("dogs", 5).unwrap().len(), 1);
        assert!(reader.matching(&wide).unwrap().is_empty());
    }
}
