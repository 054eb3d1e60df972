//! A temporary folder with pictures in it, and the real binary run inside it.

// Every test file compiles its own copy and uses its own part of it.
#![allow(dead_code)]

pub mod paint;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for one test.
pub struct Workbench {
    folder: TempDir,
    /// The folder's path without links, as the program reports it.
    root: PathBuf,
}

/// How a run of the program ended.
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, with the workbench's folder written as `[ROOT]`.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Workbench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("its real path");
        Self { folder, root }
    }

    /// A workbench with a folder `photos` that holds `pictures` paintings named 00.png, 01.png, …
    pub fn with_photos(pictures: u64) -> Self {
        let bench = Self::new();
        bench.paint_photos(0..pictures);
        bench
    }

    /// Adds the paintings of these numbers to the folder `photos`.
    pub fn paint_photos(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.write(
                format!("photos/{number:02}.png"),
                &paint::picture(number).encode_png().expect("png"),
            );
        }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().expect("a folder above")).expect("folders");
        fs_err::write(&path, bytes).expect("a file");
        path
    }

    /// The program, set up to run in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vizsla"));
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finish(
            self.command(arguments)
                .output()
                .expect("the program starts"),
        )
    }

    /// Runs the program and insists on exit code 0.
    pub fn succeed(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(
            run.code,
            Some(0),
            "{arguments:?}\n{}\n{}",
            run.stdout,
            run.stderr
        );
        run
    }

    /// Runs the program, insists on exit code 0 and reads its standard output as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.succeed(arguments);
        serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stdout))
    }

    pub fn finish(&self, output: Output) -> Run {
        let root = self.root.to_str().expect("a UTF-8 path");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root, "[ROOT]");
        Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Run {
    /// Insists that the program failed with code 1 and an error that holds all of these texts.
    pub fn fails_with(&self, texts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{text:?} is missing in: {}",
                self.stderr
            );
        }
    }
}
