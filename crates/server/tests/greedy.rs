//! Clients that promise much and send little: others are answered all the same.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Photos, Running, view};
use vizsla_server::Secret;

/// Tests that open many connections take turns: a process may have no more than some thousand files.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that send these bytes and then nothing.
fn silent(server: &Running, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    (0..count).map(open).collect()
}

fn answers(server: &Running) {
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/v1/collections").status, 200);
    let sent = server.post("/v1/uploads", "image/png", &view(3));
    assert_eq!(sent.status, 201, "{}", sent.text());
    let found = server.search(json!({"parts": [{"upload": sent.json()["upload"]}]}));
    assert_eq!(found.status, 200, "{}", found.text());
}

#[test]
fn bodies_that_do_not_come_keep_nobody_out() {
    let _alone = alone();
    let photos = Photos::new();
    let server = photos.serve();
    let mut promised = Vec::new();
    for path in [
        "uploads",
        "collections/photos/search",
        "collections/photos/ingest",
    ] {
        for kind in [
            "image/png",
            "application/json",
            "multipart/form-data; boundary=x",
        ] {
            let head = format!(
                "POST /v1/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: 1000000\r\n\r\nx"
            );
            promised.extend(silent(&server, 32, head.as_bytes()));
        }
    }
    // The largest bodies that there can be: eight of them were once all that there was room for.
    let head = "POST /v1/uploads HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 33554432\r\n\r\nx";
    promised.extend(silent(&server, 32, head.as_bytes()));
    answers(&server);
    drop(promised);
}

#[test]
fn who_signs_in_is_heard_beside_those_who_only_begin_to() {
    let _alone = alone();
    let photos = Photos::new();
    let mut config = photos.config();
    config.token = Some(Secret::new("write-write-write-write").unwrap());
    let server = Running::start(config);
    let head = "POST /v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 16000\r\n\r\n{";
    let begun = silent(&server, 300, head.as_bytes());
    let entered = server.post_json("/v1/session", &json!({"token": "write-write-write-write"}));
    assert_eq!(entered.status, 204, "{}", entered.text());
    let long = json!({"token": "x".repeat(20_000)});
    server.post_json("/v1/session", &long).problem(413);
    drop(begun);
}

#[test]
fn half_a_head_keeps_nobody_from_connecting() {
    let _alone = alone();
    let photos = Photos::new();
    let server = photos.serve();
    // More than one peer has places.
    let mut half = silent(&server, 520, b"GET /health HT");
    answers(&server);
    // Those that have waited for longest gave way.
    let first = &mut half[0];
    first
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut answer = Vec::new();
    let _ = first.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
    drop(half);
}

#[test]
fn a_slow_head_is_told_so_and_cut_off() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.time_limit = 7;
    let server = Running::start(config);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let wait = Some(Duration::from_millis(200));
    stream.set_read_timeout(wait).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nx: ").unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while begun.elapsed() < Duration::from_secs(60) {
        let _ = stream.write_all(b"x");
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(_) => {}
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
