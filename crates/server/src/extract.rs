//! What a request carries, read with bounds, and with a [`Problem`] where it is not what it should be.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::guard::{announced, hear_out, too_large};
use crate::problem::Problem;
use crate::state::App;

/// Time in which a body must have come at most; at most twice the time limit of requests.
const RECEIVING: Duration = Duration::from_secs(60);
/// Largest body that is JSON alone, in bytes: a vector of 16,000 numbers fits.
pub(crate) const MOST_JSON: usize = 1 << 20;
/// KiB of bodies that are received at a time, at least.
const MOST_AT_A_TIME: usize = 256 << 10;

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
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(is_json);
        if !json {
            return Err(media_type("application/json"));
        }
        let bytes = whole(request, app, MOST_JSON).await?;
        Ok(Self(parse(&bytes)?))
    }
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
    let _room = app.receiving.room(&request, most)?;
    let limit = receiving(app);
    match timeout(limit, axum::body::to_bytes(request.into_body(), most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length(&error) => Err(too_large(most)),
        Ok(Err(_)) => Err(Problem::bad_request("the body broke off")),
        Err(_) => Err(slow(limit)),
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
    let _room = app.receiving.room(&request, app.config.body_bytes())?;
    let read = async {
        let mut form = Multipart::from_request(request, app)
            .await
            .map_err(|error| Problem::bad_request(error.body_text()))?;
        let mut fields = Vec::new();
        let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(app.config.body_bytes()),
            _ => Problem::bad_request(error.body_text()),
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
                bytes: field.bytes().await.map_err(broken)?,
            });
        }
        Ok(fields)
    };
    let limit = receiving(app);
    timeout(limit, read)
        .await
        .unwrap_or_else(|_| Err(slow(limit)))
}

/// Keeps the memory of bodies that are being received within bounds.
pub(crate) struct Receiving {
    room: Arc<Semaphore>,
    all: u32,
}

impl Receiving {
    /// Room for eight of the largest bodies, and never little.
    pub fn new(most_body: usize) -> Self {
        let all = MOST_AT_A_TIME.max(8 * (most_body >> 10));
        Self {
            room: Arc::new(Semaphore::new(all)),
            all: all as u32,
        }
    }

    fn room(&self, request: &Request, most: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let said = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let kib = said.unwrap_or(most).min(most).div_ceil(1024) as u32;
        Arc::clone(&self.room)
            .try_acquire_many_owned(kib.min(self.all))
            .map_err(|_| {
                Problem::busy("too much is being sent at the same time; send it again in a moment")
            })
    }
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

fn receiving(app: &App) -> Duration {
    RECEIVING.min(2 * app.config.limit())
}

fn slow(limit: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow",
        format!(
            "the body did not come within {} seconds; send a smaller one, or over a faster line",
            limit.as_secs()
        ),
    )
}
