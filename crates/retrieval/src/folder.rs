//! The folder of a collection on disk: where everything lies, and that nothing in it leads out of it.
//!
//! The folder itself may be reached by a link, as any path of the user's. Within it no link is followed: what a stranger
//! packed into a collection must not make this program read, write or remove a file elsewhere.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::catalog;
use crate::error::Error;
use crate::names::{Artefact, ArtefactKind, IndexFile};
use crate::regular::{about, regular, strange};

const SEGMENTS: &str = "segments";
const ARTEFACTS: &str = "artefacts";
/// Locked by the one process that writes.
pub(crate) const LOCK: &str = "writer.lock";
/// The folder of a collection.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder of a collection that is to be made.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder of a collection that is there.
    ///
    /// # Errors
    /// There is none, or a part of it is a link or another thing than it should be.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let folder = Self::new(root);
        if about(&folder.catalog())?.is_none() {
            return Err(Error::Missing(root.to_owned()));
        }
        folder.check()?;
        Ok(folder)
    }

    /// Looks at all that is opened under a fixed name.
    fn check(&self) -> Result<(), Error> {
        for path in [self.segments(), self.artefacts()] {
            if about(&path)?.is_some_and(|about| !about.is_dir()) {
                return Err(strange(&path, "this is no folder of the collection itself"));
            }
        }
        for path in [self.catalog(), self.lock()] {
            regular(&path)?;
        }
        catalog::check_files(&self.catalog())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn catalog(&self) -> PathBuf {
        self.root.join(catalog::FILE)
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    pub fn segments(&self) -> PathBuf {
        self.root.join(SEGMENTS)
    }

    pub fn artefacts(&self) -> PathBuf {
        self.root.join(ARTEFACTS)
    }

    /// Where an index file lies.
    pub fn index_file(&self, file: IndexFile) -> PathBuf {
        self.segments().join(file.to_string())
    }

    /// An index file that is there to be opened; `None` when it is missing.
    ///
    /// # Errors
    /// It, or the folder it lies in, is a link or no file.
    pub fn find_index_file(&self, file: IndexFile) -> Result<Option<PathBuf>, Error> {
        self.check_folder(&self.segments())?;
        let path = self.index_file(file);
        Ok(regular(&path)?.map(|_| path))
    }

    /// Where the artefact with this hash lies.
    ///
    /// # Errors
    /// The hash is none, or the artefact, or the folder it lies in, is a link or no file.
    pub fn artefact(&self, kind: ArtefactKind, id: &str) -> Result<PathBuf, Error> {
        let artefact = self.named(kind, id)?;
        self.check_folder(&self.artefacts())?;
        let path = self.artefacts().join(artefact.to_string());
        regular(&path)?;
        Ok(path)
    }

    /// Whether this can be the hash of an artefact.
    ///
    /// # Errors
    /// It is none.
    pub fn check_name(&self, kind: ArtefactKind, id: &str) -> Result<(), Error> {
        self.named(kind, id).map(drop)
    }

    fn named(&self, kind: ArtefactKind, id: &str) -> Result<Artefact, Error> {
        let what = "the catalog names an artefact that cannot be one of this collection";
        Artefact::new(kind, id).ok_or_else(|| strange(&self.catalog(), what))
    }

    fn check_folder(&self, path: &Path) -> Result<(), Error> {
        match about(path)? {
            Some(about) if !about.is_dir() => {
                Err(strange(path, "this is no folder of the collection itself"))
            }
            _ => Ok(()),
        }
    }

    /// Whether anything at all has the name of an index file.
    pub fn is_taken(&self, file: IndexFile) -> bool {
        fs::symlink_metadata(self.index_file(file)).is_ok()
    }

    /// Removes an index file; what is not a file of this folder itself stays.
    pub fn remove_index_file(&self, file: IndexFile) -> Result<(), Error> {
        if let Some(path) = self.find_index_file(file)? {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Makes `segments/` if it is missing, and removes from it what only a writer that was killed can have left: index
    /// files that are not `listed`, and such that were being written. The same for artefacts that were being written.
    pub fn sweep(&self, listed: impl Fn(IndexFile) -> bool) -> Result<(), Error> {
        self.check()?;
        fs::create_dir_all(self.segments())?;
        remove_files(&self.segments(), &|name| match name.parse() {
            Ok(file) => !listed(file),
            Err(()) => IndexFile::is_or_was_to_be(name),
        })?;
        if about(&self.artefacts())?.is_some() {
            remove_files(&self.artefacts(), &Artefact::was_to_be)?;
        }
        Ok(())
    }

    /// Bytes of the files in `segments/` and `artefacts/`.
    pub fn bytes(&self) -> (u64, u64) {
        (
            folder_bytes(&self.segments()),
            folder_bytes(&self.artefacts()),
        )
    }
}

/// Removes the regular files of a folder that have a certain name.
fn remove_files(folder: &Path, which: &dyn Fn(&str) -> bool) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(which);
        if ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|m| m.len())
        .sum()
}
