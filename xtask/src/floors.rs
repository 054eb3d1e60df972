//! The check that no floor imports a floor above it.
//!
//! The table mirrors the one in `docs/house.md`; the two are changed together. What a crate's
//! manifest names is checked, which is a superset of what its code imports.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::circles;
use crate::workspace::{Kind, Member, Workspace};

/// Every crate of the house and the crates it may name under `[dependencies]` and
/// `[build-dependencies]`. Tests, examples and benchmarks may also reach the floors below those.
const TABLE: &[(&str, &[&str])] = &[
    ("vizsla-vectors", &[]),
    ("vizsla-pixels", &[]),
    ("vizsla-features", &["vizsla-vectors", "vizsla-pixels"]),
    ("vizsla-words", &["vizsla-vectors", "vizsla-features"]),
    ("vizsla-neural", &["vizsla-vectors", "vizsla-pixels"]),
    (
        "vizsla-retrieval",
        &[
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-words",
            "vizsla-neural",
        ],
    ),
    (
        "vizsla-evaluation",
        &[
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-neural",
            "vizsla-retrieval",
        ],
    ),
    (
        "vizsla-training",
        &[
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-neural",
            "vizsla-retrieval",
            "vizsla-evaluation",
        ],
    ),
    (
        "vizsla-server",
        &["vizsla-retrieval", "vizsla-evaluation", "vizsla-pixels"],
    ),
    (
        "vizsla",
        &[
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-words",
            "vizsla-neural",
            "vizsla-retrieval",
            "vizsla-evaluation",
            "vizsla-training",
        ],
    ),
    (
        "vizsla-cli",
        &[
            "vizsla",
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-words",
            "vizsla-neural",
            "vizsla-retrieval",
            "vizsla-evaluation",
            "vizsla-training",
            "vizsla-server",
        ],
    ),
    (
        "vizsla-python",
        &[
            "vizsla",
            "vizsla-vectors",
            "vizsla-pixels",
            "vizsla-features",
            "vizsla-words",
            "vizsla-neural",
            "vizsla-retrieval",
            "vizsla-evaluation",
            "vizsla-training",
        ],
    ),
    ("xtask", &[]),
];

/// Checks the workspace and prints one line for every forbidden import and every circle of files.
pub fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let forbidden = complaints(&workspace.members);
    let circles = circles::complaints(&workspace.members)?;
    for complaint in forbidden.iter().chain(&circles) {
        eprintln!("{complaint}");
    }
    if !forbidden.is_empty() {
        bail!(
            "{} forbidden import(s): move what is needed to a lower floor, see docs/house.md",
            forbidden.len()
        );
    }
    if !circles.is_empty() {
        bail!(
            "{} circle(s) of files: move what both sides need into a file of its own, see docs/house.md",
            circles.len()
        );
    }
    println!(
        "floors: {} crates, no forbidden import, no circle of files",
        workspace.members.len()
    );
    Ok(())
}

/// Every breach of the table, in the order of the members.
fn complaints(members: &[Member]) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut found = Vec::new();
    for member in members {
        let Some(&allowed) = table.get(member.name.as_str()) else {
            found.push(format!(
                "{}: not in the table of floors; add it to docs/house.md and xtask/src/floors.rs",
                member.name
            ));
            continue;
        };
        let below = reachable(&table, allowed);
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            if !dependency.local && !table.contains_key(name) {
                continue;
            }
            let fine = match dependency.kind {
                Kind::Normal | Kind::Build => allowed.contains(&name),
                Kind::Dev => below.contains(name),
            };
            if !fine {
                found.push(format!(
                    "{} must not import {name} ({:?})",
                    member.name, dependency.kind
                ));
            }
        }
    }
    found
}

/// The allowed floors and everything those may import in their turn.
fn reachable<'a>(
    table: &BTreeMap<&'a str, &'a [&'a str]>,
    allowed: &[&'a str],
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = allowed.to_vec();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(table.get(name).copied().unwrap_or_default());
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn member(name: &str, imports: &[(&str, Kind)]) -> Member {
        let dependencies = imports
            .iter()
            .map(|&(name, kind)| Dependency {
                name: name.to_owned(),
                kind,
                local: name.starts_with("vizsla"),
            })
            .collect();
        Member {
            name: name.to_owned(),
            folder: name.into(),
            dependencies,
        }
    }

    #[test]
    fn downward_imports_pass() {
        let words = member(
            "vizsla-words",
            &[
                ("vizsla-features", Kind::Normal),
                ("rayon", Kind::Normal),
                ("insta", Kind::Dev),
            ],
        );
        assert!(complaints(&[words]).is_empty());
    }

    #[test]
    fn an_upward_import_is_named() {
        let pixels = member("vizsla-pixels", &[("vizsla-features", Kind::Normal)]);
        assert_eq!(
            complaints(&[pixels]),
            ["vizsla-pixels must not import vizsla-features (Normal)"]
        );
    }

    #[test]
    fn a_build_script_obeys_the_same_table() {
        let words = member("vizsla-words", &[("vizsla-retrieval", Kind::Build)]);
        assert_eq!(complaints(&[words]).len(), 1);
    }

    #[test]
    fn tests_may_reach_floors_below_the_allowed_ones_but_none_above() {
        let below = member("vizsla-words", &[("vizsla-pixels", Kind::Dev)]);
        assert!(complaints(&[below]).is_empty());
        let direct = member("vizsla-words", &[("vizsla-pixels", Kind::Normal)]);
        assert_eq!(complaints(&[direct]).len(), 1);
        let above = member("vizsla-words", &[("vizsla-evaluation", Kind::Dev)]);
        assert_eq!(complaints(&[above]).len(), 1);
    }

    #[test]
    fn an_import_of_the_binary_is_forbidden_to_all() {
        for &(name, _) in TABLE {
            assert_eq!(
                complaints(&[member(name, &[("vizsla-cli", Kind::Normal)])]).len(),
                1
            );
        }
    }

    #[test]
    fn a_floor_taken_from_a_registry_is_checked_too() {
        let mut pixels = member("vizsla-pixels", &[("vizsla-words", Kind::Normal)]);
        pixels.dependencies[0].local = false;
        assert_eq!(complaints(&[pixels]).len(), 1);
    }

    #[test]
    fn a_crate_outside_of_the_table_is_reported() {
        assert_eq!(complaints(&[member("vizsla-extras", &[])]).len(), 1);
        let stray = Dependency {
            name: "stray".into(),
            kind: Kind::Normal,
            local: true,
        };
        let cli = Member {
            name: "vizsla-cli".into(),
            folder: "cli".into(),
            dependencies: vec![stray],
        };
        assert_eq!(
            complaints(&[cli]),
            ["vizsla-cli must not import stray (Normal)"]
        );
    }

    #[test]
    fn the_table_has_no_cycle() {
        let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
        for (name, allowed) in TABLE {
            assert!(
                !reachable(&table, allowed).contains(name),
                "{name} can reach itself"
            );
        }
    }

    #[test]
    fn this_workspace_obeys() {
        let workspace = Workspace::load().expect("cargo metadata");
        assert_eq!(complaints(&workspace.members), Vec::<String>::new());
    }
}
