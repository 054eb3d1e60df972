//! Files that are there completely or not at all.

use std::fs::TryLockError;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Names that are tried for a temporary file.
pub(super) const TRIES: u32 = 64;

/// A file under a temporary name in the folder of its final one. Dropped without
/// [`AtomicFile::commit`], it is removed again.
///
/// The temporary file is made exclusively, so that a link of its name leads nowhere, and locked while it is written: what
/// a killed process left of the same name is told from what a living one writes, and taken away.
pub struct AtomicFile {
    writer: Option<BufWriter<fs::File>>,
    temporary: PathBuf,
    path: PathBuf,
    /// An empty file of our own stands under the final name, so that nobody else takes it.
    reserved: bool,
    done: bool,
}

impl AtomicFile {
    /// Opens `<name>.<process>.tmp` beside `path`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        remove_left_over(path);
        for attempt in 0..TRIES {
            let temporary = temporary_name(path, attempt);
            let opened = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary);
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Another process may have taken the file for a left-over before it was locked.
            let taken = matches!(file.file().try_lock(), Err(TryLockError::WouldBlock));
            if taken || fs::symlink_metadata(&temporary).is_err() {
                continue;
            }
            return Ok(Self {
                writer: Some(BufWriter::with_capacity(1 << 18, file)),
                temporary,
                path: path.to_path_buf(),
                reserved: false,
                done: false,
            });
        }
        Err(std::io::Error::new(
            ErrorKind::AlreadyExists,
            format!("other files have all temporary names of {}", path.display()),
        ))
    }

    /// As [`AtomicFile::create`], for a file that must not be there yet: its name is taken at once, and nothing that
    /// has it is ever replaced.
    ///
    /// # Errors
    /// As [`AtomicFile::create`], and when anything has this name.
    pub fn create_new(path: &Path) -> std::io::Result<Self> {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)?;
        match Self::create(path) {
            Ok(mut file) => {
                file.reserved = true;
                Ok(file)
            }
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// As [`AtomicFile::create`] and [`AtomicFile::commit`].
    pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = Self::create(path)?;
        file.write_all(bytes)?;
        file.commit(&[])
    }

    /// Whether `name` is that of a temporary file of a file called `of`.
    pub fn is_temporary_of(name: &str, of: &str) -> bool {
        let number = name
            .strip_prefix(of)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".tmp"));
        number.is_some_and(|number| {
            let mut parts = number.split('-');
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            parts.clone().count() <= 2 && parts.all(digits)
        })
    }

    fn writer(&mut self) -> std::io::Result<&mut BufWriter<fs::File>> {
        self.writer
            .as_mut()
            .ok_or_else(|| std::io::Error::other("file already closed"))
    }

    /// Overwrites the beginning, makes everything durable and gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written or renamed; then nothing is left behind.
    pub fn commit(mut self, beginning: &[u8]) -> std::io::Result<()> {
        use std::io::{Seek, SeekFrom};
        let writer = self.writer()?;
        writer.flush()?;
        writer.seek(SeekFrom::Start(0))?;
        writer.write_all(beginning)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        // Some systems rename no open file.
        self.writer = None;
        fs::rename(&self.temporary, &self.path)?;
        self.done = true;
        sync_folder(&self.path)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer()?.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer()?.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        self.writer = None;
        if self.done {
            return;
        }
        // Nothing more can be done about a file that cannot be removed.
        let _ = fs::remove_file(&self.temporary);
        if self.reserved {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name of a temporary file beside `path`.
pub(super) fn temporary_name(path: &Path, attempt: u32) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(match attempt {
        0 => format!(".{}.tmp", std::process::id()),
        _ => format!(".{}-{attempt}.tmp", std::process::id()),
    });
    path.with_file_name(name)
}

/// Takes away temporary files of this name whose process was killed: nobody holds their lock.
fn remove_left_over(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|found| AtomicFile::is_temporary_of(found, name));
        let dead = |path: &Path| fs::File::open(path).is_ok_and(|f| f.file().try_lock().is_ok());
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) && dead(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A rename is durable once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder_of(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"....data").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"....data").unwrap();
        assert!(!path.exists());
        file.commit(b"head").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"headdata");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_takes_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = AtomicFile::create_new(&path).unwrap();
        assert!(AtomicFile::create_new(&path).is_err());
        file.write_all(b"one").unwrap();
        file.commit(&[]).unwrap();
        assert!(AtomicFile::create_new(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        drop(AtomicFile::create_new(&folder.path().join("b")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_taken_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let other = ["a.tmp", "a.x.tmp", "a.1.tmp.old", "ab.1.tmp", "a.1-2-3.tmp"];
        for name in other.iter().chain(&["a.1.tmp", "a.4194305-7.tmp"]) {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        let alive = AtomicFile::create(&path).unwrap();
        let second = AtomicFile::create(&path).unwrap();
        assert!(alive.temporary.exists() && alive.temporary != second.temporary);
        drop((alive, second));
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = other.to_vec();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_of_the_temporary_name_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("a"), folder.path().join("precious"));
        fs::write(&precious, b"mine").unwrap();
        fs::os::unix::fs::symlink(&precious, temporary_name(&path, 0)).unwrap();
        AtomicFile::write_whole(&path, b"data").unwrap();
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
        assert_eq!(fs::read(&path).unwrap(), b"data");
    }
}
