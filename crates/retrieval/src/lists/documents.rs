//! JSON documents: what form one has is seen in a first pass over it, and a second one hands over record after record, so that
//! no more than one of them is held at a time.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::objects::{broken, named, record};
use super::pictures::may_name;
use super::{At, Reading, Refused, Role, published};

/// Fields of a document that are looked at; one of a million is a map from names.
const MOST_FIELDS: usize = 64;
/// Fields that lists of records usually stand in, the most telling first.
const USUAL: [&str; 6] = ["data", "annotations", "records", "items", "images", "rows"];

/// The kind of a value within a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Object { sentences: bool },
    List(Element),
}

/// What the first element of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    None,
    Single,
    List,
    Object { sentences: bool },
}

/// The form of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    List,
    /// With the kind of its first fields.
    Object(Vec<(String, Kind)>),
}

impl Shape {
    fn kind(&self, wanted: &str) -> Option<Kind> {
        let Self::Object(fields) = self else {
            return None;
        };
        let field = fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        field.map(|(_, kind)| *kind)
    }
}

/// Reads a document of a form.
pub(super) fn read(content: &str, shape: Shape, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let Shape::Object(fields) = &shape else {
        return match shape {
            Shape::List => stream(content, Entries::new(None, reading)),
            _ => Err(Refused::new("this is a single value, no list of records")),
        };
    };
    let (images, annotations) = (shape.kind("images"), shape.kind("annotations"));
    if let (Some(Kind::List(_)), Some(Kind::List(_))) = (images, annotations) {
        return published::coco(content, reading);
    }
    if images == Some(Kind::List(Element::Object { sentences: true })) {
        return published::karpathy(content, reading);
    }
    let named = |role: &Role| role.names.iter().find_map(|name| shape.kind(name));
    // One record may lack a name and tell its picture by its address.
    let address =
        |(name, kind): &(String, Kind)| *kind == Kind::Single && may_name(&name.to_lowercase());
    let told = || fields.iter().any(address);
    if told()
        && reading
            .roles
            .iter()
            .skip(1)
            .any(|role| named(role).is_some())
    {
        return single(content, reading);
    }
    match reading.roles.first().and_then(named) {
        Some(Kind::Single) => return single(content, reading),
        Some(Kind::Object { .. } | Kind::List(Element::Single)) if fields.len() > 1 => {
            return columns(content, reading);
        }
        _ => {}
    }
    let split = (shape.kind("columns"), shape.kind("data"));
    if let (Some(Kind::List(Element::Single)), Some(Kind::List(Element::List))) = split {
        return split_table(content, reading);
    }
    let holds = |kind: Option<Kind>| matches!(kind, Some(Kind::List(Element::Object { .. })));
    let usual = USUAL
        .into_iter()
        .find(|name| holds(shape.kind(name)))
        .map(str::to_owned);
    let any = || {
        fields
            .iter()
            .find(|(_, kind)| holds(Some(*kind)))
            .map(|(name, _)| name.clone())
    };
    match usual.or_else(any) {
        Some(field) => stream(content, Entries::new(Some(field), reading)),
        None => stream(content, ByName { reading, count: 0 }),
    }
}

fn stream<'de, S: DeserializeSeed<'de>>(content: &'de str, seed: S) -> Result<(), Refused> {
    let mut reader = serde_json::Deserializer::from_str(content);
    seed.deserialize(&mut reader)
        .map(|_| ())
        .map_err(|error| broken(&error))
}

/// A document that is one record.
fn single(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let value: Value = serde_json::from_str(content).map_err(|error| broken(&error))?;
    take(value, At::Line(1), reading);
    Ok(())
}

fn take(value: Value, at: At, reading: &mut Reading<'_>) {
    match record(value, at, reading.roles) {
        Ok(record) => reading.take(record),
        Err(reason) => reading.pass(at, reason),
    }
}

/// A table by its columns, as pandas writes it: `{"image": {"0": "a.jpg"}, "caption": {"0": "A dog"}}`, or lists.
fn columns(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let whole: serde_json::Map<String, Value> =
        serde_json::from_str(content).map_err(|error| broken(&error))?;
    let mut rows: std::collections::BTreeMap<(usize, String), serde_json::Map<String, Value>> =
        std::collections::BTreeMap::new();
    for (name, column) in whole {
        let cells: Vec<(String, Value)> = match column {
            Value::Array(cells) => cells
                .into_iter()
                .enumerate()
                .map(|(at, v)| (at.to_string(), v))
                .collect(),
            Value::Object(cells) => cells.into_iter().collect(),
            _ => continue,
        };
        for (place, cell) in cells {
            // Numbers in their order: shorter ones first.
            rows.entry((place.len(), place))
                .or_default()
                .insert(name.clone(), cell);
        }
    }
    for (row, at) in rows.into_values().zip(1..) {
        take(Value::Object(row), At::Entry(at), reading);
    }
    Ok(())
}

/// Columns and rows apart, as pandas writes them.
fn split_table(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    #[derive(Deserialize)]
    struct Split {
        columns: Vec<String>,
        data: Vec<Vec<Value>>,
    }
    let split: Split = serde_json::from_str(content).map_err(|error| broken(&error))?;
    for (row, at) in split.data.into_iter().zip(1..) {
        let fields = split.columns.iter().cloned().zip(row).collect();
        take(Value::Object(fields), At::Entry(at), reading);
    }
    Ok(())
}

/// Hands over the entries of a list: the document itself, or what stands in one of its fields.
struct Entries<'r, 'a> {
    field: Option<String>,
    reading: &'r mut Reading<'a>,
    count: u64,
}

impl<'r, 'a> Entries<'r, 'a> {
    fn new(field: Option<String>, reading: &'r mut Reading<'a>) -> Self {
        Self {
            field,
            reading,
            count: 0,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(value) = entries.next_element::<Value>()? {
            self.count += 1;
            take(value, At::Entry(self.count), self.reading);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            match self.field.as_deref() == Some(name.as_str()) {
                true => fields.next_value_seed(Entries::new(None, self.reading))?,
                false => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Hands over what an object says of each name: `{"a.jpg": "A dog", "b.jpg": ["B", "C"], "c.jpg": {"caption": "D"}}`.
struct ByName<'r, 'a> {
    reading: &'r mut Reading<'a>,
    count: u64,
}

impl<'de> DeserializeSeed<'de> for ByName<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ByName<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a name of a picture for each value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        while let Some((name, value)) = fields.next_entry::<String, Value>()? {
            self.count += 1;
            let (at, roles) = (At::Entry(self.count), self.reading.roles);
            let mut of_name = vec![(roles[0].names[0].to_owned(), Value::String(name))];
            match (value, roles.get(1)) {
                (Value::Object(fields), _) => of_name.extend(fields),
                (Value::Null, _) | (_, None) => {}
                (value, Some(role)) => of_name.push((role.names[0].to_owned(), value)),
            }
            for (name, _) in &mut of_name {
                *name = super::key(name).map_err(serde::de::Error::custom)?;
            }
            self.reading.take(named(of_name, at, roles));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Looking)
            .map(|(shape, _)| shape)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Looking)
            .map(|(shape, first)| match shape {
                Shape::Single => Self::Single,
                Shape::List => Self::List(first),
                Shape::Object(_) => Self::Object {
                    sentences: matches!(first, Element::Object { sentences: true }),
                },
            })
    }
}

/// Looks at a value and the first level below it.
struct Looking;

/// The form of a value; with it, for a list, its first element, for an object, whether it has sentences.
type Seen = (Shape, Element);

impl<'de> Visitor<'de> for Looking {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok((Shape::Single, Element::None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Seen, A::Error> {
        let first = match entries.next_element::<Kind>()? {
            None => Element::None,
            Some(Kind::Single) => Element::Single,
            Some(Kind::List(_)) => Element::List,
            Some(Kind::Object { sentences }) => Element::Object { sentences },
        };
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok((Shape::List, first))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Seen, A::Error> {
        let mut fields = Vec::new();
        let mut sentences = false;
        while let Some(name) = entries.next_key::<String>()? {
            sentences |= name == "sentences";
            match fields.len() < MOST_FIELDS {
                true => fields.push((name, entries.next_value::<Kind>()?)),
                false => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok((Shape::Object(fields), Element::Object { sentences }))
    }
}
