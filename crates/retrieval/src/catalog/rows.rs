//! Rows of the catalog, each with the CRC-32 of its content.

use rusqlite::Row;
use rusqlite::types::Value;

/// What is stored of an image besides its features.
#[derive(Debug, Clone)]
pub(crate) struct ImageRow {
    pub content: [u8; 32],
    pub width: u32,
    pub height: u32,
    pub format: String,
    pub taken: Option<String>,
    pub camera: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub features: u32,
}

/// A file that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileRow {
    pub path: String,
    pub image: i64,
    pub size: i64,
    pub modified_ns: i64,
}

impl ImageRow {
    pub(super) fn crc(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.content);
        for number in [self.width, self.height, self.features] {
            crc.update(&number.to_le_bytes());
        }
        for text in [
            Some(&self.format),
            self.taken.as_ref(),
            self.camera.as_ref(),
        ] {
            crc.update(text.map_or("\u{1}", String::as_str).as_bytes());
            crc.update(&[0]);
        }
        for number in [self.latitude, self.longitude] {
            crc.update(&number.unwrap_or(f64::NAN).to_le_bytes());
        }
        crc.finalize()
    }

    /// A row of which tests ask nothing but that its content is its own.
    #[cfg(test)]
    pub(crate) fn numbered(number: u8) -> Self {
        Self {
            content: [number; 32],
            width: 1,
            height: 1,
            format: "PNG".into(),
            taken: None,
            camera: None,
            latitude: None,
            longitude: None,
            features: 0,
        }
    }
}

impl FileRow {
    pub(super) fn crc(&self) -> u32 {
        let numbers = [self.image, self.size, self.modified_ns];
        text_crc(&[&self.path, &format!("{numbers:?}")])
    }
}

/// Of a row of the table of segments, before format 4.
pub(super) fn segment_crc(file: &str, images: i64, bytes: i64) -> u32 {
    text_crc(&[file, &format!("{images} {bytes}")])
}

pub(super) fn text_crc(parts: &[&str]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in parts {
        crc.update(part.as_bytes());
        crc.update(&[0]);
    }
    crc.finalize()
}

pub(super) fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        path: row.get(0)?,
        image: row.get(1)?,
        size: row.get(2)?,
        modified_ns: row.get(3)?,
    })
}

pub(super) fn image_row(row: &Row<'_>) -> rusqlite::Result<ImageRow> {
    Ok(ImageRow {
        content: row.get(0)?,
        width: row.get(1)?,
        height: row.get(2)?,
        format: row.get(3)?,
        taken: row.get(4)?,
        camera: row.get(5)?,
        latitude: row.get::<_, Value>(6).map(real)?,
        longitude: row.get::<_, Value>(7).map(real)?,
        features: row.get(8)?,
    })
}

pub(super) fn real(value: Value) -> Option<f64> {
    match value {
        Value::Real(number) => Some(number),
        Value::Integer(number) => Some(number as f64),
        _ => None,
    }
}
