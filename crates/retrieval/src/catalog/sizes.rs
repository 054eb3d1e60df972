//! How much of the catalog's file each kind of row takes.

use super::Catalog;
use crate::error::Error;

/// What the pages of a catalog hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Images and the files that hold them.
    Images,
    /// Local features.
    Features,
    /// Vectors of images.
    ImageVectors,
    /// Captions, their words and their vectors.
    Captions,
    /// Metadata.
    Metadata,
    /// What does not grow with the number of images.
    Rest,
}

/// The pages of one table or one index over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tree {
    pub held: Held,
    /// Bytes of all its pages.
    pub bytes: f64,
    /// Bytes of them that are in use.
    pub used: f64,
    /// Bytes of a page.
    pub page: f64,
}

/// The share of pages that is in use where few pages say little of it, and how many pages that counts for.
const FILLED: f64 = 0.8;
const COUNTED: f64 = 8.0;

impl Tree {
    /// Its bytes when what is in it has grown so many times.
    pub fn grown(&self, times: f64) -> f64 {
        if self.held == Held::Rest {
            return self.bytes;
        }
        let pages = self.bytes / self.page;
        let filled = (self.used + COUNTED * FILLED * self.page) / ((pages + COUNTED) * self.page);
        // An empty tree has a page too.
        (self.used * times / filled).max(self.page)
    }
}

/// What a table or an index over it is for; an index that SQLite made itself is called after its table.
fn held(name: &str) -> Held {
    let name = name.strip_prefix("sqlite_autoindex_").unwrap_or(name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    match name {
        "images" | "files" | "files_by_image" => Held::Images,
        "features" => Held::Features,
        "image_vectors" => Held::ImageVectors,
        name if name.starts_with("caption") => Held::Captions,
        name if name.starts_with("metadata") => Held::Metadata,
        _ => Held::Rest,
    }
}

impl Catalog {
    /// The pages of each table and index. All pages are read.
    pub(crate) fn trees(&self) -> Result<Vec<Tree>, Error> {
        self.rows(
            "SELECT name, pgsize, pgsize - unused, pgsize / max(pageno, 1) FROM dbstat WHERE aggregate = TRUE ORDER BY name",
            |row| {
                let number = |at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)? as f64);
                Ok(Tree {
                    held: held(&row.get::<_, String>(0)?),
                    bytes: number(1)?,
                    used: number(2)?,
                    page: number(3)?.max(1.0),
                })
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_and_of_indexes_say_what_is_in_them() {
        for (name, expected) in [
            ("images", Held::Images),
            ("sqlite_autoindex_images_1", Held::Images),
            ("files_by_image", Held::Images),
            ("features", Held::Features),
            ("image_vectors", Held::ImageVectors),
            ("caption_vectors", Held::Captions),
            ("captions_fts_data", Held::Captions),
            ("metadata_by_key", Held::Metadata),
            ("meta", Held::Rest),
            ("index_files", Held::Rest),
            ("sqlite_schema", Held::Rest),
        ] {
            assert_eq!(held(name), expected, "{name}");
        }
    }

    #[test]
    fn pages_that_are_full_stay_as_full() {
        let tree = |held, bytes, used| Tree {
            held,
            bytes,
            used,
            page: 4096.0,
        };
        assert_eq!(tree(Held::Rest, 4096.0, 90.0).grown(1e6), 4096.0);
        assert_eq!(tree(Held::Metadata, 4096.0, 8.0).grown(4.0), 4096.0);
        let large = tree(Held::Features, 4.096e6, 3.9e6).grown(10.0);
        assert!((4.0e7..4.2e7).contains(&large), "{large}");
    }
}
