//! Tables: rows of separated values become records.

use serde_json::Value;

use super::columns::{Layout, layout, separator_for};
use super::pictures::{other_names, without_number};
use super::rows::{Row, Rows};
use super::{At, Looks, Reading, Record, Refused};

/// Reads a table.
pub(super) fn read(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let layout = layout(content, reading.roles)?;
    if let Some(assumed) = &layout.assumed {
        reading.note(assumed.clone());
    }
    let (start, line) = layout.start;
    let body = &content[start..];
    let lines = |mut row: Row| {
        row.line += line - 1;
        row
    };
    match layout.separator {
        Some(separator) => take_rows(Rows::new(body, separator).map(lines), &layout, reading),
        None => take_rows(names(body).map(lines), &layout, reading),
    }
    Ok(())
}

/// All rows of a table whose columns have fixed places, each with its line; the separator is the one under which the first row
/// has so many cells.
pub fn rows(content: &str, columns: usize) -> Vec<(u64, Vec<String>)> {
    let (separator, (start, line)) = separator_for(content, columns);
    let rows = Rows::new(&content[start..], separator);
    rows.map(|row| (row.line + line - 1, row.cells)).collect()
}

/// Every line as a row of one cell.
fn names(body: &str) -> impl Iterator<Item = Row> {
    // CR LF counts once, and a CR alone ends a line as well.
    let lines = body
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    lines
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(cell, line)| Row {
            line,
            cells: vec![cell.trim().trim_matches('"').to_owned()],
            broken: None,
        })
}

fn take_rows(rows: impl Iterator<Item = Row>, layout: &Layout, reading: &mut Reading<'_>) {
    let needed = reading
        .roles
        .iter()
        .zip(&layout.places)
        .filter(|(role, _)| role.needed);
    let least = needed
        .filter_map(|(_, place)| *place)
        .max()
        .map_or(0, |place| place + 1);
    for row in rows.skip(usize::from(layout.header)) {
        let at = At::Line(row.line);
        let last = row.cells.iter().rposition(|cell| !cell.is_empty());
        let filled = last.map_or(0, |last| last + 1);
        if let Some(broken) = row.broken {
            reading.pass(at, broken);
        } else if filled > layout.keys.len() {
            reading.pass(
                at,
                uneven(
                    layout,
                    filled,
                    "put texts that hold a separator into double quotes",
                ),
            );
        } else if row.cells.len() < least {
            reading.pass(
                at,
                uneven(layout, row.cells.len(), "a separator may be missing"),
            );
        } else {
            reading.take(record(row, layout, reading));
        }
    }
}

fn uneven(layout: &Layout, cells: usize, advice: &str) -> String {
    let first = match layout.header {
        true => "the header has",
        false => "the others have",
    };
    let columns = match layout.keys.len() {
        1 => "1 column".to_owned(),
        several => format!("{several} columns"),
    };
    format!("{first} {columns}, this line {cells}; {advice}")
}

fn record(row: Row, layout: &Layout, reading: &Reading<'_>) -> Record {
    let pictures: Vec<usize> = reading
        .roles
        .iter()
        .zip(&layout.places)
        .filter(|(role, _)| role.looks == Looks::Picture)
        .filter_map(|(_, place)| *place)
        .collect();
    let cell = |(column, cell): (usize, String)| match pictures.contains(&column) {
        true => Value::String(without_number(&cell).to_owned()),
        false => Value::String(cell),
    };
    let mut fields: Vec<(String, Value)> = Vec::with_capacity(row.cells.len());
    for (column, text) in row.cells.into_iter().take(layout.keys.len()).enumerate() {
        fields.push((layout.keys[column].clone(), cell((column, text))));
    }
    let held = |place: &Option<usize>| place.filter(|&place| place < fields.len());
    Record {
        at: At::Line(row.line),
        places: layout.places.iter().map(held).collect(),
        also: other_names(&fields),
        fields,
        cells: true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CAPTION, IMAGE, LABEL, ListRead, Role, read_content};
    use super::*;

    const CAPTIONS: [Role; 2] = [
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

    fn pairs(content: &str) -> (Vec<(String, String)>, ListRead) {
        let mut seen = Vec::new();
        let read = read_content(content, &CAPTIONS, &mut |record| {
            seen.push((record.text(0), record.text(1)));
            Ok(())
        });
        (seen, read.unwrap())
    }

    #[test]
    fn every_separator_and_every_kind_of_first_line_is_read() {
        for content in [
            "image,caption\na.jpg,\"A dog, and \"\"Rex\"\"\"\nb.jpg,x\n",
            "Caption;File\n\"A dog, and \"\"Rex\"\"\";a.jpg\r\nx;b.jpg",
            "id\tpath\ttext\n1\ta.jpg\t\"A dog, and \"\"Rex\"\"\"\n2\tb.jpg\tx\n",
            "image_name| comment_number| comment\na.jpg|0| A dog, and \"Rex\" \nb.jpg|1|x\n",
            "sep=;\r\nimage;caption\r\na.jpg;A dog, and \"Rex\"\r\nb.jpg;x\r\n",
            "\n\"sep=^\"\nimage^caption\na.jpg^A dog, and \"Rex\"\nb.jpg^x\n",
            "image;caption;;\r\na.jpg;A dog, and \"Rex\";;\r\nb.jpg;x;;\r\n;;;\r\n",
            "Bild;Beschreibung\r\na.jpg;A dog, and \"Rex\"\r\nb.jpg;x\r\n",
            "Зображення;Підпис\na.jpg;A dog, and \"Rex\"\nb.jpg;x\n",
            "a.jpg#0\tA dog, and \"Rex\"\nb.jpg#1\tx\n",
            "a.jpg|0|A dog, and \"Rex\"\nb.jpg|1|x\n",
            "image,caption\ra.jpg,\"A dog, and \"\"Rex\"\"\"\rb.jpg,x\r",
        ] {
            let (seen, read) = pairs(content);
            let expected = [("a.jpg", "A dog, and \"Rex\""), ("b.jpg", "x")];
            assert_eq!(
                seen,
                expected.map(|(a, b)| (a.to_owned(), b.to_owned())),
                "{content}"
            );
            assert_eq!(read.unread, 0, "{content}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_and_the_rest_is_taken() {
        let content =
            "image,caption\n\na.jpg,A dog, running\nb.jpg,ok\nc.jpg\n,x\nd.jpg,\"open\ne.jpg,\n";
        let (seen, read) = pairs(content);
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b.jpg", "e.jpg"]);
        let told: Vec<(&str, &str)> = read
            .unread_listed
            .iter()
            .map(|unread| (unread.at.as_str(), unread.reason.as_str()))
            .collect();
        for (at, says) in [
            ("line 3", "2 columns, this line 3"),
            ("line 5", "2 columns, this line 1"),
            ("line 6", "name of the picture is missing"),
            ("line 7", "not closed"),
        ] {
            assert!(
                told.iter().any(|(a, r)| *a == at && r.contains(says)),
                "{at}: {told:?}"
            );
        }
        assert_eq!(read.unread, 4);
    }

    #[test]
    fn what_was_assumed_is_said_and_what_cannot_be_told_is_refused() {
        let (_, read) = pairs("Зображення;Підпис\na.jpg;x\n");
        assert!(
            read.notes[0].contains("column 1 was taken as the image"),
            "{:?}",
            read.notes
        );
        let refused = |content: &str| {
            let read = read_content(content, &CAPTIONS, &mut |_| Ok(()));
            read.unwrap_err()
        };
        let unnamed = refused("one,two,three\nx.jpg,A dog,Ein Hund\n");
        assert!(
            unnamed.line == Some(1) && unnamed.what.contains("one · two · three"),
            "{unnamed}"
        );
        assert!(refused("image,size\na,3\n").what.contains("caption"));
        assert!(refused(" \n").what.contains("empty"));
        assert!(refused("image,caption\n").what.contains("no record"));
        assert!(
            refused("image,caption\n,x\n")
                .what
                .contains("picture is missing")
        );
    }

    #[test]
    fn names_alone_and_tables_of_other_roles_are_read() {
        let picture = [CAPTIONS[0]];
        let names = |content: &str| {
            let mut seen = Vec::new();
            read_content(content, &picture, &mut |record| {
                seen.push(record.text(0));
                Ok(())
            })
            .unwrap();
            seen
        };
        assert_eq!(
            names("a.jpg\r\n\r\nParis, 2019.jpg\r\n"),
            ["a.jpg", "Paris, 2019.jpg"]
        );
        assert_eq!(names("image\na.jpg\n"), ["a.jpg"]);
        assert_eq!(names("a.jpg\tx\nb.jpg\ty\n"), ["a.jpg", "b.jpg"]);
        assert_eq!(names("[\"a.jpg\", \"b.jpg\"]"), ["a.jpg", "b.jpg"]);
        let label = Role {
            names: LABEL,
            looks: Looks::Any,
            needed: false,
        };
        let mut seen = Vec::new();
        let mut take = |record: Record| {
            seen.push((record.text(0), record.text(1)));
            Ok(())
        };
        read_content("a.jpg;3\nb.jpg;4\n", &[CAPTIONS[0], label], &mut take).unwrap();
        assert_eq!(seen[1], ("b.jpg".to_owned(), "4".to_owned()));
    }

    #[test]
    fn rows_of_fixed_columns_find_their_separator() {
        assert_eq!(
            rows("x;y;s\na,b;c;0.5\n", 3)[1],
            (2, ["a,b", "c", "0.5"].map(str::to_owned).to_vec())
        );
        assert_eq!(
            rows("sep=|\nx|y\n", 5),
            [(2, vec!["x".to_owned(), "y".to_owned()])]
        );
    }
}
