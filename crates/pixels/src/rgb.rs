//! Colour images of 8 bits a channel: what people look at.

use rayon::prelude::*;

use crate::error::Error;
use crate::gray::{Gray, byte_count, check_size, crop_rows};

/// An sRGB image, 8 bits a channel, red, green, blue interleaved, rows without padding. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Rgb {
    /// An image over `data`, which holds `3 * width * height` values from the top left.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`](crate::ErrorKind::BadSize) when a side is zero or `data` has another
    /// length.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Rgb, Error> {
        check_size(width, height, 3, data.len())?;
        Ok(Rgb {
            width,
            height,
            data,
        })
    }

    /// The mirror image: left and right change over.
    #[must_use]
    pub fn mirrored(&self) -> Rgb {
        let mut turned = self.clone();
        for row in turned.data.chunks_exact_mut(3 * self.width) {
            row.as_chunks_mut::<3>().0.reverse();
        }
        turned
    }

    /// An image of one colour.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`](crate::ErrorKind::BadSize) when a side is zero or the size does not fit
    /// into memory.
    pub fn filled(width: usize, height: usize, color: [u8; 3]) -> Result<Rgb, Error> {
        let bytes = byte_count(width, height, 3)?;
        let mut data = vec![0; bytes];
        data.chunks_exact_mut(3)
            .for_each(|pixel| pixel.copy_from_slice(&color));
        Ok(Rgb {
            width,
            height,
            data,
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

    /// All values, row after row: `3 * width * height` of them.
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

    /// Row `y`, `3 * width` values.
    ///
    /// # Panics
    /// When `y >= height`.
    pub fn row(&self, y: usize) -> &[u8] {
        let stride = self.width * 3;
        &self.data[y * stride..(y + 1) * stride]
    }

    /// The colour at (x, y).
    ///
    /// # Panics
    /// When the position lies outside the image.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let row = self.row(y);
        [row[3 * x], row[3 * x + 1], row[3 * x + 2]]
    }

    /// Luma by ITU-R BT.601, equal to OpenCV's `cvtColor(RGB2GRAY)` to the bit.
    pub fn to_gray(&self) -> Gray {
        let mut data = vec![0; self.width * self.height];
        data.par_chunks_mut(self.width)
            .zip(self.data.par_chunks(3 * self.width))
            .for_each(|(gray, rgb)| lumas(rgb, gray));
        Gray::from_parts(self.width, self.height, data)
    }

    /// As [`Rgb::to_gray`], on this thread alone.
    pub(crate) fn to_gray_alone(&self) -> Gray {
        let mut data = vec![0; self.width * self.height];
        lumas(&self.data, &mut data);
        Gray::from_parts(self.width, self.height, data)
    }

    /// The part of the rectangle that lies inside the image.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`](crate::ErrorKind::BadSize) when no pixel does.
    pub fn crop(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Rgb, Error> {
        let (width, height, data) = crop_rows(
            &self.data,
            (self.width, self.height),
            3,
            (x, y, width, height),
        )?;
        Ok(Rgb {
            width,
            height,
            data,
        })
    }

    /// For callers whose sizes agree by construction.
    pub(crate) fn from_parts(width: usize, height: usize, data: Vec<u8>) -> Rgb {
        debug_assert_eq!(3 * width * height, data.len());
        Rgb {
            width,
            height,
            data,
        }
    }
}

impl Gray {
    /// The same image with three equal channels.
    pub fn to_rgb(&self) -> Rgb {
        let data = self.data().iter().flat_map(|&v| [v, v, v]).collect();
        Rgb::from_parts(self.width(), self.height(), data)
    }
}

fn lumas(rgb: &[u8], gray: &mut [u8]) {
    for (value, pixel) in gray.iter_mut().zip(rgb.chunks_exact(3)) {
        *value = luma([pixel[0], pixel[1], pixel[2]]);
    }
}

/// 0.299 R + 0.587 G + 0.114 B in 15-bit fixed point, rounded: OpenCV's coefficients.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((9_798 * u32::from(r) + 19_235 * u32::from(g) + 3_735 * u32::from(b) + (1 << 14)) >> 15) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_of_the_corners_of_the_colour_cube() {
        // OpenCV 5.0, cvtColor(RGB2GRAY).
        assert_eq!(luma([255, 0, 0]), 76);
        assert_eq!(luma([0, 255, 0]), 150);
        assert_eq!(luma([0, 0, 255]), 29);
        assert_eq!(luma([255, 255, 255]), 255);
        assert_eq!(luma([12, 200, 77]), 130);
    }

    #[test]
    fn left_and_right_change_over() {
        let pixel = |v: u8| [v, v + 10, v + 20];
        let image =
            |values: [u8; 6]| Rgb::new(3, 2, values.into_iter().flat_map(pixel).collect()).unwrap();
        let (given, turned) = (image([1, 2, 3, 4, 5, 6]), image([3, 2, 1, 6, 5, 4]));
        assert_eq!(given.mirrored(), turned);
        assert_eq!(given.to_gray().mirrored(), turned.to_gray());
        assert_eq!(turned.mirrored(), given);
    }

    #[test]
    fn rgb_and_gray_agree_in_shape() {
        let image = Rgb::new(2, 1, vec![1, 2, 3, 250, 250, 250]).unwrap();
        assert_eq!(image.to_gray().data(), [2, 250]);
        assert_eq!(image.pixel(1, 0), [250, 250, 250]);
        assert_eq!(image.to_gray().to_rgb().pixel(0, 0), [2, 2, 2]);
        assert!(Rgb::new(2, 1, vec![0; 5]).is_err());
        assert_eq!(image.crop(1, 0, 9, 9).unwrap().data(), [250, 250, 250]);
    }
}
