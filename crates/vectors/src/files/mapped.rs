//! Memory-mapped files.
#![allow(unsafe_code)]

use std::path::Path;

use fs_err as fs;
use memmap2::Mmap;

/// The bytes of a file, mapped where the system can.
#[derive(Debug)]
pub enum Mapped {
    /// Mapped.
    Map(Mmap),
    /// Read into memory: empty files cannot be mapped, and not every file system maps.
    Read(Vec<u8>),
}

impl Mapped {
    /// Opens a file that is never changed after it got its name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = fs::File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self::Read(Vec::new()));
        }
        // SAFETY: files are written under a temporary name, renamed when complete and never written
        // again, only unlinked, which keeps the mapping alive. Another program that truncates the file
        // could still raise a signal; the bytes are only ever read as plain numbers and checked.
        match unsafe { Mmap::map(file.file()) } {
            Ok(map) => Ok(Self::Map(map)),
            Err(_) => Self::read(path),
        }
    }

    /// Reads the file instead of mapping it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self::Read(fs::read(path)?))
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Read(bytes) => bytes,
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
            assert_eq!(Mapped::open(&path).unwrap().bytes(), content);
            assert_eq!(Mapped::read(&path).unwrap().bytes(), content);
        }
        assert!(Mapped::open(&folder.path().join("absent")).is_err());
    }
}
