//! What strangers' folders and broken disks hold: `vizsla index` takes in what is sound and lists the
//! rest with reasons; a damaged collection is named, found by `verify`, and made again where it can be.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::path::{Path, PathBuf};

use serde_json::Value;
use workbench::{Workbench, paint};

/// A PNG whose header promises 100,000 by 100,000 pixels.
fn giant_png() -> Vec<u8> {
    let mut bytes = vec![0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(&body);
        bytes.extend(crc(&body).to_be_bytes());
    };
    let side = 100_000_u32.to_be_bytes();
    chunk(b"IHDR", &[&side[..], &side, &[8, 2, 0, 0, 0]].concat());
    chunk(
        b"IDAT",
        &[0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01],
    );
    chunk(b"IEND", &[]);
    bytes
}

/// The checksum of PNG chunks (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |s, _| {
            (s >> 1) ^ (0xedb8_8320 & (!(s & 1)).wrapping_add(1))
        })
    })
}

/// A GIF whose only frame never ends: 8 MiB of blocks that keep clearing the code table.
fn endless_gif() -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([0x00, 0x40, 0x00, 0x40, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    bytes.extend([0x2c, 0, 0, 0, 0, 0x00, 0x40, 0x00, 0x40, 0, 2]);
    for _ in 0..32 * 1024 {
        bytes.push(255);
        bytes.extend([0b0010_0100; 255]);
    }
    bytes
}

/// The reason for which the file of this name was skipped.
fn reason(report: &Value, name: &str) -> String {
    let skipped = report["skipped"]
        .as_array()
        .expect("a list of skipped files");
    let mut reasons = skipped
        .iter()
        .filter(|entry| {
            entry["path"]
                .as_str()
                .is_some_and(|path| path.ends_with(name))
        })
        .map(|entry| entry["reason"].as_str().expect("a reason").to_owned());
    let found = reasons
        .next()
        .unwrap_or_else(|| panic!("{name} is not listed in {report}"));
    assert!(
        found.len() > 8 && reasons.next().is_none(),
        "{name}: {found}"
    );
    found
}

/// Two sound pictures among everything that is wrong with files on any platform.
fn folder_of_bad_files() -> Workbench {
    let bench = Workbench::with_photos(2);
    let png = paint::picture(7).encode_png().expect("png");
    bench.write("photos/empty.jpg", b"");
    bench.write("photos/zeros.jpg", &[0; 4096]);
    bench.write("photos/cut.png", &png[..png.len() / 3]);
    bench.write("photos/stub.png", &png[..20]);
    bench.write("photos/text.jpg", b"Dear diary, this is not a picture.\n");
    bench.write("photos/huge.png", &giant_png());
    bench.write("photos/endless.gif", &endless_gif());
    fs_err::create_dir(bench.path("photos/folder.jpg")).expect("a folder");
    bench
}

const BAD: [&str; 8] = [
    "empty.jpg",
    "zeros.jpg",
    "cut.png",
    "stub.png",
    "text.jpg",
    "huge.png",
    "endless.gif",
    "folder.jpg",
];

#[test]
fn bad_files_are_skipped_and_listed_with_their_reasons() {
    let bench = folder_of_bad_files();
    let run = bench.succeed(&["index", "photos", "--into", "p.vizsla", "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["added"], 2, "{report}");
    for name in BAD {
        reason(&report, name);
    }
    assert_eq!(
        report["skipped"].as_array().map(Vec::len),
        Some(BAD.len()),
        "{report}"
    );
    assert!(run.stderr.contains("8 files skipped"), "{}", run.stderr);

    let text = bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    for name in BAD {
        assert!(
            text.stdout.contains(name),
            "{name} is missing in: {}",
            text.stdout
        );
    }
}

#[test]
fn strict_turns_a_skipped_file_into_a_failure_after_the_work_is_done() {
    let bench = folder_of_bad_files();
    let run = bench.run(&["index", "photos", "--into", "p.vizsla", "--strict"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(bench.json(&["info", "p.vizsla", "--json"])["images"], 2);

    let sound = Workbench::with_photos(2);
    sound.succeed(&["index", "photos", "--into", "p.vizsla", "--strict"]);
}

#[test]
fn a_picture_cut_short_or_misnamed_is_judged_by_its_content() {
    let bench = Workbench::with_photos(1);
    let png = paint::picture(5).encode_png().expect("png");
    bench.write("photos/really-a-png.jpg", &png);
    let report = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!(report["added"], 2);
    assert_eq!(report["skipped"], serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn links_pipes_and_names_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let bench = Workbench::with_photos(2);
    symlink("nowhere.jpg", bench.path("photos/broken.jpg")).expect("a link");
    symlink(".", bench.path("photos/round")).expect("a link");
    symlink("/dev/zero", bench.path("photos/zero.jpg")).expect("a link");
    let made = std::process::Command::new("mkfifo")
        .arg(bench.path("photos/pipe.jpg"))
        .status();
    let png = paint::picture(9).encode_png().expect("png");
    let strange = OsStr::from_bytes(b"photos/caf\xe9.png");
    let written = fs_err::write(bench.path(strange), &png);

    let report = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!(report["added"], 2, "{report}");
    assert!(reason(&report, "broken.jpg").contains("link"));
    assert!(reason(&report, "round").contains("link"));
    reason(&report, "zero.jpg");
    if made.is_ok_and(|status| status.success()) {
        reason(&report, "pipe.jpg");
    }
    if written.is_ok() {
        assert!(
            reason(&report, "caf\\xE9.png").contains("UTF-8"),
            "{report}"
        );
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_never_steer_the_terminal() {
    let bench = Workbench::with_photos(1);
    let steers = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    let names = [
        "\u{1b}]0;owned\u{7}\u{1b}[31mred.png",
        "a\nerror: b\r.png",
        "c\u{9b}31m\u{7f}.png",
        "d\u{202e}gpj.png",
    ];
    for (number, name) in (20..).zip(names) {
        let png = paint::picture(number).encode_png().expect("png");
        bench.write(Path::new("photos").join(name), &png);
        bench.write(
            Path::new("photos").join(format!("bad {name}")),
            b"no picture",
        );
    }
    let mut shown = String::new();
    for arguments in [
        &["index", "photos", "--into", "p.vizsla"][..],
        &["index", "photos", "--into", "p.vizsla", "--json"],
        &["list", "p.vizsla"],
        &["list", "p.vizsla", "--json"],
        &["search", "p.vizsla", "photos/d\u{202e}gpj.png"],
        &["search", "p.vizsla", "photos/d\u{202e}gpj.png", "--json"],
        &["search", "p.vizsla", "photos/\u{1b}[31mnothing.png"],
        &["remove", "p.vizsla", "photos/\u{1b}[31mnothing.png"],
        &["verify", "p.vizsla"],
    ] {
        let run = bench.run(arguments);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains(steers), "{arguments:?}: {all:?}");
        shown.push_str(&all);
    }
    assert!(
        shown.contains(r"\x1b]0;owned\x07\x1b[31mred.png"),
        "{shown}"
    );
    assert!(
        !shown.lines().any(|line| line.starts_with("error: b")),
        "{shown}"
    );
    // JSON holds the true name.
    let list = bench.json(&["list", "p.vizsla", "--json"]).to_string();
    let parsed: Value = serde_json::from_str(&list).expect("JSON");
    for name in names {
        let ends = |text: &str| text.ends_with(name);
        assert!(strings(&parsed).into_iter().any(ends), "{name:?}: {list}");
    }
}

/// All strings of a value.
#[cfg(unix)]
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_must_not_be_read_is_skipped() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Workbench::with_photos(3);
    let locked = bench.path("photos/01.png");
    fs_err::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("permissions");
    if fs_err::read(&locked).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let report = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!(report["added"], 2);
    reason(&report, "01.png");
}

#[test]
fn a_file_that_turns_bad_keeps_nobody_else_from_being_indexed() {
    let bench = Workbench::with_photos(3);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    bench.write("photos/01.png", b"overwritten by mistake");
    let report = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    reason(&report, "01.png");
    bench.succeed(&["verify", "p.vizsla"]);
    bench.succeed(&["search", "p.vizsla", "photos/02.png"]);
}

#[test]
fn bad_queries_are_refused_with_the_reason() {
    let bench = folder_of_bad_files();
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    for name in BAD {
        let query = format!("photos/{name}");
        let run = bench.run(&["search", "p.vizsla", &query]);
        run.fails_with(&["error: ", name]);
        bench
            .run(&["match", &query, "photos/00.png"])
            .fails_with(&["error: ", name]);
    }
    bench
        .run(&["search", "p.vizsla", "absent.jpg"])
        .fails_with(&["absent.jpg"]);
    let absent = bench.run(&["search", "p.vizsla", "absent.jpg"]);
    // What happened is said once, and what to do.
    absent.fails_with(&["No such file or directory (os error 2); check the path: absent.jpg\n"]);
    bench
        .run(&["search", "photos", "photos/00.png"])
        .fails_with(&["not a collection", "photos"]);
    let outside = [
        "search",
        "p.vizsla",
        "photos/00.png",
        "--region",
        "5000,5000,10,10",
    ];
    bench.run(&outside).fails_with(&["region"]);
}

#[test]
fn a_source_or_a_collection_that_is_not_there_is_named() {
    let bench = Workbench::with_photos(1);
    bench
        .run(&["index", "absent", "--into", "p.vizsla"])
        .fails_with(&["absent"]);
    // A mistyped path leaves no empty collection behind.
    assert!(!bench.path("p.vizsla").exists());
    for verb in ["info", "list", "verify", "optimize"] {
        bench
            .run(&[verb, "absent.vizsla"])
            .fails_with(&["vizsla index", "absent.vizsla"]);
    }
    bench
        .run(&["search", "absent.vizsla", "photos/00.png"])
        .fails_with(&["absent.vizsla"]);
    bench
        .run(&["index", "photos", "--into", "photos"])
        .fails_with(&["photos"]);
    assert_eq!(
        fs_err::read_dir(bench.path("photos"))
            .expect("photos")
            .count(),
        1
    );
}

fn collection() -> Workbench {
    let bench = Workbench::with_photos(6);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    bench
}

fn only_file(folder: &Path) -> PathBuf {
    let mut entries = fs_err::read_dir(folder).expect("a folder");
    entries
        .next()
        .expect("a file in it")
        .expect("its name")
        .path()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
}

fn hits(bench: &Workbench) -> Value {
    bench.json(&["search", "p.vizsla", "photos/03.png", "--json"])["hits"].clone()
}

#[test]
fn a_damaged_segment_is_found_and_made_again() {
    let bench = collection();
    let before = hits(&bench);
    let segment = only_file(&bench.path("p.vizsla/segments"));
    let sound = fs_err::read(&segment).expect("the segment");
    let mut flipped = sound.clone();
    flipped[sound.len() * 2 / 3] ^= 0x10;
    let mut head = sound.clone();
    head[9] ^= 0x01;
    for (what, bytes) in [
        ("flipped", Some(&flipped[..])),
        ("head", Some(&head[..])),
        ("truncated", Some(&sound[..sound.len() / 2])),
        ("emptied", Some(&[][..])),
        ("missing", None),
    ] {
        let segment = only_file_or(&bench.path("p.vizsla/segments"), &segment);
        match bytes {
            Some(bytes) => fs_err::write(&segment, bytes).expect("damage"),
            None => fs_err::remove_file(&segment).expect("damage"),
        }
        let found = bench.run(&["verify", "p.vizsla"]);
        assert_eq!(
            found.code,
            Some(1),
            "{what}: {} {}",
            found.stdout,
            found.stderr
        );
        let said = format!("{}{}", found.stdout, found.stderr);
        assert!(
            said.contains(name(&segment)) && said.contains("--rebuild"),
            "{what}: {said}"
        );
        // A flipped byte of the payload may go unnoticed by a search, but never ends in a panic.
        let search = bench.run(&["search", "p.vizsla", "photos/03.png"]);
        assert!(
            matches!(search.code, Some(0 | 1)),
            "{what}: {}",
            search.stderr
        );
        if search.code == Some(1) {
            search.fails_with(&[name(&segment), "--rebuild"]);
        }
        bench.succeed(&["optimize", "p.vizsla", "--rebuild"]);
        bench.succeed(&["verify", "p.vizsla"]);
        assert_eq!(hits(&bench), before, "{what}");
    }
}

fn only_file_or(folder: &Path, other: &Path) -> PathBuf {
    let first = fs_err::read_dir(folder).expect("a folder").next();
    first.map_or_else(|| other.to_owned(), |entry| entry.expect("a name").path())
}

#[test]
fn every_flipped_byte_of_a_segment_is_found_by_verify() {
    let bench = collection();
    let segment = only_file(&bench.path("p.vizsla/segments"));
    let sound = fs_err::read(&segment).expect("the segment");
    for step in 0..12 {
        let mut bytes = sound.clone();
        let at = (sound.len() - 1) * step / 11;
        bytes[at] ^= 1 << (step % 8);
        fs_err::write(&segment, &bytes).expect("damage");
        let found = bench.run(&["verify", "p.vizsla"]);
        assert_eq!(
            found.code,
            Some(1),
            "byte {at} of {}: {}",
            sound.len(),
            found.stdout
        );
    }
}

#[test]
fn a_damaged_catalog_is_named_with_what_can_be_done() {
    let bench = collection();
    let catalog = bench.path("p.vizsla/catalog.db");
    let sound = fs_err::read(&catalog).expect("the catalog");
    let mut no_header = sound.clone();
    no_header[..16].fill(b'x');
    let damages = [
        ("header", no_header),
        ("truncated", sound[..sound.len() / 2].to_vec()),
        ("emptied", vec![]),
    ];
    for (what, bytes) in damages {
        fs_err::write(&catalog, bytes).expect("damage");
        for verb in ["verify", "search"] {
            let query = if verb == "search" {
                &["photos/00.png"][..]
            } else {
                &[]
            };
            let run = bench.run(&[&[verb, "p.vizsla"][..], query].concat());
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(run.code, Some(1), "{what}, {verb}: {said}");
            assert!(said.contains("catalog.db"), "{what}, {verb}: {said}");
            assert!(
                said.contains("restore") || said.contains("index the pictures again"),
                "{said}"
            );
        }
    }
    fs_err::write(&catalog, sound).expect("healed");
    bench.succeed(&["verify", "p.vizsla"]);
}

#[test]
fn flipped_bytes_of_the_catalog_never_panic_and_never_pass_verify_unseen() {
    let bench = collection();
    let catalog = bench.path("p.vizsla/catalog.db");
    let sound = fs_err::read(&catalog).expect("the catalog");
    let before = hits(&bench);
    for step in 1..24 {
        let mut bytes = sound.clone();
        let at = sound.len() * step / 24;
        bytes[at] ^= 0x40;
        fs_err::write(&catalog, &bytes).expect("damage");
        let verify = bench.run(&["verify", "p.vizsla"]);
        let search = bench.run(&["search", "p.vizsla", "photos/03.png", "--json"]);
        for run in [&verify, &search] {
            assert!(
                matches!(run.code, Some(0 | 1)),
                "byte {at}: {:?} {}",
                run.code,
                run.stderr
            );
            assert!(
                !run.stderr.contains("panicked"),
                "byte {at}: {}",
                run.stderr
            );
        }
        // What verify passes must answer as before: the byte was in unused space.
        if verify.code == Some(0) {
            let answer: Value = serde_json::from_str(&search.stdout).expect("JSON");
            assert_eq!(answer["hits"], before, "byte {at} of {}", sound.len());
        }
    }
}

#[test]
fn a_damaged_codebook_is_found() {
    let bench = collection();
    let codebook = only_file(&bench.path("p.vizsla/artefacts"));
    let mut bytes = fs_err::read(&codebook).expect("the codebook");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&codebook, &bytes).expect("damage");
    let run = bench.run(&["verify", "p.vizsla"]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        format!("{}{}", run.stdout, run.stderr).contains(name(&codebook)),
        "{}",
        run.stdout
    );
}

#[test]
fn a_collection_of_a_newer_version_is_refused_whole() {
    let bench = collection();
    let catalog = bench.path("p.vizsla/catalog.db");
    let mut bytes = fs_err::read(&catalog).expect("the catalog");
    // SQLite keeps `user_version` big-endian at byte 60 of the file.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs_err::write(&catalog, &bytes).expect("a newer version");
    for arguments in [
        &["info", "p.vizsla"][..],
        &["list", "p.vizsla"],
        &["verify", "p.vizsla"],
        &["optimize", "p.vizsla"],
        &["optimize", "p.vizsla", "--rebuild"],
        &["search", "p.vizsla", "photos/00.png"],
        &["index", "photos", "--into", "p.vizsla"],
    ] {
        bench
            .run(arguments)
            .fails_with(&["9999", "newer vizsla", "catalog.db"]);
    }
    assert_eq!(fs_err::read(&catalog).expect("the catalog"), bytes);
}
