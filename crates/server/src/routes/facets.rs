//! What the images of a collection have in common: values under keys, counted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vizsla_retrieval::{Facet as Found, FacetKind};

use super::images::condition;
use crate::answers::Looking;
use crate::extract::{Params, Place};
use crate::problem::Problem;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which images are counted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Among {
    /// Only images that meet a condition.
    r#where: Option<String>,
}

/// The facets of a collection.
#[derive(Serialize, ToSchema)]
struct Facets {
    facets: Vec<Facet>,
}

/// What images have under one key.
#[derive(Serialize, ToSchema)]
struct Facet {
    /// The key, as a condition names it.
    key: String,
    kind: ValueKind,
    /// How many different values there are.
    distinct: u32,
    /// The most frequent values, 50 at most; of dates the years.
    values: Vec<Counted>,
    /// The least number or the first date.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Bound>,
    /// The greatest number or the last date.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Bound>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ValueKind {
    Text,
    Number,
    Date,
}

/// A value and how many images have it.
#[derive(Serialize, ToSchema)]
struct Counted {
    value: String,
    count: u32,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Bound {
    Number(f64),
    Date(String),
}

impl From<Found> for Facet {
    fn from(counted: Found) -> Self {
        let bound = |text: String| match counted.kind {
            FacetKind::Number => text.parse().ok().map(Bound::Number),
            _ => Some(Bound::Date(text)),
        };
        Self {
            min: counted.least.and_then(bound),
            max: counted.greatest.and_then(bound),
            kind: match counted.kind {
                FacetKind::Text => ValueKind::Text,
                FacetKind::Number => ValueKind::Number,
                FacetKind::Date => ValueKind::Date,
            },
            key: counted.key,
            distinct: counted.distinct,
            values: counted
                .values
                .into_iter()
                .map(|value| Counted {
                    value: value.value,
                    count: value.count,
                })
                .collect(),
        }
    }
}

/// What the images have under each key, counted
#[utoipa::path(get, path = "/v1/collections/{collection}/facets", tag = "images",
    params(("collection" = String, Path), Among), responses((status = 200, description = "The facets", body = Facets), Looking))]
async fn list(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    Params(among): Params<Among>,
) -> Result<Json<Facets>, Problem> {
    let served = app.collection(&name)?;
    let filter = condition(among.r#where.as_deref(), &app)?;
    let facets = app.work.run(move |_| {
        let facets = served.reader()?.facets(filter.as_ref())?;
        Ok(facets.into_iter().map(Facet::from).collect())
    });
    Ok(Json(Facets {
        facets: facets.await?,
    }))
}
