//! Files that are swapped for links and pipes: nothing from outside of the roots enters, and nothing of it is served.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_err::os::unix::fs::symlink;
use serde_json::json;
use support::{INGEST, Running, World, has_ended, id_of, job_of, paint, wait};

fn hash(path: &Path) -> String {
    blake3::hash(&fs_err::read(path).unwrap())
        .to_hex()
        .to_string()
}

fn ingest(server: &Running) {
    let job = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    let view = wait(server, &job, has_ended);
    assert_eq!(view["state"], "done", "{view}");
}

fn listed(server: &Running) -> Vec<serde_json::Value> {
    let list = server.get("/v1/collections/photos/images?limit=200").good();
    list["images"].as_array().unwrap().clone()
}

#[test]
fn what_is_swapped_during_an_ingest_stays_outside() {
    const FILES: u64 = 12;
    let world = World::new();
    let secret = world.photos.dir.path().join("secret");
    let away = world.photos.dir.path().join("away");
    paint(&secret, 700..700 + FILES);
    paint(&away, 720..720 + FILES);
    let hidden: BTreeSet<String> = (700..700 + FILES)
        .map(|seed| hash(&secret.join(format!("{seed}.png"))))
        .collect();
    let server = world.serve();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each name is a picture, then a link to a secret one, then a picture, as fast as can be.
            let passing = world.photos.dir.path().join("passing");
            while !done.load(Ordering::SeqCst) {
                for n in 0..FILES {
                    let place = world.root.join(format!("{n}.png"));
                    fs_err::copy(away.join(format!("{}.png", 720 + n)), &passing).unwrap();
                    fs_err::rename(&passing, &place).unwrap();
                    symlink(secret.join(format!("{}.png", 700 + n)), &passing).unwrap();
                    fs_err::rename(&passing, &place).unwrap();
                }
                // A folder that becomes a link to the secret one.
                let folder = world.root.join("folder");
                fs_err::create_dir(&folder).unwrap();
                fs_err::copy(away.join("720.png"), folder.join("700.png")).unwrap();
                fs_err::remove_dir_all(&folder).unwrap();
                symlink(&secret, &folder).unwrap();
                std::thread::yield_now();
                fs_err::remove_file(&folder).unwrap();
            }
        });
        for _ in 0..6 {
            ingest(&server);
            for image in listed(&server) {
                let content = image["content"].as_str().unwrap();
                assert!(!hidden.contains(content), "{image}");
                let file = server.get(image["file"].as_str().unwrap());
                let given = blake3::hash(&file.bytes).to_hex().to_string();
                assert!(file.status != 200 || !hidden.contains(&given), "{image}");
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_became_a_link_or_a_pipe_is_not_served() {
    let world = World::new();
    paint(&world.root, 740..742);
    let server = world.serve();
    ingest(&server);
    let (link, pipe) = (id_of(&server, "740.png"), id_of(&server, "741.png"));
    let at = |id: i64, what: &str| format!("/v1/collections/photos/images/{id}/{what}");
    assert_eq!(server.get(&at(link, "file")).status, 200);
    // The same content, but elsewhere now.
    let away = world.photos.dir.path().join("moved.png");
    fs_err::rename(world.root.join("740.png"), &away).unwrap();
    symlink(&away, world.root.join("740.png")).unwrap();
    let place = world.root.join("741.png");
    fs_err::remove_file(&place).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&place).status();
    assert!(made.unwrap().success());
    for id in [link, pipe] {
        server.get(&at(id, "file")).problem(410);
        server.get(&at(id, "thumbnail")).problem(410);
        let part = json!({"image": id, "region": {"x": 0, "y": 0, "width": 99, "height": 99}});
        server.search(json!({"parts": [part]})).problem(410);
        let why = json!({"part": {"image": 1}, "image": id, "kind": "heat"});
        let heat = server.post_json("/v1/collections/photos/explain", &why);
        assert_eq!(heat.status, 410, "{}", heat.text());
    }
    // A pipe among the files stops no ingest, and what is a link now is left alone.
    ingest(&server);
    assert_eq!(server.get("/health").status, 200);
}
