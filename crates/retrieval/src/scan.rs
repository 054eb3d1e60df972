//! Finding picture files under folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;

use crate::{Collection, Error, Skipped};

/// Endings of the formats that can be read, lower case.
const ENDINGS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm",
    "pgm", "ppm", "pam",
];

/// Why something behind a link is left alone.
const OUTSIDE: &str = "it leads out of the folder that may be taken in";

/// A picture file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub size: i64,
    pub modified_ns: i64,
}

/// What a walk over the sources saw.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Absolute sources, without symbolic links.
    pub roots: Vec<PathBuf>,
    /// Picture files by absolute path.
    pub files: BTreeMap<String, Found>,
    /// What cannot be taken in.
    pub skipped: Vec<Skipped>,
    /// Files with other endings.
    pub ignored: usize,
    /// Folders and files that the system did not let us look at: what is below them is unknown, not gone.
    unseen: Vec<PathBuf>,
    /// The folder that links may not lead out of, without symbolic links itself.
    within: Option<PathBuf>,
}

impl Scan {
    /// Walks folders (and takes files named directly, whatever their ending). With `within`, what lies outside of that
    /// folder is not looked at, whatever links lead there.
    pub(crate) fn of(sources: &[PathBuf], within: Option<&Path>) -> Result<Self, Error> {
        let mut scan = Self {
            within: within.map(fs::canonicalize).transpose()?,
            ..Self::default()
        };
        for source in sources {
            check_source(source)?;
            let root = fs::canonicalize(source)?;
            if scan.is_outside(&root) {
                scan.skip(source, OUTSIDE);
            } else if root.is_dir() {
                scan.walk(&root);
            } else {
                scan.take(&root, true);
            }
            scan.roots.push(root);
        }
        scan.skipped.sort();
        scan.skipped.dedup();
        Ok(scan)
    }

    /// Whether `path` lies under one of the sources, where it would have been seen if it were there.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let below = |folder: &PathBuf| Path::new(path).starts_with(folder);
        self.roots.iter().any(below) && !self.unseen.iter().any(below)
    }

    fn walk(&mut self, root: &Path) {
        let walk = walkdir::WalkDir::new(root)
            .follow_links(true)
            .sort_by_file_name();
        let mut entries = walk.into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.path_is_symlink() && self.is_outside(entry.path()) => {
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                    self.unseen.push(entry.path().to_owned());
                    self.skip(entry.path(), OUTSIDE);
                }
                Ok(entry) if entry.file_type().is_dir() && Collection::exists(entry.path()) => {
                    entries.skip_current_dir();
                }
                Ok(entry) if entry.file_type().is_dir() => {
                    if has_picture_ending(entry.path()) && entry.depth() > 0 {
                        self.skip(
                            entry.path(),
                            "this is a folder with the name of a picture; what is in it is indexed",
                        );
                    }
                }
                Ok(entry) => self.take(entry.path(), false),
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    let link = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
                    // A link that leads nowhere, under another name than a picture's, is nobody's concern.
                    if link && error.loop_ancestor().is_none() && !has_picture_ending(&path) {
                        self.ignored += 1;
                        self.unseen.push(path);
                        continue;
                    }
                    let reason = match (error.loop_ancestor(), link) {
                        (Some(_), _) => "the link leads back to a folder above it".to_owned(),
                        (None, true) => "the link leads nowhere".to_owned(),
                        (None, false) => {
                            let cause = error.io_error().map(std::io::Error::kind);
                            let cause = cause.map(|kind| format!(" ({kind})")).unwrap_or_default();
                            self.unseen.push(path.clone());
                            format!("it cannot be read{cause}; what is indexed below it stays")
                        }
                    };
                    self.skip(&path, &reason);
                }
            }
        }
    }

    /// Whether a path leads out of the folder that it may not lead out of.
    fn is_outside(&self, path: &Path) -> bool {
        let inside =
            |within: &PathBuf| fs::canonicalize(path).is_ok_and(|real| real.starts_with(within));
        self.within.as_ref().is_some_and(|within| !inside(within))
    }

    fn take(&mut self, path: &Path, named: bool) {
        if !named && !has_picture_ending(path) {
            self.ignored += 1;
            return;
        }
        let Some(text) = path.to_str() else {
            self.skip(path, "the path is not UTF-8; rename it");
            return;
        };
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() => {
                let since = meta
                    .modified()
                    .ok()
                    .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
                let found = Found {
                    size: i64::try_from(meta.len()).unwrap_or(i64::MAX),
                    modified_ns: since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(0)),
                };
                self.files.insert(text.to_owned(), found);
            }
            Ok(_) => self.skip(path, "this is not a regular file"),
            Err(error) => {
                self.unseen.push(path.to_owned());
                self.skip(path, &format!("it cannot be read ({})", error.kind()));
            }
        }
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        self.skipped.push(Skipped {
            path: shown(path),
            reason: reason.to_owned(),
        });
    }
}

/// Refuses a source that does not exist, before anything is made for it.
///
/// # Errors
/// The source does not exist, or may not be looked at.
pub fn check_source(source: &Path) -> Result<(), Error> {
    match fs::metadata(source) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::NoSource(source.to_owned()))
        }
        looked => Ok(looked.map(drop)?),
    }
}

/// The picture files under the sources in path order, found as an ingest finds them, and what cannot be taken.
///
/// # Errors
/// A source does not exist.
pub fn find_pictures(sources: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Skipped>), Error> {
    let scan = Scan::of(sources, None)?;
    Ok((
        scan.files.into_keys().map(PathBuf::from).collect(),
        scan.skipped,
    ))
}

/// The path as text; bytes that are not UTF-8 appear as `\xNN`.
fn shown(path: &Path) -> String {
    path.to_str().map_or_else(
        || format!("{path:?}").trim_matches('"').to_owned(),
        str::to_owned,
    )
}

fn has_picture_ending(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}
