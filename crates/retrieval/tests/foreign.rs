//! Collections that a stranger made: nothing outside of them is read, written or removed, whatever they hold.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use rusqlite::{Connection, params};
use support::{fill, picture};
use vizsla_retrieval::{Collection, Error, IngestOptions, Query, SearchOptions, Selector, Silent};

/// A collection of three pictures, and files of somebody beside it.
struct World {
    dir: tempfile::TempDir,
}

/// What is somebody's, below the world.
const PRECIOUS: [&str; 3] = ["home/letter.txt", "home/00000009.vzsg", "beside.txt"];

impl World {
    fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        copy(&fixture(), &world.place());
        fs::create_dir(world.path("home")).unwrap();
        for name in PRECIOUS {
            fs::write(world.path(name), format!("my {name}")).unwrap();
        }
        fill(&world.path("more"), 1);
        picture(77).save_png(&world.path("more/new.png")).unwrap();
        fs::write(world.path("captions.csv"), "image,caption\n001.png,a cat\n").unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn place(&self) -> PathBuf {
        self.path("c.vizsla")
    }

    fn catalog(&self) -> Connection {
        Connection::open(self.place().join("catalog.db")).unwrap()
    }

    /// Changes the catalog as its maker can.
    fn forge(&self, sql: &str) {
        self.catalog().execute_batch(sql).unwrap();
    }

    fn list_segment(&self, file: &str) {
        let crc = crc(&[file, "3 6048"]);
        self.catalog()
            .execute(
                "INSERT INTO segments (file, images, bytes, crc) VALUES (?1, 3, 6048, ?2)",
                params![file, crc],
            )
            .unwrap();
    }

    fn set_meta(&self, key: &str, value: &str) {
        self.catalog()
            .execute(
                "INSERT OR REPLACE INTO meta VALUES (?1, ?2, ?3)",
                params![key, value, crc(&[key, value])],
            )
            .unwrap();
    }

    /// Does all that can be done with a collection, and looks after what is somebody's. Gives the errors.
    fn try_everything(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut run = |work: &dyn Fn(&mut Collection) -> Result<(), Error>| {
            let done = Collection::open(self.place()).and_then(|mut c| work(&mut c));
            errors.extend(done.err().map(|e| e.to_string()));
            for name in PRECIOUS {
                let found = fs::read_to_string(self.path(name));
                assert_eq!(found.unwrap(), format!("my {name}"));
            }
            assert_eq!(fs::read_dir(self.path("home")).unwrap().count(), 2);
        };
        run(&|c| c.list().map(drop));
        run(&|c| c.info().map(drop));
        run(&|c| c.verify(&Silent).map(drop));
        run(&|c| {
            c.search(&Query::stored(1), &SearchOptions::default())
                .map(drop)
        });
        run(&|c| c.import_captions(&self.path("captions.csv"), &[]).map(drop));
        run(&|c| {
            let sources = [self.path("more")];
            c.ingest(&sources, &IngestOptions::default(), &Silent)
                .map(drop)
        });
        run(&|c| c.remove(&[Selector::Image(2)]).map(drop));
        run(&|c| c.optimize(false, &Silent).map(drop));
        run(&|c| c.optimize(true, &Silent).map(drop));
        run(&|c| c.optimize(false, &Silent).map(drop));
        errors
    }

    /// As [`World::try_everything`], where everything is refused, with these words.
    fn everything_is_refused(&self, words: &str) {
        let errors = self.try_everything();
        assert_eq!(errors.len(), 10, "{errors:?}");
        for error in errors {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/collection-v1")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => fs::copy(entry.path(), to.join(entry.file_name()))
                .map(drop)
                .unwrap(),
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

#[test]
fn an_honest_collection_is_used_as_it_is() {
    let world = World::new();
    assert_eq!(world.try_everything(), [""; 0]);
    // The folder itself may be reached by a link.
    let link = world.path("link.vizsla");
    symlink(world.place(), &link).unwrap();
    let mut collection = Collection::open(&link).unwrap();
    assert_eq!(
        collection.optimize(true, &Silent).unwrap().segments_after,
        1
    );
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn a_listed_segment_is_a_file_of_the_collection_or_nothing() {
    for file in [
        "../../home/letter.txt",
        "../../beside.txt",
        "../segments/../../home/00000009.vzsg",
        "../catalog.db",
        "sub/00000009.vzsg",
        "/etc/passwd",
        "",
        ".",
        "..",
        "letter.txt",
        "global-00000001.vzfv",
    ] {
        let world = World::new();
        world.list_segment(file);
        let errors = world.try_everything();
        assert!(
            errors.iter().any(|e| e.contains("damaged")),
            "{file}: {errors:?}"
        );
        let absolute = World::new();
        absolute.list_segment(&absolute.path(file).to_string_lossy());
        absolute.try_everything();
    }
}

#[test]
fn a_listed_file_of_vectors_is_a_file_of_the_collection_or_nothing() {
    for key in ["vectors.global", "vectors.text"] {
        for file in ["../../home/letter.txt", "/etc/passwd", "00000001.vzsg", "x"] {
            let world = World::new();
            world.set_meta(key, file);
            let errors = world.try_everything();
            assert!(
                errors.iter().any(|e| e.contains(key)),
                "{key} {file}: {errors:?}"
            );
        }
    }
}

#[test]
fn artefacts_are_named_by_hashes() {
    let world = World::new();
    let odd = "../../../home/x";
    world.set_meta("codebook", odd);
    world.everything_is_refused("artefact");
    for (from, to) in [
        ("codebook = \"00b4ad3e807d02ab200d39168f430c40\"", ""),
        (
            "[search]",
            "[global]\nmodel = \"m\"\nwhitening = \"../../../home/x\"\n[search]",
        ),
        ("[search]", "[search]\nhash = \"../../../home/x\""),
    ] {
        let world = World::new();
        let recipe: String = world
            .catalog()
            .query_row("SELECT value FROM meta WHERE key = 'recipe'", [], |r| {
                r.get(0)
            })
            .unwrap();
        world.set_meta("recipe", &recipe.replace(from, to));
        let errors = world.try_everything();
        assert_eq!(to.is_empty(), errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn no_link_is_followed_within_a_collection() {
    let swap = |world: &World, name: &str, target: &str| {
        let part = world.place().join(name);
        let away = world.path(&format!("away-{}", name.replace('/', "-")));
        if part.exists() {
            fs::rename(&part, &away).unwrap();
        }
        let target = match target {
            "" => away,
            name => world.path(name),
        };
        symlink(target, part).unwrap();
    };
    for (name, target) in [
        ("segments", "home"),
        ("segments", ""),
        ("artefacts", "home"),
        ("artefacts", ""),
        ("writer.lock", "beside.txt"),
        ("catalog.db-wal", "beside.txt"),
        ("catalog.db-shm", "beside.txt"),
    ] {
        let world = World::new();
        swap(&world, name, target);
        let errors = world.try_everything();
        assert_eq!(errors.len(), 10, "{name}: {errors:?}");
    }
    let world = World::new();
    swap(&world, "catalog.db", "");
    world.everything_is_refused("not a collection");
    let world = World::new();
    let codebook = "artefacts/codebook-00b4ad3e807d02ab200d39168f430c40.vzcb";
    swap(&world, codebook, "");
    let errors = world.try_everything();
    assert!(errors.iter().any(|e| e.contains("link")), "{errors:?}");
    let world = World::new();
    swap(&world, "segments/00000001.vzsg", "");
    let errors = world.try_everything();
    assert!(errors.iter().any(|e| e.contains("link")), "{errors:?}");
    assert!(world.path("away-segments-00000001.vzsg").exists());
}

#[test]
fn links_where_files_are_to_be_written_lead_nowhere() {
    let world = World::new();
    let segments = world.place().join("segments");
    let process = std::process::id();
    for number in 2..9 {
        for name in [
            format!("{number:08}.vzsg"),
            format!("{number:08}.vzsg.{process}.tmp"),
        ] {
            symlink(world.path("home/letter.txt"), segments.join(name)).unwrap();
        }
    }
    assert_eq!(world.try_everything(), [""; 0]);
    assert!(
        Collection::open(world.place())
            .unwrap()
            .verify(&Silent)
            .unwrap()
            .problems
            .is_empty()
    );
}

#[test]
fn only_files_of_our_own_names_are_swept_away() {
    let world = World::new();
    let segments = world.place().join("segments");
    fs::create_dir(segments.join("00000007.vzsg")).unwrap();
    for name in [
        "notes.txt",
        "00000001.vzsg.bak",
        "00000005.vzsg",
        "00000005.vzsg.99.tmp",
    ] {
        fs::write(segments.join(name), "x").unwrap();
    }
    assert_eq!(world.try_everything(), [""; 0]);
    let left = |name: &str| segments.join(name).exists();
    assert!(left("notes.txt") && left("00000001.vzsg.bak") && left("00000007.vzsg"));
    assert!(!left("00000005.vzsg") && !left("00000005.vzsg.99.tmp"));
}

/// SQLite would play the journal back, and remove the file that it names as its superior.
#[test]
fn a_rollback_journal_of_a_stranger_is_not_played_back() {
    let world = World::new();
    let victim = world.path("home/letter.txt");
    let name = victim.to_string_lossy().into_owned().into_bytes();
    let sum: u32 = name.iter().map(|&b| u32::from(b)).sum();
    let mut journal = vec![0; 512];
    journal[..8].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    journal[20..24].copy_from_slice(&512u32.to_be_bytes());
    journal[24..28].copy_from_slice(&4096u32.to_be_bytes());
    journal.extend(((1u32 << 30) / 4096 + 1).to_be_bytes());
    journal.extend(&name);
    journal.extend((name.len() as u32).to_be_bytes());
    journal.extend(sum.to_be_bytes());
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(world.place().join("catalog.db-journal"), journal).unwrap();
    world.everything_is_refused("journal");
}

#[test]
fn a_catalog_holds_our_tables_and_no_others() {
    for (sql, name) in [
        (
            "CREATE TRIGGER t AFTER DELETE ON files BEGIN DELETE FROM images; END",
            "trigger `t`",
        ),
        ("CREATE TABLE extra (x)", "table `extra`"),
        ("CREATE VIEW v AS SELECT * FROM images", "view `v`"),
        ("CREATE INDEX i ON images(width)", "index `i`"),
        (
            "DROP TABLE tombstones; CREATE VIEW tombstones AS SELECT id AS image FROM images",
            "view `tombstones`",
        ),
        (
            "DROP TABLE tombstones;
             CREATE TABLE tombstones (image INTEGER PRIMARY KEY, x AS (abs(-9223372036854775808)))",
            "table `tombstones`",
        ),
        (
            "DROP TABLE tombstones; CREATE VIRTUAL TABLE tombstones USING fts5(image)",
            "tombstones",
        ),
        ("DROP TABLE tombstones", "lacks `tombstones`"),
        ("DROP INDEX files_by_image", "lacks `files_by_image`"),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema
             SET sql = replace(sql, 'value TEXT', 'value TEXT COLLATE nowhere') WHERE name = 'meta'",
            "",
        ),
        ("PRAGMA application_id = 7", "not a catalog"),
        ("PRAGMA user_version = 5", "format 5"),
    ] {
        let world = World::new();
        world.forge(sql);
        world.everything_is_refused(name);
    }
}

#[test]
fn numbers_at_the_end_of_their_range_are_refused() {
    let world = World::new();
    world.forge("INSERT INTO tombstones VALUES (9223372036854775807)");
    let errors = world.try_everything();
    assert!(
        errors.iter().any(|e| e.contains("no identity is left")),
        "{errors:?}"
    );
    let world = World::new();
    world.list_segment("999999999999999.vzsg");
    let errors = world.try_everything();
    assert!(!errors.is_empty());
}
