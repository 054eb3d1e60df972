//! A rectangle drawn in a picture.

use serde::Serialize;
use vizsla_pixels::Rgb;

use crate::Error;

/// A rectangle in pixels of the upright, full-resolution picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Region {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, positive.
    pub width: f64,
    /// Height, positive.
    pub height: f64,
}

impl Region {
    /// The part of a picture in it, on whole pixels.
    ///
    /// # Errors
    /// It lies outside of the picture.
    pub fn of(&self, picture: &Rgb) -> Result<Rgb, Error> {
        let (width, height) = (picture.width() as f64, picture.height() as f64);
        let (x, y) = (self.x.floor().max(0.0), self.y.floor().max(0.0));
        let right = (self.x + self.width).ceil().min(width);
        let bottom = (self.y + self.height).ceil().min(height);
        if right - x < 1.0 || bottom - y < 1.0 {
            return Err(Error::Query(format!(
                "the region lies outside the picture of {width} × {height} pixels"
            )));
        }
        let size = ((right - x) as usize, (bottom - y) as usize);
        Ok(picture.crop(x as usize, y as usize, size.0, size.1)?)
    }
}
