//! The first hundred bytes of a catalog, read before SQLite reads them.
//!
//! SQLite takes most of them at their word: a turned bit can switch off the write-ahead log, or change how every text is
//! read. Catalogs of this program all have the same values there, so each is compared.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::Remedy;
use crate::error::{Error, RESTORE};
use crate::regular::regular;

pub(super) const APPLICATION: i64 = 0x565a_534c;
const HEADER: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Fields that are the same in every catalog: where, what, and their name in messages.
const FIXED: [(usize, &[u8], &str); 8] = [
    (20, &[0], "reserved bytes"),
    (21, &[64, 32, 32], "fractions of payload"),
    (44, &[0, 0, 0, 4], "format of the tables"),
    (48, &[0, 0, 0, 0], "size of the cache"),
    (52, &[0, 0, 0, 0], "root pages"),
    (56, &[0, 0, 0, 1], "encoding of texts"),
    (64, &[0, 0, 0, 0], "vacuum mode"),
    (72, &[0; 20], "reserved space"),
];

/// Reads the head of a catalog and compares what never differs.
///
/// # Errors
/// This is no catalog, or its head is damaged.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let damaged = |what: String| Error::damaged(path, what, RESTORE);
    let mut header = [0; HEADER];
    let mut file = fs::File::open(path)?;
    let whole = file.read_exact(&mut header).is_ok();
    if !whole || header[..16] != MAGIC[..] || header[68..72] != APPLICATION.to_be_bytes()[4..] {
        return Err(damaged("this is not a catalog of vizsla".into()));
    }
    let bad = FIXED
        .iter()
        .find(|(at, expected, _)| header[*at..at + expected.len()] != **expected);
    // 2 is a write-ahead log, 1 none: so a copy comes that SQLite's own tools made.
    let versions = matches!(header[18..20], [1, 1] | [2, 2]);
    match bad
        .map(|(.., name)| *name)
        .or((!versions).then_some("versions"))
    {
        Some(name) => Err(damaged(format!(
            "the head of the catalog is damaged ({name})"
        ))),
        None => Ok(()),
    }
}

/// Looks at the files that SQLite keeps beside a catalog: none is a link, and there is no rollback journal.
///
/// A catalog has a write-ahead log and never such a journal. SQLite would play a stranger's back, and remove the file
/// that it names as its superior.
///
/// # Errors
/// One of them is something else.
pub(crate) fn check_files(catalog: &Path) -> Result<(), Error> {
    for ending in ["-wal", "-shm"] {
        regular(&beside(catalog, ending))?;
    }
    let journal = beside(catalog, "-journal");
    match crate::regular::about(&journal)? {
        None => Ok(()),
        Some(_) => Err(Error::damaged(
            &journal,
            "a rollback journal lies beside the catalog, which this program never leaves there",
            Remedy::MoveAway,
        )),
    }
}

/// A file that SQLite keeps beside a catalog.
pub(super) fn beside(catalog: &Path, ending: &str) -> PathBuf {
    let mut name = catalog.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
