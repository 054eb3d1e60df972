//! What all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use vizsla_retrieval::{ModelOptions, Scratch};

use crate::access::Access;
use crate::fetch::Fetcher;
use crate::jobs::{Jobs, Uploaded};
use crate::maps::Maps;
use crate::metrics::Metrics;
use crate::pictures::Thumbnails;
use crate::problem::Problem;
use crate::receiving::Receiving;
use crate::roots::Roots;
use crate::runs::Runs;
use crate::served::Served;
use crate::uploads::Uploads;
use crate::work::Work;
use crate::{Error, ServerConfig};

/// Beginning of the name of a server's temporary folder.
const SCRATCH: &str = "vizsla-serve-";

/// The state of a server.
pub(crate) struct App {
    pub config: ServerConfig,
    pub access: Access,
    pub work: Work,
    pub receiving: Arc<Receiving>,
    pub collections: BTreeMap<String, Arc<Served>>,
    pub uploads: Uploads,
    pub thumbnails: Thumbnails,
    pub jobs: Arc<Jobs>,
    pub uploaded: Uploaded,
    pub roots: Roots,
    pub maps: Maps,
    pub runs: Runs,
    pub fetcher: Fetcher,
    pub metrics: Metrics,
    /// Files that live as long as the server.
    _scratch: Scratch,
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
        if config.decode_memory > 0 {
            vizsla_pixels::set_decode_memory(config.decode_memory << 20);
        }
        let mut collections = BTreeMap::new();
        for (name, path) in &config.collections {
            let served = Served::open(name, path, &models)?;
            collections.insert(name.clone(), Arc::new(served));
        }
        let scratch = Scratch::new_in(&std::env::temp_dir(), SCRATCH)?;
        let thumbnails = match &config.cache_dir {
            Some(folder) => folder.clone(),
            None => scratch.path().join("thumbnails"),
        };
        let uploaded = Uploaded::open(config.upload_dir.as_deref(), |name| {
            collections.get(name).cloned()
        })?;
        Ok(Self {
            uploads: Uploads::new(scratch.path().join("uploads"), config.limits())?,
            thumbnails: Thumbnails::new(thumbnails, config.limits_of_files())?,
            access: Access::new(&config),
            work: Work::new(config.worker_count(), config.queue, config.limit()),
            receiving: Receiving::new(config.body_bytes()),
            roots: Roots::new(&config.ingest_root, uploaded.root())?,
            uploaded,
            collections,
            jobs: Jobs::new(),
            maps: Maps::default(),
            runs: Runs::open(config.runs.as_deref())?,
            fetcher: Fetcher::new(&config)?,
            metrics: Metrics::default(),
            _scratch: scratch,
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
