//! The session of a browser, and what the caller may do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{self, COOKIE, SESSION, Scope};
use crate::answers::{Open, answers};
use crate::extract::Small;
use crate::problem::Problem;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, start, end))
}

answers! {
    /// Of a token that is handed in.
    Entering: 400, 401, 403, 408, 413, 415, 422, 500, 503;
}

/// What the caller may do, and what the server can.
#[derive(Serialize, ToSchema)]
struct Session {
    scope: Scope,
    /// Whether the server has tokens at all.
    token_needed: bool,
    features: Switches,
}

/// What is switched on.
#[derive(Serialize, ToSchema)]
struct Switches {
    /// Folders of the server can be taken in.
    ingest: bool,
    /// Pictures can be uploaded into a collection.
    upload: bool,
    /// Pictures can be fetched from other servers.
    fetch: bool,
    /// Runs are shown.
    runs: bool,
}

/// A token that is traded for a cookie.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: String,
}

/// What the caller may do
#[utoipa::path(get, path = "/v1/session", tag = "session", responses((status = 200, description = "What the caller may do", body = Session), Open))]
async fn show(State(app): State<Arc<App>>, Extension(scope): Extension<Scope>) -> Json<Session> {
    let config = &app.config;
    Json(Session {
        scope,
        token_needed: app.access.guarded(),
        features: Switches {
            ingest: !config.ingest_root.is_empty(),
            upload: config.upload_dir.is_some(),
            fetch: !config.allow_fetch.is_empty(),
            runs: config.runs.is_some(),
        },
    })
}

/// Trade a token for a cookie, which a browser then sends by itself
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = Entry,
    responses((status = 204, description = "The cookie is set"), Entering))]
async fn start(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Small(entry): Small<Entry>,
) -> Result<Response, Problem> {
    if !app.access.guarded() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let scope = app.access.of_token(entry.token.trim().as_bytes());
    let Some(value) = app.access.cookie(scope, access::now()) else {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "token",
            "this token is not known; check it",
        ));
    };
    Ok(with_cookie(&value, SESSION, &headers))
}

/// Forget the cookie
#[utoipa::path(delete, path = "/v1/session", tag = "session",
    responses((status = 204, description = "The cookie is gone"), Open))]
async fn end(headers: HeaderMap) -> Response {
    with_cookie("", 0, &headers)
}

fn with_cookie(value: &str, seconds: u64, headers: &HeaderMap) -> Response {
    // Behind a proxy that speaks TLS the cookie must not travel without.
    let tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    let secure = if tls { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
