//! Grey, colour and both, which decoders make by one path.

use crate::budget::Grant;
use crate::error::Error;
use crate::gray::Gray;
use crate::limits::Limits;
use crate::options::DecodeOptions;
use crate::orientation::upright;
use crate::resize::fitted_size;
use crate::rgb::Rgb;

/// One picture as grey and in colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// As [`decode_gray`](crate::decode_gray) gives it.
    pub gray: Gray,
    /// As [`decode_rgb`](crate::decode_rgb) gives it.
    pub rgb: Rgb,
}

/// What a decoder is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) limits: Limits,
    /// Longest side of what is grey.
    pub(crate) gray_fit: Option<u32>,
    /// Longest side of what has colours.
    pub(crate) colour_fit: Option<u32>,
}

impl Wanted {
    pub(crate) fn of(options: &DecodeOptions) -> Wanted {
        Wanted {
            limits: options.limits,
            gray_fit: options.fit,
            colour_fit: options.fit,
        }
    }
}

/// What the layouts have in common, so that one path decodes all.
pub(crate) trait Layout: Sized {
    /// Bytes a pixel of what is decoded.
    const CHANNELS: usize;
    /// Whether luma is wanted beside the colours.
    const LUMA_TOO: bool = false;
    fn from_data(width: usize, height: usize, data: Vec<u8>) -> Result<Self, Error>;
    fn from_rgb(image: Rgb) -> Self;
    fn from_gray(image: Gray) -> Self;
    /// From a picture whose luma is not made of its colours.
    fn from_colour_and_luma(image: Rgb, luma: Gray) -> Self;
    /// At the size that is wanted.
    fn fitted(self, wanted: &Wanted) -> Result<Self, Error>;
    fn turned(self, orientation: u8) -> Result<Self, Error>;
}

macro_rules! layout {
    ($image:ident, $channels:literal, $from_rgb:expr, $from_gray:expr, $from_both:expr, $fit:ident) => {
        impl Layout for $image {
            const CHANNELS: usize = $channels;
            fn from_data(width: usize, height: usize, data: Vec<u8>) -> Result<Self, Error> {
                $image::new(width, height, data)
            }
            fn from_rgb(image: Rgb) -> Self {
                $from_rgb(image)
            }
            fn from_gray(image: Gray) -> Self {
                $from_gray(image)
            }
            fn from_colour_and_luma(image: Rgb, luma: Gray) -> Self {
                $from_both(image, luma)
            }
            fn fitted(self, wanted: &Wanted) -> Result<Self, Error> {
                let full = (self.width() as u32, self.height() as u32);
                let side = wanted.$fit.unwrap_or(u32::MAX);
                match fitted_size(full.0, full.1, side) {
                    fitted if fitted == full => Ok(self),
                    (width, height) => self.resized(width as usize, height as usize),
                }
            }
            fn turned(self, orientation: u8) -> Result<Self, Error> {
                let (width, height) = (self.width(), self.height());
                let (w, h, data) =
                    upright::<$channels>(width, height, self.into_data(), orientation);
                $image::new(w, h, data)
            }
        }
    };
}

// Alone on its thread: whoever holds memory of the budget must not take up other work meanwhile, which may wait for it.
layout!(
    Gray,
    1,
    |image: Rgb| image.to_gray_alone(),
    |image: Gray| image,
    |_, luma: Gray| luma,
    gray_fit
);
layout!(
    Rgb,
    3,
    |image: Rgb| image,
    |image: Gray| image.to_rgb(),
    |image: Rgb, _| image,
    colour_fit
);

impl Layout for Both {
    const CHANNELS: usize = 3;
    const LUMA_TOO: bool = true;
    fn from_data(width: usize, height: usize, data: Vec<u8>) -> Result<Self, Error> {
        Ok(Self::from_rgb(Rgb::new(width, height, data)?))
    }
    fn from_rgb(rgb: Rgb) -> Self {
        Both {
            gray: rgb.to_gray_alone(),
            rgb,
        }
    }
    fn from_gray(gray: Gray) -> Self {
        Both {
            rgb: gray.to_rgb(),
            gray,
        }
    }
    fn from_colour_and_luma(rgb: Rgb, gray: Gray) -> Self {
        Both { gray, rgb }
    }
    fn fitted(self, wanted: &Wanted) -> Result<Self, Error> {
        Ok(Both {
            gray: self.gray.fitted(wanted)?,
            rgb: self.rgb.fitted(wanted)?,
        })
    }
    fn turned(self, orientation: u8) -> Result<Self, Error> {
        Ok(Both {
            gray: self.gray.turned(orientation)?,
            rgb: self.rgb.turned(orientation)?,
        })
    }
}

/// An image as it lies in the file, before it is turned upright, at the size asked for.
pub(crate) struct Stored<T> {
    pub(crate) image: T,
    pub(crate) full_width: u32,
    pub(crate) full_height: u32,
    /// The memory that was taken for it, given back when the image has its final size and lies upright.
    pub(crate) grant: Grant,
}
