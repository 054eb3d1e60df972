//! A condition as it was understood.

/// A condition with its parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
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
    pub(super) fn tests(&self, name: &str) -> bool {
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
pub(super) struct Key {
    pub(crate) name: String,
    pub(crate) field: Field,
    pub(crate) offset: usize,
}

/// Where the values of a key come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
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
pub(super) const BUILT_IN: [(&str, Field); 10] = [
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
    pub(super) fn of(name: &str) -> Self {
        let known = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
        known.map_or(Self::Metadata, |(_, field)| *field)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Number(_) | Self::Place(_))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Compare(Comparison, Value),
    In(Vec<Value>),
    /// SQL's pattern with % and _.
    Like(String),
    Contains(String),
    /// There is a value.
    Present,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// The number, and how it was written.
    Number(f64, String),
    /// The first characters of an ISO 8601 date and time.
    Date(String),
}
