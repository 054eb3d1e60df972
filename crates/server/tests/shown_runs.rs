//! Runs of training and evaluation, as their files tell them and without the paths of the disk.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::json;
use support::{Photos, Running, names, picture};

/// A folder of runs: one of training, one that goes on, one of evaluation, and what is none.
fn runs(root: &Path) -> PathBuf {
    let images = root.join("data");
    for name in ["coast/1.png", "coast/2.png", "city/3.png"] {
        let file = images.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        picture(u64::from(name.as_bytes()[6]))
            .save_png(&file)
            .unwrap();
    }
    let runs = root.join("runs");
    let write = |name: &str, text: &str| {
        let file = runs.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let path = |name: &str| images.join(name).display().to_string();
    let result = json!({
        "format": "vizsla-training-run",
        "format_version": 1,
        "name": "triplet",
        "dataset": images,
        "metrics": {"map": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "warnings": [format!("cannot be read: {}", path("city/9.png"))],
        "queries": [{
            "query": path("coast/1.png"),
            "label": "coast",
            "average_precision": 0.5,
            "ranked": [
                {"image": path("city/3.png"), "label": "city", "relevant": false, "score": 0.9},
                {"image": path("coast/2.png"), "label": "coast", "relevant": true, "score": 0.8},
            ],
        }],
    });
    write("triplet/result.json", &result.to_string());
    write(
        "triplet/run.toml",
        &format!(
            "seed = 1\n\n[data]\nimages = {:?}\n",
            images.display().to_string()
        ),
    );
    write("triplet/log.csv", "epoch,loss\n1,0.5\n2,NaN\n");
    write("triplet/validation.csv", "epoch,map\n1,0.4\n");
    write(
        "triplet/report.html",
        "<!doctype html><title>report</title>",
    );
    write("open/run.toml", "seed = 2\n");
    write("open/log.csv", "epoch,loss\n1,0.7\n");
    write("broken/result.json", "{");
    write("notes/readme.txt", "no run");
    let evaluation = json!({
        "format": "vizsla-run",
        "format_version": 1,
        "vizsla": "0.1.0",
        "configuration": {"collection": path("x.vizsla"), "top": 100},
        "report": {
            "dataset": "smvs",
            "queries": 1,
            "gallery": 3,
            "metrics": {"map": 0.75, "recall@1": 1.0},
            "timing": {"index_images_per_s": null, "query_ms_median": 12.0, "query_ms_p99": 20.0},
            "bytes_per_image": null,
            "peak_rss_bytes": null,
            "intervals": {"map": {"low": 0.7, "high": 0.8}},
            "sets": {},
        },
        "queries": [{
            "set": "all",
            "query": "a",
            "relevant": ["b"],
            "ms": 12.0,
            "metrics": {"map": 0.75},
            "ranked": [{"image": "b", "score": 9.0, "matched": true, "log10_nfa": -9.0}],
        }],
    });
    write("smvs.json", &evaluation.to_string());
    write("other.json", "[1, 2]");
    runs
}

fn serve(photos: &Photos) -> Running {
    let mut config = photos.config();
    config.runs = Some(runs(photos.dir.path()));
    Running::start(config)
}

#[test]
fn runs_are_listed_and_shown() {
    let photos = Photos::new();
    let server = serve(&photos);
    let reply = server.get("/v1/runs");
    assert!(!names(&reply, photos.dir.path()), "{}", reply.text());
    let list = reply.good();
    let list = list["runs"].as_array().unwrap();
    let found: Vec<_> = list
        .iter()
        .map(|run| (run["name"].as_str().unwrap(), run["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("open", "training"),
            ("smvs", "evaluation"),
            ("triplet", "training")
        ]
    );
    assert_eq!(list[2]["metrics"]["map"]["low"], 0.4);
    assert_eq!(
        list[1]["metrics"]["map"],
        json!({"value": 0.75, "low": 0.7, "high": 0.8})
    );

    let reply = server.get("/v1/runs/triplet");
    assert!(!names(&reply, photos.dir.path()), "{}", reply.text());
    let run = reply.good();
    assert_eq!(
        run["log"],
        json!([{"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": null}])
    );
    assert_eq!(run["validation"][0]["map"], 0.4);
    assert!(
        run["config"]
            .as_str()
            .unwrap()
            .contains("images = \"data\""),
        "{run}"
    );
    let query = &run["result"]["queries"][0];
    assert_eq!(
        (&query["query"], &query["ranked"][1]["image"]),
        (&json!("coast/1.png"), &json!("coast/2.png"))
    );
    let open = server.get("/v1/runs/open").good();
    assert!(open["result"].is_null() && open["has_report"] == false);
    let smvs = server.get("/v1/runs/smvs").good();
    let query = &smvs["result"]["queries"][0];
    assert_eq!(
        (&query["average_precision"], &query["ranked"][0]["relevant"]),
        (&json!(0.75), &json!(true))
    );
    // A run that goes on is read again.
    let log = photos.dir.path().join("runs/open/log.csv");
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(log, "epoch,loss\n1,0.7\n2,0.6\n").unwrap();
    assert_eq!(
        server.get("/v1/runs/open").good()["log"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn only_pictures_and_reports_of_runs_are_shown() {
    let photos = Photos::new();
    let server = serve(&photos);
    let shown = server.get("/v1/runs/triplet/picture?file=coast/2.png");
    assert_eq!(
        (shown.status, shown.header("content-type")),
        (200, "image/jpeg")
    );
    let size =
        vizsla_pixels::decode_rgb(&shown.bytes, &vizsla_pixels::DecodeOptions::default()).unwrap();
    assert_eq!((size.image.width(), size.image.height()), (360, 280));
    for other in ["city/9.png", "../runs/triplet/run.toml", "/etc/passwd", ""] {
        server
            .get(&format!("/v1/runs/triplet/picture?file={other}"))
            .problem(404);
    }
    server.get("/v1/runs/triplet/picture").problem(400);
    let report = server.get("/v1/runs/triplet/report");
    assert_eq!(report.status, 200);
    assert!(
        report
            .header("content-security-policy")
            .starts_with("sandbox;")
    );
    assert!(report.header("content-type").starts_with("text/html"));
    server.get("/v1/runs/open/report").problem(404);
    server.get("/v1/runs/broken").problem(422);
    for name in ["notes", "none", "..", "%2e%2e%2fdata", "triplet%2f.."] {
        assert_eq!(
            server.get(&format!("/v1/runs/{name}")).status,
            404,
            "{name}"
        );
    }
    photos.serve().get("/v1/runs").problem(404);
}
