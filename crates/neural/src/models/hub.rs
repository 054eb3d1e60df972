//! Files of a model hub: its cache on this machine, and fetching what is not there yet.
//!
//! The layout of the cache and the environment variables are those of the hub's own tools, so that
//! a file which one of them has fetched is not fetched again:
//!
//! ```text
//! $HF_HUB_CACHE/models--organisation--name/
//!   blobs/<etag>                  the content
//!   refs/<branch or tag>          the commit it stood for
//!   snapshots/<commit>/<file>     a link to the blob
//! ```
//!
//! Looking a model up never touches the network; only [`fetch`] does, and `HF_HUB_OFFLINE=1` forbids
//! it. `HF_ENDPOINT` names another server.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use sha2::{Digest, Sha256};
use ureq::http::HeaderMap;

use crate::error::Error;

/// The server when `HF_ENDPOINT` names no other.
const ENDPOINT: &str = "https://huggingface.co";

/// Longest file that is fetched.
const MAX_BYTES: u64 = 64 << 30;

/// The file of a repository as it lies in the cache, if it is there.
pub(super) fn cached(repository: &str, revision: &str, filename: &str) -> Option<PathBuf> {
    Some(snapshot_path(repository, revision, filename)).filter(|path| path.is_file())
}

/// Where the cache keeps, or would keep, a file.
pub(super) fn snapshot_path(repository: &str, revision: &str, filename: &str) -> PathBuf {
    let folder = repository_folder(repository);
    let commit = fs::read_to_string(folder.join("refs").join(revision))
        .ok()
        .map(|commit| commit.trim().to_owned())
        .filter(|commit| is_plain(commit))
        .unwrap_or_else(|| revision.to_owned());
    folder.join("snapshots").join(commit).join(filename)
}

/// Checks that the parts of a hub address stay inside the cache and make a plain URL.
///
/// # Errors
/// [`Error::Value`] with what is allowed.
pub(super) fn check(repository: &str, revision: &str, filename: &str) -> Result<(), Error> {
    let plain = |text: &str| {
        let parts = Path::new(text).components();
        let stays = parts.clone().count() > 0 && parts.into_iter().all(is_normal);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        stays && text.chars().all(allowed) && !text.ends_with('/')
    };
    let allowed = "it has letters, digits, '.', '-', '_' and '/' and does not leave its folder";
    let fields = [
        ("source.repository", repository),
        ("source.revision", revision),
        ("source.filename", filename),
    ];
    for (name, value) in fields {
        if !plain(value) || (name == "source.repository" && value.split('/').count() > 2) {
            return Err(Error::Value {
                name,
                value: value.to_owned(),
                allowed: allowed.to_owned(),
            });
        }
    }
    Ok(())
}

fn is_normal(part: Component<'_>) -> bool {
    matches!(part, Component::Normal(_))
}

/// True for a commit or an etag that can be the name of a file.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=128).contains(&text.len()) && !text.starts_with('.') && text.chars().all(allowed)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder of all cached repositories.
fn cache_folder() -> PathBuf {
    if let Some(folder) = variable("HF_HUB_CACHE").or_else(|| variable("HUGGINGFACE_HUB_CACHE")) {
        return PathBuf::from(folder);
    }
    if let Some(home) = variable("HF_HOME") {
        return Path::new(&home).join("hub");
    }
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    let cache = match variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => Path::new(&home().unwrap_or_default()).join(".cache"),
    };
    cache.join("huggingface/hub")
}

fn repository_folder(repository: &str) -> PathBuf {
    cache_folder().join(format!("models--{}", repository.replace('/', "--")))
}

/// What the server says of a file before it sends it.
struct Announced {
    commit: String,
    etag: String,
    bytes: Option<u64>,
}

/// The file of a repository, fetched when it is not cached. Returns its path and the bytes fetched.
///
/// # Errors
/// [`Error::Download`] when it is not cached and offline mode is on, the server does not answer or
/// does not have it, or what it sends is not what it announced.
pub(super) fn fetch(
    repository: &str,
    revision: &str,
    filename: &str,
) -> Result<(PathBuf, u64), Error> {
    check(repository, revision, filename)?;
    if let Some(path) = cached(repository, revision, filename) {
        return Ok((path, 0));
    }
    let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
    let endpoint = endpoint.trim_end_matches('/');
    let url = format!("{endpoint}/{repository}/resolve/{revision}/{filename}");
    let failed = |what: String| Error::Download {
        url: url.clone(),
        what,
    };
    if variable("HF_HUB_OFFLINE").is_some_and(|value| value != "0") {
        return Err(failed(
            "HF_HUB_OFFLINE forbids the network; unset it, or copy the file into the cache".into(),
        ));
    }
    let announced = announce(&url).map_err(failed)?;
    let folder = repository_folder(repository);
    let blob = folder.join("blobs").join(&announced.etag);
    let mut bytes = 0;
    if !blob.is_file() {
        fs::create_dir_all(folder.join("blobs"))?;
        let partial = blob.with_file_name(format!(
            "{}.{}.incomplete",
            announced.etag,
            std::process::id()
        ));
        let outcome = download(&url, &partial, &announced);
        if outcome.is_err() {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&partial);
        }
        bytes = outcome.map_err(|failure| match failure {
            Failure::Io(error) => Error::Io(error),
            Failure::Server(what) => failed(what),
        })?;
        fs::rename(&partial, &blob)?;
    }
    let path = folder
        .join("snapshots")
        .join(&announced.commit)
        .join(filename);
    place(&blob, &path, filename)?;
    if announced.commit != revision {
        let reference = folder.join("refs").join(revision);
        fs::create_dir_all(reference.parent().unwrap_or(&folder))?;
        fs::write(&reference, &announced.commit)?;
    }
    Ok((path, bytes))
}

/// Puts the blob where the snapshot has the file: a relative link, or a copy where links are not
/// to be had.
fn place(blob: &Path, path: &Path, filename: &str) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if path.is_symlink() {
        fs::remove_file(path)?;
    }
    #[cfg(unix)]
    {
        let up = "../".repeat(filename.split('/').count() + 1);
        let name = blob.file_name().unwrap_or_default();
        fs_err::os::unix::fs::symlink(Path::new(&up).join("blobs").join(name), path)?;
    }
    #[cfg(not(unix))]
    {
        let _ = filename;
        fs::copy(blob, path)?;
    }
    Ok(())
}

fn agent(redirects: u32) -> ureq::Agent {
    ureq::Agent::config_builder()
        .max_redirects(redirects)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .user_agent(concat!("vizsla/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Asks for the headers of a file. The first answer counts: what a redirect leads to is a store
/// that knows nothing of commits.
fn announce(url: &str) -> Result<Announced, String> {
    let response = agent(0)
        .head(url)
        .header("Accept-Encoding", "identity")
        .call()
        .map_err(|error| format!("{error}; check the connection and HF_ENDPOINT"))?;
    let status = response.status().as_u16();
    match status {
        200..=399 => {}
        401 | 403 => {
            return Err(format!(
                "the server wants a login (status {status}); fetch the file with the hub's own \
                 tool, then `vizsla models add` it"
            ));
        }
        404 => {
            return Err(
                "the server has no such file (status 404); check repository, revision and filename"
                    .into(),
            );
        }
        _ => {
            return Err(format!(
                "the server answered with status {status}; try later"
            ));
        }
    }
    let headers = response.headers();
    let etag = header(headers, "x-linked-etag").or_else(|| header(headers, "etag"));
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
    let commit = header(headers, "x-repo-commit").map(str::to_owned);
    let size = header(headers, "x-linked-size").or_else(|| header(headers, "content-length"));
    match (etag.filter(|e| is_plain(e)), commit.filter(|c| is_plain(c))) {
        (Some(etag), Some(commit)) => Ok(Announced {
            commit,
            etag,
            bytes: size
                .filter(|_| status == 200 || headers.contains_key("x-linked-size"))
                .and_then(|size| size.parse().ok()),
        }),
        _ => Err("the answer names no commit and etag; HF_ENDPOINT is no model hub".into()),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Why a file did not arrive.
enum Failure {
    Io(std::io::Error),
    Server(String),
}

/// Fetches a file into `target` and compares it with what was announced.
fn download(url: &str, target: &Path, announced: &Announced) -> Result<u64, Failure> {
    if announced.bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(Failure::Server(format!(
            "the file is above {MAX_BYTES} bytes"
        )));
    }
    let server = |what: String| Failure::Server(format!("{what}; try again"));
    let mut response = agent(10)
        .get(url)
        .header("Accept-Encoding", "identity")
        .call()
        .map_err(|error| server(error.to_string()))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(server(format!("the server answered with status {status}")));
    }
    let mut body = response.body_mut().as_reader().take(MAX_BYTES + 1);
    let mut file = fs::File::create(target).map_err(Failure::Io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0_u64;
    loop {
        let read = body.read(&mut buffer).map_err(|error| {
            server(format!("the connection broke after {bytes} bytes, {error}"))
        })?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(Failure::Io)?;
    }
    file.sync_all().map_err(Failure::Io)?;
    if let Some(expected) = announced.bytes
        && bytes != expected
    {
        return Err(server(format!(
            "{bytes} bytes came, {expected} were announced"
        )));
    }
    // Large files are known by their SHA-256.
    let digest: String = hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if announced.etag.len() == 64 && !announced.etag.eq_ignore_ascii_case(&digest) {
        return Err(server(format!(
            "its SHA-256 is {digest}, {} was announced",
            announced.etag
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_leave_the_cache_are_refused() {
        check("org/name", "main", "onnx/model.onnx").unwrap();
        check("name", "refs/pr/1", "model.onnx").unwrap();
        for (repository, revision, filename) in [
            ("../x", "main", "m"),
            ("a/b/c", "main", "m"),
            ("a/b", "..", "m"),
            ("a/b", "main", "/etc/passwd"),
            ("a/b", "main", "x/../../m"),
            ("a/b", "main", "m?x"),
            ("", "main", "m"),
        ] {
            assert!(
                check(repository, revision, filename).is_err(),
                "{repository} {filename}"
            );
        }
    }
}
