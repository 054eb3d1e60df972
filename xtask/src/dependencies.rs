//! The check that every third-party dependency says in `docs/dependencies.md` what it is for.
//!
//! A line of the list starts with "- `name`". Lines for crates that nobody uses any longer are
//! reported as well, so that the list stays the truth.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use fs_err as fs;

use crate::workspace::{Member, Workspace};

/// Where the list lives, relative to the workspace root.
const LIST: &str = "docs/dependencies.md";

/// Compares the list with the manifests, and the packages that profiles name with those that there are: cargo only warns of a
/// name that has gone, and a crate that is renamed would be compiled as slowly as before.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let read = |name: &str| fs::read_to_string(workspace.root.join(name));
    let mut complaints = complaints(&workspace.members, &read(LIST)?);
    complaints.extend(gone(&read("Cargo.toml")?, &read("Cargo.lock")?));
    if complaints.is_empty() {
        println!(
            "dependencies: {} crates, each with its line",
            used(&workspace.members).len()
        );
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    bail!(
        "{LIST}, Cargo.toml and the manifests disagree in {} place(s)",
        complaints.len()
    )
}

fn used(members: &[Member]) -> BTreeSet<&str> {
    members
        .iter()
        .flat_map(|member| &member.dependencies)
        .filter(|dependency| !dependency.local)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

fn listed(list: &str) -> BTreeSet<&str> {
    list.lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect()
}

fn complaints(members: &[Member], list: &str) -> Vec<String> {
    let (used, listed) = (used(members), listed(list));
    let missing = used
        .difference(&listed)
        .map(|name| format!("{name}: no line in {LIST}"));
    let stale = listed
        .difference(&used)
        .map(|name| format!("{name}: listed, but used by no crate"));
    missing.chain(stale).collect()
}

/// Packages with a setting in a profile that are no part of the workspace's dependencies.
fn gone(manifest: &str, lock: &str) -> Vec<String> {
    let packages: BTreeSet<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect();
    let named = manifest.lines().filter_map(|line| {
        let (profile, name) = line.strip_prefix("[profile.")?.split_once(".package.")?;
        Some((profile, name.strip_suffix(']')?.trim_matches('"')))
    });
    named
        .filter(|(_, name)| *name != "*" && !packages.contains(name))
        .map(|(profile, name)| format!("{name}: named in profile {profile}, but in no lock file"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, Kind};

    fn member(names: &[&str]) -> Member {
        let dependencies = names
            .iter()
            .map(|name| Dependency {
                name: (*name).to_owned(),
                kind: Kind::Normal,
                local: name.starts_with("vizsla"),
            })
            .collect();
        Member {
            name: "vizsla-cli".into(),
            folder: "cli".into(),
            dependencies,
        }
    }

    #[test]
    fn a_dependency_without_a_line_is_reported() {
        let members = [member(&["clap", "rayon", "vizsla-words"])];
        let list = "# Dependencies\n\n- `clap`: arguments.\n";
        assert_eq!(
            complaints(&members, list),
            ["rayon: no line in docs/dependencies.md"]
        );
    }

    #[test]
    fn a_line_without_a_dependency_is_reported() {
        let list = "- `clap`: arguments.\n- `serde`: reports.\n";
        assert_eq!(
            complaints(&[member(&["clap"])], list),
            ["serde: listed, but used by no crate"]
        );
    }

    #[test]
    fn the_list_of_this_workspace_is_complete() {
        run().expect("docs/dependencies.md has one line for every dependency");
    }

    #[test]
    fn a_package_that_only_a_profile_knows_is_reported() {
        let manifest = "[profile.release]\nlto = \"off\"\n[profile.release.package.ring]\nopt-level = 0\n\
                        [profile.dev.package.\"old-gemm\"]\nopt-level = 3\n[profile.dev.package.\"*\"]\nopt-level = 1\n";
        let lock = "[[package]]\nname = \"ring\"\nversion = \"0.17.8\"\n";
        assert_eq!(
            gone(manifest, lock),
            ["old-gemm: named in profile dev, but in no lock file"]
        );
    }
}
