//! Pictures fetched from other servers: off, unless hosts are named that may be asked.
//!
//! A server that fetches what clients name can be made to ask for them what they cannot reach (server-side request
//! forgery). So a host must be on the list; its name is looked up once, every address found must be one of the internet,
//! and the connection goes to an address that was looked at, so that a second answer of the name server changes nothing.
//! Redirects are not followed by the client but asked for anew, through all of this again. Proxies of the environment
//! are not used: they would look the name up themselves.

mod addresses;
mod allowed;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use ureq::config::Config;
use ureq::http::{StatusCode, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error as Failure};

use self::allowed::Allowed;
use crate::problem::Problem;
use crate::{Error, ServerConfig};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;
/// Longest address of the web.
const LONGEST: usize = 4096;
/// Pictures that are fetched at a time.
const AT_A_TIME: usize = 4;
/// Time for one picture, redirects and all.
const LIMIT: Duration = Duration::from_secs(20);

/// Fetches pictures.
pub(crate) struct Fetcher {
    allowed: Arc<Allowed>,
    agent: Agent,
    most_bytes: u64,
    turns: Semaphore,
}

/// Looks names up and refuses addresses that are not of the internet.
#[derive(Debug)]
struct Guarded<R> {
    names: R,
    may_reach: fn(IpAddr) -> bool,
}

/// What the resolver says of an address that may not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the host has an address that is not of the internet")]
struct NotPublic;

impl<R: Resolver> Resolver for Guarded<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Failure> {
        let found = self.names.resolve(uri, config, timeout)?;
        match found.iter().all(|address| (self.may_reach)(address.ip())) {
            true => Ok(found),
            false => Err(Failure::Other(Box::new(NotPublic))),
        }
    }
}

/// One step on the way to a picture.
enum Step {
    Picture(Vec<u8>),
    Elsewhere(String),
}

impl Fetcher {
    /// A fetcher of the hosts that the settings allow.
    ///
    /// # Errors
    /// An entry of the list is no host.
    pub fn new(config: &ServerConfig) -> Result<Self, Error> {
        let allowed = Allowed::new(&config.allow_fetch)?;
        let names = DefaultResolver::default();
        let limit = LIMIT.min(config.limit());
        Ok(Self::with(
            allowed,
            names,
            addresses::is_public,
            config.body_bytes() as u64,
            limit,
        ))
    }

    fn with(
        allowed: Allowed,
        names: impl Resolver,
        may_reach: fn(IpAddr) -> bool,
        most_bytes: u64,
        limit: Duration,
    ) -> Self {
        let config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(limit))
            .user_agent(concat!("vizsla/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Guarded { names, may_reach };
        Self {
            allowed: Arc::new(allowed),
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            most_bytes,
            turns: Semaphore::new(AT_A_TIME),
        }
    }

    /// The bytes behind an address.
    ///
    /// # Errors
    /// 403 when it may not be asked, 502 when the other server does not give it, 504 when it is slow, 413 when it gives too
    /// much, 503 when too many are being fetched.
    pub async fn fetch(&self, url: String) -> Result<Vec<u8>, Problem> {
        if self.allowed.is_empty() {
            return Err(Problem::forbidden(
                "nothing is fetched from other servers here; start the server with --allow-fetch HOST, or send the picture",
            ));
        }
        let _turn = self.turns.try_acquire().map_err(|_| {
            Problem::busy("too many pictures are being fetched; ask again in a moment")
        })?;
        let (allowed, agent, most) = (
            Arc::clone(&self.allowed),
            self.agent.clone(),
            self.most_bytes,
        );
        tokio::task::spawn_blocking(move || follow(&allowed, &agent, url, most))
            .await
            .map_err(|error| Problem::internal(&error))?
    }
}

/// Asks, and asks again where it is sent to.
fn follow(
    allowed: &Allowed,
    agent: &Agent,
    mut url: String,
    most: u64,
) -> Result<Vec<u8>, Problem> {
    let end = Instant::now() + LIMIT;
    for _ in 0..=MOST_REDIRECTS {
        let uri = check(allowed, &url)?;
        match ask(agent, &uri, most)? {
            Step::Picture(bytes) => return Ok(bytes),
            Step::Elsewhere(place) => url = join(&uri, &place).ok_or_else(nowhere)?,
        }
        if Instant::now() > end {
            return Err(slow());
        }
    }
    Err(Problem::bad_gateway(format!(
        "the other server sent on more than {MOST_REDIRECTS} times; give the address of the picture itself"
    )))
}

/// Whether an address may be asked.
fn check(allowed: &Allowed, url: &str) -> Result<Uri, Problem> {
    let unreadable = || {
        Problem::unusable(
            "bad-url",
            "this is not an address of the web; write it as https://host/path",
        )
    };
    if url.len() > LONGEST {
        return Err(unreadable());
    }
    let whole = url.split('#').next().unwrap_or_default();
    let uri: Uri = whole.parse().map_err(|_| unreadable())?;
    let authority = uri.authority().ok_or_else(unreadable)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.as_str().contains('@') {
        return Err(unreadable());
    }
    match allowed.allows(&uri) {
        true => Ok(uri),
        false => Err(not_allowed()),
    }
}

fn ask(agent: &Agent, uri: &Uri, most: u64) -> Result<Step, Problem> {
    let mut response = agent.get(uri).call().map_err(problem)?;
    let status = response.status();
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        let place = response.headers().get(header::LOCATION);
        let place = place
            .and_then(|place| place.to_str().ok())
            .ok_or_else(nowhere)?;
        return Ok(Step::Elsewhere(place.to_owned()));
    }
    if !status.is_success() {
        return Err(Problem::bad_gateway(format!(
            "the other server answered {}; check the address",
            status.as_u16()
        )));
    }
    let body = response.body_mut().with_config().limit(most);
    body.read_to_vec().map(Step::Picture).map_err(problem)
}

/// The address that a redirect leads to.
fn join(from: &Uri, place: &str) -> Option<String> {
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let before_path = place.split(['/', '?', '#']).next().unwrap_or_default();
    if before_path.contains(':') {
        return Some(place.to_owned());
    }
    if let Some(rest) = place.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    if place.starts_with('/') {
        return Some(format!("{scheme}://{authority}{place}"));
    }
    let folder = from
        .path()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{authority}{folder}/{place}"))
}

/// What a failure of the client means for the one who asked.
fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Other(cause) if cause.is::<NotPublic>() => not_allowed(),
        Failure::BodyExceedsLimit(most) => Problem::too_large(format!(
            "the other server gave more than {} MiB; fetch a smaller copy of the picture",
            most >> 20
        )),
        Failure::Timeout(_) => slow(),
        Failure::HostNotFound => {
            Problem::bad_gateway("the host of this address is not known; check it")
        }
        _ => Problem::bad_gateway("the other server could not be asked; check the address"),
    }
}

/// The same for a host that is not on the list and for one that points inwards: neither tells of this network.
fn not_allowed() -> Problem {
    Problem::forbidden(
        "pictures may not be fetched from this host; it must be named by --allow-fetch and be on the internet",
    )
}

fn nowhere() -> Problem {
    Problem::bad_gateway("the other server sent on to an address that cannot be read")
}

fn slow() -> Problem {
    Problem::new(
        axum::http::StatusCode::GATEWAY_TIMEOUT,
        "slow-host",
        "the other server took too long; ask again, or send the picture",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    /// A name server of two names: `near.example` is this machine, `inside.example` another address of it.
    #[derive(Debug)]
    struct Names(u16);

    impl Resolver for Names {
        fn resolve(
            &self,
            uri: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, Failure> {
            let last = match uri.host() {
                Some("near.example") => 1,
                Some("inside.example") => 2,
                _ => return Err(Failure::HostNotFound),
            };
            let mut found = self.empty();
            found.push(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), self.0)));
            Ok(found)
        }
    }

    /// A server that answers each path its own way.
    fn server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).unwrap();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let to = |place: &str| {
                    format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n")
                };
                let answer = match path {
                    "/picture" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n".to_owned(),
                    "/large" => "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n".to_owned(),
                    "/absolute" => to("/picture"),
                    "/elsewhere" => to("http://other.example/picture"),
                    "/inwards" => to("http://inside.example/picture"),
                    "/metadata" => to("http://169.254.169.254/latest"),
                    "/file" => to("file:///etc/passwd"),
                    "/round" => to("/round"),
                    "/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n".to_owned(),
                    _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n".to_owned(),
                };
                let body = match path {
                    "/picture" => "bytes".to_owned(),
                    "/large" => "x".repeat(5000),
                    _ => String::new(),
                };
                let answer = format!("{answer}connection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        port
    }

    fn fetched(may_reach: fn(IpAddr) -> bool, url: &str) -> Result<Vec<u8>, u16> {
        let hosts = ["near.example", "inside.example", "unknown.example"];
        let allowed = Allowed::new(&hosts.map(str::to_owned)).unwrap();
        let limit = Duration::from_secs(5);
        let fetcher = Fetcher::with(allowed, Names(server()), may_reach, 1000, limit);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let found = runtime.block_on(fetcher.fetch(url.to_owned()));
        found.map_err(|problem| problem.status)
    }

    #[test]
    fn pictures_come_from_hosts_of_the_list() {
        let near: fn(IpAddr) -> bool = |address| address == IpAddr::from([127, 0, 0, 1]);
        let ask = |url: &str| fetched(near, url);
        assert_eq!(ask("http://near.example/picture").unwrap(), b"bytes");
        assert_eq!(ask("http://near.example/absolute#part").unwrap(), b"bytes");
        assert_eq!(ask("http://near.example/nothing"), Err(502));
        assert_eq!(ask("http://near.example/large"), Err(413));
        assert_eq!(ask("http://near.example/round"), Err(502));
        assert_eq!(ask("http://near.example/nowhere"), Err(502));
        assert_eq!(ask("http://unknown.example/"), Err(502));
        assert_eq!(ask("http://other.example/picture"), Err(403));
        for bad in [
            "near.example",
            "ftp://near.example/",
            "http://me@near.example/",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(ask(bad), Err(422), "{bad}");
        }
    }

    #[test]
    fn redirects_are_looked_at_like_the_first_address() {
        let near: fn(IpAddr) -> bool = |address| address == IpAddr::from([127, 0, 0, 1]);
        assert_eq!(fetched(near, "http://near.example/elsewhere"), Err(403));
        assert_eq!(fetched(near, "http://near.example/inwards"), Err(403));
        assert_eq!(fetched(near, "http://near.example/metadata"), Err(403));
        assert_eq!(fetched(near, "http://near.example/file"), Err(422));
    }

    #[test]
    fn a_host_of_the_list_that_points_inwards_is_refused() {
        let ask = |url: &str| fetched(addresses::is_public, url);
        assert_eq!(ask("http://near.example/picture"), Err(403));
    }

    #[test]
    fn redirects_are_joined() {
        let from: Uri = "https://a.example:8443/x/y?z".parse().unwrap();
        for (place, expected) in [
            ("https://b.example/q", "https://b.example/q"),
            ("//b.example/q", "https://b.example/q"),
            ("/q?r", "https://a.example:8443/q?r"),
            ("q", "https://a.example:8443/x/q"),
            ("q?u=http://c", "https://a.example:8443/x/q?u=http://c"),
        ] {
            assert_eq!(join(&from, place).unwrap(), expected);
        }
    }
}
