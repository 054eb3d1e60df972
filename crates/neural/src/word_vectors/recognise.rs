//! Which format a file of word vectors has, seen from its first bytes.
//!
//! A line of text is a word and its numbers, but words may be empty, hold blanks or be numbers themselves, and the first
//! line may be a header or not. So the first lines vote: each for as many numbers as it ends in, one field at least left
//! for the word, and what most of them say is the dimension.

use std::collections::BTreeMap;

use super::WordFormat;
use super::fasttext;
use super::text_file::{LARGEST_DIMENSION, fields, header, line, without_mark};

/// Longest line of a text: 65,536 numbers of 16 characters.
const LONGEST_LINE: usize = 1 << 20;
/// Lines that vote.
const VOTERS: usize = 100;

/// A format, and the dimension where the lines of a text have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    pub format: WordFormat,
    /// Numbers in most lines of a text; 0 for other formats.
    pub dimension: usize,
}

/// The format, or `None` for other files.
pub(super) fn format(bytes: &[u8]) -> Option<Recognised> {
    let found = |format, dimension| Some(Recognised { format, dimension });
    if bytes.starts_with(&fasttext::MAGIC) {
        return found(WordFormat::FastText, 0);
    }
    let text = without_mark(bytes);
    if let Some((_, promised, rest)) = header(text) {
        return match vote(rest, Some(promised)) {
            Some(dimension) => found(WordFormat::TextWithHeader, dimension),
            None => found(WordFormat::Word2VecBinary, 0),
        };
    }
    if let Some(dimension) = vote(text, None) {
        return found(WordFormat::Text, dimension);
    }
    match fasttext::is_old(bytes) {
        true => found(WordFormat::FastText, 0),
        false => None,
    }
}

/// The number of numbers at the end of most of the first lines; `None` when most end in no number. What a header promised
/// needs half of them.
fn vote(mut text: &[u8], promised: Option<usize>) -> Option<usize> {
    let mut votes = BTreeMap::new();
    let mut voters = 0;
    while voters < VOTERS && !text.is_empty() {
        let (content, rest) = line(&text[..text.len().min(LONGEST_LINE)]);
        // A line that does not end within the bound, or is cut by it, tells nothing.
        let whole = !rest.is_empty() || text.len() <= LONGEST_LINE;
        if !whole {
            break;
        }
        let taken = text.len().min(LONGEST_LINE) - rest.len();
        text = &text[taken..];
        if content.is_empty() {
            continue;
        }
        voters += 1;
        *votes.entry(numbers_at_end(content)).or_insert(0) += 1;
    }
    let enough = |&(&dimension, &count): &(&usize, &usize)| dimension > 0 && 2 * count >= voters;
    let kept = promised.and_then(|promised| votes.get_key_value(&promised));
    // Of equal counts the larger dimension: a line is sooner cut off than made longer.
    let most = votes.iter().max_by_key(|(_, count)| **count);
    let elected = kept.filter(enough).or(most.filter(enough));
    elected.map(|(dimension, _)| *dimension)
}

/// The number of numbers that a line ends in, its first field not counted.
fn numbers_at_end(line: &[u8]) -> usize {
    let is_number = |field: &&[u8]| {
        let text = std::str::from_utf8(field).ok();
        text.is_some_and(|text| text.parse::<f32>().is_ok())
    };
    let fields: Vec<&[u8]> = fields(line).collect();
    let all = fields.len();
    let from_right = fields.into_iter().rev();
    // Blanks in a row are one, between numbers; before the first number they are part of a word.
    let mut numbers = 0;
    let mut seen = 0;
    for field in from_right.take(2 * LARGEST_DIMENSION) {
        match field.is_empty() {
            true => {}
            false if is_number(&field) => numbers += 1,
            false => break,
        }
        seen += 1;
    }
    match seen == all && !line.starts_with(b" ") && !line.starts_with(b"\t") {
        true => numbers - usize::from(numbers > 0),
        false => numbers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_from_the_end_and_a_word_is_left() {
        for (line, count) in [
            ("hello 0.5 1", 2),
            ("my name 0.5 1", 2),
            ("2004 0.5 1", 2),
            (" 0.5 1", 2),
            ("  0.5 1", 2),
            ("hello\t0.5\t1e-3", 2),
            ("hello  0.5  1", 2),
            ("nan 0.5 1", 2),
            ("just prose", 0),
            ("chapter 1", 1),
            ("7", 0),
        ] {
            assert_eq!(numbers_at_end(line.as_bytes()), count, "{line}");
        }
    }

    #[test]
    fn most_lines_decide() {
        let lines = b"a 1 2 3\nb 1 2 3\n5 6 1 2 3\nc 1 2\n";
        assert_eq!(vote(lines, None), Some(3));
        assert_eq!(vote(lines, Some(2)), Some(3));
        assert_eq!(vote(b"a 1 2\nb 1\n", None), Some(2));
        assert_eq!(vote(b"a 1 2\nb 1 2 3\n", Some(2)), Some(2));
        assert_eq!(vote(b"a b c\nd e f\n", None), None);
        assert_eq!(vote(b"", None), None);
        let text = b"\xef\xbb\xbf2 3\na 1 2 3\nb 1 2 3\n";
        let expected = Recognised {
            format: WordFormat::TextWithHeader,
            dimension: 3,
        };
        assert_eq!(format(text), Some(expected));
    }
}
