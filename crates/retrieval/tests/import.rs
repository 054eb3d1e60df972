//! Captions, metadata and labels come from files, once, and from the right pictures.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{fill, ingest, open, picture, view};
use vizsla_retrieval::{
    Collection, Error, Filter, IdentifyOptions, LocateOptions, Query, Silent, check_captions,
};

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
            "wide.csv",
            &b"image,caption\n000.png,A,B\n"[..],
            ["this line 3", "line 2"],
        ),
        (
            "cut.json",
            b"[{\"image\": \"000.png\",\n \"caption\": \"A\"",
            ["JSON", "line 2"],
        ),
        ("names.csv", b"000.png\n", ["name the columns", "line 1"]),
        ("empty.csv", b" \n", ["empty", "empty.csv"]),
        (
            "wide.txt",
            b"\xff\xfe\0\0i\0\0\0",
            ["UTF-32", "iconv -f utf-32"],
        ),
        (
            "book.csv",
            b"PK\x03\x04",
            ["workbook", "export the table as CSV"],
        ),
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
        assert_eq!(
            check_captions(&file).unwrap_err().to_string(),
            error.to_string(),
            "it is known before the pictures go in"
        );
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
fn bad_lines_are_told_and_the_rest_comes_in() {
    let bench = Bench::with(2);
    let list = b"image;caption\r\n000.png;Caf\xe9\r\n\r\n000.png;A;B\r\n;nobody\r\n001.PNG;\"open\r\n.\\in\\001.png;A dog\r\n";
    let file = bench.write("list.csv", list);
    let report = bench.open().import_captions(&file, &[]).unwrap();
    assert_eq!((report.records, report.unread, report.added), (2, 3, 2));
    let lines: Vec<&str> = report.unread_listed.iter().map(|u| u.at.as_str()).collect();
    assert_eq!(lines, ["line 4", "line 5", "line 6"]);
    assert!(
        report.notes[0].contains("Windows-1252") && report.notes[0].contains("line 2"),
        "{:?}",
        report.notes
    );
    let captions = bench.open().captions().unwrap();
    assert_eq!(
        captions.iter().map(|c| &c.text[..]).collect::<Vec<_>>(),
        ["Café", "A dog"]
    );
}

#[test]
fn a_name_that_could_be_several_is_reported_with_them() {
    let bench = Bench {
        dir: tempfile::tempdir().unwrap(),
    };
    fill(&bench.path("in/one"), 1);
    fs_err::create_dir_all(bench.path("in/two")).unwrap();
    picture(9).save_png(&bench.path("in/two/000.png")).unwrap();
    ingest(&bench.path("c.vizsla"), &bench.path("in"));
    let list = "image,caption\n000.png,A\nC:\\mine\\two\\000.png,B\nZ:\\000.png,C\n";
    let file = bench.write("list.csv", list.as_bytes());
    let report = bench.open().import_captions(&file, &[]).unwrap();
    assert_eq!((report.added, report.unmatched), (1, 2));
    let reason = &report.unmatched_listed[0].reason;
    assert!(
        reason.contains("one/000.png") && reason.contains("two/000.png"),
        "{reason}"
    );
    assert!(
        report.notes[0].contains("paths of another place"),
        "{:?}",
        report.notes
    );
    assert_eq!(bench.open().captions().unwrap().len(), 1);
}

/// The folder of the shared data sets, where it is.
fn shared(path: &str) -> Option<PathBuf> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join(path);
    if !path.exists() {
        eprintln!("skipped, not there: {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn lists_that_other_programs_wrote_come_in() {
    let Some(lists) = shared("cases/lists") else {
        return;
    };
    let bench = Bench {
        dir: tempfile::tempdir().unwrap(),
    };
    // NFD, as macOS writes file names.
    let names = [
        "a.jpg",
        "sub/b.jpg",
        "Mu\u{308}ller.jpg",
        "COCO_val2014_000000391895.jpg",
    ];
    for (number, name) in (0..).zip(names) {
        let path = bench.path("pics").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        picture(number).save_jpeg(&path, 90).unwrap();
    }
    ingest(&bench.path("c.vizsla"), &bench.path("pics"));
    // The captions that come in, and the lines that are told.
    for (list, said, unread) in [
        (
            "bom_semi_crlf.csv",
            &["A man; with \"hat\"", "line one line two"][..],
            0,
        ),
        ("coco.json", &["A man on a bike."], 0),
        ("excel_de.csv", &["Hallo"], 0),
        ("flickr30k.csv", &["Two young guys"], 1),
        (
            "flickr8k_token.txt",
            &["A child in a pink dress .", "A girl ."],
            0,
        ),
        ("hf_metadata.jsonl", &["hf style"], 0),
        ("img2dataset.jsonl", &["x"], 0),
        ("karpathy.json", &["A dog."], 0),
        ("latin1.csv", &["café"], 0),
        ("nfc.csv", &["umlaut"], 0),
        ("quotes.csv", &["A 5\" plate of 3 \"nice\" cakes"], 1),
        ("ragged.csv", &["ok"], 1),
        ("sep_line.csv", &["hello"], 0),
        ("trailing_sep.csv", &["hello"], 0),
        ("utf16.txt", &["hello"], 0),
        ("windows_paths.csv", &["abs", "rel", "rel2"], 0),
    ] {
        // What a file is, is not told by its name; and one source replaces what it said before.
        let file = bench.path("list");
        fs_err::copy(lists.join(list), &file).unwrap();
        let report = bench
            .open()
            .import_captions(&file, &[bench.path("pics")])
            .unwrap();
        assert_eq!((report.unread, report.unmatched), (unread, 0), "{report:?}");
        assert_eq!(report.added + report.unchanged, said.len(), "{list}");
        let captions = bench.open().captions().unwrap();
        let texts: Vec<&str> = captions.iter().map(|c| &c.text[..]).collect();
        assert!(
            said.iter().all(|said| texts.contains(said)),
            "{list}: {texts:?}"
        );
    }
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
    bench.write("in/002.txt", b"Caf\xe9 ol\x81");
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
    assert!(error.contains("from the names of folders"), "{error}");
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
