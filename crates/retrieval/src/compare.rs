//! Comparing the indexed files with what the collection holds of them, by content.
//!
//! An ingest goes by size and time, which is quick and blind to an edit that keeps both. This reads everything.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use vizsla_pixels::{ErrorKind, Reach};

use crate::catalog::FileRow;
use crate::ingest::is_held;
use crate::{
    Collection, Error, FileFinding, FileState, FilesReport, ListedImage, Problem, Remedy, Reporter,
};

/// Bytes read at a time.
const PIECE: usize = 1 << 18;

impl Collection {
    /// Reads every indexed file and says which are not what was indexed: changed, gone or unreadable. Changes nothing.
    ///
    /// # Errors
    /// The catalog cannot be read, or the reporter said to stop.
    pub fn compare_files(&self, reporter: &dyn Reporter) -> Result<FilesReport, Error> {
        let (files, contents) = {
            let catalog = self.catalog();
            catalog.at_one_instant(|| Ok((catalog.files()?, catalog.contents()?)))?
        };
        let files: Vec<FileRow> = files
            .into_iter()
            .filter(|row| !is_held(&row.path))
            .collect();
        let contents: std::collections::HashMap<i64, [u8; 32]> = contents
            .into_iter()
            .map(|(content, image)| (image, content))
            .collect();
        reporter.begin("comparing files", files.len() as u64);
        let looked = files.par_iter().with_max_len(1).map(|row| {
            if reporter.cancelled() {
                return Err(Error::Cancelled);
            }
            let looked = look(row, contents.get(&row.image));
            reporter.advance(1);
            Ok(looked)
        });
        let looked: Vec<(u64, Option<FileFinding>)> = looked.collect::<Result<_, Error>>()?;
        reporter.end();
        Ok(FilesReport {
            checked: looked.len() as u64,
            bytes: looked.iter().map(|(bytes, _)| bytes).sum(),
            found: looked.into_iter().filter_map(|(_, found)| found).collect(),
        })
    }
}

impl ListedImage {
    /// The bytes of a file of the image that still holds what was indexed, of at most so many; `None` where none does. Each file is opened by
    /// `open`, and read once: what is given is what was looked at.
    pub fn read_by(&self, open: impl Fn(&Path) -> Option<File>, most: u64) -> Option<Vec<u8>> {
        self.paths.iter().find_map(|path| {
            let mut bytes = Vec::new();
            let mut file = open(path)?.take(most.saturating_add(1));
            file.read_to_end(&mut bytes).ok()?;
            (blake3::hash(&bytes).to_hex().as_str() == self.content).then_some(bytes)
        })
    }
}

/// Compares one file: how many bytes were read, and what is not as it was.
fn look(row: &FileRow, content: Option<&[u8; 32]>) -> (u64, Option<FileFinding>) {
    let path = Path::new(&row.path);
    let finding = |state, what: String, remedy: Remedy| {
        Some(FileFinding {
            state,
            problem: Problem {
                path: path.to_owned(),
                what,
                remedy,
            },
        })
    };
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => finding(
            FileState::Missing,
            "the file is gone".into(),
            Remedy::IndexOrRemove,
        ),
        kind => finding(
            FileState::Unreadable,
            format!("the file cannot be read ({kind})"),
            Remedy::CheckFile,
        ),
    };
    let differs = |what: String| finding(FileState::Differs, what, Remedy::Rescan);
    let file = match Reach::anywhere().open(path) {
        Ok(file) => file,
        Err(error) => {
            let finding = match error.kind() {
                ErrorKind::Io(error) => unreadable(error),
                _ => differs("this is not a regular file any more".into()),
            };
            return (0, finding);
        }
    };
    let read = file.metadata().and_then(|about| {
        let same = i64::try_from(about.len()) == Ok(row.size);
        same.then(|| hash(file, about.len()))
            .transpose()
            .map(|hashed| (about.len(), hashed))
    });
    match read {
        Err(error) => (0, unreadable(&error)),
        Ok((found, None)) => {
            let what = format!("the file has {found} bytes, indexed were {}", row.size);
            (0, differs(what))
        }
        Ok((_, Some((bytes, found)))) if content == Some(&found) => (bytes, None),
        Ok((_, Some((bytes, _)))) => (bytes, differs("the content is not what was indexed".into())),
    }
}

/// The hash of a file that should have so many bytes; of a longer one a byte more is read.
fn hash(file: File, bytes: u64) -> io::Result<(u64, [u8; 32])> {
    let mut file = file.take(bytes.saturating_add(1));
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut read = 0;
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((read, *hasher.finalize().as_bytes())),
            count => {
                hasher.update(&piece[..count]);
                read += count as u64;
            }
        }
    }
}
