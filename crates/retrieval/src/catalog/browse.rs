//! Images as people look at them: listed with all that is known of them, and counted by what they share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row, params_from_iter};
use vizsla_vectors::IdSet;

use super::rows::image_row;
use super::{Catalog, metadata};
use crate::browse::{Facet, FacetKind, FacetValue};
use crate::{Error, Filter, ListedImage};

/// Columns of an image, in the order that [`listed`] reads them.
const COLUMNS: &str =
    "content, width, height, format, taken, camera, latitude, longitude, features, id";
/// Keys that have facets without metadata, with the expression of their value.
const OWN: [(&str, &str); 3] = [
    ("camera", "camera"),
    ("format", "format"),
    ("taken", "replace(taken, ' ', 'T')"),
];
/// What a date looks like, for SQLite.
const DATE: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]*";

/// An image without files, captions and metadata.
fn listed(row: &Row<'_>) -> rusqlite::Result<ListedImage> {
    let image = image_row(row)?;
    Ok(ListedImage {
        image: row.get(9)?,
        paths: Vec::new(),
        content: image.content.iter().map(|b| format!("{b:02x}")).collect(),
        width: image.width,
        height: image.height,
        format: image.format,
        features: image.features,
        taken: image.taken,
        camera: image.camera,
        latitude: image.latitude,
        longitude: image.longitude,
        captions: Vec::new(),
        metadata: BTreeMap::new(),
    })
}

impl Catalog {
    /// Whether a file of this path is known.
    pub(crate) fn holds_file(&self, path: &str) -> Result<bool, Error> {
        let query = "SELECT EXISTS (SELECT 1 FROM files WHERE path = ?1)";
        self.connection
            .query_row(query, [path], |row| row.get(0))
            .map_err(|error| self.wrap(error))
    }

    /// Every image with its files, in id order.
    pub(crate) fn list(&self) -> Result<Vec<ListedImage>, Error> {
        let mut images = self.rows(&format!("SELECT {COLUMNS} FROM images ORDER BY id"), listed)?;
        let mut paths = BTreeMap::<i64, Vec<PathBuf>>::new();
        for file in self.files()? {
            paths.entry(file.image).or_default().push(file.path.into());
        }
        let mut captions = BTreeMap::<i64, Vec<String>>::new();
        for caption in self.captions()? {
            captions
                .entry(caption.image)
                .or_default()
                .push(caption.text);
        }
        let mut known = self.metadata()?;
        for image in &mut images {
            let id = image.image;
            image.paths = paths.remove(&id).unwrap_or_default();
            image.captions = captions.remove(&id).unwrap_or_default();
            image.metadata = known.remove(&id).map(metadata::object).unwrap_or_default();
        }
        Ok(images)
    }

    /// One image with its files; `None` when there is none of this id.
    pub(crate) fn listed(&self, id: i64) -> Result<Option<ListedImage>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM images WHERE id = ?1");
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([id], listed).optional())
            .map_err(|e| self.wrap(e))?;
        let Some(mut image) = found else {
            return Ok(None);
        };
        let texts = |sql: &str| -> Result<Vec<String>, Error> {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
                .map_err(|e| self.wrap(e))
        };
        let paths = texts("SELECT path FROM files WHERE image = ?1 ORDER BY path")?;
        image.paths = paths.into_iter().map(PathBuf::from).collect();
        if self.format()? >= 2 {
            image.captions = texts("SELECT text FROM captions WHERE image = ?1 ORDER BY id")?;
            image.metadata = metadata::object(self.metadata_of(id)?);
        }
        Ok(Some(image))
    }

    /// How many images there are, and the ids of those from `offset` on, ascending.
    pub(crate) fn page_of_ids(
        &self,
        filter: Option<&Filter>,
        offset: usize,
        limit: usize,
    ) -> Result<(usize, Vec<i64>), Error> {
        let ids: Vec<i64> = match filter {
            Some(filter) => self.matching(filter)?.iter().collect(),
            None => self.image_ids()?,
        };
        let total = ids.len();
        Ok((total, ids.into_iter().skip(offset).take(limit).collect()))
    }

    /// What the images have under each key, counted, keys in order; of each the `most` most frequent values.
    pub(crate) fn facets(&self, allowed: Option<&IdSet>, most: usize) -> Result<Vec<Facet>, Error> {
        // One list of ids as JSON, so that thousands cost SQLite one table.
        let ids = allowed.map(|allowed| {
            let ids: Vec<i64> = allowed.iter().collect();
            serde_json::Value::from(ids).to_string()
        });
        let keys = self.metadata_keys()?;
        let mut facets = Vec::new();
        for (key, value) in OWN {
            // What metadata says of a key goes before the camera's own notes, as in conditions.
            if !keys.iter().any(|known| known == key) {
                let table = format!(
                    "SELECT id AS image, {value} AS text, NULL AS number FROM images WHERE {value} IS NOT NULL"
                );
                facets.extend(self.facet(key, &table, &[], ids.as_deref(), most)?);
            }
        }
        for key in &keys {
            let table = "SELECT image, text, number FROM metadata WHERE key = ?";
            facets.extend(self.facet(key, table, &[key], ids.as_deref(), most)?);
        }
        facets.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(facets)
    }

    /// The facet of one key, whose values `table` selects; `None` when no image has one.
    fn facet(
        &self,
        key: &str,
        table: &str,
        given: &[&str],
        ids: Option<&str>,
        most: usize,
    ) -> Result<Option<Facet>, Error> {
        let inside = match ids {
            Some(_) => "WHERE image IN (SELECT value FROM json_each(?))",
            None => "",
        };
        let from = format!("FROM ({table}) {inside}");
        let values: Vec<&str> = given.iter().copied().chain(ids).collect();
        let sums = self.facet_sums(&from, &values)?;
        if sums.distinct == 0 {
            return Ok(None);
        }
        let (kind, text) = match (sums.numbers, sums.dates) {
            (true, _) => (FacetKind::Number, "text"),
            // Days are too many to choose from; years are not.
            (_, true) => (FacetKind::Date, "substr(text, 1, 4)"),
            _ => (FacetKind::Text, "text"),
        };
        let counts = format!(
            "SELECT {text}, count(DISTINCT image) AS n {from} GROUP BY {text} ORDER BY n DESC, {text} LIMIT {most}"
        );
        let value = |row: &Row<'_>| {
            Ok(FacetValue {
                value: row.get(0)?,
                count: row.get(1)?,
            })
        };
        let values = self
            .connection
            .prepare(&counts)
            .and_then(|mut statement| {
                statement
                    .query_map(params_from_iter(&values), value)?
                    .collect()
            })
            .map_err(|e| self.wrap(e))?;
        let [least, greatest] = match kind {
            FacetKind::Number => sums
                .numeric
                .map(|bound| bound.map(|bound| bound.to_string())),
            FacetKind::Date => sums.textual,
            FacetKind::Text => [None, None],
        };
        Ok(Some(Facet {
            key: key.to_owned(),
            kind,
            distinct: sums.distinct,
            values,
            least,
            greatest,
        }))
    }

    fn facet_sums(&self, from: &str, values: &[&str]) -> Result<Sums, Error> {
        let sql = format!(
            "SELECT count(DISTINCT text), count(*) = count(number), coalesce(count(*) = sum(text GLOB '{DATE}'), 0),
               min(number), max(number), min(text), max(text) {from}"
        );
        let read = |row: &Row<'_>| {
            Ok(Sums {
                distinct: row.get(0)?,
                numbers: row.get(1)?,
                dates: row.get(2)?,
                numeric: [row.get(3)?, row.get(4)?],
                textual: [row.get(5)?, row.get(6)?],
            })
        };
        self.connection
            .query_row(&sql, params_from_iter(values), read)
            .map_err(|e| self.wrap(e))
    }
}

/// What the values of a key have in common.
struct Sums {
    distinct: u32,
    /// All are numbers.
    numbers: bool,
    /// All are dates.
    dates: bool,
    /// Least and greatest as numbers.
    numeric: [Option<f64>; 2],
    /// First and last as texts.
    textual: [Option<String>; 2],
}
