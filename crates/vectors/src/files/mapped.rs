//! Memory-mapped files.
#![allow(unsafe_code)]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use memmap2::Mmap;

use super::holes::Watched;

/// The bytes of a file, mapped where the system can.
///
/// Files of ours are never changed after they got their name. Another program may still cut one short, or the disk may
/// fail: what is read then is zeros, never a signal that ends the process, and [`Mapped::is_whole`] tells.
#[derive(Debug, Clone)]
pub struct Mapped {
    content: Arc<Content>,
    range: Range<usize>,
}

#[derive(Debug)]
enum Content {
    Map {
        // Dropped first: a place that is watched is mapped.
        watched: Watched,
        map: Mmap,
        file: std::fs::File,
    },
    /// Read into memory: empty files cannot be mapped, and not every file system maps.
    Read(Vec<u8>),
}

impl Mapped {
    /// Opens a file that is never changed after it got its name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = fs::File::open(path)?.into_parts().0;
        if file.metadata()?.len() == 0 {
            return Ok(Self::from(Vec::new()));
        }
        // SAFETY: files are written under a temporary name, renamed when complete and never written again, only
        // unlinked, which keeps the mapping alive. Where another program changes one all the same, its bytes are only
        // ever read as plain numbers and checked; where it cuts one short, the mapping is watched.
        let Ok(map) = (unsafe { Mmap::map(&file) }) else {
            return Self::read(path);
        };
        match Watched::new(map.as_ptr() as usize, map.len()) {
            Some(watched) => Ok(Self {
                range: 0..map.len(),
                content: Arc::new(Content::Map { watched, map, file }),
            }),
            None => Self::read(path),
        }
    }

    /// Reads the file instead of mapping it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self::from(fs::read(path)?))
    }

    /// The content. Who used it asks [`Mapped::is_whole`] before the result goes anywhere.
    pub fn bytes(&self) -> &[u8] {
        let bytes: &[u8] = match &*self.content {
            Content::Map { map, .. } => map,
            Content::Read(bytes) => bytes,
        };
        bytes.get(self.range.clone()).unwrap_or_default()
    }

    /// Some of the bytes, still of the same file; `None` where there are not so many.
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        let start = self.range.start.checked_add(range.start)?;
        let end = self.range.start.checked_add(range.end)?;
        (start <= end && end <= self.range.end).then(|| Self {
            content: Arc::clone(&self.content),
            range: start..end,
        })
    }

    /// Whether all that was read so far are bytes of the file, and the file is as long as when it was opened.
    pub fn is_whole(&self) -> bool {
        match &*self.content {
            Content::Read(_) => true,
            // A file that ends within its last page reads as zeros from there, without a signal.
            Content::Map { watched, map, file } => {
                let long = |data: std::fs::Metadata| data.len() >= map.len() as u64;
                !watched.has_holes() && file.metadata().is_ok_and(long)
            }
        }
    }
}

impl From<Vec<u8>> for Mapped {
    /// Bytes that are in memory already.
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            range: 0..bytes.len(),
            content: Arc::new(Content::Read(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_and_reading_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for content in [&b""[..], b"some bytes"] {
            fs::write(&path, content).unwrap();
            for opened in [Mapped::open(&path).unwrap(), Mapped::read(&path).unwrap()] {
                assert_eq!(opened.bytes(), content);
                assert!(opened.is_whole());
            }
        }
        let file = Mapped::open(&path).unwrap();
        let part = file.part(5..10).unwrap();
        assert_eq!(
            (part.bytes(), part.part(1..3).unwrap().bytes()),
            (&b"bytes"[..], &b"yt"[..])
        );
        assert!(file.part(5..11).is_none() && part.part(3..6).is_none());
        assert!(part.part(1..usize::MAX).is_none());
        assert!(Mapped::open(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn what_was_read_into_memory_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, b"some bytes").unwrap();
        let read = Mapped::read(&path).unwrap();
        fs::write(&path, b"").unwrap();
        assert!(read.is_whole() && read.bytes() == b"some bytes");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_is_cut_short_reads_as_zeros_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, vec![7; 1_000_000]).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            (Mapped::open(&path).unwrap(), file)
        };
        let (other, _) = open("other");
        for (length, name) in [0, 1, 500_000, 999_999]
            .into_iter()
            .zip(["a", "b", "c", "d"])
        {
            let (cut, file) = open(name);
            assert!(cut.is_whole());
            file.set_len(length).unwrap();
            assert!(!cut.is_whole(), "{length}");
            let there = cut.bytes().iter().filter(|&&byte| byte == 7).count();
            assert_eq!(there as u64, length);
            // Bytes that come back do not heal what was read meanwhile.
            file.set_len(1_000_000).unwrap();
            assert_eq!(cut.is_whole(), length == 999_999, "{length}");
        }
        assert!(other.is_whole() && other.bytes().iter().all(|&byte| byte == 7));
    }

    #[test]
    #[cfg(unix)]
    fn many_threads_may_read_where_nothing_is_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for _ in 0..20 {
            fs::write(&path, vec![7; 4_000_000]).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            let cut = Mapped::open(&path).unwrap();
            std::thread::scope(|scope| {
                for from in 0..8 {
                    let bytes = cut.bytes();
                    scope.spawn(move || bytes.iter().skip(from * 100_000).fold(0, |a, b| a | b));
                }
                file.set_len(10_000).unwrap();
            });
            assert!(!cut.is_whole());
        }
    }
}
