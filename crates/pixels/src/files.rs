//! Opening, reading and replacing whole files.
//!
//! Between a look at a path and the opening of it anything may happen: another file, a link, a named pipe may have taken its
//! place. So what is opened is looked at again through its handle, where nothing can be swapped any more: a regular file is
//! read, and nothing else is waited for. Where files may come from one folder only, the way down from that folder is gone
//! without following a link, by the system in one step where it can (`openat2` of Linux), else folder by folder.
//!
//! `std::fs` is used on purpose: `fs_err` puts the path into the middle of its message, and this
//! floor's [`Error`] names it once, at the end.
#![allow(clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// Where files may be opened: anywhere, or beneath one folder, wherever links lead.
#[derive(Debug, Default)]
pub struct Reach(Option<Beneath>);

#[derive(Debug)]
struct Beneath {
    /// Without links.
    folder: PathBuf,
    #[cfg(unix)]
    handle: File,
}

impl Reach {
    /// Every file of the machine.
    pub fn anywhere() -> Self {
        Self(None)
    }

    /// Files whose place, all links followed, lies beneath a folder.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn beneath(folder: &Path) -> Result<Self, Error> {
        let open = || {
            let folder = fs::canonicalize(folder)?;
            Ok(Beneath {
                #[cfg(unix)]
                handle: File::open(&folder)?,
                folder,
            })
        };
        match open() {
            Ok(beneath) => Ok(Self(Some(beneath))),
            Err(error) => Err(Error::from(ErrorKind::Io(error)).at(folder)),
        }
    }

    /// The folder that all files lie beneath, without links; `None` where there is none.
    pub fn folder(&self) -> Option<&Path> {
        Some(&self.0.as_ref()?.folder)
    }

    /// Opens a regular file for reading. Never waits: neither for the writer of a pipe nor for a device.
    ///
    /// # Errors
    /// [`ErrorKind::Outside`] where it lies out of reach, [`ErrorKind::NotAFile`] for a folder, a pipe, a socket or a device,
    /// [`ErrorKind::Io`] when the system refuses.
    pub fn open(&self, path: &Path) -> Result<File, Error> {
        let opened = match &self.0 {
            None => open_anywhere(path),
            Some(beneath) => beneath.open(path),
        };
        opened.map_err(|kind| Error::from(kind).at(path))
    }

    /// All bytes of a regular file, at most `most`.
    ///
    /// # Errors
    /// As [`Reach::open`], and [`ErrorKind::TooLarge`], whatever size the system tells.
    pub fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, Error> {
        let limits = Limits {
            max_file_bytes: most,
            ..Limits::default()
        };
        let file = self.open(path)?;
        whole(file, &limits).map_err(|error| error.at(path))
    }
}

fn open_anywhere(path: &Path) -> Result<File, ErrorKind> {
    // Even opening some devices does something: look before.
    regular(&fs::metadata(path).map_err(ErrorKind::Io)?)?;
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(unix::NEVER_WAIT.bits() as i32);
    }
    sure(options.open(path))
}

/// A file that was opened, when it is a regular one.
fn sure(opened: io::Result<File>) -> Result<File, ErrorKind> {
    let file = opened.map_err(ErrorKind::Io)?;
    regular(&file.metadata().map_err(ErrorKind::Io)?)?;
    Ok(file)
}

fn regular(about: &fs::Metadata) -> Result<(), ErrorKind> {
    match about.is_file() {
        true => Ok(()),
        false => Err(ErrorKind::NotAFile),
    }
}

impl Beneath {
    fn open(&self, path: &Path) -> Result<File, ErrorKind> {
        // Links are followed here, once; from here on the way has none, or it is not taken.
        let real = fs::canonicalize(path).map_err(ErrorKind::Io)?;
        let way = real
            .strip_prefix(&self.folder)
            .map_err(|_| ErrorKind::Outside)?;
        regular(&fs::symlink_metadata(&real).map_err(ErrorKind::Io)?)?;
        #[cfg(unix)]
        return sure(Ok(unix::open(&self.handle, way)?));
        #[cfg(not(unix))]
        return sure(File::open(self.folder.join(way)));
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::path::{Component, Path};

    use rustix::fs::{Mode, OFlags, openat};
    use rustix::io::Errno;

    use crate::error::ErrorKind;

    /// A pipe without a writer is opened at once, a terminal does not become that of this process.
    pub(super) const NEVER_WAIT: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

    /// Opens a file on a way of plain names below a folder.
    pub(super) fn open(folder: &File, way: &Path) -> Result<File, ErrorKind> {
        #[cfg(target_os = "linux")]
        match in_one_step(folder, way) {
            // An old kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            opened => return opened.map_err(kind),
        }
        step_by_step(folder, way).map_err(kind)
    }

    fn kind(refused: Errno) -> ErrorKind {
        match refused {
            Errno::LOOP | Errno::XDEV | Errno::NOTDIR => ErrorKind::Outside,
            other => ErrorKind::Io(other.into()),
        }
    }

    #[cfg(target_os = "linux")]
    fn in_one_step(folder: &File, way: &Path) -> Result<File, Errno> {
        use rustix::fs::{ResolveFlags, openat2};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | NEVER_WAIT;
        let no_way_out = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let resolve = no_way_out | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(folder, way, flags, Mode::empty(), resolve)?.into())
    }

    /// The same where the system has no such call: each name is opened in the folder before it, and none may be a link.
    pub(super) fn step_by_step(folder: &File, way: &Path) -> Result<File, Errno> {
        let step = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut names = way.components().peekable();
        let mut above: Option<File> = None;
        while let Some(name) = names.next() {
            let Component::Normal(name) = name else {
                return Err(Errno::XDEV);
            };
            let last = names.peek().is_none();
            let kind = if last { NEVER_WAIT } else { OFlags::DIRECTORY };
            let within = above.as_ref().unwrap_or(folder);
            let opened = openat(within, name, step | kind, Mode::empty())?;
            above = Some(opened.into());
        }
        above.ok_or(Errno::ISDIR)
    }
}

/// All bytes of a regular file within the limits.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    whole(open_anywhere(path)?, limits)
}

fn whole(file: File, limits: &Limits) -> Result<Vec<u8>, Error> {
    let told = file.metadata()?.len();
    limits.check_file(told)?;
    // The file may grow while it is read, or be of a file system that tells no size.
    let most = limits.max_file_bytes.saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(told).unwrap_or(0));
    file.take(most).read_to_end(&mut bytes)?;
    limits.check_file(bytes.len() as u64)?;
    Ok(bytes)
}

/// Replaces a file in one step: the bytes go to a file beside it, which is then renamed over it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = beside(path);
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error that matters is the one above; a left-over of it is only untidy.
        let _ = fs::remove_file(&partial);
    }
    Ok(written?)
}

/// A name in the same directory that no other process writes to.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn kind(reach: &Reach, path: &Path) -> String {
        match reach.open(path).map_err(|error| format!("{error:?}")) {
            Ok(_) => "open".to_owned(),
            Err(text) if text.contains("Outside") => "outside".to_owned(),
            Err(text) if text.contains("NotAFile") => "no file".to_owned(),
            Err(_) => "io".to_owned(),
        }
    }

    fn pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }

    #[test]
    fn only_regular_files_beneath_the_folder_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir_all(place("in/deep")).unwrap();
        fs::create_dir_all(place("out")).unwrap();
        for name in ["in/a", "in/deep/b", "out/secret"] {
            fs::write(place(name), name).unwrap();
        }
        symlink(place("out/secret"), place("in/away")).unwrap();
        symlink(place("out"), place("in/far")).unwrap();
        symlink(place("in/deep"), place("in/near")).unwrap();
        pipe(&place("in/pipe"));
        let _socket = std::os::unix::net::UnixListener::bind(place("in/socket")).unwrap();
        let (beneath, anywhere) = (Reach::beneath(&place("in")).unwrap(), Reach::anywhere());
        for (name, kept, free) in [
            ("in/a", "open", "open"),
            ("in/deep/b", "open", "open"),
            ("in/near/b", "open", "open"),
            ("in/../in/a", "open", "open"),
            ("in/away", "outside", "open"),
            ("in/far/secret", "outside", "open"),
            ("out/secret", "outside", "open"),
            ("in/deep", "no file", "no file"),
            ("in/pipe", "no file", "no file"),
            ("in/socket", "no file", "no file"),
            ("in/nothing", "io", "io"),
        ] {
            assert_eq!(kind(&beneath, &place(name)), kept, "{name}");
            assert_eq!(kind(&anywhere, &place(name)), free, "{name}");
        }
        assert_eq!(kind(&anywhere, Path::new("/dev/zero")), "no file");
        assert_eq!(beneath.read(&place("in/a"), 4).unwrap(), b"in/a");
        assert!(beneath.read(&place("in/a"), 3).is_err());
    }

    #[test]
    fn the_way_of_small_steps_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir_all(place("deep/er")).unwrap();
        fs::write(place("deep/er/a"), b"x").unwrap();
        symlink(place("deep"), place("link")).unwrap();
        symlink(place("deep/er/a"), place("deep/file")).unwrap();
        pipe(&place("pipe"));
        let root = File::open(folder.path()).unwrap();
        let opened = |way: &str| unix::step_by_step(&root, Path::new(way)).is_ok();
        assert!(opened("deep/er/a"));
        // It does not wait; that it is no file is seen at the handle.
        assert!(opened("pipe"));
        for way in ["link/er/a", "deep/file", "deep/../deep/er/a", "/etc", ""] {
            assert!(!opened(way), "{way}");
        }
    }

    #[test]
    fn what_is_swapped_all_the_time_never_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir_all(place("in")).unwrap();
        fs::write(place("secret"), b"secret").unwrap();
        fs::write(place("good"), b"good").unwrap();
        fs::write(place("in/a"), b"good").unwrap();
        let reach = Reach::beneath(&place("in")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    symlink(place("secret"), place("link")).unwrap();
                    fs::rename(place("link"), place("in/a")).unwrap();
                    fs::copy(place("good"), place("copy")).unwrap();
                    fs::rename(place("copy"), place("in/a")).unwrap();
                }
            });
            let mut read = 0;
            for _ in 0..20_000 {
                if let Ok(bytes) = reach.read(&place("in/a"), 100) {
                    assert_eq!(bytes, b"good");
                    read += 1;
                }
            }
            done.store(true, Ordering::SeqCst);
            assert!(read > 0);
        });
    }
}
