//! The check of the page: its types, and what it does in a browser with the real server behind it.
//!
//! Node, npm and Chromium are needed for this alone; neither `cargo build` nor the program asks for them. What is missing
//! is installed where that can be done without asking anybody (as root, with `apt-get`); elsewhere the step says what to
//! install. The program under test is the one that the step before has built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::process::succeed;
use crate::workspace::Workspace;

/// Oldest Node that the test runner works with.
const NODE: u32 = 18;
/// Where systems put Chromium or Chrome, when `VIZSLA_CHROMIUM` names none.
const BROWSERS: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Checks the types, then runs the browser tests against `target/debug/vizsla`.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let folder = workspace.root.join("crates/server/web");
    let program = workspace.tested_program()?;
    let target = workspace.target;
    let browser = tools()?;
    packages(&folder)?;
    succeed(npm(&folder).args(["run", "--silent", "types"]))?;
    println!("page: types are sound");
    succeed(
        npm(&folder)
            .args(["run", "--silent", "test"])
            .env("CARGO_TARGET_DIR", &target)
            .env("VIZSLA_BIN", &program)
            .env("VIZSLA_CHROMIUM", browser),
    )?;
    println!(
        "page: screenshots are in {}",
        target.join("page/screenshots").display()
    );
    Ok(())
}

/// Node, npm and a browser: there, or installed now. Returns the browser.
fn tools() -> Result<PathBuf> {
    let mut missing = missing();
    if !missing.is_empty() && install(&missing) {
        missing = self::missing();
    }
    if !missing.is_empty() {
        bail!(
            "the browser tests of the page need {}; install Node {NODE} or later with npm, and Chromium (or name another \
             Chromium or Chrome with VIZSLA_CHROMIUM)",
            missing.join(", ")
        );
    }
    browser().context("Chromium was installed, but is not where it is looked for")
}

/// Debian's names of what is not there.
fn missing() -> Vec<&'static str> {
    let mut missing = Vec::new();
    let version = Command::new("node").arg("--version").output();
    let major = version
        .ok()
        .and_then(|output| major(&String::from_utf8_lossy(&output.stdout)));
    if major.is_none_or(|major| major < NODE) {
        missing.push("nodejs");
    }
    if Command::new("npm").arg("--version").output().is_err() {
        missing.push("npm");
    }
    if browser().is_none() {
        missing.push("chromium");
    }
    missing
}

/// The first number of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("VIZSLA_CHROMIUM").map(PathBuf::from);
    let known = BROWSERS.iter().map(PathBuf::from);
    named.into_iter().chain(known).find(|path| path.is_file())
}

/// Installs Debian packages, if this is Debian and we are root. Tells whether it went well.
fn install(packages: &[&str]) -> bool {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !root {
        return false;
    }
    println!("page: installing {}", packages.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        succeed(command.args(arguments)).is_ok()
    };
    let wanted = ["install", "-y", "--no-install-recommends"];
    apt(&["update", "-q"]) && apt(&[&wanted[..], packages].concat())
}

/// Brings `node_modules` to what the lock file says.
fn packages(folder: &Path) -> Result<()> {
    let lock = fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == lock) {
        return Ok(());
    }
    println!("page: installing the packages of the tests");
    succeed(
        npm(folder)
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
    )?;
    Ok(fs::write(stamp, lock)?)
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_is_read() {
        assert_eq!(major("v20.11.1\n"), Some(20));
        assert_eq!(major("v18"), Some(18));
        assert_eq!(major("20.1"), None);
        assert_eq!(major(""), None);
    }
}
