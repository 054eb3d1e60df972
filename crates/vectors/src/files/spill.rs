//! Bytes that wait beside the file that is made of them.

use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::atomic::{TRIES, temporary_name};

/// A file without a name of its own, written in order and read at any place. It goes with its owner: where the system takes the names of open
/// files it has none, elsewhere one of those that [`AtomicFile`](super::AtomicFile) clears away.
pub(crate) struct SpillFile {
    file: fs::File,
    temporary: PathBuf,
    length: u64,
}

impl SpillFile {
    /// Makes one in the folder of `path`.
    pub fn beside(path: &Path) -> Result<Self> {
        for attempt in 0..TRIES {
            let temporary = temporary_name(path, attempt);
            let mut options = fs::OpenOptions::new();
            match options
                .read(true)
                .write(true)
                .create_new(true)
                .open(&temporary)
            {
                Ok(file) => {
                    let _ = file.file().try_lock();
                    #[cfg(unix)]
                    fs::remove_file(&temporary)?;
                    return Ok(Self {
                        file,
                        temporary,
                        length: 0,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let what = format!("other files have all temporary names of {}", path.display());
        Err(std::io::Error::new(ErrorKind::AlreadyExists, what))
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that were added.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Reads the bytes from `at` on. Nothing may be added meanwhile.
    pub fn read_at(&self, into: &mut [u8], at: u64) -> Result<()> {
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(self.file.file(), into, at)
        }
        #[cfg(windows)]
        {
            use std::os::windows::fs::FileExt;
            let mut done = 0;
            while done < into.len() {
                match self
                    .file
                    .file()
                    .seek_read(&mut into[done..], at + done as u64)?
                {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    read => done += read,
                }
            }
            Ok(())
        }
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if cfg!(not(unix)) {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_read_at_any_place_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (mut one, mut two) = (
            SpillFile::beside(&path).unwrap(),
            SpillFile::beside(&path).unwrap(),
        );
        one.append(b"abc").unwrap();
        one.append(b"defg").unwrap();
        two.append(b"other").unwrap();
        let mut found = [0; 3];
        one.read_at(&mut found, 2).unwrap();
        assert_eq!((&found, one.len(), two.len()), (b"cde", 7, 5));
        assert!(one.read_at(&mut found, 5).is_err(), "beyond the end");
        drop((one, two));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
