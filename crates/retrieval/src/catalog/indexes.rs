//! The list of index files: what lies under `segments/`, of which kind, what it was made from and how far it goes.
//!
//! Before format 4 there were two lists: a table of segments, and entries of `meta` that named a file of vectors for each
//! owner and said nothing more. They are read as they are, and lifted by the first writer.

use std::path::Path;

use rusqlite::{OptionalExtension, Row, params};

use super::given::Numbered;
use super::numbers::after;
use super::rows::{segment_crc, text_crc};
use super::{Catalog, Owner, Writer};
use crate::Remedy;
use crate::error::{Error, REBUILD};
use crate::indexes::VectorKind;
use crate::names::{IndexFile, IndexKind, Indexed};

pub(super) const TABLE: &str = "
CREATE TABLE index_files (id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE,
  space TEXT NOT NULL, kind TEXT NOT NULL, tag TEXT NOT NULL, last INTEGER NOT NULL,
  items INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
";
/// The format that has it first.
const FOURTH: i64 = 4;
/// An index file that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexRow {
    pub id: i64,
    pub file: IndexFile,
    /// Images or vectors in it; 0 where it is not known.
    pub items: i64,
    pub bytes: i64,
    /// Catalogs before format 4 do not say.
    pub made: Option<Made>,
}

/// What an index file was made from, and how far it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// The codebook or the whitening.
    pub tag: String,
    /// The greatest identity in it; 0 where it is not known.
    pub last: i64,
}

/// An index file that is to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub file: IndexFile,
    pub made: Made,
    pub items: i64,
    pub bytes: i64,
}

impl IndexEntry {
    /// What is to be listed of a file that was written here.
    ///
    /// # Errors
    /// Its length cannot be read.
    pub fn of(file: IndexFile, path: &Path, made: Made, items: usize) -> Result<Self, Error> {
        Ok(Self {
            file,
            made,
            items: items as i64,
            bytes: fs_err::metadata(path)?.len() as i64,
        })
    }
}

/// A row as it stands in the catalog.
struct Raw {
    id: i64,
    file: String,
    space: String,
    kind: String,
    made: Made,
    items: i64,
    bytes: i64,
    crc: u32,
}

impl Raw {
    const SQL: &str =
        "SELECT id, file, space, kind, tag, last, items, bytes, crc FROM index_files ORDER BY id";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            file: row.get(1)?,
            space: row.get(2)?,
            kind: row.get(3)?,
            made: Made {
                tag: row.get(4)?,
                last: row.get(5)?,
            },
            items: row.get(6)?,
            bytes: row.get(7)?,
            crc: row.get(8)?,
        })
    }

    fn right_crc(&self) -> u32 {
        let numbers = [self.id, self.made.last, self.items, self.bytes];
        let numbers = format!("{numbers:?}");
        text_crc(&[
            &self.file,
            &self.space,
            &self.kind,
            &self.made.tag,
            &numbers,
        ])
    }

    fn is_sound(&self) -> bool {
        self.crc == self.right_crc()
    }

    /// The row, or what is wrong with it and what to do.
    fn understood(self) -> Result<IndexRow, (String, Remedy)> {
        let damaged = || {
            let what = format!("the entry of the index file {:?} is damaged", self.file);
            (what, REBUILD)
        };
        if !self.is_sound() {
            return Err(damaged());
        }
        let kinds = || IndexKind::all().filter(|kind| kind.indexed().name() == self.space);
        if !kinds().any(|kind| kind.name() == self.kind) {
            let known: Vec<&str> = kinds().map(IndexKind::name).collect();
            let what = format!(
                "an index file of the {} is of the kind `{}`, which this program does not know (it knows {}): a newer \
                 vizsla made it; install that one, or go on without it",
                self.space,
                self.kind,
                if known.is_empty() {
                    "none of them".to_owned()
                } else {
                    known.join(", ")
                }
            );
            return Err((what, REBUILD));
        }
        let file: IndexFile = self.file.parse().map_err(|()| damaged())?;
        let same = file.kind().name() == self.kind && file.kind().indexed().name() == self.space;
        if !same {
            return Err(damaged());
        }
        Ok(IndexRow {
            id: self.id,
            file,
            items: self.items,
            bytes: self.bytes,
            made: Some(self.made),
        })
    }
}

impl Catalog {
    /// All segments of the inverted file, oldest first.
    ///
    /// # Errors
    /// An entry is damaged, names a file that no segment can have, or is of a kind that is not known.
    pub(crate) fn segments(&self) -> Result<Vec<IndexRow>, Error> {
        self.index_files(Indexed::Words)
    }

    /// The file that holds vectors of this owner.
    ///
    /// # Errors
    /// The entry is damaged, names a file that cannot be this, or is of a kind that is not known.
    pub(crate) fn vectors_file(&self, owner: Owner) -> Result<Option<IndexRow>, Error> {
        Ok(self.index_files(Indexed::Vectors(owner))?.pop())
    }

    /// The file that holds the graph of neighbours of the vectors of images.
    ///
    /// # Errors
    /// As [`Catalog::vectors_file`].
    pub(crate) fn graph_file(&self) -> Result<Option<IndexRow>, Error> {
        Ok(self.index_files(Indexed::Graph)?.pop())
    }

    /// Number of segments, as it is listed.
    pub(super) fn segment_count(&self) -> Result<u64, Error> {
        let read = |fourth: bool| {
            let sql = match fourth {
                true => "SELECT count(*) FROM index_files WHERE space = 'words'",
                false => "SELECT count(*) FROM segments",
            };
            let count = self.rows(sql, |row| row.get::<_, i64>(0))?;
            Ok(count.into_iter().sum::<i64>().unsigned_abs())
        };
        self.as_listed(read)
    }

    fn index_files(&self, of: Indexed) -> Result<Vec<IndexRow>, Error> {
        self.as_listed(|fourth| match (fourth, of) {
            (true, _) => self.listed_now(of),
            (false, Indexed::Words) => self.segments_before(),
            (false, Indexed::Vectors(owner)) => self.vectors_before(owner),
            (false, Indexed::Graph) => Ok(Vec::new()),
        })
    }

    /// Reads the list in the form that it has: that of format 4, or the one before.
    fn as_listed<T>(&self, read: impl Fn(bool) -> Result<T, Error>) -> Result<T, Error> {
        let fourth = self.format()? >= FOURTH;
        match read(fourth) {
            // Another process lifted it between the two.
            Err(_) if !fourth && self.format()? >= FOURTH => read(true),
            found => found,
        }
    }

    fn listed_now(&self, of: Indexed) -> Result<Vec<IndexRow>, Error> {
        let mut found = Vec::new();
        for raw in self.rows(Raw::SQL, Raw::read)? {
            // Whose a damaged entry was is not known when that is what turned.
            let stray = !raw.is_sound() && Indexed::ALL.iter().all(|of| of.name() != raw.space);
            if raw.space == of.name() || stray {
                let row = raw.understood();
                found
                    .push(row.map_err(|(what, remedy)| Error::damaged(self.path(), what, remedy))?);
            }
        }
        Ok(found)
    }

    /// The table of segments, before format 4.
    fn segments_before(&self) -> Result<Vec<IndexRow>, Error> {
        let sql = "SELECT id, file, images, bytes, crc FROM segments ORDER BY id";
        let rows = self.rows(sql, |row| {
            let (id, items, bytes) = (row.get(0)?, row.get(2)?, row.get(3)?);
            let (name, crc): (String, u32) = (row.get(1)?, row.get(4)?);
            let file = segment_file(&name).filter(|_| crc == segment_crc(&name, items, bytes));
            let row = file.map(|file| IndexRow {
                id,
                file,
                items,
                bytes,
                made: None,
            });
            Ok(row.ok_or(name))
        })?;
        let damaged = |name| {
            let what = format!("the entry of the segment {name:?} is damaged");
            Error::damaged(self.path(), what, REBUILD)
        };
        rows.into_iter().map(|row| row.map_err(damaged)).collect()
    }

    /// The entry in `meta`, before format 4.
    fn vectors_before(&self, owner: Owner) -> Result<Vec<IndexRow>, Error> {
        let key = meta_key(owner);
        let Some(name) = self.optional_meta(&key)? else {
            return Ok(Vec::new());
        };
        let file = vectors_file(&name, owner).ok_or_else(|| {
            let what = format!("the entry `{key}` names no file of vectors: {name:?}");
            Error::damaged(self.path(), what, REBUILD)
        })?;
        Ok(vec![IndexRow {
            id: 0,
            file,
            items: 0,
            bytes: 0,
            made: None,
        }])
    }

    /// What is wrong with the list of index files, and what to do.
    pub(super) fn check_index_files(&self) -> Result<Vec<(String, Remedy)>, Error> {
        if self.format()? >= FOURTH {
            let rows = self.rows(Raw::SQL, Raw::read)?;
            let understood = rows.into_iter().map(Raw::understood);
            return Ok(understood.filter_map(Result::err).collect());
        }
        let sql = "SELECT file, images, bytes, crc FROM segments";
        let rows = self.rows(sql, |row| {
            let (file, crc): (String, u32) = (row.get(0)?, row.get(3)?);
            let sound = crc == segment_crc(&file, row.get(1)?, row.get(2)?);
            Ok((!sound).then(|| format!("the entry of segment {file} is damaged")))
        })?;
        let damaged = rows.into_iter().flatten();
        Ok(damaged.map(|what| (what, REBUILD)).collect())
    }
}

/// Entry of `meta` that named the file of an owner's vectors, before format 4.
fn meta_key(owner: Owner) -> String {
    format!("vectors.{}", owner.name())
}

fn segment_file(name: &str) -> Option<IndexFile> {
    let file = name.parse().ok();
    file.filter(|file: &IndexFile| file.kind().indexed() == Indexed::Words)
}

fn vectors_file(name: &str, owner: Owner) -> Option<IndexFile> {
    let file = name.parse().ok();
    file.filter(|file: &IndexFile| file.kind().indexed() == Indexed::Vectors(owner))
}

impl Writer<'_> {
    /// Lists an index file: from this commit on it is read.
    pub(crate) fn add_index_file(&self, entry: &IndexEntry) -> rusqlite::Result<()> {
        self.took_number(Numbered::IndexFiles, entry.file.number())?;
        let kind = entry.file.kind();
        let mut raw = Raw {
            id: entry.file.number(),
            file: entry.file.to_string(),
            space: kind.indexed().name().to_owned(),
            kind: kind.name().to_owned(),
            made: entry.made.clone(),
            items: entry.items,
            bytes: entry.bytes,
            crc: 0,
        };
        raw.crc = raw.right_crc();
        self.insert(&raw)
    }

    fn insert(&self, raw: &Raw) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("INSERT INTO index_files VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                raw.id,
                raw.file,
                raw.space,
                raw.kind,
                raw.made.tag,
                raw.made.last,
                raw.items,
                raw.bytes,
                raw.crc
            ])
            .map(drop)
    }

    /// Lists the file of an owner's vectors, or of the graph, in the place of all that were.
    pub(crate) fn set_index_file(&self, entry: &IndexEntry) -> rusqlite::Result<()> {
        self.remove_index_files(entry.file.kind().indexed())?;
        self.add_index_file(entry)
    }

    /// Takes all files by which this is found off the list.
    pub(crate) fn remove_index_files(&self, of: Indexed) -> rusqlite::Result<()> {
        self.last(Numbered::IndexFiles)?;
        self.transaction
            .execute("DELETE FROM index_files WHERE space = ?1", [of.name()])
            .map(drop)
    }

    /// Takes all segments off the list, also such whose entries are damaged or of a space that is not known.
    pub(crate) fn remove_segments(&self) -> rusqlite::Result<()> {
        self.last(Numbered::IndexFiles)?;
        let others = Indexed::ALL.into_iter().filter(|of| *of != Indexed::Words);
        let others: Vec<&str> = others.map(Indexed::name).collect();
        let places = vec!["?"; others.len()].join(", ");
        let sql = format!("DELETE FROM index_files WHERE space NOT IN ({places})");
        self.transaction
            .execute(&sql, rusqlite::params_from_iter(others))
            .map(drop)
    }

    /// Takes an index file off the list.
    pub(crate) fn remove_index_file(&self, id: i64) -> rusqlite::Result<()> {
        self.transaction
            .execute("DELETE FROM index_files WHERE id = ?1", [id])
            .map(drop)
    }

    /// Makes the one list of the two that there were. `made` tells what a file says of itself, items and bytes with it;
    /// where it does not say, the file is listed all the same: what is damaged stays so, to be found and made again.
    pub(super) fn list_index_files(
        &self,
        made: &dyn Fn(IndexFile) -> Option<IndexEntry>,
    ) -> rusqlite::Result<()> {
        // Before the new table is there, for the counter is named after the table.
        let mut last = self.last(Numbered::IndexFiles)?;
        let mut rows = self.old_segments(made)?;
        for owner in [Owner::Image, Owner::Caption] {
            let old = self.old_vectors(owner, made)?;
            // A name that a segment has is nobody's else.
            let old = old.filter(|(raw, _)| rows.iter().all(|(other, _)| other.file != raw.file));
            if let Some((mut raw, sound)) = old {
                last = after(last)?;
                raw.id = last;
                rows.push((raw, sound));
            }
        }
        self.transaction.execute_batch(TABLE)?;
        for (mut raw, sound) in rows {
            let right = raw.right_crc();
            raw.crc = if sound { right } else { !right };
            self.insert(&raw)?;
        }
        self.transaction.execute_batch(
            "DROP TABLE segments;
             DELETE FROM meta WHERE key IN ('vectors.global', 'vectors.text', 'last.segments')",
        )?;
        self.gave_under_another_name(Numbered::IndexFiles, last);
        Ok(())
    }

    /// The segments that were listed, and whether their entries are sound.
    fn old_segments(
        &self,
        made: &dyn Fn(IndexFile) -> Option<IndexEntry>,
    ) -> rusqlite::Result<Vec<(Raw, bool)>> {
        let codebook = self.meta("codebook")?.unwrap_or_default();
        let sql = "SELECT id, file, images, bytes, crc FROM segments ORDER BY id";
        let mut statement = self.transaction.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let (id, file, items, bytes): (i64, String, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let crc: u32 = row.get(4)?;
            let sound = segment_file(&file).filter(|_| crc == segment_crc(&file, items, bytes));
            let raw = Raw {
                id,
                space: Indexed::Words.name().to_owned(),
                kind: IndexKind::Words.name().to_owned(),
                made: Made {
                    tag: codebook.clone(),
                    last: sound.and_then(made).map_or(0, |entry| entry.made.last),
                },
                items,
                bytes,
                crc: 0,
                file,
            };
            Ok((raw, sound.is_some()))
        })?;
        rows.collect()
    }

    /// The file of vectors that was named, and whether the entry is sound.
    fn old_vectors(
        &self,
        owner: Owner,
        made: &dyn Fn(IndexFile) -> Option<IndexEntry>,
    ) -> rusqlite::Result<Option<(Raw, bool)>> {
        let key = meta_key(owner);
        let name: Option<String> = self
            .transaction
            .query_row("SELECT value FROM meta WHERE key = ?1", [&key], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(name) = name else { return Ok(None) };
        let sound = self.meta(&key)?.and_then(|name| vectors_file(&name, owner));
        let entry = sound.and_then(made);
        let (items, bytes) = entry
            .as_ref()
            .map_or((0, 0), |entry| (entry.items, entry.bytes));
        let raw = Raw {
            id: 0,
            space: owner.name().to_owned(),
            kind: IndexKind::Vectors(owner, VectorKind::USUAL)
                .name()
                .to_owned(),
            file: name,
            made: entry.map(|entry| entry.made).unwrap_or_default(),
            items,
            bytes,
            crc: 0,
        };
        Ok(Some((raw, sound.is_some())))
    }
}

#[cfg(test)]
mod tests;
