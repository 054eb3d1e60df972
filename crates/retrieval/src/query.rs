//! What is asked, and what is answered.

use std::path::PathBuf;

use serde::Serialize;
use vizsla_pixels::Gray;

/// A rectangle in pixels of the upright, full-resolution picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Region {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, positive.
    pub width: f64,
    /// Height, positive.
    pub height: f64,
}

/// Where the query picture comes from.
#[derive(Debug, Clone)]
pub enum QueryImage {
    /// A file.
    File(PathBuf),
    /// The bytes of a file.
    Bytes(Vec<u8>),
    /// A decoded picture at full resolution.
    Gray(Gray),
}

/// A question to a collection.
#[derive(Debug, Clone)]
pub struct Query {
    /// The picture.
    pub image: QueryImage,
    /// The part of it that is meant; `None` = all.
    pub region: Option<Region>,
}

impl Query {
    /// A query by a picture file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            image: QueryImage::File(path.into()),
            region: None,
        }
    }

    /// The same query, restricted to a region.
    #[must_use]
    pub fn within(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }
}

/// How much of an answer is wanted; `None` takes the recipe's value.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Most results returned.
    pub top: usize,
    /// Images verified geometrically.
    pub shortlist: Option<usize>,
    /// Whether the shortlist is verified; without it no result has a verdict of match.
    pub verify: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            top: 10,
            shortlist: None,
            verify: true,
        }
    }
}

/// Whether a gallery image shows what the query shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The geometric agreement is too good to be chance: the bound on false alarms holds.
    Match,
    /// It could be chance, or was not verified.
    NoMatch,
}

/// One place seen in both pictures, in pixels of the upright full-resolution pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PointPair {
    /// x, y in the query.
    pub query: [f32; 2],
    /// x, y in the gallery image.
    pub gallery: [f32; 2],
}

/// What the geometric verification of one image found.
#[derive(Debug, Clone, Serialize)]
pub struct Agreement {
    /// Tentative correspondences: feature pairs of one visual word with close signatures.
    pub tentative: usize,
    /// Those that agree with the transform, one to one.
    pub inliers: usize,
    /// log10 of the expected number of as good agreements by chance over the collection.
    pub log10_nfa: f64,
    /// Share, 0 to 1, of the area that query and image have in common which the inliers cover.
    pub coverage: f64,
    /// Homography from query to gallery pixels (upright, full resolution), row-major.
    pub transform: [[f64; 3]; 3],
    /// The query's frame (or region) seen in the gallery image: four corners, clockwise from top left. `None` when
    /// the transform carries one of them beyond the horizon, as a steep view may.
    pub outline: Option<[[f64; 2]; 4]>,
    /// Bounding box of the inliers in the gallery image.
    pub gallery_box: Region,
    /// Bounding box of the inliers in the query.
    pub query_box: Region,
    /// The inliers.
    #[serde(skip)]
    pub pairs: Vec<PointPair>,
}

/// One gallery image in an answer.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    /// Identity of the image in the catalog.
    pub image: i64,
    /// Path of a file that holds it.
    pub path: PathBuf,
    /// Other files with the same content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<PathBuf>,
    /// −log10 of its number of false alarms where geometry gives evidence; otherwise the visual-word similarity,
    /// below 1.
    pub score: f64,
    /// Match or not.
    pub verdict: Verdict,
    /// Visual-word similarity, 0 to 1: the shortlist stage's share.
    pub words_score: f64,
    /// Place in the shortlist before verification, from 1.
    pub words_rank: usize,
    /// The verification's share; `None` when no transform was found.
    pub agreement: Option<Agreement>,
    /// Width of the upright full-resolution image in pixels.
    pub width: u32,
    /// Height of the upright full-resolution image in pixels.
    pub height: u32,
}

/// What one stage did.
#[derive(Debug, Clone, Serialize)]
pub struct StageTrace {
    /// Name of the stage: `read`, `describe`, `words`, `shortlist`, `verify`.
    pub stage: &'static str,
    /// How many things came out of it, in the stage's own unit.
    pub out: usize,
    /// The unit: `pixels`, `features`, `words`, `images`, `matches`.
    pub unit: &'static str,
    /// Wall time in milliseconds.
    pub ms: f64,
}

/// The answer to a query.
#[derive(Debug, Clone, Serialize)]
pub struct SearchResponse {
    /// Best first: matches by their score, then the rest of the shortlist.
    pub hits: Vec<Hit>,
    /// Stages in order, with times.
    pub stages: Vec<StageTrace>,
    /// Whole time in milliseconds.
    pub ms: f64,
    /// Upright full-resolution size of the query picture.
    pub query_size: [u32; 2],
}
