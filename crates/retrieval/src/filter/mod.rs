//! Conditions on what is known of images: `taken >= 2024-01-01 and camera = "X100" and near(47.5, 19.0, 10 km)`.
//!
//! ```text
//! condition  = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | "(" condition ")" | "near" "(" north "," east "," number [unit] ")" | test
//! test       = key ("=" | "!=" | "<" | "<=" | ">" | ">=") value
//!            | key ["not"] ("contains" | "like") text | key ["not"] "in" "(" value { "," value } ")"
//!            | key ["not"] "between" value "and" value | key "is" ["not"] "null"
//! key        = a name of letters, digits, "_", "." and "-" | `any name between back quotes`
//! value      = number | date | "text" | 'text' | true | false
//! unit       = "m" | "km" | "mi"
//! ```
//!
//! A test of something that an image does not have is false, whatever the comparison, and `not` makes it true. A key with
//! several values passes when one of them does; `!=` when none is equal. Text is compared without regard to the case of
//! ASCII letters. A date compares as far as it is written: `taken = 2024-05` is all of May.

mod answer;
mod condition;
mod lexer;
mod parser;
mod places;
mod sql;

use self::condition::Condition;
use crate::SyntaxError;

pub use self::places::distance;

/// A condition on images, ready to be asked of any collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    condition: Condition,
}

impl Filter {
    /// Reads a condition.
    ///
    /// # Errors
    /// It cannot be understood, or is out of bounds (100,000 characters, 1,000 tests, 10,000 values, 100 levels);
    /// the error points at the place. Whether a key is known is looked up when a collection is asked.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self {
            text: text.to_owned(),
            condition: parser::parse(text)?,
        })
    }

    /// Whether the condition tests a key.
    pub fn tests(&self, key: &str) -> bool {
        self.condition.tests(key)
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
