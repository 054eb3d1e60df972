//! The list of hosts that pictures may be fetched from.

use ureq::http::Uri;

use crate::Error;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The host in lower case, without the dot at its end.
    host: String,
    /// Whether hosts below it are meant, and not itself.
    below: bool,
    /// The port; `None` = that of the scheme.
    port: Option<u16>,
}

/// The list.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<Entry>);

impl Allowed {
    /// Reads entries such as `images.example`, `*.images.example` and `images.example:8080`.
    ///
    /// # Errors
    /// An entry is none of these.
    pub fn new(entries: &[String]) -> Result<Self, Error> {
        let read = |text: &String| {
            entry(text).ok_or_else(|| {
                Error::Config(format!(
                    "`{text}` is not a host that can be allowed; write one such as images.example, *.images.example or \
                     images.example:8080, without a scheme or a path"
                ))
            })
        };
        Ok(Self(entries.iter().map(read).collect::<Result<_, _>>()?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address of the web may be asked.
    pub fn allows(&self, uri: &Uri) -> bool {
        let Some(host) = uri.host() else {
            return false;
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let usual = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return false,
        };
        let port = uri.port_u16().unwrap_or(usual);
        self.0.iter().any(|entry| {
            let named = match entry.below {
                true => host
                    .strip_suffix(&entry.host)
                    .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
                false => host == entry.host,
            };
            named && port == entry.port.unwrap_or(usual)
        })
    }
}

fn entry(text: &str) -> Option<Entry> {
    let (below, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (host, port) = match rest.rsplit_once(':') {
        // A bare address of version 6 stands in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (rest, None),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let sound = |c: char| c.is_ascii_alphanumeric() || "-.[]:".contains(c);
    let bracketed = host.starts_with('[') == host.contains(':');
    (!host.is_empty() && host.chars().all(sound) && bracketed).then_some(Entry {
        host,
        below,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_allowed_as_they_are_written() {
        let list = [
            "Images.example",
            "*.cdn.example",
            "other.example:8080",
            "[2606:4700::1]",
        ];
        let allowed = Allowed::new(&list.map(str::to_owned)).unwrap();
        let asks = |uri: &str| allowed.allows(&uri.parse().unwrap());
        for uri in [
            "https://images.example/a.jpg",
            "http://IMAGES.example./a.jpg?b",
            "https://a.cdn.example",
            "https://a.b.cdn.example:443/x",
            "http://other.example:8080/",
            "http://[2606:4700::1]/",
        ] {
            assert!(asks(uri), "{uri}");
        }
        for uri in [
            "https://images.example.evil.example/",
            "https://evilimages.example/",
            "https://sub.images.example/",
            "https://cdn.example/",
            "https://evilcdn.example/",
            "https://images.example:8443/",
            "http://other.example/",
            "ftp://images.example/",
            "/images.example",
        ] {
            assert!(!asks(uri), "{uri}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "https://a.example",
            "a.example/x",
            "a b",
            "a:port",
            "::1",
            "é.example",
        ] {
            assert!(Allowed::new(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
