//! What a picture may ask for, wherever it comes from.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Photos, Running, view};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{Collection, IngestOptions, Silent};

/// A few bytes that are a WebP of one colour, of any size.
fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut picture = vec![0x2F];
    picture.extend(((width - 1) | (height - 1) << 14).to_le_bytes());
    // No transforms, no cache, and five codes of one symbol each.
    picture.extend([0x88, 0x88, 0x08, 0]);
    let length = (picture.len() as u32).to_le_bytes();
    let body = [b"VP8L", &length[..], &picture].concat();
    let length = (body.len() as u32 + 4).to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &body].concat()
}

#[test]
fn the_largest_picture_is_the_same_for_all() {
    let photos = Photos::new();
    // Indexed when more was allowed: 1.1 megapixels.
    let folder = photos.folder();
    let mut wide = Rgb::filled(1100, 1000, [9; 3]).unwrap();
    wide.fill_rectangle(100, 100, 300, 300, [250, 200, 10]);
    wide.save_png(&folder.join("wide.png")).unwrap();
    let mut collection = Collection::open(photos.collection()).unwrap();
    let sources = std::slice::from_ref(&folder);
    collection
        .ingest(sources, &IngestOptions::default(), &Silent)
        .unwrap();
    drop(collection);
    let mut config = photos.config();
    config.max_pixels = 1;
    config.ingest_root = vec![folder.clone()];
    let server = Running::start(config);
    let list = server.get("/v1/collections/photos/images?limit=200").good();
    let images = list["images"].as_array().unwrap();
    let of = |name: &str| {
        let found = images.iter().find(|image| image["name"] == name);
        found.unwrap()["image"].as_i64().unwrap()
    };
    let (wide, small) = (of("wide.png"), of("001.png"));
    let thumbnail =
        |image: i64| server.get(&format!("/v1/collections/photos/images/{image}/thumbnail"));
    assert_eq!(thumbnail(small).status, 200);
    let problem = thumbnail(wide).problem(413);
    assert!(
        problem["detail"].as_str().unwrap().contains("1000000"),
        "{problem}"
    );

    let upload = server.post("/v1/uploads", "image/png", &view(3)).json()["upload"].clone();
    let explained = |part: serde_json::Value, image: i64| {
        let asked = json!({"part": part, "image": image, "kind": "matches"});
        let headers = [
            ("content-type", "application/json"),
            ("accept", "image/png"),
        ];
        let path = "/v1/collections/photos/explain";
        server
            .post_with(path, &headers, asked.to_string().as_bytes())
            .status
    };
    assert_eq!(explained(json!({"upload": upload}), small), 200);
    assert_eq!(explained(json!({"upload": upload}), wide), 413);
    assert_eq!(explained(json!({"image": wide}), small), 413);

    // Ingest takes it for one that is skipped.
    fs_err::write(folder.join("new.webp"), webp(1100, 1001)).unwrap();
    let report = ingested(&server);
    assert_eq!(report["skipped_count"], 1, "{report}");
    let reason = report["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("1000000"), "{reason}");
}

/// The report of a job that brings the collection in step with its folder.
fn ingested(server: &Running) -> serde_json::Value {
    let reply = server.post_json("/v1/collections/photos/ingest", &json!({"folder": ""}));
    assert_eq!(reply.status, 202, "{}", reply.text());
    let job = reply.json()["job"].as_str().unwrap().to_owned();
    loop {
        let view = server.get(&format!("/v1/jobs/{job}")).good();
        if !["queued", "running"].contains(&view["state"].as_str().unwrap()) {
            return view["report"].clone();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Peak of resident memory of this process, bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn hostile_pictures_wait_for_each_other() {
    let photos = Photos::new();
    let mut config = photos.config();
    // One takes about 280 MiB; eight at once would take 2.2 GiB.
    (config.decode_memory, config.max_pixels, config.workers) = (300, 200, 8);
    let server = Running::start(config);
    let hostile = webp(4000, 4000);
    assert!(hostile.len() < 64);
    let before = peak();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let reply = server.post("/v1/uploads", "image/webp", &hostile);
                assert_eq!(reply.status, 201, "{}", reply.text());
            });
        }
    });
    // The other test of this file runs beside it.
    let grown = (peak() - before) >> 20;
    assert!(grown < 300 + 150, "{grown} MiB");
    let problem = server
        .post("/v1/uploads", "image/webp", &webp(12_000, 9_000))
        .problem(413);
    assert!(
        problem["detail"].as_str().unwrap().contains("memory"),
        "{problem}"
    );
}
