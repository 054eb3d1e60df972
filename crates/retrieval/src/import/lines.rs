//! JSON Lines: one object a line; and the fields of an object as captions and values.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Record, Wanted, text};
use crate::Error;
use crate::catalog::Datum;

/// Most values of one record.
const MOST_VALUES: usize = 1_000;

pub(super) fn read(path: &Path, content: &str, wanted: Wanted) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for (at, line) in content.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let record = object(line).and_then(|fields| named(&fields, wanted));
        records.push(record.map_err(|what| Error::Import {
            path: path.to_owned(),
            line: Some(at as u64 + 1),
            what,
        })?);
    }
    Ok(records)
}

/// Reads one object.
pub(super) fn object(json: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(json).map_err(|error| {
        let shown = error.to_string();
        let what = shown.split(" at line").next().unwrap_or_default();
        format!("this is no JSON object ({what}, column {})", error.column())
    })
}

/// A record with the name of its picture.
fn named(fields: &Map<String, Value>, wanted: Wanted) -> Result<Record, String> {
    let names = fields
        .keys()
        .map(|name| text::key(name))
        .collect::<Result<Vec<_>, _>>()?;
    let find = |wanted: &[&str]| {
        let position = |wanted: &&str| names.iter().position(|name| name == wanted);
        wanted
            .iter()
            .find_map(position)
            .and_then(|at| fields.iter().nth(at))
    };
    let image = find(&text::IMAGE)
        .and_then(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(_, image)| !image.trim().is_empty());
    let Some((image_field, image)) = image else {
        return Err(format!(
            "the name of the picture is missing; a field called {} must hold it as a text",
            text::IMAGE.join(", ")
        ));
    };
    let mut record = match wanted {
        Wanted::Captions => {
            let Some((_, value)) = find(&text::CAPTION) else {
                return Err(format!(
                    "the caption is missing; a field called {} must hold it",
                    text::CAPTION.join(", ")
                ));
            };
            Record {
                captions: captions(value)?,
                ..Record::default()
            }
        }
        Wanted::Metadata => {
            let caption = |name: &str| {
                let key = name.trim().to_lowercase();
                text::ALWAYS_CAPTION.contains(&key.as_str())
            };
            let rest = fields
                .iter()
                .filter(|(name, _)| *name != image_field && !caption(name));
            Record {
                data: data(rest)?,
                ..Record::default()
            }
        }
    };
    record.image = image.trim().to_owned();
    Ok(record)
}

fn captions(value: &Value) -> Result<Vec<String>, String> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut captions = Vec::with_capacity(list.len());
    for value in list {
        match value {
            Value::Null => {}
            Value::String(caption) => captions.extend(text::caption(caption)?),
            _ => return Err("a caption must be a text, or a list of texts".into()),
        }
    }
    Ok(captions)
}

/// The values of fields; those of an object within have their keys joined by dots.
pub(super) fn data<'a>(
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
) -> Result<Vec<Datum>, String> {
    let mut data = Vec::new();
    for (name, value) in fields {
        add(&text::key(name)?, value, &mut data)?;
    }
    Ok(data)
}

fn add(key: &str, value: &Value, data: &mut Vec<Datum>) -> Result<(), String> {
    if data.len() > MOST_VALUES {
        return Err(format!(
            "there are more than {MOST_VALUES} values of one picture"
        ));
    }
    match value {
        _ if key.is_empty() => {}
        Value::Null => {}
        Value::Bool(value) => data.extend(text::data(key, &value.to_string(), false)?),
        Value::Number(value) => data.extend(text::data(key, &value.to_string(), true)?),
        Value::String(value) => data.extend(text::data(key, value, false)?),
        Value::Array(list) => {
            for value in list {
                add(key, value, data)?;
            }
        }
        // The depth is bounded by the reader of JSON.
        Value::Object(fields) => {
            for (name, value) in fields {
                add(&text::key(&format!("{key}.{name}"))?, value, data)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content: &str, wanted: Wanted) -> Result<Vec<Record>, String> {
        read(Path::new("list.jsonl"), content, wanted).map_err(|e| e.to_string())
    }

    #[test]
    fn a_line_holds_captions_and_values() {
        let content = "{\"image\": \"a.jpg\", \"captions\": [\"A dog\", null, \" \", \"It runs\"]}\n\n\
            {\"Path\": \"b.jpg\", \"caption\": \"B\", \"label\": [\"x\", \"y\"], \"geo\": {\"Lat\": 1.5}, \"n\": \"7\", \"ok\": true}";
        let captions = parsed(content, Wanted::Captions).unwrap();
        assert_eq!(captions[0].captions, ["A dog", "It runs"]);
        assert_eq!(
            (captions[1].image.as_str(), &captions[1].captions[..]),
            ("b.jpg", &["B".to_owned()][..])
        );
        let metadata = parsed(content, Wanted::Metadata).unwrap();
        let data: Vec<_> = metadata[1]
            .data
            .iter()
            .map(|d| (d.key.as_str(), d.text.as_str(), d.number))
            .collect();
        let expected = [
            ("geo.lat", "1.5", Some(1.5)),
            ("label", "x", None),
            ("label", "y", None),
            ("n", "7", None),
            ("ok", "true", None),
        ];
        assert_eq!(data, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        for (line, part) in [
            ("{\"image\": \"a.jpg\", \"caption\": \"A\"", "EOF"),
            ("{\"caption\": \"A\"}", "name of the picture"),
            (
                "{\"image\": \"\", \"caption\": \"A\"}",
                "name of the picture",
            ),
            ("{\"image\": \"a.jpg\"}", "caption is missing"),
            ("{\"image\": \"a.jpg\", \"caption\": 3}", "must be a text"),
            ("[1]", "no JSON object"),
        ] {
            let content = format!("{{\"image\": \"a\", \"caption\": \"b\"}}\n{line}\n");
            let error = parsed(&content, Wanted::Captions).unwrap_err();
            assert!(error.contains(part) && error.contains("line 2"), "{error}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert!(parsed(&deep, Wanted::Metadata).is_err());
    }
}
