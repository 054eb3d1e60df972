//! The whole check of a change, in the order in which failures are cheapest to find.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::{cargo, succeed};
use crate::workspace::Workspace;
use crate::{api, deny, dependencies, floors, page};

type Step = (&'static str, fn(&Path) -> Result<()>);

/// What is left out of a build unless it is asked for, and is checked like the rest.
const EVERYTHING: &str = "vizsla-cli/training,vizsla/training";

const STEPS: &[Step] = &[
    ("formatting", |root| {
        call(root, &["fmt", "--all", "--check"])
    }),
    ("floors", |_| floors::run()),
    ("dependencies", |_| dependencies::run()),
    ("deny", |_| deny::at_hand()),
    ("lints", |root| {
        call(
            root,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--features",
                EVERYTHING,
                "--",
                "-D",
                "warnings",
            ],
        )
    }),
    ("tests", |root| {
        call(
            root,
            &["test", "--workspace", "--locked", "--features", EVERYTHING],
        )
    }),
    ("api", |_| api::run()),
    ("page", |_| page::run()),
];

/// Runs every step; the first that fails ends the task.
pub fn run() -> Result<()> {
    let root = Workspace::load()?.root;
    let start = Instant::now();
    let mut times = Vec::new();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        println!("[{}/{}] {name}", number + 1, STEPS.len());
        let begun = Instant::now();
        step(&root).with_context(|| format!("step '{name}' failed"))?;
        let spent = begun.elapsed();
        println!(
            "[{}/{}] {name}: ok, {}",
            number + 1,
            STEPS.len(),
            seconds(spent)
        );
        times.push(format!("{name} {}", seconds(spent)));
    }
    println!(
        "all steps passed in {} ({})",
        seconds(start.elapsed()),
        times.join(", ")
    );
    Ok(())
}

fn call(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(arguments).current_dir(root);
    succeed(&mut command)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
