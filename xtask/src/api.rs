//! The check that the server answers as its OpenAPI document says: schemathesis against a running debug build.
//!
//! Schemathesis makes requests from the document, right ones and wrong ones. No answer may be a failure of the server, have
//! a status or a content type that is not documented, or JSON of another form.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::process::succeed;
use crate::python::environment;
use crate::workspace::Workspace;

/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Parts of addresses that name something; and where jobs begin, a server on a slow machine has too many of them, says so as its document does, and has not failed.
const SETTINGS: &str = "[parameters]\n\"path.collection\" = \"photos\"\n\"path.image\" = 2\n\"path.job\" = \"1\"\n\
                        \"path.run\" = \"one\"\n\n\
                        [[operations]]\ninclude-path-regex = \"/(ingest|map)$\"\n\
                        checks.not_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]\n";

/// A server that ends with this value.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves a small collection and has its API checked.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let requirements = workspace.root.join("xtask/src/requirements-api.txt");
    let python = environment(&requirements, &workspace.target.join("api-venv"))?;
    let vizsla = workspace.tested_program()?;
    let folder = workspace.target.join("api");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    prepare(&workspace.root, &folder, &vizsla)?;
    let mut server = serve(&folder, &vizsla)?;
    let document = format!("{}v1/openapi.json", server.address);
    // First with names that exist, and without taking away what they name; then with any, and everything.
    let kept = ["--exclude-method", "DELETE", "--max-time", "40"];
    let checked = check(&python, &document, &folder, &kept)
        .and_then(|()| check(&python, &document, &workspace.target, &["--max-time", "20"]));
    ensure!(
        server.process.try_wait()?.is_none(),
        "the server ended while its API was checked; its messages stand above"
    );
    checked.context("the API does not do what its document says")
}

/// Runs schemathesis in a folder, whose settings it reads.
fn check(python: &Path, document: &str, folder: &Path, options: &[&str]) -> Result<()> {
    succeed(
        Command::new(python)
            .args(["-m", "schemathesis.cli", "run", document])
            .args(["--checks", CHECKS, "--seed", "1", "--warnings", "off"])
            .args(["--phases", "examples,coverage,fuzzing"])
            .args(["--continue-on-failure", "--request-timeout", "20"])
            .args(options)
            .current_dir(folder),
    )
}

/// A few pictures, a collection of them, a folder to take in, and a run.
fn prepare(root: &Path, folder: &Path, vizsla: &Path) -> Result<()> {
    for name in ["photos", "more", "runs/one"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let assets = root.join("crates/cli/assets/photos");
    for (name, place) in [
        ("ascent.jpg", "photos"),
        ("coffee.jpg", "photos"),
        ("coins.jpg", "photos"),
        ("rocket.jpg", "more"),
    ] {
        fs::copy(assets.join(name), folder.join(place).join(name))?;
    }
    fs::write(
        folder.join("known.csv"),
        "image,label,price\nascent.jpg,stairs,1\ncoffee.jpg,cup,2\n",
    )?;
    fs::write(
        folder.join("said.csv"),
        "image,caption\ncoffee.jpg,a cup of coffee\n",
    )?;
    fs::write(folder.join("runs/one/log.csv"), "epoch,loss\n1,0.5\n")?;
    fs::write(folder.join("schemathesis.toml"), SETTINGS)?;
    succeed(
        Command::new(vizsla)
            .args(["index", "photos", "--into", "photos.vizsla"])
            .args(["--metadata", "known.csv", "--captions", "said.csv"])
            .current_dir(folder),
    )
}

fn serve(folder: &Path, vizsla: &Path) -> Result<Server> {
    let mut process = Command::new(vizsla)
        .args(["serve", "photos.vizsla", "--listen", "127.0.0.1:0"])
        .args([
            "--ingest-root",
            "more",
            "--upload-dir",
            "uploads",
            "--runs",
            "runs",
        ])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", vizsla.display()))?;
    let Some(stdout) = process.stdout.take() else {
        bail!("the server has no standard output");
    };
    let mut line = String::new();
    let mut reader = BufReader::new(stdout);
    reader.by_ref().take(1000).read_line(&mut line)?;
    let address = line.split(' ').find(|word| word.starts_with("http://"));
    let Some(address) = address.map(str::to_owned) else {
        let _ = process.kill();
        bail!("the server did not say where it listens, but: {line}");
    };
    Ok(Server { process, address })
}
