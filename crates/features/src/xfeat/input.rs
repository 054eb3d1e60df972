//! The picture that the network sees.

use vizsla_pixels::Gray;

use crate::extractor::ExtractError;

/// Sides of the network's picture are multiples of this.
const STEP: usize = 32;
/// Most pixels of it, so that the network's memory is bounded: XFeat makes 69 numbers for each, 1.2 GB if none were freed.
const MOST: usize = 1 << 22;

/// A grey picture whose sides are multiples of 32.
#[derive(Clone, Debug, PartialEq)]
pub struct XfeatInput {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Grey values, `[0, 1]`, row by row. A network that takes colours is given them three times.
    pub data: Vec<f32>,
}

impl XfeatInput {
    /// The image with its sides cut down to multiples of 32, by bilinear interpolation as the authors do; a smaller side is
    /// enlarged to 32. Images of more than 4 million pixels are shrunk to that first. `None` where all pixels are the same.
    ///
    /// # Errors
    /// The image cannot be resized.
    pub fn of(image: &Gray) -> Result<Option<Self>, ExtractError> {
        let mut values = image.data().iter();
        let first = values.next();
        if values.all(|value| Some(value) == first) {
            return Ok(None);
        }
        let shrunk;
        let (width, height) = (image.width(), image.height());
        let image = match bounded(width, height) {
            (w, h) if (w, h) != (width, height) => {
                shrunk = image.resized(w, h).map_err(ExtractError::new)?;
                &shrunk
            }
            _ => image,
        };
        let side = |side: usize| (side / STEP * STEP).max(STEP);
        let (width, height) = (side(image.width()), side(image.height()));
        Ok(Some(Self {
            data: bilinear(image, width, height),
            width,
            height,
        }))
    }
}

/// The size at which an image is looked at: with no more pixels than there may be, and no side shorter than 1.
fn bounded(width: usize, height: usize) -> (usize, usize) {
    // A side below 32 is enlarged to it.
    let (wide, high) = (width.max(STEP), height.max(STEP));
    let pixels = wide as f64 * high as f64;
    if pixels <= MOST as f64 {
        return (width, height);
    }
    let mut share = (MOST as f64 / pixels).sqrt();
    if wide.min(high) as f64 * share < STEP as f64 {
        share = (MOST / STEP) as f64 / wide.max(high) as f64;
    }
    let shrunk = |side: usize| ((side as f64 * share) as usize).max(1);
    (shrunk(width), shrunk(height))
}

/// The image in another size, values `[0, 1]`, each read at its place from the four pixels around it.
fn bilinear(image: &Gray, width: usize, height: usize) -> Vec<f32> {
    let across = steps(image.width(), width);
    let mut data = Vec::with_capacity(width * height);
    for (above, below, down) in steps(image.height(), height) {
        let (above, below) = (image.row(above), image.row(below));
        for &(left, right, along) in &across {
            let value = |row: &[u8]| {
                let (a, b) = (f32::from(row[left]), f32::from(row[right]));
                (1.0 - along) * a + along * b
            };
            let value = (1.0 - down) * value(above) + down * value(below);
            data.push(value / 255.0);
        }
    }
    data
}

/// For each of `to` places on a line of `from` pixels: the pixel before it, the one after it, and the share of the latter.
fn steps(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let scale = from as f32 / to as f32;
    let step = |place: usize| {
        let at = (scale * (place as f32 + 0.5) - 0.5).max(0.0);
        let before = (at as usize).min(from - 1);
        let after = (before + 1).min(from - 1);
        (before, after, (at - before as f32).clamp(0.0, 1.0))
    };
    (0..to).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_multiples_of_32_and_pixels_are_bounded() {
        for (width, height) in [
            (1, 1),
            (1, 10_000),
            (10_000, 1),
            (31, 33),
            (800, 640),
            (3000, 2000),
            (60_000, 100),
            (2, 400_000),
        ] {
            let mut image = Gray::filled(width, height, 7).unwrap();
            assert_eq!(XfeatInput::of(&image).unwrap(), None);
            image.data_mut()[0] = 200;
            let found = XfeatInput::of(&image).unwrap();
            let Some(input) = found else {
                assert_eq!((width, height), (1, 1));
                continue;
            };
            assert_eq!((input.width % 32, input.height % 32), (0, 0));
            assert!(input.width * input.height <= MOST, "{width} x {height}");
            assert_eq!(input.data.len(), input.width * input.height);
            assert!(input.data.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn a_picture_of_fitting_sides_stays_as_it_is() {
        let data: Vec<u8> = (0..64 * 32).map(|i| (i * 7 % 256) as u8).collect();
        let image = Gray::new(64, 32, data.clone()).unwrap();
        let input = XfeatInput::of(&image).unwrap().unwrap();
        for (value, byte) in input.data.iter().zip(data) {
            assert_eq!(*value, f32::from(byte) / 255.0);
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let data: Vec<u8> = (0..40 * 50).map(|i| (i % 40) as u8).collect();
        let input = XfeatInput::of(&Gray::new(40, 50, data).unwrap());
        let input = input.unwrap().unwrap();
        assert_eq!((input.width, input.height), (32, 32));
        for (x, value) in input.data[..32].iter().enumerate() {
            let wanted = (x as f32 + 0.5) * 1.25 - 0.5;
            assert!((255.0 * value - wanted).abs() < 1e-4, "{x}: {value}");
        }
    }
}
