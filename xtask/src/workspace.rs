//! What `cargo metadata` says about the workspace: its members, their direct dependencies and
//! where build products go.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::cargo;

/// In which builds of a crate a dependency takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Linked into the crate.
    Normal,
    /// Linked into its build script.
    Build,
    /// Linked into its tests, examples and benchmarks only.
    Dev,
}

/// One `[dependencies]` entry of a workspace member.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Name of the package, whatever the crate renames it to.
    pub name: String,
    /// In which builds it takes part.
    pub kind: Kind,
    /// True when it is taken from a folder and not from a registry.
    pub local: bool,
}

/// A crate of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the package.
    pub name: String,
    /// Folder of its manifest.
    pub folder: PathBuf,
    /// Everything its manifest names, in the manifest's order.
    pub dependencies: Vec<Dependency>,
}

/// The workspace as cargo sees it.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Folder of the root manifest.
    pub root: PathBuf,
    /// Folder of build products.
    pub target: PathBuf,
    /// All members, by name.
    pub members: Vec<Member>,
}

impl Workspace {
    /// The program as the tests have built it. Steps after them take it as it is: another `cargo build` could ask for other
    /// features of dependencies, and build most of them again.
    pub fn tested_program(&self) -> Result<PathBuf> {
        let name = format!("vizsla{}", std::env::consts::EXE_SUFFIX);
        let program = self.target.join("debug").join(name);
        if !program.is_file() {
            bail!(
                "{} is missing; `cargo test --workspace` builds it",
                program.display()
            );
        }
        Ok(program)
    }

    /// Asks cargo about the workspace of the current folder. Needs no network.
    pub fn load() -> Result<Self> {
        let output = cargo()
            .args([
                "metadata",
                "--format-version",
                "1",
                "--no-deps",
                "--offline",
            ])
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed:\n{}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .context("cargo metadata printed something that is not JSON")?;
        Self::from_metadata(&metadata)
    }

    /// Reads the answer of `cargo metadata --no-deps --format-version 1`.
    pub fn from_metadata(metadata: &Value) -> Result<Self> {
        let packages = metadata["packages"]
            .as_array()
            .context("cargo metadata: no packages")?;
        let mut members = packages.iter().map(member).collect::<Result<Vec<_>>>()?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: text(&metadata["workspace_root"])?.into(),
            target: text(&metadata["target_directory"])?.into(),
            members,
        })
    }
}

fn member(package: &Value) -> Result<Member> {
    let entries = package["dependencies"]
        .as_array()
        .context("cargo metadata: no dependencies")?;
    Ok(Member {
        name: text(&package["name"])?,
        folder: PathBuf::from(text(&package["manifest_path"])?)
            .parent()
            .context("cargo metadata: a manifest without a folder")?
            .to_owned(),
        dependencies: entries.iter().map(dependency).collect::<Result<_>>()?,
    })
}

fn dependency(entry: &Value) -> Result<Dependency> {
    let kind = match entry["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        Some(other) => bail!("cargo metadata: unknown kind of dependency {other:?}"),
    };
    Ok(Dependency {
        name: text(&entry["name"])?,
        kind,
        local: entry["path"].is_string(),
    })
}

fn text(value: &Value) -> Result<String> {
    Ok(value
        .as_str()
        .context("cargo metadata: a text is missing")?
        .to_owned())
}
