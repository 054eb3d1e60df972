//! The text of a list: its encoding is found from the bytes, never guessed where two readings are possible.
//!
//! Spreadsheets save UTF-8 with a byte order mark, UTF-16 ("Unicode text"), or the code page of the machine
//! ("CSV"), which in Western Europe and America is Windows-1252, a superset of Latin-1. UTF-8 proves itself: other encodings
//! hardly ever happen to be valid UTF-8 beyond ASCII. Windows-1252 cannot be proved, so a file read as such says so.

use std::path::Path;

use fs_err as fs;

use crate::Error;

/// Most bytes of a list: a gigabyte holds ten million captions.
pub const MOST_BYTES: u64 = 1 << 30;
/// Lines that a note about broken bytes names.
const NAMED_LINES: usize = 5;
/// Of so many units of two bytes one must have a zero for the text to be UTF-16 without a mark.
const UNITS_PER_ZERO: usize = 8;

/// How a text was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-1252, of which Latin-1 is a part: what Western European Windows calls ANSI.
    Windows1252,
}

/// A text and how it was encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text, without a byte order mark.
    pub content: String,
    /// What it was read as.
    pub encoding: Encoding,
    /// What a person should know about the reading: that it rests on an assumption, or that bytes were replaced.
    pub note: Option<String>,
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// The file cannot be read, is larger, or is no text; the message says what it seems to be and what helps.
pub fn read_text(path: &Path, most: u64) -> Result<Text, Error> {
    let fail = |what: String| Error::Import {
        path: path.to_owned(),
        line: None,
        what,
    };
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    // Pipes and growing files have no size to go by.
    std::io::Read::read_to_end(&mut std::io::Read::take(file, most + 1), &mut bytes)?;
    if bytes.len() as u64 > most {
        let size = size.max(bytes.len() as u64);
        return Err(fail(format!(
            "the file has {size} bytes, the most that is read is {most}; divide it into several"
        )));
    }
    decode(bytes).map_err(fail)
}

/// Decodes the bytes of a text.
///
/// # Errors
/// They are no text in an encoding that is told for certain; the message says what helps.
pub fn decode(bytes: Vec<u8>) -> Result<Text, String> {
    if let Some(what) = no_text(&bytes) {
        return Err(what.to_owned());
    }
    match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => {}
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, Encoding::Utf16Le),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, Encoding::Utf16Be),
        _ if bytes.contains(&0) => return unmarked(&bytes),
        _ => {}
    }
    match String::from_utf8(bytes) {
        Ok(content) => Ok(Text {
            content: match content.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => content,
            },
            encoding: Encoding::Utf8,
            note: None,
        }),
        Err(error) => eight_bits(&error.into_bytes()),
    }
}

/// What is known by its first bytes to be something else.
fn no_text(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Some("the text is UTF-32; save it as UTF-8 (`iconv -f utf-32 -t utf-8` does it)")
        }
        [b'P', b'K', 3, 4, ..] => Some(
            "this is a workbook (.xlsx, .ods) or another zip archive; export the table as CSV in UTF-8",
        ),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            Some("this is an old Excel workbook (.xls); export the table as CSV in UTF-8")
        }
        [0x1F, 0x8B, ..] => Some("the file is compressed; unpack it with `gunzip` first"),
        _ => None,
    }
}

fn utf16(bytes: &[u8], encoding: Encoding) -> Result<Text, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(pair),
        _ => u16::from_le_bytes(pair),
    });
    let broken = "the text begins as UTF-16 and is broken further on; save it again, as UTF-8";
    if !rest.is_empty() {
        return Err(broken.into());
    }
    let content: Result<String, _> = char::decode_utf16(units).collect();
    Ok(Text {
        content: content.map_err(|_| broken)?,
        encoding,
        note: None,
    })
}

/// A text with zero bytes and without a mark: UTF-16 when all zeros stand in the same half of the units.
fn unmarked(bytes: &[u8]) -> Result<Text, String> {
    let binary = "there are zero bytes in it, as in no text; if it is UTF-16 without a mark, save it as UTF-8 \
                  (`iconv -f utf-16le -t utf-8` does it)";
    let (quads, _) = bytes.as_chunks::<4>();
    let (mut low_first, mut high_first) = (0, 0);
    for quad in quads {
        low_first += usize::from(matches!(quad, [_, 0, 0, 0]));
        high_first += usize::from(matches!(quad, [0, 0, 0, _]));
    }
    if !quads.is_empty() && low_first.max(high_first) == quads.len() {
        return Err("the text is UTF-32; save it as UTF-8 (`iconv -f utf-32le -t utf-8` or utf-32be does it)".into());
    }
    let (pairs, _) = bytes.as_chunks::<2>();
    let first = pairs.iter().filter(|[first, _]| *first == 0).count();
    let second = pairs.iter().filter(|[_, second]| *second == 0).count();
    let encoding = match (first, second) {
        (0, zeros) if zeros * UNITS_PER_ZERO >= pairs.len() => Encoding::Utf16Le,
        (zeros, 0) if zeros * UNITS_PER_ZERO >= pairs.len() => Encoding::Utf16Be,
        _ => return Err(binary.into()),
    };
    utf16(bytes, encoding).map_err(|_| binary.to_owned())
}

/// A text of single bytes that is not UTF-8: UTF-8 that was damaged, or Windows-1252.
fn eight_bits(bytes: &[u8]) -> Result<Text, String> {
    let (mut sound, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        sound += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    // A letter of Windows-1252 before another rarely is a pair of UTF-8 by chance.
    if sound > broken {
        return Ok(damaged(bytes));
    }
    let letters = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let content: Option<String> = bytes.iter().map(|&byte| windows_1252(byte)).collect();
    match content {
        // In scripts other than Latin nearly all letters are high bytes.
        Some(content) if 2 * high <= letters => Ok(Text {
            content,
            encoding: Encoding::Windows1252,
            note: Some(format!(
                "the text is not UTF-8 (line {} is the first to show it) and was read as Windows-1252, of which Latin-1 is \
                 a part; if letters with accents are wrong, save the file as UTF-8",
                line_of(
                    bytes,
                    bytes.utf8_chunks().next().map_or(0, |c| c.valid().len())
                )
            )),
        }),
        _ => Err(format!(
            "the text is not UTF-8, line {} is the first to show it, and not Windows-1252 either; save it as UTF-8 \
             (`iconv -f ENCODING -t utf-8` does it, with gb18030, shift_jis, windows-1251 or what else it is in)",
            line_of(
                bytes,
                bytes.utf8_chunks().next().map_or(0, |c| c.valid().len())
            )
        )),
    }
}

/// UTF-8 with broken places, which are replaced; the note names their lines.
fn damaged(bytes: &[u8]) -> Text {
    let mut lines: Vec<usize> = Vec::new();
    let (mut at, mut line, mut broken) = (0, 1, 0);
    for chunk in bytes.utf8_chunks() {
        line += chunk.valid().bytes().filter(|&byte| byte == b'\n').count();
        at += chunk.valid().len() + chunk.invalid().len();
        if chunk.invalid().is_empty() {
            continue;
        }
        broken += 1;
        if lines.last() != Some(&line) && lines.len() < NAMED_LINES {
            lines.push(line);
        }
    }
    debug_assert_eq!(at, bytes.len());
    let named: Vec<String> = lines.iter().map(usize::to_string).collect();
    let more = if broken > lines.len() { " …" } else { "" };
    let content = String::from_utf8_lossy(bytes);
    Text {
        content: content
            .strip_prefix('\u{feff}')
            .unwrap_or(&content)
            .to_owned(),
        encoding: Encoding::Utf8,
        note: Some(format!(
            "the text is UTF-8 with {broken} broken places, which were replaced by \u{fffd}: line {}{more}",
            named.join(", ")
        )),
    }
}

/// The line, from 1, that the byte at `at` stands in.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|&&byte| byte == b'\n').count()
}

/// A character of Windows-1252; `None` for the five bytes that mean nothing in it.
fn windows_1252(byte: u8) -> Option<char> {
    const HIGH: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0',
        '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => Some(HIGH[usize::from(byte - 0x80)]).filter(|&c| c != '\0'),
        other => Some(char::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(|unit| match little {
                true => unit.to_le_bytes(),
                false => unit.to_be_bytes(),
            })
            .collect()
    }

    #[test]
    fn every_encoding_of_a_spreadsheet_gives_the_same_text() {
        let text = "image;caption\r\na.jpg;Café – 5 €\r\n";
        let latin: Vec<u8> = text
            .chars()
            .map(|c| match c {
                '–' => 0x96,
                '€' => 0x80,
                other => other as u8,
            })
            .collect();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            (format!("\u{feff}{text}").into_bytes(), Encoding::Utf8),
            (utf16(text, true, true), Encoding::Utf16Le),
            (utf16(text, false, true), Encoding::Utf16Be),
            (utf16(text, true, false), Encoding::Utf16Le),
            (utf16(text, false, false), Encoding::Utf16Be),
            (latin, Encoding::Windows1252),
        ] {
            let read = decode(bytes).unwrap();
            assert_eq!((read.content.as_str(), read.encoding), (text, encoding));
            let assumed = read.note.is_some_and(|note| note.contains("line 2"));
            assert_eq!(assumed, encoding == Encoding::Windows1252);
        }
    }

    #[test]
    fn damaged_utf8_stays_utf8_and_its_lines_are_named() {
        let mut bytes = "image,caption\na.jpg,größer, schöner\nb.jpg,caf"
            .as_bytes()
            .to_vec();
        bytes.push(0xC3);
        bytes.extend(b"\n");
        let read = decode(bytes).unwrap();
        assert!(read.content.contains("größer") && read.content.contains("caf\u{fffd}"));
        assert!(read.note.unwrap().ends_with("line 3"));
    }

    #[test]
    fn what_is_no_text_is_called_by_its_name_with_advice_that_fits() {
        let wide: Vec<u8> = "image,caption\n"
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        let marked = [&[0xFF, 0xFE, 0, 0][..], &wide].concat();
        let chinese = b"image,caption\na.jpg,\xc4\xe3\xba\xc3\xca\xc0\xbd\xe7\xd5\xe2\xca\xc7\xd2\xbb\xb8\xf6\xb2\xe2\xca\xd4\xb3\xcc\xd0\xf2\xcf\xd6\n";
        let odd = [&[0xFF, 0xFE][..], b"a\0b"].concat();
        for (bytes, says) in [
            (wide, "UTF-32"),
            (marked, "UTF-32"),
            (b"PK\x03\x04....".to_vec(), "workbook"),
            (b"\x1f\x8b\x08".to_vec(), "gunzip"),
            (b"a\0b,c\n\0\0d".to_vec(), "zero bytes"),
            (odd, "broken further on"),
            (chinese.to_vec(), "line 2"),
        ] {
            let error = decode(bytes).unwrap_err();
            assert!(error.contains(says) && !error.contains("latin1"), "{error}");
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.csv");
        fs::write(&path, "image,caption\n").unwrap();
        assert!(read_text(&path, 14).is_ok());
        let error = read_text(&path, 13).unwrap_err().to_string();
        assert!(
            error.contains("14 bytes") && error.ends_with("long.csv"),
            "{error}"
        );
    }
}
