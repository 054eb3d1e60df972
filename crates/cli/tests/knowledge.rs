//! What is known of pictures besides their pixels: captions, metadata, labels and places, and the verbs that use them.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use serde_json::Value;
use workbench::{Workbench, paint};

const TABLE: &str = "image,label,latitude,longitude,rating\n\
    00.png,bridge,47.4989,19.0437,5\n\
    01.png,tower,48.8584,2.2945,4\n\
    02.png,tower,48.8585,2.2946,3\n\
    nobody.png,ghost,0,0,1\n";

/// Four paintings, and metadata of three of them.
fn known() -> Workbench {
    let bench = Workbench::with_photos(4);
    bench.write("meta.csv", TABLE.as_bytes());
    bench.succeed(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--metadata",
        "meta.csv",
    ]);
    bench
}

fn ids(listing: &Value) -> Vec<i64> {
    let images = listing["images"].as_array().expect("images");
    images
        .iter()
        .filter_map(|image| image["image"].as_i64())
        .collect()
}

#[test]
fn captions_and_metadata_come_with_the_folder_or_later() {
    let bench = Workbench::with_photos(3);
    bench.write(
        "captions.csv",
        b"image,caption\n00.png,A dog\n02.png,A red house\n9.png,Nobody\n",
    );
    let report = bench.json(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--captions",
        "captions.csv",
        "--json",
    ]);
    assert_eq!(
        (&report["added"], &report["imports"][0]["added"]),
        (&3.into(), &2.into())
    );
    assert_eq!(report["imports"][0]["unmatched_listed"][0]["path"], "9.png");

    bench.write(
        "meta.jsonl",
        b"{\"image\": \"photos/01.png\", \"label\": \"cat\"}\n",
    );
    let run = bench.succeed(&["index", "--into", "p.vizsla", "--metadata", "meta.jsonl"]);
    assert!(
        run.stdout.contains("1 record, about 1 image"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr, "");
    let again = bench.run(&[
        "index",
        "--into",
        "p.vizsla",
        "--captions",
        "captions.csv",
        "--strict",
    ]);
    assert_eq!(again.code, Some(1), "a record was not used");
    for part in ["2 unchanged", "1 not used", "9.png"] {
        assert!(
            again.stdout.contains(part),
            "{part} is missing in: {}",
            again.stdout
        );
    }
    assert!(
        again.stderr.contains("1 record not used"),
        "{}",
        again.stderr
    );

    let info = bench.json(&["info", "p.vizsla", "--json"]);
    assert_eq!(
        (&info["captions"], &info["metadata"]),
        (&2.into(), &1.into())
    );
    let listing = bench.json(&["list", "p.vizsla", "--json"]);
    assert_eq!(
        listing["images"][0]["captions"],
        serde_json::json!(["A dog"])
    );
    assert_eq!(
        listing["images"][1]["metadata"],
        serde_json::json!({"label": "cat"})
    );
    let chosen =
        |condition| ids(&bench.json(&["list", "p.vizsla", "--where", condition, "--json"]));
    assert_eq!(chosen("caption contains 'house' or label = 'cat'"), [2, 3]);
    assert_eq!(chosen("not label is null and width > 10"), [2]);
    assert_eq!(bench.run(&["verify", "p.vizsla"]).code, Some(0));

    bench.succeed(&["index", "--into", "p.vizsla", "--labels", "folders"]);
    assert_eq!(chosen("label = 'photos'"), [1, 2, 3]);
}

#[test]
fn a_broken_file_is_refused_with_its_line_and_nothing_is_half_written() {
    let bench = known();
    let before = bench.json(&["list", "p.vizsla", "--json"]);
    bench.write("wide.csv", b"\xff\xfe\0\0i\0\0\0");
    bench
        .run(&["index", "--into", "p.vizsla", "--captions", "wide.csv"])
        .fails_with(&["UTF-32", "iconv -f utf-32", "wide.csv"]);
    bench.write("cut.json", b"[{\"image\": \"00.png\",\n\"label\": ");
    bench
        .run(&["index", "--into", "p.vizsla", "--metadata", "cut.json"])
        .fails_with(&["no JSON object", "line 2", "cut.json"]);
    bench
        .run(&["index", "--into", "p.vizsla", "--metadata", "missing.csv"])
        .fails_with(&["missing.csv"]);
    bench
        .run(&["index", "--into", "none.vizsla", "--metadata", "meta.csv"])
        .fails_with(&["there is no collection here"]);
    assert!(!bench.path("none.vizsla").exists());
    assert_eq!(bench.json(&["list", "p.vizsla", "--json"]), before);
    assert_eq!(bench.run(&["index", "--into", "p.vizsla"]).code, Some(2));
}

#[test]
fn a_list_is_refused_before_the_pictures_go_in_and_the_report_says_so() {
    let bench = Workbench::with_photos(2);
    bench.write("book.csv", b"PK\x03\x04");
    let run = bench.run(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--captions",
        "book.csv",
        "--json",
    ]);
    assert_eq!(run.code, Some(1));
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert!(
        report["refused"]
            .as_str()
            .is_some_and(|why| why.contains("workbook")),
        "{report}"
    );
    assert!(report.get("added").is_none() && run.stderr.contains("workbook"));
    assert!(!bench.path("p.vizsla").exists());

    bench.write(
        "some.csv",
        b"image;caption\r\n00.png;Caf\xe9\r\n01.png;A;B\r\n",
    );
    let run = bench.run(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--captions",
        "some.csv",
        "--json",
        "--strict",
    ]);
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let list = &report["imports"][0];
    assert_eq!((&list["added"], &list["unread"]), (&1.into(), &1.into()));
    assert_eq!(list["unread_listed"][0]["at"], "line 3");
    assert_eq!(run.code, Some(1), "a line was not read");
    for part in ["Windows-1252", "1 record not read"] {
        assert!(
            run.stderr.contains(part),
            "{part} is missing in: {}",
            run.stderr
        );
    }
    let text = bench
        .succeed(&["index", "--into", "p.vizsla", "--captions", "some.csv"])
        .stdout;
    assert!(
        text.contains("line 3") && text.contains("1 not read"),
        "{text}"
    );
}

#[test]
fn a_mistake_in_a_condition_is_pointed_at() {
    let bench = known();
    let run = bench.run(&["list", "p.vizsla", "--where", "rating >= 4 and camra = 'x'"]);
    run.fails_with(&["column 17", "`camra`", "label, latitude, longitude, rating"]);
    let mark = run
        .stderr
        .lines()
        .find(|line| line.trim() == "^")
        .expect("a mark");
    assert_eq!(mark.len(), "  ".len() + 17);
    let run = bench.run(&["list", "p.vizsla", "--where", "taken >= May"]);
    assert!(run.stderr.contains("column 10"), "{}", run.stderr);
}

#[test]
fn identify_answers_with_a_label_or_honestly_with_none() {
    let bench = known();
    bench.write("view.png", &paint::view(1).encode_png().expect("png"));
    bench.write("other.png", &paint::view(1000).encode_png().expect("png"));
    let answer = bench.json(&["identify", "p.vizsla", "view.png", "--json"]);
    assert_eq!(
        (&answer["label"], &answer["verified"]),
        (&"tower".into(), &true.into())
    );
    assert_eq!(answer["votes"][0]["share"], 1.0);
    assert!(
        answer["neighbours"][0]["inliers"].as_u64() > Some(10),
        "{answer}"
    );
    let text = bench.succeed(&["identify", "p.vizsla", "view.png"]).stdout;
    assert!(
        text.starts_with("tower\n") && text.contains("01.png"),
        "{text}"
    );

    let unknown = bench.json(&["identify", "p.vizsla", "other.png", "--json"]);
    assert_eq!(
        (&unknown["label"], &unknown["verified"]),
        (&Value::Null, &false.into())
    );
    assert_eq!(
        bench.succeed(&["identify", "p.vizsla", "other.png"]).stdout,
        "unknown\n"
    );
    let guess = bench
        .succeed(&["identify", "p.vizsla", "other.png", "--by-look"])
        .stdout;
    assert!(
        guess.starts_with("perhaps ") || guess == "unknown\n",
        "{guess}"
    );
    // The fourth painting is known, but nobody gave it a label.
    let bare = bench.json(&["identify", "p.vizsla", "photos/03.png", "--json"]);
    assert_eq!(
        (&bare["label"], &bare["unlabelled"]),
        (&Value::Null, &1.into())
    );

    let plain = Workbench::with_photos(1);
    plain.succeed(&["index", "photos", "--into", "p.vizsla"]);
    plain
        .run(&["identify", "p.vizsla", "photos/00.png"])
        .fails_with(&["no image of the collection has a label", "--labels folders"]);
    plain
        .run(&["locate", "p.vizsla", "photos/00.png"])
        .fails_with(&["no image of the collection has a position", "--metadata"]);
}

#[test]
fn locate_answers_with_the_place_that_most_evidence_agrees_on() {
    let bench = known();
    let mut both =
        vizsla_pixels::Rgb::filled(2 * paint::WIDTH, paint::HEIGHT, [90; 3]).expect("canvas");
    both.paste(&paint::picture(1), 0, 0);
    both.paste(&paint::picture(2), paint::WIDTH as i64, 0);
    bench.write("both.png", &both.encode_png().expect("png"));
    let answer = bench.json(&["locate", "p.vizsla", "both.png", "--json"]);
    let place = &answer["place"];
    let near = |key: &str, value: f64| (place[key].as_f64().expect("degrees") - value).abs() < 2e-4;
    assert!(
        near("latitude", 48.85845) && near("longitude", 2.29455),
        "{answer}"
    );
    assert_eq!(
        (&place["images"], &place["share"]),
        (&2.into(), &1.0.into())
    );
    assert!(place["radius_m"].as_f64() < Some(15.0), "{answer}");
    let apart = bench.json(&["locate", "p.vizsla", "both.png", "--within", "1", "--json"]);
    assert_eq!(apart["place"]["images"], 1);
    let text = bench
        .succeed(&["locate", "p.vizsla", "photos/00.png"])
        .stdout;
    assert!(
        text.starts_with("47.498900, 19.043700 (north, east), 1 image"),
        "{text}"
    );
    bench.write("other.png", &paint::view(1000).encode_png().expect("png"));
    assert_eq!(
        bench.succeed(&["locate", "p.vizsla", "other.png"]).stdout,
        "unknown\n"
    );
}

#[test]
fn duplicates_groups_other_sizes_crops_and_formats() {
    let bench = Workbench::with_photos(5);
    let original = paint::picture(3);
    original
        .save_jpeg(&bench.path("photos/recompressed.jpg"), 60)
        .expect("jpeg");
    original
        .fit_within(200)
        .expect("smaller")
        .save_png(&bench.path("photos/small.png"))
        .expect("png");
    original
        .crop(20, 15, 280, 200)
        .expect("a crop")
        .save_png(&bench.path("photos/crop.png"))
        .expect("png");
    fs_err::copy(bench.path("photos/01.png"), bench.path("photos/copy.png")).expect("copy");
    // The fifth painting in a corner of another picture is the same object, and no duplicate.
    let mut clutter = paint::picture(77).fit_within(320).expect("clutter");
    clutter.paste(&paint::picture(4).fit_within(150).expect("small"), 10, 10);
    clutter
        .save_png(&bench.path("photos/clutter.png"))
        .expect("png");
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);

    let report = bench.json(&["duplicates", "p.vizsla", "--sheet", "sheet.png", "--json"]);
    let groups = report["groups"].as_array().expect("groups");
    let names = |group: &Value| {
        let images = group["images"].as_array().expect("images");
        let paths = images
            .iter()
            .flat_map(|image| image["paths"].as_array().expect("paths"));
        let name = |path: &Value| {
            path.as_str()
                .and_then(|p| p.rsplit('/').next())
                .map(str::to_owned)
        };
        paths.filter_map(name).collect::<Vec<_>>()
    };
    assert_eq!(groups.len(), 2, "{report}");
    assert_eq!(
        names(&groups[0])[0],
        "03.png",
        "the largest that came in first"
    );
    let mut group = names(&groups[0]);
    group.sort();
    assert_eq!(
        group,
        ["03.png", "crop.png", "recompressed.jpg", "small.png"]
    );
    assert_eq!(names(&groups[1]), ["01.png", "copy.png"]);
    assert_eq!(
        (&report["spare_files"], &report["too_plain"]),
        (&4.into(), &0.into())
    );
    assert!(fs_err::metadata(bench.path("sheet.png")).is_ok_and(|file| file.len() > 1000));

    let loose = bench.json(&["duplicates", "p.vizsla", "--extent", "0.01", "--json"]);
    assert_eq!(loose["groups"].as_array().map(Vec::len), Some(3), "{loose}");
    let text = bench.succeed(&["duplicates", "p.vizsla"]).stdout;
    assert!(
        text.contains("2 groups, 4 files to spare") && text.contains("same"),
        "{text}"
    );
    let strict = bench.json(&["duplicates", "p.vizsla", "--score", "100000", "--json"]);
    assert_eq!(
        strict["groups"].as_array().map(Vec::len),
        Some(1),
        "only the exact copy"
    );

    let flip = [
        [-1.0, 0.0, paint::WIDTH as f64 - 1.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
    ];
    vizsla_pixels::warp(
        &paint::picture(0),
        &flip,
        paint::WIDTH,
        paint::HEIGHT,
        [0; 3],
    )
    .save_png(&bench.path("photos/flipped.png"))
    .expect("png");
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let mirrored = bench.json(&["duplicates", "p.vizsla", "--json"]);
    let groups = mirrored["groups"].as_array().expect("groups");
    assert_eq!(
        (groups.len(), &mirrored["mirrored_pairs"]),
        (3, &1.into()),
        "{mirrored}"
    );
    let kinds: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["images"].as_array().expect("images"))
        .map(|image| &image["kind"])
        .filter(|kind| *kind != "near")
        .collect();
    assert_eq!(kinds, ["best", "best", "mirrored", "best"], "{mirrored}");
    let text = bench.succeed(&["duplicates", "p.vizsla"]).stdout;
    assert!(text.contains("mirrored"), "{text}");
}
