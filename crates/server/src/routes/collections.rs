//! The collections that are served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::search::Channel;
use crate::answers::{Listing, Looking};
use crate::extract::Place;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
}

/// The collections of this server.
#[derive(Serialize, ToSchema)]
struct Collections {
    collections: Vec<CollectionFigures>,
}

/// What a collection holds and can be asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Collection)]
struct CollectionFigures {
    name: String,
    /// Distinct images.
    images: u64,
    /// Files that hold them.
    files: u64,
    /// Local features.
    features: u64,
    captions: u64,
    /// Segments of the inverted file.
    segments: usize,
    /// Bytes on disk.
    bytes: u64,
    /// The channels that can answer some query.
    channels: Vec<Channel>,
    /// Whether it can be searched by words.
    can_text: bool,
    /// Whether it can be laid out on a map: it has a global descriptor.
    can_map: bool,
    /// Keys that metadata gave values for.
    keys: Vec<String>,
    /// Why it cannot be read now; its figures are zeros then. Only in the list: alone it is answered as a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// All collections
#[utoipa::path(get, path = "/v1/collections", tag = "collections", responses((status = 200, description = "The collections", body = Collections), Listing))]
async fn list(State(app): State<Arc<App>>) -> Result<Json<Collections>, Problem> {
    let served: Vec<Arc<Served>> = app.collections.values().cloned().collect();
    let figures = app
        .work
        .run(move |_| Ok(served.iter().map(|served| listed(served)).collect()))
        .await?;
    Ok(Json(Collections {
        collections: figures,
    }))
}

/// One collection
#[utoipa::path(get, path = "/v1/collections/{collection}", tag = "collections",
    params(("collection" = String, Path)),
    responses((status = 200, description = "The collection", body = CollectionFigures), Looking))]
async fn one(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<Json<CollectionFigures>, Problem> {
    let served = app.collection(&name)?;
    Ok(Json(app.work.run(move |_| figures(&served)).await?))
}

/// The figures of a collection, or why there are none: one that is missing hides no other.
fn listed(served: &Served) -> CollectionFigures {
    figures(served).unwrap_or_else(|problem| CollectionFigures {
        name: served.name.clone(),
        images: 0,
        files: 0,
        features: 0,
        captions: 0,
        segments: 0,
        bytes: 0,
        channels: Vec::new(),
        can_text: false,
        can_map: false,
        keys: Vec::new(),
        problem: Some(problem.detail),
    })
}

fn figures(served: &Served) -> Result<CollectionFigures, Problem> {
    let collection = served.reader()?;
    let info = collection.info()?;
    // A model that is missing costs the search by words, not the listing.
    let joint = collection.is_joint().unwrap_or(false);
    Ok(CollectionFigures {
        name: served.name.clone(),
        images: info.images,
        files: info.files,
        features: info.features,
        captions: info.captions,
        segments: info.segments,
        bytes: info.catalog_bytes + info.segment_bytes + info.artefact_bytes,
        channels: collection
            .channels()?
            .into_iter()
            .map(Channel::from)
            .collect(),
        can_text: info.captions > 0 || joint,
        can_map: collection.recipe().global.is_some(),
        keys: collection.metadata_keys()?,
        problem: None,
    })
}
