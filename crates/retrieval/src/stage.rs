//! Names of the stages of a search, and what a recipe or a caller says of those that rank.
//!
//! A ranking stage is written as its name and its figures, `verify:200` or `expand:alpha:10:3`, in recipes as on the command
//! line. It is read once and is a value from then on.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vizsla_vectors::ReciprocalConfig;

use crate::Channel;

/// Images that an expansion takes when it is not told how many.
const EXPANSION: usize = 5;
/// Exponent of similarities as weights when none is told (Radenović et al. 2018).
const ALPHA: f64 = 3.0;
/// Neighbours of an augmentation when it is not told how many.
const NEIGHBOURS: usize = 5;
/// Images far down the list that a plane is learned against (Arandjelović & Zisserman 2012).
const NEGATIVES: usize = 200;
/// Neighbours of the query where a diffusion begins, and the images that it goes over (Iscen et al. 2017).
const SEEDS: usize = 10;
const TRUNCATED: usize = 5000;
/// Probability of going on when none is told: with the 0.99 of the paper, whose vectors are whitened, what is alike anyhow overtakes what was
/// found (measured in `docs/stages.md`).
const GOING_ON: f64 = 0.9;
/// Greatest probability of going on: beyond it single precision ends.
const MOST_GOING_ON: f64 = 0.9999;
/// What stands for all images.
const ALL: &str = "all";
/// Images that are re-ranked.
const RERANKED: usize = 100;
/// Images that are compared exactly.
const COMPARED: usize = 100;
/// Most images that are re-ranked: all pairs are compared.
const MOST_RERANKED: usize = 2000;
/// Most images that a stage takes together.
const MOST: usize = 100_000;
/// Most images that widen a query: each costs a query of its own.
const MOST_EXPANSION: usize = 1000;
/// Greatest exponent of similarities.
const MOST_ALPHA: f64 = 100.0;

/// A stage of a search, for its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Conditions on metadata.
    Filter,
    /// Decoding a picture of the query.
    Read,
    /// Local features.
    Describe,
    /// Visual words of these.
    Words,
    /// Networks.
    Encode,
    /// Images by visual words.
    Shortlist,
    /// Images by the global descriptor.
    Global,
    /// Captions by word.
    Captions,
    /// Captions by meaning.
    Text,
    /// The lists of the channels become one.
    Fuse,
    /// Geometric verification.
    Verify,
    /// Query expansion.
    Expand,
    /// Database-side augmentation.
    Augment,
    /// Diffusion over the graph of neighbours.
    Diffuse,
    /// Re-ranking by reciprocal neighbours.
    Rerank,
    /// Re-ranking by exact distances.
    Exact,
}

impl StageName {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Read => "read",
            Self::Describe => "describe",
            Self::Words => "words",
            Self::Encode => "encode",
            Self::Shortlist => "shortlist",
            Self::Global => "global",
            Self::Captions => "captions",
            Self::Text => "text",
            Self::Fuse => "fuse",
            Self::Verify => "verify",
            Self::Expand => "expand",
            Self::Augment => "augment",
            Self::Diffuse => "diffuse",
            Self::Rerank => "rerank",
            Self::Exact => "exact",
        }
    }

    /// What comes out of it, in the plural.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Filter | Self::Expand => "images",
            Self::Read => "pixels",
            Self::Describe => "features",
            Self::Words => "words",
            Self::Encode => "numbers",
            Self::Verify => "matches",
            Self::Shortlist
            | Self::Global
            | Self::Captions
            | Self::Text
            | Self::Fuse
            | Self::Augment
            | Self::Diffuse
            | Self::Rerank
            | Self::Exact => "candidates",
        }
    }
}

impl From<Channel> for StageName {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Words => Self::Shortlist,
            Channel::Global => Self::Global,
            Channel::Captions => Self::Captions,
            Channel::Text => Self::Text,
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a query is widened by what it found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expansion {
    /// All count as much as the query (Chum et al. 2007).
    Average,
    /// Each counts by a power of its similarity (Radenović et al. 2018).
    Alpha(f64),
    /// Visual words of the verified images within the query's frame, mapped back through the transform (Chum et al. 2007).
    Regions,
    /// The normal of the plane between the query with what it found and images far down the list, of vectors and of visual
    /// words (Arandjelović & Zisserman 2012).
    Discriminative {
        /// How many images far down the list, at most.
        negatives: usize,
    },
}

/// A stage that ranks, with its figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StageRecipe {
    /// Geometry proves or refuses the first candidates: `verify` or `verify:IMAGES`.
    Verify {
        /// How many; `None` takes the recipe's shortlist.
        images: Option<usize>,
    },
    /// The query is asked again, widened by the first results (verified ones, where pictures were verified):
    /// `expand:average:IMAGES`, `expand:alpha:IMAGES:EXPONENT`, `expand:regions:IMAGES` or `expand:discriminative:IMAGES:NEGATIVES`.
    Expand {
        /// In which way.
        how: Expansion,
        /// By how many images at most.
        images: usize,
    },
    /// Each candidate of the global descriptor is compared as the weighted sum of itself and its neighbours in the
    /// collection (Turcot & Lowe 2009; Arandjelović & Zisserman 2012): `augment:NEIGHBOURS:EXPONENT`.
    Augment {
        /// How many neighbours, the image itself not counted.
        neighbours: usize,
        /// Exponent of the similarities as weights.
        alpha: f64,
    },
    /// Similarities by the global descriptor spread over the graph of neighbours (Iscen et al. 2017):
    /// `diffuse:NEIGHBOURS:ALPHA:IMAGES`, where `all` images may be said.
    Diffuse {
        /// Neighbours of the query where it begins.
        neighbours: usize,
        /// Probability of going on at each step.
        alpha: f64,
        /// Images nearest to the query that it goes over; `None` = all.
        images: Option<usize>,
    },
    /// The first candidates change places by their reciprocal neighbours (Zhong et al. 2017): `rerank:IMAGES:K1:K2:LAMBDA`.
    Rerank {
        /// How many.
        images: usize,
        /// Neighbours among which reciprocal ones are looked for.
        k1: usize,
        /// Neighbours whose descriptions are averaged, the image itself among them.
        k2: usize,
        /// Weight of the original distance, beside that of shared neighbours.
        lambda: f64,
    },
    /// The first candidates are put into the order of a distance that no inner product stands for, such as the earth mover's
    /// (Rubner, Tomasi & Guibas 2000): `exact:IMAGES`.
    Exact {
        /// How many.
        images: usize,
    },
}

impl StageRecipe {
    /// What there is, each name a stage with its usual figures.
    pub const NAMES: [&'static str; 9] = [
        "verify",
        "expand:average",
        "expand:alpha",
        "expand:regions",
        "expand:discriminative",
        "augment",
        "diffuse",
        "rerank",
        "exact",
    ];

    /// Its name.
    pub fn name(self) -> StageName {
        match self {
            Self::Verify { .. } => StageName::Verify,
            Self::Expand { .. } => StageName::Expand,
            Self::Augment { .. } => StageName::Augment,
            Self::Diffuse { .. } => StageName::Diffuse,
            Self::Rerank { .. } => StageName::Rerank,
            Self::Exact { .. } => StageName::Exact,
        }
    }

    /// Exact comparison of so many images, or as many as is usual.
    pub(crate) fn exact(images: Option<usize>) -> Self {
        Self::Exact {
            images: images.unwrap_or(COMPARED),
        }
    }

    /// Reads stages separated by commas, in their order; `none` is no stage.
    ///
    /// # Errors
    /// One is unknown or its figures are out of range; the message says what there is.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        match text.trim() {
            "none" => Ok(Vec::new()),
            some => some.split(',').map(|stage| stage.trim().parse()).collect(),
        }
    }
}

/// The figures behind a stage's name.
struct Figures<'t> {
    whole: &'t str,
    rest: std::str::Split<'t, char>,
}

impl<'t> Figures<'t> {
    /// The next figure, or what stands for it when it is left out.
    fn next<T: FromStr + PartialOrd + fmt::Display>(
        &mut self,
        what: &str,
        range: std::ops::RangeInclusive<T>,
        else_: Option<T>,
    ) -> Result<T, String> {
        let given = self.rest.next();
        let value = match given {
            None => return else_.ok_or_else(|| format!("`{}` lacks its {what}", self.whole)),
            Some(text) => text.parse().ok().filter(|value| range.contains(value)),
        };
        value.ok_or_else(|| {
            format!(
                "`{}` has no {what} that can be; it is {} to {}",
                self.whole,
                range.start(),
                range.end()
            )
        })
    }

    fn end(mut self) -> Result<(), String> {
        match self.rest.next() {
            None => Ok(()),
            Some(more) => Err(format!("`{}` has too much: `{more}`", self.whole)),
        }
    }
}

impl FromStr for StageRecipe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text.split(':');
        let name = rest.next().unwrap_or_default();
        let mut figures = Figures { whole: text, rest };
        let stage = match name {
            "verify" => Self::Verify {
                images: match text.contains(':') {
                    true => Some(figures.next("number of images", 1..=MOST, None)?),
                    false => None,
                },
            },
            "expand" => expansion(&mut figures)?,
            "augment" => Self::Augment {
                neighbours: figures.next(
                    "number of neighbours",
                    1..=MOST_EXPANSION,
                    Some(NEIGHBOURS),
                )?,
                alpha: figures.next("exponent", 0.0..=MOST_ALPHA, Some(ALPHA))?,
            },
            "diffuse" => Self::Diffuse {
                neighbours: figures.next(
                    "number of neighbours",
                    1..=MOST_EXPANSION,
                    Some(SEEDS),
                )?,
                alpha: figures.next(
                    "probability of going on",
                    0.0..=MOST_GOING_ON,
                    Some(GOING_ON),
                )?,
                images: match figures.rest.clone().next() {
                    Some(ALL) => {
                        figures.rest.next();
                        None
                    }
                    _ => Some(figures.next("number of images", 1..=MOST, Some(TRUNCATED))?),
                },
            },
            "rerank" => {
                let usual = ReciprocalConfig::default();
                let most = 1..=MOST_EXPANSION;
                Self::Rerank {
                    images: figures.next("number of images", 1..=MOST_RERANKED, Some(RERANKED))?,
                    k1: figures.next("number k1 of neighbours", most.clone(), Some(usual.k1))?,
                    k2: figures.next("number k2 of neighbours", most, Some(usual.k2))?,
                    lambda: figures.next("weight", 0.0..=1.0, Some(usual.lambda))?,
                }
            }
            "exact" => Self::exact(Some(figures.next(
                "number of images",
                1..=MOST,
                Some(COMPARED),
            )?)),
            _ => return Err(unknown(text)),
        };
        figures.end()?;
        Ok(stage)
    }
}

/// What follows `expand`.
fn expansion(figures: &mut Figures<'_>) -> Result<StageRecipe, String> {
    let kind = figures.rest.next().unwrap_or("alpha");
    if !matches!(kind, "average" | "alpha" | "regions" | "discriminative") {
        return Err(unknown(figures.whole));
    }
    let images = figures.next("number of images", 1..=MOST_EXPANSION, Some(EXPANSION))?;
    let how = match kind {
        "average" => Expansion::Average,
        "regions" => Expansion::Regions,
        "discriminative" => Expansion::Discriminative {
            negatives: figures.next("number of negatives", 1..=MOST_EXPANSION, Some(NEGATIVES))?,
        },
        _ => Expansion::Alpha(figures.next("exponent", 0.0..=MOST_ALPHA, Some(ALPHA))?),
    };
    Ok(StageRecipe::Expand { how, images })
}

fn unknown(text: &str) -> String {
    format!(
        "there is no stage `{text}`; there are {} (each may be followed by its figures, as in verify:200, expand:alpha:10:3, \
         expand:discriminative:5:200, augment:5:3, diffuse:10:0.9:5000, rerank:100:20:6:0.3, exact:100)",
        StageRecipe::NAMES.join(", ")
    )
}

impl fmt::Display for StageRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Verify { images: None } => write!(f, "{name}"),
            Self::Verify {
                images: Some(images),
            } => write!(f, "{name}:{images}"),
            Self::Expand { how, images } => match how {
                Expansion::Average => write!(f, "{name}:average:{images}"),
                Expansion::Alpha(alpha) => write!(f, "{name}:alpha:{images}:{alpha}"),
                Expansion::Regions => write!(f, "{name}:regions:{images}"),
                Expansion::Discriminative { negatives } => {
                    write!(f, "{name}:discriminative:{images}:{negatives}")
                }
            },
            Self::Augment { neighbours, alpha } => write!(f, "{name}:{neighbours}:{alpha}"),
            Self::Diffuse {
                neighbours,
                alpha,
                images,
            } => match images {
                Some(images) => write!(f, "{name}:{neighbours}:{alpha}:{images}"),
                None => write!(f, "{name}:{neighbours}:{alpha}:{ALL}"),
            },
            Self::Rerank {
                images,
                k1,
                k2,
                lambda,
            } => write!(f, "{name}:{images}:{k1}:{k2}:{lambda}"),
            Self::Exact { images } => write!(f, "{name}:{images}"),
        }
    }
}

impl Serialize for StageRecipe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StageRecipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "verify",
            "verify:250",
            "expand:average:7",
            "expand:alpha:10:2.5",
            "expand:regions:3",
            "augment:4:0",
            "expand:discriminative:4:50",
            "diffuse:7:0.9:300",
            "diffuse:7:0.9:all",
            "rerank:50:10:3:0.5",
            "exact:30",
        ] {
            let stage: StageRecipe = text.parse().unwrap();
            assert_eq!(stage.to_string(), text);
            let json = serde_json::to_string(&stage).unwrap();
            assert_eq!(serde_json::from_str::<StageRecipe>(&json).unwrap(), stage);
        }
        let filled = |text: &str| text.parse::<StageRecipe>().unwrap().to_string();
        assert_eq!(filled("expand"), "expand:alpha:5:3");
        assert_eq!(filled("expand:regions"), "expand:regions:5");
        assert_eq!(filled("augment:2"), "augment:2:3");
        assert_eq!(
            filled("expand:discriminative:3"),
            "expand:discriminative:3:200"
        );
        assert_eq!(filled("diffuse"), "diffuse:10:0.9:5000");
        assert_eq!(filled("exact"), "exact:100");
        assert_eq!(filled("rerank:40:8"), "rerank:40:8:6:0.3");
        let list = StageRecipe::parse_list("verify, expand:regions ,verify:9").unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(StageRecipe::parse_list("none").unwrap(), []);
    }

    #[test]
    fn what_is_not_known_is_answered_with_what_is() {
        for text in ["", "reorder", "expand:best", "Verify", "expand:alpha,x"] {
            let error = text.parse::<StageRecipe>().unwrap_err();
            assert!(error.contains("there are verify"), "{text}: {error}");
        }
        for text in [
            "verify:",
            "verify:0",
            "verify:x",
            "verify:1:2",
            "expand:alpha:0",
            "expand:alpha:5:-1",
            "expand:alpha:5:NaN",
            "expand:alpha:5:inf",
            "expand:average:5:3",
            "augment:2:3:4",
            "expand:alpha:99999",
            "expand:discriminative:5:0",
            "diffuse:0",
            "diffuse:10:1",
            "diffuse:10:0.9:0",
            "diffuse:10:0.9:all:1",
            "rerank:100:20:6:1.5",
            "rerank:99999",
            "exact:0",
            "exact:5:5",
        ] {
            let error = text.parse::<StageRecipe>().unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
        assert!(StageRecipe::parse_list("verify,,expand").is_err());
    }
}
