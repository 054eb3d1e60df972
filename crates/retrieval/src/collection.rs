//! A collection: a folder that a person can understand with `ls`.
//!
//! ```text
//! my-photos.vizsla/
//!   catalog.db    SQLite: images, files, features, vectors, captions, metadata, the recipe — the only truth
//!   segments/     the inverted file and flat files of vectors, immutable, memory-mapped; made again at need
//!   artefacts/    the codebook, the whitening, the hash, the network of learned local features, named by content hash
//!   writer.lock   held by the one process that writes
//! ```
//!
//! A segment is seen from the commit that lists it, so a crash at any instant leaves the collection as it was
//! before or after. Readers hold a [`Snapshot`] and are never blocked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use fs_err as fs;
use vizsla_features::DescriptorKind;
use vizsla_neural::KeypointNetwork;
use vizsla_vectors::{BinaryHasher, Projection};
use vizsla_words::{Aggregation, Aggregator, Codebook, Segment};

use crate::artefacts::Artefacts;
use crate::catalog::{self, Catalog, Connections, Count, IndexRow, Numbered, Owner, View};
use crate::error::{Error, REBUILD, RESTORE};
use crate::folder::{Folder, LOCK};
use crate::models::Models;
use crate::names::{ArtefactKind, IndexFile, IndexKind};
use crate::regular::regular;
use crate::scratch::{self, Scratch};
use crate::snapshot::Snapshot;
use crate::writer_lock::WriterLock;
use crate::{Filter, FolderRules, GlobalRecipe, Info, ListedImage, ModelOptions, Recipe, Remedy};

/// Begins the name of a collection that is being made.
const BUILD: &str = ".vizsla-new-";
/// How often a view is tried that the snapshot of all fits.
const VIEWS: usize = 8;
/// Why a segment is of no use.
pub(crate) const OTHER_CODEBOOK: &str = "the segment was made with another codebook";

/// An open collection: searched by `&self` from any thread, written by `&mut self`.
pub struct Collection {
    pub(crate) folder: Folder,
    connections: Connections,
    pub(crate) recipe: Recipe,
    pub(crate) artefacts: Artefacts,
    pub(crate) models: Models,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

/// What a caller brings for a new collection.
pub(crate) struct Given {
    pub codebook: Arc<Codebook>,
    /// The vocabulary of the global descriptor.
    pub aggregator: Option<Arc<Aggregator>>,
    /// The network of learned local features.
    pub network: Option<Arc<KeypointNetwork>>,
}

impl Collection {
    /// Whether there is a collection at `path`.
    pub fn exists(path: &Path) -> bool {
        fs::symlink_metadata(Self::catalog_file(path)).is_ok_and(|about| about.is_file())
    }

    /// Whether there is a collection at `path` that may be read.
    ///
    /// # Errors
    /// It may not be looked at: nothing can be said of what is there.
    pub fn find(path: &Path) -> Result<bool, Error> {
        let file = Self::catalog_file(path);
        let looked = fs::symlink_metadata(&file).and_then(|meta| match meta.is_file() {
            true => fs::File::open(&file).map(|_| true),
            false => Ok(false),
        });
        is_there(looked, path)
    }

    /// Makes an empty collection, which appears whole or not at all.
    pub(crate) fn make(
        path: &Path,
        recipe: Recipe,
        given: Given,
        models: ModelOptions,
    ) -> Result<Self, Error> {
        recipe.check()?;
        let Given {
            codebook,
            aggregator,
            network,
        } = given;
        recipe.check_codebook(&codebook)?;
        check_network(&recipe, network.as_deref())?;
        let opened = Models::new(models, None).with_keypoints(network);
        let mut recipe = opened.complete(recipe)?;
        let aggregator = complete_aggregate(&mut recipe, &codebook, aggregator)?;
        if let (Some(GlobalRecipe::Aggregate(aggregate)), Some(aggregator)) =
            (&mut recipe.global, &aggregator)
        {
            opened.complete_sum(aggregate, aggregator)?;
        }
        recipe.local.codebook = codebook.id().to_owned();
        // One that was learned elsewhere is set when it is known what vectors there are.
        recipe.search.hash.clear();
        let parent = parent(path);
        if path.exists() {
            let empty = path.is_dir() && is_empty(path)?;
            if !empty {
                return Err(Error::Occupied(path.to_owned()));
            }
        }
        fs::create_dir_all(parent)?;
        let build =
            Scratch::held_by(parent, BUILD, LOCK).map_err(|error| unwritable(error, path))?;
        let folder = Folder::new(build.path());
        fs::create_dir(folder.segments())?;
        fs::create_dir(folder.artefacts())?;
        codebook.save(&folder.artefact(ArtefactKind::Codebook, codebook.id())?)?;
        if let Some(aggregator) = aggregator {
            aggregator.save(&folder.artefact(ArtefactKind::Aggregator, aggregator.id())?)?;
        }
        opened.save_poolings(&recipe, &folder)?;
        Models::save_whitening(&recipe, &folder)?;
        opened.save_keypoints(&recipe, &folder)?;
        let meta = [
            ("recipe", recipe.to_toml()?),
            ("codebook", codebook.id().to_owned()),
            (
                "made_by",
                concat!("vizsla ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ];
        let meta: Vec<(&str, &str)> = meta.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Catalog::create(&folder.catalog(), &meta)?;
        widen_permissions(build.path())?;
        let cleared = match path.is_dir() {
            true => fs::remove_dir(path),
            false => Ok(()),
        };
        if let Err(error) = cleared.and_then(|()| build.rename(path)) {
            // Another process was quicker to make it.
            return Err(match Self::exists(path) {
                true => Error::Busy(path.to_owned()),
                false => error.into(),
            });
        }
        let mut collection = Self::open_at(path, ModelOptions::default())?;
        collection.models = opened.moved(collection.folder.clone());
        Ok(collection)
    }

    /// Opens the collection at a path; its models are opened when first needed.
    pub(crate) fn open_at(path: &Path, models: ModelOptions) -> Result<Self, Error> {
        if !Self::find(path)? {
            return Err(Error::Missing(path.to_owned()));
        }
        let folder = Folder::open(path)?;
        let connections = Connections::open(&folder.catalog())?;
        let catalog = connections.get();
        let recipe = Recipe::from_toml(&catalog.meta("recipe")?)?;
        let artefacts = Artefacts::new(folder.clone(), catalog.meta("codebook")?, &recipe)?;
        drop(catalog);
        Ok(Self {
            connections,
            recipe,
            artefacts,
            models: Models::new(models, Some(folder.clone())),
            folder,
            snapshot: Mutex::new(None),
        })
    }

    /// The file of a collection's folder that is another one when the collection was replaced.
    pub fn catalog_file(path: &Path) -> PathBuf {
        path.join(catalog::FILE)
    }

    /// The collection's folder.
    pub fn path(&self) -> &Path {
        self.folder.root()
    }

    /// How its images are described.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The codebook its words come from.
    ///
    /// # Errors
    /// Its file is damaged or missing.
    pub fn codebook(&self) -> Result<Arc<Codebook>, Error> {
        self.artefacts.codebook()
    }

    /// The whitening by which its global descriptors are compared.
    ///
    /// # Errors
    /// Its file is damaged or missing.
    pub fn whitening(&self) -> Result<Option<Arc<Projection>>, Error> {
        self.artefacts.whitening(&self.recipe)
    }

    /// The hash by whose codes its global descriptors are found; `None` where none was set.
    ///
    /// # Errors
    /// Its file is damaged or missing.
    pub fn hash(&self) -> Result<Option<Arc<BinaryHasher>>, Error> {
        self.artefacts.hash(&self.recipe)
    }

    /// The vocabulary of the global descriptor; `None` where it is no sum over local features.
    ///
    /// # Errors
    /// Its file is damaged or missing.
    pub fn aggregator(&self) -> Result<Option<Arc<Aggregator>>, Error> {
        self.artefacts.aggregator()
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
        Ok(self.catalog().matching(filter)?.iter().collect())
    }

    /// Degrees north and east of each image whose place is known: from metadata where that gives one, else from the
    /// camera.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn positions(&self) -> Result<BTreeMap<i64, [f64; 2]>, Error> {
        self.catalog().positions()
    }

    /// A number that is another one after anybody, in this process or another, has committed.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn version(&self) -> Result<i64, Error> {
        self.connections.watch().data_version()
    }

    /// Figures of the collection.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn info(&self) -> Result<Info, Error> {
        let indexes = self.index_infos()?;
        let catalog = self.catalog();
        let images = catalog.count(Count::Images)?;
        let catalog_bytes = [catalog::FILE, "catalog.db-wal"]
            .iter()
            .filter_map(|name| fs::metadata(self.path().join(name)).ok())
            .map(|m| m.len())
            .sum::<u64>();
        let (segment_bytes, artefact_bytes) = self.folder.bytes();
        Ok(Info {
            path: self.path().to_owned(),
            format: catalog.format()?,
            images,
            files: catalog.count(Count::Files)?,
            features: catalog.count(Count::Features)?,
            without_look: catalog.without_look()?,
            captions: catalog.count(Count::Captions)?,
            metadata: catalog.count(Count::Metadata)?,
            segments: catalog.count(Count::Segments)? as usize,
            tombstones: catalog.count(Count::Tombstones)?,
            codebook_words: self.codebook().map_or(0, |codebook| codebook.len()),
            codebook: self.artefacts.codebook_id().to_owned(),
            problems: self.artefacts.known_problems(&self.recipe),
            rules: catalog
                .kept_rules()?
                .with_rules()
                .map(|(folder, rules)| FolderRules {
                    folder: folder.into(),
                    rules: rules.clone(),
                })
                .collect(),
            catalog_bytes,
            segment_bytes,
            artefact_bytes,
            graph: self.graph_info(&catalog)?,
            indexes,
            bytes_per_image: (catalog_bytes + segment_bytes) as f64 / images.max(1) as f64,
            recipe: self.recipe.to_toml()?,
        })
    }

    /// A connection to the catalog for this reader (or the one writer) alone.
    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.connections.get()
    }

    /// Becomes the one writer, brings the catalog to the format that is written, and clears away what a killed writer
    /// left.
    pub(crate) fn lock(&self) -> Result<WriterLock, Error> {
        let path = self.folder.lock();
        regular(&path)?;
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| unwritable(error, self.path()))?
            .into_parts()
            .0;
        let Some(lock) = WriterLock::of(file)? else {
            return Err(Error::Busy(self.path().to_owned()));
        };
        scratch::sweep(parent(self.path()), BUILD, LOCK, |_| {});
        let mut catalog = self.catalog();
        if catalog.is_to_be_lifted()? {
            catalog.lift(&|file| self.index_entry(file))?;
        }
        match catalog.listed_files() {
            Ok(listed) => self.folder.sweep(|file| listed.contains(&file))?,
            // Nobody knows then what is a stray. Making the index again puts the list right.
            Err(Error::Damaged { .. }) => self.folder.sweep(|_| true)?,
            Err(error) => return Err(error),
        }
        Ok(lock)
    }

    /// A name for a new index file, beyond all that were given and that are there, and beyond `after`.
    pub(crate) fn new_index_file(&self, kind: IndexKind, after: i64) -> Result<IndexFile, Error> {
        let next = self.catalog().next_number(Numbered::IndexFiles)?;
        let mut number = after.max(next - 1);
        loop {
            number += 1;
            match IndexFile::new(kind, number) {
                Some(file) if !self.folder.is_taken(file) => return Ok(file),
                Some(_) => {}
                None => {
                    let what = format!("no name for an index file is left after {after}");
                    return Err(Error::damaged(&self.folder.segments(), what, RESTORE));
                }
            }
        }
    }

    /// The last commit, for several reads: its index, and a connection that sees no later one.
    pub(crate) fn view(&self) -> Result<(Arc<Snapshot>, View<'_>), Error> {
        for _ in 0..VIEWS {
            let snapshot = self.snapshot()?;
            let view = self.connections.view()?;
            // Nobody committed between the two when nobody did until now.
            if self.version()? == snapshot.version {
                return Ok((snapshot, view));
            }
        }
        // Somebody commits all the time: then this view has a snapshot of its own.
        let view = self.connections.view()?;
        let snapshot = self.load(&view, self.version()?)?;
        Ok((Arc::new(snapshot), view))
    }

    /// The state of the last commit; the same object until somebody commits.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let mut cached = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = self.connections.watch();
        let version = catalog.data_version()?;
        let current = |s: &&Arc<Snapshot>| s.version == version && s.is_whole() && !s.is_due();
        if let Some(snapshot) = cached.as_ref().filter(current) {
            return Ok(Arc::clone(snapshot));
        }
        // A writer may merge segments away between reading the list and opening them: then read it again.
        let mut tries = 0;
        let snapshot = loop {
            tries += 1;
            let snapshot = catalog.at_one_instant(|| self.load(&catalog, version))?;
            let gone = snapshot.damage().any(|damage| !damage.path.exists());
            if !gone || tries == 4 {
                break Arc::new(snapshot);
            }
        };
        *cached = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn load(&self, catalog: &Catalog, version: i64) -> Result<Snapshot, Error> {
        let open = |rows: Vec<IndexRow>| {
            let segments = rows.iter().map(|row| self.open_segment(row));
            segments.collect::<Result<_, _>>()
        };
        Ok(Snapshot {
            version,
            loaded: Instant::now(),
            segments: Error::apart(catalog.segments().and_then(open))?,
            norms: OnceLock::new(),
            removed: catalog.tombstones()?.into_iter().collect(),
            images: catalog.count(Count::Images)?,
            global: Error::apart(self.open_space(catalog, Owner::Image))?,
            text: Error::apart(self.open_space(catalog, Owner::Caption))?,
            graph: Error::apart(self.open_graph(catalog))?,
        })
    }

    pub(crate) fn open_segment(&self, row: &IndexRow) -> Result<Segment, Error> {
        let path = self.folder.index_file(row.file);
        let damaged = |what: String| Error::damaged(&path, what, REBUILD);
        if self.folder.find_index_file(row.file)?.is_none() {
            return Err(damaged("a segment is missing".into()));
        }
        let codebook = self.artefacts.codebook_id();
        if row.made.as_ref().is_some_and(|made| made.tag != codebook) {
            return Err(damaged(OTHER_CODEBOOK.into()));
        }
        let words = self.codebook()?.len() as u32;
        Segment::open(&path, words).map_err(|error| {
            match path.exists() {
                true => damaged(error.to_string()),
                // It was merged away since it was found.
                false => damaged("a segment is missing".into()),
            }
        })
    }

    /// Puts another recipe in the place of this one, in one commit. The artefacts that it names are there.
    pub(crate) fn write_recipe(&mut self, recipe: Recipe) -> Result<(), Error> {
        let text = recipe.to_toml()?;
        self.catalog()
            .write(|writer| writer.set_meta("recipe", &text))?;
        self.recipe = recipe;
        Ok(())
    }

    /// Forgets the cached snapshot after a commit of our own.
    pub(crate) fn changed(&self) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The vocabulary of a recipe's global descriptor, which the recipe names from now on: the one given, or one learned from
/// the codebook. `None` where the recipe needs none.
fn complete_aggregate(
    recipe: &mut Recipe,
    codebook: &Codebook,
    given: Option<Arc<Aggregator>>,
) -> Result<Option<Arc<Aggregator>>, Error> {
    let Some(GlobalRecipe::Aggregate(aggregate)) = &mut recipe.global else {
        return match given {
            None => Ok(None),
            Some(_) => Err(Error::Recipe(
                "a vocabulary is given, and global.aggregate does not say what is summed by it"
                    .into(),
            )),
        };
    };
    let aggregator = match given {
        Some(given) => given,
        None if aggregate.aggregate == Aggregation::Fisher => {
            // Words lie where descriptors do, but are not spread as they are: measured in decision 025.
            return Err(Error::Lacking {
                what: "global.aggregate = \"fisher\" needs a vocabulary that was learned from pictures".into(),
                remedy: Remedy::GiveVocabulary,
            });
        }
        None => Arc::new(Aggregator::of_codebook(codebook, &aggregate.config())?),
    };
    let (named, found) = (&aggregate.aggregator, aggregator.id());
    if !named.is_empty() && named != found {
        return Err(Error::Recipe(format!(
            "global.aggregator is {named}, the vocabulary there is is {found}; give the file of the one named, or leave \
             the name out"
        )));
    }
    *aggregate = aggregate.clone().with(&aggregator);
    recipe.check_aggregator(&aggregator)?;
    Ok(Some(aggregator))
}

/// Whether a network that is given is the one that a recipe asks for.
fn check_network(recipe: &Recipe, given: Option<&KeypointNetwork>) -> Result<(), Error> {
    let Some(given) = given else {
        return Ok(());
    };
    let (named, found) = (&recipe.local.model, given.id());
    if !recipe.local.descriptor.is_learned() {
        return Err(Error::Recipe(format!(
            "a network of local features is given, and local.descriptor = {} needs none; leave it out, or set \
             local.descriptor to {}",
            recipe.local.descriptor,
            DescriptorKind::Xfeat
        )));
    }
    if !named.is_empty() && named != found {
        return Err(Error::Recipe(format!(
            "local.model is {named}, the network that is given is {found}; give the file of the one named, or leave the name out"
        )));
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool, Error> {
    let first = fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    is_there(first, folder)
}

/// What a look at a collection's catalog tells.
fn is_there(looked: std::io::Result<bool>, path: &Path) -> Result<bool, Error> {
    match looked {
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
            ErrorKind::PermissionDenied => Err(Error::Denied(path.to_owned())),
            _ => Err(error.into()),
        },
        Ok(found) => Ok(found),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_looked_at_is_not_called_absent() {
        let path = Path::new("photos.vizsla");
        let told = |kind: ErrorKind| is_there(Err(kind.into()), path);
        assert!(matches!(told(ErrorKind::NotFound), Ok(false)));
        assert!(matches!(told(ErrorKind::NotADirectory), Ok(false)));
        assert!(matches!(
            told(ErrorKind::ConnectionReset),
            Err(Error::Io(_))
        ));
        let denied = told(ErrorKind::PermissionDenied).unwrap_err().to_string();
        assert!(
            denied.starts_with("permission denied") && denied.ends_with(": photos.vizsla"),
            "{denied}"
        );
        assert!(matches!(is_there(Ok(true), path), Ok(true)));
    }

    #[test]
    fn a_file_in_place_of_a_folder_is_no_collection() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!Collection::find(file.path()).unwrap());
        assert!(!Collection::find(&file.path().join("below")).unwrap());
        assert!(matches!(
            Collection::open_at(file.path(), ModelOptions::default()),
            Err(Error::Missing(_))
        ));
    }
}
