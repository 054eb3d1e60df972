//! Maps of served collections: computed once for each state of a collection, by jobs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::Serialize;
use utoipa::ToSchema;
use vizsla_evaluation::{MapLayout, MapMethod, first_values};
use vizsla_retrieval::{Collection, Remedy, Reporter};

use crate::jobs::{Ending, Job, JobKind, Jobs, Progress};
use crate::problem::Problem;
use crate::served::Served;

/// Seed of UMAP: a map stays as it is when it is made again.
const SEED: u64 = 1;
/// Labels that are told apart.
const MOST_LABELS: usize = 1000;

/// Images laid out on a plane: what is alike lies together.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Map)]
pub(crate) struct MapAnswer {
    /// How it was laid out: `pca`, `umap` or `tsne`.
    #[schema(value_type = String)]
    pub method: MapMethod,
    /// How many neighbours on the map are neighbours in truth, 1 = all; missing where there are very few images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trustworthiness: Option<f64>,
    /// Image, x and y of each point.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub points: Vec<(i64, f32, f32)>,
    /// Labels of the metadata, the most frequent first; missing where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The place in `labels` of each point's label.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label_of: Vec<Option<usize>>,
    /// Whether this is the collection as it is now; not while it is being written to.
    pub current: bool,
}

/// A map that was made, or why it cannot be.
struct Made {
    /// What it was made from: a collection that was opened anew is another one.
    collection: Weak<Collection>,
    version: i64,
    map: Result<Arc<MapAnswer>, Problem>,
}

/// Collection and method.
type Key = (String, &'static str);

#[derive(Default)]
struct Known {
    made: BTreeMap<Key, Made>,
    open: BTreeMap<Key, Arc<Job>>,
}

/// The maps of a server.
#[derive(Default)]
pub(crate) struct Maps(Arc<Mutex<Known>>);

/// What is there when a map is asked for.
pub(crate) enum Found {
    Map(MapAnswer),
    Job(Arc<Job>),
}

impl Maps {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map, or the job that makes it.
    ///
    /// # Errors
    /// 422 when the collection cannot be laid out.
    pub fn find(
        &self,
        jobs: &Arc<Jobs>,
        served: &Arc<Served>,
        method: MapMethod,
    ) -> Result<Found, Problem> {
        let reader = served.reader()?;
        if reader.recipe().global.is_none() {
            return Err(Problem::unusable(
                "no-map",
                format!(
                    "this collection has no global descriptor to lay out; {}",
                    Remedy::IndexGlobal
                ),
            ));
        }
        let version = reader.version()?;
        let key = (served.name.clone(), method.name());
        let mut known = self.known();
        if let Some(made) = known.made.get(&key) {
            let same = made.collection.as_ptr() == Arc::as_ptr(&reader);
            let current = same && made.version == version;
            // While a collection grows, every map is old when it is made: the last one serves.
            if current || same && made.map.is_ok() && jobs.is_writing(&served.name) {
                let map = made.map.clone()?;
                return Ok(Found::Map(MapAnswer {
                    current,
                    ..map.as_ref().clone()
                }));
            }
        }
        if let Some(job) = known.open.get(&key).filter(|job| !job.view().has_ended()) {
            return Ok(Found::Job(Arc::clone(job)));
        }
        let (shared, own) = (Arc::clone(&self.0), key.clone());
        let job = jobs.start(JobKind::Map, &served.name, move |progress| {
            let map = make(&reader, method, progress);
            let stopped = progress.cancelled();
            let told = map.as_ref().map(|_| ()).map_err(Clone::clone);
            if !stopped {
                let made = Made {
                    collection: Arc::downgrade(&reader),
                    version,
                    map: map.map(Arc::new),
                };
                let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
                known.made.insert(own, made);
            }
            told.map(|()| Ending {
                stopped,
                report: None,
            })
        })?;
        known.open.insert(key, Arc::clone(&job));
        Ok(Found::Job(job))
    }
}

fn make(
    collection: &Collection,
    method: MapMethod,
    progress: &Progress,
) -> Result<MapAnswer, Problem> {
    let layout = crate::jobs::half_of_the_cores()?
        .install(|| MapLayout::of(collection, None, method, SEED, progress))
        .map_err(|error| match error {
            vizsla_evaluation::Error::Layout(what) => Problem::unusable("no-map", what),
            vizsla_evaluation::Error::Collection(error) => error.into(),
            other => Problem::internal(&other),
        })?;
    let (labels, label_of) = labels(collection, &layout.images);
    let places = layout.images.iter().zip(&layout.plane);
    Ok(MapAnswer {
        method,
        trustworthiness: layout.trustworthiness,
        points: places.map(|(&image, &[x, y])| (image, x, y)).collect(),
        labels,
        label_of,
        current: true,
    })
}

/// The first label of each image, where the metadata has labels.
fn labels(collection: &Collection, images: &[i64]) -> (Vec<String>, Vec<Option<usize>>) {
    let Ok(values) = first_values(collection, "label") else {
        return (Vec::new(), Vec::new());
    };
    let label = |image: &i64| values.get(image);
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for label in images.iter().filter_map(label) {
        *counts.entry(label).or_default() += 1;
    }
    let mut names: Vec<(&String, usize)> = counts.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.truncate(MOST_LABELS);
    let place: BTreeMap<&String, usize> = names.iter().map(|name| name.0).zip(0..).collect();
    let label_of = images
        .iter()
        .map(|image| place.get(label(image)?).copied())
        .collect();
    (
        names.into_iter().map(|(name, _)| name.clone()).collect(),
        label_of,
    )
}
