//! The tables of a catalog, and that there are no others.
//!
//! A catalog may come from a stranger, and SQLite runs what a schema says: triggers, views in the place of tables,
//! generated columns. So every statement of the schema must be, to the letter, one that this program wrote. The same
//! comparison finds turned bits in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::Connection;

use super::{captions, metadata, vectors};
use crate::error::{Error, RESTORE};

pub(super) const FIRST: &str = "
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
pub(super) const SECOND: [&str; 3] = [captions::TABLES, metadata::TABLES, vectors::TABLES];

/// A row of SQLite's own table of tables: kind, table, statement.
type Statement = (String, String, Option<String>);
type Statements = BTreeMap<String, Statement>;

/// The statements of format 1, and those of the later ones.
fn known() -> rusqlite::Result<&'static (Statements, Statements)> {
    static KNOWN: OnceLock<(Statements, Statements)> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let model = Connection::open_in_memory()?;
    model.execute_batch(FIRST)?;
    let first = statements(&model)?;
    model.execute_batch(&SECOND.concat())?;
    let second = statements(&model)?;
    Ok(KNOWN.get_or_init(|| (first, second)))
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
    let (first, second) = known().map_err(wrap)?;
    let found = statements(connection).map_err(wrap)?;
    let known = match second
        .keys()
        .any(|name| !first.contains_key(name) && found.contains_key(name))
    {
        true => second,
        false => first,
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
