//! The language in which a query is written: pictures, regions, words and stored images, with weights and signs.
//!
//! ```text
//! expression = [sign] part { sign part }        sign = "+" | "-", after a space or a quoted text
//! part       = [number "*"] item
//! item       = text | stored | picture ["@" x "," y "," width "," height]
//! text       = '…' | "…"                        a backslash before a quote or a backslash
//! stored     = "#" number                       an image of the collection by its identity
//! picture    = a path without spaces that holds a "/", "\" or "." | file:'…' | file:"…"
//! ```
//!
//! A bare path goes on to the next space, so that names such as `a-b+c.jpg` need no quotes.

mod parser;
mod part;

pub use self::part::{ExpressionItem, ExpressionPart};

use crate::SyntaxError;

/// Reads a query such as `2*'red umbrella' + ./street.jpg@120,80,300,220 - ./car.jpg`.
///
/// # Errors
/// The text is no such query, has more than 256 parts or more than 100,000 characters; the error points at the
/// place.
pub fn parse_expression(text: &str) -> Result<Vec<ExpressionPart>, SyntaxError> {
    parser::Parser::new(text).expression()
}

#[cfg(test)]
mod tests;
