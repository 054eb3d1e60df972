//! Sentences about images, and the full-text index over them.
//!
//! The index is SQLite's FTS5 over stems (Porter 1980) without diacritics. It keeps no copy of the text; triggers
//! hold it in step with the table, also when an image leaves and takes its captions along. Ranking is BM25 (Robertson
//! & Zaragoza 2009).

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::rows::text_crc;
use super::{Catalog, Changes, Numbered, Writer};
use crate::{Caption, Error};

/// Terms of a query that count; a longer text is cut.
const MOST_TERMS: usize = 256;

pub(super) const TABLES: &str = "
CREATE TABLE captions (id INTEGER PRIMARY KEY AUTOINCREMENT,
  image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
  text TEXT NOT NULL, source TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX captions_by_image ON captions(image);
CREATE VIRTUAL TABLE captions_fts USING fts5(text, content='captions', content_rowid='id',
  tokenize='porter unicode61 remove_diacritics 2');
CREATE TRIGGER caption_added AFTER INSERT ON captions BEGIN
  INSERT INTO captions_fts (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER caption_removed AFTER DELETE ON captions BEGIN
  INSERT INTO captions_fts (captions_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;
";

/// A second index over the captions, to compare the first with.
const AGAIN: &str = "
CREATE VIRTUAL TABLE temp.captions_again USING fts5(text, content='',
  tokenize='porter unicode61 remove_diacritics 2');
INSERT INTO temp.captions_again (rowid, text) SELECT id, text FROM main.captions;
CREATE VIRTUAL TABLE temp.terms_there USING fts5vocab('main', 'captions_fts', 'instance');
CREATE VIRTUAL TABLE temp.terms_again USING fts5vocab('temp', 'captions_again', 'instance');
";
/// Terms with their places, and lengths of captions, are in both what they are in the other.
const ALIKE: &str = "SELECT NOT EXISTS (SELECT * FROM temp.terms_there EXCEPT SELECT * FROM temp.terms_again)
  AND NOT EXISTS (SELECT * FROM temp.terms_again EXCEPT SELECT * FROM temp.terms_there)
  AND NOT EXISTS (SELECT id, sz FROM main.captions_fts_docsize EXCEPT SELECT id, sz FROM temp.captions_again_docsize)
  AND NOT EXISTS (SELECT id, sz FROM temp.captions_again_docsize EXCEPT SELECT id, sz FROM main.captions_fts_docsize)
  AND (SELECT count(*) = 1 AND min(k) = 'version' AND min(v) = 4 FROM main.captions_fts_config)";
const AGAIN_GONE: &str = "
DROP TABLE IF EXISTS temp.terms_there;
DROP TABLE IF EXISTS temp.terms_again;
DROP TABLE IF EXISTS temp.captions_again;
";

/// A caption that a text search found.
#[allow(dead_code)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CaptionHit {
    pub caption: i64,
    pub image: i64,
    /// BM25, above 0; higher is better.
    pub score: f64,
}

impl Catalog {
    /// All captions, in the order they came in.
    pub(crate) fn captions(&self) -> Result<Vec<Caption>, Error> {
        if self.format()? < 2 {
            return Ok(Vec::new());
        }
        self.rows(
            "SELECT id, image, text, source FROM captions ORDER BY id",
            caption_row,
        )
    }

    #[allow(dead_code)]
    /// One caption; `None` when there is none of this id.
    pub(crate) fn caption(&self, id: i64) -> Result<Option<Caption>, Error> {
        if self.format()? < 2 {
            return Ok(None);
        }
        self.connection
            .prepare_cached("SELECT id, image, text, source FROM captions WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([id], caption_row).optional())
            .map_err(|e| self.wrap(e))
    }

    #[allow(dead_code)]
    /// The captions that share a word stem with the text, best first by BM25, then oldest first.
    ///
    /// The text is taken as words, whatever signs it holds; of a long one the first 256 different words count.
    pub(crate) fn bm25(&self, text: &str, limit: usize) -> Result<Vec<CaptionHit>, Error> {
        let Some(terms) = any_of(text) else {
            return Ok(Vec::new());
        };
        if self.format()? < 2 {
            return Ok(Vec::new());
        }
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT captions.id, captions.image, -captions_fts.rank FROM captions_fts
                 JOIN captions ON captions.id = captions_fts.rowid
                 WHERE captions_fts MATCH ?1 ORDER BY captions_fts.rank, captions.id LIMIT ?2",
            )
            .map_err(|e| self.wrap(e))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = |row: &Row<'_>| {
            Ok(CaptionHit {
                caption: row.get(0)?,
                image: row.get(1)?,
                score: row.get(2)?,
            })
        };
        statement
            .query_map(params![terms, limit], read)
            .and_then(Iterator::collect)
            .map_err(|e| self.wrap(e))
    }

    /// Compares every caption with its checksum, and the index over them with one made afresh.
    pub(super) fn check_captions(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let captions = self.rows(
            "SELECT id, image, text, source, crc FROM captions ORDER BY id",
            |row| Ok((caption_row(row)?, row.get::<_, u32>(4)?)),
        )?;
        for (caption, crc) in captions {
            if crc != caption_crc(caption.image, &caption.text, &caption.source) {
                found.push(format!("the caption {} is damaged", caption.id));
            }
        }
        Ok(())
    }

    /// Whether the full-text index holds what the captions say. It is derived from them.
    pub(super) fn caption_index_is_whole(&self) -> Result<bool, Error> {
        let compare = || {
            self.connection.execute_batch(AGAIN_GONE)?;
            self.connection.execute_batch(AGAIN)?;
            let same = self.connection.query_row(ALIKE, [], |row| row.get(0));
            let same = same.and_then(|same: bool| Ok(same && self.lengths_are_right()?));
            self.connection.execute_batch(AGAIN_GONE)?;
            same
        };
        match compare() {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) =>
            {
                Ok(false)
            }
            compared => compared.map_err(|e| self.wrap(e)),
        }
    }
}

impl Catalog {
    /// Whether the index's own sums, by which BM25 knows the mean length, are those of its captions.
    fn lengths_are_right(&self) -> rusqlite::Result<bool> {
        let mut statement = self
            .connection
            .prepare("SELECT sz FROM main.captions_fts_docsize")?;
        let lengths = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        let (mut rows, mut sum) = (0u64, 0u64);
        for length in lengths {
            rows += 1;
            sum = sum.saturating_add(numbers(&length?).first().copied().unwrap_or(0));
        }
        // FTS5 keeps the number of rows and the sum of each column's lengths in the row 1 of its data.
        let kept: Option<Vec<u8>> = self
            .connection
            .query_row(
                "SELECT block FROM main.captions_fts_data WHERE id = 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let kept = numbers(&kept.unwrap_or_default());
        Ok(kept == [rows, sum] || (rows == 0 && kept.is_empty()))
    }
}

/// Numbers as SQLite packs them: seven bits a byte, the first ones first, the ninth byte whole.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let (mut number, mut length) = (0u64, 0);
    for &byte in bytes {
        length += 1;
        number = match length {
            9 => number << 8 | u64::from(byte),
            _ => number << 7 | u64::from(byte & 0x7f),
        };
        if byte < 0x80 || length == 9 {
            numbers.push(number);
            (number, length) = (0, 0);
        }
    }
    numbers
}

impl Writer<'_> {
    /// Makes the captions that a source gives of an image these; what is there already keeps its id.
    ///
    /// A sentence that another source gives of the same image is not taken in again.
    pub(crate) fn set_captions(
        &self,
        image: i64,
        source: &str,
        texts: &[String],
    ) -> rusqlite::Result<Changes> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT id, text, source FROM captions WHERE image = ?1 ORDER BY id")?;
        let there: Vec<(i64, String, String)> = statement
            .query_map([image], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let (mut own, others): (Vec<_>, Vec<_>) =
            there.into_iter().partition(|(.., from)| from == source);
        let mut changes = Changes::default();
        let mut fresh = Vec::new();
        for text in texts {
            if let Some(at) = own.iter().position(|(_, known, _)| known == text) {
                own.remove(at);
                changes.unchanged += 1;
            } else if others.iter().any(|(_, known, _)| known == text) {
                changes.unchanged += 1;
            } else {
                fresh.push(text);
            }
        }
        for (id, ..) in &own {
            self.transaction
                .prepare_cached("DELETE FROM captions WHERE id = ?1")?
                .execute([id])?;
        }
        for text in &fresh {
            let id = self.take_number(Numbered::Captions)?;
            self.transaction
                .prepare_cached(
                    "INSERT INTO captions (id, image, text, source, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    id,
                    image,
                    text,
                    source,
                    caption_crc(image, text, source)
                ])?;
        }
        changes.added = fresh.len();
        changes.removed = own.len();
        Ok(changes)
    }

    /// Makes the full-text index again from the captions.
    pub(crate) fn rebuild_caption_index(&self) -> rusqlite::Result<()> {
        self.transaction
            .execute(
                "INSERT INTO captions_fts (captions_fts) VALUES ('rebuild')",
                [],
            )
            .map(drop)
    }
}

fn caption_row(row: &Row<'_>) -> rusqlite::Result<Caption> {
    Ok(Caption {
        id: row.get(0)?,
        image: row.get(1)?,
        text: row.get(2)?,
        source: row.get(3)?,
    })
}

fn caption_crc(image: i64, text: &str, source: &str) -> u32 {
    text_crc(&[&image.to_string(), text, source])
}

/// The text as an FTS5 expression that asks for any of its words; each is quoted, so no sign has a meaning.
fn any_of(text: &str) -> Option<String> {
    let between = |c: char| c.is_whitespace() || c.is_control() || c.is_ascii_punctuation();
    let mut seen = BTreeSet::new();
    let mut terms = String::new();
    let words = text
        .split(between)
        .filter(|word| word.chars().any(char::is_alphanumeric));
    for word in words {
        if seen.len() == MOST_TERMS {
            break;
        }
        if seen.insert(word.to_lowercase()) {
            let or = if terms.is_empty() { "" } else { " OR " };
            terms.push_str(&format!("{or}\"{word}\""));
        }
    }
    (!terms.is_empty()).then_some(terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Datum, ImageRow};

    #[test]
    fn signs_of_the_full_text_language_mean_nothing() {
        assert_eq!(any_of("red"), Some("\"red\"".into()));
        assert_eq!(
            any_of("NEAR(red) OR \"red\" AND um*"),
            Some("\"NEAR\" OR \"red\" OR \"OR\" OR \"AND\" OR \"um\"".into())
        );
        assert_eq!(any_of(" -- \" ' * ^ \0 "), None);
        let long: String = (0..10_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(
            any_of(&long).map(|t| t.matches(" OR ").count()),
            Some(MOST_TERMS - 1)
        );
    }

    fn images(count: u8) -> (tempfile::TempDir, Catalog) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        Catalog::create(&path, &[]).unwrap();
        let mut catalog = Catalog::open(&path).unwrap();
        catalog
            .write(|writer| {
                (1..=count)
                    .try_for_each(|n| writer.add_image(&ImageRow::numbered(n), b"").map(drop))
            })
            .unwrap();
        (folder, catalog)
    }

    fn set(catalog: &mut Catalog, image: i64, source: &str, texts: &[&str]) -> [usize; 3] {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        let changes = catalog
            .write(|writer| writer.set_captions(image, source, &texts))
            .unwrap();
        [changes.added, changes.removed, changes.unchanged]
    }

    fn found(catalog: &Catalog, text: &str) -> Vec<i64> {
        let hits = catalog.bm25(text, 10).unwrap();
        assert!(hits.iter().all(|hit| hit.score > 0.0));
        assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
        hits.iter().map(|hit| hit.caption).collect()
    }

    #[test]
    fn a_caption_that_stays_keeps_its_identity() {
        let (_folder, mut catalog) = images(1);
        assert_eq!(set(&mut catalog, 1, "a", &["One", "Two", "Two"]), [3, 0, 0]);
        assert_eq!(set(&mut catalog, 1, "a", &["One", "Two", "Two"]), [0, 0, 3]);
        assert_eq!(set(&mut catalog, 1, "a", &["Two", "Three"]), [1, 2, 1]);
        assert_eq!(set(&mut catalog, 1, "b", &["Two", "Four"]), [1, 0, 1]);
        let kept: Vec<(i64, String, String)> = catalog
            .captions()
            .unwrap()
            .into_iter()
            .map(|c| (c.id, c.text, c.source))
            .collect();
        let expected = [(2, "Two", "a"), (4, "Three", "a"), (5, "Four", "b")];
        assert_eq!(
            kept,
            expected.map(|(id, t, s)| (id, t.to_owned(), s.to_owned()))
        );
        assert_eq!(
            catalog.caption(4).unwrap().map(|c| c.text),
            Some("Three".into())
        );
        assert_eq!(catalog.caption(1).unwrap(), None);
        assert_eq!(set(&mut catalog, 1, "a", &[]), [0, 2, 0]);
    }

    #[test]
    fn words_are_found_in_any_form_and_rare_ones_count_more() {
        let (_folder, mut catalog) = images(4);
        set(&mut catalog, 1, "s", &["A dog runs on the beach"]);
        set(
            &mut catalog,
            2,
            "s",
            &["Two dogs running", "Ein Café in Köln"],
        );
        set(&mut catalog, 3, "s", &["The dog and the red umbrella"]);
        assert_eq!(found(&catalog, "umbrellas, dogs!").first(), Some(&4));
        assert_eq!(found(&catalog, "run").len(), 2);
        assert_eq!(found(&catalog, "cafe KOLN"), [3]);
        assert_eq!(found(&catalog, "cat"), [0; 0]);
        assert_eq!(found(&catalog, "\"dog\" NOT text:beach*").len(), 3);
        assert_eq!(catalog.bm25("dog", 2).unwrap().len(), 2);
        let long = "dog umbrella ".repeat(5_000);
        assert_eq!(found(&catalog, &long).first(), Some(&4));
    }

    #[test]
    fn captions_leave_with_their_image() {
        let (_folder, mut catalog) = images(2);
        set(&mut catalog, 1, "s", &["A dog"]);
        set(&mut catalog, 2, "s", &["A dog"]);
        catalog.write(|writer| writer.remove_if_orphan(1)).unwrap();
        assert_eq!(found(&catalog, "dog"), [2]);
        assert_eq!(catalog.captions().unwrap().len(), 1);
        assert!(catalog.caption_index_is_whole().unwrap());
    }

    #[test]
    fn damage_is_found() {
        let (_folder, mut catalog) = images(2);
        set(&mut catalog, 1, "s", &["A dog", "A house"]);
        let execute = |catalog: &Catalog, sql: &str| catalog.connection.execute_batch(sql).unwrap();
        let check = |catalog: &Catalog| {
            let mut found = Vec::new();
            catalog.check_captions(&mut found).unwrap();
            catalog.check_metadata(&mut found).unwrap();
            found
        };
        assert_eq!(check(&catalog), [""; 0]);
        execute(
            &catalog,
            "DROP TRIGGER caption_removed; DELETE FROM captions WHERE id = 2",
        );
        assert!(!catalog.caption_index_is_whole().unwrap());
        catalog
            .write(|writer| writer.rebuild_caption_index())
            .unwrap();
        assert!(catalog.caption_index_is_whole().unwrap());
        execute(&catalog, "UPDATE captions SET text = 'A cog' WHERE id = 1");
        assert_eq!(check(&catalog), ["the caption 1 is damaged"]);
        let datum = Datum {
            key: "label".into(),
            text: "x".into(),
            number: None,
        };
        catalog
            .write(|writer| writer.set_metadata(2, "m", &[datum]))
            .unwrap();
        execute(
            &catalog,
            "UPDATE captions SET text = 'A dog'; UPDATE metadata SET number = 3",
        );
        assert_eq!(
            check(&catalog),
            ["the metadata `label` of image 2 is damaged"]
        );
    }
}
