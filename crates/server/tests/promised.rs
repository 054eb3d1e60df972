//! What is told of uploads is true: what was refused or cancelled never enters, not even when the server is killed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{
    IMAGES, INGEST, Photos, Running, World, has_ended, images, job_of, paint, picture, wait,
};
use vizsla_server::{Server, ServerConfig};

/// Names the folder of a server that is a process of its own.
const ELSEWHERE: &str = "VIZSLA_TEST_SERVE";

fn send(server: &Running, pictures: &[Vec<u8>]) -> support::Reply {
    let fields: Vec<_> = pictures
        .iter()
        .map(|picture| ("file", Some("sent.png"), picture.as_slice()))
        .collect();
    server.form(INGEST, &fields)
}

fn encoded(seeds: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    seeds
        .map(|seed| picture(seed).encode_png().unwrap())
        .collect()
}

/// Files that lie somewhere below a folder, the locks of folders left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs_err::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with(".vizsla-scratch") {
            found.push(path);
        }
    }
    found
}

#[test]
fn what_was_refused_or_cancelled_never_enters() {
    let world = World::new();
    paint(&world.root, 100..200);
    let server = world.serve();
    let sent = encoded(1000..1048);
    let first = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    wait(&server, &first, |view| view["state"] == "running");
    let replies: Vec<support::Reply> = std::thread::scope(|scope| {
        let ask = |picture: &Vec<u8>| {
            let picture = vec![picture.clone()];
            let server = &server;
            scope.spawn(move || send(server, &picture))
        };
        let asked: Vec<_> = sent.iter().map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (accepted, refused): (Vec<_>, Vec<_>) =
        replies.iter().partition(|reply| reply.status == 202);
    for reply in &refused {
        reply.problem(503);
    }
    assert!(!refused.is_empty() && accepted.len() > 10);
    let jobs: Vec<String> = accepted.into_iter().map(job_of).collect();
    for job in jobs.iter().skip(1).step_by(2) {
        server.delete(&format!("/v1/jobs/{job}"), &[]);
    }
    let ends: Vec<_> = jobs
        .iter()
        .map(|job| wait(&server, job, has_ended))
        .collect();
    let done = ends.iter().filter(|view| view["state"] == "done").count() as u64;
    let cancelled = ends.len() as u64 - done;
    assert!(
        done > 0 && cancelled > 0,
        "{done} done, {cancelled} cancelled"
    );
    // Another upload brings its own picture and no other.
    let last = job_of(&send(&server, &encoded(1100..1101)));
    let view = wait(&server, &last, has_ended);
    assert_eq!(view["report"]["seen"], 1, "{view}");
    wait(&server, &first, has_ended);
    assert_eq!(images(&server), IMAGES + 100 + done + 1);
    // Nothing lies about that is not in the collection.
    assert_eq!(files(&world.uploads).len() as u64, done + 1);
    drop(server);
    assert_eq!(fs_err::read_dir(&world.uploads).unwrap().count(), 1);
}

#[test]
fn an_upload_that_is_stopped_keeps_what_it_took_in_and_nothing_else() {
    let world = World::new();
    let server = world.serve();
    let job = job_of(&send(&server, &encoded(300..340)));
    wait(&server, &job, |view| view["done"].as_u64() >= Some(3));
    server.delete(&format!("/v1/jobs/{job}"), &[]);
    let view = wait(&server, &job, has_ended);
    let added = view["report"]["added"].as_u64().unwrap();
    assert_eq!(images(&server), IMAGES + added, "{view}");
    assert_eq!(files(&world.uploads).len() as u64, added, "{view}");
}

/// Serves the folder that the environment names until it is killed; without one, this is no test.
#[test]
fn a_server_of_its_own_process() {
    let Some(folder) = std::env::var_os(ELSEWHERE).map(PathBuf::from) else {
        return;
    };
    let mut config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ingest_root: vec![folder.join("more")],
        upload_dir: Some(folder.join("uploads")),
        ..ServerConfig::default()
    };
    let collection = folder.join("photos.vizsla");
    config.add_collection(collection.to_str().unwrap()).unwrap();
    let server = Server::bind(config).unwrap();
    let told = folder.join("address.part");
    fs_err::write(&told, server.address().to_string()).unwrap();
    fs_err::rename(told, folder.join("address")).unwrap();
    server.run_until_interrupted().unwrap();
}

/// A server that can be killed.
struct Elsewhere {
    process: Child,
    client: Running,
}

impl Elsewhere {
    fn start(photos: &Photos) -> Self {
        let folder = photos.dir.path();
        let told = folder.join("address");
        let _ = fs_err::remove_file(&told);
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_server_of_its_own_process", "--nocapture"])
            .env(ELSEWHERE, folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !told.exists() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(10));
        }
        let address = fs_err::read_to_string(told).unwrap();
        Self {
            process,
            client: Running::elsewhere(address.parse().unwrap()),
        }
    }

    fn kill(&mut self) {
        // SIGKILL: nothing is cleared up.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_waited_when_the_server_was_killed_never_enters() {
    let world = World::new();
    paint(&world.root, 400..460);
    let mut server = Elsewhere::start(&world.photos);
    let first = job_of(&server.client.post_json(INGEST, &json!({"folder": ""})));
    wait(&server.client, &first, |view| view["state"] == "running");
    for seed in [500, 501] {
        let waiting = send(&server.client, &encoded(seed..seed + 1)).json();
        assert_eq!(waiting["state"], "queued", "{waiting}");
    }
    assert_eq!(files(&world.uploads).len(), 2);
    server.kill();
    assert_eq!(files(&world.uploads).len(), 2, "nobody cleared up");

    let server = world.serve();
    assert_eq!(files(&world.uploads).len(), 0);
    let before = images(&server);
    let job = job_of(&send(&server, &encoded(502..503)));
    let view = wait(&server, &job, has_ended);
    assert_eq!(view["report"]["added"], 1, "{view}");
    assert_eq!(images(&server), before + 1);
}

#[test]
fn what_was_being_taken_in_when_the_server_was_killed_is_whole_or_gone() {
    let world = World::new();
    let mut server = Elsewhere::start(&world.photos);
    let job = job_of(&send(&server.client, &encoded(600..640)));
    wait(&server.client, &job, |view| {
        view["done"].as_u64() >= Some(3)
    });
    server.kill();
    assert_eq!(files(&world.uploads.join("photos")).len(), 40);
    let server = world.serve();
    let taken = images(&server) - IMAGES;
    assert_eq!(files(&world.uploads).len() as u64, taken);
}
