//! What a model says: a number for two names.

use std::collections::BTreeMap;
use std::path::Path;

use vizsla_retrieval::lists;

use crate::datasets::read_text;
use crate::error::Error;

/// Columns of a table of similarities.
const COLUMNS: usize = 3;

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
    /// Reads a table of any separator with a header and three columns: a name, another name, their similarity. The order of the names
    /// does not matter.
    ///
    /// # Errors
    /// The file cannot be read, or holds something that is not a number.
    pub fn open(file: &Path) -> Result<Self, Error> {
        let mut table = BTreeMap::new();
        for (line, cells) in lists::rows(&read_text(file)?, COLUMNS).into_iter().skip(1) {
            let form = "expected a name, another name and their similarity";
            let invalid = || Error::invalid(format!("line {line}: {form}"), file);
            let [first, second, value] = cells.as_slice() else {
                return Err(invalid());
            };
            let value = value.parse().ok().filter(|value: &f64| !value.is_nan());
            table.insert(sorted(first, second), value.ok_or_else(invalid)?);
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
            ("x,y,s\na,b\n", "line 2"),
            ("x,y,s\n", "no similarity"),
        ] {
            let message = open(text).err().expect(text).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
