//! The files that tokenizers come in, each brought to the form of a `tokenizer.json`.

use std::io::Read;
use std::panic::catch_unwind;
use std::path::Path;

use flate2::read::GzDecoder;
use fs_err as fs;
use serde_json::{Map, Value, json};

use super::tokenizer_check;
use crate::error::Error;

/// Largest file, unpacked; the largest vocabularies in use take 40 MB.
const LARGEST: u64 = 128 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Tokens of OpenAI's CLIP. The file lists more merges than the vocabulary has room for.
const CLIP_TOKENS: usize = 49_408;
const CLIP_START: &str = "<|startoftext|>";
const CLIP_END: &str = "<|endoftext|>";
/// What CLIP takes for a word: Radford et al. 2021.
const CLIP_WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
const FORMATS: &str = "read are tokenizer.json, BERT's vocab.txt, CLIP's bpe_simple_vocab_16e6.txt.gz, and vocab.json beside merges.txt";

/// A tokenizer without limit and filling, and what its file said about them.
pub(super) struct Opened {
    pub tokenizer: tokenizers::Tokenizer,
    /// Whether it takes care of case by itself.
    pub knows_case: bool,
    /// Longest text in tokens.
    pub max_length: Option<usize>,
    /// The number that fills shorter texts.
    pub padding: Option<u32>,
}

/// Opens any of the files.
pub(super) fn open(path: &Path, lower_case: Option<bool>) -> Result<Opened, Error> {
    let wrong = |what: String| Error::WrongKind {
        expected: "tokenizer",
        what,
        path: path.to_path_buf(),
    };
    if !fs::metadata(path)?.is_file() {
        return Err(wrong("it is no file".into()));
    }
    let bytes = read_bounded(fs::File::open(path)?, path)?;
    let (mut description, knows_case) = if bytes.starts_with(&GZIP) {
        let text = read_bounded(GzDecoder::new(&bytes[..]), path)?;
        (clip_of_merges(&text).map_err(wrong)?, true)
    } else if bytes.trim_ascii_start().starts_with(b"{") {
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("not JSON: {error}; {FORMATS}")))?;
        if value.get("model").is_some() {
            (value, false)
        } else {
            let merges = path.with_file_name("merges.txt");
            let merges = read_bounded(fs::File::open(merges)?, path)?;
            (clip_of_vocabulary(value, &merges).map_err(wrong)?, true)
        }
    } else {
        let text = String::from_utf8(bytes).map_err(|_| wrong(FORMATS.into()))?;
        let lower_case = lower_case.unwrap_or(true);
        (bert(&text, lower_case).map_err(wrong)?, true)
    };
    // Taken out before the library sees them: it panics on limits that leave no room for special tokens.
    let number = |value: Option<Value>, key: &str| value?.get(key)?.as_u64();
    let mut take = |part: &str| description.as_object_mut()?.remove(part);
    let max_length = number(take("truncation"), "max_length");
    let padding = number(take("padding"), "pad_id");
    tokenizer_check::check(&mut description)
        .map_err(|what| wrong(format!("the tokenizer cannot be built: {what}")))?;
    let bytes = serde_json::to_vec(&description).map_err(std::io::Error::from)?;
    // What the checks before did not think of must not end the program.
    let tokenizer = catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes))
        .map_err(|_| wrong("the tokenizer cannot be built: it broke inside the library".into()))?
        .map_err(|error| wrong(format!("the tokenizer cannot be built: {error}")))?;
    Ok(Opened {
        tokenizer,
        knows_case,
        max_length: max_length.map(|length| length as usize),
        padding: padding.and_then(|id| u32::try_from(id).ok()),
    })
}

fn read_bounded(reader: impl Read, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::WrongKind {
            expected: "tokenizer",
            what: "larger than 128 MiB".into(),
            path: path.to_path_buf(),
        });
    }
    Ok(bytes)
}

/// BERT (Devlin et al. 2019): one token in a line, words cut into the longest pieces there are.
fn bert(text: &str, lower_case: bool) -> Result<Value, String> {
    let lines = text.lines().enumerate();
    let vocabulary: Map<String, Value> = lines
        .map(|(id, token)| (token.to_owned(), json!(id)))
        .collect();
    let id = |token: &str| {
        let found = vocabulary.get(token).cloned();
        found.ok_or(format!("no line '{token}'; {FORMATS}"))
    };
    let (start, end) = (id("[CLS]")?, id("[SEP]")?);
    id("[UNK]")?;
    let special = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];
    let added: Vec<Value> = special
        .iter()
        .filter_map(|token| Some(added_token(token, vocabulary.get(*token)?)))
        .collect();
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": true,
            "strip_accents": null,
            "lowercase": lower_case,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", end], "cls": ["[CLS]", start] },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }))
}

/// CLIP from the list of merges alone: the vocabulary follows from it.
fn clip_of_merges(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|_| FORMATS.to_owned())?;
    let characters = byte_characters();
    let room = CLIP_TOKENS - 2 * characters.len() - 2;
    let merges: Vec<(&str, &str)> = merges(text)?.into_iter().take(room).collect();
    let bytes = characters.iter().map(char::to_string);
    let ends = characters.iter().map(|c| format!("{c}</w>"));
    let merged = merges.iter().map(|(a, b)| format!("{a}{b}"));
    let special = [CLIP_START.to_owned(), CLIP_END.to_owned()];
    let tokens = bytes.chain(ends).chain(merged).chain(special);
    let vocabulary = tokens.enumerate().map(|(id, token)| (token, json!(id)));
    clip(vocabulary.collect(), &merges)
}

/// CLIP from the two files of `transformers`.
fn clip_of_vocabulary(vocabulary: Value, text: &[u8]) -> Result<Value, String> {
    let Value::Object(vocabulary) = vocabulary else {
        return Err(FORMATS.into());
    };
    let text = std::str::from_utf8(text).map_err(|_| "merges.txt is not UTF-8".to_owned())?;
    clip(vocabulary, &merges(text)?)
}

/// Pairs of tokens, one in a line after the version.
fn merges(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(number, line)| !line.is_empty() && (*number > 0 || !line.contains("#version")));
    lines
        .map(|(number, line)| {
            let pair = line.split_once(' ');
            pair.ok_or_else(|| format!("line {} is no pair of tokens; {FORMATS}", number + 1))
        })
        .collect()
}

fn clip(vocabulary: Map<String, Value>, merges: &[(&str, &str)]) -> Result<Value, String> {
    let id = |token: &str| {
        let found = vocabulary.get(token).cloned();
        found.ok_or(format!(
            "the vocabulary has no '{token}', so it is not CLIP's; save the tokenizer as tokenizer.json"
        ))
    };
    let (start, end) = (id(CLIP_START)?, id(CLIP_END)?);
    let added = [added_token(CLIP_START, &start), added_token(CLIP_END, &end)];
    Ok(json!({
        "version": "1.0",
        "truncation": { "max_length": 77, "stride": 0, "strategy": "LongestFirst", "direction": "Right" },
        "added_tokens": added,
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
            { "type": "Lowercase" },
        ] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": CLIP_WORDS }, "behavior": "Removed", "invert": true },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        ] },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [CLIP_END, end],
            "cls": [CLIP_START, start],
            "trim_offsets": false,
            "add_prefix_space": false,
        },
        "model": {
            "type": "BPE",
            "unk_token": CLIP_END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": false,
            "vocab": vocabulary,
            "merges": merges,
        },
    }))
}

fn added_token(content: &str, id: &Value) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": true,
    })
}

/// The characters that stand for the 256 bytes in byte-level vocabularies, in the order of their tokens: the
/// visible ones of Latin-1 stand for themselves, the others follow as characters from 256 on.
fn byte_characters() -> Vec<char> {
    let visible = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..256).filter(|byte| !visible(byte)).count() as u32;
    let codes = (0..256).filter(visible).chain(256..256 + others);
    codes.filter_map(char::from_u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_character() {
        let characters = byte_characters();
        assert_eq!(characters.len(), 256);
        assert_eq!(characters[0], '!');
        assert_eq!(characters[255], 'Ń');
    }

    fn refusal(path: &Path) -> String {
        open(path, None).err().unwrap().to_string()
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        for (content, part) in [
            (&b"hello\nworld\n"[..], "no line '[CLS]'"),
            (b"{\"model\": {}}", "cannot be built"),
            (b"{\"a\"", "not JSON"),
            (b"\xff\xfe", "read are tokenizer.json"),
        ] {
            fs::write(&path, content).unwrap();
            let message = refusal(&path);
            assert!(message.contains(part), "{message}");
        }
        fs::write(&path, "{\"a\": 1}").unwrap();
        assert!(refusal(&path).contains("merges.txt"));
    }
}
