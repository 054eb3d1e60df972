//! Which format a file of word vectors has, seen from its first bytes.

use super::WordFormat;
use super::fasttext;
use super::text_file::{fields, header, line};

/// Longest first line of a text: 65,536 numbers of 16 characters.
const LONGEST_LINE: usize = 1 << 20;

/// The format, or `None` for other files.
pub(super) fn format(bytes: &[u8]) -> Option<WordFormat> {
    if bytes.starts_with(&fasttext::MAGIC) {
        return Some(WordFormat::FastText);
    }
    if let Some((_, dimension, rest)) = header(bytes) {
        let first = line(&rest[..rest.len().min(LONGEST_LINE)]).0;
        return Some(if ends_in_numbers(first, dimension) {
            WordFormat::TextWithHeader
        } else {
            WordFormat::Word2VecBinary
        });
    }
    let first = line(&bytes[..bytes.len().min(LONGEST_LINE)]).0;
    let count = fields(first).count();
    if count > 1 && ends_in_numbers(first, count - 1) {
        return Some(WordFormat::Text);
    }
    fasttext::is_old(bytes).then_some(WordFormat::FastText)
}

/// Whether a line is a word and `count` numbers, the first of which tells enough.
fn ends_in_numbers(line: &[u8], count: usize) -> bool {
    let numbers = fields(line).skip(1).take(count);
    let mut seen = 0;
    for field in numbers {
        let number = std::str::from_utf8(field).ok().map(str::parse::<f32>);
        if !matches!(number, Some(Ok(_))) {
            return false;
        }
        seen += 1;
    }
    seen > 0
}
