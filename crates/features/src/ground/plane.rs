//! A little picture as lightness and chroma.

use vizsla_pixels::Rgb;

use super::thresholds::CELL;
use crate::whole::lab;

/// A picture in CIE L*a*b*.
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    /// L*, 0 to 100, row after row.
    pub lightness: Vec<f32>,
    /// a* and b*.
    chroma: Vec<[f32; 2]>,
}

impl Plane {
    pub(super) fn of(picture: &Rgb) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let (pixels, _) = picture.data().as_chunks::<3>();
        Self::new(width, height, pixels.iter().copied())
    }

    /// Of pixels, row after row.
    pub(super) fn new(width: usize, height: usize, pixels: impl Iterator<Item = [u8; 3]>) -> Self {
        let mut plane = Self {
            width,
            height,
            lightness: Vec::with_capacity(width * height),
            chroma: Vec::with_capacity(width * height),
        };
        for pixel in pixels {
            let [l, a, b] = lab(pixel);
            plane.lightness.push(l);
            plane.chroma.push([a, b]);
        }
        plane
    }

    /// Mean a* and b* of the cell at a place.
    pub(super) fn chroma(&self, x: usize, y: usize) -> [f32; 2] {
        let mut sum = [0.0; 2];
        for row in y..y + CELL {
            let at = row * self.width + x;
            for [a, b] in &self.chroma[at..at + CELL] {
                sum[0] += a;
                sum[1] += b;
            }
        }
        sum.map(|s| s / (CELL * CELL) as f32)
    }
}
