//! The writes that one transaction can hold.

use rusqlite::{OptionalExtension, Transaction, params};

use super::given::{Given, Numbered};
use super::rows::{FileRow, ImageRow, text_crc};

/// The writes that may happen within a transaction.
pub(crate) struct Writer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) given: Given,
}

/// What became of rows that were to be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub added: usize,
    pub removed: usize,
    pub unchanged: usize,
}

impl std::ops::AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.unchanged += other.unchanged;
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self {
            transaction,
            given: Given::default(),
        }
    }
}

impl Writer<'_> {
    /// Adds an image with its stored features; gives its id.
    pub(crate) fn add_image(&self, row: &ImageRow, features: &[u8]) -> rusqlite::Result<i64> {
        let id = self.take_number(Numbered::Images)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO images (id, content, width, height, format, taken, camera, latitude, longitude,
                 features, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                id, row.content, row.width, row.height, row.format, row.taken, row.camera,
                row.latitude, row.longitude, row.features, row.crc()
            ])?;
        self.transaction
            .prepare_cached("INSERT INTO features VALUES (?1, ?2, ?3)")?
            .execute(params![id, features, crc32fast::hash(features)])?;
        Ok(id)
    }

    /// Sets a fact in `meta`.
    pub(crate) fn set_meta(&self, key: &str, value: &str) -> rusqlite::Result<()> {
        self.transaction
            .execute(
                "INSERT OR REPLACE INTO meta VALUES (?1, ?2, ?3)",
                params![key, value, text_crc(&[key, value])],
            )
            .map(drop)
    }

    /// Whether there is an image of this identity.
    pub(crate) fn has_image(&self, image: i64) -> rusqlite::Result<bool> {
        self.transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM images WHERE id = ?1)")?
            .query_row([image], |row| row.get(0))
    }

    /// Sets which image a file holds.
    pub(crate) fn set_file(&self, row: &FileRow) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO files VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                row.path,
                row.image,
                row.size,
                row.modified_ns,
                row.crc()
            ])
            .map(drop)
    }

    /// Forgets a file.
    pub(crate) fn remove_file(&self, path: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("DELETE FROM files WHERE path = ?1")?
            .execute([path])
            .map(drop)
    }

    /// Removes an image that no file holds any more; its postings die with the next merge.
    pub(crate) fn remove_if_orphan(&self, image: i64) -> rusqlite::Result<bool> {
        let removed = self
            .transaction
            .prepare_cached(
                "DELETE FROM images WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM files WHERE image = ?1)",
            )?
            .execute([image])?;
        if removed > 0 {
            self.transaction
                .prepare_cached("INSERT OR IGNORE INTO tombstones VALUES (?1)")?
                .execute([image])?;
        }
        Ok(removed > 0)
    }

    /// A fact from `meta`, if its entry is sound.
    pub(super) fn meta(&self, key: &str) -> rusqlite::Result<Option<String>> {
        let found: Option<(String, u32)> = self
            .transaction
            .query_row("SELECT value, crc FROM meta WHERE key = ?1", [key], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let sound = found.filter(|(value, crc)| *crc == text_crc(&[key, value]));
        Ok(sound.map(|(value, _)| value))
    }

    /// Forgets a removed image: no segment holds its postings any more.
    pub(crate) fn remove_tombstone(&self, image: i64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("DELETE FROM tombstones WHERE image = ?1")?
            .execute([image])
            .map(drop)
    }

    /// Forgets all removed images.
    pub(crate) fn clear_tombstones(&self) -> rusqlite::Result<()> {
        self.transaction
            .execute("DELETE FROM tombstones", [])
            .map(drop)
    }
}
