//! The parser of queries: one pass over the text, no recursion.

use std::path::PathBuf;

use super::part::{ExpressionItem, ExpressionPart};
use crate::{Region, SyntaxError};

/// Most parts of one query: each costs a description of its own.
const MOST_PARTS: usize = 256;
/// Most bytes of one query.
const MOST_BYTES: usize = 100_000;
/// Weights beyond this, or below its reciprocal, are mistakes.
const MOST_WEIGHT: f64 = 1e6;

const NO_ITEM: &str = "words in quotes ('red umbrella'), a picture file (./street.jpg) or an image of the collection \
    (#17) is expected here";

pub(super) struct Parser<'a> {
    text: &'a str,
    /// Byte offset of what comes next.
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn expression(mut self) -> Result<Vec<ExpressionPart>, SyntaxError> {
        if self.text.len() > MOST_BYTES {
            let message = format!("the query is too long, the most are {MOST_BYTES} characters");
            return Err(SyntaxError::at(self.text, 0, message));
        }
        self.skip_spaces();
        let mut parts = Vec::new();
        let mut sign = self.sign().unwrap_or(1.0);
        loop {
            self.skip_spaces();
            if parts.len() == MOST_PARTS {
                return self.fail(self.at, format!("a query has at most {MOST_PARTS} parts"));
            }
            parts.push(self.part(sign)?);
            let end = self.at;
            self.skip_spaces();
            if self.at == self.text.len() {
                return Ok(parts);
            }
            sign = match self.sign() {
                Some(sign) => sign,
                None => return Err(self.no_sign(end)),
            };
        }
    }

    fn part(&mut self, sign: f64) -> Result<ExpressionPart, SyntaxError> {
        let start = self.at;
        let weight = match self.weight() {
            None => 1.0,
            Some(weight) if (1.0 / MOST_WEIGHT..=MOST_WEIGHT).contains(&weight) => weight,
            Some(0.0) => {
                let message =
                    "a part of weight 0 says nothing; leave it out, or give it another weight";
                return self.fail(start, message);
            }
            Some(_) => {
                let message = format!(
                    "a weight lies between {} and {MOST_WEIGHT}",
                    1.0 / MOST_WEIGHT
                );
                return self.fail(start, message);
            }
        };
        Ok(ExpressionPart {
            weight: sign * weight,
            what: self.item()?,
        })
    }

    /// A number with a star behind it; without the star it is something else.
    fn weight(&mut self) -> Option<f64> {
        let rest = self.rest();
        let star = rest.find('*')?;
        let number = rest[..star].trim();
        let plain = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
        if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            || !number.chars().all(plain)
        {
            return None;
        }
        let weight = number.parse().ok()?;
        self.at += star + 1;
        self.skip_spaces();
        Some(weight)
    }

    fn item(&mut self) -> Result<ExpressionItem, SyntaxError> {
        let start = self.at;
        match self.peek() {
            None => self.fail(start, NO_ITEM),
            Some(open) if closing(open).is_some() => {
                let text = self.quoted()?;
                if text.trim().is_empty() {
                    return self.fail(start, "there are no words in these quotes");
                }
                Ok(ExpressionItem::Text(text))
            }
            Some('#') => self.stored(),
            Some('+' | '-') => self.fail(
                start,
                format!("one sign is enough between two parts; {NO_ITEM}"),
            ),
            Some('*') => self.fail(
                start,
                "a weight stands before the star, such as 2*'red umbrella'",
            ),
            Some('@') => self.fail(
                start,
                "a picture file stands before its region, such as a.jpg@10,20,300,200",
            ),
            Some(_) => self.picture(),
        }
    }

    fn stored(&mut self) -> Result<ExpressionItem, SyntaxError> {
        let start = self.at;
        let word = self.word();
        match word[1..].parse::<i64>() {
            Ok(image) if image > 0 && !word.starts_with("#+") => Ok(ExpressionItem::Stored(image)),
            _ => self.fail(
                start,
                "an image of the collection is written # and its number, such as #17; lists of images and results show the numbers",
            ),
        }
    }

    fn picture(&mut self) -> Result<ExpressionItem, SyntaxError> {
        let start = self.at;
        let quote = self
            .rest()
            .strip_prefix("file:")
            .and_then(|rest| rest.chars().next());
        if quote.and_then(closing).is_some() {
            self.at += "file:".len();
            let path = self.quoted()?;
            if path.is_empty() {
                return self.fail(start, "the name of the file is empty");
            }
            let place = self.at;
            let region = match self.word().strip_prefix('@') {
                None => {
                    self.at = place;
                    None
                }
                Some(numbers) => Some(self.region(numbers, place + 1)?),
            };
            return Ok(ExpressionItem::Image {
                path: path.into(),
                region,
            });
        }
        let word = self.word();
        let numbers = |text: &str| {
            text.contains(',')
                && text
                    .chars()
                    .all(|c| c.is_ascii_digit() || ".,+-eE".contains(c))
        };
        let (path, region) = match word.rsplit_once('@') {
            Some((path, tail)) if numbers(tail) => {
                (path, Some(self.region(tail, start + path.len() + 1)?))
            }
            _ => (word, None),
        };
        if !path.contains(['/', '\\', '.']) || path.parse::<f64>().is_ok() {
            return self.fail(start, self.no_file(path));
        }
        Ok(ExpressionItem::Image {
            path: PathBuf::from(path),
            region,
        })
    }

    /// Why a bare word is nothing that can be searched for.
    fn no_file(&self, word: &str) -> String {
        if word.parse::<f64>().is_ok() {
            return format!("a star is missing after the weight: {word}*'red umbrella'");
        }
        format!(
            "words to search for stand in quotes, '{}'; a picture file is written with its ending or its folder, \
             ./{}.jpg",
            word.replace('\'', ""),
            word.replace('\'', "")
        )
    }

    fn region(&self, numbers: &str, offset: usize) -> Result<Region, SyntaxError> {
        let mut values = Vec::with_capacity(4);
        let mut place = offset;
        for number in numbers.split(',') {
            match number.parse::<f64>() {
                Ok(value) if value.is_finite() && value.abs() < 1e6 => values.push(value),
                _ => {
                    let message =
                        format!("`{number}` is no number of pixels; a region is @x,y,width,height");
                    return self.fail(place, message);
                }
            }
            place += number.len() + 1;
        }
        let [x, y, width, height] = values[..] else {
            let message = format!(
                "a region has four numbers, @x,y,width,height; here are {}",
                values.len()
            );
            return self.fail(offset, message);
        };
        if width <= 0.0 || height <= 0.0 {
            return self.fail(offset, "width and height of a region are above 0");
        }
        Ok(Region {
            x,
            y,
            width,
            height,
        })
    }

    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut chars = self.rest().char_indices();
        let close = chars.next().and_then(|(_, open)| closing(open));
        let mut text = String::new();
        let mut escaped = false;
        for (offset, c) in chars {
            if escaped {
                if Some(c) != close && c != '\\' {
                    text.push('\\');
                }
                text.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if Some(c) == close {
                self.at = start + offset + c.len_utf8();
                return Ok(text);
            } else {
                text.push(c);
            }
        }
        self.fail(start, "the quote that opens here is not closed")
    }

    /// What to say where a sign should stand; `end` is where the part before ended.
    fn no_sign(&self, end: usize) -> SyntaxError {
        let before = &self.text[..end];
        let message = match before.chars().last() {
            _ if self.peek() == Some('*') => {
                "a weight stands before what it weighs, such as 2*'red umbrella'"
            }
            Some('\'') if end == self.at => {
                "+ or - is expected here; an apostrophe within quotes is written \\' (or use double quotes)"
            }
            _ => {
                "+ or - is expected between two parts; words to search for stand in quotes, and so does a file name \
                 with spaces: file:'my photo.jpg'"
            }
        };
        SyntaxError::at(self.text, self.at, message)
    }

    fn sign(&mut self) -> Option<f64> {
        let sign = match self.peek()? {
            '+' => 1.0,
            '-' | '\u{2212}' => -1.0,
            _ => return None,
        };
        self.at += self.peek()?.len_utf8();
        Some(sign)
    }

    /// Takes what comes up to the next space.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        self.at += word.len();
        word
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError::at(self.text, offset, message))
    }
}

/// The quote that closes what `open` opens; typographic ones come from word processors.
fn closing(open: char) -> Option<char> {
    match open {
        '\'' | '"' => Some(open),
        '\u{201c}' => Some('\u{201d}'),
        '\u{2018}' => Some('\u{2019}'),
        _ => None,
    }
}
