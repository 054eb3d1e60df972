//! Near-duplicates: what is one picture twice, and what only shares a part.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{ingest, open, picture};
use vizsla_pixels::{Rgb, warp};
use vizsla_retrieval::{
    DuplicateKind, DuplicateOptions, DuplicatesReport, IngestOptions, Silent, StopFlag,
};

fn hunt(folder: &Path, options: &DuplicateOptions) -> DuplicatesReport {
    let collection = folder.with_extension("vizsla");
    ingest(&collection, folder);
    open(&collection).duplicates(options, &Silent).unwrap()
}

/// Names of the files of each group.
fn names(report: &DuplicatesReport) -> Vec<Vec<String>> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let of_group = |group: &vizsla_retrieval::DuplicateGroup| {
        let paths = group.images.iter().flat_map(|image| &image.paths);
        let mut names: Vec<String> = paths.map(name).collect();
        names.sort();
        names
    };
    report.groups.iter().map(of_group).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs_err::create_dir_all(folder.path()).unwrap();
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("in")
    }

    fn save(&self, name: &str, picture: &Rgb) {
        picture.save_png(&self.path().join(name)).unwrap();
    }
}

/// A letter: the same head and foot on each, and words of its own between.
fn letter(seed: u64) -> Rgb {
    let ink = [30, 30, 40];
    let mut page = Rgb::filled(620, 860, [250, 250, 248]).unwrap();
    let logo = picture(77);
    page.paste(&logo.crop(40, 40, 150, 90).unwrap(), 30, 20);
    page.text(200, 40, "Northern Harbour Works & Sons", 2, [20, 60, 120]);
    page.text(200, 75, "Quay 17, 4021 Port Amsel   tel 555 0199", 1, ink);
    page.text(
        60,
        825,
        "Northern Harbour Works  IBAN 77 1234 5678 9012  reg 5561",
        1,
        ink,
    );
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    for line in 0..28 {
        let mut words = String::new();
        while words.len() < 52 {
            let letters = (0..2 + next(8)).map(|_| char::from(b'a' + next(26) as u8));
            words.extend(letters);
            words.push(' ');
        }
        page.text(60, 150 + 23 * line, &words, 1, ink);
    }
    page
}

#[test]
fn letters_on_one_letterhead_are_different_letters() {
    let folder = Folder::new();
    for seed in 0..5 {
        folder.save(&format!("letter{seed}.png"), &letter(seed + 1));
    }
    let again = letter(3);
    again
        .save_jpeg(&folder.path().join("scan.jpg"), 60)
        .unwrap();
    let report = hunt(&folder.path(), &DuplicateOptions::default());
    assert_eq!(
        names(&report),
        [["letter2.png", "scan.jpg"]],
        "a copy of a letter is still found"
    );
    assert_eq!(report.too_plain, 0);
}

#[test]
fn copies_of_one_picture_are_found() {
    let folder = Folder::new();
    let whole = picture(5);
    folder.save("whole.png", &whole);
    folder.save("small.png", &whole.fit_within(200).unwrap());
    folder.save("crop.png", &whole.crop(30, 20, 300, 240).unwrap());
    let turned = [[0.998, -0.06, 10.0], [0.06, 0.998, -8.0], [0.0, 0.0, 1.0]];
    folder.save("turned.png", &warp(&whole, &turned, 360, 280, [90; 3]));
    whole
        .save_jpeg(&folder.path().join("poor.jpg"), 25)
        .unwrap();
    // A part of it on another picture is a match and no duplicate.
    let mut other = picture(6);
    other.paste(&whole.crop(100, 80, 140, 110).unwrap(), 20, 20);
    folder.save("part.png", &other);
    let report = hunt(&folder.path(), &DuplicateOptions::default());
    assert_eq!(
        names(&report),
        [[
            "crop.png",
            "poor.jpg",
            "small.png",
            "turned.png",
            "whole.png"
        ]]
    );
}

#[test]
fn a_group_may_be_larger_than_the_shortlist() {
    let folder = Folder::new();
    for shift in 0..14_usize {
        let frame = picture(8).crop(shift, shift / 2, 320, 250).unwrap();
        folder.save(&format!("{shift:02}.png"), &frame);
    }
    folder.save("other.png", &picture(9));
    folder.save("blank.png", &Rgb::filled(200, 150, [200; 3]).unwrap());
    let options = DuplicateOptions {
        shortlist: 4,
        ..DuplicateOptions::default()
    };
    let report = hunt(&folder.path(), &options);
    assert_eq!(report.groups.len(), 1);
    assert_eq!(report.groups[0].images.len(), 14);
    assert_eq!(
        (report.images, report.too_plain, report.without_features),
        (16, 0, 1),
        "crowded out is not plain, and without features is not too plain"
    );
}

#[test]
fn mirrored_copies_are_found_unless_they_are_left_out() {
    let folder = Folder::new();
    let flip = |image: &Rgb| {
        let flip = [[-1.0, 0.0, 359.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        warp(image, &flip, 360, 280, [0; 3])
    };
    for seed in [1, 2] {
        folder.save(&format!("{seed}.png"), &picture(seed));
    }
    folder.save("flipped.png", &flip(&picture(1)));
    let small = flip(&picture(1)).fit_within(260).unwrap();
    folder.save("small.png", &small);
    let plain = DuplicateOptions {
        mirrored: false,
        ..DuplicateOptions::default()
    };
    let plain = hunt(&folder.path(), &plain);
    assert_eq!(names(&plain), [["flipped.png", "small.png"]]);
    let options = DuplicateOptions::default();
    let report = hunt(&folder.path(), &options);
    assert_eq!(names(&report), [["1.png", "flipped.png", "small.png"]]);
    let kinds: Vec<DuplicateKind> = report.groups[0].images.iter().map(|i| i.kind).collect();
    let (best, mirrored) = (DuplicateKind::Best, DuplicateKind::Mirrored);
    assert_eq!(kinds, [best, mirrored, mirrored]);
    assert!(report.mirrored_pairs >= 1 && report.unread.is_empty());
    fs_err::remove_file(folder.path().join("2.png")).unwrap();
    let collection = folder.path().with_extension("vizsla");
    let report = open(&collection).duplicates(&options, &Silent).unwrap();
    assert!(
        report.unread[0].path.ends_with("2.png"),
        "{:?}",
        report.unread
    );
    let stopped = StopFlag::default();
    stopped.stop();
    let report = open(&collection).duplicates(&options, &stopped).unwrap();
    assert!(report.interrupted && report.groups.is_empty());
}

#[test]
fn one_content_in_many_files_is_one_image() {
    let folder = Folder::new();
    for number in 0..30 {
        folder.save(&format!("copy{number:02}.png"), &picture(4));
        fs_err::write(
            folder.path().join(format!("bad{number:02}.png")),
            b"\x89PNG broken",
        )
        .unwrap();
    }
    folder.save("a.png", &picture(5));
    let collection = folder.path().with_extension("vizsla");
    // Batches that end within the copies.
    let options = IngestOptions {
        batch: 7,
        ..IngestOptions::default()
    };
    let report = open(&collection)
        .ingest(&[folder.path()], &options, &Silent)
        .unwrap();
    assert_eq!((report.added, report.duplicates), (2, 29));
    assert_eq!(report.skipped.len(), 30);
    let reasons = report.skipped.iter().map(|skipped| &skipped.reason);
    assert_eq!(reasons.collect::<std::collections::BTreeSet<_>>().len(), 1);
    let listed = open(&collection).list().unwrap();
    assert!(
        listed[0].paths[0].ends_with("a.png"),
        "ids are in path order"
    );
    assert_eq!(listed[1].paths.len(), 30);
    let report = open(&collection)
        .duplicates(&DuplicateOptions::default(), &Silent)
        .unwrap();
    assert_eq!((report.spare_files, report.groups.len()), (29, 1));
}
