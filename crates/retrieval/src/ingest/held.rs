//! Pictures that the caller holds in memory, among the files that are taken in.
//!
//! The catalog knows a picture by where it is found. One that is in no file stands there under `memory:` and the name that the
//! caller gave it: the name of no file, for those of the catalog begin at the root. Under the same name another content
//! takes the place of the first, as a changed file does; a walk over folders leaves it alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Skipped;
use crate::scan::Found;

/// Begins the place of a picture that is in no file.
const PLACE: &str = "memory:";
/// Most bytes of a name.
const MOST_NAME: usize = 1024;

/// Why a name is none.
pub(super) const NO_NAME: &str =
    "a picture needs a name of 1 to 1024 bytes without control characters";

/// Something to take in.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A picture file, or a folder with all below it.
    File(&'a Path),
    /// A picture that the caller holds.
    Bytes {
        /// The name under which it is found, 1 to 1024 bytes without control characters; results show it behind `memory:`.
        name: &'a str,
        /// What would be in its file.
        bytes: &'a [u8],
    },
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Self::File(path)
    }
}

/// Whether a place of the catalog is that of a picture in no file.
pub(crate) fn is_held(place: &str) -> bool {
    place.starts_with(PLACE)
}

/// The place of what has a name and is in no file.
pub(super) fn place_of(name: &str) -> String {
    format!("{PLACE}{name}")
}

/// The name of what stands at a place, whether it is in a file or in none.
pub(super) fn name_of(place: &str) -> &str {
    place.strip_prefix(PLACE).unwrap_or(place)
}

/// Whether something in no file may have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MOST_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Pictures by their place, and those that cannot be taken.
#[derive(Default)]
pub(super) struct Held<'a> {
    pictures: BTreeMap<String, &'a [u8]>,
    pub refused: Vec<Skipped>,
}

impl<'a> Held<'a> {
    /// Parts files and folders from pictures. Of several pictures of one name the last counts.
    pub(super) fn apart(sources: &[Source<'a>]) -> (Vec<PathBuf>, Self) {
        let (mut files, mut held) = (Vec::new(), Self::default());
        for source in sources {
            match *source {
                Source::File(path) => files.push(path.to_owned()),
                Source::Bytes { name, bytes } => held.take(name, bytes),
            }
        }
        (files, held)
    }

    fn take(&mut self, name: &str, bytes: &'a [u8]) {
        let place = place_of(name);
        if is_name(name) {
            self.pictures.insert(place, bytes);
        } else {
            self.refused.push(Skipped {
                path: place.chars().take(MOST_NAME).collect(),
                reason: NO_NAME.into(),
            });
        }
    }

    /// The pictures as files to look into.
    pub(super) fn found(&self) -> impl Iterator<Item = (String, Found)> {
        self.pictures.iter().map(|(place, bytes)| {
            let found = Found {
                size: bytes.len() as i64,
                modified_ns: 0,
            };
            (place.clone(), found)
        })
    }

    /// The bytes of a place.
    pub(super) fn bytes(&self, place: &str) -> Option<&'a [u8]> {
        self.pictures.get(place).copied()
    }
}
