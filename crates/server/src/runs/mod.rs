//! Runs of training and evaluation below the configured folder, as their files tell them.
//!
//! A run of training is a folder with `run.toml`, `result.json`, `log.csv` and `validation.csv`; a run of evaluation is a
//! file of `vizsla evaluate --run`. Both become one form, so that they can be seen side by side. Paths of the disk stay
//! here: pictures get names below the folder that all of them share, and only pictures so named are shown.

mod clean;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use vizsla_evaluation::{is_run_folder, run_files};
use vizsla_pixels::{ErrorKind, Reach};

use self::clean::Pictures;
use crate::Error;
use crate::problem::Problem;

/// Runs that are listed.
const MOST_RUNS: usize = 1000;
/// Longest file that is read, bytes.
const LONGEST: u64 = 64 << 20;
/// Runs that are kept ready.
const KEPT: usize = 4;

/// A run of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RunSummary {
    /// Names the run in addresses: its folder or file, without `.json`.
    pub name: String,
    /// `training` or `evaluation`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Figures: numbers, or `{value, low, high}` with the ends of a 95 % interval.
    #[schema(value_type = Object)]
    pub metrics: Map<String, Value>,
}

/// A run in full.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Run {
    pub name: String,
    /// `training` or `evaluation`.
    pub kind: String,
    /// The settings, as TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// What it found: metrics and queries with their ranked lists; `null` while it goes on.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Rows of the log: an object for each epoch.
    #[schema(value_type = Vec<Object>)]
    pub log: Vec<Map<String, Value>>,
    /// Rows of the validation.
    #[schema(value_type = Vec<Object>)]
    pub validation: Vec<Map<String, Value>>,
    /// Whether there is a report to show.
    pub has_report: bool,
}

/// A run as it was read, with the files behind the names of its pictures.
struct Read {
    run: Run,
    pictures: Pictures,
}

/// When the files of a run were last written.
type Stamp = Vec<Option<SystemTime>>;

/// What was read last, the newest last.
type Ready = Vec<(PathBuf, Stamp, Arc<Read>)>;

/// The folder with runs.
pub(crate) struct Runs {
    root: Option<PathBuf>,
    ready: Mutex<Ready>,
}

impl Runs {
    /// Looks the folder up.
    ///
    /// # Errors
    /// It is not there.
    pub fn open(folder: Option<&Path>) -> Result<Self, Error> {
        Ok(Self {
            root: folder.map(fs_err::canonicalize).transpose()?,
            ready: Mutex::default(),
        })
    }

    fn root(&self) -> Result<&Path, Problem> {
        self.root.as_deref().ok_or_else(|| {
            Problem::not_found("no runs are shown here; start the server with --runs FOLDER")
        })
    }

    /// All runs, in the order of their names.
    ///
    /// # Errors
    /// 404 where none are shown.
    pub fn list(&self) -> Result<Vec<RunSummary>, Problem> {
        let places = self.places()?;
        let mut runs = Vec::new();
        for (name, place) in places.into_iter().take(MOST_RUNS) {
            // A file that cannot be understood hides no other run.
            if let Ok(read) = self.read(&name, &place) {
                runs.push(RunSummary {
                    name,
                    kind: read.run.kind.clone(),
                    dataset: text_of(read.run.result.as_ref(), "dataset"),
                    metrics: read
                        .run
                        .result
                        .as_ref()
                        .and_then(|result| result.get("metrics")?.as_object().cloned())
                        .unwrap_or_default(),
                });
            }
        }
        Ok(runs)
    }

    /// A run in full.
    ///
    /// # Errors
    /// 404 when there is none of this name, 422 when its files cannot be understood.
    pub fn run(&self, name: &str) -> Result<Run, Problem> {
        Ok(self.find(name)?.run.clone())
    }

    /// The report of a run, a page of HTML.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn report(&self, name: &str) -> Result<Vec<u8>, Problem> {
        let missing = || Problem::not_found("this run has no report; `vizsla report` writes it");
        let place = self.place(name)?;
        let file = self
            .inside(&place.join(run_files::REPORT))
            .ok_or_else(missing)?;
        bounded(&file, &self.reach()?)?.ok_or_else(missing)
    }

    /// The file of a picture that a run names.
    ///
    /// # Errors
    /// 404 when the run names no such picture.
    pub fn picture(&self, name: &str, picture: &str) -> Result<PathBuf, Problem> {
        let read = self.find(name)?;
        read.pictures.file(picture).ok_or_else(|| {
            Problem::not_found("the run names no such picture, or it is not there any more")
        })
    }

    /// Folders and files that may be runs, by name.
    fn places(&self) -> Result<BTreeMap<String, PathBuf>, Problem> {
        let mut places = BTreeMap::new();
        for entry in fs_err::read_dir(self.root()?)? {
            let path = entry?.path();
            let Some(path) = self.inside(&path) else {
                continue;
            };
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let folder = is_run_folder(&path);
            match name.strip_suffix(".json") {
                Some(stem) if path.is_file() => places.insert(stem.to_owned(), path.clone()),
                _ if folder => places.insert(name.to_owned(), path.clone()),
                _ => None,
            };
        }
        Ok(places)
    }

    /// A path without links, when it lies below the folder.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let real = fs_err::canonicalize(path).ok()?;
        real.starts_with(self.root.as_ref()?).then_some(real)
    }

    /// Files of runs are opened beneath their folder, wherever links lead.
    fn reach(&self) -> Result<Reach, Problem> {
        Reach::beneath(self.root()?).map_err(Problem::from)
    }

    fn place(&self, name: &str) -> Result<PathBuf, Problem> {
        let missing =
            || Problem::not_found("there is no run of this name; GET /v1/runs lists them");
        self.places()?.remove(name).ok_or_else(missing)
    }

    fn find(&self, name: &str) -> Result<Arc<Read>, Problem> {
        self.read(name, &self.place(name)?)
    }

    /// Reads a run, or gives what was read when no file of it has changed since.
    fn read(&self, name: &str, place: &Path) -> Result<Arc<Read>, Problem> {
        let files = [
            "",
            run_files::CONFIG,
            run_files::RESULT,
            run_files::LOG,
            run_files::VALIDATION,
            run_files::REPORT,
        ];
        let stamp: Stamp = files
            .iter()
            .map(|file| fs_err::metadata(place.join(file)).ok()?.modified().ok())
            .collect();
        {
            let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |(path, written, _): &&(PathBuf, Stamp, Arc<Read>)| {
                path == place && *written == stamp
            };
            if let Some((_, _, read)) = ready.iter().find(same) {
                return Ok(Arc::clone(read));
            }
        }
        let read = Arc::new(match place.is_file() {
            true => evaluation(name, place)?,
            false => training(name, place, &self.reach()?)?,
        });
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|(path, _, _)| path != place);
        if ready.len() == KEPT {
            ready.remove(0);
        }
        ready.push((place.to_owned(), stamp, Arc::clone(&read)));
        Ok(read)
    }
}

/// A run of training.
fn training(name: &str, folder: &Path, reach: &Reach) -> Result<Read, Problem> {
    let config = text(&folder.join(run_files::CONFIG), reach)?;
    let config: Option<toml::Table> = config
        .map(|text| toml::from_str(&text).map_err(|_| misread(run_files::CONFIG)))
        .transpose()?;
    let result: Option<Value> = text(&folder.join(run_files::RESULT), reach)?
        .map(|text| serde_json::from_str(&text).map_err(|_| misread(run_files::RESULT)))
        .transpose()?;
    let images = config
        .as_ref()
        .and_then(|config| config.get("data")?.get("images")?.as_str());
    let pictures = Pictures::of(result.as_ref(), folder, images);
    let table = |file: &str| -> Result<_, Problem> {
        Ok(text(&folder.join(file), reach)?
            .map(|text| table::rows(&text))
            .unwrap_or_default())
    };
    let run = Run {
        name: name.to_owned(),
        kind: "training".to_owned(),
        config: config
            .map(|config| toml::to_string_pretty(&clean::settings(config)))
            .transpose()
            .map_err(|error| Problem::internal(&error))?,
        result: result.map(|result| with_one_board(pictures.renamed(result))),
        log: table(run_files::LOG)?,
        validation: table(run_files::VALIDATION)?,
        has_report: folder.join(run_files::REPORT).is_file(),
    };
    Ok(Read { run, pictures })
}

/// Figures of a run in two directions stand under the name of each.
fn with_one_board(mut result: Value) -> Value {
    let directions = result.get("directions").and_then(Value::as_array).cloned();
    let mut metrics = Map::new();
    for direction in directions.iter().flatten() {
        let name = direction
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let figures = direction.get("metrics").and_then(Value::as_object);
        for (metric, figure) in figures.into_iter().flatten() {
            metrics.insert(format!("{name} {metric}"), figure.clone());
        }
    }
    if let (Some(result), false) = (result.as_object_mut(), metrics.is_empty()) {
        result.entry("metrics").or_insert(Value::Object(metrics));
    }
    result
}

/// A run of evaluation, in the form of one of training.
fn evaluation(name: &str, file: &Path) -> Result<Read, Problem> {
    if fs_err::metadata(file)?.len() > LONGEST {
        return Err(misread("the run file"));
    }
    let run = vizsla_evaluation::Run::read(file).map_err(|_| misread("the run file"))?;
    let report = json!(run.report);
    let mut metrics = report["metrics"].as_object().cloned().unwrap_or_default();
    for (metric, interval) in report["intervals"].as_object().into_iter().flatten() {
        if let Some(value) = metrics.get_mut(metric) {
            *value = json!({"value": value, "low": interval["low"], "high": interval["high"]});
        }
    }
    let query = |query: &vizsla_evaluation::QueryRun| {
        let ranked = query.ranked.iter().take(10).map(|entry| {
            json!({
                "image": entry.image,
                "score": entry.score,
                "relevant": query.relevant.contains(&entry.image),
                "matched": entry.matched,
            })
        });
        let own = json!(query.metrics);
        json!({
            "query": query.query,
            "set": query.set,
            "average_precision": own.get("map"),
            "relevant": query.relevant.len(),
            "ms": query.ms,
            "ranked": ranked.collect::<Vec<_>>(),
        })
    };
    let queries: Vec<Value> = run.queries.iter().map(query).collect();
    let result = json!({
        "dataset": run.report.dataset,
        "metrics": metrics,
        "timing": report["timing"],
        "queries": queries,
    });
    let pictures = Pictures::of(Some(&result), file.parent().unwrap_or(file), None);
    let run = Run {
        name: name.to_owned(),
        kind: "evaluation".to_owned(),
        config: toml::to_string_pretty(&clean::value(run.configuration, &|text| {
            clean::without_paths(text)
        }))
        .ok(),
        result: Some(pictures.renamed(result)),
        log: Vec::new(),
        validation: Vec::new(),
        has_report: false,
    };
    Ok(Read { run, pictures })
}

fn text_of(value: Option<&Value>, key: &str) -> Option<String> {
    Some(value?.get(key)?.as_str()?.to_owned())
}

/// The bytes of a file; `None` when there is no such file that may be read.
fn bounded(path: &Path, reach: &Reach) -> Result<Option<Vec<u8>>, Problem> {
    match reach.read(path, LONGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::TooLarge { .. }) => Err(Problem::unusable(
            "run",
            format!("a file of this run has more than {} MiB", LONGEST >> 20),
        )),
        Err(_) => Ok(None),
    }
}

fn text(path: &Path, reach: &Reach) -> Result<Option<String>, Problem> {
    let bytes = bounded(path, reach)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn misread(what: &str) -> Problem {
    Problem::unusable(
        "run",
        format!("{what} of this run cannot be understood; was it written by vizsla?"),
    )
}
