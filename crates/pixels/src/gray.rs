//! Grey images of 8 bits: what detectors and descriptors look at.

use crate::error::{Error, ErrorKind};

/// A grey image, 8 bits a pixel, row after row without padding. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gray {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Gray {
    /// An image over `data`, which holds `width * height` values from the top left.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is zero or `data` has another length.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Gray, Error> {
        check_size(width, height, 1, data.len())?;
        Ok(Gray {
            width,
            height,
            data,
        })
    }

    /// The mirror image: left and right change over.
    #[must_use]
    pub fn mirrored(&self) -> Gray {
        let mut turned = self.clone();
        let rows = turned.data.chunks_exact_mut(self.width);
        rows.for_each(<[u8]>::reverse);
        turned
    }

    /// An image of one value.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is zero or the size does not fit into memory.
    pub fn filled(width: usize, height: usize, value: u8) -> Result<Gray, Error> {
        let bytes = byte_count(width, height, 1)?;
        Ok(Gray {
            width,
            height,
            data: vec![value; bytes],
        })
    }

    /// Width, pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, row after row: `width * height` of them.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The values again, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The buffer itself.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Row `y`, `width` values.
    ///
    /// # Panics
    /// When `y >= height`.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// The part of the rectangle that lies inside the image.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when no pixel does.
    pub fn crop(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Gray, Error> {
        let (width, height, data) = crop_rows(
            &self.data,
            (self.width, self.height),
            1,
            (x, y, width, height),
        )?;
        Ok(Gray {
            width,
            height,
            data,
        })
    }

    /// For callers whose sizes agree by construction.
    pub(crate) fn from_parts(width: usize, height: usize, data: Vec<u8>) -> Gray {
        debug_assert_eq!(width * height, data.len());
        Gray {
            width,
            height,
            data,
        }
    }
}

pub(crate) fn byte_count(width: usize, height: usize, channels: usize) -> Result<usize, Error> {
    let bad = |reason| ErrorKind::BadSize {
        width,
        height,
        reason,
    };
    if width == 0 || height == 0 {
        return Err(bad("both sides must be at least 1").into());
    }
    width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(channels))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
        .ok_or_else(|| bad("it does not fit into memory").into())
}

pub(crate) fn check_size(
    width: usize,
    height: usize,
    channels: usize,
    length: usize,
) -> Result<(), Error> {
    if byte_count(width, height, channels)? != length {
        let reason = "the data have another length";
        return Err(ErrorKind::BadSize {
            width,
            height,
            reason,
        }
        .into());
    }
    Ok(())
}

/// Copies the rows of a rectangle `(x, y, width, height)` clamped to the image.
pub(crate) fn crop_rows(
    data: &[u8],
    (image_width, image_height): (usize, usize),
    channels: usize,
    (x, y, width, height): (usize, usize, usize, usize),
) -> Result<(usize, usize, Vec<u8>), Error> {
    let right = x.saturating_add(width).min(image_width);
    let bottom = y.saturating_add(height).min(image_height);
    if x >= right || y >= bottom {
        let reason = "the crop lies outside the image";
        return Err(ErrorKind::BadSize {
            width,
            height,
            reason,
        }
        .into());
    }
    let stride = image_width * channels;
    let rows = data.chunks_exact(stride).skip(y).take(bottom - y);
    let cropped: Vec<u8> = rows
        .flat_map(|row| &row[x * channels..right * channels])
        .copied()
        .collect();
    Ok((right - x, bottom - y, cropped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_must_agree_with_the_data() {
        assert!(Gray::new(2, 3, vec![0; 6]).is_ok());
        assert!(Gray::new(2, 3, vec![0; 5]).is_err());
        assert!(Gray::new(0, 3, vec![]).is_err());
        assert!(Gray::new(usize::MAX, 2, vec![]).is_err());
        assert!(Gray::filled(usize::MAX, usize::MAX, 0).is_err());
    }

    #[test]
    fn a_crop_is_clamped_and_never_empty() {
        let image = Gray::new(4, 3, (0..12).collect()).unwrap();
        let crop = image.crop(2, 1, 10, usize::MAX).unwrap();
        assert_eq!((crop.width(), crop.height()), (2, 2));
        assert_eq!(crop.data(), [6, 7, 10, 11]);
        assert_eq!(crop.row(1), [10, 11]);
        assert!(image.crop(4, 0, 1, 1).is_err());
        assert!(image.crop(0, 0, 0, 1).is_err());
    }
}
