//! Pictures of a collection: lists, one, its file, its thumbnail, its features.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_retrieval::{FeaturePlace, Filter, ListedImage};

use crate::answers::{Looking, Picture, answers};
use crate::extract::{Params, Place};
use crate::pictures::{self, SIZES};
use crate::problem::Problem;
use crate::state::App;

/// Most images of one page of a listing.
pub(crate) const MOST_PAGE: usize = 200;
/// Longest condition in bytes.
const MOST_CONDITION: usize = 65_536;
/// Bytes of a file that are sent at a time.
const PIECE: usize = 64 << 10;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(file))
        .routes(routes!(thumbnail))
        .routes(routes!(features))
}

answers! {
    /// Of pictures that may have gone.
    Showing: 400, 401, 403, 404, 410, 413, 415, 422, 500, 503, 504;
}

/// An image of a collection.
#[derive(Serialize, ToSchema)]
pub(crate) struct Image {
    /// Its identity, which stays.
    pub image: i64,
    /// Name of a file that holds it.
    pub name: String,
    /// Names of all files that hold it.
    pub names: Vec<String>,
    /// Path of a file that holds it, where the server shows paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Width of the upright image in pixels.
    pub width: u32,
    /// Height of the upright image in pixels.
    pub height: u32,
    /// JPEG, PNG, WebP, GIF, BMP, TIFF or PNM.
    pub format: String,
    /// Number of local features.
    pub features: u32,
    /// When it was taken, ISO 8601 without zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Degrees north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    pub captions: Vec<String>,
    /// What metadata files say of it: a value under each key, a list where there are several.
    #[schema(value_type = Object)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// blake3 hash of the file, hex.
    pub content: String,
    /// Address of its thumbnail.
    pub thumbnail: String,
    /// Address of its file.
    pub file: String,
}

impl Image {
    pub fn new(image: ListedImage, collection: &str, show_paths: bool) -> Self {
        let position = image.position();
        let names: Vec<String> = image.paths.iter().map(|path| shown_name(path)).collect();
        let path = image.paths.first().filter(|_| show_paths);
        Self {
            name: names.first().cloned().unwrap_or_default(),
            path: path.map(|path| path.to_string_lossy().into_owned()),
            names,
            thumbnail: address(collection, image.image, "thumbnail"),
            file: address(collection, image.image, "file"),
            image: image.image,
            width: image.width,
            height: image.height,
            format: image.format,
            features: image.features,
            taken: image.taken,
            camera: image.camera,
            latitude: position.map(|[north, _]| north),
            longitude: position.map(|[_, east]| east),
            captions: image.captions,
            metadata: image.metadata,
            content: image.content,
        }
    }
}

/// What answers say of a file: its name, without its folders.
pub(crate) fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The address of something of an image.
pub(crate) fn address(collection: &str, image: i64, what: &str) -> String {
    let mut name = String::new();
    for byte in collection.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                name.push(char::from(byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("/v1/collections/{name}/images/{image}/{what}")
}

/// Reads a condition of a request. Where the server does not show paths, it does not answer questions about them.
///
/// # Errors
/// 422 when it is too long or cannot be understood.
pub(crate) fn condition(text: Option<&str>, app: &App) -> Result<Option<Filter>, Problem> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let unusable = |detail: String| Problem::unusable("bad-query", detail);
    if text.len() > MOST_CONDITION {
        return Err(unusable(format!(
            "the condition has {} bytes, the most are {MOST_CONDITION}",
            text.len()
        )));
    }
    let filter = Filter::parse(text).map_err(|error| unusable(error.to_string()))?;
    if filter.tests("path") && !app.config.show_paths {
        return Err(unusable(
            "this server does not show paths, so `path` cannot stand in a condition".into(),
        ));
    }
    Ok(Some(filter))
}

/// Which part of a listing.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Images left out before the first.
    #[serde(default)]
    offset: usize,
    /// Most images of the answer, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Only images that meet a condition, such as `taken >= 2024-01-01 and camera = "X100"`.
    r#where: Option<String>,
}

/// A part of a listing.
#[derive(Serialize, ToSchema)]
struct Images {
    /// How many images the whole listing has.
    total: usize,
    images: Vec<Image>,
}

/// Images of a collection, in the order they came in
#[utoipa::path(get, path = "/v1/collections/{collection}/images", tag = "images",
    params(("collection" = String, Path), Listing), responses((status = 200, description = "A part of the listing", body = Images), Looking))]
async fn list(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    Params(listing): Params<Listing>,
) -> Result<Json<Images>, Problem> {
    let served = app.collection(&name)?;
    let limit = listing.limit.unwrap_or(50);
    if !(1..=MOST_PAGE).contains(&limit) {
        return Err(Problem::unusable(
            "bad-query",
            format!("limit must be 1 to {MOST_PAGE}, not {limit}"),
        ));
    }
    let filter = condition(listing.r#where.as_deref(), &app)?;
    let show = app.config.show_paths;
    let page = app
        .work
        .run(move |_| {
            let page = served
                .reader()?
                .images(filter.as_ref(), listing.offset, limit)?;
            let images = page.images.into_iter();
            Ok(Images {
                total: page.total,
                images: images
                    .map(|image| Image::new(image, &served.name, show))
                    .collect(),
            })
        })
        .await?;
    Ok(Json(page))
}

/// One image
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{image}", tag = "images",
    params(("collection" = String, Path), ("image" = i64, Path)), responses((status = 200, description = "The image", body = Image), Looking))]
async fn one(
    State(app): State<Arc<App>>,
    Place((name, id)): Place<(String, i64)>,
) -> Result<Json<Image>, Problem> {
    let served = app.collection(&name)?;
    let show = app.config.show_paths;
    let image = app.work.run(move |_| {
        let image = pictures::image(&served, id)?;
        Ok(Image::new(image, &served.name, show))
    });
    Ok(Json(image.await?))
}

/// The file of an image, as long as it is the one that was indexed
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{image}/file", tag = "images",
    params(("collection" = String, Path), ("image" = i64, Path)),
    responses((status = 200, description = "The file", content_type = "image/*", body = Picture),
        (status = 304, description = "The copy that the client has is still good"), Showing))]
async fn file(
    State(app): State<Arc<App>>,
    Place((name, id)): Place<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let served = app.collection(&name)?;
    let inner = Arc::clone(&app);
    let (image, file) = app
        .work
        .run(move |_| {
            let image = pictures::image(&served, id)?;
            let file = pictures::open(&image, &inner.roots)?;
            Ok((image, file))
        })
        .await?;
    let tag = format!("\"{}\"", image.content);
    if is_known(&headers, &tag) {
        return Ok(picture(
            StatusCode::NOT_MODIFIED.into_response(),
            &tag,
            None,
        ));
    }
    let (file, length) = file;
    let mut response = pieces(file, length).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let kind = pictures::media_type(&image.format);
    Ok(picture(response, &tag, Some(kind)))
}

/// How large a thumbnail is.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Size {
    /// Its longest side in pixels: 128, 256, 512 or 1024.
    size: Option<u32>,
}

/// A small copy of an image, upright, as JPEG
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{image}/thumbnail", tag = "images",
    params(("collection" = String, Path), ("image" = i64, Path), Size),
    responses((status = 200, description = "The thumbnail", content_type = "image/jpeg", body = Picture),
        (status = 304, description = "The copy that the client has is still good"), Showing))]
async fn thumbnail(
    State(app): State<Arc<App>>,
    Place((name, id)): Place<(String, i64)>,
    Params(Size { size }): Params<Size>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let served = app.collection(&name)?;
    let size = size.unwrap_or(256);
    if !SIZES.contains(&size) {
        return Err(Problem::unusable(
            "bad-query",
            format!("a thumbnail has size 128, 256, 512 or 1024, not {size}"),
        ));
    }
    let inner = Arc::clone(&app);
    let (tag, bytes) = app
        .work
        .run(move |_| {
            let image = pictures::image(&served, id)?;
            let tag = format!("\"{}-{size}\"", image.content);
            let bytes = match is_known(&headers, &tag) {
                true => None,
                false => Some(inner.thumbnails.get(&image, size, &inner.roots)?),
            };
            Ok((tag, bytes))
        })
        .await?;
    Ok(match bytes {
        None => picture(StatusCode::NOT_MODIFIED.into_response(), &tag, None),
        Some(bytes) => picture(bytes.into_response(), &tag, Some("image/jpeg")),
    })
}

/// The local features of an image.
#[derive(Serialize, ToSchema)]
struct FeatureList {
    /// Width of the upright image in pixels.
    width: u32,
    /// Height of the upright image in pixels.
    height: u32,
    /// x, y, scale (standard deviation in pixels) and angle (radians) of each.
    features: Vec<[f32; 4]>,
}

/// The local features of an image
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{image}/features", tag = "images",
    params(("collection" = String, Path), ("image" = i64, Path)), responses((status = 200, description = "The features", body = FeatureList), Looking))]
async fn features(
    State(app): State<Arc<App>>,
    Place((name, id)): Place<(String, i64)>,
) -> Result<Json<FeatureList>, Problem> {
    let served = app.collection(&name)?;
    let features = app.work.run(move |_| {
        let image = pictures::image(&served, id)?;
        let places = served.reader()?.feature_places(id)?.unwrap_or_default();
        let numbers = |place: FeaturePlace| [place.x, place.y, place.scale, place.angle];
        Ok(FeatureList {
            width: image.width,
            height: image.height,
            features: places.into_iter().map(numbers).collect(),
        })
    });
    Ok(Json(features.await?))
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter();
    given
        .filter_map(|given| given.to_str().ok())
        .flat_map(|given| given.split(','))
        .any(|given| given.trim().trim_start_matches("W/") == tag)
}

/// An answer that is a picture of strangers: it is shown, and nothing in it is run.
pub(crate) fn picture(mut response: Response, tag: &str, kind: Option<&'static str>) -> Response {
    let headers = response.headers_mut();
    let mut put = |name, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    );
    put(header::CACHE_CONTROL, "private, max-age=300");
    if let Some(kind) = kind {
        put(header::CONTENT_TYPE, kind);
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// So many bytes of a file, sent piece by piece as the client takes them.
fn pieces(file: std::fs::File, length: u64) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(2);
    tokio::spawn(async move {
        let mut file = tokio::fs::File::from_std(file).take(length);
        loop {
            let mut piece = vec![0; PIECE];
            let sent = match file.read(&mut piece).await {
                Ok(0) => return,
                Ok(read) => {
                    piece.truncate(read);
                    sender.send(Ok(piece.into())).await
                }
                Err(error) => sender.send(Err(error)).await,
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_collections_are_escaped_in_addresses() {
        assert_eq!(
            address("my fotó", 7, "file"),
            "/v1/collections/my%20fot%C3%B3/images/7/file"
        );
    }

    #[test]
    fn a_tag_is_known_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::IF_NONE_MATCH,
            HeaderValue::from_static("\"a\", W/\"b\""),
        );
        assert!(is_known(&headers, "\"b\"") && !is_known(&headers, "\"c\""));
    }
}
