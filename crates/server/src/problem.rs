//! What a client is told when a request cannot be answered (RFC 9457, problem details).
//!
//! Messages of the floors below end with paths of the server's disk; what is answered leaves these out, and what is the
//! server's own fault is written to standard error instead.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use vizsla_pixels::{ErrorKind, printable};

/// Writes a line to the server's log, which is standard error. Names of files come from strangers: what would steer a
/// terminal or begin another line is shown instead.
pub(crate) fn log(what: &dyn std::fmt::Display) {
    eprintln!("vizsla serve: {}", printable(&what.to_string()));
}

/// Why a request was not answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which problem it is; the same for the same cause.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What happened, and what to do.
    pub detail: String,
    /// Seconds after which to ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:vizsla:problem:{kind}"),
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// 400: the request itself is not written as it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 422: understood, and cannot be done as asked.
    pub fn unusable(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, detail)
    }

    /// 403: not switched on, or not for this one.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 502: another server does not do its part.
    pub fn bad_gateway(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "other-server", detail)
    }

    /// 413: more than the server takes.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    /// 503: full at the moment.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        }
    }

    /// 503: the collection is not there, or not whole.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(5),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "collection-unavailable",
                detail,
            )
        }
    }

    /// 500: the server's own fault. The cause goes to standard error.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        log(cause);
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server failed; its log says why",
        )
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry = self.retry_after.map(HeaderValue::from);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<vizsla_retrieval::Error> for Problem {
    fn from(error: vizsla_retrieval::Error) -> Self {
        use vizsla_retrieval::Error;
        match error {
            Error::Query(_) | Error::Lacking { .. } | Error::Syntax(_) => {
                Self::unusable("bad-query", error.to_string())
            }
            Error::Unable {
                what,
                remedy: Some(remedy),
                ..
            } => Self::unusable("unable", format!("{what}; {remedy}")),
            Error::Unable { what, .. } => Self::unusable("unable", what),
            Error::Cancelled => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "time-limit",
                "this was stopped before its end",
            ),
            Error::NotIndexed(what) => Self::not_found(format!("not in the collection: {what}")),
            Error::Busy(_) => Self {
                retry_after: Some(5),
                ..Self::new(
                    StatusCode::CONFLICT,
                    "being-written",
                    "another process is writing to this collection; ask again when it has ended",
                )
            },
            Error::ReadOnly(_) => Self::new(
                StatusCode::CONFLICT,
                "read-only",
                "this collection cannot be written to; the server has no permission",
            ),
            Error::Pixels(error) => error.into(),
            Error::Damaged {
                ref path, remedy, ..
            } => {
                log(&error);
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Self::unavailable(format!(
                    "a file of the collection is damaged; on the server, {remedy}: {name}"
                ))
            }
            Error::Missing(_) | Error::Sqlite { .. } | Error::TooNew { .. } => {
                log(&error);
                Self::unavailable(
                    "the collection cannot be read; if it is being replaced, ask again in a moment, else the log of the \
                     server says what is wrong with it",
                )
            }
            Error::Neural(_) | Error::OtherModel { .. } => {
                log(&error);
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "no-model",
                    "a model that this collection was described with cannot be used on the server; ask by other `channels`, \
                     such as words; the log of the server says what is wrong with it",
                )
            }
            other => Self::internal(&other),
        }
    }
}

impl From<vizsla_pixels::Error> for Problem {
    fn from(error: vizsla_pixels::Error) -> Self {
        let kind = error.kind();
        match kind {
            ErrorKind::NotAnImage | ErrorKind::Foreign(_) | ErrorKind::Empty => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-an-image",
                kind.to_string(),
            ),
            ErrorKind::TooLarge { .. } => Self::too_large(kind.to_string()),
            ErrorKind::Truncated(_)
            | ErrorKind::Corrupt { .. }
            | ErrorKind::Unsupported { .. }
            | ErrorKind::BadSize { .. } => Self::unusable("bad-image", kind.to_string()),
            _ => Self::internal(&error),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_disk_stay_inside() {
        let path = || std::path::PathBuf::from("/srv/secret");
        for error in [
            vizsla_retrieval::Error::Missing(path()),
            vizsla_retrieval::Error::Busy(path()),
            vizsla_retrieval::Error::ReadOnly(path()),
        ] {
            assert!(!Problem::from(error).detail.contains("secret"));
        }
    }

    #[test]
    fn a_model_that_is_not_here_is_no_fault_of_the_request() {
        let lost = vizsla_neural::Error::UnknownModel {
            id: "eye".into(),
            known: "none is here".into(),
            folder: "/srv/secret".into(),
        };
        let problem = Problem::from(vizsla_retrieval::Error::Neural(lost));
        assert_eq!(problem.status, 503);
        assert!(problem.detail.contains("channels") && !problem.detail.contains("secret"));
    }
}
