//! Words, numbers, dates, texts and signs of a condition.

use crate::SyntaxError;

/// One piece of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A key or a word of the language, as written.
    Word(String),
    /// A key between back quotes.
    Name(String),
    Text(String),
    Number(f64, String),
    Date(String),
    /// A comparison, a parenthesis or a comma.
    Sign(&'static str),
    End,
}

/// A piece and the byte at which it begins.
pub(super) struct Placed {
    pub token: Token,
    pub offset: usize,
}

const SIGNS: [(&str, &str); 13] = [
    ("<=", "<="),
    (">=", ">="),
    ("!=", "!="),
    ("<>", "!="),
    ("==", "="),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
];

/// Takes a condition apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    loop {
        let rest = &text[offset..];
        let spaces = rest.len() - rest.trim_start().len();
        offset += spaces;
        let rest = &rest[spaces..];
        let (token, length) = match rest.chars().next() {
            None => (Token::End, 0),
            Some(first) => {
                next(rest, first).map_err(|message| SyntaxError::at(text, offset, message))?
            }
        };
        let end = token == Token::End;
        tokens.push(Placed { token, offset });
        if end {
            return Ok(tokens);
        }
        offset += length;
    }
}

/// The piece at the start of `rest` and its length in bytes.
fn next(rest: &str, first: char) -> Result<(Token, usize), String> {
    if first == ',' {
        return Ok((Token::Sign(","), 1));
    }
    if let Some((written, sign)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((Token::Sign(sign), written.len()));
    }
    match first {
        '"' | '\'' => {
            let (text, length) = quoted(rest, first)?;
            Ok((Token::Text(text), length))
        }
        '\u{201c}' => {
            let (text, length) = quoted(rest, '\u{201d}')?;
            Ok((Token::Text(text), length))
        }
        '`' => match quoted(rest, '`')? {
            (name, _) if name.trim().is_empty() => {
                Err("there is no name between these back quotes".into())
            }
            (name, length) => Ok((Token::Name(name), length)),
        },
        '0'..='9' | '-' | '+' | '.' => number_or_date(rest),
        first if first.is_alphabetic() || first == '_' => {
            let within = |c: char| c.is_alphanumeric() || "_.-".contains(c);
            let length = rest.find(|c| !within(c)).unwrap_or(rest.len());
            Ok((Token::Word(rest[..length].to_owned()), length))
        }
        '&' | '|' => Err("conditions are joined by the words and, or, not".into()),
        '!' => Err("write `not` before a condition, or `!=` for unequal".into()),
        other => Err(format!(
            "`{}` means nothing here; texts stand in quotes, keys with unusual signs in back quotes",
            other.escape_debug()
        )),
    }
}

/// A text up to its closing quote; a backslash or a second quote takes the quote for a sign of the text.
fn quoted(rest: &str, close: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((offset, c)) = chars.next() {
        let following = chars.peek().map(|&(_, c)| c);
        match c {
            '\\' if following == Some(close) || following == Some('\\') => {
                text.extend(following);
                chars.next();
            }
            c if c == close && following == Some(close) => {
                text.push(close);
                chars.next();
            }
            c if c == close => return Ok((text, offset + c.len_utf8())),
            c => text.push(c),
        }
    }
    Err("the quote that opens here is not closed".into())
}

fn number_or_date(rest: &str) -> Result<(Token, usize), String> {
    let within = |c: char| c.is_ascii_digit() || "-:.T".contains(c);
    let run = &rest[..rest.find(|c| !within(c)).unwrap_or(rest.len())];
    if run.len() > 4 && run.as_bytes()[4] == b'-' && run[..4].bytes().all(|b| b.is_ascii_digit()) {
        return date(run)
            .map(|date| (Token::Date(date), run.len()))
            .ok_or_else(|| no_date(run));
    }
    let mut length = 0;
    let mut last = ' ';
    for c in rest.chars() {
        let exponent = matches!(c, 'e' | 'E')
            && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
        let sign = matches!(c, '+' | '-') && (length == 0 || matches!(last, 'e' | 'E'));
        if !(c.is_ascii_digit() || c == '.' || exponent || sign) {
            break;
        }
        length += c.len_utf8();
        last = c;
    }
    let written = &rest[..length];
    match written.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Token::Number(number, written.to_owned()), length)),
        _ => Err(format!(
            "`{}` is no number",
            if written.is_empty() { run } else { written }
        )),
    }
}

pub(super) fn no_date(text: &str) -> String {
    format!(
        "`{text}` is no date; write as much as you mean of 2024-05-31T14:30:00, such as 2024-05"
    )
}

/// The text as the beginning of a date and time, if it is one; a space may stand for the T.
pub(super) fn date(text: &str) -> Option<String> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    // A written date ends after one of its fields.
    if ![4, 7, 10, 13, 16, 19].contains(&text.len()) {
        return None;
    }
    let fits = text.bytes().zip(SHAPE).all(|(byte, &shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'T' => byte == b'T' || byte == b' ' || byte == b't',
        sign => byte == sign,
    });
    let field = |from: usize, low: u32, high: u32| {
        let number = text.get(from..from + 2).and_then(|t| t.parse::<u32>().ok());
        number.is_none_or(|number| (low..=high).contains(&number))
    };
    let sound = fits
        && field(5, 1, 12)
        && field(8, 1, 31)
        && field(11, 0, 23)
        && field(14, 0, 59)
        && field(17, 0, 60);
    sound.then(|| text.replace([' ', 't'], "T"))
}
