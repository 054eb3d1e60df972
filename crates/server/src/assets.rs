//! The page and its files, which lie in the binary.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::guard;
use crate::state::App;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

/// Names a file below `web/`, and its type.
macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../web/", $name)),
        }
    };
}

const INDEX: Asset = asset!("index.html", HTML);
const DOCS: Asset = asset!("docs.html", HTML);

/// What is found under `/assets/`.
const ASSETS: &[Asset] = &[
    asset!("docs.css", CSS),
    asset!("icon.svg", "image/svg+xml"),
    asset!("land.json", "application/json"),
    asset!("style.css", CSS),
    asset!("api.js", JS),
    asset!("app.js", JS),
    asset!("box.js", JS),
    asset!("charts.js", JS),
    asset!("compose.js", JS),
    asset!("detail.js", JS),
    asset!("docs.js", JS),
    asset!("dom.js", JS),
    asset!("facets.js", JS),
    asset!("facts.js", JS),
    asset!("heat.js", JS),
    asset!("help.js", JS),
    asset!("ingest.js", JS),
    asset!("map.js", JS),
    asset!("results.js", JS),
    asset!("runs.js", JS),
    asset!("signin.js", JS),
    asset!("state.js", JS),
    asset!("view.js", JS),
    asset!("world.js", JS),
];

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| serve(&INDEX, &headers)))
        .route(
            "/docs",
            get(async |headers: HeaderMap| serve(&DOCS, &headers)),
        )
        .route("/assets/{*name}", get(asset))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => serve(asset, &headers),
        None => guard::unknown().await,
    }
}

/// The file, or word that the browser's copy is still good.
fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", &blake3::hash(asset.bytes).to_hex()[..32]);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|given| given.as_bytes() == tag.as_bytes());
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => asset.bytes.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_in_the_binary() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut there: Vec<String> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| {
                let ending = name.rsplit('.').next().unwrap();
                let tools = ["package.json", "package-lock.json", "tsconfig.json"];
                ["html", "css", "js", "svg", "json"].contains(&ending)
                    && !tools.contains(&name.as_str())
            })
            .collect();
        there.sort();
        let all = ASSETS.iter().chain([&INDEX, &DOCS]);
        let mut served: Vec<&str> = all.map(|asset| asset.name).collect();
        served.sort_unstable();
        assert_eq!(served, there);
    }
}
