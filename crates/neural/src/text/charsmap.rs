//! Tables of replacements as SentencePiece stores them, checked before they are followed.
//!
//! `precompiled_charsmap` is base64 of: the length of a double array in bytes, its units of 32 bits, and the texts that
//! replace, each ended by a zero. The library walks the array and cuts the texts where the array says, without a look at
//! their ends; here every way through the array is gone once.

/// Units that are read; the tables in use have some 60,000.
const MOST_UNITS: usize = 1 << 22;

/// Checks a table. The error is a part of a sentence.
pub(super) fn check(table: &str) -> Result<(), String> {
    let wrong = |what: &str| format!("its precompiled_charsmap {what}");
    let bytes = base64(table).ok_or_else(|| wrong("is not base64"))?;
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(wrong("is cut off"));
    };
    let units = u32::from_le_bytes(*length) as usize / 4;
    if units == 0 || units > MOST_UNITS {
        return Err(wrong("has a size that is none"));
    }
    let Some((array, texts)) = rest.split_at_checked(4 * units) else {
        return Err(wrong("is cut off"));
    };
    let Ok(texts) = std::str::from_utf8(texts) else {
        return Err(wrong("is not UTF-8"));
    };
    let array: Vec<usize> = array
        .as_chunks::<4>()
        .0
        .iter()
        .map(|unit| u32::from_le_bytes(*unit) as usize)
        .collect();
    match walk(&array, texts) {
        Some(()) => Ok(()),
        None => Err(wrong("points outside of itself")),
    }
}

/// Goes every way through the array; `None` when one leads outside, or a value is no place of `texts`.
fn walk(array: &[usize], texts: &str) -> Option<()> {
    let mut seen = vec![false; array.len()];
    let mut open = vec![offset(*array.first()?)];
    while let Some(base) = open.pop() {
        for byte in 1..=255 {
            let at = base ^ byte;
            let unit = *array.get(at)?;
            if unit & (1 << 31 | 0xff) != byte {
                continue;
            }
            let next = at ^ offset(unit);
            if unit >> 8 & 1 == 1 {
                let value = array.get(next)? & ((1 << 31) - 1);
                texts.is_char_boundary(value).then_some(())?;
            }
            if !std::mem::replace(seen.get_mut(next)?, true) {
                open.push(next);
            }
        }
    }
    Some(())
}

fn offset(unit: usize) -> usize {
    (unit >> 10) << ((unit & (1 << 9)) >> 6)
}

/// The bytes that standard base64 stands for.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for &letter in group {
            bits = bits << 6 | digit(letter)?;
        }
        bits <<= 6 * (4 - group.len());
        let count = match group.len() {
            1 => return None,
            length => length - 1,
        };
        bytes.extend_from_slice(&bits.to_be_bytes()[1..][..count]);
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u32> {
    let digit = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        // RFC 4648, section 10.
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
        ] {
            assert_eq!(base64(text).unwrap(), bytes);
        }
        assert!(base64("Z").is_none() && base64("Zm9*").is_none());
    }

    /// A table that replaces "a" by the text at `value`.
    fn array(value: usize) -> Vec<usize> {
        let mut array = vec![0; 512];
        // From the root to the block at 0; there "a" has a leaf in the block at 256.
        array[usize::from(b'a')] = 256 << 10 | 1 << 8 | usize::from(b'a');
        array[usize::from(b'a') ^ 256] = value;
        array
    }

    #[test]
    fn every_way_stays_inside() {
        let texts = "e\u{301}\0x\0";
        assert!(walk(&array(0), texts).is_some());
        assert!(walk(&array(4), texts).is_some());
        assert!(walk(&array(2), texts).is_none(), "inside of a character");
        assert!(walk(&array(99), texts).is_none(), "behind the end");
        assert!(walk(&array(0)[..300], texts).is_none(), "a leaf outside");
        assert!(walk(&[0; 100], texts).is_none(), "no room for all bytes");
    }

    #[test]
    fn damaged_tables_are_told() {
        for (table, part) in [
            ("*", "not base64"),
            ("AAAA", "cut off"),
            ("AAAAAA==", "a size that is none"),
            ("/////w==", "a size that is none"),
            ("CAAAAA==", "cut off"),
            ("BAAAAAAAAAD/", "not UTF-8"),
            ("BAAAAAAAAAA=", "outside of itself"),
        ] {
            let message = check(table).unwrap_err();
            assert!(message.contains(part), "{table}: {message}");
        }
    }
}
