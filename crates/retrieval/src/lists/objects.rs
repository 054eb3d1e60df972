//! What the objects of JSON say.

use serde_json::Value;

use super::columns::places;
use super::keys::key;
use super::outcome::Refused;
use super::pictures::{other_names, without_number};
use super::record::{At, Looks, Record, Role};

/// What is wrong with a document, at its line.
pub(super) fn broken(error: &serde_json::Error) -> Refused {
    Refused::at(
        error.line() as u64,
        format!("this is no JSON object or list ({})", told(error)),
    )
}

pub(super) fn told(error: &serde_json::Error) -> String {
    let shown = error.to_string();
    let what = shown.split(" at line").next().unwrap_or_default();
    format!("{what}, column {}", error.column())
}

/// The record that a value is: an object with named fields, a list in the order of the roles, or a name alone.
pub(super) fn record(value: Value, at: At, roles: &[Role]) -> Result<Record, String> {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| Ok((key(&name)?, value)));
            Ok(named(fields.collect::<Result<_, String>>()?, at, roles))
        }
        Value::Array(values) => {
            let needed = roles.iter().filter(|role| role.needed);
            let fields: Vec<_> = needed
                .map(|role| role.names[0].to_owned())
                .zip(values)
                .collect();
            match fields.is_empty() {
                true => Err("an empty list is no record".into()),
                false => Ok(named(fields, at, roles)),
            }
        }
        single @ Value::String(_) if roles.iter().filter(|role| role.needed).count() == 1 => Ok(
            named(vec![(roles[0].names[0].to_owned(), single)], at, roles),
        ),
        _ => Err("this is no JSON object with the fields of a record".into()),
    }
}

/// A record of named fields.
pub(super) fn named(mut fields: Vec<(String, Value)>, at: At, roles: &[Role]) -> Record {
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let places = places(&names, roles);
    for (role, place) in roles.iter().zip(&places) {
        let Some(place) = place.filter(|_| role.looks == Looks::Picture) else {
            continue;
        };
        if let Value::String(name) = &mut fields[place].1 {
            *name = without_number(name).to_owned();
        }
    }
    Record {
        at,
        places,
        also: other_names(&fields),
        fields,
        cells: false,
    }
}
