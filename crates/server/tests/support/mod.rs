//! A server with a small collection of drawn pictures, and a client that speaks to it.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "../../../retrieval/tests/support/drawn.rs"]
mod drawn;

pub use drawn::picture;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use vizsla_retrieval::{Collection, IngestOptions, Silent};
use vizsla_server::{Server, ServerConfig};

/// Pictures in the collection.
pub const IMAGES: u64 = 8;

/// The picture seen under another viewpoint, 380 × 330 pixels, as PNG.
pub fn view(seed: u64) -> Vec<u8> {
    drawn::view(&picture(seed)).encode_png().unwrap()
}

/// A folder with pictures `000.png` …, made from seeds 1 …, and a collection `photos` of them with metadata and captions.
pub struct Photos {
    pub dir: TempDir,
}

impl Photos {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let photos = Self { dir };
        let folder = photos.folder();
        fs_err::create_dir_all(&folder).unwrap();
        let mut known = "file,colour,price,taken,latitude,longitude\n".to_owned();
        let mut said = "file,caption\n".to_owned();
        for n in 0..IMAGES {
            let name = format!("{n:03}.png");
            picture(n + 1).save_png(&folder.join(&name)).unwrap();
            let colour = if n % 4 == 0 { "red" } else { "blue" };
            known.push_str(&format!(
                "{name},{colour},{},2024-0{}-01,47.5,{n}\n",
                n * 10,
                n + 1
            ));
            said.push_str(&format!("{name},a {colour} drawing number {n}\n"));
        }
        fs_err::write(photos.dir.path().join("known.csv"), known).unwrap();
        fs_err::write(photos.dir.path().join("said.csv"), said).unwrap();
        let mut collection = Collection::builder(photos.collection()).create().unwrap();
        collection
            .ingest(
                std::slice::from_ref(&folder),
                &IngestOptions::default(),
                &Silent,
            )
            .unwrap();
        let roots = [folder];
        let known = photos.dir.path().join("known.csv");
        collection.import_metadata(&known, &roots).unwrap();
        let said = photos.dir.path().join("said.csv");
        collection.import_captions(&said, &roots).unwrap();
        photos
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    pub fn collection(&self) -> PathBuf {
        self.dir.path().join("photos.vizsla")
    }

    /// Settings for a server of this collection on a free port.
    pub fn config(&self) -> ServerConfig {
        let mut config = ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..ServerConfig::default()
        };
        config
            .add_collection(self.collection().to_str().unwrap())
            .unwrap();
        config
    }

    /// A server with the standard settings.
    pub fn serve(&self) -> Running {
        Running::start(self.config())
    }
}

/// A server that runs until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    agent: ureq::Agent,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What was answered.
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The answer, which must be a problem of this status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        problem
    }

    /// The answer, which must be good.
    pub fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }
}

impl Running {
    pub fn start(config: ServerConfig) -> Self {
        let server = Server::bind(config).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .worker_threads(2)
                .build()
                .unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            runtime.block_on(server.run(stopped)).unwrap();
        });
        let mut running = Self::elsewhere(address);
        (running.stop, running.thread) = (Some(stop), Some(thread));
        running
    }

    /// A client of a server that runs in another process.
    pub fn elsewhere(address: SocketAddr) -> Self {
        // A server that answers before it has read a body closes the connection; whether the client knows by its next question is a race.
        let agent = ureq::Agent::config_builder()
            .max_idle_connections(0)
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            address,
            agent,
            stop: None,
            thread: None,
        }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.agent.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.call().unwrap())
    }

    pub fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.agent.delete(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.call().unwrap())
    }

    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Reply {
        self.post_with(path, &[("content-type", kind)], body)
    }

    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = self.agent.post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send(body).unwrap())
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Reply {
        self.post(path, "application/json", body.to_string().as_bytes())
    }

    /// Asks the collection `photos`.
    pub fn search(&self, question: Value) -> Reply {
        self.post_json("/v1/collections/photos/search", &question)
    }

    /// Sends a form of fields: name, file name (or nothing), content.
    pub fn form(&self, path: &str, fields: &[(&str, Option<&str>, &[u8])]) -> Reply {
        let mut body = Vec::new();
        for (name, file, content) in fields {
            body.extend_from_slice(b"--frontier\r\nContent-Disposition: form-data; name=\"");
            body.extend_from_slice(name.as_bytes());
            body.push(b'"');
            if let Some(file) = file {
                body.extend_from_slice(format!("; filename=\"{file}\"").as_bytes());
            }
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--frontier--\r\n");
        self.post(path, "multipart/form-data; boundary=frontier", &body)
    }
}

/// Writes pictures of these seeds.
pub fn paint(folder: &Path, seeds: std::ops::Range<u64>) {
    fs_err::create_dir_all(folder).unwrap();
    for seed in seeds {
        let path = folder.join(format!("{seed:03}.png"));
        picture(seed).save_png(&path).unwrap();
    }
}

/// A collection, and folders beside it for pictures that may be taken in and that are sent.
pub struct World {
    pub photos: Photos,
    pub root: PathBuf,
    pub uploads: PathBuf,
}

impl World {
    pub fn new() -> Self {
        let photos = Photos::new();
        let root = photos.dir.path().join("more");
        fs_err::create_dir(&root).unwrap();
        let uploads = photos.dir.path().join("uploads");
        Self {
            photos,
            root,
            uploads,
        }
    }

    pub fn config(&self) -> ServerConfig {
        ServerConfig {
            ingest_root: vec![self.root.clone()],
            upload_dir: Some(self.uploads.clone()),
            ..self.photos.config()
        }
    }

    pub fn serve(&self) -> Running {
        Running::start(self.config())
    }
}

/// Where pictures are taken in.
pub const INGEST: &str = "/v1/collections/photos/ingest";

/// The name of the job that was answered.
pub fn job_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{}", reply.text());
    let job = reply.json()["job"].as_str().unwrap().to_owned();
    assert_eq!(reply.header("location"), format!("/v1/jobs/{job}"));
    job
}

/// Waits until a job is as wanted.
pub fn wait(server: &Running, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let view = server.get(&format!("/v1/jobs/{job}")).good();
        if wanted(&view) {
            return view;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{view}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn has_ended(view: &Value) -> bool {
    !["queued", "running"].contains(&view["state"].as_str().unwrap())
}

/// Images of the collection `photos`.
pub fn images(server: &Running) -> u64 {
    let figures = server.get("/v1/collections/photos").good();
    figures["images"].as_u64().unwrap()
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> Reply {
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.body_mut().read_to_vec().unwrap(),
    }
}

/// The id of the image that was made from a file.
pub fn id_of(running: &Running, name: &str) -> i64 {
    let list = running
        .get("/v1/collections/photos/images?limit=200")
        .good();
    let images = list["images"].as_array().unwrap();
    let image = images.iter().find(|image| image["name"] == name).unwrap();
    image["image"].as_i64().unwrap()
}

/// Whether a path of the disk stands somewhere in an answer.
pub fn names(reply: &Reply, path: &Path) -> bool {
    reply.text().contains(path.to_str().unwrap())
}
