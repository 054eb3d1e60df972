//! Who may do what: tokens, and the cookie that stands for one in a browser.
//!
//! A page cannot put a header on the requests of its `<img>` elements, so it trades the token for a cookie, which scripts
//! cannot read and which other sites cannot send (`HttpOnly`, `SameSite=Strict`). The cookie holds what may be done and
//! until when, under a hash keyed by the token: nothing is kept on the server, the token cannot be found from it, and it
//! is void when the token changes.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::{Secret, ServerConfig};

/// Name of the cookie.
pub(crate) const COOKIE: &str = "vizsla_session";
/// Seconds that a cookie is good for: 12 hours.
pub(crate) const SESSION: u64 = 12 * 3600;
/// What the key of cookies is derived for.
const CONTEXT: &str = "vizsla server, key of session cookies, version 1";

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Nothing but what everybody may see.
    None,
    /// Search and look.
    Read,
    /// Everything.
    Write,
}

/// How a request showed who it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Not at all.
    Nothing,
    /// A token that is not known.
    Wrong,
    /// A token in the header.
    Token,
    /// The cookie, which a browser adds by itself.
    Cookie,
}

/// The tokens of a server.
pub(crate) struct Access {
    write: Option<Secret>,
    read: Option<Secret>,
}

impl Access {
    pub fn new(config: &ServerConfig) -> Self {
        Self {
            write: config.token.clone(),
            read: config.read_token.clone(),
        }
    }

    /// Whether a token is needed at all.
    pub fn guarded(&self) -> bool {
        self.write.is_some() || self.read.is_some()
    }

    /// What a token may do.
    pub fn of_token(&self, token: &[u8]) -> Scope {
        // Both are compared, each in constant time; only lengths can be told from the time.
        let same = |secret: &Option<Secret>| {
            secret
                .as_ref()
                .is_some_and(|secret| bool::from(secret.as_bytes().ct_eq(token)))
        };
        match (same(&self.write), same(&self.read)) {
            (true, _) => Scope::Write,
            (false, true) => Scope::Read,
            _ => Scope::None,
        }
    }

    /// What a request may do, by its header or its cookie.
    pub fn of_request(&self, headers: &HeaderMap) -> (Scope, Shown) {
        if !self.guarded() {
            return (Scope::Write, Shown::Nothing);
        }
        if let Some(given) = headers.get(header::AUTHORIZATION) {
            let token = given.as_bytes();
            let bearer = token.len() > 7 && token[..7].eq_ignore_ascii_case(b"Bearer ");
            let scope = match bearer {
                true => self.of_token(token[7..].trim_ascii()),
                false => Scope::None,
            };
            return match scope {
                Scope::None => (Scope::None, Shown::Wrong),
                scope => (scope, Shown::Token),
            };
        }
        match cookies(headers).find_map(|cookie| self.of_cookie(cookie, now())) {
            Some(scope) => (scope, Shown::Cookie),
            None => (Scope::None, Shown::Nothing),
        }
    }

    /// The value of a cookie for a scope; `None` for a scope that no token stands for.
    pub fn cookie(&self, scope: Scope, now: u64) -> Option<String> {
        let (letter, secret) = match scope {
            Scope::Write => ('w', self.write.as_ref()?),
            Scope::Read => ('r', self.read.as_ref()?),
            Scope::None => return None,
        };
        let claim = format!("{letter}.{}", now + SESSION);
        let seal = seal(secret, &claim);
        Some(format!("{claim}.{}", seal.to_hex()))
    }

    fn of_cookie(&self, value: &str, now: u64) -> Option<Scope> {
        let (claim, given) = value.rsplit_once('.')?;
        let (letter, until) = claim.split_once('.')?;
        let (scope, secret) = match letter {
            "w" => (Scope::Write, self.write.as_ref()?),
            "r" => (Scope::Read, self.read.as_ref()?),
            _ => return None,
        };
        let until: u64 = until.parse().ok()?;
        // Hashes of blake3 are compared in constant time.
        let given = blake3::Hash::from_hex(given).ok()?;
        (seal(secret, claim) == given && now < until).then_some(scope)
    }
}

fn seal(secret: &Secret, claim: &str) -> blake3::Hash {
    let key = blake3::derive_key(CONTEXT, secret.as_bytes());
    blake3::keyed_hash(&key, claim.as_bytes())
}

/// Values of the session cookie in a request.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const WRITE: &str = "write-write-write-write";
    const READ: &str = "read-read-read-read-read";

    fn access() -> Access {
        Access {
            write: Some(Secret::new(WRITE).unwrap()),
            read: Some(Secret::new(READ).unwrap()),
        }
    }

    fn asked(name: header::HeaderName, value: &str) -> (Scope, Shown) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        access().of_request(&headers)
    }

    #[test]
    fn a_token_has_its_scope() {
        let auth = |value: &str| asked(header::AUTHORIZATION, value);
        assert_eq!(
            auth(&format!("Bearer {WRITE}")),
            (Scope::Write, Shown::Token)
        );
        assert_eq!(
            auth(&format!("bearer  {READ}")),
            (Scope::Read, Shown::Token)
        );
        for wrong in ["Bearer x", "Bearer ", "Basic abc", WRITE] {
            assert_eq!(auth(wrong), (Scope::None, Shown::Wrong), "{wrong}");
        }
        assert_eq!(
            access().of_request(&HeaderMap::new()),
            (Scope::None, Shown::Nothing)
        );
    }

    #[test]
    fn a_cookie_stands_for_its_token_for_a_while() {
        let value = access().cookie(Scope::Read, now()).unwrap();
        let cookie = format!("a=b; {COOKIE}={value}");
        assert_eq!(asked(header::COOKIE, &cookie), (Scope::Read, Shown::Cookie));
        let forged = cookie.replace("=r.", "=w.");
        assert_eq!(asked(header::COOKIE, &forged).0, Scope::None);
        let old = access().cookie(Scope::Write, now() - SESSION - 1).unwrap();
        assert_eq!(
            asked(header::COOKIE, &format!("{COOKIE}={old}")).0,
            Scope::None
        );
        assert_eq!(access().cookie(Scope::None, 0), None);
    }
}
