//! The verb `serve`: it says where it listens, answers there, and ends when it is told to.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use workbench::Workbench;

/// Asks with a fresh connection, and gives the whole answer.
fn ask(address: &str, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[cfg(unix)]
#[test]
fn a_served_collection_answers_until_the_server_is_told_to_end() {
    let bench = Workbench::with_photos(3);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let settings = "listen = \"127.0.0.1:0\"\nqueue = 3\n[collections]\nshop = \"p.vizsla\"\n";
    bench.write("serve.toml", settings.as_bytes());
    let mut server = bench
        .command(&["serve", "p.vizsla", "--config", "serve.toml"])
        .env("VIZSLA_READ_TOKEN", "read-read-read-read")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut said = String::new();
    BufReader::new(server.stdout.take().expect("its output"))
        .read_line(&mut said)
        .expect("a line");
    let address = said
        .strip_prefix("serving http://")
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_else(|| panic!("{said}"));
    let collections = ask(address, "/v1/collections", "read-read-read-read");
    assert!(collections.starts_with("HTTP/1.1 200"), "{collections}");
    for name in ["\"name\":\"p\"", "\"name\":\"shop\""] {
        assert!(collections.contains(name), "{collections}");
    }
    assert!(ask(address, "/v1/collections", "other").starts_with("HTTP/1.1 401"));
    let ended = std::process::Command::new("kill")
        .arg(server.id().to_string())
        .status()
        .expect("kill");
    assert!(ended.success());
    assert!(server.wait().expect("an end").success());
}

#[test]
fn settings_that_cannot_be_served_are_refused() {
    let bench = Workbench::with_photos(1);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    for (arguments, reason) in [
        (&["serve", "none.vizsla"][..], "there is no collection here"),
        (
            &["serve", "p.vizsla", "--listen", "0.0.0.0:0"],
            "--token-file",
        ),
        (&["serve", "p.vizsla", "other/p.vizsla"], "`p`"),
        (&["serve", "p.vizsla", "--time-limit", "0"], "1 to 3600"),
        (&["serve", "p.vizsla", "--config", "none.toml"], "none.toml"),
        (&["serve", "p.vizsla", "--cors", "shop"], "`shop`"),
        (&["serve"], "COLLECTION"),
    ] {
        let run = bench.run(arguments);
        assert_ne!(run.code, Some(0), "{arguments:?}");
        assert!(run.stderr.contains(reason), "{arguments:?}: {}", run.stderr);
    }
}
