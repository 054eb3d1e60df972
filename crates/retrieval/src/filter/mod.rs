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
mod lexer;
mod parser;
mod places;
mod sql;

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

/// A condition with its parts.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// All of them hold.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The image was taken within `metres` of a place.
    Near {
        north: f64,
        east: f64,
        metres: f64,
    },
    Test(Key, Test),
}

impl Condition {
    fn tests(&self, name: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.tests(name)),
            Self::Not(inner) => inner.tests(name),
            Self::Near { .. } => false,
            Self::Test(key, _) => key.name == name,
        }
    }
}

/// What is tested, and where it stands in the text.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    name: String,
    field: Field,
    offset: usize,
}

/// Where the values of a key come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// A number of the image itself.
    Number(&'static str),
    /// A number that metadata may set right.
    Place(&'static str),
    /// The format's name.
    Format,
    Taken,
    Camera,
    Path,
    Caption,
    /// Whatever metadata files brought.
    Metadata,
}

/// The keys that every collection has.
const BUILT_IN: [(&str, Field); 10] = [
    ("camera", Field::Camera),
    ("caption", Field::Caption),
    ("format", Field::Format),
    ("height", Field::Number("height")),
    ("id", Field::Number("id")),
    ("latitude", Field::Place("latitude")),
    ("longitude", Field::Place("longitude")),
    ("path", Field::Path),
    ("taken", Field::Taken),
    ("width", Field::Number("width")),
];

impl Field {
    fn of(name: &str) -> Self {
        let known = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
        known.map_or(Self::Metadata, |(_, field)| *field)
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Number(_) | Self::Place(_))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Compare(Comparison, Value),
    In(Vec<Value>),
    /// SQL's pattern with % and _.
    Like(String),
    Contains(String),
    /// There is a value.
    Present,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    /// The number, and how it was written.
    Number(f64, String),
    /// The first characters of an ISO 8601 date and time.
    Date(String),
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
