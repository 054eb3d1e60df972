//! One record of a list: what is wanted of it, where it stands, what it says.

use std::fmt;

use serde_json::Value;

/// What the cells of a column look like; it finds columns whose names say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Names of picture files.
    Picture,
    /// Words, not only numbers.
    Text,
    /// Anything but names of picture files.
    Any,
    /// Found by its name only.
    Named,
}

/// Something that a list says of a picture. The first role of a list is the picture itself.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Names of its column or field in lower case, the most telling first.
    pub names: &'static [&'static str],
    /// How it is found where no name fits.
    pub looks: Looks,
    /// Whether a record is of no use without it.
    pub needed: bool,
}

/// Where a record stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// A line, from 1.
    Line(u64),
    /// An entry of a JSON document, from 1.
    Entry(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry(entry) => write!(f, "entry {entry}"),
        }
    }
}

/// One record of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it stands.
    pub at: At,
    /// All its values under their names in lower case.
    pub fields: Vec<(String, Value)>,
    /// For each role the place of its value in `fields`.
    pub places: Vec<Option<usize>>,
    /// Other names of the picture, for when the first is unknown.
    pub also: Vec<String>,
    /// Whether its values are cells of a table, which have no types.
    pub cells: bool,
}

impl Record {
    /// The value of a role.
    pub fn value(&self, role: usize) -> Option<&Value> {
        let place = self.places.get(role).copied().flatten()?;
        self.fields.get(place).map(|(_, value)| value)
    }

    /// The value of a role as a text without spaces around it; empty where there is none, or where it is no text or number.
    pub fn text(&self, role: usize) -> String {
        self.value(role).and_then(plain).unwrap_or_default()
    }

    /// The texts of a role that may have several; those of a list within.
    pub fn texts(&self, role: usize) -> Vec<String> {
        match self.value(role) {
            Some(Value::Array(list)) => list.iter().filter_map(plain).collect(),
            Some(single) => plain(single).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All names that the picture may have, the most telling first.
    pub fn names(&self) -> Vec<String> {
        let first = self.text(0);
        let first = (!first.is_empty()).then_some(first);
        first.into_iter().chain(self.also.iter().cloned()).collect()
    }

    /// Whether it has what the roles need.
    pub(super) fn check(&self, roles: &[Role]) -> Result<(), String> {
        for (at, role) in roles.iter().enumerate().filter(|(_, role)| role.needed) {
            let missing = match at {
                0 => self.names().is_empty(),
                _ => self.value(at).is_none(),
            };
            if missing {
                return Err(match at {
                    0 => format!("the name of the picture is missing ({})", named(role)),
                    _ => format!("the {} is missing ({})", role.names[0], named(role)),
                });
            }
        }
        Ok(())
    }
}

/// The names of a role, for a message.
pub(super) fn named(role: &Role) -> String {
    let names: Vec<&str> = role.names.iter().copied().take(8).collect();
    format!("a column or field called {}", names.join(", "))
}

/// A single value as a text.
pub(super) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        // An image of a Hugging Face data set.
        Value::Object(fields) => fields.get("path")?.as_str()?.trim().to_owned(),
        Value::Null | Value::Array(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}
