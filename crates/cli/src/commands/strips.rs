//! Results as strips of thumbnails, for a terminal that can show pictures.

use anyhow::Result;
use vizsla_pixels::{Color, ContactSheet, DecodeOptions, Rgb, Tile, read_rgb};
use vizsla_retrieval::{Hit, Verdict};

use crate::preview::Protocol;

/// Thumbnails side by side: with their frames they fit 80 columns of 8 pixels.
const BESIDE: usize = 4;
/// Longest side of a thumbnail, pixels.
const SIDE: usize = 140;
const MATCH: Color = [0, 158, 115];
const OTHER: Color = [170, 170, 170];

/// Draws the results, best first, and gives the bytes that show them.
///
/// # Errors
/// A strip cannot be encoded.
pub fn render(hits: &[Hit], protocol: Protocol) -> Result<String> {
    let mut text = String::new();
    for (strip, hits) in hits.chunks(BESIDE).enumerate() {
        let places = 1 + strip * BESIDE..;
        let tiles = places.zip(hits).map(|(place, hit)| tile(place, hit));
        let sheet = ContactSheet {
            headline: String::new(),
            tile_side: SIDE,
            rows: vec![tiles.collect::<Result<_>>()?],
        };
        text.push_str(&protocol.show(&sheet.draw()?)?);
    }
    Ok(text)
}

/// A result with its place and name; one whose file cannot be read is an empty frame that says so.
fn tile(place: usize, hit: &Hit) -> Result<Tile> {
    let options = DecodeOptions {
        fit: Some(SIDE as u32),
        ..DecodeOptions::default()
    };
    let name = hit.path.file_name().unwrap_or_default().to_string_lossy();
    let mut caption = vec![format!("{place} {name}")];
    let matched = hit.verdict == Verdict::Match;
    let image = match read_rgb(&hit.path, &options) {
        Ok(decoded) => decoded.image,
        Err(_) => {
            caption.push("cannot be read".to_owned());
            Rgb::filled(SIDE, SIDE / 2, [235; 3])?
        }
    };
    if matched {
        caption.push("match".to_owned());
    }
    Ok(Tile {
        image,
        caption,
        frame: Some(if matched { MATCH } else { OTHER }),
    })
}
