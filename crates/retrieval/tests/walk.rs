//! What an ingest takes and leaves, and how it sees that a file changed.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{ingest, open, picture};
use vizsla_retrieval::{
    Collection, FileState, IngestOptions, IngestReport, Selector, Silent, StopFlag, WalkRules,
    find_pictures,
};

/// A folder for pictures and a place for a collection.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// With a small picture, each another one, under every name.
    fn with(names: &[&str]) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (seed, name) in names.iter().enumerate() {
            place.paint(name, seed as u64 + 1);
        }
        place
    }

    fn photos(&self) -> PathBuf {
        self.dir.path().join("photos")
    }

    fn collection(&self) -> PathBuf {
        self.dir.path().join("c.vizsla")
    }

    fn paint(&self, name: &str, seed: u64) {
        let small = picture(seed).resized(48, 40).unwrap();
        self.write(name, &small.encode_png().unwrap());
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.photos().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
        path
    }

    fn ingest(&self) -> IngestReport {
        ingest(&self.collection(), &self.photos())
    }

    /// Ingests what lies under a name below the photos, with options.
    fn ingest_with(&self, name: &str, options: &IngestOptions) -> IngestReport {
        let source = match name {
            "" => self.photos(),
            name => self.photos().join(name),
        };
        open(&self.collection())
            .ingest(&[source], options, &Silent)
            .unwrap()
    }

    /// What is indexed, by the path below the photos.
    fn indexed(&self) -> Vec<String> {
        let root = self.photos().canonicalize().unwrap();
        let images = open(&self.collection()).list().unwrap();
        let paths = images.iter().flat_map(|image| &image.paths);
        let mut names: Vec<String> = paths
            .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into())
            .collect();
        names.sort();
        names
    }
}

fn excluding(patterns: &[&str]) -> IngestOptions {
    IngestOptions {
        rules: Some(WalkRules {
            exclude: patterns.iter().map(|&pattern| pattern.into()).collect(),
            include_hidden: false,
        }),
        ..IngestOptions::default()
    }
}

fn with_hidden() -> IngestOptions {
    IngestOptions {
        rules: Some(WalkRules {
            include_hidden: true,
            ..WalkRules::default()
        }),
        ..IngestOptions::default()
    }
}

fn forgetting() -> IngestOptions {
    IngestOptions {
        rules: Some(WalkRules::default()),
        ..IngestOptions::default()
    }
}

#[test]
fn what_systems_keep_and_what_is_hidden_is_left_out() {
    let place = Place::with(&[
        "a.png",
        "trip/b.png",
        "._a.png",
        ".secret.png",
        ".private/c.png",
        ".Trash-1000/files/d.png",
        ".thumbnails/e.png",
        "trip/@eaDir/f.png",
        "$RECYCLE.BIN/g.png",
        "#recycle/h.png",
        "System Volume Information/i.png",
        "Lightroom/Previews.lrdata/j.png",
    ]);
    place.write("Thumbs.db", b"x");
    place.write("trip/.DS_Store", b"x");
    let report = place.ingest();
    assert_eq!(place.indexed(), ["a.png", "trip/b.png"]);
    assert_eq!((report.left_out_files, report.left_out_folders), (2, 8));
    assert_eq!((report.ignored, report.gone_by_rule), (2, 0));
    assert!(report.skipped.is_empty() && report.warnings.is_empty());
    assert_eq!(report.left_out.len(), 10);
    let (pictures, skipped) = find_pictures(&[place.photos()]).unwrap();
    assert_eq!((pictures.len(), skipped.len()), (2, 0));
}

#[test]
fn what_is_named_is_taken_and_stays_taken() {
    let place = Place::with(&[
        "a.png",
        ".private/b.png",
        ".private/.deep/c.png",
        ".secret.png",
        ".other.png",
        "odd.data",
    ]);
    place.write(".vizslaignore", b"odd.data\n");
    let none = IngestOptions::default();
    assert_eq!(place.ingest_with(".private", &none).added, 1);
    assert_eq!(place.ingest_with(".secret.png", &none).added, 1);
    assert_eq!(place.ingest_with("odd.data", &none).added, 1);
    let all = [".private/b.png", ".secret.png", "a.png", "odd.data"];
    for _ in 0..2 {
        let report = place.ingest();
        assert_eq!(report.gone, 0, "{report:?}");
        assert_eq!(place.indexed(), all);
    }
    // Until it is taken out by name.
    let hidden = Selector::Path(place.photos().join(".private"));
    open(&place.collection()).remove(&[hidden]).unwrap();
    place.ingest();
    assert_eq!(place.indexed(), [".secret.png", "a.png", "odd.data"]);
    // A pattern of a person goes before what was named.
    let report = place.ingest_with("", &excluding(&[".secret*"]));
    assert_eq!((report.gone, report.gone_by_rule), (1, 1));
    assert_eq!(place.indexed(), ["a.png", "odd.data"]);
}

#[test]
fn rules_of_one_run_hold_for_the_next() {
    let place = Place::with(&[
        "a.png",
        "raw/b.png",
        "deep/raw/c.png",
        "d.tif.png",
        ".e.png",
    ]);
    assert_eq!(place.ingest().added, 4);
    let report = place.ingest_with("", &excluding(&["/raw/", "*.tif.png"]));
    // Both are still on the disk, and leave because of the rule.
    assert_eq!((report.gone, report.gone_by_rule), (2, 2));
    assert_eq!((report.left_out_files, report.left_out_folders), (2, 1));
    let left = ["a.png", "deep/raw/c.png"];
    for folder in ["", "raw/..", "deep"] {
        let report = place.ingest_with(folder, &IngestOptions::default());
        assert_eq!((report.gone, report.added), (0, 0), "{folder}: {report:?}");
        assert_eq!(place.indexed(), left, "{folder}");
    }
    // A wider walk does not take what a narrower one left out.
    open(&place.collection())
        .ingest(
            &[place.dir.path().to_owned()],
            &IngestOptions::default(),
            &Silent,
        )
        .unwrap();
    assert_eq!(place.indexed(), left);
    let kept = open(&place.collection()).info().unwrap().rules;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].rules.exclude, ["/raw/", "*.tif.png"]);

    assert_eq!(place.ingest_with("", &with_hidden()).added, 3);
    assert_eq!(place.ingest().gone, 0);
    assert_eq!(place.indexed().len(), 5);

    let report = place.ingest_with("", &forgetting());
    assert_eq!((report.gone, report.gone_by_rule), (1, 1));
    assert!(open(&place.collection()).info().unwrap().rules.is_empty());
}

#[test]
fn rules_of_a_folder_hold_below_it_only() {
    let place = Place::with(&["one/a.png", "one/x.png", "two/x.png"]);
    place.ingest_with("one", &excluding(&["x.png"]));
    place.ingest();
    assert_eq!(place.indexed(), ["one/a.png", "two/x.png"]);
    // Rules for the folder above take their place.
    place.ingest_with("", &excluding(&["a.png"]));
    assert_eq!(place.indexed(), ["one/x.png", "two/x.png"]);
}

#[test]
fn ignore_files_leave_out_in_the_manner_of_git() {
    let place = Place::with(&[
        "a.png",
        "b.png",
        "raw/c.png",
        "sub/raw/d.png",
        "sub/keep.png",
        "sub/e.png",
        ".shown/f.png",
    ]);
    assert_eq!(place.ingest().added, 6);
    place.write(
        ".vizslaignore",
        b"# not these\nb.png\n/raw/\nsub/*.png\n!.shown/\n",
    );
    place.write("sub/.vizslaignore", b"!keep.png\n");
    // Rules of others mean nothing here.
    place.write(".gitignore", b"*.png\n");
    place.write(".ignore", b"*.png\n");
    let report = place.ingest();
    assert_eq!(
        place.indexed(),
        [".shown/f.png", "a.png", "sub/keep.png", "sub/raw/d.png"]
    );
    assert_eq!((report.gone, report.gone_by_rule, report.added), (3, 3, 1));
    // Also when a folder below is indexed by itself.
    let report = place.ingest_with("sub", &IngestOptions::default());
    assert_eq!((report.gone, report.added), (0, 0));
    // Named, it is walked; rules hold for what is in it.
    assert_eq!(place.ingest_with("raw", &IngestOptions::default()).added, 1);
}

#[test]
fn a_rule_that_covers_everything_is_no_missing_drive() {
    let place = Place::with(&["a.png", "b.png"]);
    place.ingest();
    let report = place.ingest_with("", &excluding(&["*"]));
    assert_eq!((report.gone, report.gone_by_rule), (2, 2));
    assert!(report.warnings.is_empty());
    assert!(place.indexed().is_empty());
}

#[test]
fn patterns_that_do_nothing_and_lines_that_are_none_are_told() {
    let place = Place::with(&["a.png"]);
    let file = place.write(".vizslaignore", b"ok\n{broken\n");
    let report = place.ingest_with("", &excluding(&["a.png", "photos/raw"]));
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    assert!(report.warnings[0].ends_with(": photos/raw"));
    let file = file.canonicalize().unwrap();
    assert_eq!(report.skipped[0].path, file.to_str().unwrap());
    assert!(report.skipped[0].reason.contains("line 2"));
    let refused = open(&place.collection()).ingest(&[place.photos()], &excluding(&["{a"]), &Silent);
    assert!(refused.unwrap_err().to_string().ends_with(": {a"));
    // A dry run keeps nothing.
    let dry = IngestOptions {
        dry_run: true,
        ..forgetting()
    };
    assert_eq!(place.ingest_with("", &dry).added, 1);
    assert_eq!(open(&place.collection()).info().unwrap().rules.len(), 1);
}

#[test]
fn pictures_that_cannot_be_read_are_counted_by_name() {
    let place = Place::with(&["a.png"]);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    for name in ["1.HEIC", "2.heic", "3.avif", "4.NEF", "5.dng", ".6.heic"] {
        place.write(name, b"x");
    }
    for name in ["7.mp4", "8.MOV", "9.mov", "10.txt"] {
        place.write(name, b"x");
    }
    // Its name promises a picture that can be read.
    place.write("really-heic.jpg", heic);
    for dry_run in [true, false] {
        let options = IngestOptions {
            dry_run,
            ..IngestOptions::default()
        };
        let report = place.ingest_with("", &options);
        let counts: Vec<(&str, usize)> = report
            .unreadable
            .iter()
            .map(|(name, &count)| (name.as_str(), count))
            .collect();
        assert_eq!(counts, [("AVIF", 1), ("HEIC", 3), ("RAW", 2)]);
        assert_eq!(report.videos["MOV"], 2);
        assert_eq!(report.videos["MP4"], 1);
        assert_eq!((report.ignored, report.left_out_files), (1, 1));
        assert_eq!(report.skipped.len(), 1);
        assert!(report.skipped[0].reason.contains("HEIC"));
    }
    let report = place.ingest_with("2.heic", &IngestOptions::default());
    assert_eq!(report.skipped.len(), 1, "{report:?}");
}

/// Sets the time of a file and gives the time that the disk keeps.
fn touch(path: &Path, time: SystemTime) -> SystemTime {
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.file().set_modified(time).unwrap();
    fs_err::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_change_is_seen_whatever_the_clock_says() {
    let place = Place::with(&["a.png"]);
    let path = place.photos().join("a.png");
    let year = Duration::from_secs(31_556_952);
    let times = [
        UNIX_EPOCH - year * 70,
        UNIX_EPOCH - year * 30,
        UNIX_EPOCH - Duration::from_secs(1),
        UNIX_EPOCH,
        UNIX_EPOCH + year * 300,
        UNIX_EPOCH + year * 350,
    ];
    let size = fs_err::metadata(&path).unwrap().len();
    let mut before = None;
    for (seed, time) in times.into_iter().enumerate() {
        place.paint("a.png", 100 + seed as u64);
        let mut bytes = fs_err::read(&path).unwrap();
        // The same size, so that only time tells; what follows the picture's end is read by nobody.
        bytes.resize(size.max(8000) as usize, 0);
        fs_err::write(&path, bytes).unwrap();
        let kept = touch(&path, time);
        if before == Some(kept) {
            eprintln!("skipped: this disk keeps no such time as {time:?}");
            continue;
        }
        let report = place.ingest();
        assert_eq!(report.unchanged, 0, "{time:?}: {report:?}");
        assert_eq!(place.ingest().unchanged, 1);
        before = Some(kept);
    }
}

/// Two pictures in files of one size and one time: the second lies where the first was indexed.
fn edited_in_place() -> Place {
    let place = Place::with(&["b.png", "c.png"]);
    let path = place.photos().join("a.png");
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for seed in [7, 8] {
        let mut bytes = picture(seed).resized(48, 40).unwrap().encode_png().unwrap();
        bytes.resize(9000, 0);
        fs_err::write(&path, bytes).unwrap();
        touch(&path, time);
        place.ingest();
    }
    place
}

#[test]
fn an_edit_that_keeps_size_and_time_is_found_by_content() {
    let place = edited_in_place();
    let files = open(&place.collection()).compare_files(&Silent).unwrap();
    assert_eq!((files.checked, files.found.len()), (3, 1));
    assert_eq!(files.found[0].state, FileState::Differs);
    assert!(files.found[0].problem.path.ends_with("a.png"));
    let rescan = |dry_run| IngestOptions {
        rescan: true,
        dry_run,
        ..IngestOptions::default()
    };
    for dry_run in [true, false] {
        let report = place.ingest_with("", &rescan(dry_run));
        assert_eq!((report.changed, report.unchanged), (1, 2), "{report:?}");
    }
    let report = place.ingest_with("", &rescan(false));
    assert_eq!((report.changed, report.unchanged), (0, 3));
    let files = open(&place.collection()).compare_files(&Silent).unwrap();
    assert!(files.found.is_empty(), "{files:?}");
    assert!(
        open(&place.collection())
            .verify(&Silent)
            .unwrap()
            .problems
            .is_empty()
    );
}

#[test]
fn files_that_are_gone_cut_or_no_files_are_told_apart() {
    let place = Place::with(&["a.png", "b.png", "c.png", "d.png"]);
    place.ingest();
    let photos = place.photos();
    fs_err::remove_file(photos.join("a.png")).unwrap();
    place.write("b.png", b"cut");
    fs_err::remove_file(photos.join("c.png")).unwrap();
    fs_err::create_dir(photos.join("c.png")).unwrap();
    let collection = open(&place.collection());
    let report = collection.compare_files(&Silent).unwrap();
    let states: Vec<FileState> = report.found.iter().map(|finding| finding.state).collect();
    assert_eq!(
        states,
        [FileState::Missing, FileState::Differs, FileState::Differs]
    );
    assert_eq!(report.checked, 4);
    assert_eq!(
        report.bytes,
        fs_err::metadata(photos.join("d.png")).unwrap().len()
    );
    let stopped = StopFlag::default();
    stopped.stop();
    assert!(collection.compare_files(&stopped).is_err());
}

#[test]
fn kept_rules_of_a_stranger_are_checked() {
    let place = Place::with(&["a.png"]);
    place.ingest_with("", &excluding(&["x"]));
    let catalog = Collection::catalog_file(&place.collection());
    let connection = rusqlite::Connection::open(catalog).unwrap();
    let value = "{\"/\": {\"exclude\": [\"{a\"]}}";
    let crc = {
        let mut crc = crc32fast::Hasher::new();
        for part in ["rules", value] {
            crc.update(part.as_bytes());
            crc.update(&[0]);
        }
        crc.finalize()
    };
    connection
        .execute(
            "UPDATE meta SET value = ?1, crc = ?2 WHERE key = 'rules'",
            (value, crc),
        )
        .unwrap();
    drop(connection);
    let mut collection = open(&place.collection());
    let refused = collection.ingest(&[place.photos()], &IngestOptions::default(), &Silent);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("`rules` cannot be understood")
    );
    // Rules that are given take its place.
    let forget = collection.ingest(&[place.photos()], &forgetting(), &Silent);
    assert_eq!(forget.unwrap().added, 0);
    assert_eq!(place.ingest().unchanged, 1);
}
