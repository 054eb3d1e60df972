//! The check that no two files of a crate import each other in a circle.
//!
//! Files that use each other can only be read, tested and moved together. A file *uses* another when it names something that
//! is defined there, in a `use` or in a path. Three rules follow from how a crate is put together:
//!
//! - A name that is handed on (`pub use`) counts for the file where it is defined, not for the files that hand it on. So
//!   `use crate::Hit` means the file of `Hit`, and a `lib.rs` or `mod.rs` that only hands on the names of its children may
//!   stand above children that reach each other through it.
//! - To hand a name on is no use of it; to mention it elsewhere in the same file is.
//! - A parent that uses its children, while a child uses what the parent *defines*, is a circle like any other: what both need
//!   belongs in a file of its own beside the children.
//!
//! `mod` lines are no imports, methods that one file adds to a type of another are not seen, and tests (`#[cfg(test)]`) may
//! reach anywhere.

mod imports;
mod names;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Result;

use self::imports::{Imports, Modules};
use crate::workspace::Member;

/// One line for every circle in the workspace.
pub fn complaints(members: &[Member]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for member in members {
        let imports = Modules::of(&member.folder.join("src"))?.imports();
        found.extend(
            circles(&imports)
                .iter()
                .map(|circle| told(&member.name, circle, &imports)),
        );
    }
    Ok(found)
}

/// The circles, the shortest through each import that is part of one, each beginning with its first file by name.
fn circles(imports: &Imports) -> BTreeSet<Vec<String>> {
    let mut circles = BTreeSet::new();
    for (file, used) in imports {
        for next in used.keys() {
            let Some(mut circle) = way(imports, next, file) else {
                continue;
            };
            let first = (0..circle.len()).min_by_key(|&at| &circle[at]).unwrap_or(0);
            circle.rotate_left(first);
            circles.insert(circle);
        }
    }
    circles
}

/// The shortest way from a file to another, both named.
fn way(imports: &Imports, from: &str, to: &str) -> Option<Vec<String>> {
    let mut before = BTreeMap::from([(from, None)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        if file == to {
            let mut way = vec![file.to_owned()];
            let mut at = file;
            while let Some(&Some(earlier)) = before.get(at) {
                way.push(String::from(earlier));
                at = earlier;
            }
            way.reverse();
            return Some(way);
        }
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(next.as_str()) {
                before.insert(next, Some(file));
                waiting.push_back(next);
            }
        }
    }
    None
}

/// `vizsla-words: a.rs uses b.rs (Hit), b.rs uses a.rs (Query)`.
fn told(name: &str, circle: &[String], imports: &Imports) -> String {
    let steps = circle.iter().enumerate().map(|(at, file)| {
        let next = &circle[(at + 1) % circle.len()];
        let what = imports.get(file).and_then(|used| used.get(next));
        format!("{file} uses {next} ({})", what.map_or("", String::as_str))
    });
    format!(
        "{name}: circle of files: {}",
        steps.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::imports::of_files;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let imports = of_files(files);
        circles(&imports)
            .iter()
            .map(|circle| told("house", circle, &imports))
            .collect()
    }

    #[test]
    fn a_circle_of_two_files_is_found_and_named() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; impl B { fn of(a: &super::a::A) {} }"),
        ];
        assert_eq!(
            found(&files),
            ["house: circle of files: a.rs uses b.rs (B), b.rs uses a.rs (A)"]
        );
    }

    #[test]
    fn a_circle_of_three_files_in_folders_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::deep; fn a() { deep::one() }"),
            ("b/mod.rs", "pub mod deep;"),
            ("b/deep.rs", "pub fn one() { crate::c::two() }"),
            (
                "c.rs",
                "pub fn two() { let x = format!(\"{}\", crate::a::THREE); }",
            ),
        ];
        let files = [
            &files[..],
            &[(
                "a.rs",
                "use crate::b::deep; pub const THREE: u8 = deep::one();",
            )],
        ]
        .concat();
        assert_eq!(
            found(&files),
            [
                "house: circle of files: a.rs uses b/deep.rs (one), b/deep.rs uses c.rs (two), c.rs uses a.rs (THREE)"
            ]
        );
    }

    #[test]
    fn a_name_that_is_handed_on_counts_where_it_is_defined() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::A; pub struct B(A);"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
        let circle = [files[0], ("a.rs", "pub struct A(crate::B);"), files[2]];
        assert_eq!(found(&circle).len(), 1);
    }

    #[test]
    fn a_parent_that_uses_a_child_that_uses_it_is_a_circle() {
        let child = ("a/child.rs", "pub fn work() -> usize { super::LIMIT }");
        let parent = (
            "a/mod.rs",
            "mod child; const LIMIT: usize = 1; fn call() { child::work(); }",
        );
        let root = ("lib.rs", "mod a;");
        assert_eq!(
            found(&[root, parent, child]),
            [
                "house: circle of files: a/child.rs uses a/mod.rs (LIMIT), a/mod.rs uses a/child.rs (work)"
            ]
        );
        let hands_on = (
            "a/mod.rs",
            "mod child; const LIMIT: usize = 1; pub use child::work;",
        );
        assert_eq!(found(&[root, hands_on, child]), Vec::<String>::new());
        let uses_it_too = (
            "a/mod.rs",
            "mod child; const LIMIT: usize = 1; pub use child::work; fn f() { work(); }",
        );
        assert_eq!(found(&[root, uses_it_too, child]).len(), 1);
    }

    #[test]
    fn all_of_a_module_counts_for_what_is_mentioned_of_it() {
        let root = ("lib.rs", "mod a; mod b;");
        let b = ("b.rs", "pub struct B; pub fn f() { crate::a::g() }");
        assert_eq!(
            found(&[root, ("a.rs", "use crate::b::*; pub fn g() { h() }"), b]),
            Vec::<String>::new()
        );
        assert_eq!(
            found(&[root, ("a.rs", "use crate::b::*; pub fn g(b: B) {}"), b]).len(),
            1
        );
    }

    #[test]
    fn tests_may_reach_anywhere() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "pub fn g() {} #[cfg(test)] mod tests { use crate::b::f; }",
            ),
            ("b.rs", "pub fn f() { crate::a::g() }"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn this_workspace_has_no_circle() {
        let workspace = crate::workspace::Workspace::load().expect("cargo metadata");
        assert_eq!(
            complaints(&workspace.members).expect("sources"),
            Vec::<String>::new()
        );
    }
}
