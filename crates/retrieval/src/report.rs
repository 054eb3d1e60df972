//! What ingest and maintenance tell their caller.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use vizsla_pixels::Limits;

use crate::WalkRules;
use crate::problem::Problem;

/// What to take in, and how.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    /// Report what would be done; write nothing.
    pub dry_run: bool,
    /// Files handed to one transaction; 0 = the default of 256.
    pub batch: usize,
    /// Folder that links below the sources may not lead out of; `None` = they are followed wherever they lead. What lies
    /// outside is listed among the skipped.
    pub within: Option<PathBuf>,
    /// What a picture may ask for.
    pub limits: Limits,
    /// What is left out below the sources. It is kept for them, in place of what was kept before; `None` = as it is kept.
    pub rules: Option<WalkRules>,
    /// Read every file, also those of the same size and time as before, and compare its content.
    pub rescan: bool,
}

/// A file that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// The file; bytes that are not UTF-8 are shown escaped.
    pub path: String,
    /// Why, and what can be done.
    pub reason: String,
}

/// A file with further pictures behind the one that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FurtherPages {
    /// The file; bytes that are not UTF-8 are shown escaped.
    pub path: String,
    /// Pictures in it that were left out.
    pub left_out: u32,
}

/// What an ingest did (or, for a dry run, would do).
#[derive(Debug, Clone, Default, Serialize)]
pub struct IngestReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether it was stopped before the end; run again to go on.
    pub interrupted: bool,
    /// Image files seen under the sources.
    pub seen: usize,
    /// Files of known content at the known place.
    pub unchanged: usize,
    /// New images described and indexed.
    pub added: usize,
    /// Files whose content changed since the last time.
    pub changed: usize,
    /// Files found at a new place, gone from the old one.
    pub moved: usize,
    /// Files with the content of another indexed file.
    pub duplicates: usize,
    /// Files that are gone; their images leave the collection unless another file holds them.
    pub gone: usize,
    /// How many of these are still there, and are left out by a rule now.
    pub gone_by_rule: usize,
    /// Files that are no pictures by their names, left alone.
    pub ignored: usize,
    /// Pictures that cannot be read yet, by the name of their format.
    pub unreadable: BTreeMap<String, usize>,
    /// Videos, by the name of their format.
    pub videos: BTreeMap<String, usize>,
    /// Files that a rule leaves out; what lies in folders that are left out is not counted.
    pub left_out_files: usize,
    /// Folders that a rule leaves out.
    pub left_out_folders: usize,
    /// The first 20 of both, with the rule.
    pub left_out: Vec<Skipped>,
    /// Files not taken in, with reasons, in path order.
    pub skipped: Vec<Skipped>,
    /// Those of them that the collection's model could not take or failed on.
    pub refused: usize,
    /// Files of which the first page was taken in and further ones were not, in path order.
    pub further_pages: Vec<FurtherPages>,
    /// Remarks that need a person's eye.
    pub warnings: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
    /// Described images per second.
    pub images_per_s: f64,
}

/// Figures of a collection.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// The collection's folder.
    pub path: PathBuf,
    /// Format version of the catalog.
    pub format: i64,
    /// Distinct images.
    pub images: u64,
    /// Files that hold them.
    pub files: u64,
    /// Local features stored.
    pub features: u64,
    /// Images with local features that are kept without a picture in little: they were indexed before there was one, or the recipe leaves it out.
    pub without_look: u64,
    /// Captions.
    pub captions: u64,
    /// Values of metadata: one for each image, key and place in a list.
    pub metadata: u64,
    /// Segments of the inverted file.
    pub segments: usize,
    /// Removed images whose postings are still in a segment.
    pub tombstones: u64,
    /// Words of the codebook.
    pub codebook_words: usize,
    /// Content hash of the codebook.
    pub codebook: String,
    /// What is left out of folders when they are indexed again.
    pub rules: Vec<FolderRules>,
    /// Bytes of the catalog.
    pub catalog_bytes: u64,
    /// Bytes of the segments.
    pub segment_bytes: u64,
    /// Bytes of the artefacts (codebook).
    pub artefact_bytes: u64,
    /// The graph of neighbours; `None` when none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphInfo>,
    /// The indexes of vectors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexInfo>,
    /// Bytes of catalog and segments for each image.
    pub bytes_per_image: f64,
    /// The recipe, as TOML.
    pub recipe: String,
    /// What of codebook and whitening cannot be opened; empty when all can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// An index of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexInfo {
    /// Whose vectors: of images or of captions.
    pub of: String,
    /// Vectors in it.
    pub vectors: u64,
    /// Numbers of a vector.
    pub dimension: usize,
    /// What it is and how hard a search looks, in words.
    pub made_of: String,
    /// Bytes of its file.
    pub bytes: u64,
    /// Why it is so, in words: what it was chosen by.
    pub why: String,
    /// Why one that were made now would be another, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
}

/// The graph of neighbours that is kept with a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphInfo {
    /// Images in it.
    pub images: u64,
    /// Whether it is one of all vectors as they are compared now; if not, it is not used until it is made again.
    pub current: bool,
    /// Bytes of its file.
    pub bytes: u64,
}

/// What a collection leaves out of a folder, because it was told so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FolderRules {
    /// The folder.
    pub folder: PathBuf,
    /// The rules.
    #[serde(flatten)]
    pub rules: WalkRules,
}

/// One image of a listing.
#[derive(Debug, Clone, Serialize)]
pub struct ListedImage {
    /// Identity in the catalog.
    pub image: i64,
    /// Files that hold it, in order.
    pub paths: Vec<PathBuf>,
    /// blake3 hash of the file's bytes, hex.
    pub content: String,
    /// Upright full-resolution width in pixels.
    pub width: u32,
    /// Upright full-resolution height in pixels.
    pub height: u32,
    /// Name of the file format.
    pub format: String,
    /// Number of local features.
    pub features: u32,
    /// When it was taken, ISO 8601 without zone.
    pub taken: Option<String>,
    /// Camera maker and model.
    pub camera: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Its captions, in the order they came in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<String>,
    /// What metadata files say of it: a value under each key, a list where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// A sentence about an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caption {
    /// Identity in the catalog; kept when the same file is imported again.
    pub id: i64,
    /// The image it is about.
    pub image: i64,
    /// The sentence.
    pub text: String,
    /// The file it came from.
    pub source: String,
}

/// What `verify` checked and found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Images whose stored features were checked.
    pub images: u64,
    /// Segments checked.
    pub segments: usize,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
    /// What a person should know, although nothing is known to be wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What became of a file since it was indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Its content is another one.
    Differs,
    /// It is not there any more.
    Missing,
    /// It is there and cannot be read.
    Unreadable,
}

/// A file that is not as it was indexed.
#[derive(Debug, Clone, Serialize)]
pub struct FileFinding {
    /// What became of it.
    pub state: FileState,
    /// The file, what was seen and what to do.
    #[serde(flatten)]
    pub problem: Problem,
}

/// What a comparison of the indexed files with the collection found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FilesReport {
    /// Files that were looked at.
    pub checked: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Those that are not as they were indexed, in path order.
    pub found: Vec<FileFinding>,
}

/// What `optimize` did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OptimizeReport {
    /// Segments before.
    pub segments_before: usize,
    /// Segments after.
    pub segments_after: usize,
    /// Bytes of the collection before.
    pub bytes_before: u64,
    /// Bytes of the collection after.
    pub bytes_after: u64,
    /// Whether the segments were made again from the catalog.
    pub rebuilt: bool,
    /// What was left as it is, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
