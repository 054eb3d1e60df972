//! What happens around a server: it stops, its collections are replaced, its clients are slow, greedy or gone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{IMAGES, Photos, Running, id_of, paint, picture, view};
use vizsla_retrieval::{Collection, IngestOptions, Silent};

/// Sends bytes as they are and reads what comes back until the server closes.
fn raw(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The value of a line of the figures.
fn figure(server: &Running, start: &str) -> f64 {
    let text = server.get("/metrics").text();
    let line = text.lines().find(|line| line.starts_with(start));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or(0.0)
}

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_that_stops_leaves_an_ingest_to_the_next_one() {
    let photos = Photos::new();
    let root = photos.dir.path().join("more");
    paint(&root, 100..140);
    let mut config = photos.config();
    config.ingest_root = vec![root];
    let ingest = |server: &Running| {
        let reply = server.post_json("/v1/collections/photos/ingest", &json!({"folder": ""}));
        format!("/v1/jobs/{}", reply.json()["job"].as_str().unwrap())
    };
    let server = Running::start(config.clone());
    let job = ingest(&server);
    wait_for("a first picture", || {
        server.get(&job).good()["done"].as_u64() >= Some(2)
    });
    let begun = Instant::now();
    drop(server);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );

    let collection = Collection::open(photos.collection()).unwrap();
    let found = collection.verify(&Silent).unwrap();
    assert!(found.problems.is_empty(), "{found:?}");
    let before = collection.info().unwrap().images;
    assert!((IMAGES..IMAGES + 40).contains(&before), "{before}");

    let server = Running::start(config);
    let job = ingest(&server);
    wait_for("the end", || {
        !["queued", "running"].contains(&server.get(&job).good()["state"].as_str().unwrap())
    });
    let view = server.get(&job).good();
    assert_eq!(view["report"]["added"], IMAGES + 40 - before, "{view}");
}

#[test]
fn a_collection_that_is_replaced_is_opened_anew() {
    let photos = Photos::new();
    let server = photos.serve();
    let other = photos.dir.path().join("other.vizsla");
    let folder = photos.dir.path().join("others");
    paint(&folder, 50..53);
    Collection::builder(&other)
        .create()
        .unwrap()
        .ingest(&[folder], &IngestOptions::default(), &Silent)
        .unwrap();
    let images = || server.get("/v1/collections/photos").good()["images"].clone();
    assert_eq!(images(), IMAGES);

    // Somebody asks all the time, and never gets anything but an answer or a refusal that says when to come back.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let reply = server.search(json!({"parts": [{"image": 2}]}));
                if reply.status == 503 {
                    assert!(!reply.header("retry-after").is_empty());
                }
                statuses.push(reply.status);
            }
            statuses
        });
        let place = photos.collection();
        let away = photos.dir.path().join("away");
        for _ in 0..5 {
            fs_err::rename(&place, &away).unwrap();
            std::thread::sleep(Duration::from_millis(30));
            fs_err::rename(&other, &place).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            assert_eq!(images(), 3);
            fs_err::rename(&place, &other).unwrap();
            fs_err::rename(&away, &place).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            assert_eq!(images(), IMAGES);
        }
        done.store(true, Ordering::SeqCst);
        let statuses = asking.join().unwrap();
        assert!(
            statuses.iter().all(|status| [200, 503].contains(status)),
            "{statuses:?}"
        );
        assert!(statuses.contains(&200));
    });

    fs_err::remove_dir_all(photos.collection()).unwrap();
    let gone = server.get("/v1/collections/photos");
    let problem = gone.problem(503);
    assert!(
        problem["type"]
            .as_str()
            .unwrap()
            .ends_with(":collection-unavailable")
    );
    assert_eq!(gone.header("retry-after"), "5");
    server.search(json!({"parts": [{"image": 2}]})).problem(503);
    let list = server.get("/v1/collections").good();
    let missing = &list["collections"][0];
    assert_eq!(
        (&missing["name"], &missing["images"]),
        (&json!("photos"), &json!(0))
    );
    assert!(
        missing["problem"]
            .as_str()
            .unwrap()
            .contains("not where it was"),
        "{list}"
    );
    assert_eq!(server.get("/ready").status, 503);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(figure(&server, "vizsla_collection_up"), 0.0);
    fs_err::rename(&other, photos.collection()).unwrap();
    assert_eq!(images(), 3);
    assert_eq!(server.get("/ready").good()["ready"], true);
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let photos = Photos::new();
    let server = photos.serve();
    for (method, path) in [
        ("POST", "/v1/uploads"),
        ("POST", "/v1/collections/photos/search"),
        ("POST", "/v1/collections/photos/ingest"),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 2147483648\r\n\r\nx"
        );
        let answer = raw(&server, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_that_does_not_say_its_length_ends_at_the_limit() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.max_body = 1;
    let server = Running::start(config);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head = "POST /v1/uploads HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[7; 65536], b"\r\n"].concat();
    // The server stops reading, so that writing fails sooner or later.
    let sent = (0..1024)
        .take_while(|_| stream.write_all(&chunk).is_ok())
        .count();
    assert!(sent < 1024, "{sent} chunks of 64 KiB were taken");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_that_comes_drop_by_drop_is_cut_off() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.time_limit = 1;
    let server = Running::start(config);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head = "POST /v1/uploads HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let timeout = Some(Duration::from_millis(100));
    stream.set_read_timeout(timeout).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while begun.elapsed() < Duration::from_secs(20) {
        let _ = stream.write_all(b"x");
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(_) if !answer.is_empty() => break,
            Err(_) => {}
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn methods_that_nobody_knows_are_refused_and_do_no_harm() {
    let photos = Photos::new();
    let server = photos.serve();
    for method in ["BREW", "TRACE", "CONNECT", "PROPFIND", "get", "X-Y"] {
        for path in ["/", "/v1/collections", "/nothing"] {
            let head =
                format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let answer = raw(&server, head.as_bytes());
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(
                ["400", "404", "405"].contains(&status),
                "{method} {path}: {answer}"
            );
        }
    }
    for odd in [
        "BREW",
        "\r\n\r\n",
        "\0\0\0\0",
        "\x16\x03\x01",
        "GET",
        "PRI * HTTP/2.0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(odd.as_bytes()).unwrap();
        assert_eq!(server.get("/health").status, 200);
    }
    let text = server.get("/metrics").text();
    assert!(text.contains("method=\"other\"") && !text.contains("BREW"));
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.time_limit = 1;
    let server = Running::start(config);
    // Returns when the server closes the connection, or never.
    let answer = raw(&server, b"GET /health HTTP/1.1\r\nhost: loc");
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_client_that_leaves_stops_its_search() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.workers = 1;
    let server = Running::start(config);
    // A large picture full of things keeps the worker busy for a while.
    let mut large = vizsla_pixels::Rgb::filled(1800, 1400, [90; 3]).unwrap();
    for n in 0..25 {
        large.paste(
            &picture(600 + n),
            (n as i64 % 5) * 360,
            (n as i64 / 5) * 280,
        );
    }
    let upload = server.post("/v1/uploads", "image/png", &large.encode_png().unwrap());
    let upload = upload.json()["upload"].as_str().unwrap().to_owned();
    let body = json!({"parts": [{"upload": upload}]}).to_string();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let request = format!(
            "POST /v1/collections/photos/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        drop(stream);
    }
    let gone = "vizsla_http_requests_total{route=\"/v1/collections/{collection}/search\",method=\"POST\",status=\"gone\"}";
    wait_for("the clients to be missed", || figure(&server, gone) >= 1.0);
    wait_for("the worker to be free", || {
        figure(&server, "vizsla_work_running") == 0.0
    });
    let found = server.search(json!({"parts": [{"upload": upload}]}));
    assert_eq!(found.status, 200, "{}", found.text());
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let photos = Photos::new();
    let mut config = photos.config();
    (config.workers, config.queue) = (1, 1);
    let server = Running::start(config);
    let picture = view(3);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |_| {
            scope.spawn(|| {
                let reply = server.post("/v1/uploads", "image/png", &picture);
                if reply.status == 503 {
                    assert_eq!(reply.header("retry-after"), "1");
                }
                reply.status
            })
        };
        let asked: Vec<_> = (0..24).map(ask).collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    assert!(
        statuses.iter().all(|status| [201, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&201));
    assert_eq!(figure(&server, "vizsla_work_waiting"), 0.0);
}

#[test]
fn figures_tell_what_happened() {
    let photos = Photos::new();
    let server = photos.serve();
    assert_eq!(server.get("/ready").good()["readable"], 1);
    let ready: Value = server.get("/health").good();
    assert_eq!(ready["status"], "ok");
    server
        .search(json!({"parts": [{"image": id_of(&server, "001.png")}]}))
        .good();
    server.get("/v1/collections/none").problem(404);
    let metrics = server.get("/metrics");
    assert!(
        metrics
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let text = metrics.text();
    for start in [
        "vizsla_http_requests_total{route=\"/v1/collections/{collection}/search\",method=\"POST\",status=\"200\"} 1",
        "vizsla_http_requests_total{route=\"/v1/collections/{collection}\",method=\"GET\",status=\"404\"} 1",
        "vizsla_http_request_seconds_bucket{route=\"/v1/collections/{collection}/search\",le=\"+Inf\"} 1",
        "vizsla_search_stage_seconds_count{stage=\"verify\"} 1",
        "vizsla_work_running 0",
        "vizsla_collection_images{collection=\"photos\"} 8",
        "vizsla_collection_up{collection=\"photos\"} 1",
    ] {
        assert!(text.lines().any(|line| line == start), "{start}\n{text}");
    }
    // Every line is one of the format.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(
            name.starts_with("vizsla_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
}
