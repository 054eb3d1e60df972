//! Collections of every older format: opened as they are, searched, verified, and lifted by the first writer. And what a
//! newer program lists.
//!
//! `fixtures/collection-v1`, `-v2` and `-v3` were written by the program when catalogs had these formats.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fs_err as fs;
use rusqlite::{Connection, params};
use vizsla_retrieval::{
    Channel, Collection, Error, Query, SearchOptions, Selector, Silent, VerifyReport,
};

struct World {
    dir: tempfile::TempDir,
}

/// A row of the list of index files, without its identity and checksum.
type Listed = (String, String, String, String, i64, i64, i64);

impl World {
    /// A copy of the fixture of this format, in the folder's own `c.vizsla`.
    fn of(format: i64) -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        copy(
            &fixtures.join(format!("collection-v{format}")),
            &world.place(),
        );
        world
    }

    fn place(&self) -> PathBuf {
        self.dir.path().join("c.vizsla")
    }

    fn catalog(&self) -> Connection {
        Connection::open(self.place().join("catalog.db")).unwrap()
    }

    fn open(&self) -> Collection {
        Collection::open(self.place()).unwrap()
    }

    fn verify(&self) -> VerifyReport {
        self.open().verify(&Silent).unwrap()
    }

    fn is_sound(&self) -> bool {
        let report = self.open().verify(&Silent);
        report.is_ok_and(|report| report.problems.is_empty())
    }

    /// What the list of index files says, in its order.
    fn listed(&self) -> Vec<Listed> {
        let catalog = self.catalog();
        let sql = "SELECT file, space, kind, tag, last, items, bytes FROM index_files ORDER BY id";
        let mut statement = catalog.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let [file, space, kind, tag] = [0, 1, 2, 3].map(|at| row.get::<_, String>(at));
            let [last, items, bytes] = [4, 5, 6].map(|at| row.get(at));
            Ok((file?, space?, kind?, tag?, last?, items?, bytes?))
        };
        let rows = statement.query_map([], row).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Lists a file in the place of those of a space, with the right checksum, as another program may.
    fn list(&self, (file, space, kind, tag, last, items, bytes): Listed) {
        let catalog = self.catalog();
        let sql = "SELECT max(id) FROM index_files WHERE space = ?1";
        let id: i64 = catalog.query_row(sql, [&space], |r| r.get(0)).unwrap();
        catalog
            .execute("DELETE FROM index_files WHERE space = ?1", [&space])
            .unwrap();
        let crc = crc(&[
            &file,
            &space,
            &kind,
            &tag,
            &format!("{:?}", [id, last, items, bytes]),
        ]);
        catalog
            .execute(
                "INSERT INTO index_files VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![id, file, space, kind, tag, last, items, bytes, crc],
            )
            .unwrap();
    }

    fn vectors(&self) -> Listed {
        let listed = self.listed();
        listed.into_iter().find(|row| row.1 == "global").unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// The checksum of a row of texts.
fn crc(parts: &[&str]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in parts {
        crc.update(part.as_bytes());
        crc.update(&[0]);
    }
    crc.finalize()
}

fn found(collection: &Collection, channel: Channel) -> Result<String, Error> {
    let options = SearchOptions {
        channels: Some(vec![channel]),
        ..SearchOptions::default()
    };
    let query = match channel {
        Channel::Captions => Query::text("green dogs"),
        _ => Query::stored(1),
    };
    let hits = collection.search(&query, &options)?.hits;
    let hits = hits
        .iter()
        .map(|hit| format!("{} {:.9}", hit.image, hit.score));
    Ok(hits.collect::<Vec<_>>().join(", "))
}

/// All that these collections can be asked, as text.
fn answers(collection: &Collection) -> String {
    let info = collection.info().unwrap();
    let mut told = format!("{:?}\n", collection.list().unwrap());
    told += &format!("{} {} {}\n", info.images, info.segments, info.tombstones);
    told += &format!("{:?}\n", collection.captions().unwrap());
    for channel in [Channel::Words, Channel::Global, Channel::Captions] {
        told += &format!("{channel:?}: {:?}\n", found(collection, channel).ok());
    }
    told
}

/// The images found, without their scores: a vector read from the catalog is not rounded once more, as in an index.
fn ids(found: &str) -> Vec<&str> {
    let images = found.split(", ").filter_map(|hit| hit.split(' ').next());
    images.collect()
}

#[test]
fn older_formats_are_read_as_they_are_and_lifted_by_the_first_writer() {
    for format in 1..=3 {
        let world = World::of(format);
        let collection = world.open();
        assert_eq!(collection.info().unwrap().format, format);
        let before = answers(&collection);
        assert!(before.contains("Words: Some(\"1 "), "{before}");
        assert_eq!(before.contains("Global: Some(\"1 "), format > 1, "{before}");
        assert!(world.is_sound(), "{format}: {:?}", world.verify().problems);
        assert_eq!(
            collection.info().unwrap().format,
            format,
            "reading lifts nothing"
        );

        // A writer that changes nothing of what is told.
        let mut writer = world.open();
        assert!(writer.remove(&[Selector::Image(999)]).is_err());
        assert_eq!(writer.info().unwrap().format, 4);
        for collection in [&writer, &collection, &world.open()] {
            assert_eq!(answers(collection), before, "{format}");
        }
        assert!(world.is_sound(), "{format}: {:?}", world.verify().problems);
        let count = if format == 1 { 1 } else { 4 };
        assert_eq!(world.listed().len(), count);
        for (file, space, _, tag, last, items, bytes) in world.listed() {
            let path = world.place().join("segments").join(&file);
            assert_eq!(bytes, fs::metadata(path).unwrap().len() as i64, "{file}");
            let tagged = tag == "plain" || tag.len() == 32;
            assert!(last > 0 && items > 0 && tagged, "{file} {space} {tag}");
        }
        writer.optimize(true, &Silent).unwrap();
        assert!(world.is_sound());
    }
}

#[test]
fn a_lift_keeps_damage_to_be_found_and_made_again() {
    // An entry that turned, and a file that is gone.
    for (sql, gone) in [
        ("UPDATE segments SET images = images + 8", false),
        (
            "UPDATE meta SET value = 'global-00000009.vzfv' WHERE key = 'vectors.global'",
            false,
        ),
        ("", true),
    ] {
        let world = World::of(3);
        world.catalog().execute_batch(sql).unwrap();
        if gone {
            for entry in fs::read_dir(world.place().join("segments")).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
        assert!(!world.is_sound(), "{sql}");
        assert!(world.open().remove(&[Selector::Image(999)]).is_err());
        assert_eq!(world.open().info().unwrap().format, 4);
        assert!(!world.is_sound(), "{sql}");
        world.open().optimize(true, &Silent).unwrap();
        assert!(world.is_sound(), "{sql}: {:?}", world.verify().problems);
    }
}

#[test]
fn an_index_of_another_tag_is_not_used_and_made_again() {
    let world = World::of(3);
    assert!(world.open().remove(&[Selector::Image(999)]).is_err());
    let before = found(&world.open(), Channel::Global).unwrap();
    let mut row = world.vectors();
    let right = std::mem::replace(&mut row.3, "of another whitening".into());
    // Were it used, nothing would be found.
    row.4 = 1 << 40;
    world.list(row);
    let after = found(&world.open(), Channel::Global).unwrap();
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(ids(&after).len(), 5);
    world.open().optimize(false, &Silent).unwrap();
    assert_eq!(world.vectors().3, right);
    assert_eq!(found(&world.open(), Channel::Global).unwrap(), before);
    assert!(world.is_sound());

    // The same words of a file that is another than the one listed.
    let mut row = world.vectors();
    row.4 -= 1;
    world.list(row);
    let error = found(&world.open(), Channel::Global)
        .unwrap_err()
        .to_string();
    assert!(error.contains("another than the one listed"), "{error}");
    assert!(!world.is_sound());

    let mut segment = world
        .listed()
        .into_iter()
        .find(|row| row.1 == "words")
        .unwrap();
    segment.3 = "another codebook".into();
    world.list(segment);
    let error = found(&world.open(), Channel::Words)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("another codebook") && error.contains("index again"),
        "{error}"
    );
    world.open().optimize(true, &Silent).unwrap();
    assert!(world.is_sound());
}

#[test]
fn an_index_of_a_kind_of_tomorrow_is_told_and_the_rest_is_used() {
    let world = World::of(3);
    assert!(world.open().remove(&[Selector::Image(999)]).is_err());
    let words = found(&world.open(), Channel::Words).unwrap();
    let mut row = world.vectors();
    (row.0, row.2) = ("global-00000099.vzgr".into(), "graph".into());
    world.list(row);
    let collection = world.open();
    let error = found(&collection, Channel::Global).unwrap_err().to_string();
    for words in [
        "`graph`",
        "it knows flat",
        "newer vizsla made it",
        "install",
        "catalog.db",
    ] {
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(found(&collection, Channel::Words).unwrap(), words);
    let problems = world.verify().problems;
    assert!(
        problems.len() == 1 && problems[0].what.contains("`graph`"),
        "{problems:?}"
    );
    // Whoever does not want to wait has it made again, of a kind that is known.
    world.open().optimize(true, &Silent).unwrap();
    assert_eq!(world.vectors().2, "flat");
    assert!(world.is_sound());
}

#[test]
fn a_catalog_of_a_newer_format_is_refused() {
    let world = World::of(3);
    assert!(world.open().remove(&[Selector::Image(999)]).is_err());
    let set = "INSERT OR REPLACE INTO meta VALUES ('format', ?1, ?2)";
    let set = |format: &str| {
        let crc = crc(&["format", format]);
        world.catalog().execute(set, params![format, crc]).unwrap();
        Collection::open(world.place())
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    let newer = set("5");
    assert!(
        newer.contains("format 5") && newer.contains("up to 4"),
        "{newer}"
    );
    let another = set("3");
    assert!(another.contains("its tables are of another"), "{another}");
}
