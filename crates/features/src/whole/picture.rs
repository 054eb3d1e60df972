//! An image as the methods look at it: small, in colour and in grey.

use std::borrow::Cow;

use vizsla_pixels::{Gray, Rgb};

/// Longest side that is looked at, pixels. What a whole image is like shows at this size; details do not count.
pub(super) const LONGEST_SIDE: usize = 256;

/// A fitted image. Made once, whatever is described of it.
pub(super) struct Picture<'a> {
    pub rgb: Cow<'a, Rgb>,
    pub gray: Gray,
}

impl<'a> Picture<'a> {
    pub fn new(image: &'a Rgb) -> Self {
        let rgb = if image.width().max(image.height()) <= LONGEST_SIDE {
            Cow::Borrowed(image)
        } else {
            // Only sides above four billion are refused; such an image is looked at as it is.
            image
                .fit_within(LONGEST_SIDE)
                .map_or(Cow::Borrowed(image), Cow::Owned)
        };
        let gray = rgb.to_gray();
        Picture { rgb, gray }
    }
}

/// Grey values as floats, row after row, without padding.
pub(super) struct Values {
    pub width: usize,
    pub height: usize,
    pub data: Vec<f32>,
}

impl Values {
    /// The values of an image, continued by its border to at least `side` pixels either way, so that a neighbourhood
    /// of that size fits at least once.
    pub fn at_least(image: &Gray, side: usize) -> Self {
        let (width, height) = (image.width().max(side), image.height().max(side));
        let (left, top) = ((width - image.width()) / 2, (height - image.height()) / 2);
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = image.row(y.saturating_sub(top).min(image.height() - 1));
            let value = |x: usize| f32::from(row[x.saturating_sub(left).min(row.len() - 1)]);
            data.extend((0..width).map(value));
        }
        Values {
            width,
            height,
            data,
        }
    }

    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_fitted_and_small_ones_continued() {
        let image = Rgb::filled(10_000, 2, [9, 9, 9]).unwrap();
        let picture = Picture::new(&image);
        assert_eq!((picture.rgb.width(), picture.gray.height()), (256, 1));
        let small = Gray::new(2, 1, vec![10, 20]).unwrap();
        let values = Values::at_least(&small, 4);
        assert_eq!((values.width, values.height), (4, 4));
        assert_eq!(values.row(3), [10.0, 10.0, 20.0, 20.0]);
    }
}
