//! Tables of word vectors, read where they lie.
//!
//! Four programs left their formats behind, and which one a file has is seen from its content, never from
//! its name: fastText `.bin` (Bojanowski et al. 2017, "Enriching word vectors with subword information"),
//! whose character n-grams also give vectors to words out of vocabulary; text with a header line (fastText
//! `.vec`, word2vec); text without one (GloVe, Pennington et al. 2014); and word2vec's binary (Mikolov et al.
//! 2013). A file is mapped into memory, its words are indexed once, and vectors are read when they are asked
//! for, so that a table of several gigabytes opens in seconds and costs the memory of its index.
//!
//! Vectors of fastText models were checked against the `fasttext` package, in and out of vocabulary.

mod binary_file;
mod damage;
mod fasttext;
mod format;
mod recognise;
mod text_file;
mod unpacked;
mod vocabulary;

pub use format::WordFormat;

use std::borrow::Cow;
use std::path::Path;

use vizsla_vectors::CUT_SHORT;

use crate::error::Error;
use damage::File;
use fasttext::FastText;
use text_file::{LARGEST_DIMENSION, TextTable};
use unpacked::Unpacked;
use vocabulary::Vocabulary;

/// Words and their vectors, in a file that is mapped into memory.
#[derive(Debug)]
pub struct WordVectors {
    content: Unpacked,
    file: File,
    format: WordFormat,
    dimension: usize,
    words: Vocabulary,
    table: Table,
}

/// Where the numbers of a word are.
#[derive(Debug)]
enum Table {
    /// Rows of a matrix, and of those of its n-grams.
    FastText(FastText),
    /// Decimal numbers after the word.
    Text(TextTable),
    /// Little-endian floats after the word.
    Binary,
}

impl WordVectors {
    /// Opens a file of any of the formats of [`WordFormat`], as it is or packed with gzip.
    ///
    /// All lengths are checked against the file, and every line of a text is counted; the numbers of a text
    /// are only read, and found to be numbers, when their word is asked for.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for another kind of file, which is named where it is known, or a quantised fastText model, [`Error::Damaged`] with
    /// line or byte for a truncated one, for words that are not UTF-8 (fastText's `.bin` may have some, which
    /// cannot be asked for) and for lengths that do not fit.
    pub fn open(path: &Path) -> Result<WordVectors, Error> {
        let file = File::new(path);
        let content = unpacked::open(path, &file)?;
        let bytes = content.map.bytes();
        let Some(recognised) = recognise::format(bytes) else {
            let what = format!("read are {}", WordFormat::NAMES);
            return Err(file.wrong_kind(what));
        };
        let format = recognised.format;
        let (dimension, words, table) = match format {
            WordFormat::FastText => {
                let (words, table) = FastText::read(bytes, &file)?;
                (table.dimension(), words, Table::FastText(table))
            }
            WordFormat::Word2VecBinary => {
                let (dimension, words) = binary_file::read(bytes, &file)?;
                (dimension, words, Table::Binary)
            }
            WordFormat::TextWithHeader | WordFormat::Text => {
                let header = format == WordFormat::TextWithHeader;
                let dimension = recognised.dimension;
                check_dimension(dimension, &file)?;
                let words = text_file::read(bytes, header, dimension, &file)?;
                (dimension, words, Table::Text(TextTable { header }))
            }
        };
        check_dimension(dimension, &file)?;
        Ok(WordVectors {
            format,
            dimension,
            words,
            table,
            content,
            file,
        })
    }

    fn bytes(&self) -> &[u8] {
        self.content.map.bytes()
    }

    /// The format the file was found to have.
    pub fn format(&self) -> WordFormat {
        self.format
    }

    /// Numbers in each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Words in the vocabulary.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether the vocabulary is empty.
    pub fn is_empty(&self) -> bool {
        self.words.len() == 0
    }

    /// Whether words out of vocabulary have vectors too, made from their character n-grams.
    pub fn has_subwords(&self) -> bool {
        matches!(&self.table, Table::FastText(table) if table.has_subwords())
    }

    /// Whether the vocabulary has the word, spelt exactly so.
    pub fn contains(&self, word: &str) -> bool {
        self.words.find(self.bytes(), word).is_some()
    }

    /// The vector of a word, not normalised; `None` for a word that has none. The vector of a fastText model
    /// is the mean of the word's own row and those of its n-grams, or of the n-grams alone; it is zero for a
    /// word out of vocabulary that is too short to have any.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the line when a text holds something that is not a finite number, and when the file was cut
    /// short since it was opened.
    pub fn vector(&self, word: &str) -> Result<Option<Vec<f32>>, Error> {
        let vector = self.read_vector(word);
        match self.content.map.is_whole() {
            true => vector,
            false => Err(self.file.damaged(CUT_SHORT)),
        }
    }

    fn read_vector(&self, word: &str) -> Result<Option<Vec<f32>>, Error> {
        let bytes = self.bytes();
        let row = self.words.find(bytes, word);
        let mut vector = vec![0.0; self.dimension];
        match (&self.table, row) {
            (Table::FastText(table), row) => {
                if row.is_none() && !table.has_subwords() {
                    return Ok(None);
                }
                table.vector(bytes, row, word, &mut vector);
            }
            (_, None) => return Ok(None),
            (Table::Binary, Some(row)) => {
                let start = self.words.span(row).end + 1;
                binary_file::floats(bytes, start, &mut vector);
            }
            (Table::Text(table), Some(row)) => {
                let start = self.words.span(row).end + 1;
                table.numbers(bytes, start, row, &self.file, &mut vector)?;
            }
        }
        if vector.iter().any(|x| !x.is_finite()) {
            let what = format!("the vector of '{word}' has values that are not finite");
            return Err(self.file.damaged(what));
        }
        Ok(Some(vector))
    }

    /// How often the word was met in the texts the vectors were learnt from; only fastText `.bin` records it.
    pub fn count(&self, word: &str) -> Option<u64> {
        let Table::FastText(table) = &self.table else {
            return None;
        };
        let row = self.words.find(self.bytes(), word)?;
        Some(table.count(self.bytes(), self.words.span(row).end))
    }

    /// Words in those texts, each counted as often as it was met; only fastText `.bin` records it.
    pub fn tokens(&self) -> Option<u64> {
        match &self.table {
            Table::FastText(table) => Some(table.tokens()),
            _ => None,
        }
    }

    /// The words in the order of the file, for most files the most frequent first. Bytes that are not UTF-8
    /// appear as replacement characters.
    pub fn words(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.words.len())
            .map(|row| String::from_utf8_lossy(&self.bytes()[self.words.span(row)]))
    }
}

/// One number for each word is no vector: a list of frequencies looks like that, and a text whose fields are not what
/// they seem.
fn check_dimension(dimension: usize, file: &File) -> Result<(), Error> {
    match dimension {
        0 | 1 => Err(file.wrong_kind(format!(
            "{dimension} numbers for each word; vectors have 2 to {LARGEST_DIMENSION}"
        ))),
        _ if dimension > LARGEST_DIMENSION => Err(file.damaged(format!(
            "dimension {dimension}, allowed are 2 to {LARGEST_DIMENSION}"
        ))),
        _ => Ok(()),
    }
}
