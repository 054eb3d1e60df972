//! The parts of a query as a client writes them, and what they mean.
//!
//! A client names pictures by identity: images of the collection, pictures it has sent, files of the same form. Nothing it
//! writes can name a file of the server.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;
use vizsla_retrieval::{ExpressionItem, Part, PartSource, QueryImage, Region, parse_expression};

use crate::pictures;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::App;

/// Most parts of a query.
const MOST_PARTS: usize = 32;
/// Most characters of a part of words.
const MOST_TEXT: usize = 1000;
/// Most characters of an expression.
const MOST_EXPRESSION: usize = 4096;
/// Most numbers of a vector.
const MOST_NUMBERS: usize = 16_384;

/// A part of a query: exactly one of `text`, `image`, `upload` and `vector`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Part)]
pub(crate) struct PartBody {
    /// Words, at most 1000 characters.
    #[schema(max_length = 1000)]
    text: Option<String>,
    /// An image of the collection, by its identity.
    image: Option<i64>,
    /// A picture that was sent to `/v1/uploads`, or the name of a field of this form with a picture.
    upload: Option<String>,
    /// A vector of the collection's global descriptor.
    vector: Option<Vec<f32>>,
    /// How much it counts: not zero; negative asks for what is unlike it. 1 when left out.
    weight: Option<f64>,
    /// The box of the picture that is meant, in pixels of the upright picture.
    region: Option<QueryBox>,
}

/// A box in pixels of the upright picture.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueryBox {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl From<QueryBox> for Region {
    fn from(given: QueryBox) -> Self {
        Self {
            x: given.x,
            y: given.y,
            width: given.width,
            height: given.height,
        }
    }
}

/// Pictures that came with the request, by the name of their field.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// Where the parts of one request find what they name.
pub(crate) struct Sources<'a> {
    pub app: &'a App,
    pub served: &'a Served,
    pub files: &'a Files,
}

impl Sources<'_> {
    /// What the parts mean.
    ///
    /// # Errors
    /// 422 when a part is not one thing or is too much, 404 when what it names is not there, 410 when its file is gone.
    pub fn parts(&self, parts: Vec<PartBody>) -> Result<Vec<Part>, Problem> {
        if parts.is_empty() || parts.len() > MOST_PARTS {
            return Err(unusable(format!(
                "a query has 1 to {MOST_PARTS} parts, this one has {}",
                parts.len()
            )));
        }
        parts.into_iter().map(|part| self.part(part)).collect()
    }

    /// What one part means.
    ///
    /// # Errors
    /// As [`Sources::parts`].
    pub fn part(&self, part: PartBody) -> Result<Part, Problem> {
        let weight = part.weight.unwrap_or(1.0);
        let region = part.region.map(Region::from);
        let what = match (part.text, part.image, part.upload, part.vector) {
            (Some(text), None, None, None) if region.is_none() => words(text)?,
            (None, Some(id), None, None) => self.stored(id, region)?,
            (None, None, Some(name), None) => PartSource::Image {
                image: QueryImage::Bytes(self.sent(&name)?),
                region,
            },
            (None, None, None, Some(vector)) if region.is_none() => {
                if vector.len() > MOST_NUMBERS {
                    return Err(unusable(format!(
                        "a vector has at most {MOST_NUMBERS} numbers"
                    )));
                }
                PartSource::Vector(vector)
            }
            (None, None, None, None) => {
                return Err(unusable(
                    "a part needs one of `text`, `image`, `upload` and `vector`",
                ));
            }
            (Some(_), None, None, None) | (None, None, None, Some(_)) => {
                return Err(unusable("only a picture has a `region`"));
            }
            _ => {
                return Err(unusable(
                    "a part is one of `text`, `image`, `upload` and `vector`, not several; make several parts",
                ));
            }
        };
        Ok(Part { weight, what })
    }

    /// An expression of the query language, without pictures of the disk.
    ///
    /// # Errors
    /// 422 when it cannot be understood, is too long, or names a file.
    pub fn expression(&self, text: &str) -> Result<Vec<Part>, Problem> {
        if text.chars().count() > MOST_EXPRESSION {
            return Err(unusable(format!(
                "an expression has at most {MOST_EXPRESSION} characters"
            )));
        }
        let parsed = parse_expression(text).map_err(|error| unusable(error.to_string()))?;
        if parsed.len() > MOST_PARTS {
            return Err(unusable(format!(
                "a query has at most {MOST_PARTS} parts, this one has {}",
                parsed.len()
            )));
        }
        let part = |part: vizsla_retrieval::ExpressionPart| {
            let what = match part.what {
                ExpressionItem::Text(text) => words(text)?,
                ExpressionItem::Stored(id) => PartSource::Stored(id),
                ExpressionItem::Image { .. } => {
                    return Err(unusable(
                        "an expression cannot name a file here; send the picture to /v1/uploads and name it as a part",
                    ));
                }
            };
            Ok(Part {
                weight: part.weight,
                what,
            })
        };
        parsed.into_iter().map(part).collect()
    }

    /// An image of the collection: as it was indexed, or from its file when a box of it is meant.
    fn stored(&self, id: i64, region: Option<Region>) -> Result<PartSource, Problem> {
        if region.is_none() {
            return Ok(PartSource::Stored(id));
        }
        let bytes = pictures::read(&pictures::image(self.served, id)?, &self.app.roots)?;
        Ok(PartSource::Image {
            image: QueryImage::Bytes(bytes),
            region,
        })
    }

    /// A picture that came with the request, or was sent before.
    fn sent(&self, name: &str) -> Result<Vec<u8>, Problem> {
        match self.files.get(name) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Ok(self.app.uploads.read(name)?.1),
        }
    }
}

fn words(text: String) -> Result<PartSource, Problem> {
    match text.chars().count() {
        1..=MOST_TEXT if !text.trim().is_empty() => Ok(PartSource::Text(text)),
        length => Err(unusable(format!(
            "the words of a part have 1 to {MOST_TEXT} characters, these have {length}"
        ))),
    }
}

fn unusable(detail: impl Into<String>) -> Problem {
    Problem::unusable("bad-query", detail)
}
