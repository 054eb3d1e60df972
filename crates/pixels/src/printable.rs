//! Names of files, and other words of strangers, as they may be shown.
//!
//! A file name may hold anything but `/` and NUL: escape sequences that move the cursor, change colours or make a terminal
//! type, line breaks that forge a line of a log, and marks that turn the direction of writing, so that `gpj.exe` looks like
//! another ending. Shown to a person, each of them stands as what it is: `\x1b`, `\n`, `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is shown as itself: neither a control character (C0, DEL, C1), nor a break of lines, nor a mark
/// that turns the direction of writing.
pub fn is_printable(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !turns && !breaks
}

/// The text with every character that is not [printable](is_printable) written as an escape.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            _ if is_printable(c) => shown.push(c),
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            // Writing into a string cannot fail.
            '\0'..='\u{7f}' => drop(write!(shown, "\\x{:02x}", c as u32)),
            _ => drop(write!(shown, "\\u{{{:x}}}", c as u32)),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_the_rest_is_left() {
        for (text, shown) in [
            ("été à la mer – 写真 🏖.jpg", "été à la mer – 写真 🏖.jpg"),
            ("\x1b]0;owned\x07.png", "\\x1b]0;owned\\x07.png"),
            ("a\nerror: b\r\tc", "a\\nerror: b\\r\\tc"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\x7f\\x00"),
            ("photo\u{202e}gpj.exe", "photo\\u{202e}gpj.exe"),
            ("\u{2066}a\u{2069}\u{2028}", "\\u{2066}a\\u{2069}\\u{2028}"),
            (r"C:\new", r"C:\new"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }
}
