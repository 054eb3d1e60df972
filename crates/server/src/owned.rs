//! Folders that belong to one process and go with it, also when it is killed.
//!
//! A folder that is removed when its owner ends stays when the owner is killed. So each holds a file that its owner keeps
//! locked: the system frees the lock with the process, however that ends, and the next process removes the folders whose
//! lock it can take.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// The file that the owner keeps locked.
const OWNER: &str = "owner.lock";
/// Attempts to make a folder that nobody takes for an abandoned one meanwhile.
const TRIES: usize = 8;

/// A folder of this process, removed when it is dropped.
pub(crate) struct OwnedFolder {
    folder: TempDir,
    /// Freed after the folder is gone.
    _lock: File,
}

impl OwnedFolder {
    /// Makes a folder below `parent`, its name beginning with `prefix`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make(parent: &Path, prefix: &str) -> io::Result<Self> {
        let mut refused = io::Error::from(io::ErrorKind::WouldBlock);
        for _ in 0..TRIES {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
            match own(folder.path()) {
                Ok(lock) => {
                    return Ok(Self {
                        folder,
                        _lock: lock,
                    });
                }
                // Another process that begins now took the folder for one without an owner.
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes the lock of a folder and takes it.
fn own(folder: &Path) -> io::Result<File> {
    let path = folder.join(OWNER);
    let lock = fs_err::File::create_new(&path)?.into_parts().0;
    lock.try_lock()?;
    // Between the two steps somebody else may have held the lock and removed the folder.
    match path.exists() {
        true => Ok(lock),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Removes folders of this user below `parent` whose owner is gone; `before` is called with each before that.
/// What cannot be removed stays for the next time.
pub(crate) fn sweep(parent: &Path, prefix: &str, mut before: impl FnMut(&Path)) {
    let Ok(entries) = fs_err::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(prefix));
        // Not through links, and nothing that another user put here: that is not ours to open or remove.
        if named && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_mine(&entry) {
            remove_if_abandoned(&entry.path(), &mut before);
        }
    }
}

fn remove_if_abandoned(folder: &Path, before: &mut impl FnMut(&Path)) {
    match fs_err::File::open(folder.join(OWNER)) {
        Ok(lock) => {
            let lock = lock.into_parts().0;
            if lock.try_lock().is_ok() {
                before(folder);
                let _ = fs_err::remove_dir_all(folder);
            }
        }
        // Its owner was killed before it made the lock, or is about to make it and will notice.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let _ = fs_err::remove_dir(folder);
        }
        Err(_) => {}
    }
}

#[cfg(unix)]
fn is_mine(entry: &fs_err::DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    entry.metadata().is_ok_and(|about| about.uid() == own)
}

#[cfg(not(unix))]
fn is_mine(_: &fs_err::DirEntry) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_living_owner_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let mine = OwnedFolder::make(parent.path(), ".kept-").unwrap();
        for name in [".kept-dead", ".kept-empty", ".kept-old", "other"] {
            fs_err::create_dir(place(name)).unwrap();
        }
        fs_err::write(place(".kept-dead/owner.lock"), b"").unwrap();
        fs_err::write(place(".kept-dead/picture"), b"x").unwrap();
        fs_err::write(place(".kept-old/picture"), b"x").unwrap();
        #[cfg(unix)]
        fs_err::os::unix::fs::symlink(place("other"), place(".kept-link")).unwrap();
        let mut seen = Vec::new();
        sweep(parent.path(), ".kept-", |folder| {
            seen.push(folder.to_owned())
        });
        assert_eq!(seen, [place(".kept-dead")]);
        assert!(mine.path().is_dir() && place("other").is_dir());
        assert!(!place(".kept-dead").exists() && !place(".kept-empty").exists());
        // Without a lock nobody knows whose it is.
        assert!(place(".kept-old/picture").exists());
        #[cfg(unix)]
        assert!(place(".kept-link").is_symlink());
        let path = mine.path().to_owned();
        drop(mine);
        assert!(!path.exists());
    }
}
