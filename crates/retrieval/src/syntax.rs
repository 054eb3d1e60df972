//! An error in a text that a person wrote, with the place where it is.

use std::fmt;

/// Characters shown on each side of the place.
const WINDOW: usize = 32;

/// What is wrong with a query or a filter, and where. Shown in three lines: what, the text, a mark below the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The place, in characters from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The text around the place.
    excerpt: String,
    /// Characters of the excerpt before the place.
    indent: usize,
}

impl SyntaxError {
    /// An error at a byte offset of `text`.
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text).chars().count();
        let start = before.saturating_sub(WINDOW);
        let rest = text.chars().count() - before;
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let mut excerpt: String = if start > 0 {
            "…".into()
        } else {
            String::new()
        };
        let shown = text.chars().skip(start).take(before - start + WINDOW);
        excerpt.extend(shown.map(printable));
        if rest > WINDOW {
            excerpt.push('…');
        }
        Self {
            column: before + 1,
            message: message.into(),
            excerpt,
            indent: before - start + usize::from(start > 0),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, message) = (self.column, &self.message);
        let indent = self.indent;
        write!(
            f,
            "column {column}: {message}\n  {}\n  {:indent$}^",
            self.excerpt, ""
        )
    }
}

impl std::error::Error for SyntaxError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_below_the_place() {
        let text = "größe > > 3";
        let error = SyntaxError::at(text, text.rfind('>').unwrap(), "a value is missing");
        assert_eq!(error.column, 9);
        assert_eq!(
            error.to_string(),
            "column 9: a value is missing\n  größe > > 3\n          ^"
        );
        let end = SyntaxError::at("a", 1, "more is needed").to_string();
        assert_eq!(end, "column 2: more is needed\n  a\n   ^");
    }

    #[test]
    fn of_a_long_text_the_part_around_the_place_is_shown() {
        let text = format!("{}!{}", "ä".repeat(500), "z".repeat(500));
        let shown = SyntaxError::at(&text, 1000, "not this").to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].chars().count() < 80 && lines[1].starts_with("  …ä"));
        let mark = lines[2].chars().count() - 1;
        assert_eq!(lines[1].chars().nth(mark), Some('!'));
    }
}
