//! Vectors of images and captions: 16-bit floats, little-endian, as the networks gave them.

use std::collections::HashMap;

use half::f16;
use rusqlite::params;

use super::owner::Owner;
use super::{Catalog, Writer};
use crate::error::{Error, RESTORE};

pub(super) const TABLES: &str = "
CREATE TABLE image_vectors (image INTEGER PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,
  data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE caption_vectors (caption INTEGER PRIMARY KEY REFERENCES captions(id) ON DELETE CASCADE,
  data BLOB NOT NULL, crc INTEGER NOT NULL);
";

/// A vector as it is stored.
pub(crate) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|&value| f16::from_f32(value).to_le_bytes())
        .collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
        .collect()
}

impl Catalog {
    /// The vector of one owner.
    pub(crate) fn vector(&self, owner: Owner, id: i64) -> Result<Option<Vec<f32>>, Error> {
        let (table, key) = (owner.table(), owner.key());
        let mut found = self.vectors(
            owner,
            &format!("SELECT {key}, data, crc FROM {table} WHERE {key} = ?1"),
            id,
        )?;
        Ok(found.pop().map(|(_, vector)| vector))
    }

    /// At most `limit` vectors with ids above `after`, in the order of their ids.
    pub(crate) fn vectors_after(
        &self,
        owner: Owner,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Vec<f32>)>, Error> {
        let (table, key) = (owner.table(), owner.key());
        let sql = format!(
            "SELECT {key}, data, crc FROM {table} WHERE {key} > ?1 ORDER BY {key} LIMIT {limit}"
        );
        let found = self.vectors(owner, &sql, after)?;
        // Where the order of a tree is damaged, SQLite gives rows again, for ever.
        let ids = std::iter::once(after).chain(found.iter().map(|(id, _)| *id));
        match ids.is_sorted_by(|a, b| a < b) {
            true => Ok(found),
            false => {
                let what = format!("the {} vectors are out of order", owner.name());
                Err(Error::damaged(self.path(), what, RESTORE))
            }
        }
    }

    fn vectors(&self, owner: Owner, sql: &str, id: i64) -> Result<Vec<(i64, Vec<f32>)>, Error> {
        if self.format()? < 2 {
            return Ok(Vec::new());
        }
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(|e| self.wrap(e))?;
        let rows = statement
            .query_map([id], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, Vec<u8>>(1)?,
                    row.get::<_, u32>(2)?,
                ))
            })
            .map_err(|e| self.wrap(e))?;
        let mut vectors = Vec::new();
        for row in rows {
            let (id, data, crc) = row.map_err(|e| self.wrap(e))?;
            if crc != crc32fast::hash(&data) {
                let what = format!(
                    "the {} vector of {} {id} is damaged",
                    owner.name(),
                    owner.key()
                );
                return Err(Error::damaged(self.path(), what, RESTORE));
            }
            vectors.push((id, from_bytes(&data)));
        }
        Ok(vectors)
    }

    /// Checks every vector: one line for each owner that has a damaged one.
    pub(super) fn check_vectors(&self, found: &mut Vec<String>) -> Result<(), Error> {
        for owner in [Owner::Image, Owner::Caption] {
            let mut after = 0;
            loop {
                match self.vectors_after(owner, after, 1024) {
                    Ok(chunk) => match chunk.last() {
                        Some(&(last, _)) => after = last,
                        None => break,
                    },
                    Err(Error::Damaged { what, .. }) => {
                        found.push(what);
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// How many vectors there are, and the greatest id that has one.
    pub(crate) fn vector_count(&self, owner: Owner) -> Result<(u64, i64), Error> {
        if self.format()? < 2 {
            return Ok((0, 0));
        }
        let sql = format!(
            "SELECT count(*), coalesce(max({}), 0) FROM {}",
            owner.key(),
            owner.table()
        );
        self.connection
            .query_row(&sql, [], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
            })
            .map_err(|e| self.wrap(e))
    }

    /// Caption → image, for all captions.
    pub(crate) fn caption_images(&self) -> Result<HashMap<i64, i64>, Error> {
        if self.format()? < 2 {
            return Ok(HashMap::new());
        }
        let pairs = self.rows("SELECT id, image FROM captions", |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(pairs.into_iter().collect())
    }

    /// At most `limit` captions that have no vector yet, in the order of their ids.
    pub(crate) fn captions_without_vector(
        &self,
        limit: usize,
    ) -> Result<Vec<(i64, String)>, Error> {
        if self.format()? < 2 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id, text FROM captions WHERE id NOT IN (SELECT caption FROM caption_vectors)
             ORDER BY id LIMIT {limit}"
        );
        self.rows(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Writer<'_> {
    /// Sets the vector of an image or a caption, as [`to_bytes`] made it.
    pub(crate) fn set_vector(&self, owner: Owner, id: i64, data: &[u8]) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT OR REPLACE INTO {} VALUES (?1, ?2, ?3)",
            owner.table()
        );
        self.transaction
            .prepare_cached(&sql)?
            .execute(params![id, data, crc32fast::hash(data)])
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ImageRow;

    #[test]
    fn rows_out_of_order_are_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        Catalog::create(&path, &[]).unwrap();
        let data = |number: u8| [0xa5, 0x5a, 0xc3, number, 0x3c, 0x99];
        let mut catalog = Catalog::open(&path).unwrap();
        let fill = |writer: &Writer<'_>| {
            for number in 1..=6 {
                let id = writer.add_image(&ImageRow::numbered(number), b"")?;
                writer.set_vector(Owner::Image, id, &data(number))?;
            }
            Ok(())
        };
        catalog.write(fill).unwrap();
        catalog.checkpoint().unwrap();
        drop(catalog);
        let mut bytes = fs_err::read(&path).unwrap();
        let at = bytes.windows(6).position(|w| w == data(4)).unwrap();
        // Before the data stand the head of the record, four bytes, and before that the identity.
        assert_eq!(bytes[at - 5], 4);
        bytes[at - 5] = 6;
        fs_err::write(&path, bytes).unwrap();
        let catalog = Catalog::open(&path).unwrap();
        let mut found = Vec::new();
        catalog.check_vectors(&mut found).unwrap();
        assert_eq!(found, ["the global vectors are out of order"]);
    }
}
