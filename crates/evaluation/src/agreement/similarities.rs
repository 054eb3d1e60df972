//! What a model says: a number for two names.

use std::collections::BTreeMap;
use std::path::Path;

use crate::datasets::read_text;
use crate::error::Error;

/// A model's similarities of pictures and captions by their names; higher = more alike.
pub trait Similarities {
    /// The similarity of two things; `None` when the model does not know one of them.
    fn similarity(&self, first: &str, second: &str) -> Option<f64>;
}

impl<F: Fn(&str, &str) -> Option<f64>> Similarities for F {
    fn similarity(&self, first: &str, second: &str) -> Option<f64> {
        self(first, second)
    }
}

/// Similarities that another program wrote down.
pub struct SimilarityTable(BTreeMap<(String, String), f64>);

impl SimilarityTable {
    /// Reads CSV with a header and three columns: a name, another name, their similarity. The order of the names
    /// does not matter.
    ///
    /// # Errors
    /// The file cannot be read, is not CSV, or holds something that is not a number.
    pub fn open(file: &Path) -> Result<Self, Error> {
        let text = read_text(file)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut table = BTreeMap::new();
        for record in reader.records() {
            let record =
                record.map_err(|e| Error::invalid(format!("not a CSV table ({e})"), file))?;
            let line = record.position().map_or(0, csv::Position::line);
            let [first, second, value] = [0, 1, 2].map(|c| record.get(c).unwrap_or("").trim());
            let value = value
                .parse()
                .ok()
                .filter(|v: &f64| !v.is_nan() && record.len() == 3);
            let value = value.ok_or_else(|| {
                let form = "expected a name, another name and their similarity";
                Error::invalid(format!("line {line}: {form}"), file)
            })?;
            table.insert(sorted(first, second), value);
        }
        if table.is_empty() {
            return Err(Error::invalid("no similarity in it", file));
        }
        Ok(Self(table))
    }
}

impl Similarities for SimilarityTable {
    fn similarity(&self, first: &str, second: &str) -> Option<f64> {
        self.0.get(&sorted(first, second)).copied()
    }
}

fn sorted(a: &str, b: &str) -> (String, String) {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    (low.to_owned(), high.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_either_order_and_broken_lines_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("s.csv");
        let open = |text: &str| {
            fs_err::write(&file, text).expect("file");
            SimilarityTable::open(&file)
        };
        let table = open("image,caption,similarity\na.jpg,b.jpg#1,0.25\n").expect("a table");
        assert_eq!(table.similarity("b.jpg#1", "a.jpg"), Some(0.25));
        assert_eq!(table.similarity("a.jpg", "a.jpg"), None);
        for (text, says) in [
            ("x,y,s\na,b,high\n", "line 2"),
            ("x,y,s\na,b,NaN\n", "line 2"),
            ("x,y\na,b\n", "line 2"),
            ("x,y,s\na,b\n", "not a CSV table"),
            ("x,y,s\n", "no similarity"),
        ] {
            let message = open(text).err().expect(text).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
