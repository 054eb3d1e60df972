//! Pictures fetched from other servers, where the settings allow it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::uploads::Sent;
use crate::answers::answers;
use crate::extract::Body;
use crate::problem::Problem;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(fetch))
}

answers! {
    /// Of a picture that is fetched.
    Fetching: 400, 401, 403, 408, 413, 415, 422, 500, 502, 503, 504;
}

/// Where a picture is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Address {
    /// An address of the web, `https://…` or `http://…`, on a host that the server's `--allow-fetch` names.
    url: String,
}

/// Fetch a picture to search with, as if it had been sent
#[utoipa::path(post, path = "/v1/fetch", tag = "search", request_body = Address,
    responses((status = 201, body = Sent), Fetching))]
async fn fetch(
    State(app): State<Arc<App>>,
    Body(address): Body<Address>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let bytes = app.fetcher.fetch(address.url).await?;
    let inner = Arc::clone(&app);
    let upload = app.work.run(move |_| inner.uploads.add(&bytes)).await?;
    Ok((StatusCode::CREATED, Json(Sent::from(upload))))
}
