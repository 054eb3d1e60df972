//! What all requests share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tempfile::TempDir;
use tokio::sync::watch;
use vizsla_retrieval::{Collection, ModelOptions};

use crate::access::Access;
use crate::extract::Receiving;
use crate::problem::Problem;
use crate::work::Work;
use crate::{Error, ServerConfig};

/// A collection that is served.
pub(crate) struct Served {
    /// Its name in addresses.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    models: ModelOptions,
    reader: RwLock<Arc<Collection>>,
}

impl Served {
    fn open(name: &str, path: &std::path::Path, models: &ModelOptions) -> Result<Self, Error> {
        let reader = Collection::open_with(path, models.clone())?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            models: models.clone(),
            reader: RwLock::new(Arc::new(reader)),
        })
    }

    /// The collection that all requests read; it sees every commit of a writer, in this process or another.
    pub fn reader(&self) -> Arc<Collection> {
        Arc::clone(&self.reader.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The collection opened once more, for one job that writes to it.
    ///
    /// # Errors
    /// As [`Collection::open`].
    pub fn writer(&self) -> Result<Collection, vizsla_retrieval::Error> {
        Collection::open_with(&self.path, self.models.clone())
    }
}

/// The state of a server.
pub(crate) struct App {
    pub config: ServerConfig,
    pub access: Access,
    pub work: Work,
    pub receiving: Receiving,
    pub collections: BTreeMap<String, Arc<Served>>,
    /// Files that live as long as the server.
    pub scratch: TempDir,
    /// Turns true when the server stops: jobs end, streams close.
    pub stopping: watch::Sender<bool>,
}

impl App {
    /// Opens the collections.
    pub fn open(config: ServerConfig) -> Result<Self, Error> {
        let models = ModelOptions {
            folder: config.models.clone(),
            ..ModelOptions::default()
        };
        let mut collections = BTreeMap::new();
        for (name, path) in &config.collections {
            let served = Served::open(name, path, &models)?;
            collections.insert(name.clone(), Arc::new(served));
        }
        let scratch = tempfile::Builder::new().prefix("vizsla-serve-").tempdir()?;
        Ok(Self {
            access: Access::new(&config),
            work: Work::new(config.worker_count(), config.queue, config.limit()),
            receiving: Receiving::new(config.body_bytes()),
            collections,
            scratch,
            stopping: watch::Sender::new(false),
            config,
        })
    }

    /// The collection of a name.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn collection(&self, name: &str) -> Result<Arc<Served>, Problem> {
        self.collections.get(name).cloned().ok_or_else(|| {
            Problem::not_found(
                "there is no collection of this name; GET /v1/collections lists them",
            )
        })
    }
}
