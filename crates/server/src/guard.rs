//! What every request and every answer passes: where it comes from, who it comes from, and the headers that protect.
//!
//! Without a token the server trusts this machine, and any page in a browser on this machine could use that: by a name that
//! it lets point here (DNS rebinding), which the `Host` header tells, or by requests across sites, which `Origin` tells.
//! Both are refused. With a token only the cookie is sent by itself, so there `Origin` is looked at where something may
//! change.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tokio_stream::StreamExt;

use crate::access::{Scope, Shown};
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
    let headers = request.headers();
    let (scope, shown) = app.access.of_request(headers);
    if !app.access.guarded() {
        check_host(headers)?;
    }
    let by_itself = !app.access.guarded() || shown == Shown::Cookie;
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if by_itself && (changes || !app.access.guarded()) {
        check_origin(headers, &app.config.cors)?;
    }
    if shown == Shown::Wrong {
        return Err(unauthorised("this token is not known; check it"));
    }
    if scope == Scope::None && needs_token(request.method(), request.uri().path()) {
        return Err(unauthorised(
            "a token is needed: send it as `Authorization: Bearer TOKEN`",
        ));
    }
    if let Some(problem) = announced(headers, app.config.body_bytes()) {
        hear_out(request).await;
        return Err(problem);
    }
    request.extensions_mut().insert(scope);
    Ok(next.run(request).await)
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

fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let top = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes) == Some(b"navigate");
        return match site {
            Some(b"cross-site" | b"same-site") if !top => {
                Err(foreign("another site asked for this"))
            }
            _ => Ok(()),
        };
    };
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
        "the body is larger than {} MiB; send less, or a smaller copy of the picture",
        most >> 20
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

    #[test]
    fn other_sites_are_refused_unless_allowed() {
        let allowed = ["https://shop.example".to_owned()];
        let asks = |origin: &'static str| {
            let headers = headers(&[("host", "localhost:1"), ("origin", origin)]);
            check_origin(&headers, &allowed).is_ok()
        };
        assert!(asks("http://localhost:1") && asks("https://shop.example"));
        assert!(!asks("http://localhost:2") && !asks("null") && !asks("https://evil.example"));
        let fetch = |site: &'static str, mode: &'static str| {
            check_origin(
                &headers(&[("sec-fetch-site", site), ("sec-fetch-mode", mode)]),
                &[],
            )
            .is_ok()
        };
        assert!(fetch("same-origin", "cors") && fetch("none", "navigate"));
        assert!(fetch("cross-site", "navigate") && !fetch("cross-site", "no-cors"));
    }
}
