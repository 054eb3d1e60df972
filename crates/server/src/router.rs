//! All routes together, with what every request passes and the document that describes them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::state::App;
use crate::{Error, access, assets, figures, guard, routes};

/// What is said of the API as a whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Vizsla",
        description = "Visual search: collections of pictures, asked by pictures, regions, words and mixes of them.\n\nErrors \
                       are `application/problem+json` (RFC 9457). Places are in pixels of upright pictures, counted from \
                       the top left.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Tokens)
)]
struct Document;

/// How a client shows who it is.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(access::COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
        let none: [&str; 0] = [];
        document.security = Some(vec![
            SecurityRequirement::new("token", none),
            SecurityRequirement::new("session", none),
            SecurityRequirement::default(),
        ]);
    }
}

/// The routes of each topic, with what describes them.
fn topics() -> Vec<OpenApiRouter<Arc<App>>> {
    vec![
        routes::session::routes(),
        routes::collections::routes(),
        routes::images::routes(),
        routes::facets::routes(),
        routes::uploads::routes(),
        routes::fetch::routes(),
        routes::search::routes(),
        routes::explain::routes(),
        routes::ingest::routes(),
        routes::jobs::routes(),
        routes::map::routes(),
        routes::runs::routes(),
        routes::health::routes(),
    ]
}

/// Everything that the server answers.
///
/// # Errors
/// An origin of the settings cannot stand in a header.
pub(crate) fn build(app: Arc<App>) -> Result<Router, Error> {
    let whole = OpenApiRouter::with_openapi(Document::openapi());
    let (router, document) = topics()
        .into_iter()
        .fold(whole, OpenApiRouter::merge)
        .split_for_parts();
    let document = document
        .to_json()
        .map_err(|error| Error::Config(error.to_string()))?;
    let document = Bytes::from(document);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let described = get(async move || (kind, document.clone()));
    let mut router = router
        .merge(assets::routes())
        .route("/v1/openapi.json", described)
        .fallback(guard::unknown)
        .method_not_allowed_fallback(guard::other_method)
        .layer(DefaultBodyLimit::max(app.config.body_bytes()))
        .layer(from_fn_with_state(Arc::clone(&app), guard::check));
    if !app.config.cors.is_empty() {
        router = router.layer(cors(&app.config.cors)?);
    }
    let counted = from_fn_with_state(Arc::clone(&app), figures::count);
    let shared = from_fn_with_state(Arc::clone(&app), guard::for_whom);
    Ok(router
        .layer(from_fn(guard::protect))
        .layer(counted)
        .layer(shared)
        .with_state(app))
}

/// The origins that other pages may ask from.
fn cors(origins: &[String]) -> Result<CorsLayer, Error> {
    let origin = |origin: &String| {
        let sound = origin.split_once("://").is_some_and(|(scheme, host)| {
            ["http", "https"].contains(&scheme) && !host.is_empty() && !host.contains('/')
        });
        let value = HeaderValue::from_str(origin).ok().filter(|_| sound);
        value.ok_or_else(|| {
            Error::Config(format!(
                "`{origin}` is not an origin; write one such as https://shop.example, without a path"
            ))
        })
    };
    let origins = origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            HeaderName::from_static("last-event-id"),
        ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_two_topics_give_one_name_to_different_schemas() {
        let mut known = BTreeMap::new();
        for topic in topics() {
            let schemas = topic.into_openapi().components.unwrap_or_default().schemas;
            for (name, schema) in schemas {
                let text = serde_json::to_string(&schema).unwrap();
                let first = known.entry(name.clone()).or_insert(text.clone());
                assert_eq!(*first, text, "{name}");
            }
        }
        assert!(known.contains_key("Hit") && known.contains_key("Image"));
    }
}
