//! What a `tokenizer.json` may hold, checked before the library sees it.
//!
//! The library takes its files at their word. A merge whose second half is shorter than the prefix of inner pieces, or
//! is cut inside of a character by it, makes a string that is not UTF-8 without any check (`from_utf8_unchecked` in
//! `BpeBuilder::build`); a merge longer than every token writes behind a buffer and panics; so do templates of unknown
//! tokens and pieces of length 0. Nested parts are tried in several ways each, so that time doubles with every level, and
//! replacements can make a short text long without end.

use serde_json::{Map, Value};

use super::charsmap;

/// Tokens of a vocabulary, and pairs that are merged; the largest in use have 600,000.
const MOST_TOKENS: usize = 1 << 22;
/// Bytes of one token.
const LONGEST_TOKEN: usize = 1 << 14;
/// Parts of a normalizer, pre-tokenizer or post-processor, the nested ones included.
const MOST_PARTS: usize = 128;
/// Levels of such parts.
const DEEPEST: usize = 6;
/// Bytes of one pattern.
const LONGEST_PATTERN: usize = 1 << 13;
/// How many times longer all replacements together may make a text.
const MOST_GROWTH: usize = 1 << 10;
/// Bytes that are put before a text.
const LONGEST_PREFIX: usize = 1 << 10;
/// Tokens that a template adds to a text.
const MOST_ADDED: usize = 256;
/// Bytes of a word that WordPiece cuts: the work grows with the square.
const LONGEST_WORD: u64 = 10_000;

/// Checks a description and takes out what is not needed for texts to become numbers: the way back to text, and chance.
///
/// # Errors
/// What is wrong, as a part of a sentence.
pub(super) fn check(description: &mut Value) -> Result<(), String> {
    let Some(parts) = description.as_object_mut() else {
        return Err("it is no JSON object".into());
    };
    parts.remove("decoder");
    let Some(model) = parts.get_mut("model").and_then(Value::as_object_mut) else {
        return Err("its model is no JSON object".into());
    };
    // Chance is for training; with it a text would have other numbers each time.
    model.remove("dropout");
    check_vocabulary(model)?;
    check_merges(model)?;
    let longest = model
        .get("max_input_chars_per_word")
        .and_then(Value::as_u64);
    if longest.is_some_and(|longest| longest > LONGEST_WORD) {
        return Err(format!(
            "it cuts words of more than {LONGEST_WORD} characters"
        ));
    }
    check_added(parts)?;
    for name in ["normalizer", "pre_tokenizer", "post_processor"] {
        let mut walk = Walk {
            parts: 0,
            growth: 1,
        };
        if let Some(part) = parts.get(name) {
            walk.part(part, 0)
                .map_err(|what| format!("its {name} {what}"))?;
        }
    }
    Ok(())
}

/// The vocabulary, a map from tokens to numbers or a list of tokens with their scores.
fn check_vocabulary(model: &Map<String, Value>) -> Result<(), String> {
    let (count, longest) = match model.get("vocab") {
        Some(Value::Object(map)) => {
            let number = |id: &Value| id.as_u64().is_some_and(|id| u32::try_from(id).is_ok());
            if let Some((token, id)) = map.iter().find(|(_, id)| !number(id)) {
                return Err(format!("its token '{}' has the number {id}", short(token)));
            }
            (map.len(), map.keys().map(String::len).max())
        }
        Some(Value::Array(list)) => {
            let token = |entry: &Value| entry.get(0).and_then(Value::as_str).map(str::len);
            (list.len(), list.iter().filter_map(token).max())
        }
        // The library says what is missing.
        _ => return Ok(()),
    };
    if count > MOST_TOKENS {
        return Err(format!("its vocabulary has more than {MOST_TOKENS} tokens"));
    }
    if longest.is_some_and(|longest| longest > LONGEST_TOKEN) {
        return Err(format!("a token has more than {LONGEST_TOKEN} bytes"));
    }
    Ok(())
}

/// Both halves of a merge and what they make are tokens.
fn check_merges(model: &Map<String, Value>) -> Result<(), String> {
    let Some(Value::Array(merges)) = model.get("merges") else {
        return Ok(());
    };
    if merges.len() > MOST_TOKENS {
        return Err(format!("it merges more than {MOST_TOKENS} pairs"));
    }
    let Some(Value::Object(vocabulary)) = model.get("vocab") else {
        return Err("it merges tokens and has no vocabulary".into());
    };
    let prefix = model
        .get("continuing_subword_prefix")
        .and_then(Value::as_str);
    let prefix = prefix.unwrap_or_default();
    for (number, merge) in merges.iter().enumerate() {
        let number = number + 1;
        let pair = match merge {
            Value::String(text) => text
                .split_once(' ')
                .filter(|(_, second)| !second.contains(' ')),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(first), Value::String(second)] => Some((&**first, &**second)),
                _ => None,
            },
            _ => None,
        };
        let Some((first, second)) = pair else {
            return Err(format!("merge {number} is no pair of tokens"));
        };
        for token in [first, second] {
            if !vocabulary.contains_key(token) {
                let token = short(token);
                return Err(format!("merge {number} is of '{token}', which is no token"));
            }
        }
        // Inner pieces bear the prefix, which is cut at a byte.
        let Some(rest) = second.strip_prefix(prefix) else {
            let (second, prefix) = (short(second), short(prefix));
            return Err(format!(
                "merge {number} ends in '{second}', which does not begin with '{prefix}' as inner pieces do"
            ));
        };
        if !vocabulary.contains_key(&format!("{first}{rest}")) {
            let made = short(&format!("{first}{rest}"));
            return Err(format!("merge {number} makes '{made}', which is no token"));
        }
    }
    Ok(())
}

fn check_added(parts: &Map<String, Value>) -> Result<(), String> {
    let Some(Value::Array(added)) = parts.get("added_tokens") else {
        return Ok(());
    };
    if added.len() > MOST_TOKENS {
        return Err(format!("it adds more than {MOST_TOKENS} tokens"));
    }
    let content = |token: &Value| {
        token
            .get("content")
            .and_then(Value::as_str)
            .map_or(0, str::len)
    };
    match added.iter().any(|token| content(token) > LONGEST_TOKEN) {
        true => Err(format!(
            "an added token has more than {LONGEST_TOKEN} bytes"
        )),
        false => Ok(()),
    }
}

/// The parts of a normalizer, pre-tokenizer or post-processor so far.
struct Walk {
    parts: usize,
    /// How many times longer they make a text at most.
    growth: usize,
}

impl Walk {
    fn part(&mut self, part: &Value, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            return Err(format!(
                "has more than {MOST_PARTS} parts or nests them more than {DEEPEST} deep"
            ));
        }
        let Some(settings) = part.as_object() else {
            return Ok(());
        };
        for list in ["normalizers", "pretokenizers", "processors"] {
            if let Some(Value::Array(list)) = settings.get(list) {
                list.iter()
                    .try_for_each(|part| self.part(part, depth + 1))?;
            }
        }
        self.pattern(settings)?;
        if let Some(table) = settings.get("precompiled_charsmap").and_then(Value::as_str) {
            charsmap::check(table)?;
        }
        let text = |name: &str| {
            settings
                .get(name)
                .and_then(Value::as_str)
                .map_or(0, str::len)
        };
        if text("prepend") > LONGEST_PREFIX || text("replacement") > LONGEST_PREFIX {
            return Err(format!("puts more than {LONGEST_PREFIX} bytes into a text"));
        }
        if settings.get("length").and_then(Value::as_u64) == Some(0) {
            return Err("cuts texts into pieces of length 0".into());
        }
        check_template(settings)
    }

    /// A pattern, and what takes the place of what it matches.
    fn pattern(&mut self, settings: &Map<String, Value>) -> Result<(), String> {
        let pattern = settings.get("pattern");
        let of_kind = |kind: &str| pattern.and_then(|pattern| pattern.get(kind)?.as_str());
        let (fixed, regex) = (of_kind("String"), of_kind("Regex"));
        let length = fixed.or(regex).map_or(0, str::len);
        if length > LONGEST_PATTERN {
            return Err(format!(
                "has a pattern of more than {LONGEST_PATTERN} bytes"
            ));
        }
        let Some(content) = settings.get("content").and_then(Value::as_str) else {
            return Ok(());
        };
        // A pattern may match nothing at all between any two characters.
        let content = content.chars().count();
        let factor = match fixed.map(|fixed| fixed.chars().count()) {
            Some(matched) if matched > 0 => content.div_ceil(matched),
            _ => content + 1,
        };
        self.growth = self.growth.saturating_mul(factor.max(1));
        match self.growth > MOST_GROWTH {
            true => Err(format!("makes texts more than {MOST_GROWTH} times longer")),
            false => Ok(()),
        }
    }
}

/// A template names tokens that it lists, and adds a bounded number of them.
fn check_template(settings: &Map<String, Value>) -> Result<(), String> {
    let listed = settings.get("special_tokens").and_then(Value::as_object);
    for name in ["single", "pair"] {
        let Some(Value::Array(pieces)) = settings.get(name) else {
            continue;
        };
        let mut added = 0;
        for piece in pieces {
            let Some(token) = piece.get("SpecialToken") else {
                continue;
            };
            let id = token.get("id").and_then(Value::as_str).unwrap_or_default();
            let ids = listed.and_then(|listed| listed.get(id)?.get("ids")?.as_array());
            let Some(ids) = ids else {
                let id = short(id);
                return Err(format!(
                    "has a template with '{id}', which its special_tokens lack"
                ));
            };
            added += ids.len();
        }
        if added > MOST_ADDED {
            return Err(format!("adds more than {MOST_ADDED} tokens to a text"));
        }
    }
    Ok(())
}

/// The beginning of a text, for a message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bpe(prefix: &str, vocabulary: &[&str], merges: Value) -> Value {
        let ids = vocabulary.iter().enumerate();
        let vocabulary: Map<String, Value> = ids
            .map(|(id, token)| ((*token).to_owned(), json!(id)))
            .collect();
        json!({"model": {
            "type": "BPE", "vocab": vocabulary, "merges": merges, "continuing_subword_prefix": prefix,
        }})
    }

    fn refusal(mut description: Value) -> String {
        check(&mut description).unwrap_err()
    }

    #[test]
    fn merges_are_of_tokens_and_make_tokens() {
        let good = [
            bpe("", &["a", "b", "ab"], json!([["a", "b"]])),
            bpe("", &["a", "b", "ab"], json!(["a b"])),
            bpe("##", &["a", "##b", "ab"], json!([["a", "##b"]])),
        ];
        for mut good in good {
            check(&mut good).unwrap();
        }
        for (description, part) in [
            (
                bpe("", &["a", "b"], json!([["a", "b"], ["zz", "b"]])),
                "makes 'ab'",
            ),
            (
                bpe("", &["a", "b", "ab"], json!([["zz", "b"]])),
                "'zz', which is no token",
            ),
            (
                bpe("ab", &["x", "日", "xxxxxxxxxxxx"], json!([["x", "日"]])),
                "does not begin with 'ab'",
            ),
            (
                bpe("long", &["a", "b", "ab"], json!([["a", "b"]])),
                "does not begin with 'long'",
            ),
            (
                bpe("", &["a", "b", "ab"], json!(["a b c"])),
                "merge 1 is no pair",
            ),
            (
                bpe("", &["a", "b", "ab"], json!([["a"]])),
                "merge 1 is no pair",
            ),
            (bpe("", &["a", "b", "ab"], json!([7])), "merge 1 is no pair"),
            (
                json!({"model": {"merges": [["a", "b"]], "vocab": []}}),
                "no vocabulary",
            ),
            (json!({"model": {"vocab": {"a": -1}}}), "has the number -1"),
            (
                json!({"model": {"vocab": {"a": 1_u64 << 40}}}),
                "has the number",
            ),
            (
                json!({"model": {"max_input_chars_per_word": 1_u64 << 40}}),
                "words of more than",
            ),
            (json!({"model": 1}), "no JSON object"),
            (json!([]), "no JSON object"),
        ] {
            let message = refusal(description);
            assert!(message.contains(part), "{message}");
        }
    }

    fn with(name: &str, part: Value) -> Value {
        json!({"model": {"vocab": {}}, name: part})
    }

    fn replace(pattern: &str, content: &str) -> Value {
        json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content})
    }

    #[test]
    fn normalizers_are_bounded() {
        let mut nested = json!({"type": "NFC"});
        for _ in 0..20 {
            nested = json!({"type": "Sequence", "normalizers": [nested]});
        }
        let growing = vec![replace(".", "aaaa"); 6];
        let many = vec![json!({"type": "NFC"}); 200];
        let prefix = json!({"type": "Prepend", "prepend": "a".repeat(5000)});
        let table = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
        for (part, message) in [
            (nested, "nests them"),
            (json!({"normalizers": many}), "parts"),
            (json!({"normalizers": growing}), "times longer"),
            (replace(&"a".repeat(10_000), ""), "a pattern of more"),
            (prefix, "into a text"),
            (table, "cut off"),
        ] {
            let refused = refusal(with("normalizer", part));
            assert!(refused.contains(message), "{refused}");
        }
    }

    #[test]
    fn other_parts_are_bounded() {
        let template = json!([{"SpecialToken": {"id": "[CLS]", "type_id": 0}}]);
        let unknown = json!({"single": template, "special_tokens": {}});
        let pieces = vec![json!({"SpecialToken": {"id": "x", "type_id": 0}}); 300];
        let special = json!({"x": {"id": "x", "ids": [1], "tokens": ["x"]}});
        let long = json!({"single": pieces, "special_tokens": special});
        let cut = json!({"type": "FixedLength", "length": 0});
        let added = json!([{"content": "a".repeat(20_000)}]);
        for (name, part, message) in [
            ("pre_tokenizer", cut, "length 0"),
            ("post_processor", unknown, "'[CLS]'"),
            ("post_processor", long, "adds more"),
            ("added_tokens", added, "an added token"),
        ] {
            let refused = refusal(with(name, part));
            assert!(refused.contains(message), "{refused}");
        }
    }

    #[test]
    fn what_makes_texts_again_and_chance_are_left_out() {
        let mut description = bpe("", &["a", "b", "ab"], json!([["a", "b"]]));
        description["model"]["dropout"] = json!(0.5);
        description["decoder"] = json!({"type": "whatever"});
        check(&mut description).unwrap();
        assert!(description.get("decoder").is_none());
        assert!(description["model"].get("dropout").is_none());
    }
}
