//! What is kept of a list: captions, and values with their types, bounded and without control characters.

use serde_json::Value;

use super::collected::Wanted;
use crate::catalog::Datum;
use crate::lists::{CAPTION, IMAGE, Looks, Role, key};

/// Most bytes of one caption or value.
const MOST_TEXT: usize = 1 << 16;
/// Most values of one record.
const MOST_VALUES: usize = 1_000;
/// The key of labels.
pub(super) const LABEL: &str = "label";
/// Names that mean a caption and nothing else: a list of captions and metadata at once has them.
const ALWAYS_CAPTION: [&str; 3] = ["caption", "captions", "sentences"];

/// The pictures of a list and what is said of them.
pub(super) fn roles(wanted: Wanted) -> [Role; 2] {
    let picture = Role {
        names: IMAGE,
        looks: Looks::Picture,
        needed: true,
    };
    let said = match wanted {
        Wanted::Captions => Role {
            names: CAPTION,
            looks: Looks::Text,
            needed: true,
        },
        // Any column will do; one without a name is a label.
        Wanted::Metadata => Role {
            names: &["label", "labels"],
            looks: Looks::Any,
            needed: false,
        },
    };
    [picture, said]
}

/// What a record says of its picture.
pub(super) fn said(
    record: &crate::lists::Record,
    wanted: Wanted,
) -> Result<(Vec<String>, Vec<Datum>), String> {
    if wanted == Wanted::Captions {
        return Ok((
            captions(record.value(1).unwrap_or(&Value::Null))?,
            Vec::new(),
        ));
    }
    let image = record.places.first().copied().flatten();
    let fields = || {
        let other = record
            .fields
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != image);
        other
            .map(|(_, field)| field)
            .filter(|(name, _)| !name.is_empty())
    };
    if fields().next().is_none() {
        return Err(
            "there is only the name of a picture; there must be at least one more column or field"
                .into(),
        );
    }
    let mut values = Vec::new();
    for (name, value) in fields().filter(|(name, _)| !ALWAYS_CAPTION.contains(&name.as_str())) {
        match value {
            Value::String(cell) if record.cells => values.extend(data(name, cell, true)?),
            value => add(name, value, &mut values)?,
        }
    }
    Ok((Vec::new(), values))
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
            Value::String(text) => captions.extend(caption(text)?),
            // Sentences of Karpathy's form within other ones.
            Value::Object(fields) if fields.get("raw").is_some_and(Value::is_string) => {
                captions.extend(caption(fields["raw"].as_str().unwrap_or_default())?);
            }
            _ => return Err("a caption must be a text, or a list of texts".into()),
        }
    }
    Ok(captions)
}

/// A caption without spaces around it and without control characters; `None` when nothing is left.
pub(super) fn caption(text: &str) -> Result<Option<String>, String> {
    let text = printable(text)?;
    Ok((!text.is_empty()).then_some(text))
}

/// The values of an object; those of an object within have their keys joined by dots.
pub(super) fn of_object(fields: &serde_json::Map<String, Value>) -> Result<Vec<Datum>, String> {
    let mut values = Vec::new();
    for (name, value) in fields {
        add(&key(name)?, value, &mut values)?;
    }
    Ok(values)
}

fn add(name: &str, value: &Value, values: &mut Vec<Datum>) -> Result<(), String> {
    if values.len() > MOST_VALUES {
        return Err(format!(
            "there are more than {MOST_VALUES} values of one picture"
        ));
    }
    match value {
        _ if name.is_empty() => {}
        Value::Null => {}
        Value::Bool(value) => values.extend(data(name, &value.to_string(), false)?),
        Value::Number(value) => values.extend(data(name, &value.to_string(), true)?),
        Value::String(value) => values.extend(data(name, value, false)?),
        Value::Array(list) => {
            for value in list {
                add(name, value, values)?;
            }
        }
        // The depth is bounded by the reader of JSON.
        Value::Object(fields) => {
            for (part, value) in fields {
                add(&key(&format!("{name}.{part}"))?, value, values)?;
            }
        }
    }
    Ok(())
}

/// The values that a text gives a key: none when it is empty, several for `labels`.
fn data(key: &str, text: &str, typed: bool) -> Result<Vec<Datum>, String> {
    let several = key == "labels";
    let key = if several { LABEL } else { key };
    let parts = text.split(|c| several && (c == ';' || c == '|'));
    let mut data = Vec::new();
    for part in parts {
        let text = printable(part)?;
        if text.is_empty() {
            continue;
        }
        let number = if typed { number(&text) } else { None };
        data.push(Datum {
            key: key.to_owned(),
            text,
            number,
        });
    }
    Ok(data)
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn printable(text: &str) -> Result<String, String> {
    if text.len() > MOST_TEXT {
        return Err(format!(
            "a text has {} bytes, the most that is taken is {MOST_TEXT}; a quote may be missing",
            text.len()
        ));
    }
    let spaced = |c: char| if c.is_control() { ' ' } else { c };
    Ok(text
        .chars()
        .map(spaced)
        .collect::<String>()
        .trim()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::read_content;

    fn values(content: &str) -> Vec<(String, String, Option<f64>)> {
        let mut seen = Vec::new();
        read_content(content, &roles(Wanted::Metadata), &mut |record| {
            let (_, values) = said(&record, Wanted::Metadata)?;
            seen.extend(values.into_iter().map(|d| (d.key, d.text, d.number)));
            Ok(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn values_have_their_types() {
        let expected = |list: &[(&str, &str, Option<f64>)]| {
            let owned = list
                .iter()
                .map(|(key, text, n)| (key.to_string(), text.to_string(), *n));
            owned.collect::<Vec<_>>()
        };
        assert_eq!(
            values("image,Shots,labels,caption,\na.jpg, 3.50 ,cat; dog|,It is,7\n"),
            expected(&[
                ("shots", "3.50", Some(3.5)),
                ("label", "cat", None),
                ("label", "dog", None)
            ])
        );
        let json = r#"{"Path": "b.jpg", "caption": "B", "label": ["x", "y"], "geo": {"Lat": 1.5}, "n": "7", "ok": true}"#;
        assert_eq!(
            values(json),
            expected(&[
                ("geo.lat", "1.5", Some(1.5)),
                ("label", "x", None),
                ("label", "y", None),
                ("n", "7", None),
                ("ok", "true", None),
            ])
        );
        assert_eq!(
            values("a.jpg;cat\nb.jpg;dog\n")[1],
            expected(&[("label", "dog", None)])[0]
        );
        assert_eq!(values(r#"{"a.jpg": ["cat", "dog"]}"#).len(), 2);
        assert_eq!(
            values("Bild;Jahr\na.jpg;1999\n"),
            expected(&[("jahr", "1999", Some(1999.0))])
        );
        let coco = r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 3, "name": "bus"}],
            "annotations": [{"image_id": 1, "category_id": 3}, {"image_id": 1, "category_id": 3}]}"#;
        assert_eq!(values(coco), expected(&[("label", "bus", None)]));
    }

    #[test]
    fn a_record_that_says_nothing_is_told() {
        for (content, wanted, says) in [
            ("image\na.jpg\n", Wanted::Metadata, "at least one more"),
            (
                "{\"image\": \"a.jpg\", \"caption\": 3}",
                Wanted::Captions,
                "must be a text",
            ),
            (
                "{\"image\": \"\", \"caption\": \"A\"}",
                Wanted::Captions,
                "name of the picture",
            ),
            (
                "{\"image\": \"a.jpg\"}",
                Wanted::Captions,
                "caption is missing",
            ),
        ] {
            let read = read_content(content, &roles(wanted), &mut |record| {
                said(&record, wanted).map(|_| ())
            });
            let refused = read.unwrap_err();
            assert!(refused.what.contains(says), "{refused}");
        }
    }
}
