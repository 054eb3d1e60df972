//! A collection that is served: one that all requests read, and more that jobs write through.
//!
//! Commits of any writer are seen by themselves. A collection can also be replaced: another folder is renamed into its
//! place, or it is removed and made again. What is open then is a catalog without a name, whose segments are gone. So
//! each request looks whether the catalog is still the file that was opened; if not, it is opened anew, and while there
//! is none, requests are told to come back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use vizsla_retrieval::{Collection, ModelOptions};

use crate::Error;
use crate::problem::Problem;

/// A collection that is served.
pub(crate) struct Served {
    /// Its name in addresses.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    models: ModelOptions,
    open: RwLock<Open>,
}

/// What is open, and which file it was opened from.
struct Open {
    identity: Option<Identity>,
    collection: Arc<Collection>,
}

/// Which file a catalog is. Its number is not given to another file as long as it is open, even without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(unix)]
struct Identity(u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(not(unix))]
struct Identity(Option<std::time::SystemTime>);

impl Identity {
    /// `None` when there is no catalog at this place.
    fn of(collection: &Path) -> Option<Self> {
        let data = fs_err::metadata(Collection::catalog_file(collection)).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Some(Self(data.dev(), data.ino()))
        }
        #[cfg(not(unix))]
        Some(Self(data.created().ok()))
    }
}

impl Served {
    /// Opens a collection to be served.
    ///
    /// # Errors
    /// As [`Collection::open`].
    pub fn open(name: &str, path: &Path, models: &ModelOptions) -> Result<Self, Error> {
        let identity = Identity::of(path);
        let collection = Arc::new(Collection::builder(path).models(models.clone()).open()?);
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            models: models.clone(),
            open: RwLock::new(Open {
                identity,
                collection,
            }),
        })
    }

    /// The collection that all requests read; it sees every commit of a writer, in this process or another.
    ///
    /// # Errors
    /// 503 when the collection was removed, or replaced by what cannot be opened.
    pub fn reader(&self) -> Result<Arc<Collection>, Problem> {
        let Some(found) = Identity::of(&self.path) else {
            return Err(Problem::unavailable(
                "the collection is not where it was; if it is being replaced, ask again in a moment",
            ));
        };
        let is_same = |open: &Open| open.identity == Some(found);
        {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if is_same(&open) {
                return Ok(Arc::clone(&open.collection));
            }
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if !is_same(&open) {
            open.collection = Arc::new(self.writer()?);
            open.identity = Some(found);
        }
        Ok(Arc::clone(&open.collection))
    }

    /// The collection opened once more, for one job that writes to it.
    ///
    /// # Errors
    /// As [`Collection::open`].
    pub fn writer(&self) -> Result<Collection, vizsla_retrieval::Error> {
        Collection::builder(&self.path)
            .models(self.models.clone())
            .open()
    }
}
