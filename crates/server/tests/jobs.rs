//! Taking pictures in while searches go on: folders, uploads, progress, cancelling, taking out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use support::{
    IMAGES, INGEST, Running, World, has_ended, id_of, images, job_of, names, paint, picture, wait,
};
use vizsla_server::Secret;

/// The events of a job until its stream ends: name and data.
fn events(server: &Running, job: &str) -> Vec<(String, Value)> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let request = format!(
        "GET /v1/jobs/{job}/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: 12\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut events = Vec::new();
    let mut name = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((name.clone(), serde_json::from_str(data).unwrap()));
        }
    }
    events
}

#[test]
fn a_folder_is_taken_in_with_progress_and_what_was_skipped() {
    let world = World::new();
    let folder = world.root.join("holiday");
    paint(&folder, 100..106);
    fs_err::write(folder.join("broken.jpg"), b"no picture").unwrap();
    let server = world.serve();
    let job = job_of(&server.post_json(INGEST, &json!({"folder": "holiday"})));
    let events = events(&server, &job);
    let (last, view) = events.last().unwrap();
    assert_eq!((last.as_str(), &view["state"]), ("end", &json!("done")));
    assert!(events.iter().any(|(name, _)| name == "progress"));
    let report = &view["report"];
    assert_eq!(
        (&report["added"], &report["seen"], &report["skipped_count"]),
        (&json!(6), &json!(7), &json!(1)),
        "{view}"
    );
    assert_eq!(report["skipped"][0]["path"], "holiday/broken.jpg");
    let told = server.get(&format!("/v1/jobs/{job}"));
    assert!(!names(&told, world.photos.dir.path()), "{}", told.text());
    assert_eq!(images(&server), IMAGES + 6);
    let seen = server.search(json!({"parts": [{"image": id_of(&server, "103.png")}]}));
    assert_eq!(seen.good()["hits"][0]["name"], "103.png");

    // Once more: nothing new, and one file less.
    fs_err::remove_file(folder.join("100.png")).unwrap();
    let job = job_of(&server.post_json(INGEST, &json!({"folder": folder})));
    let view = wait(&server, &job, has_ended);
    assert_eq!(view["report"]["gone"], 1, "{view}");
    assert_eq!(images(&server), IMAGES + 5);
    let all = server.get("/v1/jobs").good();
    assert_eq!(all["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(all["jobs"][0]["job"], job);
}

#[test]
fn folders_outside_of_the_roots_are_refused() {
    let world = World::new();
    let server = world.serve();
    let inside = world.photos.folder();
    for folder in ["..", "a/../../in", "/etc", inside.to_str().unwrap()] {
        let refused = server.post_json(INGEST, &json!({"folder": folder}));
        refused.problem(403);
        assert!(!names(&refused, &inside));
    }
    server
        .post_json(INGEST, &json!({"folder": "nothing"}))
        .problem(404);
    server
        .post_json(INGEST, &json!({"place": "x"}))
        .problem(422);
    server.post(INGEST, "text/plain", b"x").problem(415);
    server
        .post_json("/v1/collections/other/ingest", &json!({"folder": ""}))
        .problem(404);
    server.get("/v1/jobs/1").problem(404);
    server.get("/v1/jobs/x/events").problem(404);
    let plain = world.photos.serve();
    plain.post_json(INGEST, &json!({"folder": ""})).problem(403);
    plain
        .form(INGEST, &[("file", Some("a.png"), b"x")])
        .problem(403);
}

#[test]
fn only_the_token_for_writing_writes() {
    let world = World::new();
    let mut config = world.config();
    config.token = Some(Secret::new("write-write-write-write").unwrap());
    config.read_token = Some(Secret::new("read-read-read-read-read").unwrap());
    let server = Running::start(config);
    let bearer = |token: &str| format!("Bearer {token}");
    for (token, status) in [
        ("read-read-read-read-read", 403),
        ("wrong-wrong-wrong-wrong", 401),
    ] {
        let token = bearer(token);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
        ];
        server
            .post_with(INGEST, &headers, b"{\"folder\":\"\"}")
            .problem(status);
        for path in ["/v1/collections/photos/images/1", "/v1/jobs/1"] {
            server.delete(path, &headers[..1]).problem(status);
        }
    }
    server
        .delete("/v1/collections/photos/images/1", &[])
        .problem(401);
    let token = bearer("write-write-write-write");
    let headers = [("authorization", token.as_str())];
    let gone = server.delete("/v1/collections/photos/images/1", &headers);
    assert_eq!(gone.status, 204, "{}", gone.text());
}

#[test]
fn searches_go_on_beside_an_ingest_and_the_next_one_waits() {
    let world = World::new();
    paint(&world.root, 200..230);
    let server = world.serve();
    let image = id_of(&server, "002.png");
    let first = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    let second = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    wait(&server, &first, |view| view["done"].as_u64() >= Some(2));
    let view = server.get(&format!("/v1/jobs/{second}")).good();
    assert_eq!(view["state"], "queued", "{view}");
    server
        .delete("/v1/collections/photos/images/1", &[])
        .problem(409);
    let mut searches = 0;
    while !has_ended(&server.get(&format!("/v1/jobs/{first}")).good()) {
        let found = server.search(json!({"parts": [{"image": image}]})).good();
        assert_eq!(found["hits"][0]["image"], image);
        searches += 1;
    }
    assert!(searches > 2, "{searches}");
    let view = wait(&server, &second, has_ended);
    assert_eq!(
        (&view["state"], &view["report"]["unchanged"]),
        (&json!("done"), &json!(30))
    );
    assert_eq!(images(&server), IMAGES + 30);
}

#[test]
fn an_ingest_that_was_cancelled_goes_on_later() {
    let world = World::new();
    paint(&world.root, 300..340);
    let server = world.serve();
    let job = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    // A client that listens for a while and leaves harms nobody.
    let mut listener = TcpStream::connect(server.address).unwrap();
    let request = format!("GET /v1/jobs/{job}/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    listener.write_all(request.as_bytes()).unwrap();
    wait(&server, &job, |view| view["done"].as_u64() >= Some(3));
    drop(listener);
    let asked = server.delete(&format!("/v1/jobs/{job}"), &[]);
    assert_eq!(asked.status, 202, "{}", asked.text());
    let view = wait(&server, &job, has_ended);
    assert_eq!(view["state"], "cancelled", "{view}");
    assert_eq!(view["report"]["interrupted"], true);
    let added = view["report"]["added"].as_u64().unwrap();
    assert!((1..40).contains(&added), "{view}");
    assert_eq!(images(&server), IMAGES + added);
    let job = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    let view = wait(&server, &job, has_ended);
    assert_eq!(view["report"]["added"], 40 - added, "{view}");
    // One that has ended stays as it is.
    server.delete(&format!("/v1/jobs/{job}"), &[]);
    assert_eq!(
        server.get(&format!("/v1/jobs/{job}")).good()["state"],
        "done"
    );
}

#[test]
fn pictures_are_uploaded_into_a_collection_and_taken_out_again() {
    let world = World::new();
    let server = world.serve();
    let (one, two) = (
        picture(400).encode_png().unwrap(),
        picture(401).encode_jpeg(95).unwrap(),
    );
    let job = job_of(&server.form(
        INGEST,
        &[
            ("file", Some("../../one.png"), &one),
            ("file", Some("no ending"), &two),
            ("file", Some("text.png"), b"no picture"),
        ],
    ));
    let view = wait(&server, &job, has_ended);
    let report = &view["report"];
    assert_eq!(
        (&report["added"], &report["skipped_count"]),
        (&json!(2), &json!(1)),
        "{view}"
    );
    let skipped = report["skipped"][0]["path"].as_str().unwrap();
    assert!(
        skipped.ends_with("-text.png") && !skipped.contains('/'),
        "{skipped}"
    );
    let kept = || {
        let folder = fs_err::read_dir(world.uploads.join("photos")).unwrap();
        let mut names: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.split_once('-').unwrap().1.to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(kept(), ["no ending.jpg", "one.png"]);
    let listed = server.get("/v1/collections/photos/images?limit=200").good();
    let mine = listed["images"].as_array().unwrap().iter();
    let id = mine
        .filter(|image| image["name"].as_str().unwrap().ends_with("-one.png"))
        .map(|image| image["image"].as_i64().unwrap())
        .next()
        .unwrap();
    let place = format!("/v1/collections/photos/images/{id}");
    assert_eq!(server.delete(&place, &[]).status, 204);
    server.get(&place).problem(404);
    server.delete(&place, &[]).problem(404);
    assert_eq!(kept(), ["no ending.jpg"], "it would come back otherwise");
    let first = id_of(&server, "000.png");
    assert_eq!(
        server
            .delete(&format!("/v1/collections/photos/images/{first}"), &[])
            .status,
        204
    );
    assert!(world.photos.folder().join("000.png").is_file());
    let found =
        server.search(json!({"parts": [{"image": id_of(&server, "001.png")}], "limit": 200}));
    let ids = found.good();
    let ids = ids["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["image"]);
    assert!(ids.clone().count() > 0 && ids.clone().all(|image| *image != first && *image != id));
    server.form(INGEST, &[("other", None, b"x")]).problem(422);
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_an_ingest_out_of_its_root() {
    let world = World::new();
    let secret = world.photos.dir.path().join("secret");
    paint(&secret, 500..502);
    paint(&world.root, 510..511);
    fs_err::os::unix::fs::symlink(&secret, world.root.join("link")).unwrap();
    let server = world.serve();
    server
        .post_json(INGEST, &json!({"folder": "link"}))
        .problem(403);
    let job = job_of(&server.post_json(INGEST, &json!({"folder": ""})));
    let view = wait(&server, &job, has_ended);
    assert_eq!(view["report"]["added"], 1, "{view}");
    let skipped = &view["report"]["skipped"][0];
    assert_eq!(skipped["path"], "link", "{view}");
    assert!(skipped["reason"].as_str().unwrap().contains("leads out"));
}
