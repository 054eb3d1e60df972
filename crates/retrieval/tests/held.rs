//! Pictures that a program holds in memory, among files.
#![allow(clippy::unwrap_used)]

mod support;

use support::{fill, picture};
use vizsla_retrieval::{
    Collection, IngestOptions, IngestReport, Query, QueryImage, SearchOptions, Silent, Source,
    Verdict,
};

fn add(collection: &mut Collection, name: &str, bytes: &[u8]) -> IngestReport {
    let sources = [Source::Bytes { name, bytes }];
    let added = collection.add(&sources, &IngestOptions::default(), &Silent);
    added.unwrap()
}

#[test]
fn a_picture_in_memory_is_found_changed_and_left_alone_by_walks() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    fill(&photos, 2);
    let place = folder.path().join("all.vizsla");
    let mut collection = Collection::builder(&place).create().unwrap();
    let held = picture(20).encode_png().unwrap();
    let sources = [
        Source::from(photos.as_path()),
        Source::Bytes {
            name: "upload 7",
            bytes: &held,
        },
    ];
    let report = collection.add(&sources, &IngestOptions::default(), &Silent);
    let report = report.unwrap();
    assert_eq!((report.seen, report.added), (3, 3));

    let query = Query::image(QueryImage::Bytes(held.clone()));
    let found = collection
        .search(&query, &SearchOptions::default())
        .unwrap();
    assert_eq!(found.hits[0].path.to_str(), Some("memory:upload 7"));
    assert_eq!(found.hits[0].verdict, Verdict::Match);

    // The same again is nothing new, and no walk or comparison of files misses it.
    let again = add(&mut collection, "upload 7", &held);
    assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 1));
    let walk = collection.ingest(&[photos], &IngestOptions::default(), &Silent);
    assert_eq!(walk.unwrap().gone, 0);
    let files = collection.compare_files(&Silent).unwrap();
    assert_eq!((files.checked, files.found.len()), (2, 0));

    // Another content takes its place, as a changed file does.
    let other = picture(21).encode_png().unwrap();
    let changed = add(&mut collection, "upload 7", &other);
    assert_eq!((changed.added, changed.changed), (0, 1));
    assert_eq!(collection.info().unwrap().images, 3);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn what_cannot_be_taken_is_told_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("all.vizsla");
    let mut collection = Collection::builder(&place).create().unwrap();
    let held = picture(20).encode_png().unwrap();
    let long = "n".repeat(2000);
    let sources = ["", "two\nlines", &long].map(|name| Source::Bytes { name, bytes: &held });
    let broken = Source::Bytes {
        name: "broken",
        bytes: b"no picture",
    };
    let good = Source::Bytes {
        name: "good",
        bytes: &held,
    };
    let all = [&sources[..], &[broken, good]].concat();
    let report = collection.add(&all, &IngestOptions::default(), &Silent);
    let report = report.unwrap();
    assert_eq!((report.added, report.skipped.len()), (1, 4));
    assert!(
        report
            .skipped
            .iter()
            .all(|skipped| !skipped.reason.is_empty())
    );
}
