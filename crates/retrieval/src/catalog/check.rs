//! Looking for damage in the catalog.

use std::collections::BTreeMap;

use super::Catalog;
use super::rows::{file_row, image_row, text_crc};
use crate::error::{Error, REBUILD, RESTORE, WRITE};
use crate::{Problem, Remedy, stored};

impl Catalog {
    /// Checks the structure of the file and the CRC of every row; `seen` is called once an image.
    pub(crate) fn check(&self, seen: impl FnMut()) -> Result<Vec<Problem>, Error> {
        let mut found = Vec::new();
        for line in self.rows("PRAGMA integrity_check(20)", |row| row.get::<_, String>(0))? {
            if line != "ok" {
                found.push(format!("SQLite reports: {line}"));
            }
        }
        self.check_references(&mut found)?;
        self.check_meta(&mut found)?;
        self.check_images(&mut found, seen)?;
        self.check_files(&mut found)?;
        self.check_vectors(&mut found)?;
        let second = self.format()? >= 2;
        if second {
            self.check_captions(&mut found)?;
            self.check_metadata(&mut found)?;
        }
        let mut problems = self.problems(found, RESTORE);
        let mut found = Vec::new();
        if second && problems.is_empty() && !self.caption_index_is_whole()? {
            found.push("the full-text index over the captions is damaged".into());
        }
        problems.extend(self.problems(found, REBUILD));
        for (what, remedy) in self.check_index_files()? {
            problems.extend(self.problems(vec![what], remedy));
        }
        let mut found = Vec::new();
        self.check_header(&mut found)?;
        self.check_numbers(&mut found)?;
        problems.extend(self.problems(found, WRITE));
        problems.extend(self.way.log.damaged.as_ref().map(|path| Problem {
            path: path.clone(),
            what: "a log of changes that a crash left has a commit that cannot be read: a power cut in the midst of \
                   writing or damage; what it would have changed is not in the catalog"
                .into(),
            remedy: Remedy::IndexAgain,
        }));
        Ok(problems)
    }

    /// What a person should know, although nothing is known to be wrong.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let cut = "the log of changes ended in a part that cannot be read: a transaction that a crash cut short, of \
                   which nothing is kept, or damage to the last one; index the folders again to be sure";
        self.way
            .log
            .cut
            .then(|| cut.to_owned())
            .into_iter()
            .collect()
    }

    fn problems(&self, found: Vec<String>, remedy: Remedy) -> Vec<Problem> {
        let problem = |what| Problem {
            path: self.path().to_owned(),
            what,
            remedy,
        };
        found.into_iter().map(problem).collect()
    }

    /// Finds rows of images and captions that are not there.
    fn check_references(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let rows = self.rows("PRAGMA foreign_key_check", |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?))
        })?;
        let mut counts = BTreeMap::<(String, String), usize>::new();
        for row in rows {
            *counts.entry(row).or_default() += 1;
        }
        for ((table, parent), count) in counts {
            found.push(format!(
                "{count} rows of `{table}` belong to `{parent}` that are not there"
            ));
        }
        Ok(())
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
}
