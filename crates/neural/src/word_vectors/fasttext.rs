//! Models of fastText, `.bin`: parameters, dictionary, and the matrix of word and n-gram vectors.
//!
//! All numbers are little-endian. Versions 11 and 12 begin with a magic number; the releases before 2017 wrote
//! none and are told by fields that fit together. A word's vector is the mean of its own row and of the rows of its character n-grams,
//! taken from `<word>`; each n-gram has the row that the 32-bit FNV-1a hash of its bytes names. fastText
//! extends these bytes as signed numbers, so that letters beyond ASCII hash differently from textbook FNV.

use super::binary_file::floats;
use super::damage::File;
use super::text_file::LARGEST_DIMENSION;
use super::vocabulary::{LONGEST_WORD, Vocabulary};
use crate::error::Error;

/// The first bytes of versions 11 and later: 793,712,314.
pub(super) const MAGIC: [u8; 4] = 793_712_314_u32.to_le_bytes();

const NEWEST_VERSION: i32 = 12;
/// The end of a sentence; it has no n-grams.
const END_OF_SENTENCE: &str = "</s>";
const SUPERVISED: i32 = 3;
/// Longest n-gram; fastText's default is 6.
const LONGEST_NGRAM: i32 = 1 << 10;

/// What a model needs to make vectors, beside its words.
#[derive(Debug)]
pub(super) struct FastText {
    dimension: usize,
    shortest: usize,
    longest: usize,
    /// Rows for n-grams; 0 when there are none.
    buckets: u32,
    words: usize,
    tokens: u64,
    /// Byte at which the first row begins.
    matrix: usize,
}

impl FastText {
    /// Reads a model and checks every length against the file.
    pub fn read(bytes: &[u8], file: &File) -> Result<(Vocabulary, FastText), Error> {
        let mut cursor = Cursor { bytes, at: 0, file };
        let version = cursor.version()?;
        let parameters = cursor.parameters(version)?;
        let dictionary = cursor.dictionary(version)?;
        if version.is_some() && (dictionary.pruned > 0 || cursor.byte("a matrix")? != 0) {
            return Err(file.wrong_kind(
                "a quantised or pruned fastText model (.ftz), which is not read; \
                 use the .bin file it was made from",
            ));
        }
        let (rows, matrix) = cursor.matrix(parameters.dimension, "the input matrix")?;
        if version.is_some() {
            cursor.byte("the output matrix")?;
        }
        cursor.matrix(parameters.dimension, "the output matrix")?;
        let words = dictionary.spans.len();
        let has_ngrams = parameters.longest > 0 && dictionary.pruned != 0;
        let buckets = if has_ngrams { parameters.buckets } else { 0 };
        if rows < words as u64 + u64::from(buckets) {
            return Err(file.damaged(format!(
                "{rows} rows for {words} words and {buckets} n-grams"
            )));
        }
        let model = FastText {
            dimension: parameters.dimension,
            shortest: parameters.shortest,
            longest: parameters.longest,
            buckets,
            words,
            tokens: dictionary.tokens,
            matrix,
        };
        Ok((Vocabulary::new(bytes, dictionary.spans), model))
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    pub fn has_subwords(&self) -> bool {
        self.buckets > 0
    }

    /// The count that follows the word ending at byte `end`.
    pub fn count(&self, bytes: &[u8], end: usize) -> u64 {
        let count = bytes.get(end + 1..end + 9).unwrap_or_default();
        count.try_into().map_or(0, u64::from_le_bytes)
    }

    /// The vector of a word with row `row`, or of one that has none. Sums and scales in the order and precision of
    /// fastText, for equal bits.
    pub fn vector(&self, bytes: &[u8], row: Option<usize>, word: &str, vector: &mut [f32]) {
        let mut rows: Vec<usize> = row.into_iter().collect();
        if self.has_subwords() && word != END_OF_SENTENCE {
            let bracketed = format!("<{word}>");
            let hashes =
                ngrams(&bracketed, self.shortest, self.longest).map(|n| hash(n.as_bytes()));
            rows.extend(hashes.map(|hash| self.words + (hash % self.buckets) as usize));
        }
        let mut part = vec![0.0; vector.len()];
        for &row in &rows {
            floats(bytes, self.matrix + 4 * self.dimension * row, &mut part);
            vector.iter_mut().zip(&part).for_each(|(x, y)| *x += y);
        }
        let scale = (1.0 / rows.len().max(1) as f64) as f32;
        vector.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Whether the file is a model from before the magic number: its first fields are in their ranges, and the
/// counts of the dictionary add up.
pub(super) fn is_old(bytes: &[u8]) -> bool {
    let field = |i: usize| {
        let field = bytes.get(4 * i..4 * i + 4)?;
        Some(i32::from_le_bytes(field.try_into().ok()?))
    };
    let within =
        |i: usize, low: i32, high: i32| field(i).is_some_and(|x| (low..=high).contains(&x));
    let (Some(entries), Some(words), Some(labels)) = (field(14), field(15), field(16)) else {
        return false;
    };
    within(0, 1, LARGEST_DIMENSION as i32)
        && within(6, 1, 3)
        && within(7, 1, 3)
        && within(9, 0, LONGEST_NGRAM)
        && words > 0
        && labels >= 0
        && words.checked_add(labels) == Some(entries)
}

/// The n-grams of `word` in fastText's order: by place, then by length; in characters. A bracket alone is none.
fn ngrams(word: &str, shortest: usize, longest: usize) -> impl Iterator<Item = &str> {
    word.char_indices().flat_map(move |(start, _)| {
        let rest = &word[start..];
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
        ends.take(longest)
            .enumerate()
            .filter(move |&(i, end)| {
                let length = i + 1;
                length >= shortest && !(length == 1 && (start == 0 || start + end == word.len()))
            })
            .map(move |(_, end)| &rest[..end])
    })
}

/// FNV-1a with bytes extended as signed numbers.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash: u32, &byte| {
        (hash ^ byte as i8 as u32).wrapping_mul(16_777_619)
    })
}

struct Parameters {
    dimension: usize,
    shortest: usize,
    longest: usize,
    buckets: u32,
}

struct Dictionary {
    spans: Vec<std::ops::Range<usize>>,
    tokens: u64,
    /// N-grams kept by pruning; -1 when nothing was pruned.
    pruned: i64,
}

/// Reads one value after the other.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    file: &'a File,
}

impl<'a> Cursor<'a> {
    fn take<const N: usize>(&mut self, place: &str) -> Result<[u8; N], Error> {
        let value = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let value = *value.ok_or_else(|| self.ends_in(place))?;
        self.at += N;
        Ok(value)
    }

    fn byte(&mut self, place: &str) -> Result<u8, Error> {
        self.take::<1>(place).map(|[byte]| byte)
    }

    fn i32(&mut self, place: &str) -> Result<i32, Error> {
        self.take(place).map(i32::from_le_bytes)
    }

    fn i64(&mut self, place: &str) -> Result<i64, Error> {
        self.take(place).map(i64::from_le_bytes)
    }

    fn ends_in(&self, place: &str) -> Error {
        self.file.damaged(format!(
            "it ends after {} bytes, inside {place}",
            self.bytes.len()
        ))
    }

    fn out_of_range(&self, what: &str, value: impl std::fmt::Display) -> Error {
        self.file
            .damaged(format!("{what} is {value}, before byte {}", self.at))
    }

    /// `None` for models from before the magic number.
    fn version(&mut self) -> Result<Option<i32>, Error> {
        if !self.bytes.starts_with(&MAGIC) {
            return Ok(None);
        }
        self.at = MAGIC.len();
        let version = self.i32("the version")?;
        if version > NEWEST_VERSION {
            return Err(self.file.wrong_kind(format!(
                "a fastText model of version {version}, read are versions up to {NEWEST_VERSION}"
            )));
        }
        Ok(Some(version))
    }

    /// dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t.
    fn parameters(&mut self, version: Option<i32>) -> Result<Parameters, Error> {
        let mut fields = [0; 12];
        for field in &mut fields {
            *field = self.i32("the parameters")?;
        }
        self.take::<8>("the parameters")?;
        let [dimension, .., model, bucket, minn, maxn, _] = fields;
        // Models for classification had no n-grams before version 12, whatever they record.
        let maxn = if model == SUPERVISED && version.unwrap_or(0) < 12 {
            0
        } else {
            maxn
        };
        if !(1..=LARGEST_DIMENSION as i32).contains(&dimension) {
            return Err(self.out_of_range("the dimension", dimension));
        }
        if !(0..=LONGEST_NGRAM).contains(&minn) || !(0..=LONGEST_NGRAM).contains(&maxn) {
            return Err(self.out_of_range("the length of n-grams", format!("{minn} to {maxn}")));
        }
        Ok(Parameters {
            dimension: dimension as usize,
            shortest: minn as usize,
            longest: maxn as usize,
            buckets: bucket.max(0) as u32,
        })
    }

    fn dictionary(&mut self, version: Option<i32>) -> Result<Dictionary, Error> {
        let place = "the dictionary";
        let entries = self.i32(place)?;
        let words = self.i32(place)?;
        let labels = self.i32(place)?;
        let tokens = self.i64(place)?;
        let pruned = if version.is_some() {
            self.i64(place)?
        } else {
            -1
        };
        // A word has at least an end, a count and a type.
        let most = (self.bytes.len() - self.at) / 10;
        let counted = words.checked_add(labels) == Some(entries);
        if words < 0 || labels < 0 || !counted || entries as usize > most {
            let counts = format!("{entries} entries, {words} words and {labels} labels");
            return Err(self.out_of_range(place, counts));
        }
        let mut spans = Vec::with_capacity(words as usize);
        for entry in 0..entries {
            let rest = &self.bytes[self.at..];
            let end = rest.iter().take(LONGEST_WORD).position(|&byte| byte == 0);
            let end = end.ok_or_else(|| self.ends_in(place))?;
            let span = self.at..self.at + end;
            self.at += end + 1;
            self.i64(place)?;
            let is_word = self.byte(place)? == 0;
            // Rows are counted through the words, labels come after them.
            if is_word != (entry < words) {
                return Err(self.out_of_range("the number of words", spans.len()));
            }
            if is_word {
                spans.push(span);
            }
        }
        for _ in 0..pruned.max(0) {
            self.i64(place)?;
        }
        Ok(Dictionary {
            spans,
            tokens: tokens.max(0) as u64,
            pruned,
        })
    }

    /// Rows, and the byte at which they begin.
    fn matrix(&mut self, dimension: usize, place: &str) -> Result<(u64, usize), Error> {
        let rows = self.i64(place)?;
        let columns = self.i64(place)?;
        let start = self.at;
        if columns != dimension as i64 || rows < 0 {
            return Err(self.out_of_range(place, format!("{rows}x{columns}")));
        }
        let bytes = (rows as u64).checked_mul(4 * dimension as u64);
        let left = (self.bytes.len() - start) as u64;
        match bytes.filter(|&bytes| bytes <= left) {
            Some(bytes) => self.at = start + bytes as usize,
            None => return Err(self.ends_in(place)),
        }
        Ok((rows as u64, start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ngrams_are_characters_between_brackets() {
        let found: Vec<&str> = ngrams("<né>", 1, 3).collect();
        assert_eq!(found, ["<n", "<né", "n", "né", "né>", "é", "é>"]);
        assert_eq!(ngrams("<ab>", 3, 3).collect::<Vec<_>>(), ["<ab", "ab>"]);
    }

    #[test]
    fn bytes_beyond_ascii_are_negative() {
        assert_eq!(hash(b""), 2_166_136_261);
        assert_eq!(hash(b"a"), 0xe40c_292c);
        let expected = (2_166_136_261_u32 ^ 0xffff_ffc3).wrapping_mul(16_777_619);
        assert_eq!(hash(b"\xc3"), expected);
    }
}
