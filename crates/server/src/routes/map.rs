//! The map of a collection.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_evaluation::MapMethod;

use super::ingest::accepted;
use crate::answers::Looking;
use crate::extract::{Params, Place};
use crate::jobs::JobView;
use crate::maps::{Found, MapAnswer};
use crate::problem::Problem;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(map))
}

/// Which map.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `pca`, `umap` or `tsne`; left out, `umap`.
    method: Option<String>,
}

/// The images of a collection on a plane: what is alike lies together
///
/// A map that is not there yet is made by a job; ask again when it has ended. Only images with a global descriptor are on
/// it.
#[utoipa::path(get, path = "/v1/collections/{collection}/map", tag = "collections",
    params(("collection" = String, Path), Wanted),
    responses((status = 200, body = MapAnswer),
        (status = 202, description = "It is being made", body = JobView,
            headers(("Location" = String, description = "Address of the job"))),
        Looking))]
async fn map(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Problem> {
    let served = app.collection(&name)?;
    let method = wanted.method.as_deref().unwrap_or("umap");
    let method: MapMethod = method.parse().map_err(|error: vizsla_evaluation::Error| {
        Problem::unusable("bad-query", error.to_string())
    })?;
    let inner = Arc::clone(&app);
    // Jobs are spawned on the runtime of the server, which its blocking threads know as well.
    let found = app
        .work
        .run(move |_| inner.maps.find(&inner.jobs, &served, method))
        .await?;
    Ok(match found {
        Found::Map(map) => Json(map).into_response(),
        Found::Job(job) => accepted(&job),
    })
}
