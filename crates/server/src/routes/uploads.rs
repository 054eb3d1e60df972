//! Pictures that a client sends to search with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_pixels::{DecodeOptions, decode_rgb};

use super::images::picture;
use crate::answers::{Looking, Picture, answers};
use crate::extract::{Place, form, is_form, whole};
use crate::pictures::{is_shown, media_type};
use crate::problem::Problem;
use crate::state::App;
use crate::uploads::Upload;

/// Quality of the JPEG that stands for a picture which browsers do not show.
const QUALITY: u8 = 92;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(show))
}

answers! {
    /// Of a picture that is sent.
    Sending: 400, 401, 403, 408, 413, 415, 422, 500, 503, 504;
}

/// A picture that was sent, and how it is named in a query.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sent {
    /// Its name in the parts of a query. It is good for an hour after it was last used.
    pub upload: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
}

impl From<Upload> for Sent {
    fn from(upload: Upload) -> Self {
        Self {
            upload: upload.id,
            width: upload.width,
            height: upload.height,
        }
    }
}

/// A form with a picture.
#[derive(ToSchema)]
#[allow(dead_code)] // only described here; the form is read field by field
struct SentForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Send a picture to search with: as the body itself, or as the field `file` of a form
#[utoipa::path(post, path = "/v1/uploads", tag = "search",
    request_body(content((Picture = "application/octet-stream"), (Picture = "image/*"), (SentForm = "multipart/form-data"))),
    responses((status = 201, description = "The picture is kept", body = Sent), Sending))]
async fn send(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let bytes = match is_form(&request) {
        false => whole(request, &app, app.config.body_bytes()).await?,
        true => {
            let fields = form(request, &app, 8).await?;
            let field = fields.into_iter().find(|field| field.name == "file");
            field
                .ok_or_else(|| Problem::unusable("bad-body", "the form has no field `file`"))?
                .bytes
        }
    };
    let inner = Arc::clone(&app);
    let upload = app.work.run(move |_| inner.uploads.add(&bytes)).await?;
    Ok((StatusCode::CREATED, Json(Sent::from(upload))).into_response())
}

/// A picture that was sent; as JPEG where browsers do not show its format
#[utoipa::path(get, path = "/v1/uploads/{upload}", tag = "search", params(("upload" = String, Path)),
    responses((status = 200, description = "The picture", content_type = "image/*", body = Picture), Looking))]
async fn show(State(app): State<Arc<App>>, Place(id): Place<String>) -> Result<Response, Problem> {
    let inner = Arc::clone(&app);
    let (tag, kind, bytes) = app
        .work
        .run(move |_| {
            let (upload, bytes) = inner.uploads.read(&id)?;
            let tag = format!("\"{}\"", upload.id);
            if is_shown(upload.format) {
                return Ok((tag, media_type(upload.format.name()), bytes));
            }
            let options = DecodeOptions {
                limits: inner.config.limits(),
                fit: None,
            };
            let shown = decode_rgb(&bytes, &options)?.image.encode_jpeg(QUALITY)?;
            Ok((tag, media_type("JPEG"), shown))
        })
        .await?;
    Ok(picture(bytes.into_response(), &tag, Some(kind)))
}
