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
mod keys;
mod names;
mod objects;
mod outcome;
mod pictures;
mod published;
mod reading;
mod record;
mod rows;
mod table;
mod text;

use std::path::Path;

pub use self::folder::Folder;
pub(crate) use self::json::object;
pub use self::keys::{CAPTION, IMAGE, LABEL, key};
pub use self::names::{Found, How, Names, NotFound};
pub use self::outcome::{ListRead, MOST_LISTED, Refused, Unread};
pub(crate) use self::pictures::looks_like_picture;
use self::reading::Reading;
pub use self::reading::Take;
pub use self::record::{At, Looks, Record, Role};
pub use self::table::rows;
pub use self::text::{Encoding, MOST_BYTES, Text, decode, read_text};
use crate::Error;

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
