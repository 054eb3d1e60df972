//! The tables of a catalog, and that there are no others.
//!
//! A catalog may come from a stranger, and SQLite runs what a schema says: triggers, views in the place of tables,
//! generated columns. So every statement of the schema must be, to the letter, one that this program wrote. The same
//! comparison finds turned bits in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::Connection;

use super::{captions, indexes, metadata, vectors};
use crate::error::{Error, RESTORE};

const ALWAYS: &str = "
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
CREATE TABLE tombstones (image INTEGER PRIMARY KEY);
";

/// What formats 1 to 3 had; format 4 has [`indexes::TABLE`] in its place.
const SEGMENTS: &str = "
CREATE TABLE segments (id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE,
  images INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
";

/// What format 2 has beyond format 1.
pub(super) const SECOND: [&str; 3] = [captions::TABLES, metadata::TABLES, vectors::TABLES];

/// The tables of format 1.
pub(super) fn first() -> String {
    [ALWAYS, SEGMENTS].concat()
}

/// The tables of the format that is written.
pub(super) fn newest() -> String {
    [&[ALWAYS, indexes::TABLE], &SECOND[..]].concat().concat()
}

/// A row of SQLite's own table of tables: kind, table, statement.
type Statement = (String, String, Option<String>);
type Statements = BTreeMap<String, Statement>;

/// The statements of the formats that differ in their tables, the newest first: 4, then 2 and 3, then 1.
fn known() -> rusqlite::Result<&'static [Statements; 3]> {
    static KNOWN: OnceLock<[Statements; 3]> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let of = |tables: &str| {
        let model = Connection::open_in_memory()?;
        model.execute_batch(tables)?;
        statements(&model)
    };
    let first = first();
    let second = [first.as_str(), &SECOND.concat()].concat();
    let known = [of(&newest())?, of(&second)?, of(&first)?];
    Ok(KNOWN.get_or_init(|| known))
}

fn statements(connection: &Connection) -> rusqlite::Result<Statements> {
    let mut statement =
        connection.prepare("SELECT name, type, tbl_name, sql FROM main.sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
    })?;
    rows.collect()
}

/// Compares the tables of a catalog with those of the formats that this program reads.
///
/// # Errors
/// One of them is missing, unknown or made in another way; the message names it.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let wrap = |source| Error::Sqlite {
        path: path.to_owned(),
        source,
    };
    let [newest, second, first] = known().map_err(wrap)?;
    let found = statements(connection).map_err(wrap)?;
    // A catalog is of the newest format of which it has something that the one before had not.
    let more = |later: &Statements, earlier: &Statements| {
        let mut names = later.keys().filter(|name| !earlier.contains_key(*name));
        names.any(|name| found.contains_key(name))
    };
    let known = match (more(newest, second), more(second, first)) {
        (true, _) => newest,
        (false, true) => second,
        (false, false) => first,
    };
    let unknown = found
        .iter()
        .find(|(name, row)| known.get(*name) != Some(row));
    let what = match (
        unknown,
        known.keys().find(|name| !found.contains_key(*name)),
    ) {
        (None, None) => return Ok(()),
        (Some((name, (kind, ..))), _) => {
            format!("the catalog has a {kind} `{name}` that this program did not make so")
        }
        (None, Some(name)) => format!("the catalog lacks `{name}`"),
    };
    Err(Error::damaged(path, what, RESTORE))
}
