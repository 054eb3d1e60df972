//! A full disk ends `vizsla index` with a clean error, and nothing that was there is lost.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod workbench;

use std::io::Write;
use std::process::Command;

use serde_json::Value;
use workbench::{Run, Workbench};

const INDEX: [&str; 6] = ["index", "photos", "--into", "disk/p.vizsla", "--batch", "4"];

fn images(bench: &Workbench) -> Value {
    bench.json(&["list", "disk/p.vizsla", "--json"])["images"].take()
}

/// Insists that a run failed by itself, in words, and left what was there.
fn failed_cleanly(bench: &Workbench, run: &Run, before: &Value) {
    assert_eq!(run.code, Some(1), "{} {}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("error: ") && !run.stderr.contains("panicked"),
        "{}",
        run.stderr
    );
    bench.succeed(&["verify", "disk/p.vizsla"]);
    let now = images(bench);
    let kept = now.as_array().expect("images");
    for image in before.as_array().expect("images") {
        assert!(kept.contains(image), "lost: {image}");
    }
}

/// Runs the program under a limit on the size of every file it writes, in units of 512 bytes (or
/// 1024, the shells differ). The limit's signal is ignored, so writes fail as on a full disk.
fn limited(bench: &Workbench, blocks: u64) -> Run {
    let program = bench.command(&INDEX);
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#,
        &blocks.to_string(),
    ]);
    shell
        .arg(program.get_program())
        .args(INDEX)
        .current_dir(bench.path("."));
    bench.finish(shell.output().expect("a shell"))
}

#[test]
fn writes_that_fail_lose_nothing() {
    let bench = Workbench::with_photos(4);
    fs_err::create_dir(bench.path("disk")).expect("a folder");
    bench.succeed(&INDEX);
    let before = images(&bench);
    bench.paint_photos(4..24);
    let mut failures = 0;
    for blocks in [1, 8, 24, 48, 72, 96, 128, 192, 256] {
        let run = limited(&bench, blocks);
        if run.code != Some(0) {
            failures += 1;
            failed_cleanly(&bench, &run, &before);
        }
    }
    assert!(failures >= 3, "the limit was never felt");
    bench.succeed(&INDEX);
    assert_eq!(images(&bench).as_array().map(Vec::len), Some(24));
    bench.succeed(&["verify", "disk/p.vizsla"]);
}

#[test]
fn a_collection_that_cannot_be_made_leaves_nothing_behind() {
    let bench = Workbench::with_photos(2);
    fs_err::create_dir(bench.path("disk")).expect("a folder");
    let run = limited(&bench, 16);
    assert_eq!(run.code, Some(1), "{} {}", run.stdout, run.stderr);
    assert_eq!(
        fs_err::read_dir(bench.path("disk"))
            .expect("a folder")
            .count(),
        0
    );
    bench.succeed(&INDEX);
}

/// A small file system of its own; none where mounting is not allowed.
struct SmallDisk<'a>(&'a Workbench);

impl<'a> SmallDisk<'a> {
    fn mount(bench: &'a Workbench) -> Option<Self> {
        fs_err::create_dir(bench.path("disk")).expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(bench.path("disk"));
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then_some(Self(bench))
    }

    /// Fills the disk but for so many bytes.
    fn fill_but(&self, left: u64) {
        let path = self.0.path("disk/ballast");
        let mut ballast = fs_err::File::create(path).expect("the ballast");
        while ballast.write_all(&[0; 1 << 16]).is_ok() {}
        let full = ballast.metadata().expect("its size").len();
        ballast
            .set_len(full.saturating_sub(left))
            .expect("a little room");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path("disk")).status();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let bench = Workbench::with_photos(4);
    let Some(disk) = SmallDisk::mount(&bench) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    bench.succeed(&INDEX);
    let before = images(&bench);
    bench.paint_photos(4..24);
    for left in [0, 64 << 10, 160 << 10] {
        disk.fill_but(left);
        let run = bench.run(&INDEX);
        // With not a byte left, SQLite cannot even make the index of its log that readers need.
        fs_err::remove_file(bench.path("disk/ballast")).expect("room again");
        if run.code != Some(0) {
            failed_cleanly(&bench, &run, &before);
        }
    }
    bench.succeed(&INDEX);
    assert_eq!(images(&bench).as_array().map(Vec::len), Some(24));
    bench.succeed(&["verify", "disk/p.vizsla"]);
}
