//! JSON: one document, or an object on each line (JSON Lines).

use super::objects::{broken, record, told};
use serde_json::{Map, Value};

use super::documents::{self, Shape};
use super::{At, Reading, Refused};

/// Reads JSON of either form.
pub(super) fn read(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let mut values = serde_json::Deserializer::from_str(content).into_iter::<Shape>();
    match values.next() {
        Some(Ok(shape)) if content[values.byte_offset()..].trim().is_empty() => {
            documents::read(content, shape, reading)
        }
        Some(Ok(_)) => {
            lines(content, reading);
            Ok(())
        }
        // One bad line does not make a document of a list of lines.
        Some(Err(_)) if second_line_is_whole(content) => {
            lines(content, reading);
            Ok(())
        }
        Some(Err(error)) => Err(broken(&error)),
        None => Err(Refused::new("the file is empty")),
    }
}

fn second_line_is_whole(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim().is_empty());
    lines.nth(1).is_some_and(|line| object(line).is_ok())
}

/// Reads one object.
pub(crate) fn object(json: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(json).map_err(|error| format!("this is no JSON object ({})", told(&error)))
}

/// A record on each line; an object that goes over several lines counts where it begins.
fn lines(content: &str, reading: &mut Reading<'_>) {
    let (mut at, mut line) = (0, 0);
    while at < content.len() {
        let rest = &content[at..];
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        line += 1;
        let place = At::Line(line);
        let text = rest[..end].trim();
        let mut used = end;
        if !text.is_empty() {
            let read = match serde_json::from_str::<Value>(text) {
                Ok(value) => record(value, place, reading.roles),
                Err(error) => match over_lines(rest) {
                    Some((value, length)) => {
                        used = length;
                        record(value, place, reading.roles)
                    }
                    None => Err(format!("this is no JSON object ({})", told(&error))),
                },
            };
            match read {
                Ok(record) => reading.take(record),
                Err(reason) => reading.pass(place, reason),
            }
        }
        line += content[at + end.min(used)..at + used].matches('\n').count() as u64;
        at += used;
    }
}

/// An object that begins here and ends, with its line, further on.
fn over_lines(rest: &str) -> Option<(Value, usize)> {
    if !rest.trim_start().starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let after = values.byte_offset();
    let tail = rest[after..]
        .find('\n')
        .map_or(rest.len() - after, |end| end + 1);
    rest[after..after + tail]
        .trim()
        .is_empty()
        .then_some((value, after + tail))
}

#[cfg(test)]
mod tests {
    use super::super::{CAPTION, IMAGE, ListRead, Looks, Role, read_content};
    use super::*;

    const ROLES: [Role; 2] = [
        Role {
            names: IMAGE,
            looks: Looks::Picture,
            needed: true,
        },
        Role {
            names: CAPTION,
            looks: Looks::Text,
            needed: true,
        },
    ];

    type Seen = Vec<(Vec<String>, Vec<String>)>;

    fn seen(content: &str) -> Result<(Seen, ListRead), Refused> {
        let mut seen = Vec::new();
        let read = read_content(content, &ROLES, &mut |record| {
            seen.push((record.names(), record.texts(1)));
            Ok(())
        })?;
        Ok((seen, read))
    }

    #[test]
    fn every_form_gives_the_same_captions() {
        for content in [
            r#"[{"image": "a.jpg", "captions": ["A dog", null, "It runs"]}, {"Path": "b.jpg", "caption": "B"}]"#,
            "{\"image\": \"a.jpg\", \"captions\": [\"A dog\", \"It runs\"]}\n\n{\"Path\": \"b.jpg\", \"caption\": \"B\"}",
            "{\n \"image\": \"a.jpg\",\n \"captions\": [\"A dog\", \"It runs\"]\n}\n{\"Path\": \"b.jpg\", \"caption\": \"B\"}\n",
            r#"{"a.jpg": ["A dog", "It runs"], "b.jpg": "B"}"#,
            r#"{"a.jpg": {"captions": ["A dog", "It runs"]}, "b.jpg": {"caption": "B"}}"#,
            r#"[["a.jpg", ["A dog", "It runs"]], ["b.jpg", "B"]]"#,
            r#"{"version": 1, "data": [{"image": "a.jpg", "text": ["A dog", "It runs"]}, {"image": "b.jpg", "text": "B"}]}"#,
            r#"{"image": {"0": "a.jpg", "1": "b.jpg"}, "caption": {"0": ["A dog", "It runs"], "1": "B"}}"#,
            r#"{"image": ["a.jpg", "b.jpg"], "caption": [["A dog", "It runs"], "B"]}"#,
            r#"{"columns": ["image", "caption"], "index": [0, 1], "data": [["a.jpg", ["A dog", "It runs"]], ["b.jpg", "B"]]}"#,
        ] {
            let (seen, read) = seen(content).unwrap();
            let expected = [("a.jpg", vec!["A dog", "It runs"]), ("b.jpg", vec!["B"])];
            assert_eq!(seen.len(), 2, "{content}");
            for ((names, captions), (name, said)) in seen.iter().zip(expected) {
                assert_eq!(
                    (names, captions.len()),
                    (&vec![name.to_owned()], said.len()),
                    "{content}"
                );
                assert!(captions.iter().zip(said).all(|(a, b)| a == b));
            }
            assert_eq!(read.unread, 0, "{content}");
        }
    }

    #[test]
    fn published_forms_are_known_by_their_content() {
        let coco = r#"{"info": {}, "images": [{"id": 7, "file_name": "x/a.jpg", "coco_url": "http://h/c.jpg"}, {"id": 8, "file_name": "b.jpg"}],
            "annotations": [{"image_id": 7, "id": 1, "caption": "A man"}, {"image_id": 7, "id": 2, "caption": "A bike"},
            {"image_id": 9, "id": 3, "caption": "Nobody"}]}"#;
        let (found, read) = seen(coco).unwrap();
        assert_eq!(
            found,
            [(
                vec!["x/a.jpg".into(), "c.jpg".into()],
                vec!["A man".to_owned(), "A bike".into()]
            )]
        );
        assert!(
            read.unread == 1 && read.unread_listed[0].reason.contains('9'),
            "{read:?}"
        );
        let karpathy = r#"{"images": [{"filepath": "val", "filename": "a.jpg", "split": "test", "imgid": 0,
            "sentences": [{"tokens": ["a", "dog"], "raw": "A dog."}, {"tokens": ["it", "runs"]}]}], "dataset": "coco"}"#;
        let (found, _) = seen(karpathy).unwrap();
        assert_eq!(
            found,
            [(
                vec!["val/a.jpg".into(), "a.jpg".into()],
                vec!["A dog.".to_owned(), "it runs".into()]
            )]
        );
        let downloaded = r#"{"url": "http://h/p/a.jpg?w=1", "caption": "x", "key": "000"}"#;
        let (found, _) = seen(downloaded).unwrap();
        assert_eq!(
            found,
            [(vec!["000".into(), "a.jpg".into()], vec!["x".to_owned()])]
        );
        let hugging_face = r#"[{"image": {"path": "a.jpg", "bytes": null}, "text": "x"}]"#;
        assert_eq!(seen(hugging_face).unwrap().0[0].0, ["a.jpg"]);
    }

    #[test]
    fn a_bad_entry_is_told_and_the_rest_is_taken() {
        let lines = "{\"image\": \"a.jpg\", \"caption\": \"A\"\n{\"image\": \"b.jpg\", \"caption\": \"B\"}\n{\"caption\": \"C\"}\n[1]\n";
        let (found, read) = seen(lines).unwrap();
        assert_eq!((found.len(), read.unread), (1, 3));
        assert_eq!(read.unread_listed[0].at, "line 1");
        assert!(
            read.unread_listed[1].reason.contains("name of the picture"),
            "{read:?}"
        );
        let (found, read) =
            seen(r#"[{"image": "a.jpg", "caption": "A"}, 3, {"image": "b.jpg"}]"#).unwrap();
        assert_eq!((found.len(), read.unread), (1, 2));
        assert_eq!(read.unread_listed[1].at, "entry 3");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (content, line, says) in [
            (
                "[{\"image\": \"a.jpg\",\n \"caption\": \"A\"",
                Some(2),
                "EOF",
            ),
            ("{\"image\": \"a.jpg\"", Some(1), "EOF"),
            ("[]", None, "no record"),
            ("{}", None, "no record"),
            ("[1, 2]", None, "none of 2 records"),
            (
                r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "bbox": []}]}"#,
                None,
                "caption",
            ),
        ] {
            let refused = seen(content).unwrap_err();
            assert!(
                refused.line == line && refused.what.contains(says),
                "{content}: {refused:?}"
            );
        }
        let deep = format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert!(seen(&deep).unwrap_err().what.contains("recursion"));
    }
}
