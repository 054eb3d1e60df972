//! Which rules hold at one place of a walk.
//!
//! Four voices, and the first that says something decides: the patterns of the run, or those the collection keeps; the
//! `.vizslaignore` files from the place upwards; what systems and programs keep beside pictures; whether it is hidden.

use std::path::{Path, PathBuf};

use fs_err as fs;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use vizsla_pixels::{ErrorKind, Reach};

use super::rules::{KeptRules, WalkRules};
use super::usual::{is_hidden, is_usual};
use crate::{Error, Skipped};

/// Name of the files that say what is left out of the folder they lie in.
const IGNORE_FILE: &str = ".vizslaignore";
/// Longest such file that is read, bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What is done with a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    LeftOut(Reason),
}

/// Why something is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// A pattern of the run, or one that the collection keeps.
    Pattern(String),
    /// A line of an ignore file.
    Line(String, PathBuf),
    Usual,
    Hidden,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pattern(pattern) => write!(f, "--exclude {pattern}"),
            Self::Line(line, file) => write!(f, "{line} in {}", file.display()),
            Self::Usual => f.write_str("a system or a program keeps it beside pictures"),
            Self::Hidden => f.write_str("hidden"),
        }
    }
}

/// The rules along the way from the top of the file system to one folder.
#[derive(Default)]
pub(super) struct Ground {
    levels: Vec<Level>,
    /// What is wrong with ignore files.
    pub faults: Vec<Skipped>,
}

/// A folder that has something to say.
struct Level {
    folder: PathBuf,
    ignore: Option<Gitignore>,
    /// Its own patterns and whether hidden files are taken.
    rules: Option<(Gitignore, bool)>,
}

impl Ground {
    /// Goes into a folder, out of those that it does not lie in. `may_read` says whether a file may be looked into.
    pub(super) fn enter(
        &mut self,
        folder: &Path,
        kept: &KeptRules,
        may_read: impl Fn(&Path) -> bool,
    ) -> Result<(), Error> {
        self.leave(folder);
        let rules = kept.rules_of(folder);
        let rules = rules.map(|rules: &WalkRules| -> Result<_, Error> {
            Ok((rules.patterns(folder)?, rules.include_hidden))
        });
        let level = Level {
            rules: rules.transpose()?,
            ignore: self.read(folder, may_read),
            folder: folder.to_owned(),
        };
        if level.rules.is_some() || level.ignore.is_some() {
            self.levels.push(level);
        }
        Ok(())
    }

    /// Goes out of the folders that `path` does not lie in.
    pub(super) fn leave(&mut self, path: &Path) {
        let inside = |level: &Level| path.starts_with(&level.folder) && path != level.folder;
        let kept = self.levels.iter().take_while(|level| inside(level)).count();
        self.levels.truncate(kept);
    }

    /// What the rules say of an entry of the folder that was entered last.
    pub(super) fn verdict(&self, path: &Path, is_folder: bool) -> Verdict {
        let rules = self
            .levels
            .iter()
            .rev()
            .find_map(|level| level.rules.as_ref());
        if let Some((patterns, _)) = rules {
            match patterns.matched(path, is_folder) {
                Match::Ignore(glob) => {
                    return Verdict::LeftOut(Reason::Pattern(glob.original().to_owned()));
                }
                Match::Whitelist(_) => return Verdict::Taken,
                Match::None => {}
            }
        }
        for level in self.levels.iter().rev() {
            let Some(ignore) = &level.ignore else {
                continue;
            };
            match ignore.matched(path, is_folder) {
                Match::Ignore(glob) => {
                    let file = level.folder.join(IGNORE_FILE);
                    return Verdict::LeftOut(Reason::Line(glob.original().to_owned(), file));
                }
                Match::Whitelist(_) => return Verdict::Taken,
                Match::None => {}
            }
        }
        let with_hidden = rules.is_some_and(|(_, with_hidden)| *with_hidden);
        if is_usual(path, is_folder) {
            Verdict::LeftOut(Reason::Usual)
        } else if is_hidden(path) && !with_hidden {
            Verdict::LeftOut(Reason::Hidden)
        } else {
            Verdict::Taken
        }
    }

    /// The ignore file of a folder. What is wrong with it is told, and the rest of it holds.
    fn read(&mut self, folder: &Path, may_read: impl Fn(&Path) -> bool) -> Option<Gitignore> {
        let path = folder.join(IGNORE_FILE);
        let text = match read_text(&path, may_read) {
            Ok(text) => text?,
            Err(reason) => {
                self.fault(&path, &reason);
                return None;
            }
        };
        let mut builder = GitignoreBuilder::new(folder);
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if let Err(error) = builder.add_line(None, line) {
                self.fault(
                    &path,
                    &format!(
                        "line {} holds no pattern and is passed over ({error})",
                        number + 1
                    ),
                );
            }
        }
        match builder.build() {
            Ok(ignore) => Some(ignore),
            Err(error) => {
                self.fault(
                    &path,
                    &format!("it leaves nothing out, it cannot be understood ({error})"),
                );
                None
            }
        }
    }

    fn fault(&mut self, path: &Path, reason: &str) {
        self.faults.push(Skipped {
            path: super::shown(path),
            reason: reason.to_owned(),
        });
    }
}

/// The text of an ignore file; `None` where there is none.
fn read_text(path: &Path, may_read: impl Fn(&Path) -> bool) -> Result<Option<String>, String> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if missing(error.kind()) => return Ok(None),
        Err(error) => {
            return Err(format!(
                "it leaves nothing out, it cannot be read ({})",
                error.kind()
            ));
        }
    };
    if !meta.is_file() || !may_read(path) {
        return Err("it leaves nothing out, it is not a file of this folder".to_owned());
    }
    if meta.len() > MOST_BYTES {
        return Err(format!(
            "it leaves nothing out, it has {} bytes and the most that is read is {MOST_BYTES}",
            meta.len()
        ));
    }
    // It may have become a pipe since it was looked at.
    match Reach::anywhere().read(path, MOST_BYTES) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => match error.kind() {
            ErrorKind::Io(cause) if missing(cause.kind()) => Ok(None),
            cause => Err(format!(
                "it leaves nothing out, it cannot be read ({cause})"
            )),
        },
    }
}

fn missing(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(kind, NotFound | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(ground: &Ground, path: &Path, is_folder: bool) -> bool {
        matches!(ground.verdict(path, is_folder), Verdict::LeftOut(_))
    }

    #[test]
    fn the_innermost_file_that_says_something_decides() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, inner) = (dir.path().join("a"), dir.path().join("a/b"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(outer.join(IGNORE_FILE), "\u{feff}*.tif\n/b/raw/\n{broken\n").unwrap();
        fs::write(inner.join(IGNORE_FILE), "!keep.tif\n!.shown\n@*\n!@eaDir\n").unwrap();
        let kept = KeptRules::default();
        let mut ground = Ground::default();
        ground.enter(&outer, &kept, |_| true).unwrap();
        assert!(left_out(&ground, &outer.join("x.tif"), false));
        ground.enter(&inner, &kept, |_| true).unwrap();
        for (name, is_folder, out) in [
            ("x.tif", false, true),
            ("keep.tif", false, false),
            ("raw", true, true),
            ("raw", false, false),
            (".shown", true, false),
            (".hidden", true, true),
            ("@eaDir", true, false),
            ("x.png", false, false),
        ] {
            assert_eq!(
                left_out(&ground, &inner.join(name), is_folder),
                out,
                "{name}"
            );
        }
        // Beside the inner folder its rules hold no more.
        ground.leave(&outer.join("c"));
        assert!(left_out(&ground, &outer.join("keep.tif"), false));
        assert_eq!(ground.faults.len(), 1, "{:?}", ground.faults);
        assert!(ground.faults[0].reason.contains("line 3"));
    }

    #[test]
    fn patterns_of_a_person_go_first_and_are_those_of_the_nearest_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, inner) = (dir.path().join("a"), dir.path().join("a/b"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join(IGNORE_FILE), "!x.png\n").unwrap();
        let mut kept = KeptRules::default();
        kept.give(
            &outer,
            &WalkRules {
                exclude: vec!["x.png".into(), "!._y.png".into()],
                include_hidden: true,
            },
        )
        .unwrap();
        let mut ground = Ground::default();
        ground.enter(&outer, &kept, |_| true).unwrap();
        ground.enter(&inner, &kept, |_| true).unwrap();
        assert!(left_out(&ground, &inner.join("x.png"), false));
        assert!(!left_out(&ground, &inner.join(".z.png"), false));
        assert!(!left_out(&ground, &inner.join("._y.png"), false));
        assert!(left_out(&ground, &inner.join("._z.png"), false));
        kept.give(
            &inner,
            &WalkRules {
                exclude: vec!["y.png".into()],
                include_hidden: false,
            },
        )
        .unwrap();
        ground.enter(&inner, &kept, |_| true).unwrap();
        assert!(!left_out(&ground, &inner.join("x.png"), false));
        assert!(left_out(&ground, &inner.join(".z.png"), false));
    }

    #[test]
    fn an_ignore_file_that_cannot_be_used_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut ground = Ground::default();
        fs::create_dir(dir.path().join(IGNORE_FILE)).unwrap();
        ground
            .enter(dir.path(), &KeptRules::default(), |_| true)
            .unwrap();
        assert_eq!(ground.faults.len(), 1);
        fs::remove_dir(dir.path().join(IGNORE_FILE)).unwrap();
        fs::write(dir.path().join(IGNORE_FILE), "*").unwrap();
        ground
            .enter(dir.path(), &KeptRules::default(), |_| false)
            .unwrap();
        assert_eq!(ground.faults.len(), 2);
        assert!(!left_out(&ground, &dir.path().join("x.png"), false));
    }
}
