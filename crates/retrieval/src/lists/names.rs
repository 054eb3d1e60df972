//! Which file a name in a list means.
//!
//! Lists move between machines and file systems: `\` for `/`, letters with accents as one character (NFC) or as two (NFD, as
//! macOS hands them out), other cases, paths of the machine that the list was written on, addresses with `%20`. Each of these is
//! taken for a file only where no other file could be meant; otherwise the candidates are named.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Candidates that a message names.
const NAMED: usize = 3;

/// How a name was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The path itself, from the root or from one of the folders.
    Path,
    /// The end of a path, which no other file has.
    End,
    /// Written in other cases.
    Case,
    /// Without the ending of the file.
    Stem,
    /// A path of another machine, found by as much of its end as is known here.
    Foreign,
}

/// A file that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<K> {
    /// The file.
    pub file: K,
    /// How it was found.
    pub how: How,
}

/// Why no file is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// No file has this name; perhaps one is alike.
    Unknown {
        /// A path whose last part is that of the name.
        alike: Option<String>,
    },
    /// Several have it.
    Ambiguous {
        /// How many.
        count: usize,
        /// The paths of the first of them.
        candidates: Vec<String>,
    },
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { alike: None } => f.write_str("no such file is among the pictures"),
            Self::Unknown { alike: Some(path) } => {
                write!(f, "no such file is among the pictures; there is {path}")
            }
            Self::Ambiguous { count, candidates } => {
                let more = if *count > candidates.len() {
                    ", …"
                } else {
                    ""
                };
                let named = candidates.join(", ");
                write!(
                    f,
                    "{count} images have this name ({named}{more}); write more of the path"
                )
            }
        }
    }
}

/// Files by their paths and by the ends of their paths.
#[derive(Debug)]
pub struct Names<K> {
    rows: Vec<Known<K>>,
    /// Places in `rows`, sorted by the parts of the folded path from its end.
    by_end: Vec<u32>,
    /// The same without the ending of the file.
    by_stem: Vec<u32>,
    /// Folders that relative names may start from, in order.
    folders: Vec<String>,
}

#[derive(Debug)]
struct Known<K> {
    /// As it is written, `/` between parts, composed.
    path: String,
    folded: String,
    file: K,
}

impl<K: Copy + Ord> Names<K> {
    /// Of files with their paths; relative names are looked for in `folders` first, in their order.
    pub fn new<S: AsRef<str>>(
        files: impl IntoIterator<Item = (S, K)>,
        folders: &[PathBuf],
    ) -> Self {
        let known = |(path, file): (S, K)| {
            let path = composed(path.as_ref());
            Known {
                folded: path.to_lowercase(),
                path,
                file,
            }
        };
        let rows: Vec<Known<K>> = files.into_iter().map(known).collect();
        let mut by_end: Vec<u32> = (0..rows.len() as u32).collect();
        let mut by_stem = by_end.clone();
        let row = |at: u32| rows[at as usize].folded.as_str();
        by_end.sort_by(|&a, &b| row(a).rsplit('/').cmp(row(b).rsplit('/')));
        by_stem.sort_by(|&a, &b| stemmed(row(a)).cmp(stemmed(row(b))));
        let folder = |folder: &PathBuf| composed(folder.to_string_lossy().trim_end_matches('/'));
        Self {
            folders: folders.iter().map(folder).collect(),
            by_end,
            by_stem,
            rows,
        }
    }

    /// The file that one of several names means; the first that is known counts.
    ///
    /// # Errors
    /// None is known; the reason is that of the first.
    pub fn find_any(&self, names: &[String]) -> Result<Found<K>, NotFound> {
        let mut reason = None;
        for name in names {
            match self.find(name) {
                Ok(found) => return Ok(found),
                Err(why) => reason = reason.or(Some(why)),
            }
        }
        Err(reason.unwrap_or(NotFound::Unknown { alike: None }))
    }

    /// The file that a name means.
    ///
    /// # Errors
    /// None, or several that it could mean.
    pub fn find(&self, name: &str) -> Result<Found<K>, NotFound> {
        let mut reason = NotFound::Unknown { alike: None };
        for spelling in spellings(name) {
            match self.spelled(&spelling) {
                Ok(found) => return Ok(found),
                // The spelling that says most is the one to report.
                Err(why) if matches!(reason, NotFound::Unknown { alike: None }) => reason = why,
                Err(_) => {}
            }
        }
        Err(reason)
    }

    fn spelled(&self, name: &str) -> Result<Found<K>, NotFound> {
        let name = Name::of(name);
        let unknown = NotFound::Unknown { alike: None };
        if name.parts.is_empty() {
            return Err(unknown);
        }
        let whole: Vec<String> = match name.absolute {
            true => vec![format!("/{}", name.parts.join("/"))],
            false => {
                let joined = |folder: &String| plain(&format!("{folder}/{}", name.written));
                self.folders.iter().map(joined).collect()
            }
        };
        for (by_stem, exact) in [(false, true), (false, false), (true, true), (true, false)] {
            for path in &whole {
                let how = match (by_stem, exact) {
                    (true, _) => How::Stem,
                    (false, true) => How::Path,
                    (false, false) => How::Case,
                };
                if let Some(found) = self.one(path, by_stem, exact, true, how)? {
                    return Ok(found);
                }
            }
        }
        // A path that is absolute elsewhere is known here by its end.
        let shortest = if name.absolute {
            name.parts.len() - 1
        } else {
            0
        };
        for from in 0..=shortest {
            let tail = name.parts[from..].join("/");
            for (by_stem, exact) in [(false, true), (false, false), (true, true), (true, false)] {
                let how = match (name.absolute, by_stem, exact) {
                    (true, ..) => How::Foreign,
                    (false, true, _) => How::Stem,
                    (false, false, true) => How::End,
                    (false, false, false) => How::Case,
                };
                if let Some(found) = self.one(&tail, by_stem, exact, false, how)? {
                    return Ok(found);
                }
            }
        }
        let last = name.parts.last().map(|last| last.to_lowercase());
        let alike = last.and_then(|last| {
            let row = self.range(&last, false).first()?;
            Some(self.rows[*row as usize].path.clone())
        });
        Err(NotFound::Unknown { alike })
    }

    /// The one file whose path ends in `tail`, or is it when it is the `whole`; `None` when there is none.
    fn one(
        &self,
        tail: &str,
        by_stem: bool,
        exact: bool,
        whole: bool,
        how: How,
    ) -> Result<Option<Found<K>>, NotFound> {
        let folded = tail.to_lowercase();
        let parts = tail.split('/').count();
        let fits = |row: &&Known<K>| {
            let path = match by_stem {
                true => without_ending(&row.path),
                false => row.path.as_str(),
            };
            (!exact || path.ends_with(tail)) && (!whole || path.split('/').count() == parts)
        };
        let rows = self
            .range(&folded, by_stem)
            .iter()
            .map(|&at| &self.rows[at as usize]);
        let mut files: BTreeMap<K, &str> = BTreeMap::new();
        for row in rows.filter(fits) {
            files.entry(row.file).or_insert(&row.path);
        }
        match files.len() {
            0 => Ok(None),
            1 => Ok(files
                .first_key_value()
                .map(|(&file, _)| Found { file, how })),
            count => Err(NotFound::Ambiguous {
                count,
                candidates: files.into_values().take(NAMED).map(str::to_owned).collect(),
            }),
        }
    }

    /// The rows whose folded paths end in the parts of `tail`.
    fn range(&self, tail: &str, by_stem: bool) -> &[u32] {
        let order = match by_stem {
            true => &self.by_stem,
            false => &self.by_end,
        };
        let against = |&at: &u32| {
            let path = self.rows[at as usize].folded.as_str();
            match by_stem {
                true => against(stemmed(path), tail),
                false => against(path.rsplit('/'), tail),
            }
        };
        let start = order.partition_point(|at| against(at) == Ordering::Less);
        let rest = &order[start..];
        &rest[..rest.partition_point(|at| against(at) == Ordering::Equal)]
    }
}

/// Compares the parts of a path from its end with those of a tail, as far as the tail goes.
fn against<'a>(mut path: impl Iterator<Item = &'a str>, tail: &str) -> Ordering {
    for part in tail.rsplit('/') {
        match path.next().map(|own| own.cmp(part)) {
            Some(Ordering::Equal) => {}
            Some(other) => return other,
            None => return Ordering::Less,
        }
    }
    Ordering::Equal
}

/// The parts of a path from its end, the last without its ending.
fn stemmed(path: &str) -> impl Iterator<Item = &str> {
    without_ending(path).rsplit('/')
}

fn without_ending(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending))
            if !ending.contains('/') && !stem.is_empty() && !stem.ends_with('/') =>
        {
            stem
        }
        _ => path,
    }
}

fn composed(text: &str) -> String {
    match is_nfc(text) {
        true => text.to_owned(),
        false => text.nfc().collect(),
    }
}

/// A name as it may be meant: as it stands, with `\` as `/`, as a path within an address, with its `%20` decoded.
fn spellings(name: &str) -> Vec<String> {
    let name = composed(name.trim().trim_start_matches('\u{feff}'));
    let mut spellings = vec![name.clone()];
    let mut add = |spelling: String| {
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    };
    let slashed = name.replace('\\', "/");
    let bare = match slashed.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => rest.to_owned(),
        Some((_, rest)) => {
            let path = rest.split_once('/').map_or("", |(_, path)| path);
            format!("/{}", path.split(['?', '#']).next().unwrap_or_default())
        }
        None => slashed.clone(),
    };
    add(slashed);
    add(bare.clone());
    if let Some(decoded) = decoded(&bare) {
        add(composed(&decoded));
    }
    spellings
}

/// A text with its `%20` and the like decoded; `None` when there is none or it gives no text.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded)
        .ok()
        .filter(|decoded| decoded != text)
}

/// A name in its parts.
struct Name {
    absolute: bool,
    /// As it is written, for joining it to a folder.
    written: String,
    /// Without `.`, and with `..` taken back where that is possible and left out where it is not.
    parts: Vec<String>,
}

impl Name {
    fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let drive = matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic());
        let rest = if drive { &name[2..] } else { name };
        let absolute = drive || rest.starts_with('/');
        let kept = plain(rest);
        let parts = kept.split('/').filter(|part| !matches!(*part, "" | ".."));
        Self {
            absolute,
            written: rest.to_owned(),
            parts: parts.map(str::to_owned).collect(),
        }
    }
}

/// A path without `.` and empty parts, and with `..` taken back; links are not followed.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, i64); 8] = [
        ("/p/2023/a.jpg", 1),
        ("/p/2024/a.jpg", 2),
        ("/p/2024/b.c.jpg", 3),
        ("/p/copy/b.c.jpg", 3),
        ("/q/a.jpg", 4),
        ("/p/M\u{fc}ller & Söhne.JPG", 5),
        ("/p/sub/only.png", 6),
        ("/p/sub/Only.png", 7),
    ];

    fn names(folders: &[&str]) -> Names<i64> {
        let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
        Names::new(FILES, &folders)
    }

    #[test]
    fn a_name_is_found_from_its_folder_or_by_its_end() {
        let names = names(&["/lists", "/q"]);
        let find = |name: &str| names.find(name).map(|found| found.file).ok();
        assert_eq!(find("/p/2023/a.jpg"), Some(1));
        assert_eq!(find("../p/2024/./a.jpg"), Some(2));
        assert_eq!(find("a.jpg"), Some(4), "the folder goes before the end");
        assert_eq!(find("2024/a.jpg"), Some(2));
        assert_eq!(find("b.c.jpg"), Some(3), "two files, one image");
        assert_eq!(find("b.c"), Some(3));
        for name in [
            "",
            "c.jpg",
            "024/a.jpg",
            "..",
            "jpg",
            "2025/a.jpg",
            "/",
            "sub/a.jpg",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn names_from_other_systems_mean_the_same_file() {
        let names = names(&["/lists"]);
        let find = |name: &str| names.find(name).map(|found| (found.file, found.how));
        for name in [
            "Mu\u{308}ller & Söhne.JPG",
            ".\\M\u{fc}ller & Söhne.JPG",
            "p\\M\u{fc}ller & Söhne.JPG",
            "M%C3%BCller%20&%20S%C3%B6hne.JPG",
            "file:///p/M%C3%BCller%20%26%20S%C3%B6hne.JPG",
        ] {
            let found = find(name).unwrap();
            assert!(found.0 == 5 && found.1 <= How::End, "{name}: {found:?}");
        }
        assert_eq!(find("mu\u{308}ller & söhne.jpg"), Ok((5, How::Case)));
        assert_eq!(find("Müller & Söhne"), Ok((5, How::Stem)));
        for name in [
            "C:\\Users\\me\\Pictures\\2023\\a.jpg",
            "/home/me/2023/a.jpg",
            "\\\\server\\share\\2023\\a.jpg",
            "https://example.org/2023/a.jpg?width=100",
        ] {
            assert_eq!(find(name), Ok((1, How::Foreign)), "{name}");
        }
        assert_eq!(
            find("sub\\only.png"),
            Ok((6, How::End)),
            "cases tell apart where they can"
        );
    }

    #[test]
    fn what_could_be_several_is_not_guessed() {
        let names = names(&["/lists"]);
        let why = |name: &str| names.find(name).unwrap_err().to_string();
        let several = why("a.jpg");
        assert!(
            several.contains("3 images") && several.contains("/p/2023/a.jpg, /p/2024/a.jpg"),
            "{several}"
        );
        assert!(why("C:\\x\\a.jpg").contains("3 images"));
        assert!(why("ONLY.png").contains("2 images"));
        assert!(
            why("2025/b.c.jpg").contains("there is /p/"),
            "{}",
            why("2025/b.c.jpg")
        );
        let any = ["none.jpg".to_owned(), "b.c".to_owned()];
        assert_eq!(names.find_any(&any).map(|found| found.file), Ok(3));
    }
}
