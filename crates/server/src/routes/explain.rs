//! Why a picture was found: what agrees in geometry, and what looks alike.
//!
//! Both are answered as numbers, for a page that draws them, or as a drawing (`Accept: image/png`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_pixels::{DecodeOptions, Decoded, Limits, Rgb, decode_rgb};
use vizsla_retrieval::{
    GroundCell, HeatMap, Likeness, ListedImage, Part, PartSource, PointPair, Query, QueryImage,
    Region, draw_agreement,
};

use super::images::picture;
use crate::answers::{Picture, answers};
use crate::extract::{Body, Place};
use crate::parts::{Files, PartBody, Sources};
use crate::pictures;
use crate::problem::Problem;
use crate::roots::Roots;
use crate::served::Served;
use crate::state::App;

/// Longest side at which pictures are read to be drawn or compared.
const SIDE: u32 = 1440;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(explain))
}

answers! {
    /// Of an explanation.
    Explaining: 400, 401, 403, 404, 406, 408, 410, 413, 415, 422, 500, 503, 504;
}

/// Which explanation is wanted.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExplanationKind {
    /// Points that are the same in both pictures.
    Matches,
    /// Places that make them look alike to the global descriptor.
    Heat,
}

/// A picture of a query and an image that it found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"part": {"image": 1}, "image": 2, "kind": "matches"}))]
struct Asked {
    /// A part of the query that is a picture.
    part: PartBody,
    /// The image of the collection.
    image: i64,
    kind: ExplanationKind,
    /// Whether the mirror image of the picture may agree as well; for `matches` alone.
    #[serde(default)]
    mirrored: bool,
}

/// Points that are the same in two pictures, in pixels of the upright pictures.
#[derive(Serialize, ToSchema)]
struct Matches {
    /// Width and height of the query's picture.
    query_size: [u32; 2],
    /// Width and height of the image.
    size: [u32; 2],
    /// Homography from query to image, row by row; none when nothing agrees.
    transform: Option<[[f64; 3]; 3]>,
    inliers: usize,
    /// Whether it is the mirror image of the picture that agrees; places are told of the picture itself.
    mirrored: bool,
    /// x, y in the query and x, y in the image of each pair.
    pairs: Vec<[f32; 4]>,
    /// The ground that both show, in cells; none where nothing is known of it.
    cells: Vec<Cell>,
}

/// What a cell of the common ground says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CellVerdict {
    /// Both pictures show the same.
    Agrees,
    /// They show something else.
    Differs,
}

/// A cell of the common ground that says something.
#[derive(Serialize, ToSchema)]
struct Cell {
    /// x, y, width and height in the image.
    place: [f32; 4],
    verdict: CellVerdict,
}

impl Cell {
    fn of(cell: &GroundCell, [width, height]: [u32; 2]) -> Option<Self> {
        let [x, y, across, down] = cell.place;
        let (width, height) = (width as f32, height as f32);
        Some(Self {
            place: [x * width, y * height, across * width, down * height],
            verdict: match cell.verdict {
                vizsla_retrieval::CellVerdict::Agrees => CellVerdict::Agrees,
                vizsla_retrieval::CellVerdict::Differs => CellVerdict::Differs,
                vizsla_retrieval::CellVerdict::Silent => return None,
            },
        })
    }
}

/// How much each place adds to a similarity: a coarse grid over a whole picture.
#[derive(Serialize, ToSchema)]
struct Heat {
    rows: usize,
    columns: usize,
    /// Row by row; negative places speak against the similarity.
    values: Vec<f32>,
}

impl From<HeatMap> for Heat {
    fn from(map: HeatMap) -> Self {
        Self {
            rows: map.rows,
            columns: map.columns,
            values: map.values,
        }
    }
}

/// Places that make two pictures look alike.
#[derive(Serialize, ToSchema)]
struct Heats {
    /// Of the query's picture, or of its box.
    query: Heat,
    image: Heat,
    similarity: f64,
    /// Whether the places sum to the similarity, or it is attributed to them.
    exact: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Explanation {
    Matches(Matches),
    Heat(Heats),
}

/// What is answered: numbers or a drawing.
enum Explained {
    Numbers(Explanation),
    Drawing(Vec<u8>),
}

/// Why an image was found by a picture
#[utoipa::path(post, path = "/v1/collections/{collection}/explain", tag = "search", params(("collection" = String, Path)),
    request_body = Asked,
    responses((status = 200, description = "The explanation, or a drawing of it for `Accept: image/png`",
        content((Explanation = "application/json"), (Picture = "image/png"))), Explaining))]
async fn explain(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    headers: HeaderMap,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let served = app.collection(&name)?;
    let draw = wants_drawing(&headers)?;
    let inner = Arc::clone(&app);
    let explained = app.work.run(move |_| {
        let sources = Sources {
            app: &inner,
            served: &served,
            files: &Files::new(),
        };
        let pair = Pair {
            image: pictures::image(&served, asked.image)?,
            part: sources.part(asked.part)?,
            served: &served,
            roots: &inner.roots,
            limits: inner.config.limits(),
            limits_of_files: inner.config.limits_of_files(),
        };
        match asked.kind {
            ExplanationKind::Matches => pair.matches(asked.mirrored, draw),
            ExplanationKind::Heat => pair.heat(draw),
        }
    });
    Ok(match explained.await? {
        Explained::Numbers(numbers) => Json(numbers).into_response(),
        Explained::Drawing(png) => {
            let mut response = picture(png.into_response(), "", Some("image/png"));
            response.headers_mut().remove(header::ETAG);
            response
        }
    })
}

/// What the client accepts: a drawing when it names PNG before JSON, numbers otherwise.
fn wants_drawing(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(accepted) = headers.get(header::ACCEPT) else {
        return Ok(false);
    };
    let accepted = accepted.to_str().unwrap_or_default().to_ascii_lowercase();
    for kind in accepted.split(',') {
        match kind.split(';').next().unwrap_or_default().trim() {
            "image/png" | "image/*" => return Ok(true),
            "application/json" | "application/*" | "*/*" => return Ok(false),
            _ => {}
        }
    }
    Err(Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "accept",
        "an explanation is application/json or image/png",
    ))
}

/// A picture of a query and an image of the collection.
struct Pair<'a> {
    part: Part,
    image: ListedImage,
    served: &'a Served,
    roots: &'a Roots,
    limits: Limits,
    limits_of_files: Limits,
}

impl Pair<'_> {
    fn matches(self, mirrored: bool, draw: bool) -> Result<Explained, Problem> {
        let query = Query {
            parts: vec![Part {
                weight: 1.0,
                what: self.part.what.clone(),
            }],
            filter: None,
        };
        let collection = self.served.reader()?;
        let (agreement, query_size) =
            collection
                .searcher()?
                .compare(&query, self.image.image, mirrored, &self.limits)?;
        let transform = agreement.as_ref().map(|agreement| agreement.transform);
        let mirrored = agreement
            .as_ref()
            .is_some_and(|agreement| agreement.mirrored);
        let cells = agreement
            .as_ref()
            .map(|agreement| agreement.cells().to_vec());
        let cells = cells.unwrap_or_default();
        let pairs = agreement
            .map(|agreement| agreement.pairs)
            .unwrap_or_default();
        if draw {
            let left = self.query_picture(Some(SIDE))?;
            let right = self.gallery_picture()?;
            let drawing =
                draw_agreement((&left).into(), (&right).into(), &pairs, transform, &cells)?;
            return Ok(Explained::Drawing(drawing.encode_png()?));
        }
        let numbers = |pair: &PointPair| {
            [
                pair.query[0],
                pair.query[1],
                pair.gallery[0],
                pair.gallery[1],
            ]
        };
        Ok(Explained::Numbers(Explanation::Matches(Matches {
            query_size,
            size: [self.image.width, self.image.height],
            transform,
            inliers: pairs.len(),
            mirrored,
            pairs: pairs.iter().map(numbers).collect(),
            cells: cells
                .iter()
                .filter_map(|cell| Cell::of(cell, [self.image.width, self.image.height]))
                .collect(),
        })))
    }

    fn heat(self, draw: bool) -> Result<Explained, Problem> {
        let left = match self.region() {
            None => self.query_picture(Some(SIDE))?.image,
            Some(region) => region.of(&self.query_picture(None)?.image)?,
        };
        let right = self.gallery_picture()?.image;
        let likeness: Likeness = self.served.reader()?.likeness(&left, &right)?;
        if draw {
            let drawing = likeness.draw(&left, &right)?;
            return Ok(Explained::Drawing(drawing.encode_png()?));
        }
        Ok(Explained::Numbers(Explanation::Heat(Heats {
            query: likeness.left.into(),
            image: likeness.right.into(),
            similarity: likeness.similarity,
            exact: likeness.exact,
        })))
    }

    fn region(&self) -> Option<Region> {
        match self.part.what {
            PartSource::Image { region, .. } => region,
            _ => None,
        }
    }

    fn query_picture(&self, fit: Option<u32>) -> Result<Decoded<Rgb>, Problem> {
        let options = DecodeOptions {
            limits: self.limits,
            fit,
        };
        match &self.part.what {
            PartSource::Image {
                image: QueryImage::Bytes(bytes),
                ..
            } => Ok(decode_rgb(bytes, &options)?),
            PartSource::Stored(id) => {
                let image = pictures::image(self.served, *id)?;
                let bytes = pictures::read(&image, self.roots)?;
                let limits = self.limits_of_files;
                Ok(decode_rgb(&bytes, &DecodeOptions { limits, fit })?)
            }
            _ => Err(Problem::unusable(
                "bad-query",
                "only a picture can be explained; this part is none",
            )),
        }
    }

    fn gallery_picture(&self) -> Result<Decoded<Rgb>, Problem> {
        let options = DecodeOptions {
            fit: Some(SIDE),
            limits: self.limits_of_files,
        };
        Ok(decode_rgb(
            &pictures::read(&self.image, self.roots)?,
            &options,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_first_form_that_is_accepted_is_given() {
        let asked = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            wants_drawing(&headers).map_err(|problem| problem.status)
        };
        assert_eq!(asked("image/png"), Ok(true));
        assert_eq!(asked("text/html, IMAGE/PNG;q=0.9, */*"), Ok(true));
        assert_eq!(asked("*/*"), Ok(false));
        assert_eq!(asked("application/json, image/png"), Ok(false));
        assert_eq!(asked("text/html"), Err(406));
    }
}
