//! Word vectors as text: a word, then its numbers, in one line each.
//!
//! word2vec and fastText write a line with the number of words and the dimension first, GloVe does not. Words
//! of GloVe's largest table contain spaces, those of others are empty or nothing but spaces, so the numbers are counted
//! from the end of the line. The number of words in the first line is often that of another table: more are read all the
//! same, fewer look like a file that was cut off.

use std::ops::Range;

use super::damage::File;
use super::vocabulary::{LONGEST_WORD, Vocabulary};
use crate::error::Error;

/// Largest dimension: well above every published table (at most 4,096).
pub(super) const LARGEST_DIMENSION: usize = 1 << 16;

/// How lines are counted in messages.
#[derive(Debug)]
pub(super) struct TextTable {
    /// Whether the first line is a header.
    pub header: bool,
}

impl TextTable {
    /// Parses the numbers of row `row` that begin at byte `start`.
    pub fn numbers(
        &self,
        bytes: &[u8],
        start: usize,
        row: usize,
        file: &File,
        vector: &mut [f32],
    ) -> Result<(), Error> {
        let (line, _) = line(bytes.get(start..).unwrap_or_default());
        let mut fields = fields(line).filter(|field| !field.is_empty());
        for x in vector {
            let field = fields.next().unwrap_or_default();
            let text = String::from_utf8_lossy(field);
            *x = text.parse().map_err(|_| {
                let number = row + 1 + usize::from(self.header);
                file.damaged(format!("line {number}: '{text}' is not a number"))
            })?;
        }
        Ok(())
    }
}

/// Finds the words, each behind which are `dimension` numbers.
pub(super) fn read(
    bytes: &[u8],
    has_header: bool,
    dimension: usize,
    file: &File,
) -> Result<Vocabulary, Error> {
    let text = without_mark(bytes);
    let (expected, mut rest) = match header(text).filter(|_| has_header) {
        Some((words, promised, rest)) => {
            if promised != dimension {
                return Err(file.damaged(format!(
                    "the first line promises {promised} numbers for each word, most lines have {dimension}"
                )));
            }
            (Some(words), rest)
        }
        None => (None, text),
    };
    let mut spans = Vec::new();
    let mut number = usize::from(has_header);
    while !rest.is_empty() {
        number += 1;
        let start = bytes.len() - rest.len();
        let (content, after) = line(rest);
        rest = after;
        if content.is_empty() && rest.iter().all(u8::is_ascii_whitespace) {
            break;
        }
        let length = word_length(content, dimension)
            .map_err(|what| file.damaged(format!("line {number}, byte {start}: {what}")))?;
        spans.push(start..start + length);
    }
    check_count(expected, &spans, file)?;
    Ok(Vocabulary::new(bytes, spans))
}

fn check_count(expected: Option<usize>, spans: &[Range<usize>], file: &File) -> Result<(), Error> {
    if spans.len() >= u32::MAX as usize {
        return Err(file.damaged("more than four billion words"));
    }
    match expected {
        Some(expected) if expected > spans.len() => Err(file.damaged(format!(
            "the first line promises {expected} words, {} follow: it was cut off, or the number is to be corrected",
            spans.len()
        ))),
        _ => Ok(()),
    }
}

/// The number of bytes of the word that begins a line, or what is wrong with the line. The word may be empty.
fn word_length(line: &[u8], dimension: usize) -> Result<usize, String> {
    let mut at = line.len();
    for found in 0..dimension {
        // Between numbers any number of blanks is one.
        let number = match found {
            0 => at,
            _ => line[..at].trim_ascii_end().len(),
        };
        at = match line[..number].iter().rposition(|&byte| is_separator(byte)) {
            Some(at) if at + 1 < number => at,
            _ => return Err(format!("{found} numbers, {dimension} were expected")),
        };
    }
    let mut word = &line[..at];
    // Nothing but blanks is a word of some tables; blanks behind a word are none of it.
    if !word.iter().copied().all(is_separator) {
        word = word.trim_ascii_end();
    }
    if word.len() > LONGEST_WORD {
        return Err(format!("a word of {} bytes", word.len()));
    }
    if ends_in_fraction(word) {
        return Err(format!("more than {dimension} numbers"));
    }
    match std::str::from_utf8(word) {
        Ok(_) => Ok(word.len()),
        Err(_) => Err(format!(
            "the word '{}' is not valid UTF-8; `iconv -c -f utf-8 -t utf-8` leaves such bytes out",
            String::from_utf8_lossy(word)
        )),
    }
}

/// Whether the last of several fields is a number that is not whole: a word of a phrase may be a whole one, "windows 10".
fn ends_in_fraction(word: &[u8]) -> bool {
    let mut fields = fields(word);
    let last = fields.next_back().unwrap_or_default();
    let text = std::str::from_utf8(last).unwrap_or_default();
    fields.next_back().is_some() && text.contains('.') && text.parse::<f32>().is_ok()
}

/// A text without the mark of its encoding, which some programs write before it.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The two counts of a header line and what follows it, or `None` when the first line is none.
pub(super) fn header(bytes: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (first, rest) = line(&bytes[..bytes.len().min(64)]);
    if rest.is_empty() {
        return None;
    }
    let mut counts = fields(first).map(|field| std::str::from_utf8(field).ok()?.parse().ok());
    let (words, dimension) = (counts.next()??, counts.next()??);
    let start = bytes.len().min(64) - rest.len();
    counts
        .next()
        .is_none()
        .then_some((words, dimension, &bytes[start..]))
}

/// The first line without its end and the blanks before it, and what follows.
pub(super) fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let (line, rest) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    (line.trim_ascii_end(), rest)
}

/// The parts of a line between single blanks.
pub(super) fn fields(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(|&byte| is_separator(byte))
}

fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_two_counts() {
        assert_eq!(header(b"3 2\nrest"), Some((3, 2, &b"rest"[..])));
        assert_eq!(header(b"3 2\r\nr"), Some((3, 2, &b"r"[..])));
        for other in [
            &b"3 2"[..],
            b"3 2 1\nx",
            b"a 2\nx",
            b"3\nx",
            b"-3 2\nx",
            b"",
        ] {
            assert_eq!(header(other), None);
        }
    }

    #[test]
    fn numbers_are_counted_from_the_end() {
        for (line, length) in [
            ("a b 0.5 1", 3),
            ("a 0.5 1", 1),
            (" 0.5 1", 0),
            ("  0.5 1", 1),
            ("windows 10 0.5 1", 10),
            ("a\t0.5\t1", 1),
            ("a   0.5  1", 1),
            ("é 0.5 1", 2),
        ] {
            assert_eq!(word_length(line.as_bytes(), 2), Ok(length), "{line}");
        }
        for line in [&b"a 1"[..], b"0.5 1", b"a 0.5 1.5 2", b"\xc3 0.5 1", b""] {
            assert!(word_length(line, 2).is_err());
        }
    }
}
