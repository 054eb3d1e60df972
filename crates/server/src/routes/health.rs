//! Signs of life: health, readiness and figures for Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Open, answers};
use crate::figures;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(figures))
}

answers! {
    /// Of the figures.
    Counting: 400, 401, 403, 500;
}

/// The server runs.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`
    status: String,
    /// Version of Vizsla.
    version: String,
}

/// Whether requests can be answered. Names are not told here, where no token is needed.
#[derive(Serialize, ToSchema)]
struct Readiness {
    ready: bool,
    /// Whether the server is on its way to stop.
    stopping: bool,
    /// Collections that are served.
    collections: usize,
    /// Collections that can be read.
    readable: usize,
}

/// Whether the server runs
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, body = Health), Open))]
async fn health() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Whether every collection can be read and the server takes requests
#[utoipa::path(get, path = "/ready", tag = "server", responses((status = 200, body = Readiness),
    (status = 503, description = "Not all can be read, or the server is stopping", body = Readiness), Open))]
async fn ready(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let stopping = *app.stopping.borrow();
    let collections = app.collections.len();
    // Beside the queue: a server that is busy is ready all the same.
    let looked = spawn_blocking(move || {
        let version = |served: &&Arc<Served>| {
            let reader = served.reader().ok();
            reader.is_some_and(|reader| reader.version().is_ok())
        };
        app.collections.values().filter(version).count()
    });
    let readable = looked.await.map_err(|error| Problem::internal(&error))?;
    let ready = !stopping && readable == collections;
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let answer = Readiness {
        ready,
        stopping,
        collections,
        readable,
    };
    Ok((status, Json(answer)).into_response())
}

/// Figures for Prometheus: requests, times of stages, the queue, jobs, sizes
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Figures in the text format 0.0.4", content_type = "text/plain", body = String), Counting))]
async fn figures(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let text = spawn_blocking(move || figures::text(&app)).await;
    let text = text.map_err(|error| Problem::internal(&error))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
