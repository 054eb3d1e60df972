//! What all forms of a file have in common: bounded UTF-8 text, and values with their types.

use std::path::Path;

use fs_err as fs;

use crate::Error;
use crate::catalog::Datum;

/// Most bytes of a file of captions or metadata.
pub(super) const MOST_BYTES: u64 = 1 << 30;
/// Most bytes of one caption or value.
pub(super) const MOST_TEXT: usize = 1 << 16;
/// Most bytes of a key.
const MOST_KEY: usize = 200;
/// The key of labels.
pub(super) const LABEL: &str = "label";

/// Names of the column or field that says which picture is meant, the first one there counts.
pub(super) const IMAGE: [&str; 7] = [
    "image",
    "path",
    "file",
    "filename",
    "file_name",
    "image_name",
    "photo",
];
/// Names of the column or field that holds a caption.
pub(super) const CAPTION: [&str; 6] = [
    "caption",
    "captions",
    "text",
    "comment",
    "description",
    "sentence",
];

/// Those that are nothing else: a file of captions and metadata at once has them.
pub(super) const ALWAYS_CAPTION: [&str; 2] = ["caption", "captions"];

/// Reads a file of at most `most` bytes as UTF-8, without a byte order mark.
pub(super) fn read(path: &Path, most: u64) -> Result<String, Error> {
    let fail = |line, what: String| Error::Import {
        path: path.to_owned(),
        line,
        what,
    };
    let size = fs::metadata(path)?.len();
    if size > most {
        let what = format!("the file has {size} bytes, the most that is read is {most}");
        return Err(fail(None, what));
    }
    let text = String::from_utf8(fs::read(path)?).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + sound.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let what = "the text is not UTF-8; save it as UTF-8 (`iconv -f latin1 -t utf-8` does it for Latin-1)";
        fail(Some(line), what.into())
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// A caption without spaces around it and without control characters; `None` when nothing is left.
pub(super) fn caption(text: &str) -> Result<Option<String>, String> {
    let text = printable(text)?;
    Ok((!text.is_empty()).then_some(text))
}

/// A key as it is kept.
pub(super) fn key(name: &str) -> Result<String, String> {
    let key = printable(name)?.to_lowercase();
    if key.len() > MOST_KEY {
        return Err(format!("a name is longer than {MOST_KEY} bytes"));
    }
    Ok(key)
}

/// The values that a text gives a key: none when it is empty, several for `labels`.
pub(super) fn data(key: &str, text: &str, typed: bool) -> Result<Vec<Datum>, String> {
    let several = key == "labels";
    let key = if several { LABEL } else { key };
    let parts = text.split(|c| several && (c == ';' || c == '|'));
    let mut data = Vec::new();
    for part in parts {
        let text = printable(part)?;
        if text.is_empty() {
            continue;
        }
        let number = if typed { number(&text) } else { None };
        data.push(Datum {
            key: key.to_owned(),
            text,
            number,
        });
    }
    Ok(data)
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn printable(text: &str) -> Result<String, String> {
    if text.len() > MOST_TEXT {
        return Err(format!(
            "a text has {} bytes, the most that is taken is {MOST_TEXT}; a quote may be missing",
            text.len()
        ));
    }
    let spaced = |c: char| if c.is_control() { ' ' } else { c };
    Ok(text
        .chars()
        .map(spaced)
        .collect::<String>()
        .trim()
        .to_owned())
}
