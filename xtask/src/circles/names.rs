//! What one file of Rust says about modules: which it declares, which names it defines, brings in and mentions.
//!
//! The file is cut into tokens and not parsed further: names are found by the words before them (`fn`, `struct`, `use`, …),
//! and paths also inside of macros, where a parser of items sees nothing. What stands behind `#[cfg(test)]` is left out, so
//! that tests may reach anywhere.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Words after which a name is defined.
const DEFINING: &[&str] = &[
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
];

/// A name that a `use` brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// The name here; `None` for `*` and `_`.
    pub name: Option<String>,
    /// Its path, from its first segment.
    pub path: Vec<String>,
    /// Everything of the path is meant: `use path::*`.
    pub all: bool,
    /// It is handed on: `pub use`, whatever the visibility.
    pub handed_on: bool,
}

/// What a module says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Names defined here.
    pub defined: BTreeSet<String>,
    /// What `use` brings in, in functions too.
    pub brought: Vec<Brought>,
    /// Paths and single names that the code mentions outside of `use`.
    pub mentioned: BTreeSet<Vec<String>>,
    /// Modules declared with `mod name;`, each a file.
    pub files: Vec<String>,
    /// Modules written out with `mod name { … }`.
    pub written_out: Vec<(String, Names)>,
}

impl Names {
    /// Reads the text of a file.
    pub fn of(text: &str) -> Result<Self, proc_macro2::LexError> {
        let mut names = Self::default();
        names.read(text.parse()?, true);
        Ok(names)
    }

    /// Reads tokens; `items` when they stand directly in a module, so that what they define can be named from outside.
    fn read(&mut self, tokens: TokenStream, items: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Punct(mark) if mark.as_char() == '#' => attribute(&tokens, at, items),
                TokenTree::Ident(word) if word == "use" => self.usage(&tokens, at),
                TokenTree::Ident(word) if word == "mod" && items => self.module(&tokens, at),
                TokenTree::Ident(_) => self.path(&tokens, at, items),
                TokenTree::Group(group) => {
                    self.read(group.stream(), false);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// `mod name;` or `mod name { … }`.
    fn module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
            return at + 1;
        };
        let name = name.to_string();
        match tokens.get(at + 2) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let mut inner = Self::default();
                inner.read(group.stream(), true);
                self.written_out.push((name, inner));
                at + 3
            }
            _ => {
                self.files.push(name);
                at + 2
            }
        }
    }

    /// A `use` and all that it brings in.
    fn usage(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let length = tokens[at..].iter().position(|token| is_mark(token, ';'));
        let end = length.map_or(tokens.len(), |length| at + length);
        let handed_on = match at.checked_sub(1).map(|before| &tokens[before]) {
            Some(TokenTree::Ident(word)) => word == "pub",
            Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
            _ => false,
        };
        self.branch(&tokens[at + 1..end], &[], handed_on);
        end + 1
    }

    /// One branch of the tree of a `use`: `a::b`, `a::b as c`, `a::*`, `a::{…}`.
    fn branch(&mut self, tokens: &[TokenTree], before: &[String], handed_on: bool) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut words = tokens.iter();
        while let Some(token) = words.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = words.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) => path.push(plain(&word.to_string())),
                TokenTree::Punct(mark) if mark.as_char() == '*' => {
                    let all = true;
                    self.brought.push(Brought {
                        name: None,
                        path,
                        all,
                        handed_on,
                    });
                    return;
                }
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inner.split(|token| is_mark(token, ',')) {
                        if !branch.is_empty() {
                            self.branch(branch, &path, handed_on);
                        }
                    }
                    return;
                }
                _ => {}
            }
        }
        if path.len() > before.len()
            && path.len() > 1
            && path.last().is_some_and(|last| last == "self")
        {
            path.pop();
        }
        let name = name
            .or_else(|| path.last().cloned())
            .filter(|name| name != "_");
        self.brought.push(Brought {
            name,
            path,
            all: false,
            handed_on,
        });
    }

    /// A word of the code and the path that goes on from it; a name that is defined, if the word before it says so.
    fn path(&mut self, tokens: &[TokenTree], at: usize, items: bool) -> usize {
        let word = tokens[at].to_string();
        if items && DEFINING.contains(&word.as_str()) {
            let name = tokens[at + 1..]
                .iter()
                .find(|token| !is_mark(token, '!'))
                .map(ToString::to_string);
            if let Some(name) =
                name.filter(|name| !DEFINING.contains(&name.as_str()) && name != "mut")
            {
                self.defined.insert(plain(&name));
                return at + 1;
            }
        }
        let member = at > 0 && is_mark(&tokens[at - 1], '.');
        let mut path = vec![plain(&word)];
        let mut next = at + 1;
        while let Some([first, second, TokenTree::Ident(word)]) = tokens.get(next..next + 3)
            && is_mark(first, ':')
            && is_mark(second, ':')
        {
            path.push(plain(&word.to_string()));
            next += 3;
        }
        if !member || path.len() > 1 {
            self.mentioned.insert(path);
        }
        next
    }
}

/// Where the code goes on behind an attribute, and behind what follows it if that is for tests alone.
fn attribute(tokens: &[TokenTree], at: usize, items: bool) -> usize {
    let Some(TokenTree::Group(group)) = tokens.get(at + 1) else {
        return at + 1;
    };
    if !for_tests(group) {
        return at + 2;
    }
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(mark) => mark.as_char() == ';' || !items && mark.as_char() == ',',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    match tokens[at + 2..].iter().position(ends) {
        Some(length) => at + 2 + length + 1,
        None => tokens.len(),
    }
}

/// True for `[cfg(test)]` and `[cfg(all(test, …))]`.
fn for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text.starts_with("cfg(test)") || text.starts_with("cfg(all(test,")
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// A name without the `r#` that lets it be a keyword.
fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(text: &str) -> Vec<(Option<String>, String, bool)> {
        let names = Names::of(text).expect("tokens");
        let told = |brought: &Brought| {
            (
                brought.name.clone(),
                brought.path.join("::"),
                brought.handed_on,
            )
        };
        names.brought.iter().map(told).collect()
    }

    #[test]
    fn a_tree_of_uses_is_told_apart() {
        let found = brought(
            "use crate::a::{self, B, c::{D as E, F}}; pub(crate) use x::*; use std::io::Write as _;",
        );
        let expected = [
            (Some("a"), "crate::a", false),
            (Some("B"), "crate::a::B", false),
            (Some("E"), "crate::a::c::D", false),
            (Some("F"), "crate::a::c::F", false),
            (None, "x", true),
            (None, "std::io::Write", false),
        ]
        .map(|(name, path, handed_on)| (name.map(str::to_owned), path.to_owned(), handed_on));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        let text = "#[cfg(test)] mod tests { use super::a; } #[cfg(test)] use crate::b; #[cfg(not(test))] use crate::c;";
        assert_eq!(
            brought(text),
            [(Some("c".to_owned()), "crate::c".to_owned(), false)]
        );
    }

    #[test]
    fn definitions_and_mentions_are_found() {
        let names = Names::of(
            "pub const fn one() -> u8 { crate::a::two(b::C) } struct D { e: f::G } macro_rules! h { () => {} } mod i; \
             fn last() { let x = y.method(); const INNER: u8 = 1; println!(\"{}\", crate::j::K); }",
        )
        .expect("tokens");
        for defined in ["one", "D", "h", "last"] {
            assert!(names.defined.contains(defined), "{defined}");
        }
        assert!(!names.defined.contains("INNER"));
        assert_eq!(names.files, ["i"]);
        for path in ["crate::a::two", "b::C", "f::G", "crate::j::K", "y"] {
            let path: Vec<String> = path.split("::").map(str::to_owned).collect();
            assert!(names.mentioned.contains(&path), "{path:?}");
        }
        assert!(!names.mentioned.contains(&vec!["method".to_owned()]));
    }
}
