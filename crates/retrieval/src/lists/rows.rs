//! Rows of a table of separated values, one after the other.
//!
//! RFC 4180 with the tolerance of spreadsheets: quotes within a text stand for themselves, rows end at LF, CR or CR LF, blank
//! rows are passed over. A quote that nothing closes makes its line unreadable, not the rest of the file: reading goes on at the
//! next line.

/// Most bytes of a quoted text; beyond it the quote counts as not closed.
const MOST_QUOTED: usize = 1 << 16;

/// A row as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The line it begins in, from 1.
    pub line: u64,
    /// Its cells, unquoted, with the spaces around them taken off.
    pub cells: Vec<String>,
    /// Why it cannot be used.
    pub broken: Option<&'static str>,
}

/// Reads rows; an iterator.
pub(super) struct Rows<'a> {
    content: &'a str,
    separator: u8,
    at: usize,
    line: u64,
}

impl<'a> Rows<'a> {
    /// Rows of `content` from its start; `separator` is an ASCII character.
    pub fn new(content: &'a str, separator: u8) -> Self {
        Self {
            content,
            separator,
            at: 0,
            line: 1,
        }
    }

    /// The end of the line that holds `from`, and where the next one starts.
    fn line_end(&self, from: usize) -> (usize, usize) {
        let rest = self.content.as_bytes().get(from..).unwrap_or_default();
        match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            None => (self.content.len(), self.content.len()),
            Some(end) if rest[end..].starts_with(b"\r\n") => (from + end, from + end + 2),
            Some(end) => (from + end, from + end + 1),
        }
    }

    /// The cells of a row that begins at `from`, and where the next row starts; `None` when a quote is not closed.
    fn row(&self, from: usize) -> Option<(Vec<String>, usize)> {
        let bytes = self.content.as_bytes();
        let mut cells = Vec::new();
        let mut at = from;
        loop {
            let (cell, end) = match self.opening_quote(at) {
                Some(quote) => self.quoted(quote, from)?,
                None => {
                    let stop = |byte: &u8| *byte == self.separator || matches!(byte, b'\n' | b'\r');
                    let end = bytes[at..]
                        .iter()
                        .position(stop)
                        .map_or(bytes.len(), |n| at + n);
                    (self.content[at..end].trim().to_owned(), end)
                }
            };
            cells.push(cell);
            if bytes.get(end) != Some(&self.separator) {
                return Some((cells, self.line_end(end).1));
            }
            at = end + 1;
        }
    }

    /// Where the quote stands that a cell opens with; spaces may come before it.
    fn opening_quote(&self, at: usize) -> Option<usize> {
        let rest = &self.content.as_bytes()[at..];
        let blank = rest.iter().take_while(|byte| **byte == b' ').count();
        (rest.get(blank) == Some(&b'"')).then_some(at + blank)
    }

    /// A quoted cell and where it ends; a quote within that no separator follows stands for itself.
    fn quoted(&self, quote: usize, row: usize) -> Option<(String, usize)> {
        let bytes = self.content.as_bytes();
        let mut cell: Vec<u8> = Vec::new();
        let mut at = quote + 1;
        while at < bytes.len() && cell.len() <= MOST_QUOTED {
            match bytes[at] {
                b'"' if bytes.get(at + 1) == Some(&b'"') => {
                    cell.push(b'"');
                    at += 2;
                }
                b'"' if self.ends(at + 1) => {
                    let end = at + 1 + self.blanks(at + 1);
                    return Some((String::from_utf8(cell).ok()?, end));
                }
                b'\n' | b'\r' => {
                    let next = self.line_end(at).1;
                    if self.starts_a_row(next, row) {
                        return None;
                    }
                    cell.extend_from_slice(&bytes[at..next]);
                    at = next;
                }
                byte => {
                    cell.push(byte);
                    at += 1;
                }
            }
        }
        None
    }

    fn blanks(&self, at: usize) -> usize {
        let rest = self.content.as_bytes().get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| **byte == b' ').count()
    }

    /// Whether a cell may end here.
    fn ends(&self, at: usize) -> bool {
        match self.content.as_bytes().get(at + self.blanks(at)) {
            None | Some(b'\n' | b'\r') => true,
            Some(byte) => *byte == self.separator,
        }
    }

    /// Whether the line at `at`, within a quoted text, looks like a row of its own: it begins with the name of a picture, as
    /// the row in which the quote opens does. Then the quote was never meant to go on.
    fn starts_a_row(&self, at: usize, row: usize) -> bool {
        let first = |from: usize| {
            let line = &self.content[from..self.line_end(from).0];
            let (cell, _) = line.split_once(char::from(self.separator))?;
            Some(cell.trim().trim_matches('"'))
        };
        let named = |from| first(from).is_some_and(super::looks_like_picture);
        named(row) && named(at)
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if self.at >= self.content.len() {
                return None;
            }
            let (line, from) = (self.line, self.at);
            let (row, next) = match self.row(from) {
                Some((cells, next)) => (
                    Row {
                        line,
                        cells,
                        broken: None,
                    },
                    next,
                ),
                None => {
                    let broken = Some("the quote that opens in this line is not closed");
                    let cells = Vec::new();
                    (
                        Row {
                            line,
                            cells,
                            broken,
                        },
                        self.line_end(from).1,
                    )
                }
            };
            let passed = &self.content.as_bytes()[from..next];
            self.line += line_ends(passed);
            self.at = next;
            if row.broken.is_some() || row.cells.iter().any(|cell| !cell.is_empty()) {
                return Some(row);
            }
        }
    }
}

/// Line ends in a piece of text that does not break between CR and LF.
fn line_ends(bytes: &[u8]) -> u64 {
    let mut ends = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let ended = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        ends += u64::from(ended);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(content: &str, separator: u8) -> Vec<Vec<String>> {
        Rows::new(content, separator).map(|row| row.cells).collect()
    }

    #[test]
    fn quoted_texts_hold_separators_quotes_and_line_ends() {
        let content = "a,\"x, \"\"y\"\"\"\r\n\"b\nc\" , \"\" ,z\n\n,,\n d , \"\"\"q\"\"\"\r\n";
        let rows: Vec<Row> = Rows::new(content, b',').collect();
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 2, 6]);
        assert_eq!(rows[0].cells, ["a", "x, \"y\""]);
        assert_eq!(rows[1].cells, ["b\nc", "", "z"]);
        assert_eq!(rows[2].cells, ["d", "\"q\""]);
        assert_eq!(cells("a;b\rc;d\r", b';'), [["a", "b"], ["c", "d"]]);
    }

    #[test]
    fn quotes_that_nobody_escaped_stand_for_themselves() {
        let rows = cells(
            "a.jpg,A 5\" plate of \"nice\" cakes\nb.jpg,\"a 5\" plate\"\n",
            b',',
        );
        assert_eq!(rows[0][1], "A 5\" plate of \"nice\" cakes");
        assert_eq!(rows[1][1], "a 5\" plate");
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_one_line() {
        let content = "a.jpg,\"open\nb.jpg,\"fine\"\nc.jpg,\"open\n";
        let rows: Vec<Row> = Rows::new(content, b',').collect();
        let broken: Vec<(u64, bool)> = rows.iter().map(|r| (r.line, r.broken.is_some())).collect();
        assert_eq!(broken, [(1, true), (2, false), (3, true)]);
        let whole = "a.jpg,\"first\nsecond\"\nb.jpg,x\n";
        assert_eq!(cells(whole, b',')[0][1], "first\nsecond");
    }
}
