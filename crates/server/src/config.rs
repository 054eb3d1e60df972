//! How a server is set up: by the options of `vizsla serve`, by a TOML file of the same names, or by a program.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Limits;

use crate::Error;

/// Fewest characters of a token: below that it can be guessed over the network.
const LEAST_TOKEN: usize = 16;
/// Most bytes of a file with a token.
const MOST_TOKEN: usize = 4096;

/// A token. It is not shown where the settings are.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a token, spaces around it left out.
    ///
    /// # Errors
    /// It is shorter than 16 characters, longer than 4096, or holds other characters than ASCII letters, digits and
    /// signs.
    pub fn new(token: &str) -> Result<Self, Error> {
        let token = token.trim();
        let sound = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !sound || !(LEAST_TOKEN..=MOST_TOKEN).contains(&token.len()) {
            return Err(Error::Config(format!(
                "a token needs {LEAST_TOKEN} to {MOST_TOKEN} letters, digits or signs without spaces, such as `openssl rand \
                 -hex 32` makes; this one has {} bytes",
                token.len()
            )));
        }
        Ok(Self(token.to_owned()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn from_file(path: &Path) -> Result<Self, Error> {
        Self::new(&fs_err::read_to_string(path)?)
            .map_err(|error| Error::Config(format!("{error}: {}", path.display())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The settings of a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerConfig {
    /// The collections that are served, each under a name.
    pub collections: BTreeMap<String, PathBuf>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// File with the token that may do everything.
    pub token_file: Option<PathBuf>,
    /// File with the token that may search and look.
    pub read_token_file: Option<PathBuf>,
    /// The token that may do everything, when it does not come from a file.
    #[serde(skip)]
    pub token: Option<Secret>,
    /// The token that may search and look, when it does not come from a file.
    #[serde(skip)]
    pub read_token: Option<Secret>,
    /// Folders whose pictures may be taken in by request.
    pub ingest_root: Vec<PathBuf>,
    /// Folder that keeps pictures which are uploaded into a collection; without it there is no such upload.
    pub upload_dir: Option<PathBuf>,
    /// Folder with runs of training and evaluation that are shown.
    pub runs: Option<PathBuf>,
    /// Hosts that pictures may be fetched from; none = nothing is fetched.
    pub allow_fetch: Vec<String>,
    /// Origins of other pages that may use the API, such as `https://shop.example`.
    pub cors: Vec<String>,
    /// Addresses of proxies in front, which are believed when they tell for whom they ask.
    pub trusted_proxy: Vec<IpAddr>,
    /// Whether answers name files of the server's disk.
    pub show_paths: bool,
    /// Requests computed at a time; 0 = as many as there are cores.
    pub workers: usize,
    /// Requests that wait for a worker; one more is told to come back later.
    pub queue: usize,
    /// Seconds that a request may take.
    pub time_limit: u64,
    /// Largest body of a request in MiB.
    pub max_body: usize,
    /// Largest picture in megapixels, wherever it comes from.
    pub max_pixels: u64,
    /// Memory that all decoders of pictures take together, in MiB; 0 = a quarter of the machine's, at least 1024.
    pub decode_memory: u64,
    /// Folder for thumbnails; left out, a temporary one that goes with the server.
    pub cache_dir: Option<PathBuf>,
    /// Folder of the model registry; left out, the user's.
    pub models: Option<PathBuf>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            collections: BTreeMap::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8790)),
            token_file: None,
            read_token_file: None,
            token: None,
            read_token: None,
            ingest_root: Vec::new(),
            upload_dir: None,
            runs: None,
            allow_fetch: Vec::new(),
            cors: Vec::new(),
            trusted_proxy: Vec::new(),
            show_paths: false,
            workers: 0,
            queue: 64,
            time_limit: 30,
            max_body: 32,
            max_pixels: 100,
            decode_memory: 0,
            cache_dir: None,
            models: None,
        }
    }
}

impl ServerConfig {
    /// Reads a TOML file with these settings.
    ///
    /// # Errors
    /// The file cannot be read, or has a setting that does not exist or has another type.
    pub fn read(path: &Path) -> Result<Self, Error> {
        toml::from_str(&fs_err::read_to_string(path)?).map_err(|error| Error::ConfigFile {
            path: path.to_owned(),
            what: error.to_string().trim_end().to_owned(),
        })
    }

    /// Adds a collection, written as `PATH` or `NAME=PATH`. The name of a path is that of its folder without
    /// `.vizsla`.
    ///
    /// # Errors
    /// The name is taken or cannot stand in an address.
    pub fn add_collection(&mut self, place: &str) -> Result<(), Error> {
        let (name, path) = match place.split_once('=') {
            Some((name, path)) if !name.contains(['/', '\\']) => (name.to_owned(), path),
            _ => (name_of(Path::new(place)), place),
        };
        if self.collections.contains_key(&name) {
            return Err(Error::Config(format!(
                "two collections have the name `{name}`; give one another, as in NAME={path}"
            )));
        }
        self.collections.insert(name, path.into());
        Ok(())
    }

    /// Checks what does not depend on the machine, and reads the tokens.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        for name in self.collections.keys() {
            check_name(name)?;
        }
        if self.collections.is_empty() {
            return Err(Error::Config(
                "there is nothing to serve; name a collection".into(),
            ));
        }
        let ranges = [
            ("time-limit", self.time_limit, 1, 3600),
            ("max-body", self.max_body as u64, 1, 4096),
            ("max-pixels", self.max_pixels, 1, 200),
            ("decode-memory", self.decode_memory, 0, 1 << 20),
            ("queue", self.queue as u64, 0, 100_000),
            ("workers", self.workers as u64, 0, 1024),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(Error::Config(format!(
                    "{name} must be {low} to {high}, not {value}"
                )));
            }
        }
        if let Some(path) = &self.token_file {
            self.token = Some(Secret::from_file(path)?);
        }
        if let Some(path) = &self.read_token_file {
            self.read_token = Some(Secret::from_file(path)?);
        }
        if self.token.is_none() && self.read_token.is_none() && !self.listen.ip().is_loopback() {
            return Err(Error::Config(format!(
                "{} can be reached from other machines, so a token is needed: give --token-file FILE, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if self.token.is_some() && self.token == self.read_token {
            return Err(Error::Config(
                "the token for reading is the one for writing; make two".into(),
            ));
        }
        Ok(self)
    }

    /// How many requests are computed at a time.
    pub(crate) fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        }
    }

    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.time_limit)
    }

    /// What a picture that is sent may ask for.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_file_bytes: self.body_bytes() as u64,
            ..self.limits_of_files()
        }
    }

    /// What a picture of the server's own disk may ask for.
    pub(crate) fn limits_of_files(&self) -> Limits {
        Limits {
            max_pixels: self.max_pixels * 1_000_000,
            max_memory_bytes: vizsla_pixels::decode_memory(),
            ..Limits::default()
        }
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.max_body << 20
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".vizsla").unwrap_or(&name).to_owned()
}

fn check_name(name: &str) -> Result<(), Error> {
    let sound = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(sound) {
        return Err(Error::Config(format!(
            "`{name}` cannot be the name of a collection, which has letters, digits, `-`, `_`, `.` and spaces only; give \
             one, as in NAME=PATH"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_named_by_their_folder_or_by_the_caller() {
        let mut config = ServerConfig::default();
        config.add_collection("some/photos.vizsla").unwrap();
        config.add_collection("shop=/data/a=b.vizsla").unwrap();
        config.add_collection("./odd=name/x").unwrap();
        let names: Vec<&str> = config.collections.keys().map(String::as_str).collect();
        assert_eq!(names, ["photos", "shop", "x"]);
        assert_eq!(
            config.collections["shop"],
            PathBuf::from("/data/a=b.vizsla")
        );
        let error = config.add_collection("photos.vizsla").unwrap_err();
        assert!(error.to_string().contains("`photos`"), "{error}");
        config.collections.insert("a/b".into(), "x".into());
        assert!(config.complete().is_err());
    }

    #[test]
    fn other_machines_are_served_with_a_token_only() {
        let mut config = ServerConfig {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..ServerConfig::default()
        };
        config.add_collection("a").unwrap();
        let error = config.clone().complete().unwrap_err();
        assert!(error.to_string().contains("--token-file"), "{error}");
        config.read_token = Some(Secret::new("0123456789abcdef").unwrap());
        let config = config.complete().unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
        assert!(Secret::new("too short").is_err());
    }

    #[test]
    fn settings_of_a_file_have_the_names_of_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        let text =
            "listen = \"127.0.0.1:0\"\nmax-body = 5\n[collections]\nphotos = \"photos.vizsla\"\n";
        fs_err::write(&path, text).unwrap();
        let config = ServerConfig::read(&path).unwrap();
        assert_eq!((config.max_body, config.collections.len()), (5, 1));
        fs_err::write(&path, "max_body = 5\n").unwrap();
        let error = ServerConfig::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("max_body") && error.ends_with("serve.toml"),
            "{error}"
        );
    }
}
