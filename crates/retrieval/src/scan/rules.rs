//! Rules that a person gives for a folder, and how a collection keeps them.
//!
//! A collection follows its folders for years, and the command that brings it up to date is typed from memory. What was
//! left out, or taken in spite of the usual rules, by the options of one run is therefore kept, so that the next run without
//! them neither adds nor removes anything by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is left out below a folder, besides what its `.vizslaignore` files say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkRules {
    /// Patterns in the manner of a `.gitignore` in that folder; the last one that fits decides, and one that begins with
    /// `!` takes what it names.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether hidden files and folders are taken too.
    #[serde(default)]
    pub include_hidden: bool,
}

impl WalkRules {
    /// Checks that every pattern is one.
    ///
    /// # Errors
    /// A pattern is empty, or not written as one.
    pub fn check(&self) -> Result<(), Error> {
        self.patterns(Path::new("/")).map(drop)
    }

    /// The patterns, which begin at `folder`.
    pub(super) fn patterns(&self, folder: &Path) -> Result<Gitignore, Error> {
        let mut builder = GitignoreBuilder::new(folder);
        for pattern in &self.exclude {
            let refused = |reason: String| {
                Error::Query(format!(
                    "this is not a pattern ({reason}); write one as in a .gitignore, such as raw/ or *.tif: {pattern}"
                ))
            };
            if line(pattern).trim().trim_matches(['/', '!']).is_empty() {
                return Err(refused("it names nothing".into()));
            }
            let added = builder.add_line(None, &line(pattern));
            added.map_err(|error| refused(error.to_string()))?;
        }
        builder.build().map_err(|error| {
            Error::Query(format!("the patterns to leave out are too large: {error}"))
        })
    }

    /// The patterns that are none of `used`.
    pub(super) fn unused<'a>(
        &'a self,
        used: &'a std::collections::BTreeSet<String>,
    ) -> impl Iterator<Item = &'a str> {
        let all = self.exclude.iter();
        all.filter(|pattern| !used.contains(line(pattern).trim_end()))
            .map(String::as_str)
    }
}

/// A pattern as a line of an ignore file: `#` begins no comment where there are none.
fn line(pattern: &str) -> String {
    match pattern.starts_with('#') {
        true => format!("\\{pattern}"),
        false => pattern.to_owned(),
    }
}

/// The folders and files that a collection was given by name and has to remember, with their rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeptRules(BTreeMap<String, Option<WalkRules>>);

impl KeptRules {
    /// What [`KeptRules::to_json`] wrote.
    pub(crate) fn from_json(text: &str) -> Result<Self, String> {
        let kept: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for rules in kept.0.values().flatten() {
            rules.check().map_err(|error| error.to_string())?;
        }
        Ok(kept)
    }

    /// As text, for the catalog.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Query(error.to_string()))
    }

    /// Every folder with rules of its own, in order.
    pub(crate) fn with_rules(&self) -> impl Iterator<Item = (&str, &WalkRules)> {
        let all = self.0.iter();
        all.filter_map(|(folder, rules)| Some((folder.as_str(), rules.as_ref()?)))
    }

    /// Rules that were given for exactly this folder.
    pub(super) fn rules_of(&self, folder: &Path) -> Option<&WalkRules> {
        self.0.get(folder.to_str()?)?.as_ref()
    }

    /// Whether this was given by name.
    pub(super) fn names(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.0.contains_key(path))
    }

    /// What was given by name below a folder, the folder itself not counted.
    pub(super) fn named_below(&self, folder: &Path) -> Vec<PathBuf> {
        let all = self.0.keys().map(Path::new);
        all.filter(|path| path.starts_with(folder) && *path != folder)
            .map(Path::to_owned)
            .collect()
    }

    /// Remembers rules for a folder; they take the place of those of the folders below it. What was given by name there
    /// stays so, unless a pattern leaves it out now.
    pub(super) fn give(&mut self, folder: &Path, rules: &WalkRules) -> Result<(), Error> {
        let Some(key) = folder.to_str() else {
            return Ok(());
        };
        let patterns = rules.patterns(folder)?;
        self.0.remove(key);
        self.0.retain(|path, own| {
            let path = Path::new(path);
            if !path.starts_with(folder) {
                return true;
            }
            *own = None;
            !patterns
                .matched_path_or_any_parents(path, path.is_dir())
                .is_ignore()
        });
        // Rules that say nothing have to be remembered only where others would hold instead.
        let others = folder
            .ancestors()
            .skip(1)
            .any(|above| self.rules_of(above).is_some());
        if *rules != WalkRules::default() || others {
            self.0.insert(key.to_owned(), Some(rules.clone()));
        }
        Ok(())
    }

    /// Remembers that this was given by name.
    pub(super) fn name(&mut self, path: &Path) {
        if let Some(key) = path.to_str() {
            self.0.entry(key.to_owned()).or_default();
        }
    }

    /// Forgets a file, or a folder with what is below it; whether there was something.
    pub(crate) fn forget_below(&mut self, folder: &Path) -> bool {
        let before = self.0.len();
        self.0
            .retain(|path, _| !Path::new(path).starts_with(folder));
        self.0.len() != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(exclude: &[&str]) -> WalkRules {
        WalkRules {
            exclude: exclude.iter().map(|&pattern| pattern.to_owned()).collect(),
            include_hidden: false,
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "  ", "/", "!", "{a", "a["] {
            let checked = rules(&[pattern]).check();
            // An open bracket stands for itself, as in git.
            assert_eq!(checked.is_ok(), pattern == "a[", "{pattern}");
        }
        rules(&["raw/", "*.tif", "/2001/**", "!keep.png", "#recycle"])
            .check()
            .unwrap();
    }

    #[test]
    fn a_sharp_sign_is_part_of_a_name() {
        let patterns = rules(&["#x"]).patterns(Path::new("/p")).unwrap();
        assert!(patterns.matched("/p/a/#x", true).is_ignore());
    }

    #[test]
    fn new_rules_take_the_place_of_those_below() {
        let mut kept = KeptRules::default();
        kept.give(Path::new("/p/a"), &rules(&["x"])).unwrap();
        kept.name(Path::new("/p/.b"));
        kept.name(Path::new("/p/y/.c"));
        kept.name(Path::new("/q"));
        assert_eq!(kept.named_below(Path::new("/p")).len(), 3);
        kept.give(Path::new("/p"), &rules(&["y"])).unwrap();
        assert_eq!(kept.rules_of(Path::new("/p/a")), None);
        assert!(kept.names(Path::new("/p/.b")) && kept.names(Path::new("/q")));
        assert!(
            !kept.names(Path::new("/p/y/.c")),
            "a pattern leaves it out now"
        );
        // No rules below others are rules too.
        kept.give(Path::new("/p/a"), &WalkRules::default()).unwrap();
        assert_eq!(kept.with_rules().count(), 2);
        kept.give(Path::new("/p"), &WalkRules::default()).unwrap();
        assert_eq!(kept.with_rules().count(), 0);
        assert!(kept.forget_below(Path::new("/p")) && !kept.forget_below(Path::new("/p")));
        assert!(kept.names(Path::new("/q")));
    }

    #[test]
    fn kept_rules_are_read_as_they_were_written() {
        let mut kept = KeptRules::default();
        kept.give(Path::new("/p"), &rules(&["raw/"])).unwrap();
        kept.name(Path::new("/p/.b"));
        let text = kept.to_json().unwrap();
        assert_eq!(KeptRules::from_json(&text).unwrap(), kept);
        assert!(KeptRules::from_json("{\"/p\":{\"exclude\":[\"{a\"]}}").is_err());
        assert!(KeptRules::from_json("[]").is_err());
    }
}
