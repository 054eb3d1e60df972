//! The places of feature maps, from which poolings are learned.

use std::path::Path;

use vizsla_neural::ImageEncoder;
use vizsla_pixels::{DecodeOptions, Rgb, read_rgb};

use crate::{Error, Reporter, Skipped};

/// Pictures held at a time.
const BATCH: usize = 16;

/// What the places of the feature maps of pictures look like.
#[derive(Debug, Default)]
pub struct MapPlaces {
    /// Numbers of a place.
    pub channels: usize,
    /// Places, each of length 1, row by row.
    pub rows: Vec<f32>,
    /// Pictures that were looked at.
    pub pictures: usize,
    /// Pictures that could not be read.
    pub skipped: Vec<Skipped>,
}

/// The places of an even subset of the pictures, at most `most` of them, `side` pixels on the longest side (`None` = the
/// rule of the model). `None` when the reporter says that the caller wants to stop.
///
/// # Errors
/// When the network fails; a picture that cannot be read is skipped.
pub fn map_places(
    encoder: &ImageEncoder,
    side: Option<u32>,
    files: &[&Path],
    most: usize,
    reporter: &dyn Reporter,
) -> Result<Option<MapPlaces>, Error> {
    let step = files.len().div_ceil(most.max(1)).max(1);
    let files: Vec<&Path> = files.iter().copied().step_by(step).collect();
    reporter.begin("learning", files.len() as u64);
    let mut found = MapPlaces::default();
    for batch in files.chunks(BATCH) {
        if reporter.cancelled() {
            return Ok(None);
        }
        let mut pictures: Vec<Rgb> = Vec::with_capacity(batch.len());
        for file in batch {
            match read_rgb(file, &DecodeOptions::default()) {
                Ok(decoded) => pictures.push(decoded.image),
                Err(error) => found.skipped.push(Skipped {
                    path: file.display().to_string(),
                    reason: error.to_string(),
                }),
            }
        }
        let pictures: Vec<&Rgb> = pictures.iter().collect();
        for map in encoder.maps(&pictures, side)? {
            found.channels = map.channels;
            found.rows.extend(map.local_vectors(true));
        }
        found.pictures += pictures.len();
        reporter.advance(batch.len() as u64);
    }
    reporter.end();
    Ok(Some(found))
}
