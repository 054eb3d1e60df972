//! A number of bytes as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units and what they stand for.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// A number of bytes: `512 MiB`, `1.5 GB`, or the number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    /// In the unit of which it is the least whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, unit): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*unit);
        let units = UNITS.iter().filter(whole);
        let (name, unit) = units.max_by_key(|(_, unit)| *unit).unwrap_or(&("B", 1));
        f.pad(&format!("{} {name}", self.0 / unit))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no number of bytes; write it as `512 MiB` or `2 GB`");
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let unit = match unit.trim() {
            "" => 1,
            unit => {
                let mut known = UNITS.iter();
                let found = known.find(|(name, _)| name.eq_ignore_ascii_case(unit));
                found.ok_or_else(wrong)?.1
            }
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let bytes = number * unit as f64;
        match bytes < u64::MAX as f64 {
            true => Ok(Self(bytes.round() as u64)),
            false => Err(wrong()),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (text, bytes, written) in [
            ("512 MiB", 512 << 20, "512 MiB"),
            ("2GB", 2_000_000_000, "2 GB"),
            ("1.5 gib", 3 << 29, "1536 MiB"),
            ("1000", 1000, "1 kB"),
            ("0", 0, "0 B"),
            ("12345", 12_345, "12345 B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, &*size.to_string()), (bytes, written), "{text}");
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for text in ["", "MiB", "1 parsec", "-1 MiB", "1.2.3", "99999999999 TB"] {
            assert!(
                text.parse::<ByteSize>().unwrap_err().contains("512 MiB"),
                "{text}"
            );
        }
    }
}
