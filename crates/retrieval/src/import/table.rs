//! Tables: CSV (RFC 4180) with a header, separated by commas, semicolons, tabs or bars.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::{Record, Wanted, text};
use crate::Error;

const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "bars"),
];

/// Where a table has what.
struct Columns {
    separator: u8,
    image: usize,
    caption: Option<usize>,
    /// Keys of the columns that are metadata; `None` for the others.
    keys: Vec<Option<String>>,
}

pub(super) fn read(path: &Path, content: &str, wanted: Wanted) -> Result<Vec<Record>, Error> {
    let fail = |line: u64, what: String| Error::Import {
        path: path.to_owned(),
        line: Some(line),
        what,
    };
    let columns = columns(content, wanted).map_err(|what| fail(1, what))?;
    if let Some(line) = unclosed_quote(content, columns.separator) {
        return Err(fail(
            line,
            "the quote that opens in this line is not closed".into(),
        ));
    }
    let mut reader = ReaderBuilder::new()
        .delimiter(columns.separator)
        .from_reader(content.as_bytes());
    let mut records = Vec::new();
    let mut row = StringRecord::new();
    loop {
        let more = reader.read_record(&mut row).map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            fail(line, told(&error))
        })?;
        if !more {
            return Ok(records);
        }
        let line = row.position().map_or(1, |start| {
            // Blank lines before the record are counted to it.
            let rest = content.as_bytes().iter().skip(start.byte() as usize);
            let blank = rest.take_while(|byte| matches!(byte, b'\r' | b'\n'));
            start.line() + blank.filter(|byte| **byte == b'\n').count() as u64
        });
        let record = columns
            .record(&row, wanted)
            .map_err(|what| fail(line, what))?;
        records.push(record);
    }
}

fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!(
            "the header has {expected_len} columns, this line {len}; put texts that hold a separator into double quotes"
        ),
        _ => error.to_string(),
    }
}

impl Columns {
    fn record(&self, row: &StringRecord, wanted: Wanted) -> Result<Record, String> {
        let mut record = Record {
            image: row.get(self.image).unwrap_or_default().trim().to_owned(),
            ..Record::default()
        };
        if record.image.is_empty() {
            return Err("the name of the picture is missing".into());
        }
        if wanted == Wanted::Captions {
            let cell = self.caption.and_then(|column| row.get(column));
            record
                .captions
                .extend(text::caption(cell.unwrap_or_default())?);
            return Ok(record);
        }
        for (key, cell) in self.keys.iter().zip(row) {
            if let Some(key) = key {
                record.data.extend(text::data(key, cell, true)?);
            }
        }
        Ok(record)
    }
}

/// Finds the separator under which the header has what is needed.
fn columns(content: &str, wanted: Wanted) -> Result<Columns, String> {
    let mut seen = Vec::new();
    for (separator, _) in SEPARATORS {
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(content.as_bytes());
        let header = reader.headers().map_err(|error| error.to_string())?;
        let names = header.iter().map(text::key).collect::<Result<Vec<_>, _>>();
        let Ok(names) = names else { continue };
        if names.len() > seen.len() {
            seen.clone_from(&names);
        }
        let place = |wanted: &[&str]| {
            wanted
                .iter()
                .find_map(|wanted| names.iter().position(|name| name == wanted))
        };
        let (Some(image), caption) = (place(&text::IMAGE), place(&text::CAPTION)) else {
            continue;
        };
        let keys: Vec<Option<String>> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let passed = name.is_empty() || text::ALWAYS_CAPTION.contains(&name.as_str());
                let other = at != image && !passed;
                other.then(|| name.clone())
            })
            .collect();
        let enough = match wanted {
            Wanted::Captions => caption.is_some(),
            Wanted::Metadata => keys.iter().any(Option::is_some),
        };
        if enough {
            return Ok(Columns {
                separator,
                image,
                caption,
                keys,
            });
        }
    }
    let second = match wanted {
        Wanted::Captions => format!("one called {}", text::CAPTION.join(", ")),
        Wanted::Metadata => "at least one more".to_owned(),
    };
    let shown: Vec<String> = seen
        .iter()
        .take(12)
        .map(|name| name.chars().take(40).collect())
        .collect();
    let separators = SEPARATORS.map(|(_, name)| name).join(", ");
    Err(format!(
        "the first line must name the columns: one called {}, and {second}, separated by {separators}; it names: {}",
        text::IMAGE.join(", "),
        shown.join(" · ")
    ))
}

/// The line in which a quote opens that nothing closes; the reader would take the rest of the file for one text.
fn unclosed_quote(content: &str, separator: u8) -> Option<u64> {
    let mut line = 1;
    let mut opened = None;
    let mut fresh = true;
    let mut bytes = content.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += u64::from(byte == b'\n');
        match (opened, byte) {
            (Some(_), b'"') if bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            (Some(_), b'"') => opened = None,
            (None, b'"') if fresh => opened = Some(line),
            _ => {}
        }
        fresh = byte == separator || byte == b'\n' || byte == b'\r';
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content: &str, wanted: Wanted) -> Result<Vec<Record>, String> {
        read(Path::new("list.csv"), content, wanted).map_err(|e| e.to_string())
    }

    #[test]
    fn captions_are_read_under_every_separator() {
        for content in [
            "image,caption\na.jpg,\"A dog, and \"\"Rex\"\"\"\nb.jpg,\n",
            "Caption;File\n\"A dog, and \"\"Rex\"\"\";a.jpg\r\n;b.jpg",
            "id\tpath\ttext\n1\ta.jpg\t\"A dog, and \"\"Rex\"\"\"\n2\tb.jpg\t\n",
            "image_name| comment_number| comment\na.jpg|0| A dog, and \"Rex\" \nb.jpg|1|\n",
        ] {
            let records = parsed(content, Wanted::Captions).unwrap();
            assert_eq!(records[0].image, "a.jpg");
            assert_eq!(records[0].captions, ["A dog, and \"Rex\""]);
            assert_eq!(
                (records[1].image.as_str(), records[1].captions.len()),
                ("b.jpg", 0)
            );
        }
    }

    #[test]
    fn values_have_their_types() {
        let content = "image,Shots,labels,caption,\na.jpg, 3.50 ,cat; dog|,It is,7\n";
        let records = parsed(content, Wanted::Metadata).unwrap();
        let data: Vec<_> = records[0]
            .data
            .iter()
            .map(|d| (d.key.as_str(), d.text.as_str(), d.number))
            .collect();
        assert_eq!(
            data,
            [
                ("shots", "3.50", Some(3.5)),
                ("label", "cat", None),
                ("label", "dog", None)
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        for (content, wanted, parts) in [
            (
                "a.jpg,A dog\n",
                Wanted::Captions,
                ["first line must name", "line 1: list.csv"],
            ),
            (
                "image,size\na.jpg,3\n",
                Wanted::Captions,
                ["caption", "image · size"],
            ),
            (
                "image,caption\na.jpg,A\nb.jpg,B,C\n",
                Wanted::Captions,
                ["2 columns, this line 3", "line 3"],
            ),
            (
                "image,caption\na.jpg,\"A\nb.jpg,B\n",
                Wanted::Captions,
                ["not closed", "line 2"],
            ),
            (
                "image,caption\n\n ,B\n",
                Wanted::Captions,
                ["name of the picture is missing", "line 3"],
            ),
            (
                "image\na.jpg\n",
                Wanted::Metadata,
                ["at least one more", "line 1"],
            ),
        ] {
            let error = parsed(content, wanted).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{part} is missing in {error}");
            }
        }
    }
}
