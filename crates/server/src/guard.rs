//! What every request and every answer passes: where it comes from, who it comes from, and the headers that protect.
//!
//! Without a token the server trusts this machine, and any page in a browser on this machine could use that: by a name that
//! it lets point here (DNS rebinding), which the `Host` header tells, or by requests across sites, which `Origin` and
//! `Sec-Fetch-Site` tell. Both are refused, also where nothing would change: a search costs work. With a token only the
//! cookie is sent by itself, so there these headers are looked at where it alone shows who asks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tokio_stream::StreamExt;

use crate::access::{Scope, Shown};
use crate::peers::Peer;
use crate::problem::Problem;
use crate::state::App;

/// What the page may load: its own files, and pictures that it holds itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Bytes of a refused body that are read and forgotten.
const MOST_HEARD: usize = 16 << 20;
/// Time for that.
const HEARING: Duration = Duration::from_secs(2);
/// A client that sends nothing for so long waits for the answer.
const SILENCE: Duration = Duration::from_millis(200);

/// Proof that a request may change things; handlers that change something take it as an argument.
pub(crate) struct MayWrite;

impl<S: Sync> FromRequestParts<S> for MayWrite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Scope>() {
            Some(Scope::Write) => Ok(Self),
            _ => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "no-permission",
                "this token may search and look only; use the one for writing",
            )),
        }
    }
}

/// Looks at a request before anything else does.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match judged(&app, &request) {
        Ok(scope) => {
            request.extensions_mut().insert(scope);
            Ok(next.run(request).await)
        }
        Err(problem) => {
            hear_out(request).await;
            Err(problem)
        }
    }
}

/// What a request may do, where it may do anything.
fn judged(app: &App, request: &Request) -> Result<Scope, Problem> {
    let headers = request.headers();
    let (method, path) = (request.method(), request.uri().path());
    let (scope, shown) = app.access.of_request(headers);
    if !app.access.guarded() {
        check_host(headers)?;
    }
    // With a token in the header nobody else can have asked; whatever a browser sends by itself any site can make it send.
    if !app.access.guarded() || shown == Shown::Cookie {
        check_site(method, path, headers, &app.config.cors)?;
    }
    if shown == Shown::Wrong {
        return Err(unauthorised("this token is not known; check it"));
    }
    if scope == Scope::None && needs_token(method, path) {
        return Err(unauthorised(
            "a token is needed: send it as `Authorization: Bearer TOKEN`",
        ));
    }
    match announced(headers, app.config.body_bytes()) {
        Some(problem) => Err(problem),
        None => Ok(scope),
    }
}

/// Finds out whose share a request counts to: behind a proxy it is not that of the connection.
pub(crate) async fn for_whom(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = Peer::current().behind(request.headers(), &app.config.trusted_proxy);
    peer.serve(next.run(request)).await
}

/// Puts the headers on an answer that keep browsers from misusing it.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    put(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    put(
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    );
    put(header::CACHE_CONTROL, "no-store");
    response
}

/// Answers what no route knows.
pub(crate) async fn unknown() -> Response {
    Problem::not_found("there is nothing at this address; /docs shows what there is")
        .into_response()
}

/// Answers a method that a route does not have; the router adds the ones it has in `Allow`.
pub(crate) async fn other_method() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "this address is not asked that way; /docs shows how",
    )
    .into_response()
}

/// The page, its files, its description and the signs of life hold nothing of a collection.
fn needs_token(method: &Method, path: &str) -> bool {
    let open = ["/v1/session", "/v1/openapi.json"];
    let inside = path.starts_with("/v1/") || path == "/metrics";
    method != Method::OPTIONS && inside && !open.contains(&path)
}

fn unauthorised(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "token", detail)
}

fn check_host(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let local = host.is_some_and(|host| {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
    });
    match local {
        true => Ok(()),
        false => Err(foreign(
            "without a token this server answers to the names localhost, 127.0.0.1 and [::1] only; set a token to use \
             others",
        )),
    }
}

/// Whether the page that asks may. A browser names the page's origin where it asks for more than a picture, a script or an
/// address to go to, and tells of everything whether it came from this site (`Sec-Fetch-Site`); other programs tell
/// neither. What another site leads a person to is the page and what is open to all: everything else is work, or
/// somebody's pictures.
fn check_site(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    allowed: &[String],
) -> Result<(), Problem> {
    if let Some(origin) = headers.get(header::ORIGIN) {
        return check_origin(origin, headers, allowed);
    }
    let told = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let leads = match told("sec-fetch-site") {
        Some(b"same-origin" | b"none") => return Ok(()),
        Some(_) => told("sec-fetch-mode") == Some(b"navigate"),
        // A browser of before 2023 tells no more than the page that it comes from, if that.
        None if came_from_elsewhere(headers) => true,
        None => return Ok(()),
    };
    let looks = matches!(*method, Method::GET | Method::HEAD);
    match leads && looks && !needs_token(method, path) {
        true => Ok(()),
        false => Err(foreign(
            "another site asked for this; open the page of this server and ask there",
        )),
    }
}

/// Whether a page of another host is named as the one that asks.
fn came_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(page) = text(header::REFERER) else {
        return false;
    };
    let host = page.split_once("://").map(|(_, rest)| rest);
    let host = host.and_then(|rest| rest.split(['/', '?', '#']).next());
    host != text(header::HOST)
}

fn check_origin(
    origin: &HeaderValue,
    headers: &HeaderMap,
    allowed: &[String],
) -> Result<(), Problem> {
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let own = origin
        .split_once("://")
        .is_some_and(|(_, name)| name == host);
    match own || allowed.iter().any(|allowed| allowed == origin) {
        true => Ok(()),
        false => Err(foreign(
            "another site asked for this; allow it with --cors ORIGIN if it may",
        )),
    }
}

fn foreign(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "foreign", detail)
}

/// What is said of a body that says of itself that it is too large, before any of it is read.
pub(crate) fn announced(headers: &HeaderMap, most: usize) -> Option<Problem> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    let length = length.to_str().ok()?.parse::<u64>().ok()?;
    (length > most as u64).then(|| too_large(most))
}

/// Reads on, for a moment and not for much, what a client still sends before it is refused: one that is answered in the
/// middle of sending finds the connection broken, and often never looks at the answer.
pub(crate) async fn hear_out(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        // It waits to be told to send.
        return;
    }
    if request.body().is_end_stream() {
        return;
    }
    let mut body = request.into_body().into_data_stream();
    let mut left = MOST_HEARD;
    let all = async {
        while let Ok(Some(Ok(part))) = timeout(SILENCE, body.next()).await {
            left = left.saturating_sub(part.len());
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(HEARING, all).await;
}

/// What is said of a body that is too large.
pub(crate) fn too_large(most: usize) -> Problem {
    Problem::too_large(format!(
        "the body is larger than {}; send less, or a smaller copy of the picture",
        match most >> 20 {
            0 => format!("{} KiB", most >> 10),
            whole => format!("{whole} MiB"),
        }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|&(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        for host in [
            "localhost",
            "127.0.0.1:8790",
            "[::1]:80",
            "LOCALHOST:1",
            "[::1]",
        ] {
            assert!(check_host(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:80",
            "localhost:x",
            "",
        ] {
            assert!(check_host(&headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(check_host(&HeaderMap::new()).is_err());
    }

    fn may(method: &Method, path: &str, pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = headers(pairs);
        headers.insert("host", HeaderValue::from_static("localhost:1"));
        let allowed = ["https://shop.example".to_owned()];
        check_site(method, path, &headers, &allowed).is_ok()
    }

    #[test]
    fn other_sites_are_refused_unless_allowed() {
        let asks = |origin: &'static str| may(&Method::GET, "/v1/x", &[("origin", origin)]);
        assert!(asks("http://localhost:1") && asks("https://shop.example"));
        assert!(!asks("http://localhost:2") && !asks("null") && !asks("https://evil.example"));
    }

    #[test]
    fn another_site_leads_to_the_page_and_nowhere_else() {
        let (look, change) = (Method::GET, Method::POST);
        let work = ["/v1/collections", "/v1/collections/a/map", "/metrics"];
        let from = |site: &'static str, mode: &'static str| {
            [("sec-fetch-site", site), ("sec-fetch-mode", mode)]
        };
        for path in work {
            for own in [from("same-origin", "cors"), from("none", "navigate")] {
                assert!(may(&look, path, &own) && may(&change, path, &own));
            }
            // curl, and programs.
            assert!(may(&look, path, &[]) && may(&change, path, &[]));
            for site in ["cross-site", "same-site", "new-words"] {
                for mode in ["navigate", "no-cors", "cors"] {
                    assert!(!may(&look, path, &from(site, mode)), "{site} {mode}");
                    assert!(!may(&change, path, &from(site, mode)), "{site} {mode}");
                }
            }
        }
        let old = |page: &'static str| [("referer", page)];
        assert!(may(&look, work[0], &old("http://localhost:1/")));
        assert!(!may(
            &look,
            work[0],
            &old("https://evil.example/localhost:1/")
        ));
        assert!(may(&look, "/", &old("https://evil.example/")));
        let led = from("cross-site", "navigate");
        assert!(may(&look, "/", &led) && may(&look, "/docs", &led));
        assert!(!may(&change, "/", &led) && !may(&change, "/v1/session", &led));
        assert!(!may(&look, "/", &from("cross-site", "no-cors")));
    }
}
