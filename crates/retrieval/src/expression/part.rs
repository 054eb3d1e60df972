//! One part of an expression.

use std::fmt;
use std::path::PathBuf;

use crate::Region;

/// One part of a query: what is meant, and how much of it is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpressionPart {
    /// Weight relative to the other parts, not zero; negative for what is not wanted.
    pub weight: f64,
    /// What is meant.
    pub what: ExpressionItem,
}

/// What a part of a query can be.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionItem {
    /// Words, searched for by meaning and in captions.
    Text(String),
    /// A picture file, or a part of it.
    Image {
        /// The file; it is not looked for while parsing.
        path: PathBuf,
        /// The part that is meant, in pixels; `None` = all.
        region: Option<Region>,
    },
    /// An image of the collection.
    Stored(i64),
}

impl fmt::Display for ExpressionPart {
    /// Writes the part as it can be read again, with its sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.weight < 0.0 { '-' } else { '+' };
        write!(f, "{sign} ")?;
        if self.weight.abs() != 1.0 {
            write!(f, "{}*", self.weight.abs())?;
        }
        match &self.what {
            ExpressionItem::Text(text) => write!(f, "{}", quoted(text)),
            ExpressionItem::Stored(image) => write!(f, "#{image}"),
            ExpressionItem::Image { path, region } => {
                write!(f, "file:{}", quoted(&path.to_string_lossy()))?;
                let Some(Region {
                    x,
                    y,
                    width,
                    height,
                }) = region
                else {
                    return Ok(());
                };
                write!(f, "@{x},{y},{width},{height}")
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
