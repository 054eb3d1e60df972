//! Contact sheets: rows of captioned, framed pictures that show a result at one glance.

use crate::draw::Color;
use crate::error::Error;
use crate::font::{GLYPH_HEIGHT, GLYPH_WIDTH};
use crate::rgb::Rgb;

const PAPER: Color = [250, 250, 250];
const INK: Color = [30, 30, 30];
/// Space between and around tiles, pixels.
const GAP: usize = 10;
/// Width of a tile's frame, pixels.
const FRAME: usize = 4;

/// One picture of a contact sheet.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The picture; it is shrunk to the tile, never enlarged.
    pub image: Rgb,
    /// Lines under the picture; cut to the tile's width.
    pub caption: Vec<String>,
    /// Colour of the frame, such as green for a right answer; none when `None`.
    pub frame: Option<Color>,
}

/// A sheet with an optional headline and rows of tiles.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    /// Drawn above the rows when not empty.
    pub headline: String,
    /// Side of the square that each picture is fitted into, pixels.
    pub tile_side: usize,
    /// Tiles from the top left; rows may differ in length.
    pub rows: Vec<Vec<Tile>>,
}

impl ContactSheet {
    /// Draws the sheet.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`](crate::ErrorKind::BadSize) when the sheet does not fit into memory.
    pub fn draw(&self) -> Result<Rgb, Error> {
        let side = self.tile_side.max(1);
        let cell = side.saturating_add(2 * FRAME + GAP);
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let heights: Vec<usize> = self.rows.iter().map(|row| row_height(row, side)).collect();
        let top = if self.headline.is_empty() {
            GAP
        } else {
            2 * GLYPH_HEIGHT + 2 * GAP
        };
        let width = columns
            .saturating_mul(cell)
            .saturating_add(GAP)
            .max(20 * GLYPH_WIDTH);
        let height = heights
            .iter()
            .fold(top, |sum, &height| sum.saturating_add(height));
        let mut sheet = Rgb::filled(width, height.max(1), PAPER)?;
        sheet.text(GAP as i64, GAP as i64, &self.headline, 2, INK);
        let mut y = top;
        for (row, height) in self.rows.iter().zip(heights) {
            for (column, tile) in row.iter().enumerate() {
                draw_tile(&mut sheet, tile, side, (GAP + column * cell, y))?;
            }
            y += height;
        }
        Ok(sheet)
    }
}

fn row_height(row: &[Tile], side: usize) -> usize {
    let lines = row.iter().map(|tile| tile.caption.len()).max().unwrap_or(0);
    let picture = row
        .iter()
        .map(|tile| shown_size(&tile.image, side).1)
        .max()
        .unwrap_or(0);
    picture + 2 * FRAME + lines * GLYPH_HEIGHT + GAP + 2
}

/// The size a picture takes inside a square of `side`.
fn shown_size(image: &Rgb, side: usize) -> (usize, usize) {
    let longest = image.width().max(image.height());
    if longest <= side {
        return (image.width(), image.height());
    }
    let scaled = |length: usize| ((length * side + longest / 2) / longest).max(1);
    (scaled(image.width()), scaled(image.height()))
}

fn draw_tile(
    sheet: &mut Rgb,
    tile: &Tile,
    side: usize,
    (x, y): (usize, usize),
) -> Result<(), Error> {
    let (width, height) = shown_size(&tile.image, side);
    let shown = tile.image.resized(width, height)?;
    let (left, top) = (x as i64, y as i64);
    if let Some(color) = tile.frame {
        sheet.fill_rectangle(left, top, width + 2 * FRAME, height + 2 * FRAME, color);
    }
    sheet.paste(&shown, left + FRAME as i64, top + FRAME as i64);
    let fits = (side + 2 * FRAME) / GLYPH_WIDTH;
    for (line, text) in tile.caption.iter().enumerate() {
        let baseline = y + height + 2 * FRAME + 2 + line * GLYPH_HEIGHT;
        sheet.text(left, baseline as i64, &shortened(text, fits), 1, INK);
    }
    Ok(())
}

/// Cuts the middle out of a text that is too long: both ends of a file name tell files apart.
fn shortened(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= most {
        return text.to_string();
    }
    let kept = most.saturating_sub(2);
    let head = kept.div_ceil(2);
    let tail = characters.len() - (kept - head);
    characters[..head]
        .iter()
        .chain(['.', '.'].iter())
        .chain(&characters[tail..])
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_in_rows_inside_their_frames() {
        let tile = |w, h, frame| Tile {
            image: Rgb::filled(w, h, [0, 0, 255]).unwrap(),
            caption: vec!["a caption that is too long for its tile".into()],
            frame,
        };
        let rows = vec![
            vec![tile(200, 100, Some([0, 200, 0])), tile(20, 30, None)],
            vec![],
        ];
        let sheet = ContactSheet {
            headline: "Results".into(),
            tile_side: 64,
            rows,
        };
        let drawn = sheet.draw().unwrap();
        let top = 2 * GLYPH_HEIGHT + 2 * GAP;
        assert_eq!(drawn.pixel(GAP, top), [0, 200, 0]);
        assert_eq!(drawn.pixel(GAP + FRAME, top + FRAME), [0, 0, 255]);
        assert_eq!(drawn.pixel(GAP + FRAME + 63, top + FRAME + 31), [0, 0, 255]);
        assert_eq!(drawn.width(), 2 * (64 + 2 * FRAME + GAP) + GAP);
        assert_eq!(drawn, sheet.draw().unwrap());
    }

    #[test]
    fn an_empty_sheet_is_still_an_image() {
        let sheet = ContactSheet {
            headline: String::new(),
            tile_side: 0,
            rows: vec![],
        };
        assert!(sheet.draw().is_ok());
    }

    #[test]
    fn long_captions_keep_both_ends() {
        assert_eq!(shortened("holiday-0001.jpg", 10), "holi...jpg");
        assert_eq!(shortened("short", 10), "short");
        assert_eq!(shortened("abc", 1), ".");
        assert_eq!(shortened("abc", 0), "");
    }
}
