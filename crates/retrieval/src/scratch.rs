//! Temporary folders of which nothing is left, not even by a process that was killed.
//!
//! The owner of such a folder holds the lock of a file in it. The system frees the lock when the process ends, however it
//! ends: so the next process that makes a temporary folder in the same place knows which of those it sees have lost
//! their owner, and takes them away. What has another name, not that file, or another user is somebody else's and stays.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;
use tempfile::TempDir;

/// Begins the name of a folder among the temporary ones of the system.
const PREFIX: &str = "vizsla-tmp-";
/// The file that the owner holds.
const MARKER: &str = ".vizsla-scratch";
/// Signs behind the beginning of a name.
const RANDOM: usize = 6;
/// Folders that are tried; another process may sweep away one that is not held yet.
const TRIES: usize = 16;

/// A temporary folder, removed when dropped; when the process is killed, by the next one that makes such a folder.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    lock: File,
}

impl Scratch {
    /// A folder among the temporary ones of the system.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> std::io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), PREFIX)
    }

    /// A folder in another one, on the same disk as what is to be made of its files. Its name begins with `prefix`,
    /// which says whose it is and is used for nothing else.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new_in(parent: &Path, prefix: &str) -> std::io::Result<Self> {
        Self::held_by(parent, prefix, MARKER)
    }

    /// As [`Scratch::new_in`]; `before` is called with each folder that has lost its owner, before it is taken away: where
    /// the owner left more behind than the folder, what the folder says of it can be undone.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn after(parent: &Path, prefix: &str, before: impl FnMut(&Path)) -> std::io::Result<Self> {
        sweep(parent, prefix, MARKER, before);
        Self::make(parent, prefix, MARKER)
    }

    /// As [`Scratch::new_in`], with a certain file for the lock.
    pub(crate) fn held_by(parent: &Path, prefix: &str, marker: &str) -> std::io::Result<Self> {
        sweep(parent, prefix, marker, |_| {});
        Self::make(parent, prefix, marker)
    }

    fn make(parent: &Path, prefix: &str, marker: &str) -> std::io::Result<Self> {
        for _ in 0..TRIES {
            let folder = tempfile::Builder::new()
                .prefix(prefix)
                .rand_bytes(RANDOM)
                .tempdir_in(parent)?;
            if let Some(lock) = hold(&folder.path().join(marker))? {
                return Ok(Self { folder, lock });
            }
        }
        Err(std::io::Error::other(format!(
            "other processes take each temporary folder away: {}",
            parent.display()
        )))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its final name; nothing may have it.
    pub(crate) fn rename(self, path: &Path) -> std::io::Result<()> {
        let Self { folder, lock } = self;
        // Some systems rename no folder with an open file.
        let _held = (!cfg!(windows)).then_some(lock);
        fs::rename(folder.path(), path)?;
        let _ = folder.keep();
        Ok(())
    }
}

/// Makes the file and locks it; `None` when a sweeper was quicker.
fn hold(marker: &Path) -> std::io::Result<Option<File>> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(marker);
    let file = match made {
        Ok(file) => file.into_parts().0,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // A file system without locks: then nobody can sweep here either.
        _ => Ok(marker.exists().then_some(file)),
    }
}

/// Takes away what processes that were killed left of such folders; `before` is called with each that was held once.
pub(crate) fn sweep(parent: &Path, prefix: &str, marker: &str, mut before: impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix));
        let ours = random
            .is_some_and(|r| r.len() == RANDOM && r.bytes().all(|b| b.is_ascii_alphanumeric()));
        // Not through links, and nothing that another user put here: that is not ours to open or remove.
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_mine(&entry) {
            // What cannot be removed now is removed another time.
            let _ = remove_if_dead(&entry.path(), marker, &mut before);
        }
    }
}

#[cfg(unix)]
fn is_mine(entry: &fs::DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    entry.metadata().is_ok_and(|about| about.uid() == own)
}

#[cfg(not(unix))]
fn is_mine(_: &fs::DirEntry) -> bool {
    true
}

fn remove_if_dead(
    folder: &Path,
    marker: &str,
    before: &mut impl FnMut(&Path),
) -> std::io::Result<()> {
    let held = folder.join(marker);
    match fs::symlink_metadata(&held) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Ok(()),
        // Killed before it had the file; only an empty folder can be removed so.
        Err(_) => return fs::remove_dir(folder),
    }
    let lock = fs::File::open(&held)?;
    if lock.file().try_lock().is_err() {
        return Ok(());
    }
    before(folder);
    // The marker goes last: a sweep that is killed is finished by the next.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str() == Some(marker) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_file(held)?;
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |e: std::io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_has_lost_its_owner_is_taken_away_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let precious = place.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("letter.txt"), "mine").unwrap();
        let alive = Scratch::new_in(place.path(), "x-").unwrap();
        fs::write(alive.path().join("work"), "mine").unwrap();
        let alive_name = alive
            .path()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for (name, marked) in [
            ("x-dead01", true),
            ("x-photos", false),
            ("x-toolong1", true),
            ("y-dead01", true),
        ] {
            let folder = place.path().join(name);
            fs::create_dir_all(folder.join("sub/sub")).unwrap();
            fs::write(folder.join("sub/file"), "").unwrap();
            #[cfg(unix)]
            fs::os::unix::fs::symlink(&precious, folder.join("sub/link")).unwrap();
            if marked {
                fs::write(folder.join(MARKER), "").unwrap();
            }
        }
        fs::create_dir(place.path().join("x-empty1")).unwrap();
        fs::write(place.path().join("x-file01"), "").unwrap();
        #[cfg(unix)]
        fs::os::unix::fs::symlink(&precious, place.path().join("x-link01")).unwrap();
        let before = names(place.path());
        let mut told = Vec::new();
        let after = Scratch::after(place.path(), "x-", |folder| {
            assert!(folder.join("sub/file").exists());
            told.push(folder.to_owned());
        });
        drop(after.unwrap());
        assert_eq!(told, [place.path().join("x-dead01")]);
        let gone: Vec<_> = before
            .into_iter()
            .filter(|name| !names(place.path()).contains(name))
            .collect();
        assert_eq!(gone, ["x-dead01", "x-empty1"]);
        assert!(names(place.path()).contains(&alive_name));
        assert_eq!(
            fs::read_to_string(precious.join("letter.txt")).unwrap(),
            "mine"
        );
        drop(alive);
        assert!(!names(place.path()).contains(&alive_name));
    }

    #[test]
    fn many_at_once_leave_each_other_alone() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let scratch = Scratch::new_in(place.path(), "x-").unwrap();
                        fs::write(scratch.path().join("work"), "x").unwrap();
                        assert_eq!(fs::read(scratch.path().join("work")).unwrap(), b"x");
                    }
                });
            }
        });
        assert_eq!(names(place.path()), [""; 0]);
    }
}
