//! Tokenizers: a text becomes the numbers that a network was trained on.
//!
//! The work is done by Hugging Face's [`tokenizers`]; this module opens the files that models come with and
//! says what was cut and what was unknown. Numbers are those of the package `transformers`, which the tests
//! compare on captions and on strings made to break tokenizers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokenizers::{PostProcessor, TruncationParams, TruncationStrategy};

use super::tokenizer_files;
use crate::error::Error;

/// Names that vocabularies give to the token of unknown words.
const UNKNOWN: [&str; 3] = ["[UNK]", "<unk>", "<UNK>"];
/// Names that vocabularies give to the token that fills a batch.
const PADDING: [&str; 3] = ["[PAD]", "<pad>", "<|endoftext|>"];
/// Longest text, in tokens, where neither caller nor file says: what BERT was trained on.
const LONGEST: usize = 512;

/// What the texts that a tokenizer is tried with are made of.
const PROBES: [&str; 8] = [
    "a",
    " ",
    "ab ",
    "1",
    "!?",
    "\n\t\u{0}\u{fffd}",
    "日本語é",
    "e\u{301}\u{200d}👩\u{200d}👧\u{fe0f}",
];
/// Characters of such a text.
const PROBE_CHARACTERS: usize = 2000;
/// Longest time that one may take: an honest tokenizer needs milliseconds.
const SLOWEST: Duration = Duration::from_secs(5);

/// A text as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenized {
    /// Numbers of its tokens, with the special ones at its ends.
    pub ids: Vec<u32>,
    /// Tokens without the special ones.
    pub tokens: usize,
    /// Those of them that stand for a word the vocabulary cannot spell.
    pub unknown: usize,
}

/// A tokenizer that was read from a file.
#[derive(Debug)]
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
    lower_case: bool,
    unknown: Option<u32>,
    padding: u32,
    max_length: usize,
}

impl Tokenizer {
    /// Opens a `tokenizer.json` (WordPiece, BPE, Unigram), a BERT vocabulary `vocab.txt`, the byte-pair
    /// vocabulary of OpenAI's CLIP (`bpe_simple_vocab_16e6.txt.gz`), or a CLIP `vocab.json` that has its
    /// `merges.txt` beside it; which of them it is, is seen from the content.
    ///
    /// `lower_case` decides for a `vocab.txt` whether it is a lower-case vocabulary (it is, where nothing is
    /// said); for the others `true` lower-cases texts before anything else. `max_length` cuts longer texts,
    /// the special tokens counted; without it the file's own limit holds, or 512.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the file is no tokenizer or its parts contradict each other.
    pub fn open(
        path: &Path,
        lower_case: Option<bool>,
        max_length: Option<usize>,
    ) -> Result<Tokenizer, Error> {
        let opened = tokenizer_files::open(path, lower_case)?;
        let mut inner = opened.tokenizer;
        let id = |names: [&str; 3]| names.iter().find_map(|name| inner.token_to_id(name));
        let padding = opened.padding.or_else(|| id(PADDING)).unwrap_or(0);
        let unknown = id(UNKNOWN);
        let max_length = max_length.or(opened.max_length).unwrap_or(LONGEST);
        let special = inner
            .get_post_processor()
            .map_or(0, |processor| processor.added_tokens(false));
        let truncation = TruncationParams {
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            ..TruncationParams::default()
        };
        if max_length <= special || inner.with_truncation(Some(truncation)).is_err() {
            return Err(Error::Value {
                name: "max_length",
                value: max_length.to_string(),
                allowed: format!("the {special} special tokens leave no room for a text"),
            });
        }
        Ok(Tokenizer {
            path: path.to_path_buf(),
            inner,
            lower_case: lower_case == Some(true) && !opened.knows_case,
            unknown,
            padding,
            max_length,
        })
    }

    /// Tries texts that break or slow down tokenizers: long runs of one kind of character, and many kinds.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when it breaks on one, or takes longer than [`SLOWEST`].
    pub(crate) fn probe(&self) -> Result<(), Error> {
        for part in PROBES {
            let start = Instant::now();
            let text = part.repeat(PROBE_CHARACTERS / part.chars().count());
            // Characters that a vocabulary cannot spell are no defect.
            if let Err(error @ Error::WrongKind { .. }) = self.encode(&text) {
                return Err(error);
            }
            if start.elapsed() > SLOWEST {
                let seconds = start.elapsed().as_secs();
                return Err(Error::WrongKind {
                    expected: "tokenizer",
                    what: format!(
                        "it takes {seconds} s for a text of {PROBE_CHARACTERS} characters '{part}'"
                    ),
                    path: self.path.clone(),
                });
            }
        }
        Ok(())
    }

    /// The number that fills the shorter texts of a batch.
    pub fn padding(&self) -> u32 {
        self.padding
    }

    /// Longest text in tokens.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The numbers of a text.
    ///
    /// # Errors
    /// [`Error::Value`] when the vocabulary has no way to spell a character and no token for unknown words.
    pub fn encode(&self, text: &str) -> Result<Tokenized, Error> {
        let lower = self.lower_case.then(|| text.to_lowercase());
        let text = lower.as_deref().unwrap_or(text);
        let encode = AssertUnwindSafe(|| self.inner.encode(text, true));
        let encoding = catch_unwind(encode)
            .map_err(|_| Error::WrongKind {
                expected: "tokenizer",
                what: format!(
                    "it broke on the text '{}'",
                    text.chars().take(80).collect::<String>()
                ),
                path: self.path.clone(),
            })?
            .map_err(|error| Error::Value {
                name: "the text",
                value: text.chars().take(80).collect(),
                allowed: format!("the tokenizer says: {error}"),
            })?;
        let ids = encoding.get_ids().to_vec();
        let special = encoding.get_special_tokens_mask();
        let plain = || {
            ids.iter()
                .zip(special)
                .filter(|&(_, &special)| special == 0)
        };
        Ok(Tokenized {
            tokens: plain().count(),
            unknown: plain().filter(|&(id, _)| Some(*id) == self.unknown).count(),
            ids,
        })
    }
}
