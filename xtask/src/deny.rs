//! The check of licences, sources and known advisories of the lock file, by `cargo deny` and `deny.toml`.
//!
//! The program is built below the folder of build products when it is not installed. Licences, bans and sources need no
//! network. The database of advisories is a repository that not every machine reaches: `cargo xtask test` takes the copy
//! that is at hand and says so where there is none; `cargo xtask deny` fetches it and insists. What was found when all was
//! looked at stands in `docs/advisories.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{cargo, succeed};
use crate::workspace::Workspace;

/// The version that was tried with `deny.toml`.
const VERSION: &str = "0.20.2";

/// Everything; the database is fetched, and an error where it cannot be.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let program = program(&workspace)?;
    succeed(deny(&program, &workspace.root).args(["check", "--hide-inclusion-graph"])).context(
        "either something stands above, or the database of advisories could not be fetched",
    )
}

/// What can be looked at without a network, but for sources that were never fetched.
pub fn at_hand() -> Result<()> {
    let workspace = Workspace::load()?;
    let program = program(&workspace)?;
    // It looks at what is used on any system; a build fetches only what is used on this one.
    succeed(cargo().args(["fetch", "--locked", "--quiet"]))?;
    let offline = |checks: &[&str]| {
        let mut command = deny(&program, &workspace.root);
        command.args(["--offline", "check", "--hide-inclusion-graph"]);
        command.args(checks);
        command
    };
    succeed(&mut offline(&["bans", "licenses", "sources"]))?;
    let tried = offline(&["advisories"]).output()?;
    let said = String::from_utf8_lossy(&tried.stderr);
    if !tried.status.success() && said.contains("advisory-dbs") {
        println!("advisories: not checked, no copy of their database is at hand");
        return Ok(());
    }
    succeed(&mut offline(&["advisories"]))
}

/// The program that is installed, else one that is built here once.
fn program(workspace: &Workspace) -> Result<PathBuf> {
    let installed = PathBuf::from("cargo-deny");
    if works(&installed) {
        return Ok(installed);
    }
    let folder = workspace.target.join("tools");
    let name = format!("cargo-deny{}", std::env::consts::EXE_SUFFIX);
    let built = folder.join("bin").join(name);
    if !works(&built) {
        println!("building cargo-deny {VERSION} into {}", folder.display());
        let install = [
            "install",
            "--debug",
            "--locked",
            "cargo-deny",
            "--version",
            VERSION,
        ];
        // Its build products go where it is; the check may itself run under a shared folder of build products.
        let build = folder.join("build");
        succeed(
            cargo()
                .args(install)
                .arg("--root")
                .arg(&folder)
                .arg("--target-dir")
                .arg(&build),
        )?;
        fs_err::remove_dir_all(build)?;
    }
    Ok(built)
}

fn works(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

fn deny(program: &Path, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).args(["--workspace", "--locked"]);
    command
}
