//! Reading the folder of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use vizsla_evaluation::{RunLog, run_files};

use crate::Error;

/// Longest file that is read, bytes.
const LONGEST: u64 = 512 << 20;

/// A run as its folder tells it.
pub(super) struct RunFolder {
    pub folder: PathBuf,
    /// Its name in the report; no other run has it.
    pub name: String,
    /// All settings, `section.key` → value as TOML.
    pub settings: BTreeMap<String, String>,
    pub log: Table,
    pub validation: Table,
    /// One for each direction of retrieval; a run of one direction has one without a name.
    pub boards: Vec<Board>,
    pub facts: Facts,
    pub mined: Vec<MinedEpoch>,
    pub embeddings: Option<Embeddings>,
    /// What is not there, as sentences.
    pub missing: Vec<String>,
}

/// Figures and ranked lists of a direction.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Board {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub metrics: BTreeMap<String, Figure>,
    #[serde(default)]
    pub queries: Vec<QueryResult>,
    /// Recall and precision, mean over queries.
    #[serde(default)]
    pub precision_recall: Vec<[f64; 2]>,
}

/// A metric with the ends of its 95 % interval where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(from = "FigureText")]
pub(super) struct Figure {
    pub value: f64,
    pub interval: Option<[f64; 2]>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FigureText {
    Whole {
        value: f64,
        low: Option<f64>,
        high: Option<f64>,
    },
    Plain(f64),
}

impl From<FigureText> for Figure {
    fn from(text: FigureText) -> Self {
        match text {
            FigureText::Whole { value, low, high } => Self {
                value,
                interval: low.zip(high).map(|(low, high)| [low, high]),
            },
            FigureText::Plain(value) => Self {
                value,
                interval: None,
            },
        }
    }
}

/// What became of a query.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct QueryResult {
    pub query: String,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub average_precision: f64,
    #[serde(default)]
    pub ranked: Vec<RankedImage>,
}

/// A place of a ranked list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RankedImage {
    pub image: String,
    /// The sentence that was found, where sentences are looked for.
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub relevant: bool,
    #[serde(default)]
    pub score: f64,
}

impl RankedImage {
    /// What was found: a sentence or a picture.
    pub(super) fn found(&self) -> &str {
        self.caption.as_deref().unwrap_or(&self.image)
    }
}

/// What else a result says.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Facts {
    pub dataset: Option<String>,
    pub protocol: Option<String>,
    pub seconds: Option<f64>,
    pub device: Option<String>,
    pub threads: Option<u64>,
}

#[derive(Deserialize)]
struct ResultFile {
    name: Option<String>,
    #[serde(flatten)]
    facts: Facts,
    #[serde(flatten)]
    board: Board,
    #[serde(default)]
    directions: Vec<Board>,
}

/// The hardest negatives of an epoch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MinedEpoch {
    pub epoch: usize,
    #[serde(default)]
    pub hardest: Vec<HardTriplet>,
}

/// A triplet that was hard.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct HardTriplet {
    pub anchor: String,
    pub positive: Option<String>,
    pub negative: String,
    /// With the positive and with the negative.
    #[serde(default)]
    pub similarities: Vec<f64>,
}

/// Descriptors of some pictures.
pub(super) struct Embeddings {
    pub dimension: usize,
    /// Row by row.
    pub vectors: Vec<f32>,
    pub images: Vec<EmbeddedImage>,
}

/// What a row of the descriptors is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct EmbeddedImage {
    pub image: String,
    #[serde(default)]
    pub label: Option<String>,
}

/// Columns of numbers by name; what is no number is NaN.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(pub BTreeMap<String, Vec<f64>>);

impl RunFolder {
    /// Reads all there is.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let config = folder.join(run_files::CONFIG);
        let result = folder.join(run_files::RESULT);
        if !config.is_file() && !result.is_file() {
            return Err(Error::Report(format!(
                "this is not the folder of a run, it holds neither run.toml nor result.json; `vizsla train` makes one: \
                 {}",
                folder.display()
            )));
        }
        let own = fs_err::canonicalize(folder)?;
        let name = own.file_name().unwrap_or_default().to_string_lossy();
        let mut run = Self {
            folder: folder.to_owned(),
            name: name.into_owned(),
            settings: settings(&config)?,
            log: table(&folder.join(run_files::LOG))?,
            validation: table(&folder.join(run_files::VALIDATION))?,
            boards: Vec::new(),
            facts: Facts::default(),
            mined: json(&folder.join(run_files::MINED))?.unwrap_or_default(),
            embeddings: embeddings(folder)?,
            missing: Vec::new(),
        };
        match json::<ResultFile>(&result)? {
            Some(file) => run.take(file),
            None => run
                .missing
                .push("no result yet, the run has not ended".to_owned()),
        }
        Ok(run)
    }

    fn take(&mut self, file: ResultFile) {
        if let Some(name) = file.name.filter(|name| !name.trim().is_empty()) {
            self.name = name;
        }
        self.facts = file.facts;
        self.boards = match file.directions.is_empty() {
            true => vec![Board {
                name: String::new(),
                ..file.board
            }],
            false => file.directions,
        };
    }

    /// The direction of a name.
    pub(super) fn board(&self, name: &str) -> Option<&Board> {
        self.boards.iter().find(|board| board.name == name)
    }

    /// Where a picture lies that a file of the run names.
    pub(super) fn picture(&self, name: &str) -> PathBuf {
        let direct = PathBuf::from(name);
        let data = self
            .settings
            .get("data.images")
            .map(|text| text.trim_matches('"'));
        let places = [
            Some(direct.clone()),
            Some(self.folder.join(name)),
            data.map(|data| Path::new(data).join(name)),
            data.map(|data| self.folder.join(data).join(name)),
        ];
        let there = places.into_iter().flatten().find(|path| path.is_file());
        there.unwrap_or(direct)
    }
}

/// The directions of all runs, in the order in which they come.
pub(super) fn directions(runs: &[RunFolder]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for board in runs.iter().flat_map(|run| &run.boards) {
        if !names.contains(&board.name) {
            names.push(board.name.clone());
        }
    }
    names
}

/// Gives runs of one name different ones.
pub(super) fn name_apart(runs: &mut [RunFolder]) {
    let mut taken = BTreeSet::new();
    for run in runs {
        let name = run.name.clone();
        let mut number = 1;
        while !taken.insert(run.name.clone()) {
            number += 1;
            run.name = format!("{name} ({number})");
        }
    }
}

/// The text of a file, `None` when it is not there.
fn text(path: &Path) -> Result<Option<String>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let length = fs_err::metadata(path)?.len();
    if length > LONGEST {
        return Err(Error::Report(format!(
            "{length} bytes are more than a file of a run has ({LONGEST} at most): {}",
            path.display()
        )));
    }
    Ok(Some(fs_err::read_to_string(path)?))
}

fn misread(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Report(format!(
        "this file of a run cannot be understood ({why}); remove it or train again: {}",
        path.display()
    ))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(text) = text(path)? else {
        return Ok(None);
    };
    let read = serde_json::from_str(&text).map_err(|e| misread(path, &e))?;
    Ok(Some(read))
}

fn settings(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut flat = BTreeMap::new();
    if let Some(text) = text(path)? {
        let table: toml::Table = toml::from_str(&text).map_err(|e| misread(path, &e.message()))?;
        flatten("", &table, &mut flat);
    }
    Ok(flat)
}

fn flatten(prefix: &str, table: &toml::Table, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = match prefix {
            "" => key.clone(),
            prefix => format!("{prefix}.{key}"),
        };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, flat),
            value => {
                flat.insert(name, value.to_string());
            }
        }
    }
}

fn table(path: &Path) -> Result<Table, Error> {
    let mut table = Table::default();
    let Some(text) = text(path)? else {
        return Ok(table);
    };
    for (column, cells) in RunLog::parse(&text).by_column() {
        let number =
            |cell: Option<&str>| cell.and_then(|cell| cell.parse().ok()).unwrap_or(f64::NAN);
        let numbers = cells.into_iter().map(number);
        table
            .0
            .entry(column.to_owned())
            .or_default()
            .extend(numbers);
    }
    Ok(table)
}

fn embeddings(folder: &Path) -> Result<Option<Embeddings>, Error> {
    let (tensors, names) = (
        folder.join("embeddings.safetensors"),
        folder.join("embeddings.csv"),
    );
    let Some(list) = text(&names)? else {
        return Ok(None);
    };
    if !tensors.is_file() || fs_err::metadata(&tensors)?.len() > LONGEST {
        return Ok(None);
    }
    let mut images = Vec::new();
    for row in csv::Reader::from_reader(list.as_bytes()).deserialize() {
        let row: EmbeddedImage = row.map_err(|e| misread(&names, &e))?;
        images.push(row);
    }
    let bytes = fs_err::read(&tensors)?;
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|e| misread(&tensors, &e))?;
    let view = file.tensor("vectors").map_err(|e| misread(&tensors, &e))?;
    let [rows, dimension] = view.shape()[..] else {
        return Err(misread(&tensors, &"\"vectors\" is not a matrix"));
    };
    if view.dtype() != safetensors::Dtype::F32 || rows != images.len() || dimension == 0 {
        let why = format!(
            "\"vectors\" must be {} rows of 32-bit numbers",
            images.len()
        );
        return Err(misread(&tensors, &why));
    }
    let (words, _) = view.data().as_chunks::<4>();
    Ok(Some(Embeddings {
        dimension,
        vectors: words.iter().map(|&word| f32::from_le_bytes(word)).collect(),
        images,
    }))
}
