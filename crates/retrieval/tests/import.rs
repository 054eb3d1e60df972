//! Captions, metadata and labels come from files, once, and from the right pictures.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{fill, ingest, open, picture, view};
use vizsla_retrieval::{Collection, Error, Filter, IdentifyOptions, LocateOptions, Query, Silent};

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// A collection of so many pictures under `in`.
    fn with(pictures: u64) -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fill(&bench.path("in"), pictures);
        ingest(&bench.path("c.vizsla"), &bench.path("in"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs_err::write(&path, content).unwrap();
        path
    }

    fn open(&self) -> Collection {
        open(&self.path("c.vizsla"))
    }

    fn chosen(&self, filter: &str) -> Vec<i64> {
        let filter = Filter::parse(filter).unwrap();
        self.open().matching(&filter).unwrap().into_iter().collect()
    }
}

#[test]
fn captions_come_from_a_table_once() {
    let bench = Bench::with(3);
    let list = "image,caption\n000.png,A dog\n000.png,A brown dog\nin/001.png,\"A house, red\"\n9.png,Nobody\n";
    let file = bench.write("captions.csv", list.as_bytes());
    let report = bench.open().import_captions(&file, &[]).unwrap();
    assert_eq!((report.records, report.images), (4, 2));
    assert_eq!((report.added, report.unmatched), (3, 1));
    assert_eq!(report.unmatched_listed[0].path, "9.png");
    let before = bench.open().captions().unwrap();
    assert_eq!(
        before.iter().map(|c| (c.id, c.image)).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (3, 2)]
    );
    let again = bench.open().import_captions(&file, &[]).unwrap();
    assert_eq!((again.added, again.removed, again.unchanged), (0, 0, 3));
    assert_eq!(bench.open().captions().unwrap(), before);
    assert_eq!(bench.chosen("caption contains 'DOG'"), [1]);
    let images = bench.open().list().unwrap();
    assert_eq!(images[0].captions, ["A dog", "A brown dog"]);
    assert_eq!(bench.open().info().unwrap().captions, 3);
    assert!(bench.open().verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn a_file_that_cannot_be_understood_changes_nothing() {
    let bench = Bench::with(1);
    for (name, content, parts) in [
        (
            "latin.csv",
            &b"image,caption\n000.png,A dog\n000.png,Caf\xe9\n"[..],
            ["not UTF-8", "line 3"],
        ),
        (
            "open.csv",
            b"image,caption\n000.png,\"A dog\n",
            ["not closed", "line 2"],
        ),
        (
            "wide.csv",
            b"image,caption\n000.png,A dog\n000.png,A,B\n",
            ["3", "line 3"],
        ),
        (
            "list.json",
            b"[{\"image\": \"000.png\"}]",
            ["one object on each line", "line 1"],
        ),
        (
            "cut.jsonl",
            b"{\"image\": \"000.png\", \"caption\": \"A\"}\n{\"ima",
            ["JSON", "line 2"],
        ),
        ("empty.csv", b" \n", ["empty", "empty.csv"]),
    ] {
        let file = bench.write(name, content);
        let error = bench.open().import_captions(&file, &[]).unwrap_err();
        assert!(matches!(error, Error::Import { .. }), "{error}");
        for part in parts.into_iter().chain([name]) {
            assert!(
                error.to_string().contains(part),
                "{part} is missing in: {error}"
            );
        }
    }
    assert!(bench.open().captions().unwrap().is_empty());
    assert!(
        bench
            .open()
            .import_captions(&bench.path("none.csv"), &[])
            .is_err()
    );
}

#[test]
fn metadata_is_typed_and_filtered() {
    let bench = Bench::with(3);
    let table =
        "image;rating;Label;taken\n000.png;4.5;tower;2024-05-01 10:00:00\n001.png;3;bridge|x;\n";
    let file = bench.write("meta.csv", table.as_bytes());
    bench.open().import_metadata(&file, &[]).unwrap();
    let lines =
        "{\"image\": \"002\", \"labels\": [\"tower\", \"Paris\"], \"gps\": {\"lat\": 48.85}}\n";
    let file = bench.write("meta.jsonl", lines.as_bytes());
    assert_eq!(bench.open().import_metadata(&file, &[]).unwrap().added, 3);
    assert_eq!(bench.chosen("rating > 3"), [1]);
    assert_eq!(bench.chosen("label = 'Tower'"), [1, 3]);
    assert_eq!(
        bench.chosen("label = 'bridge|x' and not label = 'bridge'"),
        [2]
    );
    assert_eq!(bench.chosen("taken = 2024-05-01 and gps.lat is null"), [1]);
    let images = bench.open().list().unwrap();
    assert_eq!(
        images[2].metadata["label"],
        serde_json::json!(["tower", "Paris"])
    );
    assert_eq!(images[0].metadata["rating"], 4.5);
    assert!(bench.open().verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn files_beside_the_pictures_are_read() {
    let bench = Bench::with(4);
    bench.write("in/000.png.txt", "\u{feff}A dog\n\n It runs \n".as_bytes());
    bench.write("in/001.txt", b"A house");
    bench.write("in/002.txt", b"Caf\xe9");
    bench.write("in/000.json", br#"{"label": "pet", "stars": 3}"#);
    bench.write("in/001.png.json", b"{");
    let folder = bench.path("in");
    let report = bench.open().import_captions(&folder, &[]).unwrap();
    assert_eq!((report.records, report.images, report.added), (3, 2, 3));
    assert!(report.unmatched_listed[0].reason.contains("UTF-8"));
    let metadata = bench.open().import_metadata(&folder, &[]).unwrap();
    assert_eq!((metadata.added, metadata.unmatched), (2, 1));
    assert_eq!(bench.chosen("stars = 3 and caption = 'It runs'"), [1]);
    fs_err::remove_file(bench.path("in/001.txt")).unwrap();
    let report = bench.open().import_captions(&folder, &[]).unwrap();
    assert_eq!((report.removed, report.unchanged), (1, 2));
}

#[test]
fn a_picture_is_identified_and_located_by_what_is_verified() {
    let bench = Bench::with(4);
    let query = bench.path("query.png");
    view(&picture(2)).save_png(&query).unwrap();
    let stranger = bench.path("stranger.png");
    picture(99).save_png(&stranger).unwrap();
    let identify = |picture: &Path, by_look| {
        let options = IdentifyOptions {
            by_look,
            ..IdentifyOptions::default()
        };
        bench.open().identify(&Query::file(picture), &options)
    };
    let error = identify(&query, false).unwrap_err().to_string();
    assert!(error.contains("--labels folders"), "{error}");
    let table = "image,label,latitude,longitude\n000.png,no,1,2\n001.png,yes,47.5,19.04\n";
    let file = bench.write("meta.csv", table.as_bytes());
    bench.open().import_metadata(&file, &[]).unwrap();

    let found = identify(&query, false).unwrap();
    assert_eq!(
        (found.label.as_deref(), found.verified),
        (Some("yes"), true)
    );
    assert_eq!((found.votes.len(), found.votes[0].share), (1, 1.0));
    assert!(found.neighbours[0].inliers > 10);
    let unknown = identify(&stranger, false).unwrap();
    assert_eq!((unknown.label, unknown.neighbours.len()), (None, 0));
    assert!(!identify(&stranger, true).unwrap().verified);

    let locate = |picture: &Path| {
        let options = LocateOptions::default();
        bench
            .open()
            .locate(&Query::file(picture), &options)
            .unwrap()
            .place
    };
    let place = locate(&query).unwrap();
    assert!((place.latitude - 47.5).abs() < 1e-9 && (place.longitude - 19.04).abs() < 1e-9);
    assert_eq!(locate(&stranger), None);

    let report = bench.open().label_by_folder(&[]).unwrap();
    assert_eq!((report.images, report.added), (4, 4));
    assert_eq!(bench.chosen("label = 'in'").len(), 4);
}
