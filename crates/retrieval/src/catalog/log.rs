//! What a crash left of the write-ahead log.
//!
//! Each frame of the log has a checksum that goes on from that of the frame before. SQLite reads up to the first one that
//! does not fit, and says nothing of what follows: a turned bit takes the commits behind it away, and once a connection
//! has been opened and closed nothing tells of them any more. So the log is looked at before SQLite opens it; one that
//! holds a commit which cannot be read is kept under another name, for `verify` to speak of.
//!
//! The format is that of <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_vectors::AtomicFile;

use super::header::beside;

const HEAD: usize = 32;
const FRAME: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;
/// Looks at a log that another process may be writing.
const LOOKS: usize = 4;

/// What could not be read of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The file that holds a commit which cannot be read.
    pub damaged: Option<PathBuf>,
    /// The log ended in a frame that cannot be read, and no commit behind it is known.
    pub cut: bool,
}

/// Where a damaged log is kept.
fn kept(catalog: &Path) -> PathBuf {
    beside(catalog, "-wal.damaged")
}

/// Looks at the log of a catalog, and keeps a damaged one.
pub(super) fn examine(catalog: &Path) -> Log {
    let path = beside(catalog, "-wal");
    let kept = kept(catalog);
    let scan = settled(&path);
    if scan.lost && fs::symlink_metadata(&kept).is_err() {
        // Where nothing can be written, SQLite writes nothing either, and the log stays.
        let _ = keep(&path, &kept);
    }
    let was_kept = fs::symlink_metadata(&kept).is_ok();
    Log {
        damaged: match (was_kept, scan.lost) {
            (true, _) => Some(kept),
            (false, true) => Some(path),
            (false, false) => None,
        },
        cut: scan.cut && !scan.lost,
    }
}

fn keep(log: &Path, kept: &Path) -> std::io::Result<()> {
    let mut file = AtomicFile::create_new(kept)?;
    std::io::copy(&mut fs::File::open(log)?, &mut file)?;
    file.commit(&[])
}

/// What a scan found that stays so: another process may be writing meanwhile.
fn settled(path: &Path) -> Scan {
    let mut last = scan(path).unwrap_or_default();
    for _ in 1..LOOKS {
        if !last.lost && !last.cut {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
        let again = scan(path).unwrap_or_default();
        if again == last {
            return last;
        }
        last = again;
    }
    last
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scan {
    head: Vec<u8>,
    frames: u64,
    /// A commit stands in the log that cannot be read.
    lost: bool,
    /// Frames of this log stand behind the last one that can be read.
    cut: bool,
}

/// The head of a log, sound.
struct Head {
    big_endian: bool,
    page: usize,
    salts: [u32; 2],
    sum: [u32; 2],
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (magic, page) = (number(bytes, 0), number(bytes, 8));
        let head = Self {
            big_endian: magic & 1 == 1,
            page: page as usize,
            salts: [number(bytes, 16), number(bytes, 20)],
            sum: [number(bytes, 24), number(bytes, 28)],
        };
        let sound = magic & !1 == MAGIC
            && number(bytes, 4) == VERSION
            && page.is_power_of_two()
            && (512..=65_536).contains(&page)
            && head.add([0, 0], bytes.get(..24)?) == head.sum;
        sound.then_some(head)
    }

    /// The checksum of more bytes.
    fn add(&self, [mut a, mut b]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
        let word = |four: &[u8; 4]| match self.big_endian {
            true => u32::from_be_bytes(*four),
            false => u32::from_le_bytes(*four),
        };
        for pair in bytes.as_chunks::<4>().0.chunks_exact(2) {
            a = a.wrapping_add(word(&pair[0])).wrapping_add(b);
            b = b.wrapping_add(word(&pair[1])).wrapping_add(a);
        }
        [a, b]
    }

    fn sum_of(&self, frame: &[u8], before: [u32; 2]) -> [u32; 2] {
        self.add(self.add(before, &frame[..8]), &frame[FRAME..])
    }
}

fn scan(path: &Path) -> std::io::Result<Scan> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut bytes = vec![0; HEAD];
    if length < HEAD as u64 {
        return Ok(Scan::default());
    }
    reader.read_exact(&mut bytes)?;
    let Some(head) = Head::read(&bytes) else {
        // Frames are written behind a sound head only.
        return Ok(Scan {
            lost: length > (HEAD + FRAME) as u64,
            head: bytes,
            ..Scan::default()
        });
    };
    let mut scan = Scan {
        head: bytes,
        ..Scan::default()
    };
    let mut frame = vec![0; FRAME + head.page];
    let (mut readable, mut before) = (true, head.sum);
    while reader.read_exact(&mut frame).is_ok() {
        let stored = [number(&frame, 16), number(&frame, 20)];
        let salts = [number(&frame, 8), number(&frame, 12)];
        let fits = head.sum_of(&frame, before) == stored;
        readable = readable && fits && salts == head.salts;
        scan.frames += u64::from(readable);
        // What an earlier turn of the log left has other salts, both.
        let of_this_log = salts[0] == head.salts[0] || salts[1] == head.salts[1];
        if !readable && of_this_log {
            scan.cut = true;
            let commits = number(&frame, 4) > 0;
            scan.lost |= fits && commits;
        }
        before = stored;
    }
    Ok(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// A catalog with a log of three commits of some frames each, and no connection.
    fn crashed() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let (live, path) = (folder.path().join("live"), folder.path().join("catalog.db"));
        let connection = Connection::open(&live).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE)",
            )
            .unwrap();
        for text in ["a", "b", "c"] {
            let text = text.repeat(9_000);
            connection
                .execute("INSERT INTO t VALUES (?1)", [text])
                .unwrap();
        }
        fs::copy(&live, &path).unwrap();
        let log = fs::read(beside(&live, "-wal")).unwrap();
        fs::write(beside(&path, "-wal"), &log).unwrap();
        (folder, path, log)
    }

    #[test]
    fn a_sound_log_is_sound() {
        let (_folder, path, log) = crashed();
        assert_eq!(examine(&path), Log::default());
        // Cut off anywhere, as a kill leaves it.
        for length in (0..log.len()).step_by(509) {
            fs::write(beside(&path, "-wal"), &log[..length]).unwrap();
            assert_eq!(examine(&path), Log::default(), "{length}");
        }
    }

    #[test]
    fn no_turned_bit_goes_unnoticed() {
        let (_folder, path, log) = crashed();
        let last_frame = log.len() - FRAME - 4096;
        for at in (0..HEAD + FRAME).chain((0..log.len()).step_by(97)) {
            let mut bytes = log.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(beside(&path, "-wal"), &bytes).unwrap();
            let found = examine(&path);
            // Behind the last commit there is none that could be missed.
            match at < last_frame - FRAME - 4096 {
                true => assert!(found.damaged.is_some(), "{at}"),
                false => assert!(found.damaged.is_some() || found.cut, "{at}"),
            }
            let _ = fs::remove_file(kept(&path));
        }
    }

    #[test]
    fn a_damaged_log_is_kept() {
        let (_folder, path, log) = crashed();
        let mut bytes = log;
        bytes[HEAD + 100] ^= 1;
        fs::write(beside(&path, "-wal"), &bytes).unwrap();
        assert_eq!(examine(&path).damaged, Some(kept(&path)));
        fs::remove_file(beside(&path, "-wal")).unwrap();
        assert_eq!(examine(&path).damaged, Some(kept(&path)));
        assert_eq!(fs::read(kept(&path)).unwrap(), bytes);
    }
}
