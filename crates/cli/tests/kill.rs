//! Killing `vizsla index` at any instant and running it again ends in the same collection as an
//! undisturbed run.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod workbench;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use workbench::Workbench;

/// Kills without `VIZSLA_KILLS`.
const KILLS: usize = 56;

/// Everything a user can see of a collection.
fn state(bench: &Workbench, collection: &str) -> Value {
    let mut info = bench.json(&["info", collection, "--json"]);
    let figures = ["images", "files", "features", "codebook", "recipe"].map(|key| info[key].take());
    let searches: Vec<Value> = ["00", "07", "13"]
        .iter()
        .map(|name| {
            let query = format!("photos/{name}.png");
            bench.json(&["search", collection, &query, "--json"])["hits"].take()
        })
        .collect();
    let list = bench.json(&["list", collection, "--json"])["images"].take();
    bench.succeed(&["verify", collection]);
    serde_json::json!({ "figures": figures, "list": list, "searches": searches })
}

/// One round: index under kills at random moments until a run gets through.
struct Killer<'a> {
    bench: &'a Workbench,
    /// How long an undisturbed run takes: kills fall anywhere in it.
    whole: Duration,
    /// State of the random numbers (xorshift, Marsaglia 2003).
    seed: u64,
    kills: usize,
}

impl Killer<'_> {
    fn moment(&mut self) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.whole.mul_f64((self.seed % 10_000) as f64 / 10_000.0)
    }

    /// Runs the program and kills it at some moment; whether it was still running.
    fn strike(&mut self, arguments: &[&str]) -> bool {
        let mut command = self.bench.command(arguments);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(self.moment());
        child.kill().expect("SIGKILL");
        let status = child.wait().expect("its end");
        if status.success() {
            return false;
        }
        assert_eq!(status.code(), None, "the program failed by itself");
        self.kills += 1;
        true
    }

    /// Indexes into `collection`; returns how many runs were killed before the last one.
    fn round(&mut self, collection: &str) -> usize {
        for kills in 0.. {
            if !self.strike(&index(collection)) {
                return kills;
            }
            if kills > 20 {
                self.bench.succeed(&index(collection));
            }
        }
        0
    }
}

/// How often to kill.
fn kills() -> usize {
    let wanted = std::env::var("VIZSLA_KILLS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(KILLS)
}

/// Nothing of the killed runs is left: no folder of a collection in the making, no file that nobody lists.
fn nothing_is_left(bench: &Workbench, collection: &str) {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs_err::read_dir(bench.path(folder)).expect("a folder");
        let name = |entry: std::io::Result<fs_err::DirEntry>| entry.expect("an entry").file_name();
        entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect()
    };
    for name in names("") {
        assert!(!name.starts_with(".vizsla"), "{name} is left");
    }
    for name in names(collection) {
        let known = ["catalog.db", "segments", "artefacts", "writer.lock"];
        assert!(known.contains(&name.as_str()), "{name} is left");
    }
    let segments = bench.json(&["info", collection, "--json"])["segments"].take();
    let files = names(&format!("{collection}/segments"));
    assert_eq!(segments, files.len(), "{files:?}");
    // The codebook, and the whitening of the network that ships.
    assert_eq!(names(&format!("{collection}/artefacts")).len(), 2);
}

fn index(collection: &str) -> [&str; 6] {
    ["index", "photos", "--into", collection, "--batch", "3"]
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn undisturbed(bench: &Workbench, collection: &str) -> (Value, Duration) {
    let start = Instant::now();
    bench.succeed(&index(collection));
    let whole = start.elapsed();
    (state(bench, collection), whole)
}

#[test]
fn fifty_kills_at_random_moments_leave_the_collection_of_an_undisturbed_run() {
    let bench = Workbench::with_photos(18);
    let (fresh, whole) = undisturbed(&bench, "fresh.vizsla");
    copy(&bench.path("fresh.vizsla"), &bench.path("base.vizsla"));

    let mut killer = Killer {
        bench: &bench,
        whole,
        seed: 0x5eed_1e55,
        kills: 0,
    };
    while killer.kills < kills() / 2 {
        killer.round("killed.vizsla");
        nothing_is_left(&bench, "killed.vizsla");
        assert_eq!(
            state(&bench, "killed.vizsla"),
            fresh,
            "after {} kills",
            killer.kills
        );
        fs_err::remove_dir_all(bench.path("killed.vizsla")).expect("cleared");
    }

    // The same on a collection that has to follow new, changed, moved, copied and lost files.
    bench.paint_photos(18..26);
    fs_err::rename(bench.path("photos/02.png"), bench.path("photos/moved.png")).expect("move");
    fs_err::remove_file(bench.path("photos/03.png")).expect("delete");
    fs_err::copy(bench.path("photos/04.png"), bench.path("photos/copy.png")).expect("copy");
    fs_err::copy(bench.path("photos/20.png"), bench.path("photos/05.png")).expect("change");
    copy(&bench.path("base.vizsla"), &bench.path("after.vizsla"));
    let (after, whole) = undisturbed(&bench, "after.vizsla");

    killer.whole = whole;
    while killer.kills < kills() {
        copy(&bench.path("base.vizsla"), &bench.path("killed.vizsla"));
        killer.round("killed.vizsla");
        nothing_is_left(&bench, "killed.vizsla");
        assert_eq!(
            state(&bench, "killed.vizsla"),
            after,
            "after {} kills",
            killer.kills
        );
        fs_err::remove_dir_all(bench.path("killed.vizsla")).expect("cleared");
    }
    println!("{} kills survived", killer.kills);
}

/// The first writer brings a catalog of an older format to the one that is written.
#[test]
fn kills_while_a_catalog_is_lifted_lose_nothing() {
    let bench = Workbench::new();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../retrieval/tests/fixtures/collection-v3");
    let told = |collection: &str| {
        let mut info = bench.json(&["info", collection, "--json"]);
        let keys = [
            "images", "files", "features", "captions", "metadata", "codebook", "recipe",
        ];
        let figures = keys.map(|key| info[key].take());
        let list = bench.json(&["list", collection, "--json"])["images"].take();
        bench.succeed(&["verify", collection]);
        (
            info["format"].take(),
            serde_json::json!({ "figures": figures, "list": list }),
        )
    };
    copy(&fixture, &bench.path("whole.vizsla"));
    let (format, before) = told("whole.vizsla");
    assert_eq!(format, 3);
    let start = Instant::now();
    bench.succeed(&["optimize", "whole.vizsla"]);
    let mut killer = Killer {
        bench: &bench,
        whole: start.elapsed(),
        seed: 0x11f7_ed04,
        kills: 0,
    };
    let mut formats = std::collections::BTreeMap::new();
    while killer.kills < kills() / 2 {
        copy(&fixture, &bench.path("killed.vizsla"));
        killer.strike(&["optimize", "killed.vizsla"]);
        let (format, state) = told("killed.vizsla");
        assert_eq!(state, before, "after {} kills", killer.kills);
        *formats.entry(format.to_string()).or_insert(0) += 1;
        bench.succeed(&["optimize", "killed.vizsla"]);
        let (format, state) = told("killed.vizsla");
        assert_eq!((format, state), (4.into(), before.clone()));
        fs_err::remove_dir_all(bench.path("killed.vizsla")).expect("cleared");
    }
    println!(
        "{} kills survived, left behind formats {formats:?}",
        killer.kills
    );
}

#[test]
fn ctrl_c_stops_at_a_safe_point_and_the_next_run_goes_on() {
    let bench = Workbench::with_photos(30);
    let mut command = bench.command(&index("p.vizsla"));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    while !bench.path("p.vizsla").exists() {
        std::thread::sleep(Duration::from_millis(2));
        assert!(
            child.try_wait().expect("alive").is_none(),
            "ended before it made the collection"
        );
    }
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.is_ok_and(|status| status.success()));
    let run = bench.finish(child.wait_with_output().expect("its end"));
    assert!(
        matches!(run.code, Some(0 | 130)),
        "{:?} {}",
        run.code,
        run.stderr
    );
    if run.code == Some(130) {
        assert!(
            run.stdout.contains("run the same command again"),
            "{}",
            run.stdout
        );
    }
    bench.succeed(&index("p.vizsla"));
    assert_eq!(bench.json(&["info", "p.vizsla", "--json"])["images"], 30);
}
