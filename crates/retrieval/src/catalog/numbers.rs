//! The identities of images, index files and captions: each is given once and never again.
//!
//! What was given last stands in `meta` with its checksum, for SQLite's own counters (`sqlite_sequence`) have none: one
//! turned bit there, and the next image would take the place of another. Nothing is given that a row names, whatever the
//! counters say.

use rusqlite::{Connection, OptionalExtension};

use super::given::Numbered;
use super::rows::text_crc;
use super::{Catalog, Writer};
use crate::error::Error;
use crate::names::{IndexFile, MOST_NUMBER};

impl Numbered {
    pub(super) const ALL: [Self; 3] = [Self::Images, Self::IndexFiles, Self::Captions];

    /// The table that has them; index files had another before format 4.
    fn table(self, connection: &Connection) -> rusqlite::Result<&'static str> {
        Ok(match self {
            Self::Images => "images",
            Self::IndexFiles if is_there(connection, "index_files")? => "index_files",
            Self::IndexFiles => "segments",
            Self::Captions => "captions",
        })
    }

    fn key(self, connection: &Connection) -> rusqlite::Result<String> {
        Ok(format!("last.{}", self.table(connection)?))
    }

    /// Where such identities stand: table and column.
    fn places(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Images => &[
                ("images", "id"),
                ("features", "image"),
                ("files", "image"),
                ("tombstones", "image"),
                ("image_vectors", "image"),
                ("captions", "image"),
                ("metadata", "image"),
            ],
            Self::IndexFiles => &[("segments", "id"), ("index_files", "id")],
            Self::Captions => &[("captions", "id"), ("caption_vectors", "caption")],
        }
    }

    /// The greatest identity that a row names.
    fn greatest(self, connection: &Connection) -> rusqlite::Result<i64> {
        let mut greatest = 0;
        for (table, column) in self.places() {
            if !is_there(connection, table)? {
                continue;
            }
            let found: Option<i64> = connection
                .prepare_cached(&format!("SELECT max({column}) FROM {table}"))?
                .query_row([], |row| row.get(0))?;
            greatest = greatest.max(found.unwrap_or(0));
        }
        if self == Self::IndexFiles {
            let sql = format!("SELECT file FROM {}", self.table(connection)?);
            let mut statement = connection.prepare_cached(&sql)?;
            for name in statement.query_map([], |row| row.get::<_, String>(0))? {
                let number = name?.parse().map_or(0, IndexFile::number);
                greatest = greatest.max(number);
            }
        }
        Ok(greatest)
    }

    /// What `meta` says was given last; `None` without a sound entry.
    fn kept(self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let key = self.key(connection)?;
        let found: Option<(String, u32)> = connection
            .prepare_cached("SELECT value, crc FROM meta WHERE key = ?1")?
            .query_row([&key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let sound = found.filter(|(value, crc)| *crc == text_crc(&[&key, value]));
        Ok(sound.and_then(|(value, _)| value.parse().ok()))
    }

    /// What SQLite's counter says was given last.
    fn counted(self, connection: &Connection) -> rusqlite::Result<i64> {
        connection
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1 AND typeof(seq) = 'integer'")?
            .query_row([self.table(connection)?], |row| row.get(0))
    }

    /// The last identity that was given.
    fn last(self, connection: &Connection) -> rusqlite::Result<i64> {
        let given = match self.kept(connection)? {
            Some(kept) => kept,
            None => self.counted(connection)?,
        };
        Ok(given.max(self.greatest(connection)?))
    }
}

pub(super) fn is_there(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}

/// The identity after this one.
pub(super) fn after(last: i64) -> rusqlite::Result<i64> {
    match last {
        0..MOST_NUMBER => Ok(last + 1),
        _ => {
            let what = format!("no identity is left after {last}");
            Err(rusqlite::Error::ToSqlConversionFailure(what.into()))
        }
    }
}

impl Catalog {
    /// The identity that the next one will get.
    pub(crate) fn next_number(&self, what: Numbered) -> Result<i64, Error> {
        what.last(&self.connection)
            .and_then(after)
            .map_err(|e| self.wrap(e))
    }

    /// Whether SQLite's counters say what `meta` says; writers put them right.
    pub(super) fn counters_agree(&self) -> Result<bool, Error> {
        let mut found = Vec::new();
        self.check_numbers(&mut found)?;
        Ok(found.is_empty())
    }

    /// What is wrong with the counters of identities.
    pub(super) fn check_numbers(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let third = self.format()? >= 3;
        let read = |what: Numbered| -> rusqlite::Result<_> {
            let connection = &self.connection;
            let kept = what.kept(connection)?;
            let name = what.table(connection)?;
            Ok((
                name,
                kept,
                what.counted(connection)?,
                what.greatest(connection)?,
            ))
        };
        let mut known = Vec::new();
        for what in Numbered::ALL {
            let (name, kept, counted, greatest) = read(what).map_err(|e| self.wrap(e))?;
            known.push(name);
            let last = if third { kept.unwrap_or(0) } else { counted };
            if last < greatest {
                found.push(format!(
                    "the last of the {name} is said to be {last}, but there is {greatest}"
                ));
            } else if last != counted {
                found.push(format!(
                    "the counter of the {name} says {counted}, the last one was {last}"
                ));
            }
        }
        for name in self.rows("SELECT name FROM sqlite_sequence", |row| {
            row.get::<_, String>(0)
        })? {
            if !known.contains(&name.as_str()) {
                found.push(format!("there is a counter of `{name}`, which has none"));
            }
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// The last identity that was given, in this transaction or before.
    pub(super) fn last(&self, what: Numbered) -> rusqlite::Result<i64> {
        if let Some((last, _)) = self.given.0.borrow().get(&what) {
            return Ok(*last);
        }
        let last = what.last(self.transaction)?;
        let kept = what.kept(self.transaction)?;
        self.given.0.borrow_mut().insert(what, (last, kept));
        Ok(last)
    }

    /// Gives an identity.
    pub(super) fn take_number(&self, what: Numbered) -> rusqlite::Result<i64> {
        let number = after(self.last(what)?)?;
        self.took_number(what, number)?;
        Ok(number)
    }

    /// Gives an identity that was chosen before, beyond all others.
    pub(super) fn took_number(&self, what: Numbered, number: i64) -> rusqlite::Result<()> {
        if number <= self.last(what)? {
            let what = format!(
                "{} {number} is given already",
                what.table(self.transaction)?
            );
            return Err(rusqlite::Error::ToSqlConversionFailure(what.into()));
        }
        if let Some((last, _)) = self.given.0.borrow_mut().get_mut(&what) {
            *last = number;
        }
        Ok(())
    }

    /// The table of these was made anew under another name: what was given last is kept under that name.
    pub(super) fn gave_under_another_name(&self, what: Numbered, last: i64) {
        self.given.0.borrow_mut().insert(what, (last, None));
    }

    /// Keeps in `meta` what was given in this transaction.
    pub(super) fn keep_numbers(&self) -> rusqlite::Result<()> {
        for (what, (last, kept)) in self.given.0.borrow().iter() {
            if kept.unwrap_or(0) != *last {
                self.set_meta(&what.key(self.transaction)?, &last.to_string())?;
            }
        }
        Ok(())
    }

    /// Makes SQLite's counters say what `meta` says.
    pub(super) fn set_counters(&self) -> rusqlite::Result<()> {
        let known = Numbered::ALL.map(|what| what.table(self.transaction));
        let [images, files, captions] = known;
        self.transaction.execute(
            "DELETE FROM sqlite_sequence WHERE name NOT IN (?1, ?2, ?3)",
            [images?, files?, captions?],
        )?;
        for what in Numbered::ALL {
            let (last, table) = (self.last(what)?, what.table(self.transaction)?);
            if what.counted(self.transaction)? == last {
                continue;
            }
            self.transaction
                .execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
            self.transaction.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
                rusqlite::params![table, last],
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ImageRow;

    #[test]
    fn nothing_is_given_twice_whatever_sqlite_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        Catalog::create(&path, &[]).unwrap();
        let mut catalog = Catalog::open(&path).unwrap();
        let add = |catalog: &mut Catalog, number| {
            catalog
                .write(|writer| writer.add_image(&ImageRow::numbered(number), b""))
                .unwrap()
        };
        assert_eq!([add(&mut catalog, 1), add(&mut catalog, 2)], [1, 2]);
        catalog.write(|writer| writer.remove_if_orphan(2)).unwrap();
        let set = |catalog: &Catalog, sql: &str| catalog.connection.execute_batch(sql).unwrap();
        for sql in [
            "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'images'",
            "DELETE FROM sqlite_sequence",
            "UPDATE sqlite_sequence SET seq = seq + (1 << 40) WHERE name = 'images'",
            "UPDATE sqlite_sequence SET name = 'imager' WHERE name = 'images'",
        ] {
            set(&catalog, sql);
            assert!(!catalog.counters_agree().unwrap(), "{sql}");
            let before = catalog.next_number(Numbered::Images).unwrap();
            catalog.lift(&|_| None).unwrap();
            assert!(catalog.counters_agree().unwrap(), "{sql}");
            assert_eq!(before, 3);
        }
        // Without a sound entry the rows still say what is in use.
        set(
            &catalog,
            "UPDATE meta SET crc = 1 WHERE key = 'last.images'",
        );
        set(&catalog, "UPDATE sqlite_sequence SET seq = 0");
        assert_eq!(
            add(&mut catalog, 3),
            3,
            "2 is a removed image that a segment holds"
        );
    }
}
