//! What a cleaned folder leaves behind: the result for programs, tables, and the contact sheet of what was dropped.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use vizsla_vectors::AtomicFile;

use super::outcome::Cleaning;
use super::sheet;
use crate::Error;

impl Cleaning {
    /// Writes `clean.json`, `kept.csv`, `pairs.csv`, `negatives.csv` and, when something was dropped, the contact
    /// sheets `dropped.html` and `dropped.png` into a folder, which is made when it is not there. Each file appears
    /// whole or not at all.
    ///
    /// # Errors
    /// The folder or a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        fs_err::create_dir_all(folder)?;
        let json = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Clean(format!("the result cannot be written as JSON ({e})")))?;
        AtomicFile::write_whole(&folder.join("clean.json"), &json)?;
        self.write_kept(&folder.join("kept.csv"))?;
        let path = folder.join("pairs.csv");
        write_rows(
            &path,
            &["image", "positive", "label", "inliers", "extent"],
            &self.positives,
        )?;
        let path = folder.join("negatives.csv");
        write_rows(
            &path,
            &["image", "negative", "rank", "similarity"],
            &self.negatives,
        )?;
        if self.dropped > 0 {
            AtomicFile::write_whole(&folder.join("dropped.html"), sheet::page(self)?.as_bytes())?;
            let png = sheet::picture(self)?.encode_png()?;
            AtomicFile::write_whole(&folder.join("dropped.png"), &png)?;
        }
        Ok(())
    }

    fn write_kept(&self, path: &Path) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            image: &'a str,
            label: &'a str,
            x: u32,
            y: u32,
            width: u32,
            height: u32,
        }
        let rows = self.classes.iter().flat_map(|class| {
            class.kept.iter().map(|kept| Row {
                image: &kept.image,
                label: &class.class,
                x: kept.object.x,
                y: kept.object.y,
                width: kept.object.width,
                height: kept.object.height,
            })
        });
        let rows: Vec<Row<'_>> = rows.collect();
        write_rows(
            path,
            &["image", "label", "x", "y", "width", "height"],
            &rows,
        )
    }
}

fn write_rows<T: Serialize>(path: &Path, heads: &[&str], rows: &[T]) -> Result<(), Error> {
    let failed = |e: &dyn fmt::Display| Error::Clean(format!("{e}: {}", path.display()));
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(heads).map_err(|e| failed(&e))?;
    for row in rows {
        writer.serialize(row).map_err(|e| failed(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    Ok(AtomicFile::write_whole(path, &bytes)?)
}
