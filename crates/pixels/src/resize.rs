//! Resizing without aliasing.
//!
//! Shrinking weighs every source pixel by how much of it a target pixel sees (a convolution whose
//! support grows with the factor), because a detector would take aliased edges for structure. The
//! Hamming-windowed kernel keeps nearly the sharpness of a plain area average and does not suffer from
//! its steps at fractional factors. Enlarging is bilinear.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::error::{Error, ErrorKind};
use crate::gray::{Gray, byte_count};
use crate::rgb::Rgb;

/// The size that `width` x `height` takes when its longest side shall be at most `max_side`, aspect
/// kept, sides rounded and at least 1. Never enlarges.
pub fn fitted_size(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longest = width.max(height);
    let max_side = max_side.max(1);
    if longest <= max_side {
        return (width, height);
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(max_side) * 2 + u64::from(longest))
            / (u64::from(longest) * 2);
        (rounded as u32).max(1)
    };
    (scaled(width), scaled(height))
}

impl Gray {
    /// Resized to exactly `width` x `height`, area-correct when shrinking.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is zero or the size does not fit into memory.
    pub fn resized(&self, width: usize, height: usize) -> Result<Gray, Error> {
        let whole = (self.width() as f64, self.height() as f64);
        self.resized_from(whole, width, height)
    }

    /// Shrunk so that the longest side is at most `max_side`; a smaller image is returned as it is.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when the image is too large to resize (a side above `u32::MAX`).
    pub fn fit_within(&self, max_side: usize) -> Result<Gray, Error> {
        match fitted_usize(self.width(), self.height(), max_side)? {
            Some((width, height)) => self.resized(width, height),
            None => Ok(self.clone()),
        }
    }

    /// Resizes the top-left `source` part, whose sides may be fractional.
    pub(crate) fn resized_from(
        &self,
        source: (f64, f64),
        width: usize,
        height: usize,
    ) -> Result<Gray, Error> {
        let size = (self.width(), self.height());
        let data = resample::<U8>(self.data(), size, source, (width, height))?;
        Gray::new(width, height, data)
    }
}

impl Rgb {
    /// Resized to exactly `width` x `height`, area-correct when shrinking.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is zero or the size does not fit into memory.
    pub fn resized(&self, width: usize, height: usize) -> Result<Rgb, Error> {
        let whole = (self.width() as f64, self.height() as f64);
        self.resized_from(whole, width, height)
    }

    /// Shrunk so that the longest side is at most `max_side`; a smaller image is returned as it is.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when the image is too large to resize (a side above `u32::MAX`).
    pub fn fit_within(&self, max_side: usize) -> Result<Rgb, Error> {
        match fitted_usize(self.width(), self.height(), max_side)? {
            Some((width, height)) => self.resized(width, height),
            None => Ok(self.clone()),
        }
    }

    /// Resizes the top-left `source` part, whose sides may be fractional.
    pub(crate) fn resized_from(
        &self,
        source: (f64, f64),
        width: usize,
        height: usize,
    ) -> Result<Rgb, Error> {
        let size = (self.width(), self.height());
        let data = resample::<U8x3>(self.data(), size, source, (width, height))?;
        Rgb::new(width, height, data)
    }
}

/// The fitted size, or `None` when the image already fits.
fn fitted_usize(
    width: usize,
    height: usize,
    max_side: usize,
) -> Result<Option<(usize, usize)>, Error> {
    if width.max(height) <= max_side.max(1) {
        return Ok(None);
    }
    let max_side = u32::try_from(max_side).unwrap_or(u32::MAX);
    let (w, h) = fitted_size(
        side(width, width, height)?,
        side(height, width, height)?,
        max_side,
    );
    Ok(Some((w as usize, h as usize)))
}

fn side(value: usize, width: usize, height: usize) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| {
        ErrorKind::BadSize {
            width,
            height,
            reason: "a side is above 4,294,967,295",
        }
        .into()
    })
}

/// Resizes one layout. The layouts are named instead of left to the resizer's own dispatch, because
/// that would compile its kernels for all thirteen of its pixel types.
fn resample<P: PixelTrait>(
    data: &[u8],
    (from_width, from_height): (usize, usize),
    source: (f64, f64),
    (width, height): (usize, usize),
) -> Result<Vec<u8>, Error> {
    let bad = || ErrorKind::BadSize {
        width,
        height,
        reason: "the resizer refused it",
    };
    let from_size = (
        side(from_width, from_width, from_height)?,
        side(from_height, from_width, from_height)?,
    );
    let to_size = (side(width, width, height)?, side(height, width, height)?);
    let mut out = vec![0; byte_count(width, height, P::size())?];
    let from =
        TypedImageRef::<P>::from_buffer(from_size.0, from_size.1, data).map_err(|_| bad())?;
    let mut to = TypedImage::<P>::from_buffer(to_size.0, to_size.1, &mut out).map_err(|_| bad())?;
    let shrinks = width <= from_width && height <= from_height;
    let filter = if shrinks {
        FilterType::Hamming
    } else {
        FilterType::Bilinear
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(0.0, 0.0, source.0, source.1)
        .use_alpha(false);
    Resizer::new()
        .resize_typed(&from, &mut to, &options)
        .map_err(|_| bad())?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_keeps_the_aspect_and_never_enlarges() {
        assert_eq!(fitted_size(4000, 3000, 1000), (1000, 750));
        assert_eq!(fitted_size(3000, 4000, 1000), (750, 1000));
        assert_eq!(fitted_size(640, 480, 1000), (640, 480));
        assert_eq!(fitted_size(65_000, 1, 100), (100, 1));
        assert_eq!(fitted_size(u32::MAX, u32::MAX, 7), (7, 7));
        assert_eq!(fitted_size(10, 10, 0), (1, 1));
    }

    #[test]
    fn shrinking_averages_instead_of_picking() {
        // Stripes one pixel wide: picking pixels would leave black or white, averaging leaves grey.
        let stripes: Vec<u8> = (0..64 * 64)
            .map(|i| if i % 2 == 0 { 0 } else { 255 })
            .collect();
        let small = Gray::new(64, 64, stripes).unwrap().resized(16, 16).unwrap();
        assert!(
            small.data().iter().all(|&v| (120..136).contains(&v)),
            "{:?}",
            small.row(8)
        );
    }

    #[test]
    fn a_flat_image_stays_flat_at_any_size() {
        let image = Rgb::filled(37, 23, [10, 200, 255]).unwrap();
        for (w, h) in [(1, 1), (36, 23), (37, 22), (100, 50), (5, 90)] {
            let resized = image.resized(w, h).unwrap();
            assert!(
                resized.data().chunks(3).all(|p| p == [10, 200, 255]),
                "{w}x{h}"
            );
        }
        assert!(image.resized(0, 5).is_err());
        assert_eq!(image.fit_within(1000).unwrap(), image);
        assert_eq!(image.fit_within(10).unwrap().height(), 6);
    }
}
