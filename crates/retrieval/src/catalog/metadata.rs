//! What is known of images besides their pixels: keys with values, from files that the user gave.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Row, params};
use vizsla_pixels::position;

use super::rows::{real, text_crc};
use super::{Catalog, Changes, Writer};
use crate::Error;

pub(super) const TABLES: &str = "
CREATE TABLE metadata (image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
  key TEXT NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL, number REAL, source TEXT NOT NULL,
  crc INTEGER NOT NULL, PRIMARY KEY (image, key, place)) WITHOUT ROWID;
CREATE INDEX metadata_by_key ON metadata(key);
";

/// One value of an image under a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Datum {
    pub key: String,
    /// The value as it was written.
    pub text: String,
    /// The value as a number, when it is one.
    pub number: Option<f64>,
}

/// A row of the table.
struct MetadataRow {
    image: i64,
    place: i64,
    source: String,
    datum: Datum,
}

impl MetadataRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            image: row.get(0)?,
            place: row.get(2)?,
            source: row.get(5)?,
            datum: Datum {
                key: row.get(1)?,
                text: row.get(3)?,
                number: row.get::<_, Value>(4).map(real)?,
            },
        })
    }

    fn crc(&self) -> u32 {
        let number = self.datum.number.map(f64::to_bits);
        let numbers = format!("{} {} {number:?}", self.image, self.place);
        text_crc(&[&numbers, &self.datum.key, &self.datum.text, &self.source])
    }
}

const ALL: &str = "SELECT image, key, place, text, number, source, crc FROM metadata";

impl Catalog {
    /// Everything that is known of each image, in the order of keys and of the values under a key.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<i64, Vec<Datum>>, Error> {
        self.data(&format!("{ALL} ORDER BY image, key, place"))
    }

    /// What is known of one image, in the order of keys and of the values under a key.
    pub(super) fn metadata_of(&self, image: i64) -> Result<Vec<Datum>, Error> {
        self.connection
            .prepare_cached(&format!("{ALL} WHERE image = ?1 ORDER BY key, place"))
            .and_then(|mut statement| {
                let rows = statement.query_map([image], MetadataRow::read)?;
                rows.map(|row| row.map(|row| row.datum)).collect()
            })
            .map_err(|e| self.wrap(e))
    }

    /// The labels of each image that has some.
    pub(crate) fn labels(&self) -> Result<BTreeMap<i64, Vec<String>>, Error> {
        let data = self.data(&format!("{ALL} WHERE key = 'label' ORDER BY image, place"))?;
        let texts = |data: Vec<Datum>| data.into_iter().map(|datum| datum.text).collect();
        Ok(data
            .into_iter()
            .map(|(image, data)| (image, texts(data)))
            .collect())
    }

    /// Degrees north and east of each image that has a place: from metadata where it gives one, else from the
    /// camera.
    pub(crate) fn positions(&self) -> Result<BTreeMap<i64, [f64; 2]>, Error> {
        let camera = self.rows(
            "SELECT id, latitude, longitude FROM images WHERE latitude IS NOT NULL AND longitude IS NOT NULL",
            |row| Ok((row.get::<_, i64>(0)?, [row.get::<_, f64>(1)?, row.get(2)?])),
        )?;
        let mut positions: BTreeMap<i64, [f64; 2]> = camera.into_iter().collect();
        let given = self.data(&format!(
            "{ALL} WHERE key IN ('latitude', 'longitude') AND place = 0 ORDER BY image, key"
        ))?;
        for (image, data) in given {
            let numbers: Vec<f64> = data.iter().filter_map(|datum| datum.number).collect();
            if let [north, east] = numbers[..]
                && let Some(place) = position(north, east)
            {
                positions.insert(image, place);
            }
        }
        // Collections may hold what an earlier version took for a place.
        positions.retain(|_, &mut [north, east]| position(north, east).is_some());
        Ok(positions)
    }

    /// The keys that some image has a value for, in order.
    pub(crate) fn metadata_keys(&self) -> Result<Vec<String>, Error> {
        if self.format()? < 2 {
            return Ok(Vec::new());
        }
        self.rows("SELECT DISTINCT key FROM metadata ORDER BY key", |row| {
            row.get(0)
        })
    }

    /// Whether some image has a value for this key.
    pub(crate) fn has_metadata_key(&self, key: &str) -> Result<bool, Error> {
        if self.format()? < 2 {
            return Ok(false);
        }
        self.connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM metadata WHERE key = ?1)")
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)))
            .map_err(|e| self.wrap(e))
    }

    fn data(&self, sql: &str) -> Result<BTreeMap<i64, Vec<Datum>>, Error> {
        let mut data: BTreeMap<i64, Vec<Datum>> = BTreeMap::new();
        if self.format()? < 2 {
            return Ok(data);
        }
        for row in self.rows(sql, MetadataRow::read)? {
            data.entry(row.image).or_default().push(row.datum);
        }
        Ok(data)
    }

    /// Compares every value with its checksum.
    pub(super) fn check_metadata(&self, found: &mut Vec<String>) -> Result<(), Error> {
        let rows = self.rows(ALL, |row| {
            Ok((MetadataRow::read(row)?, row.get::<_, u32>(6)?))
        })?;
        for (row, crc) in rows {
            if crc != row.crc() {
                let (key, image) = (&row.datum.key, row.image);
                found.push(format!("the metadata `{key}` of image {image} is damaged"));
            }
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Makes what a source says of an image this. Keys that another source gave values for are taken over.
    pub(crate) fn set_metadata(
        &self,
        image: i64,
        source: &str,
        data: &[Datum],
    ) -> rusqlite::Result<Changes> {
        let mut wanted: Vec<MetadataRow> = Vec::with_capacity(data.len());
        let mut places: BTreeMap<&str, i64> = BTreeMap::new();
        for datum in data {
            let place = places.entry(&datum.key).or_insert(0);
            wanted.push(MetadataRow {
                image,
                place: *place,
                source: source.to_owned(),
                datum: datum.clone(),
            });
            *place += 1;
        }
        let there: Vec<MetadataRow> = self
            .transaction
            .prepare_cached(&format!("{ALL} WHERE image = ?1 ORDER BY key, place"))?
            .query_map([image], MetadataRow::read)?
            .collect::<rusqlite::Result<_>>()?;
        let same = |a: &MetadataRow, b: &MetadataRow| {
            a.datum == b.datum && a.place == b.place && a.source == b.source
        };
        let mut changes = Changes::default();
        for row in &there {
            let concerned = row.source == source || places.contains_key(row.datum.key.as_str());
            if !concerned {
                continue;
            }
            if wanted.iter().any(|new| same(new, row)) {
                changes.unchanged += 1;
                continue;
            }
            self.transaction
                .prepare_cached(
                    "DELETE FROM metadata WHERE image = ?1 AND key = ?2 AND place = ?3",
                )?
                .execute(params![image, row.datum.key, row.place])?;
            changes.removed += 1;
        }
        for row in wanted {
            if there.iter().any(|old| same(old, &row)) {
                continue;
            }
            self.transaction
                .prepare_cached("INSERT INTO metadata VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![
                    image,
                    row.datum.key,
                    row.place,
                    row.datum.text,
                    row.datum.number,
                    row.source,
                    row.crc()
                ])?;
            changes.added += 1;
        }
        Ok(changes)
    }
}

/// Metadata as JSON: a value under each key, a list where there are several.
pub(super) fn object(data: Vec<Datum>) -> BTreeMap<String, serde_json::Value> {
    let mut lists: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for datum in data {
        let whole = |n: &f64| n.fract() == 0.0 && n.abs() < 9e15;
        let value = match datum.number {
            Some(number) if whole(&number) => serde_json::Value::from(number as i64),
            Some(number) => serde_json::Value::from(number),
            None => serde_json::Value::from(datum.text),
        };
        lists.entry(datum.key).or_default().push(value);
    }
    let single = |mut list: Vec<serde_json::Value>| match list.len() {
        1 => list.remove(0),
        _ => serde_json::Value::from(list),
    };
    lists
        .into_iter()
        .map(|(key, list)| (key, single(list)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ImageRow;

    fn datum(key: &str, text: &str) -> Datum {
        Datum {
            key: key.into(),
            text: text.into(),
            number: text.parse().ok(),
        }
    }

    #[test]
    fn a_source_replaces_what_it_said_and_takes_keys_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        Catalog::create(&path, &[]).unwrap();
        let mut catalog = Catalog::open(&path).unwrap();
        let row = ImageRow {
            latitude: Some(1.0),
            longitude: Some(2.0),
            ..ImageRow::numbered(0)
        };
        catalog.write(|writer| writer.add_image(&row, b"")).unwrap();
        assert_eq!(catalog.positions().unwrap()[&1], [1.0, 2.0]);
        let mut set = |source: &str, data: &[(&str, &str)]| {
            let data: Vec<Datum> = data.iter().map(|(k, t)| datum(k, t)).collect();
            let changes = catalog.write(|w| w.set_metadata(1, source, &data)).unwrap();
            [changes.added, changes.removed, changes.unchanged]
        };
        let first = [("label", "x"), ("label", "y"), ("n", "3")];
        assert_eq!(set("a", &first), [3, 0, 0]);
        assert_eq!(set("a", &first), [0, 0, 3]);
        assert_eq!(set("b", &[("label", "z"), ("m", "4.5")]), [2, 2, 0]);
        assert_eq!(
            set("a", &[("latitude", "47"), ("longitude", "19")]),
            [2, 1, 0]
        );
        assert_eq!(catalog.positions().unwrap()[&1], [47.0, 19.0]);
        assert_eq!(catalog.labels().unwrap()[&1], ["z"]);
        assert_eq!(
            catalog.metadata_keys().unwrap(),
            ["label", "latitude", "longitude", "m"]
        );
        let shown = object(catalog.metadata().unwrap().remove(&1).unwrap());
        let json = serde_json::to_string(&shown).unwrap();
        assert_eq!(
            json,
            r#"{"label":"z","latitude":47,"longitude":19,"m":4.5}"#
        );
    }

    #[test]
    fn a_position_that_is_none_leaves_the_camera_its_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        Catalog::create(&path, &[]).unwrap();
        let mut catalog = Catalog::open(&path).unwrap();
        let row = |content, place: [f64; 2]| ImageRow {
            latitude: Some(place[0]),
            longitude: Some(place[1]),
            ..ImageRow::numbered(content)
        };
        let (camera, nowhere) = (row(0, [1.0, 2.0]), row(1, [0.0, 0.0]));
        catalog
            .write(|writer| writer.add_image(&camera, b""))
            .unwrap();
        catalog
            .write(|writer| writer.add_image(&nowhere, b""))
            .unwrap();
        for given in [["0", "0"], ["91", "19"], ["47", "181"], ["NaN", "19"]] {
            let data = [datum("latitude", given[0]), datum("longitude", given[1])];
            catalog.write(|w| w.set_metadata(1, "a", &data)).unwrap();
            let positions = catalog.positions().unwrap();
            assert_eq!(positions[&1], [1.0, 2.0], "{given:?}");
            assert!(!positions.contains_key(&2));
            let listed = catalog.listed(1).unwrap().unwrap();
            assert_eq!(listed.position(), Some([1.0, 2.0]), "{given:?}");
        }
    }
}
