//! Looking for damage in the catalog.

use super::Catalog;
use super::rows::{file_row, image_row, segment_crc, text_crc};
use crate::error::{Error, REBUILD, RESTORE};
use crate::{Problem, stored};

impl Catalog {
    /// Checks the structure of the file and the CRC of every row; `seen` is called once an image.
    pub(crate) fn check(&self, seen: impl FnMut()) -> Result<Vec<Problem>, Error> {
        let mut found = Vec::new();
        for line in self.rows("PRAGMA integrity_check(20)", |row| row.get::<_, String>(0))? {
            if line != "ok" {
                found.push(format!("SQLite reports: {line}"));
            }
        }
        self.check_meta(&mut found)?;
        self.check_images(&mut found, seen)?;
        self.check_files(&mut found)?;
        self.check_segments(&mut found)?;
        self.check_vectors(&mut found)?;
        let problem = |what, remedy: &str| Problem {
            path: self.path().to_owned(),
            what,
            remedy: remedy.into(),
        };
        let second = self.format()? >= 2;
        if second {
            self.check_captions(&mut found)?;
            self.check_metadata(&mut found)?;
        }
        let mut problems: Vec<Problem> = found
            .into_iter()
            .map(|what| problem(what, RESTORE))
            .collect();
        if second && problems.is_empty() && !self.caption_index_is_whole()? {
            let what = "the full-text index over the captions is damaged";
            problems.push(problem(what.into(), REBUILD));
        }
        Ok(problems)
    }

    fn check_meta(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let entries = self.rows("SELECT key, value, crc FROM meta", |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, u32>(2)?,
            ))
        })?;
        for (key, value, crc) in entries {
            if crc != text_crc(&[&key, &value]) {
                found.push(format!("the entry `{key}` is damaged"));
            }
        }
        Ok(())
    }

    fn check_images(&self, found: &mut Vec<String>, mut seen: impl FnMut()) -> Result<(), Error> {
        let images = self.rows(
            "SELECT content, width, height, format, taken, camera, latitude, longitude, features, id, crc
             FROM images ORDER BY id",
            |row| Ok((image_row(row)?, row.get::<_, i64>(9)?, row.get::<_, u32>(10)?)),
        )?;
        for (row, id, crc) in images {
            if crc != row.crc() {
                found.push(format!("the entry of image {id} is damaged"));
            }
            let features = match self.features(id) {
                Ok(data) => data.as_deref().and_then(stored::decode),
                Err(_) => None,
            };
            if features.is_none_or(|features| features.len() != row.features as usize) {
                found.push(format!("the features of image {id} are damaged"));
            }
            seen();
        }
        Ok(())
    }

    fn check_files(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let files = self.rows(
            "SELECT path, image, size, modified_ns, crc FROM files",
            |row| Ok((file_row(row)?, row.get::<_, u32>(4)?)),
        )?;
        for (row, crc) in files {
            if crc != row.crc() {
                found.push(format!("the entry of the file {} is damaged", row.path));
            }
        }
        Ok(())
    }

    fn check_segments(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let segments = self.rows("SELECT file, images, bytes, crc FROM segments", |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get::<_, u32>(3)?,
            ))
        })?;
        for (file, images, bytes, crc) in segments {
            if crc != segment_crc(&file, images, bytes) {
                found.push(format!("the entry of segment {file} is damaged"));
            }
        }
        Ok(())
    }
}
