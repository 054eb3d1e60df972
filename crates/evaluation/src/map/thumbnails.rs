//! Small pictures on sheets: one JPEG for 256 of them decodes faster and is smaller than 256 files.
//!
//! A page must stay of a size that a browser opens gladly, so the side of the thumbnails falls with their number.

use rayon::prelude::*;
use vizsla_pixels::Rgb;

use crate::error::Error;

/// Thumbnails in a row of a sheet, and rows.
pub(super) const COLUMNS: usize = 16;
/// What all thumbnails may take, in bytes of JPEG; a third more as text.
const BUDGET: f64 = 24e6;
/// Bytes that a pixel takes at [`QUALITY`], photographs with much texture.
const BYTES_A_PIXEL: f64 = 0.4;
const QUALITY: u8 = 78;
const SIDES: [u32; 8] = [160, 128, 112, 96, 80, 64, 48, 32];
/// Behind pictures that are not square; never seen.
const EMPTY: [u8; 3] = [128; 3];

/// The side of the thumbnails of so many pictures, in pixels: the largest with which a page stays below 40 MB or so.
/// `None` when even the smallest would not.
pub fn thumbnail_side(count: usize) -> Option<u32> {
    let bytes = |side: u32| count as f64 * f64::from(side * side) * BYTES_A_PIXEL;
    SIDES.into_iter().find(|&side| bytes(side) <= BUDGET)
}

/// Thumbnails of the pictures of a map, in their order.
#[derive(Debug, Clone, Default)]
pub struct Thumbnails {
    pub(super) side: u32,
    /// JPEG files of 16 × 16 thumbnails each, row by row.
    pub(super) sheets: Vec<Vec<u8>>,
    /// Width and height of each; 0 × 0 where there is none.
    pub(super) sizes: Vec<[u32; 2]>,
}

impl Thumbnails {
    /// Thumbnails of `count` pictures: `read` gives the n-th one, best already shrunk to about the given side, or
    /// `None` when it cannot be read. Pictures are read on all threads. Without a side ([`thumbnail_side`]) there are
    /// none.
    ///
    /// # Errors
    /// There is no memory for a sheet.
    pub fn make(
        count: usize,
        side: Option<u32>,
        read: &(dyn Fn(usize, u32) -> Option<Rgb> + Sync),
    ) -> Result<Self, Error> {
        let Some(side) = side else {
            return Ok(Self::default());
        };
        let of_sheet = COLUMNS * COLUMNS;
        let made = (0..count.div_ceil(of_sheet))
            .into_par_iter()
            .map(|sheet| {
                let first = sheet * of_sheet;
                draw_sheet(first..count.min(first + of_sheet), side, read)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut thumbnails = Self {
            side,
            ..Self::default()
        };
        for (sheet, sizes) in made {
            thumbnails.sheets.push(sheet);
            thumbnails.sizes.extend(sizes);
        }
        Ok(thumbnails)
    }

    /// Longest side of a thumbnail in pixels; 0 when there are none.
    pub fn side(&self) -> u32 {
        self.side
    }

    /// How many pictures could not be read.
    pub fn missing(&self) -> usize {
        self.sizes.iter().filter(|size| size[0] == 0).count()
    }
}

fn draw_sheet(
    numbers: std::ops::Range<usize>,
    side: u32,
    read: &(dyn Fn(usize, u32) -> Option<Rgb> + Sync),
) -> Result<(Vec<u8>, Vec<[u32; 2]>), Error> {
    let cell = side as usize;
    let rows = numbers.len().div_ceil(COLUMNS);
    let mut sheet = Rgb::filled(COLUMNS * cell, rows * cell, EMPTY)?;
    let mut sizes = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.enumerate() {
        let Some(picture) = read(number, side) else {
            sizes.push([0; 2]);
            continue;
        };
        let small = picture.fit_within(cell)?;
        let (x, y) = (place % COLUMNS * cell, place / COLUMNS * cell);
        sheet.paste(&small, x as i64, y as i64);
        sizes.push([small.width() as u32, small.height() as u32]);
    }
    Ok((sheet.encode_jpeg(QUALITY)?, sizes))
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::{DecodeOptions, decode_rgb};

    use super::*;

    #[test]
    fn thumbnails_shrink_with_their_number() {
        assert_eq!(thumbnail_side(100), Some(160));
        assert_eq!(thumbnail_side(2700), Some(128));
        assert_eq!(thumbnail_side(10_000), Some(64));
        assert_eq!(thumbnail_side(1_000_000), None);
        let bytes =
            |count: usize| thumbnail_side(count).map(|s| count as u64 * u64::from(s * s) * 2 / 5);
        assert!(
            (1..58_000)
                .step_by(97)
                .all(|n| bytes(n).is_some_and(|b| b <= 24_000_000))
        );
    }

    #[test]
    fn sheets_hold_pictures_in_order() {
        let read = |n: usize, side: u32| match n {
            3 => None,
            _ => Some(
                Rgb::filled(2 * side as usize, side as usize, [n as u8, 0, 200]).expect("small"),
            ),
        };
        let made = Thumbnails::make(300, Some(32), &read).expect("small sheets");
        assert_eq!(
            (made.sheets.len(), made.sizes.len(), made.missing()),
            (2, 300, 1)
        );
        assert_eq!((made.sizes[0], made.sizes[3]), ([32, 16], [0, 0]));
        let second = decode_rgb(&made.sheets[1], &DecodeOptions::default())
            .expect("a JPEG")
            .image;
        // number 299 is place 43: row 2, column 11
        assert_eq!((second.width(), second.height()), (512, 96));
        let [red, _, blue] = second.pixel(11 * 32 + 16, 2 * 32 + 8);
        assert!(
            red.abs_diff(299u16 as u8) < 12 && blue > 180,
            "{red} {blue}"
        );
        assert_eq!(Thumbnails::make(5, None, &read).expect("none").side(), 0);
    }
}
