//! Runs of training and evaluation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_pixels::{DecodeOptions, read_rgb};

use crate::answers::{Looking, Picture, answers};
use crate::extract::{Params, Place};
use crate::problem::Problem;
use crate::runs::{Run, RunSummary};
use crate::state::App;

/// Longest side of a picture that is shown, pixels.
const SIDE: u32 = 512;
/// Quality of its JPEG.
const QUALITY: u8 = 85;
/// What a report may do: show what is inside it. It is another origin than the page, so that nothing in it reaches the API.
const REPORT: &str =
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'";

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(report))
        .routes(routes!(picture))
}

answers! {
    /// Of all runs.
    LookingAtAll: 400, 401, 403, 404, 500, 503, 504;
    /// Of a picture of a run.
    Showing: 400, 401, 403, 404, 413, 415, 422, 500, 503, 504;
}

/// The runs of this server.
#[derive(Serialize, ToSchema)]
struct RunList {
    runs: Vec<RunSummary>,
}

/// Which picture.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Its name, as the queries of the run give it.
    file: String,
}

/// All runs, by name
#[utoipa::path(get, path = "/v1/runs", tag = "runs", responses((status = 200, body = RunList), LookingAtAll))]
async fn list(State(app): State<Arc<App>>) -> Result<Json<RunList>, Problem> {
    let inner = Arc::clone(&app);
    let runs = app.work.run(move |_| inner.runs.list()).await?;
    Ok(Json(RunList { runs }))
}

/// A run with its log and its queries
#[utoipa::path(get, path = "/v1/runs/{run}", tag = "runs", params(("run" = String, Path)),
    responses((status = 200, body = Run), Looking))]
async fn one(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<Json<Run>, Problem> {
    let inner = Arc::clone(&app);
    Ok(Json(app.work.run(move |_| inner.runs.run(&name)).await?))
}

/// The report of a run, a page that needs nothing else
///
/// It is the file `report.html` in the folder of the run, as `vizsla report` wrote it.
#[utoipa::path(get, path = "/v1/runs/{run}/report", tag = "runs", params(("run" = String, Path)),
    responses((status = 200, description = "The report", content_type = "text/html", body = String), Looking))]
async fn report(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<Response, Problem> {
    let inner = Arc::clone(&app);
    let page = app.work.run(move |_| inner.runs.report(&name)).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, REPORT),
    ];
    Ok((headers, page).into_response())
}

/// A picture that a run names, at most 512 pixels wide and high
#[utoipa::path(get, path = "/v1/runs/{run}/picture", tag = "runs", params(("run" = String, Path), Wanted),
    responses((status = 200, description = "The picture", content_type = "image/jpeg", body = Picture), Showing))]
async fn picture(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Problem> {
    let inner = Arc::clone(&app);
    let picture = app.work.run(move |_| {
        let file = inner.runs.picture(&name, &wanted.file)?;
        let options = DecodeOptions {
            fit: Some(SIDE),
            limits: inner.config.limits_of_files(),
        };
        Ok(read_rgb(&file, &options)?.image.encode_jpeg(QUALITY)?)
    });
    let mut response = picture.await?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    let kept = HeaderValue::from_static("private, max-age=300");
    headers.insert(header::CACHE_CONTROL, kept);
    Ok(response)
}
