//! A collection: a folder that a person can understand with `ls`.
//!
//! ```text
//! my-photos.vizsla/
//!   catalog.db    SQLite: images, files, features, vectors, captions, metadata, the recipe — the only truth
//!   segments/     the inverted file and flat files of vectors, immutable, memory-mapped; made again at need
//!   artefacts/    the codebook and the whitening, named by content hash
//!   writer.lock   held by the one process that writes
//! ```
//!
//! A segment is seen from the commit that lists it, so a crash at any instant leaves the collection as it was
//! before or after. Readers hold a [`Snapshot`] and are never blocked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_err as fs;
use vizsla_vectors::Projection;
use vizsla_words::{Codebook, Segment};

use crate::catalog::{self, Catalog, Count, Owner};
use crate::error::{Error, REBUILD, RESTORE};
use crate::models::Models;
use crate::spaces::Space;
use crate::{Filter, Info, ListedImage, ModelOptions, Recipe};

const SEGMENTS: &str = "segments";
pub(crate) const ARTEFACTS: &str = "artefacts";
const LOCK: &str = "writer.lock";

/// An open collection: searched by `&self` from any thread, written by `&mut self`.
pub struct Collection {
    root: PathBuf,
    pub(crate) catalog: Mutex<Catalog>,
    pub(crate) recipe: Recipe,
    pub(crate) codebook: Arc<Codebook>,
    pub(crate) whitening: Option<Arc<Projection>>,
    pub(crate) models: Models,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

/// The segments and removals that one commit made visible.
pub(crate) struct Snapshot {
    version: i64,
    pub segments: Vec<Segment>,
    pub removed: HashSet<i64>,
    pub images: u64,
    /// Vectors of images.
    pub global: Option<Arc<Space>>,
    /// Vectors of captions.
    pub text: Option<Arc<Space>>,
}

/// Held while a process writes; freed by the system when the process ends, however it ends.
pub(crate) struct WriterLock {
    _file: std::fs::File,
}

impl Collection {
    /// Whether there is a collection at `path`.
    pub fn exists(path: &Path) -> bool {
        Self::catalog_file(path).is_file()
    }

    /// Makes an empty collection. It appears whole or not at all.
    ///
    /// # Errors
    /// Something other than an empty folder is at `path`, or the recipe is out of range, or writing failed.
    pub fn create(path: &Path, recipe: Recipe, codebook: Arc<Codebook>) -> Result<Self, Error> {
        Self::create_with(path, recipe, codebook, ModelOptions::default())
    }

    /// Makes an empty collection with the standard recipe and the built-in codebook.
    ///
    /// # Errors
    /// As [`Collection::create`].
    pub fn create_standard(path: &Path) -> Result<Self, Error> {
        Self::create(path, Recipe::default(), Codebook::builtin())
    }

    /// As [`Collection::create`], with models from a certain folder or runtime.
    ///
    /// # Errors
    /// As [`Collection::create`], and when a model of the recipe is not there or does not work.
    pub fn create_with(
        path: &Path,
        recipe: Recipe,
        codebook: Arc<Codebook>,
        models: ModelOptions,
    ) -> Result<Self, Error> {
        recipe.check()?;
        let opened = Models::new(models, PathBuf::new());
        let mut recipe = opened.complete(recipe)?;
        recipe.local.codebook = codebook.id().to_owned();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if path.exists() {
            let empty = path.is_dir() && fs::read_dir(path)?.next().is_none();
            if !empty {
                return Err(Error::Occupied(path.to_owned()));
            }
        }
        fs::create_dir_all(parent)?;
        let build = tempfile::Builder::new()
            .prefix(".vizsla-new-")
            .tempdir_in(parent)
            .map_err(|error| unwritable(error, path))?;
        fs::create_dir(build.path().join(SEGMENTS))?;
        fs::create_dir(build.path().join(ARTEFACTS))?;
        fs::write(build.path().join(LOCK), b"")?;
        codebook.save(&codebook_path(build.path(), codebook.id()))?;
        opened.save_poolings(&recipe, &build.path().join(ARTEFACTS))?;
        let meta = [
            ("recipe", recipe.to_toml()?),
            ("codebook", codebook.id().to_owned()),
            (
                "made_by",
                concat!("vizsla ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ];
        let meta: Vec<(&str, &str)> = meta.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Catalog::create(&Self::catalog_file(build.path()), &meta)?;
        widen_permissions(build.path())?;
        let built = build.keep();
        let cleared = match path.is_dir() {
            true => fs::remove_dir(path),
            false => Ok(()),
        };
        if let Err(error) = cleared.and_then(|()| fs::rename(&built, path)) {
            let _ = fs::remove_dir_all(&built);
            // Another process was quicker to make it.
            return Err(match Self::exists(path) {
                true => Error::Busy(path.to_owned()),
                false => error.into(),
            });
        }
        let mut collection = Self::open_with(path, ModelOptions::default())?;
        collection.models = opened.moved(path.join(ARTEFACTS));
        Ok(collection)
    }

    /// Opens a collection.
    ///
    /// # Errors
    /// None is there, it is of a newer format, or a file of it is damaged; the message names the file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, ModelOptions::default())
    }

    /// As [`Collection::open`], with models from a certain folder or runtime. They are opened when first needed.
    ///
    /// # Errors
    /// As [`Collection::open`].
    pub fn open_with(path: &Path, models: ModelOptions) -> Result<Self, Error> {
        if !Self::exists(path) {
            return Err(Error::Missing(path.to_owned()));
        }
        let catalog = Catalog::open(&Self::catalog_file(path))?;
        let recipe = Recipe::from_toml(&catalog.meta("recipe")?)?;
        let codebook = open_codebook(path, &catalog.meta("codebook")?)?;
        let whitening = open_whitening(&path.join(ARTEFACTS), &recipe)?;
        Ok(Self {
            root: path.to_owned(),
            catalog: Mutex::new(catalog),
            recipe,
            codebook,
            whitening,
            models: Models::new(models, path.join(ARTEFACTS)),
            snapshot: Mutex::new(None),
        })
    }

    /// Opens the collection at `path`, or makes it with what `fresh` gives.
    ///
    /// # Errors
    /// As [`Collection::open`] and [`Collection::create`].
    pub fn open_or_create(
        path: &Path,
        fresh: impl FnOnce() -> Result<(Recipe, Arc<Codebook>), Error>,
    ) -> Result<Self, Error> {
        if Self::exists(path) {
            return Self::open(path);
        }
        let (recipe, codebook) = fresh()?;
        Self::create(path, recipe, codebook)
    }

    /// The file of a collection's folder that is another one when the collection was replaced.
    pub fn catalog_file(path: &Path) -> PathBuf {
        path.join(catalog::FILE)
    }

    /// The collection's folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// How its images are described.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The codebook its words come from.
    pub fn codebook(&self) -> &Arc<Codebook> {
        &self.codebook
    }

    /// The whitening by which its global descriptors are compared.
    pub fn whitening(&self) -> Option<&Projection> {
        self.whitening.as_deref()
    }

    /// A file that holds an image of the collection; `None` when there is no such image.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn image_path(&self, image: i64) -> Result<Option<PathBuf>, Error> {
        let files = self.catalog().image_files(image)?;
        Ok(files.and_then(|(_, _, paths)| paths.into_iter().next()))
    }

    /// Every image with its files, in the order they came in.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn list(&self) -> Result<Vec<ListedImage>, Error> {
        let catalog = self.catalog();
        catalog.at_one_instant(|| catalog.list())
    }

    /// Identities of the images for which a condition holds.
    ///
    /// # Errors
    /// The condition names a key that no image has, or the catalog cannot be read.
    pub fn matching(&self, filter: &Filter) -> Result<BTreeSet<i64>, Error> {
        Ok(self.catalog().matching(filter)?.into_iter().collect())
    }

    /// Degrees north and east of each image whose place is known: from metadata where that gives one, else from the
    /// camera.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn positions(&self) -> Result<BTreeMap<i64, [f64; 2]>, Error> {
        self.catalog().positions()
    }

    /// A number that is another one after another connection, of this process or not, has committed.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn version(&self) -> Result<i64, Error> {
        self.catalog().data_version()
    }

    /// Figures of the collection.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn info(&self) -> Result<Info, Error> {
        let catalog = self.catalog();
        let images = catalog.count(Count::Images)?;
        let catalog_bytes = [catalog::FILE, "catalog.db-wal"]
            .iter()
            .filter_map(|name| fs::metadata(self.root.join(name)).ok())
            .map(|m| m.len())
            .sum::<u64>();
        let segment_bytes = folder_bytes(&self.root.join(SEGMENTS));
        Ok(Info {
            path: self.root.clone(),
            format: catalog.format()?,
            images,
            files: catalog.count(Count::Files)?,
            features: catalog.count(Count::Features)?,
            captions: catalog.count(Count::Captions)?,
            metadata: catalog.count(Count::Metadata)?,
            segments: catalog.segments()?.len(),
            tombstones: catalog.count(Count::Tombstones)?,
            codebook_words: self.codebook.len(),
            codebook: self.codebook.id().to_owned(),
            catalog_bytes,
            segment_bytes,
            artefact_bytes: folder_bytes(&self.root.join(ARTEFACTS)),
            bytes_per_image: (catalog_bytes + segment_bytes) as f64 / images.max(1) as f64,
            recipe: self.recipe.to_toml()?,
        })
    }

    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn segment_path(&self, file: &str) -> PathBuf {
        self.root.join(SEGMENTS).join(file)
    }

    pub(crate) fn whitening_path(&self, id: &str) -> PathBuf {
        whitening_path(&self.root.join(ARTEFACTS), id)
    }

    pub(crate) fn codebook_path(&self) -> PathBuf {
        codebook_path(&self.root, self.codebook.id())
    }

    /// Becomes the one writer, and clears away what a killed writer left.
    pub(crate) fn lock(&self) -> Result<WriterLock, Error> {
        let path = self.root.join(LOCK);
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| unwritable(error, &self.root))?
            .into_parts()
            .0;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy(self.root.clone())),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let lock = WriterLock { _file: file };
        self.sweep()?;
        Ok(lock)
    }

    /// Removes files under `segments/` that the catalog does not list.
    fn sweep(&self) -> Result<(), Error> {
        let listed = self.catalog().listed_files()?;
        let folder = self.root.join(SEGMENTS);
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let stray = entry
                .file_name()
                .to_str()
                .is_none_or(|name| !listed.contains(name));
            if stray && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The state of the last commit; the same object until somebody commits.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let mut cached = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = self.catalog();
        let version = catalog.data_version()?;
        if let Some(snapshot) = cached.as_ref().filter(|s| s.version == version) {
            return Ok(Arc::clone(snapshot));
        }
        // A writer may merge segments away between reading the list and opening them: then read it again.
        let mut tries = 0;
        let snapshot = loop {
            tries += 1;
            match catalog.at_one_instant(|| self.load(&catalog, version)) {
                Ok(snapshot) => break Arc::new(snapshot),
                Err(Error::Damaged { path, .. }) if tries < 4 && !path.exists() => {}
                Err(error) => return Err(error),
            }
        };
        *cached = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn load(&self, catalog: &Catalog, version: i64) -> Result<Snapshot, Error> {
        let mut segments = Vec::new();
        for row in catalog.segments()? {
            segments.push(self.open_segment(&row.file)?);
        }
        Ok(Snapshot {
            version,
            segments,
            removed: catalog.tombstones()?.into_iter().collect(),
            images: catalog.count(Count::Images)?,
            global: self.open_space(catalog, Owner::Image)?,
            text: self.open_space(catalog, Owner::Caption)?,
        })
    }

    pub(crate) fn open_segment(&self, file: &str) -> Result<Segment, Error> {
        let path = self.segment_path(file);
        Segment::open(&path, self.codebook.len() as u32).map_err(|error| {
            let what = if path.exists() {
                error.to_string()
            } else {
                "a segment is missing".into()
            };
            Error::damaged(&path, what, REBUILD)
        })
    }

    /// Forgets the cached snapshot after a commit of our own.
    pub(crate) fn changed(&self) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn codebook_path(root: &Path, id: &str) -> PathBuf {
    root.join(ARTEFACTS).join(format!("codebook-{id}.vzcb"))
}

/// Where a whitening lies in a collection.
fn whitening_path(artefacts: &Path, id: &str) -> PathBuf {
    artefacts.join(format!("whitening-{id}.vzpj"))
}

/// Opens the whitening that a recipe names.
fn open_whitening(artefacts: &Path, recipe: &Recipe) -> Result<Option<Arc<Projection>>, Error> {
    let id = recipe
        .global
        .as_ref()
        .map_or("", |global| &global.whitening);
    if id.is_empty() {
        return Ok(None);
    }
    let path = whitening_path(artefacts, id);
    let damaged = |what: String| Error::damaged(&path, what, RESTORE);
    let whitening = Projection::open(&path).map_err(|e| damaged(e.to_string()))?;
    if whitening.id() != id {
        return Err(damaged(
            "this is another whitening than the collection's".into(),
        ));
    }
    Ok(Some(Arc::new(whitening)))
}

/// Opens the codebook; the built-in one also serves when its copy in the collection is damaged or missing.
fn open_codebook(root: &Path, id: &str) -> Result<Arc<Codebook>, Error> {
    let path = codebook_path(root, id);
    let error = match Codebook::open(&path) {
        Ok(codebook) if codebook.id() == id => return Ok(Arc::new(codebook)),
        Ok(_) => "the codebook is not the one this collection was made with".to_owned(),
        Err(error) => error.to_string(),
    };
    let builtin = Codebook::builtin();
    if builtin.id() == id {
        Ok(builtin)
    } else {
        Err(Error::damaged(&path, error, RESTORE))
    }
}

fn unwritable(error: std::io::Error, path: &Path) -> Error {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Error::ReadOnly(path.to_owned())
        }
        _ => error.into(),
    }
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

/// Temporary folders are private; a collection is as readable as any new folder.
#[cfg(unix)]
fn widen_permissions(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn widen_permissions(_: &Path) -> Result<(), Error> {
    Ok(())
}
