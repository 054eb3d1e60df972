//! Search, in all its forms.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_retrieval as retrieval;
use vizsla_retrieval::{
    Collection, Expansion, Query, Reporter, SearchOptions, SearchResponse, StageRecipe,
};

use super::images::{MOST_PAGE, address, condition, shown_name};
use crate::answers::answers;
use crate::extract::{Body, MOST_JSON, Place, form, is_form, parse};
use crate::guard::too_large;
use crate::parts::{Files, PartBody, Sources};
use crate::problem::Problem;
use crate::state::App;

/// How far into the results a page may begin.
const MOST_OFFSET: usize = 10_000;
/// Stages of a question.
const MOST_STAGES: usize = 4;
/// Images that a stage of a question verifies.
const MOST_VERIFIED: usize = 1000;
/// Images that a stage of a question widens it by, and neighbours of an image.
const MOST_WIDENING: usize = 20;
/// Images that a stage of a question takes from far down the list.
const MOST_NEGATIVES: usize = 200;
/// Images that a stage of a question spreads similarities over.
const MOST_SPREAD: usize = 10_000;
/// Images that a stage of a question compares with each other.
const MOST_RERANKED: usize = 500;
/// Fields of a form: the query and the pictures that its parts name.
const MOST_FIELDS: usize = 33;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(search))
}

answers! {
    /// Of a search.
    Searching: 400, 401, 403, 404, 408, 410, 413, 415, 422, 500, 503, 504;
}

/// What is looked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Target {
    #[default]
    Images,
    Captions,
}

/// An index that can answer: visual words (the same object), the global descriptor (what looks alike), words of captions,
/// meaning of captions.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    Words,
    Global,
    Captions,
    Text,
}

impl From<Channel> for retrieval::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Words => Self::Words,
            Channel::Global => Self::Global,
            Channel::Captions => Self::Captions,
            Channel::Text => Self::Text,
        }
    }
}

impl From<retrieval::Channel> for Channel {
    fn from(channel: retrieval::Channel) -> Self {
        match channel {
            retrieval::Channel::Words => Self::Words,
            retrieval::Channel::Global => Self::Global,
            retrieval::Channel::Captions => Self::Captions,
            retrieval::Channel::Text => Self::Text,
        }
    }
}

/// A question to a collection: `parts`, or a `query` in the query language.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parts": [{"image": 1}], "limit": 5}))]
struct Question {
    /// What is meant, 1 to 32 parts that add up.
    parts: Option<Vec<PartBody>>,
    /// The same as an expression of words and images of the collection, such as `2*'red umbrella' - #17`.
    query: Option<String>,
    /// Only images that meet a condition, such as `taken >= 2024-01-01 and near(47.5, 19.0, 10 km)`.
    r#where: Option<String>,
    #[serde(default)]
    target: Target,
    /// The channels that may answer; left out, all that the collection has and the query can ask.
    channels: Option<Vec<Channel>>,
    /// Whether geometry is checked; without it no result is a match. True when left out.
    verify: Option<bool>,
    /// Whether mirror images of pictures are looked for as well.
    #[serde(default)]
    mirrored: bool,
    /// Whether a first look at half the size, by visual words and geometry, may answer a query of one picture where it proves a match beyond
    /// doubt: in a third of the time, with fewer of the further images.
    #[serde(default)]
    quick: bool,
    /// Stages that rank, in their order, such as `["verify", "expand:regions:5", "verify"]`; left out, the collection's recipe
    /// says them. At most 4, each of at most 1000 images to verify, 20 to widen the query, 20 neighbours.
    #[schema(max_items = 4, example = json!(["verify"]))]
    stages: Option<Vec<String>>,
    /// Most results of the answer, 1 to 200; 50 when left out.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Results left out before the first.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10000)]
    offset: usize,
    /// Results of a lower score are left out.
    min_score: Option<f64>,
    /// Only matches.
    #[serde(default)]
    matches_only: bool,
}

/// A form with a question and the pictures that it names.
#[derive(ToSchema)]
#[allow(dead_code)] // only described here; the form is read field by field
struct QuestionForm {
    /// The question, as JSON.
    query: Question,
    /// A picture that a part names as `{"upload": "picture"}`; fields may have any names.
    #[schema(value_type = Option<String>, format = Binary)]
    picture: Option<Vec<u8>>,
}

/// Whether an image shows what the query shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// The same object.
    Match,
    /// A part of it agrees beyond chance, the rest differs: a logo, a layout, a picture in the picture, a shared background.
    Part,
    /// It could be chance, or was not verified.
    NoMatch,
}

/// What one channel says of one result.
#[derive(Serialize, ToSchema)]
struct Share {
    channel: Channel,
    /// Its similarity.
    score: f64,
    /// Its place in the channel's list, from 1.
    rank: usize,
}

/// A sentence about an image.
#[derive(Serialize, ToSchema)]
struct Caption {
    id: i64,
    text: String,
}

/// A box in pixels of an upright picture.
#[derive(Serialize, ToSchema)]
pub(crate) struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl From<retrieval::Region> for Frame {
    fn from(region: retrieval::Region) -> Self {
        Self {
            x: region.x,
            y: region.y,
            width: region.width,
            height: region.height,
        }
    }
}

/// What geometry found between a picture of the query and an image.
#[derive(Serialize, ToSchema)]
pub(crate) struct Agreement {
    /// The part of the query that agrees, counted from 0.
    part: usize,
    /// Pairs of features that may be the same.
    tentative: usize,
    /// Those that agree with the transform.
    inliers: usize,
    /// log10 of the expected number of as good agreements by chance.
    log10_nfa: f64,
    /// Share, 0 to 1, of the common area that the inliers cover.
    coverage: f64,
    /// Share, 0 to 1, of the ground that both show which agrees; none where nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreeing: Option<f32>,
    /// The share of it that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    differing: Option<f32>,
    /// Probability, 0 to 1, that an agreement which is no chance is of the same object.
    #[serde(skip_serializing_if = "Option::is_none")]
    sameness: Option<f64>,
    /// The image that explains the same place of the query better, where that makes this a part and no match.
    #[serde(skip_serializing_if = "Option::is_none")]
    rival: Option<i64>,
    /// Whether it is the mirror image of the query that agrees; boxes and transform are told of the query itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mirrored: bool,
    /// Homography from query to image pixels, row by row.
    transform: [[f64; 3]; 3],
    /// Corners of the query's frame (or box) in the image, clockwise from the top left.
    outline: Option<[[f64; 2]; 4]>,
    /// The inliers' box in the query.
    query_box: Frame,
    /// The inliers' box in the image.
    gallery_box: Frame,
}

impl From<&retrieval::Agreement> for Agreement {
    fn from(agreement: &retrieval::Agreement) -> Self {
        Self {
            part: agreement.part,
            tentative: agreement.tentative,
            inliers: agreement.inliers,
            log10_nfa: agreement.log10_nfa,
            coverage: agreement.coverage,
            agreeing: agreement.ground.as_ref().map(|ground| ground.agreeing),
            differing: agreement.ground.as_ref().map(|ground| ground.differing),
            sameness: agreement.sameness,
            rival: agreement.rival,
            mirrored: agreement.mirrored,
            transform: agreement.transform,
            outline: agreement.outline,
            query_box: agreement.query_box.into(),
            gallery_box: agreement.gallery_box.into(),
        }
    }
}

/// A result.
#[derive(Serialize, ToSchema)]
struct Hit {
    /// Identity of the image.
    image: i64,
    /// Name of a file that holds it.
    name: String,
    /// Names of all files that hold it.
    names: Vec<String>,
    /// Path of a file that holds it, where the server shows paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Evidence, −log10 of the number of false alarms, where geometry gives some; otherwise 0 to 1.
    score: f64,
    verdict: Verdict,
    /// Place among the candidates before geometry, from 1.
    rank: usize,
    /// What each channel said that found it.
    shares: Vec<Share>,
    /// The caption that was found, or that spoke most for the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<Caption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<Agreement>,
    /// Width of the upright image in pixels.
    width: u32,
    /// Height of the upright image in pixels.
    height: u32,
    /// Degrees north.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    /// Degrees east.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// When it was taken, ISO 8601 without zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
    /// Address of its thumbnail.
    thumbnail: String,
    /// Address of its file.
    file: String,
}

/// What one stage of a search did.
#[derive(Serialize, ToSchema)]
struct Stage {
    stage: String,
    /// How many things came out of it.
    out: usize,
    /// What they are.
    unit: String,
    /// Milliseconds it took.
    ms: f64,
}

/// The answer to a question.
#[derive(Serialize, ToSchema)]
struct Answer {
    /// Matches first, by evidence, then the rest by score.
    hits: Vec<Hit>,
    /// How many results there are, those of other pages included; the channels give a thousand at most, or where more are
    /// asked for, these.
    total: usize,
    offset: usize,
    stages: Vec<Stage>,
    /// Milliseconds that the search took.
    ms: f64,
    /// Upright width and height of the first picture of the query; zeros when there is none.
    query_size: [u32; 2],
    /// Whether a first look was enough, where `quick` was asked.
    settled: bool,
    /// Remarks that need a person's eye.
    notes: Vec<String>,
}

/// Search a collection
///
/// Pictures are named by parts: an image of the collection, an upload, or a file of the same form.
#[utoipa::path(post, path = "/v1/collections/{collection}/search", tag = "search", params(("collection" = String, Path)),
    request_body(content((Question = "application/json"), (QuestionForm = "multipart/form-data"))),
    responses((status = 200, description = "The results", body = Answer), Searching))]
async fn search(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let served = app.collection(&name)?;
    let (question, files) = read(request, &app).await?;
    let options = options(&question, &app)?;
    let filter = condition(question.r#where.as_deref(), &app)?;
    let inner = Arc::clone(&app);
    let answer = app.work.run(move |cancel| {
        let sources = Sources {
            app: &inner,
            served: &served,
            files: &files,
        };
        let parts = match (question.parts, question.query) {
            (Some(parts), None) => sources.parts(parts)?,
            (None, Some(query)) => sources.expression(&query)?,
            _ => {
                return Err(Problem::unusable(
                    "bad-query",
                    "a question has either `parts` or a `query`",
                ));
            }
        };
        let query = Query { parts, filter };
        let collection = served.reader()?;
        let response = collection.search_while(&query, &options, cancel)?;
        let found_in = FoundIn {
            collection: &collection,
            name: &served.name,
            app: &inner,
        };
        answer(response, options.skip, &found_in, cancel)
    });
    Ok(Json(answer.await?))
}

/// The question, and the pictures that came with it.
async fn read(request: Request, app: &Arc<App>) -> Result<(Question, Files), Problem> {
    if !is_form(&request) {
        let Body(question) = Body::from_request(request, app).await?;
        return Ok((question, Files::new()));
    }
    let mut files = Files::new();
    let mut question = None;
    for field in form(request, app, MOST_FIELDS).await? {
        if field.name == "query" {
            if field.bytes.len() > MOST_JSON {
                return Err(too_large(MOST_JSON));
            }
            question = Some(parse(&field.bytes)?);
        } else {
            files.insert(field.name, field.bytes);
        }
    }
    match question {
        Some(question) => Ok((question, files)),
        None => Err(Problem::unusable(
            "bad-body",
            "the form has no field `query` with the question as JSON",
        )),
    }
}

fn options(question: &Question, app: &App) -> Result<SearchOptions, Problem> {
    let unusable = |detail: String| Err(Problem::unusable("bad-query", detail));
    let limit = question.limit.unwrap_or(50);
    if !(1..=MOST_PAGE).contains(&limit) {
        return unusable(format!("limit must be 1 to {MOST_PAGE}, not {limit}"));
    }
    if question.offset > MOST_OFFSET {
        return unusable(format!(
            "offset must be at most {MOST_OFFSET}; ask more precisely instead"
        ));
    }
    let channels = question.channels.as_ref();
    let stages = question.stages.as_deref().map(stages).transpose();
    let stages = stages.map_err(|detail| Problem::unusable("bad-query", detail))?;
    Ok(SearchOptions {
        stages,
        top: limit,
        skip: question.offset,
        least_score: question.min_score,
        matches_only: question.matches_only,
        verify: question.verify.unwrap_or(true),
        mirrored: question.mirrored,
        quick: question.quick,
        target: match question.target {
            Target::Images => retrieval::Target::Images,
            Target::Captions => retrieval::Target::Captions,
        },
        channels: channels.map(|channels| channels.iter().map(|&c| c.into()).collect()),
        limits: app.config.limits(),
        ..SearchOptions::default()
    })
}

/// The stages of a question, within what one client may ask for.
fn stages(named: &[String]) -> Result<Vec<StageRecipe>, String> {
    if named.len() > MOST_STAGES {
        return Err(format!(
            "a question has at most {MOST_STAGES} stages, this one has {}",
            named.len()
        ));
    }
    let read = |text: &String| {
        let stage: StageRecipe = text.parse()?;
        let (figure, most) = match stage {
            StageRecipe::Verify { images } => (images.unwrap_or(0), MOST_VERIFIED),
            StageRecipe::Expand {
                how: Expansion::Discriminative { negatives },
                ..
            } if negatives > MOST_NEGATIVES => (negatives, MOST_NEGATIVES),
            StageRecipe::Expand { images, .. } => (images, MOST_WIDENING),
            StageRecipe::Augment { neighbours, .. } => (neighbours, MOST_WIDENING),
            StageRecipe::Diffuse { images, .. } => match images {
                Some(images) => (images, MOST_SPREAD),
                None => {
                    return Err(format!(
                        "`{stage}` goes over all images; say how many, at most {MOST_SPREAD}"
                    ));
                }
            },
            StageRecipe::Rerank { images, .. } | StageRecipe::Exact { images } => {
                (images, MOST_RERANKED)
            }
        };
        match figure <= most {
            true => Ok(stage),
            false => Err(format!("`{stage}` asks for {figure}; the most is {most}")),
        }
    };
    named.iter().map(read).collect()
}

/// Where the results of one answer were found.
struct FoundIn<'a> {
    /// The collection as it was searched: one that replaces it meanwhile knows nothing of these results.
    collection: &'a Collection,
    /// Its name in addresses.
    name: &'a str,
    app: &'a App,
}

fn answer(
    response: SearchResponse,
    offset: usize,
    found_in: &FoundIn<'_>,
    cancel: &dyn Reporter,
) -> Result<Answer, Problem> {
    let mut notes = response.notes;
    let plain = response
        .stages
        .iter()
        .any(|stage| stage.stage == retrieval::StageName::Describe && stage.out == 0);
    if plain {
        notes.push(
            "a picture or box of the query is too plain or too small to have local features; visual words cannot find it"
                .to_owned(),
        );
    }
    let mut hits = Vec::with_capacity(response.hits.len());
    for found in response.hits {
        if cancel.cancelled() {
            return Err(retrieval::Error::Cancelled.into());
        }
        hits.push(hit(found, found_in)?);
    }
    let stage = |stage: retrieval::StageTrace| {
        found_in.app.metrics.stage(stage.stage.name(), stage.ms);
        Stage {
            stage: stage.stage.to_string(),
            out: stage.out,
            unit: stage.unit.to_owned(),
            ms: stage.ms,
        }
    };
    Ok(Answer {
        hits,
        total: response.found,
        offset,
        stages: response.stages.into_iter().map(stage).collect(),
        ms: response.ms,
        query_size: response.query_size,
        settled: response.settled,
        notes,
    })
}

fn hit(hit: retrieval::Hit, found_in: &FoundIn<'_>) -> Result<Hit, Problem> {
    let known = found_in.collection.image(hit.image)?;
    let position = known.as_ref().and_then(retrieval::ListedImage::position);
    let share = |share: &retrieval::Share| Share {
        channel: share.channel.into(),
        score: share.score,
        rank: share.rank,
    };
    Ok(Hit {
        name: shown_name(&hit.path),
        names: std::iter::once(&hit.path)
            .chain(&hit.duplicates)
            .map(|path| shown_name(path))
            .collect(),
        path: found_in
            .app
            .config
            .show_paths
            .then(|| hit.path.to_string_lossy().into_owned()),
        score: hit.score,
        verdict: match hit.verdict {
            retrieval::Verdict::Match => Verdict::Match,
            retrieval::Verdict::Part => Verdict::Part,
            retrieval::Verdict::NoMatch => Verdict::NoMatch,
        },
        rank: hit.rank,
        shares: hit.shares.iter().map(share).collect(),
        caption: hit.caption.map(|caption| Caption {
            id: caption.id,
            text: caption.text,
        }),
        agreement: hit.agreement.as_ref().map(Agreement::from),
        width: hit.width,
        height: hit.height,
        latitude: position.map(|[north, _]| north),
        longitude: position.map(|[_, east]| east),
        taken: known.and_then(|image| image.taken),
        thumbnail: address(found_in.name, hit.image, "thumbnail"),
        file: address(found_in.name, hit.image, "file"),
        image: hit.image,
    })
}
