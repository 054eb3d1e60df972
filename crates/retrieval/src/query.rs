//! What is asked, and what is answered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vizsla_features::{Ground, GroundCell};
use vizsla_pixels::{Gray, Limits, Rgb};

use crate::channel::Channel;
use crate::expression::{ExpressionItem, parse_expression};
use crate::region::Region;
use crate::{Caption, Error, Filter, Fusion, StageName, StageRecipe};

/// Where a picture of the query comes from.
#[derive(Debug, Clone)]
pub enum QueryImage {
    /// A file.
    File(PathBuf),
    /// The bytes of a file.
    Bytes(Vec<u8>),
    /// A decoded picture at full resolution.
    Gray(Gray),
    /// A decoded picture in colour at full resolution.
    Rgb(Rgb),
}

/// One part of a query.
#[derive(Debug, Clone)]
pub enum PartSource {
    /// A picture, or a region of it.
    Image {
        /// The picture.
        image: QueryImage,
        /// The part of it that is meant; `None` = all.
        region: Option<Region>,
    },
    /// Words, a sentence.
    Text(String),
    /// An image of the collection, by its id.
    Stored(i64),
    /// A vector of the collection's global descriptor, of any length but zero.
    Vector(Vec<f32>),
}

/// A part with its weight; a negative weight asks for what is unlike it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Finite and not zero.
    pub weight: f64,
    /// What is meant.
    pub what: PartSource,
}

/// A question to a collection: parts that add up, and a condition that every answer meets.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The parts, at least one.
    pub parts: Vec<Part>,
    /// Which images may be answers; `None` = all.
    pub filter: Option<Filter>,
}

impl Hit {
    /// What a channel said of it.
    pub fn share(&self, channel: Channel) -> Option<&Share> {
        self.shares.iter().find(|share| share.channel == channel)
    }
}

impl Query {
    /// A query of one part with weight 1.
    pub fn new(what: PartSource) -> Self {
        Self {
            parts: vec![Part { weight: 1.0, what }],
            filter: None,
        }
    }

    /// A query by a picture.
    pub fn image(image: QueryImage) -> Self {
        Self::new(PartSource::Image {
            image,
            region: None,
        })
    }

    /// A query by a picture file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::image(QueryImage::File(path.into()))
    }

    /// A query by words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(PartSource::Text(text.into()))
    }

    /// A query by an image of the collection.
    pub fn stored(image: i64) -> Self {
        Self::new(PartSource::Stored(image))
    }

    /// A query in the query language, such as `"2*'red umbrella' + street.jpg@120,80,300,220 - car.jpg"`.
    ///
    /// # Errors
    /// The text is not an expression; the message points at the column.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = parse_expression(text)?.into_iter().map(|part| Part {
            weight: part.weight,
            what: match part.what {
                ExpressionItem::Text(text) => PartSource::Text(text),
                ExpressionItem::Image { path, region } => PartSource::Image {
                    image: QueryImage::File(path),
                    region,
                },
                ExpressionItem::Stored(image) => PartSource::Stored(image),
            },
        });
        Ok(Self {
            parts: parts.collect(),
            filter: None,
        })
    }

    /// The same query with every picture that has no region yet restricted to one.
    #[must_use]
    pub fn within(mut self, wanted: Region) -> Self {
        for part in &mut self.parts {
            if let PartSource::Image { region, .. } = &mut part.what {
                region.get_or_insert(wanted);
            }
        }
        self
    }

    /// The same query, answered only by images that meet a condition.
    #[must_use]
    pub fn filtered(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Images.
    #[default]
    Images,
    /// Captions, each with its image.
    Captions,
}

/// How much of an answer is wanted; `None` takes the recipe's value.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Most results returned.
    pub top: usize,
    /// Results left out before the first that is returned.
    pub skip: usize,
    /// Results of a lower score are left out.
    pub least_score: Option<f64>,
    /// Whether only matches are returned.
    pub matches_only: bool,
    /// Images verified geometrically.
    pub shortlist: Option<usize>,
    /// Whether the shortlist is verified; without it no result has a verdict of match.
    pub verify: bool,
    /// Images or captions.
    pub target: Target,
    /// The channels that may answer; `None` = all that the collection has and the query can ask.
    pub channels: Option<Vec<Channel>>,
    /// How the channels' candidates become one list.
    pub fusion: Option<Fusion>,
    /// The stages that rank, in their order.
    pub stages: Option<Vec<StageRecipe>>,
    /// Captions that are looked past, by id: those that a query was taken from.
    pub ignore_captions: Vec<i64>,
    /// Whether the mirror images of the query's pictures are looked for as well.
    pub mirrored: bool,
    /// Whether a first look at half the size, by visual words and geometry, may answer a query of one picture where it proves a match
    /// beyond doubt: in a third of the time, with fewer of the further images.
    pub quick: bool,
    /// What a picture of the query may ask for.
    pub limits: Limits,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            top: 10,
            skip: 0,
            least_score: None,
            matches_only: false,
            shortlist: None,
            verify: true,
            target: Target::Images,
            channels: None,
            fusion: None,
            stages: None,
            ignore_captions: Vec::new(),
            mirrored: false,
            quick: false,
            limits: Limits::default(),
        }
    }
}

/// Whether a gallery image shows what the query shows; the surer comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same object: the geometric agreement is too good to be chance, and what lies around it agrees as well.
    Match,
    /// Something of it: the agreement is too good to be chance, but the rest of what both show differs, or another picture explains the
    /// same place better. A logo, a layout, a picture in the picture, a shared background.
    Part,
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
    /// The part of the query that agrees, counted from 0.
    pub part: usize,
    /// Tentative correspondences: feature pairs of one visual word with close signatures.
    pub tentative: usize,
    /// Those that agree with the transform, one to one.
    pub inliers: usize,
    /// log10 of the expected number of as good agreements by chance over the collection.
    pub log10_nfa: f64,
    /// Share, 0 to 1, of the area that query and image have in common which the inliers cover.
    pub coverage: f64,
    /// Share, 0 to 1, of the places with features in which the two agree: that of the query or of the image, whichever is less.
    pub extent: f64,
    /// Homography from query to gallery pixels (upright, full resolution), row-major.
    pub transform: [[f64; 3]; 3],
    /// The query's frame (or region) seen in the gallery image: four corners, clockwise from top left. `None` when
    /// the transform carries one of them beyond the horizon, as a steep view may.
    pub outline: Option<[[f64; 2]; 4]>,
    /// Bounding box of the inliers in the gallery image.
    pub gallery_box: Region,
    /// Bounding box of the inliers in the query.
    pub query_box: Region,
    /// What lies between the inliers and around them; `None` where the agreement could be chance, or the image is kept without a picture in
    /// little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// Probability, 0 to 1, that an agreement which is no chance is of the same object; `None` where nothing is known of the ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sameness: Option<f64>,
    /// The image that explains the same place of the query better, where that makes the difference between a match and a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<i64>,
    /// Whether it is the mirror image of the query that agrees. Boxes, transform and inliers are told of the query itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// The inliers.
    #[serde(skip)]
    pub pairs: Vec<PointPair>,
}

impl Agreement {
    /// The cells of the ground that both pictures show; none where nothing is known of it.
    pub fn cells(&self) -> &[GroundCell] {
        self.ground.as_ref().map_or(&[], |ground| &ground.cells)
    }
}

/// What one channel says of one result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// The channel.
    pub channel: Channel,
    /// Its similarity: visual words and BM25 0 to 1, cosine −1 to 1; with several parts the weighted mean.
    pub score: f64,
    /// Its place in the channel's list, from 1.
    pub rank: usize,
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
    /// −log10 of its number of false alarms where geometry gives evidence; otherwise 0 to 1: of one channel its own
    /// similarity, of several what [`Fusion`] says.
    pub score: f64,
    /// Match, part or neither.
    pub verdict: Verdict,
    /// Place among the candidates before verification, from 1.
    pub rank: usize,
    /// What each channel said, in the order of [`Channel::ALL`]; channels that did not find it are left out.
    pub shares: Vec<Share>,
    /// The caption that was found, or that spoke most for the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<Caption>,
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
    /// The stage.
    pub stage: StageName,
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
    /// How many there are to return, those before and after `hits` included; no more than the channels give, which is
    /// 1000 or, where more are asked for, these.
    pub found: usize,
    /// Stages in order, with times.
    pub stages: Vec<StageTrace>,
    /// Whole time in milliseconds.
    pub ms: f64,
    /// Upright full-resolution size of the first picture of the query; zeros when there is none.
    pub query_size: [u32; 2],
    /// Whether a first look was enough ([`SearchOptions::quick`]).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// Remarks that need a person's eye, such as words that the text encoder does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
