//! One question that asks too much, and one file that is damaged, are nobody else's trouble.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{IMAGES, Photos, Running, id_of, names};
use vizsla_retrieval::{Collection, IngestOptions, Silent};

/// No machine is so slow.
const HANG: Duration = Duration::from_secs(120);

fn joined(count: usize, join: &str, test: impl Fn(usize) -> String) -> String {
    (0..count).map(test).collect::<Vec<_>>().join(join)
}

fn running(server: &Running) -> f64 {
    let text = server.get("/metrics").text();
    let line = text
        .lines()
        .find(|line| line.starts_with("vizsla_work_running "));
    line.and_then(|line| line.rsplit(' ').next())
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_thousand_tests_are_answered_by_every_route_that_takes_a_condition() {
    let photos = Photos::new();
    let server = photos.serve();
    let id = id_of(&server, "006.png");
    for (condition, images) in [
        (
            joined(1_000, " and ", |n| format!("colour != '{n}'")),
            IMAGES,
        ),
        (
            joined(1_000, " or ", |n| format!("not (price != {})", n * 10)),
            IMAGES,
        ),
        (
            joined(900, " and ", |n| format!("caption not like '%{n}%{n}%'")),
            IMAGES,
        ),
        (
            format!("{}colour = 'red'", "not ".repeat(99)),
            IMAGES - IMAGES / 4,
        ),
    ] {
        let question = json!({"parts": [{"image": id}], "where": condition});
        let answer = server.search(question).good();
        assert!(answer["total"].as_u64().unwrap() <= images);
        let filtered = answer["stages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|stage| stage["stage"] == "filter");
        assert_eq!(filtered.unwrap()["out"], images, "{condition:.60}");
        let written: String = condition
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        if written.len() < 8_000 {
            let list = server
                .get(&format!("/v1/collections/photos/images?where={written}"))
                .good();
            assert_eq!(list["total"], images);
            server
                .get(&format!("/v1/collections/photos/facets?where={written}"))
                .good();
        }
    }
    for condition in [
        joined(1_001, " or ", |_| "id = 1".into()),
        format!("{}id = 1{}", "(".repeat(120), ")".repeat(120)),
        format!("path like '{}'", "%a".repeat(600)),
    ] {
        let question = json!({"parts": [{"image": id}], "where": condition});
        server.search(question).problem(422);
    }
}

#[test]
fn a_question_that_takes_too_long_ends_with_its_time_and_keeps_nobody_waiting() {
    let photos = Photos::new();
    let folder = photos.folder();
    let mut said = "file,caption\n".to_owned();
    for n in 0..20_000 {
        said.push_str(&format!("000.png,{n} {}\n", "ab".repeat(150)));
    }
    let list = photos.dir.path().join("long.csv");
    fs_err::write(&list, said).unwrap();
    let mut collection = Collection::open(photos.collection()).unwrap();
    collection.import_captions(&list, &[folder]).unwrap();
    let mut config = photos.config();
    (config.time_limit, config.workers) = (1, 2);
    let server = Running::start(config);
    let id = id_of(&server, "006.png");
    // Uninterrupted this takes minutes.
    let hostile = joined(1_000, " and ", |n| {
        format!("caption not like '%a%b%a%b%a%b%a%b%{n} c%'")
    });
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let question = json!({"parts": [{"image": id}], "where": hostile});
        let asked = scope.spawn(|| server.search(question).problem(504));
        while running(&server) == 0.0 && !asked.is_finished() {
            std::thread::yield_now();
        }
        for _ in 0..3 {
            server
                .search(json!({"parts": [{"image": id}], "verify": false}))
                .good();
            server
                .get("/v1/collections/photos/images?where=price%20%3E%2010")
                .good();
        }
        let problem = asked.join().unwrap();
        assert!(problem["type"].as_str().unwrap().ends_with(":time-limit"));
    });
    while running(&server) > 0.0 {
        assert!(
            begun.elapsed() < HANG,
            "the work goes on without anybody who waits for it"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[cfg(unix)]
fn a_segment_that_is_cut_short_is_told_and_the_server_goes_on() {
    let photos = Photos::new();
    let other = photos.dir.path().join("other.vizsla");
    Collection::builder(&other)
        .create()
        .unwrap()
        .ingest(&[photos.folder()], &IngestOptions::default(), &Silent)
        .unwrap();
    let mut config = photos.config();
    config.add_collection(other.to_str().unwrap()).unwrap();
    let server = Running::start(config);
    let question = json!({"parts": [{"image": id_of(&server, "006.png")}]});
    let elsewhere = || {
        server
            .post_json("/v1/collections/other/search", &question)
            .good()
    };
    let segments = photos.collection().join("segments");
    for cut in [2, 0] {
        assert_eq!(
            server.search(question.clone()).good()["hits"][0]["name"],
            "006.png"
        );
        let whole = elsewhere();
        let mut files = Vec::new();
        for entry in fs_err::read_dir(&segments).unwrap() {
            let path = entry.unwrap().path();
            let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
            let length = file.metadata().unwrap().len();
            file.set_len(length.checked_div(cut).unwrap_or(0)).unwrap();
            files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        for _ in 0..3 {
            let reply = server.search(question.clone());
            assert!(!names(&reply, photos.dir.path()), "{}", reply.text());
            let problem = reply.problem(503);
            let detail = problem["detail"].as_str().unwrap();
            assert!(
                detail.contains("make the index again from the catalog"),
                "{detail}"
            );
            assert!(
                files.iter().any(|name| detail.ends_with(name.as_str())),
                "{detail}"
            );
        }
        assert_eq!(elsewhere()["hits"], whole["hits"]);
        assert_eq!(
            server.get("/v1/collections/photos/images").good()["total"],
            IMAGES
        );
        let mut collection = Collection::open(photos.collection()).unwrap();
        assert!(!collection.verify(&Silent).unwrap().problems.is_empty());
        collection.optimize(true, &Silent).unwrap();
    }
    assert_eq!(
        server.search(question.clone()).good()["hits"][0]["name"],
        "006.png"
    );
}
