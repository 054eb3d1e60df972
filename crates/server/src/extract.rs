//! What a request carries, read with bounds, and with a [`Problem`] where it is not what it should be.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::guard::{announced, hear_out, too_large};
use crate::problem::Problem;
use crate::receiving::{FREE, watched};
use crate::state::App;

/// Time in which a body must have come at most; at most twice the time limit of requests.
const RECEIVING: Duration = Duration::from_secs(60);
/// Largest body that is JSON alone, in bytes: a vector of 16,000 numbers fits.
pub(crate) const MOST_JSON: usize = 1 << 20;

/// The parts of an address: names and numbers.
pub(crate) struct Place<T>(pub T);

impl<T, S> FromRequestParts<S> for Place<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(place)) => Ok(Self(place)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// What stands after the question mark.
pub(crate) struct Params<T>(pub T);

impl<T, S> FromRequestParts<S> for Params<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// A body of JSON.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        Ok(Self(json(request, app, MOST_JSON).await?))
    }
}

/// A body of JSON that is small, such as everybody may send: it is heard however full the server is.
pub(crate) struct Small<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Small<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        Ok(Self(json(request, app, FREE).await?))
    }
}

async fn json<T: DeserializeOwned>(request: Request, app: &App, most: usize) -> Result<T, Problem> {
    let json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(is_json);
    if !json {
        return Err(media_type("application/json"));
    }
    parse(&whole(request, app, most).await?)
}

/// Reads JSON of the right form.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    match axum::Json::from_bytes(bytes) {
        Ok(axum::Json(value)) => Ok(value),
        Err(JsonRejection::JsonDataError(error)) => {
            Err(Problem::unusable("bad-body", error.body_text()))
        }
        Err(error) => Err(Problem::bad_request(error.body_text())),
    }
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Whether a request carries a form with files.
pub(crate) fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"))
}

pub(crate) fn media_type(wanted: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type",
        format!("the Content-Type must be {wanted}"),
    )
}

/// Reads a whole body of at most `most` bytes.
pub(crate) async fn whole(request: Request, app: &App, most: usize) -> Result<Bytes, Problem> {
    if let Some(problem) = announced(request.headers(), most) {
        hear_out(request).await;
        return Err(problem);
    }
    let (request, held, fate) = watched(request, &app.receiving, time(app));
    match axum::body::to_bytes(request.into_body(), most).await {
        Ok(bytes) => Ok(held.with(bytes)),
        Err(error) if is_length(&error) => Err(too_large(most)),
        Err(_) => Err(fate.or(Problem::bad_request("the body broke off"))),
    }
}

/// A field of a form.
pub(crate) struct Field {
    pub name: String,
    /// The file name that the client gives.
    pub file: Option<String>,
    pub bytes: Bytes,
}

/// Reads a form of at most `most_fields` fields; the size of its body is bounded by the settings.
pub(crate) async fn form(
    request: Request,
    app: &Arc<App>,
    most_fields: usize,
) -> Result<Vec<Field>, Problem> {
    let (request, held, fate) = watched(request, &app.receiving, time(app));
    let mut form = Multipart::from_request(request, app)
        .await
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    let mut fields = Vec::new();
    let broken = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(app.config.body_bytes()),
        _ => fate.or(Problem::bad_request(error.body_text())),
    };
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if fields.len() == most_fields {
            return Err(Problem::too_large(format!(
                "the form has more than {most_fields} fields; send them in several requests"
            )));
        }
        fields.push(Field {
            name: field.name().unwrap_or_default().to_owned(),
            file: field.file_name().map(str::to_owned),
            bytes: held.with(field.bytes().await.map_err(broken)?),
        });
    }
    Ok(fields)
}

fn is_length(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Time in which a body must have come.
fn time(app: &App) -> Duration {
    RECEIVING.min(2 * app.config.limit())
}
