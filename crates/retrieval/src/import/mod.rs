//! Captions, labels and other metadata, from files that the user has.
//!
//! Lists of every form that [`crate::lists`] reads, and files that lie beside the pictures. A record names a picture; what the
//! collection does not hold, and lines that cannot be read, are counted and listed, and keep nobody from the rest. A file of
//! which nothing can be used is refused. One import is one transaction, and importing the same file again changes
//! nothing but what changed in it.

mod beside;
mod collected;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

pub use self::collected::ImportReport;
use self::collected::{Collected, FOLDERS, MOST_LISTED, Said, Wanted};
use crate::catalog::{Changes, Datum};
use crate::lists::{self, How, Names};
use crate::{Caption, Collection, Error, Remedy, Skipped};

impl Collection {
    /// Takes captions in: from a list with a picture and a caption in each record, or, when `source` is a folder, from `photo.jpg.txt` or `photo.txt` beside each indexed picture below it, one caption a line.
    ///
    /// Names of pictures are looked for in the folder of the file, in `roots`, and then by the end of the path
    /// ([`lists::Names`]). The
    /// captions that the same file gave of an image before are replaced; those that stay keep their identity.
    ///
    /// # Errors
    /// The file cannot be read, nothing of it can be used (the error names the line), or another process is writing.
    pub fn import_captions(
        &mut self,
        source: &Path,
        roots: &[PathBuf],
    ) -> Result<ImportReport, Error> {
        self.import(source, roots, Wanted::Captions)
    }

    /// Takes metadata in: from a list with a picture and any other columns, or, when `source` is a folder, from `photo.jpg.json` or `photo.json` beside each indexed picture below it.
    ///
    /// Keys are kept in lower case; `labels` counts as `label`, a list of labels is split at `;` and `|`. Fields of an
    /// object are joined to keys by a dot. Names of pictures are found as for captions.
    ///
    /// # Errors
    /// As [`Collection::import_captions`].
    pub fn import_metadata(
        &mut self,
        source: &Path,
        roots: &[PathBuf],
    ) -> Result<ImportReport, Error> {
        self.import(source, roots, Wanted::Metadata)
    }

    /// Makes the name of the folder that holds a picture its label, for all files below `roots` (none = all files).
    ///
    /// # Errors
    /// A root does not exist, or another process is writing.
    pub fn label_by_folder(&mut self, roots: &[PathBuf]) -> Result<ImportReport, Error> {
        let _lock = self.lock()?;
        let roots = canonical(roots)?;
        let mut collected = Collected::default();
        collected.report.source = FOLDERS.into();
        for row in self.catalog().files()? {
            let path = Path::new(&row.path);
            let inside = roots.is_empty() || roots.iter().any(|root| path.starts_with(root));
            let folder = path.parent().and_then(Path::file_name);
            let (true, Some(folder)) = (inside, folder) else {
                continue;
            };
            let label = Said {
                data: vec![Datum {
                    key: values::LABEL.into(),
                    text: folder.to_string_lossy().into_owned(),
                    number: None,
                }],
                ..Said::default()
            };
            collected.add(row.image, label);
            collected.report.records += 1;
        }
        collected.report.images = collected.images.len();
        self.write_import(collected, FOLDERS, Wanted::Metadata)
    }

    /// All captions, in the order they came in.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn captions(&self) -> Result<Vec<Caption>, Error> {
        self.catalog().captions()
    }

    /// What is known of images under a metadata key, such as `label`: the values of each image that has some.
    ///
    /// # Errors
    /// The catalog cannot be read, or no image has such a key; the message lists the keys there are.
    pub fn metadata(&self, key: &str) -> Result<BTreeMap<i64, Vec<String>>, Error> {
        let catalog = self.catalog();
        let mut values: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (image, data) in catalog.metadata()? {
            for datum in data.into_iter().filter(|datum| datum.key == key) {
                values.entry(image).or_default().push(datum.text);
            }
        }
        if values.is_empty() {
            let keys = catalog.metadata_keys()?;
            if keys.is_empty() {
                return Err(Error::Lacking {
                    what: format!(
                        "no image has the metadata {key}; the collection has no metadata"
                    ),
                    remedy: Remedy::GiveMetadata,
                });
            }
            return Err(Error::Query(format!(
                "no image has the metadata {key}; the collection has {}",
                keys.join(", ")
            )));
        }
        Ok(values)
    }

    fn import(
        &mut self,
        source: &Path,
        roots: &[PathBuf],
        wanted: Wanted,
    ) -> Result<ImportReport, Error> {
        let place = fs::canonicalize(source)?;
        let mut collected = if place.is_dir() {
            beside::collect(&place, &self.catalog().files()?, wanted)?
        } else {
            let mut folders: Vec<PathBuf> =
                place.parent().map(Path::to_owned).into_iter().collect();
            folders.extend(canonical(roots)?);
            let files = self.catalog().files()?;
            let files = files.into_iter().map(|row| (row.path, row.image));
            collect(&place, wanted, &Names::new(files, &folders))?
        };
        collected.report.source = source.to_owned();
        let _lock = self.lock()?;
        self.write_import(collected, &place.to_string_lossy(), wanted)
    }

    fn write_import(
        &mut self,
        collected: Collected,
        source: &str,
        wanted: Wanted,
    ) -> Result<ImportReport, Error> {
        let Collected { mut report, images } = collected;
        let changes = self.catalog().write(|writer| {
            let mut changes = Changes::default();
            for (image, record) in &images {
                // The picture may have left the collection since its name was looked up.
                if !writer.has_image(*image)? {
                    continue;
                }
                changes += match wanted {
                    Wanted::Captions => writer.set_captions(*image, source, &record.captions)?,
                    Wanted::Metadata => writer.set_metadata(*image, source, &record.data)?,
                };
            }
            Ok(changes)
        })?;
        self.changed();
        report.added = changes.added;
        report.removed = changes.removed;
        report.unchanged = changes.unchanged;
        Ok(report)
    }
}

/// What a list says of the images that `names` knows.
fn collect(list: &Path, wanted: Wanted, names: &Names<i64>) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    let mut foreign = 0;
    let read = lists::read(list, &values::roles(wanted), &mut |record| {
        let (captions, data) = values::said(&record, wanted)?;
        match names.find_any(&record.names()) {
            Ok(found) => {
                foreign += usize::from(found.how == How::Foreign);
                collected.add(found.file, Said { captions, data });
            }
            Err(reason) => {
                let report = &mut collected.report;
                report.unmatched += 1;
                if report.unmatched_listed.len() < MOST_LISTED {
                    let path = record.names().into_iter().next().unwrap_or_default();
                    let reason = reason.to_string();
                    report.unmatched_listed.push(Skipped { path, reason });
                }
            }
        }
        Ok(())
    })?;
    let report = &mut collected.report;
    report.records = read.records;
    report.unread = read.unread;
    report.unread_listed = read.unread_listed;
    report.notes = read.notes;
    if foreign > 0 {
        report.notes.push(format!(
            "names that are paths of another place and were found by their ends: {foreign}"
        ));
    }
    report.images = collected.images.len();
    Ok(collected)
}

/// Whether captions can be had from this list; a folder is not looked into.
///
/// # Errors
/// As of [`Collection::import_captions`], before anything is written.
pub fn check_captions(list: &Path) -> Result<(), Error> {
    check(list, Wanted::Captions)
}

/// Whether metadata can be had from this list; a folder is not looked into.
///
/// # Errors
/// As of [`Collection::import_metadata`], before anything is written.
pub fn check_metadata(list: &Path) -> Result<(), Error> {
    check(list, Wanted::Metadata)
}

fn check(list: &Path, wanted: Wanted) -> Result<(), Error> {
    if fs::metadata(list)?.is_dir() {
        return Ok(());
    }
    lists::read(list, &values::roles(wanted), &mut |record| {
        values::said(&record, wanted).map(|_| ())
    })?;
    Ok(())
}

fn canonical(roots: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let found = roots.iter().map(|root| {
        let root = fs::canonicalize(root)?;
        Ok(match root.parent() {
            Some(folder) if root.is_file() => folder.to_owned(),
            _ => root,
        })
    });
    found.collect()
}
