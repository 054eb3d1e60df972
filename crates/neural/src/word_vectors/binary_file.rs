//! The binary format of word2vec: a header line, then for each word its bytes, a blank, and its numbers as
//! little-endian floats. The program of the authors ends each vector with a line feed, others do not.

use super::damage::File;
use super::text_file::{LARGEST_DIMENSION, header};
use super::vocabulary::{LONGEST_WORD, Vocabulary};
use crate::error::Error;

/// Finds the words: the dimension, and where each of them is.
pub(super) fn read(bytes: &[u8], file: &File) -> Result<(usize, Vocabulary), Error> {
    let Some((words, dimension, rest)) = header(bytes) else {
        return Err(file.damaged("the line with the counts is missing"));
    };
    // One byte for the shortest word and one for the blank after it.
    let fits = rest.len() / (4 * dimension.min(LARGEST_DIMENSION) + 2);
    if dimension == 0 || dimension > LARGEST_DIMENSION || words > fits.min(u32::MAX as usize - 1) {
        return Err(file.damaged(format!(
            "the first line promises {words} words of {dimension} numbers, {} bytes follow",
            rest.len()
        )));
    }
    let mut at = bytes.len() - rest.len();
    let mut spans = Vec::with_capacity(words);
    for number in 1..=words {
        at += usize::from(bytes.get(at) == Some(&b'\n'));
        let rest = bytes.get(at..).unwrap_or_default();
        let end = rest.iter().take(LONGEST_WORD).position(|&b| b == b' ');
        let Some(length) = end.filter(|end| rest.len() - end > 4 * dimension) else {
            let what = format!("word {number} of {words}, byte {at}: the file ends inside it");
            return Err(file.damaged(what));
        };
        if std::str::from_utf8(&rest[..length]).is_err() {
            return Err(file.damaged(format!(
                "word {number} of {words}, byte {at}: '{}' is not valid UTF-8",
                String::from_utf8_lossy(&rest[..length])
            )));
        }
        spans.push(at..at + length);
        at += length + 1 + 4 * dimension;
    }
    let left = bytes.get(at..).unwrap_or_default();
    if !left.iter().all(u8::is_ascii_whitespace) {
        let left = left.len();
        return Err(file.damaged(format!(
            "the first line promises {words} words, {left} bytes follow behind them"
        )));
    }
    Ok((dimension, Vocabulary::new(bytes, spans)))
}

/// Reads little-endian floats that begin at byte `start`; what lies behind the end of the file stays as it is.
pub(super) fn floats(bytes: &[u8], start: usize, vector: &mut [f32]) {
    let data = bytes.get(start..).unwrap_or_default();
    for (x, value) in vector.iter_mut().zip(data.as_chunks::<4>().0) {
        *x = f32::from_le_bytes(*value);
    }
}
