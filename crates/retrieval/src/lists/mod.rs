//! Lists that people and other programs have written: one reader and one matcher of names for all of them.
//!
//! Captions, metadata, ground truth, labels and pairs come as tables of every separator, JSON and JSON Lines, COCO and Karpathy
//! files, in whatever encoding a spreadsheet chose. What a list *is* is told from its content, never from its ending. A caller
//! says which [`Role`]s it needs (the picture, its caption, …) and gets [`Record`]s one at a time; a line that cannot be used is
//! counted with its number and its reason, and keeps nobody from the rest. [`Names`] then finds the file that a name means.
//!
//! ```
//! use vizsla_retrieval::lists::{Looks, Role, read_content};
//! let roles = [
//!     Role { names: &["image"], looks: Looks::Picture, needed: true },
//!     Role { names: &["caption"], looks: Looks::Text, needed: true },
//! ];
//! let mut seen = Vec::new();
//! let read = read_content("image;caption\r\na.jpg;A dog\r\nb.jpg\r\n", &roles, &mut |record| {
//!     seen.push(format!("{}: {}", record.text(0), record.text(1)));
//!     Ok(())
//! })?;
//! assert_eq!((seen, read.unread), (vec!["a.jpg: A dog".to_owned()], 1));
//! # Ok::<(), vizsla_retrieval::lists::Refused>(())
//! ```

mod columns;
mod documents;
mod folder;
mod json;
mod names;
mod pictures;
mod published;
mod rows;
mod table;
mod text;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

pub use self::folder::Folder;
pub(crate) use self::json::object;
pub use self::names::{Found, How, Names, NotFound};
pub(crate) use self::pictures::looks_like_picture;
pub use self::table::rows;
pub use self::text::{Encoding, MOST_BYTES, Text, decode, read_text};
use crate::Error;

/// Lines that could not be read and are listed one by one.
pub const MOST_LISTED: usize = 20;
/// Most bytes of a key.
const MOST_KEY: usize = 200;

/// What the cells of a column look like; it finds columns whose names say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Names of picture files.
    Picture,
    /// Words, not only numbers.
    Text,
    /// Anything but names of picture files.
    Any,
    /// Found by its name only.
    Named,
}

/// Something that a list says of a picture. The first role of a list is the picture itself.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Names of its column or field in lower case, the most telling first.
    pub names: &'static [&'static str],
    /// How it is found where no name fits.
    pub looks: Looks,
    /// Whether a record is of no use without it.
    pub needed: bool,
}

/// Where a record stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// A line, from 1.
    Line(u64),
    /// An entry of a JSON document, from 1.
    Entry(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry(entry) => write!(f, "entry {entry}"),
        }
    }
}

/// One record of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it stands.
    pub at: At,
    /// All its values under their names in lower case.
    pub fields: Vec<(String, Value)>,
    /// For each role the place of its value in `fields`.
    pub places: Vec<Option<usize>>,
    /// Other names of the picture, for when the first is unknown.
    pub also: Vec<String>,
    /// Whether its values are cells of a table, which have no types.
    pub cells: bool,
}

impl Record {
    /// The value of a role.
    pub fn value(&self, role: usize) -> Option<&Value> {
        let place = self.places.get(role).copied().flatten()?;
        self.fields.get(place).map(|(_, value)| value)
    }

    /// The value of a role as a text without spaces around it; empty where there is none, or where it is no text or number.
    pub fn text(&self, role: usize) -> String {
        self.value(role).and_then(plain).unwrap_or_default()
    }

    /// The texts of a role that may have several; those of a list within.
    pub fn texts(&self, role: usize) -> Vec<String> {
        match self.value(role) {
            Some(Value::Array(list)) => list.iter().filter_map(plain).collect(),
            Some(single) => plain(single).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All names that the picture may have, the most telling first.
    pub fn names(&self) -> Vec<String> {
        let first = self.text(0);
        let first = (!first.is_empty()).then_some(first);
        first.into_iter().chain(self.also.iter().cloned()).collect()
    }

    /// Whether it has what the roles need.
    fn check(&self, roles: &[Role]) -> Result<(), String> {
        for (at, role) in roles.iter().enumerate().filter(|(_, role)| role.needed) {
            let missing = match at {
                0 => self.names().is_empty(),
                _ => self.value(at).is_none(),
            };
            if missing {
                return Err(match at {
                    0 => format!("the name of the picture is missing ({})", named(role)),
                    _ => format!("the {} is missing ({})", role.names[0], named(role)),
                });
            }
        }
        Ok(())
    }
}

/// The names of a role, for a message.
fn named(role: &Role) -> String {
    let names: Vec<&str> = role.names.iter().copied().take(8).collect();
    format!("a column or field called {}", names.join(", "))
}

/// A single value as a text.
fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        // An image of a Hugging Face data set.
        Value::Object(fields) => fields.get("path")?.as_str()?.trim().to_owned(),
        Value::Null | Value::Array(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Where it stands: `line 3`, or `entry 3` of a JSON document.
    pub at: String,
    /// Why it could not be used, and what would be right.
    pub reason: String,
}

/// What reading a list came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRead {
    /// Records that were taken.
    pub records: usize,
    /// Lines or entries that could not be used.
    pub unread: usize,
    /// The first [`MOST_LISTED`] of them.
    pub unread_listed: Vec<Unread>,
    /// What a person should know: an encoding that was assumed, columns that were found by their looks.
    pub notes: Vec<String>,
}

/// Unread records that a remark names.
const NAMED: usize = 3;

impl ListRead {
    /// What a person should know of the reading of this list, the records passed over with it, each with the path.
    pub fn remarks(&self, list: &Path) -> Vec<String> {
        let mut remarks = self.notes.clone();
        if self.unread > 0 {
            let listed = self.unread_listed.iter().take(NAMED);
            let named: Vec<String> = listed
                .map(|unread| format!("{}: {}", unread.at, unread.reason))
                .collect();
            let more = match self.unread > named.len() {
                true => "; …",
                false => "",
            };
            remarks.push(format!(
                "records passed over: {} ({}{more})",
                self.unread,
                named.join("; ")
            ));
        }
        let path = list.display();
        let with_path = remarks
            .into_iter()
            .map(|remark| format!("{remark}: {path}"));
        with_path.collect()
    }
}

/// Why nothing of a list can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    /// The line, from 1, when it is one.
    pub line: Option<u64>,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl Refused {
    fn new(what: impl Into<String>) -> Self {
        Self {
            line: None,
            what: what.into(),
        }
    }

    fn at(line: u64, what: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            what: what.into(),
        }
    }
}

/// What is called for each record; it may find that a record cannot be used, and says why.
pub type Take<'a> = dyn FnMut(Record) -> Result<(), String> + 'a;

/// Collects what a reader finds.
struct Reading<'a> {
    roles: &'a [Role],
    take: &'a mut Take<'a>,
    read: ListRead,
}

impl Reading<'_> {
    fn take(&mut self, record: Record) {
        let at = record.at;
        match record.check(self.roles).and_then(|()| (self.take)(record)) {
            Ok(()) => self.read.records += 1,
            Err(reason) => self.pass(at, reason),
        }
    }

    fn pass(&mut self, at: At, reason: impl Into<String>) {
        self.read.unread += 1;
        if self.read.unread_listed.len() < MOST_LISTED {
            let (at, reason) = (at.to_string(), reason.into());
            self.read.unread_listed.push(Unread { at, reason });
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.read.notes.push(note.into());
    }
}

/// Reads a list of at most [`MOST_BYTES`], record by record.
///
/// # Errors
/// The file cannot be read, is too large, is no text or no list, or none of its records can be used; then `take` was called for
/// none of them, or what it was called for does not count.
pub fn read(path: &Path, roles: &[Role], take: &mut Take<'_>) -> Result<ListRead, Error> {
    let text = read_text(path, MOST_BYTES)?;
    let read = read_content(&text.content, roles, take);
    let mut read = read.map_err(|refused| Error::Import {
        path: path.to_owned(),
        line: refused.line,
        what: refused.what,
    })?;
    read.notes.splice(0..0, text.note);
    Ok(read)
}

/// As [`read`], from a text.
///
/// # Errors
/// It is no list, or none of its records can be used.
pub fn read_content(
    content: &str,
    roles: &[Role],
    take: &mut Take<'_>,
) -> Result<ListRead, Refused> {
    let mut reading = Reading {
        roles,
        take: &mut |record| take(record),
        read: ListRead::default(),
    };
    match content.trim_start().chars().next() {
        None => return Err(Refused::new("the file is empty")),
        Some('{' | '[') => json::read(content, &mut reading)?,
        Some(_) => table::read(content, &mut reading)?,
    }
    let read = reading.read;
    match (read.records, read.unread_listed.first()) {
        (0, Some(first)) => Err(Refused {
            line: first
                .at
                .strip_prefix("line ")
                .and_then(|line| line.parse().ok()),
            what: match (read.unread, first.at.starts_with("line")) {
                (1, true) => first.reason.clone(),
                (1, false) => format!("{}: {}", first.at, first.reason),
                (several, true) => format!(
                    "none of {several} records can be used; the first: {}",
                    first.reason
                ),
                (several, false) => format!(
                    "none of {several} records can be used; {}: {}",
                    first.at, first.reason
                ),
            },
        }),
        (0, None) => Err(Refused::new("there is no record in it")),
        _ => Ok(read),
    }
}

/// Names of pictures, one a line or as a JSON list; in a table the column of the pictures.
///
/// # Errors
/// As [`read`].
pub fn read_names(path: &Path) -> Result<Vec<String>, Error> {
    let picture = Role {
        names: IMAGE,
        looks: Looks::Picture,
        needed: true,
    };
    let mut names = Vec::new();
    read(path, &[picture], &mut |record| {
        names.push(record.text(0));
        Ok(())
    })?;
    Ok(names)
}

/// Names of the column or field that says which picture is meant.
pub const IMAGE: &[&str] = &[
    "image",
    "path",
    "file",
    "filename",
    "file_name",
    "image_name",
    "photo",
    "filepath",
    "file_path",
    "image_path",
    "imagepath",
    "image_file",
    "img",
    "img_path",
    "picture",
    "bild",
    "datei",
    "dateiname",
    "imagen",
    "archivo",
    "fichier",
    "immagine",
    "afbeelding",
    "bestand",
    "imagem",
    "arquivo",
];

/// Names of the column or field that holds a caption.
pub const CAPTION: &[&str] = &[
    "caption",
    "captions",
    "text",
    "comment",
    "description",
    "sentence",
    "sentences",
    "raw",
    "caption_str",
    "title",
    "alt",
    "beschreibung",
    "beschriftung",
    "bildunterschrift",
    "titel",
    "legende",
    "légende",
    "texte",
    "descripción",
    "descripcion",
    "texto",
    "leyenda",
    "descrizione",
    "didascalia",
    "testo",
    "beschrijving",
    "tekst",
    "bijschrift",
    "descrição",
    "legenda",
];

/// Names of the column or field that holds a label.
pub const LABEL: &[&str] = &[
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "klasse",
    "kategorie",
    "classe",
    "catégorie",
    "clase",
    "categoría",
    "etiqueta",
    "categoria",
    "etichetta",
];

/// A name of a column or field as it is compared and kept: in lower case, without control characters.
///
/// # Errors
/// It is longer than a name can reasonably be.
pub fn key(name: &str) -> Result<String, String> {
    let spaced = |c: char| {
        if c.is_control() || c == '\u{feff}' {
            ' '
        } else {
            c
        }
    };
    let key: String = name.chars().map(spaced).collect();
    let key = key.trim().to_lowercase();
    match key.len() > MOST_KEY {
        true => Err(format!("a name is longer than {MOST_KEY} bytes")),
        false => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of every form, from which broken ones are made.
    const WHOLE: [&str; 6] = [
        "sep=;\r\nimage;caption;;\r\na.jpg;\"A dog; \"\"Rex\"\"\";;\r\nsub\\b.jpg;\"two\nlines\";;\r\n",
        "a.jpg#0\tA dog\nb.jpg#1\tA cat\n",
        "{\"image\": \"a.jpg\", \"captions\": [\"A\", null]}\n{\n\"path\": \"b\",\n\"text\": \"B\"\n}\n",
        r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "A"}]}"#,
        r#"{"images": [{"filename": "a.jpg", "sentences": [{"raw": "A"}]}], "dataset": "x"}"#,
        r#"{"image": {"0": "a.jpg"}, "caption": {"0": "A"}}"#,
    ];

    #[test]
    fn broken_lists_give_records_or_a_reason() {
        let roles = [(IMAGE, Looks::Picture), (CAPTION, Looks::Text)].map(|(names, looks)| Role {
            names,
            looks,
            needed: true,
        });
        let names = Names::new([("/p/a.jpg", 1), ("/p/sub/b.jpg", 2)], &["/p".into()]);
        let mut state = 7_u64;
        let mut next = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as usize % below
        };
        let odd = b"\"\\;,\t|{}[]:\r\n\0\xff\xe9#%.=0";
        let (mut taken, mut refused) = (0, 0);
        for round in 0..6_000 {
            let mut bytes = WHOLE[round % WHOLE.len()].as_bytes().to_vec();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes.insert(at, odd[next(odd.len())]),
                    2 => drop(bytes.remove(at)),
                    _ => bytes[at] = odd[next(odd.len())],
                }
                if bytes.is_empty() {
                    bytes.push(b' ');
                }
            }
            let Ok(text) = decode(bytes) else {
                refused += 1;
                continue;
            };
            rows(&text.content, 3);
            let read = read_content(&text.content, &roles, &mut |record| {
                let _ = names.find_any(&record.names());
                Ok(())
            });
            match read {
                Ok(read) => taken += usize::from(read.records > 0),
                Err(why) => refused += usize::from(!why.what.is_empty()),
            }
        }
        assert_eq!(taken + refused, 6_000);
        assert!(
            taken > 1_000 && refused > 500,
            "{taken} taken, {refused} refused"
        );
    }
}
