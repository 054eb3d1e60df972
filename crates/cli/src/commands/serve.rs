//! `vizsla serve`: the page and the API.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use vizsla_server::{Secret, Server, ServerConfig};

use super::Outcome;
use super::threads::Threads;
use crate::output;

/// Environment variables that hold tokens.
const TOKEN: &str = "VIZSLA_TOKEN";
const READ_TOKEN: &str = "VIZSLA_READ_TOKEN";

/// Serve collections: a page to search with, and an HTTP API
///
/// Without a token only this machine may connect, and may do everything. With --token-file (or VIZSLA_TOKEN) requests
/// need it as `Authorization: Bearer TOKEN`, and other machines can be listened to; --read-token-file (or
/// VIZSLA_READ_TOKEN) is a second token for searching and looking only. The API describes itself under /docs.
#[derive(Args)]
pub struct Arguments {
    /// Collections to serve, each under the name of its folder or as NAME=PATH
    #[arg(value_name = "COLLECTION", required_unless_present = "config")]
    collections: Vec<String>,
    /// Settings as TOML, with the names of these options; options of the command line go before
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8790]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// File with the token that may do everything
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with the token that may search and look
    #[arg(long, value_name = "FILE")]
    read_token_file: Option<PathBuf>,
    /// Folder whose pictures may be taken in by request; may be given several times
    #[arg(long, value_name = "FOLDER")]
    ingest_root: Vec<PathBuf>,
    /// Folder that keeps pictures uploaded into a collection; without it there is no such upload
    #[arg(long, value_name = "FOLDER")]
    upload_dir: Option<PathBuf>,
    /// Folder with runs of training and evaluation to show
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// Host that pictures may be fetched from, such as images.example; may be given several times
    #[arg(long, value_name = "HOST")]
    allow_fetch: Vec<String>,
    /// Origin of another page that may use the API, such as https://shop.example; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Address of a proxy in front, which tells for whom it asks (X-Forwarded-For); may be given several times
    #[arg(long, value_name = "ADDRESS")]
    trusted_proxy: Vec<IpAddr>,
    /// Name files of this machine's disk in answers
    #[arg(long)]
    show_paths: bool,
    /// Requests computed at a time; 0 = as many as there are cores [default: 0]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Requests that wait for a worker; one more is told to come back later [default: 64]
    #[arg(long, value_name = "N")]
    queue: Option<usize>,
    /// Seconds that a request may take [default: 30]
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
    /// Largest body of a request in MiB [default: 32]
    #[arg(long, value_name = "MIB")]
    max_body: Option<usize>,
    /// Largest picture in megapixels, sent or indexed [default: 100]
    #[arg(long, value_name = "MEGAPIXELS")]
    max_pixels: Option<u64>,
    /// Memory in MiB that all pictures being decoded may take together; one that needs more waits, or is refused when
    /// it needs more alone [default: a quarter of the machine's, at least 1024]
    #[arg(long, value_name = "MIB")]
    decode_memory: Option<u64>,
    /// Folder for thumbnails; left out, a temporary one
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let open = self.open;
        let server = Server::bind(self.config()?)?;
        let address = format!("http://{}/", server.address());
        output::show(&format!("serving {address} (Ctrl-C stops)\n"))?;
        if open && let Err(error) = browse(&address) {
            output::warn(&format!(
                "no browser could be started ({error}); open {address}"
            ));
        }
        server.run_until_interrupted()?;
        Ok(Outcome::Done)
    }

    /// The settings: defaults, then the file, then the options, and tokens of the environment where no file gives one.
    fn config(self) -> Result<ServerConfig> {
        let mut config = match &self.config {
            Some(path) => ServerConfig::read(path)?,
            None => ServerConfig::default(),
        };
        for place in &self.collections {
            config.add_collection(place)?;
        }
        put(&mut config.listen, self.listen);
        put(&mut config.workers, self.workers);
        put(&mut config.queue, self.queue);
        put(&mut config.time_limit, self.time_limit);
        put(&mut config.max_body, self.max_body);
        put(&mut config.max_pixels, self.max_pixels);
        put(&mut config.decode_memory, self.decode_memory);
        config.token_file = self.token_file.or(config.token_file);
        config.read_token_file = self.read_token_file.or(config.read_token_file);
        config.upload_dir = self.upload_dir.or(config.upload_dir);
        config.runs = self.runs.or(config.runs);
        config.cache_dir = self.cache_dir.or(config.cache_dir);
        config.ingest_root.extend(self.ingest_root);
        config.allow_fetch.extend(self.allow_fetch);
        config.cors.extend(self.cors);
        config.trusted_proxy.extend(self.trusted_proxy);
        config.show_paths |= self.show_paths;
        config.token = of_environment(TOKEN)?;
        config.read_token = of_environment(READ_TOKEN)?;
        Ok(config)
    }
}

fn put<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

/// The token in an environment variable; one that is empty counts as none.
fn of_environment(name: &str) -> Result<Option<Secret>> {
    match std::env::var(name) {
        Ok(token) if !token.is_empty() => Secret::new(&token)
            .map(Some)
            .with_context(|| format!("the environment variable {name} cannot be used")),
        _ => Ok(None),
    }
}

/// Asks the desktop to show an address.
fn browse(address: &str) -> std::io::Result<()> {
    let program = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    std::process::Command::new(program)
        .arg(address)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map(|_| ())
}
