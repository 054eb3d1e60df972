use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use super::*;
use crate::catalog::header::APPLICATION;
use crate::catalog::schema;

/// A catalog of format 3 with two segments and two files of vectors.
fn third(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    let tables = [schema::first(), schema::SECOND.concat()].concat();
    connection.execute_batch(&tables).unwrap();
    for (key, value) in [
        ("format", "3"),
        ("codebook", "of words"),
        ("last.segments", "7"),
        ("vectors.global", "global-00000002.vzfv"),
        ("vectors.text", "text-00000001.vzfv"),
    ] {
        let row = params![key, value, text_crc(&[key, value])];
        connection
            .execute("INSERT INTO meta VALUES (?1, ?2, ?3)", row)
            .unwrap();
    }
    for (id, file, images, bytes) in [(3, "00000003.vzsg", 40, 900), (7, "00000007.vzsg", 5, 80)] {
        let row = params![id, file, images, bytes, segment_crc(file, images, bytes)];
        connection
            .execute("INSERT INTO segments VALUES (?1, ?2, ?3, ?4, ?5)", row)
            .unwrap();
    }
    connection
        .pragma_update(None, "application_id", APPLICATION)
        .unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    connection.close().unwrap();
}

/// What the files would say of themselves.
fn made(file: IndexFile) -> Option<IndexEntry> {
    Some(IndexEntry {
        file,
        made: Made {
            tag: "plain".into(),
            last: 10 * file.number(),
        },
        items: 3,
        bytes: 77,
    })
}

/// Everything that the catalog at a path lists, and its format.
fn state(path: &Path) -> (i64, Vec<IndexRow>, Vec<Option<IndexRow>>, i64) {
    let catalog = Catalog::open(path).unwrap();
    assert!(catalog.check(|| {}).unwrap().is_empty());
    let vectors = [Owner::Image, Owner::Caption].map(|owner| catalog.vectors_file(owner).unwrap());
    let next = catalog.next_number(Numbered::IndexFiles).unwrap();
    (
        catalog.format().unwrap(),
        catalog.segments().unwrap(),
        vectors.to_vec(),
        next,
    )
}

#[test]
fn a_lift_makes_one_list_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    third(&path);
    let (format, before, vectors, next) = state(&path);
    assert_eq!((format, next), (3, 8));
    Catalog::open(&path).unwrap().lift(&made).unwrap();
    let (format, segments, after, next) = state(&path);
    assert_eq!((format, next), (4, 10));
    for (old, new) in before.iter().zip(&segments) {
        let made = Some(Made {
            tag: "of words".into(),
            last: 10 * old.id,
        });
        assert_eq!(
            *new,
            IndexRow {
                made,
                ..old.clone()
            }
        );
    }
    assert_eq!(segments.len(), 2);
    let files = |rows: &[Option<IndexRow>]| {
        rows.iter()
            .map(|row| row.as_ref().map(|row| row.file))
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&after), files(&vectors));
    assert_eq!(
        after[0].as_ref().unwrap().made,
        made(after[0].as_ref().unwrap().file).map(|e| e.made)
    );
    let catalog = Catalog::open(&path).unwrap();
    assert_eq!(catalog.optional_meta("vectors.global").unwrap(), None);
    assert_eq!(
        catalog
            .optional_meta("last.index_files")
            .unwrap()
            .as_deref(),
        Some("9")
    );
}

/// Stops a lift after ever more steps of SQLite's machine. What is on the disk in that instant, as a kill leaves it,
/// is the catalog as it was before, and lifted all the same afterwards.
#[test]
fn a_lift_that_is_cut_off_anywhere_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    third(&path);
    let before = state(&path);
    let whole = folder.path().join("whole.db");
    fs_err::copy(&path, &whole).unwrap();
    Catalog::open(&whole).unwrap().lift(&made).unwrap();
    let lifted = state(&whole);
    let mut cut = 0;
    for stop in (1..).step_by(37) {
        let killed = folder.path().join(format!("killed-{stop}.db"));
        let (from, to) = (path.clone(), killed.clone());
        let steps = Arc::new(AtomicUsize::new(0));
        let handler = move || {
            let here = steps.fetch_add(1, Ordering::Relaxed) == stop;
            if here {
                for ending in ["", "-wal"] {
                    let name = |path: &Path| format!("{}{ending}", path.display());
                    let _ = fs_err::copy(name(&from), name(&to));
                }
            }
            here
        };
        let mut catalog = Catalog::open(&path).unwrap();
        let set = catalog.connection.progress_handler(1, Some(handler));
        set.unwrap();
        let done = catalog.lift(&made);
        if done.is_ok() {
            break;
        }
        cut += 1;
        drop(catalog);
        assert_eq!(state(&path), before, "step {stop}");
        assert_eq!(state(&killed), before, "step {stop}");
        Catalog::open(&killed).unwrap().lift(&made).unwrap();
        assert_eq!(state(&killed), lifted, "step {stop}");
    }
    assert!(cut > 30, "{cut}");
    assert_eq!(state(&path), lifted);
}
