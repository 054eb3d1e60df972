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

/// Compares the list with the manifests.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let list = fs::read_to_string(workspace.root.join(LIST))?;
    let complaints = complaints(&workspace.members, &list);
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
        "{LIST} and the manifests disagree in {} place(s)",
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
}
