//! Files that are there completely or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

/// A file under a temporary name in the folder of its final one. Dropped without
/// [`AtomicFile::commit`], it is removed again.
pub struct AtomicFile {
    writer: Option<BufWriter<fs::File>>,
    temporary: PathBuf,
    path: PathBuf,
}

impl AtomicFile {
    /// Opens `<name>.<process>.tmp` beside `path`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = fs::File::create(&temporary)?;
        Ok(Self {
            writer: Some(BufWriter::with_capacity(1 << 18, file)),
            temporary,
            path: path.to_path_buf(),
        })
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
        self.writer = None;
        fs::rename(&self.temporary, &self.path)?;
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
        if self.writer.take().is_some() {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A rename is durable once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::File::open(folder)?.sync_all()?;
    }
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
}
