//! What `vizsla index` takes and leaves, what it keeps of its options, and what is compared by content.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::time::{Duration, UNIX_EPOCH};

use workbench::{Workbench, paint};

fn picture(bench: &Workbench, name: &str, number: u64) {
    let small = paint::picture(number).resized(60, 50).expect("small");
    bench.write(name, &small.encode_png().expect("png"));
}

fn with(names: &[&str]) -> Workbench {
    let bench = Workbench::new();
    for (number, name) in names.iter().enumerate() {
        picture(&bench, name, number as u64);
    }
    bench
}

fn index(bench: &Workbench, options: &[&str]) -> serde_json::Value {
    let all = [
        &["index", "photos", "--into", "p.vizsla", "--json"],
        options,
    ];
    bench.json(&all.concat())
}

fn indexed(bench: &Workbench) -> u64 {
    let info = bench.json(&["info", "p.vizsla", "--json"]);
    info["files"].as_u64().expect("a number")
}

#[test]
fn hidden_files_and_copies_of_systems_are_left_out_and_listed_by_a_dry_run() {
    let bench = with(&[
        "photos/a.png",
        "photos/.hidden/b.png",
        "photos/._a.png",
        "photos/@eaDir/c.png",
    ]);
    let dry = bench.succeed(&["index", "photos", "--into", "p.vizsla", "--dry-run"]);
    for text in ["@eaDir", "hidden", "beside pictures", "left out by a rule"] {
        assert!(dry.stdout.contains(text), "{text}: {}", dry.stdout);
    }
    let report = index(&bench, &[]);
    assert_eq!(
        [
            &report["added"],
            &report["left_out_files"],
            &report["left_out_folders"]
        ],
        [1, 1, 2]
    );
    // Bins and thumbnails stay out; hidden files come in and stay.
    assert_eq!(index(&bench, &["--include-hidden"])["added"], 1);
    assert_eq!(index(&bench, &[])["gone"], 0);
    let info = bench.succeed(&["info", "p.vizsla"]).stdout;
    assert!(info.contains("photos: (hidden files are taken)"), "{info}");
    assert_eq!(index(&bench, &["--forget-rules"])["gone_by_rule"], 1);
    assert!(
        !bench
            .succeed(&["info", "p.vizsla"])
            .stdout
            .contains("hidden")
    );
}

#[test]
fn what_is_excluded_leaves_and_stays_away() {
    let bench = with(&["photos/a.png", "photos/raw/b.png", "photos/c.tif.png"]);
    assert_eq!(index(&bench, &[])["added"], 3);
    let run = bench.succeed(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--exclude",
        "raw/",
        "--exclude",
        "*.tif.png",
    ]);
    assert!(
        run.stdout.contains("2 gone, 2 of them left out by a rule"),
        "{}",
        run.stdout
    );
    assert_eq!(index(&bench, &[])["added"], 0);
    assert_eq!(indexed(&bench), 1);
    let info = bench.succeed(&["info", "p.vizsla"]).stdout;
    assert!(info.contains("photos: raw/ *.tif.png"), "{info}");
    // Named by itself it is taken, and stays.
    bench.succeed(&["index", "photos/raw", "--into", "p.vizsla"]);
    assert_eq!(index(&bench, &[])["gone"], 0);
    assert_eq!(indexed(&bench), 2);
}

#[test]
fn ignore_files_of_vizsla_count_and_those_of_git_do_not() {
    let bench = with(&["photos/a.png", "photos/b.png", "photos/deep/b.png"]);
    bench.write("photos/.gitignore", b"*.png\n");
    bench.write("photos/.vizslaignore", b"/b.png\n");
    let report = index(&bench, &[]);
    assert_eq!([&report["added"], &report["left_out_files"]], [2, 1]);
    let rule = report["left_out"][0]["reason"].as_str().expect("a reason");
    assert!(rule.starts_with("/b.png in ") && rule.ends_with(".vizslaignore"));
}

#[test]
fn patterns_that_are_none_or_do_nothing_are_said() {
    let bench = with(&["photos/a.png"]);
    for pattern in ["", "{a"] {
        bench
            .run(&[
                "index",
                "photos",
                "--into",
                "p.vizsla",
                "--exclude",
                pattern,
            ])
            .fails_with(&["not a pattern", ".gitignore"]);
    }
    assert!(!bench.path("p.vizsla").exists());
    let run = bench.succeed(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--exclude",
        "photos/raw",
    ]);
    assert!(run.stderr.contains("left nothing out"), "{}", run.stderr);
    // Rules without folders, and rules given and forgotten, make no sense.
    for options in [
        &[
            "index",
            "--into",
            "p.vizsla",
            "--captions",
            "x",
            "--exclude",
            "y",
        ][..],
        &[
            "index",
            "photos",
            "--into",
            "p.vizsla",
            "--include-hidden",
            "--forget-rules",
        ],
    ] {
        assert_eq!(bench.run(options).code, Some(2), "{options:?}");
    }
}

#[test]
fn pictures_that_cannot_be_read_are_counted_by_name() {
    let bench = with(&["photos/a.png"]);
    for name in ["1.heic", "2.HEIC", "3.avif", "4.CR2"] {
        bench.write(format!("photos/{name}"), b"x");
    }
    bench.write("photos/5.mov", b"x");
    bench.write("photos/notes.txt", b"x");
    let report = index(&bench, &[]);
    assert_eq!(report["unreadable"]["HEIC"], 2, "{report}");
    assert_eq!(report["videos"]["MOV"], 1);
    assert_eq!(report["ignored"], 1);
    let run = bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    for text in ["2 HEIC files cannot be read yet", "1 video (1 MOV)"] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    assert!(
        run.stderr
            .contains("1 AVIF, 2 HEIC and 1 RAW files cannot be read yet; convert"),
        "{}",
        run.stderr
    );
    // Who wants all pictures in hears that some are not.
    let strict = ["index", "photos", "--into", "p.vizsla", "--strict"];
    assert_eq!(bench.run(&strict).code, Some(1));
    let without = [&strict[..], &["--exclude", "[0-9].*"]].concat();
    bench.succeed(&without);

    // A name that promises too much, and a query.
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    bench.write("photos/6.jpg", heic);
    let report = index(&bench, &["--forget-rules"]);
    assert_eq!(report["unreadable"]["HEIC"], 3);
    bench
        .run(&["search", "p.vizsla", "photos/6.jpg"])
        .fails_with(&["HEIC", "convert", "6.jpg"]);
}

#[test]
fn only_pictures_that_cannot_be_read_are_not_called_nothing() {
    let bench = Workbench::new();
    bench.write("photos/1.heic", b"x");
    let run = bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    assert!(
        run.stderr.contains("no picture that can be read") && run.stderr.contains("1 HEIC file "),
        "{}",
        run.stderr
    );
}

/// Writes another picture over a file of the same size and time.
fn edit_in_place(bench: &Workbench, name: &str, number: u64) {
    let mut bytes = paint::picture(number)
        .resized(60, 50)
        .expect("small")
        .encode_png()
        .expect("png");
    bytes.resize(20_000, 0);
    let path = bench.write(name, &bytes);
    let file = fs_err::OpenOptions::new().write(true).open(path);
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.expect("the file")
        .file()
        .set_modified(time)
        .expect("its time");
}

#[test]
fn an_edit_that_keeps_size_and_time_is_found_by_rescan_and_by_verify() {
    let bench = with(&["photos/b.png"]);
    edit_in_place(&bench, "photos/a.png", 10);
    index(&bench, &[]);
    let sound = bench.succeed(&["verify", "p.vizsla", "--files"]).stdout;
    assert!(sound.contains("2 files compared"), "{sound}");
    edit_in_place(&bench, "photos/a.png", 11);
    assert_eq!(index(&bench, &[])["unchanged"], 2);
    // The collection is sound; one file is not what was indexed.
    bench.succeed(&["verify", "p.vizsla"]);
    let run = bench.run(&["verify", "p.vizsla", "--files"]);
    assert_eq!(run.code, Some(1));
    for text in ["1 differ", "a.png", "vizsla index --rescan", "sound"] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    let report = index(&bench, &["--rescan"]);
    assert_eq!([&report["changed"], &report["unchanged"]], [1, 1]);
    fs_err::remove_file(bench.path("photos/b.png")).expect("removed");
    let run = bench.run(&["verify", "p.vizsla", "--files", "--json"]);
    assert_eq!(run.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["problems"], serde_json::json!([]));
    assert_eq!(report["files"]["checked"], 2);
    assert_eq!(report["files"]["found"][0]["state"], "missing", "{report}");
    let plain = bench.json(&["verify", "p.vizsla", "--json"]);
    assert!(plain.get("files").is_none());
}

#[test]
fn a_change_before_1970_is_seen() {
    let bench = Workbench::new();
    for (number, seconds) in [(20, 1_000_000), (21, 2_000_000)] {
        edit_in_place(&bench, "photos/a.png", number);
        let file = fs_err::OpenOptions::new()
            .write(true)
            .open(bench.path("photos/a.png"))
            .expect("the file");
        let time = UNIX_EPOCH - Duration::from_secs(seconds);
        file.file().set_modified(time).expect("its time");
        let report = index(&bench, &[]);
        assert_eq!(report["unchanged"], 0, "{report}");
    }
}
