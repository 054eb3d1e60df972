//! PNG, WebP, GIF, BMP and PNM, by the `image` crate's decoders.
//!
//! These files are decoded whole; only the first frame of an animation is looked at, however many
//! there are. Samples of 16 bits are rounded to 8, and alpha is composited over white, the paper that scans and screenshots with alpha are meant for.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, Cursor};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::error::{Error, ErrorKind};
use crate::format::Format;
use crate::gray::Gray;
use crate::layout::{Layout, Stored, Wanted};
use crate::over_white::over_white;
use crate::png;
use crate::rgb::{Rgb, luma};

pub(crate) fn decode<T: Layout>(
    bytes: &[u8],
    format: Format,
    wanted: &Wanted,
) -> Result<Stored<T>, Error> {
    let limits = &wanted.limits;
    let fail = |error| translate(error, format);
    if format == Format::Bmp {
        let (width, height) = bmp_size(bytes);
        limits.check_size(width, height)?;
    }
    let lean = match format {
        Format::Png => Cow::Owned(png::without_notes(bytes)),
        _ => Cow::Borrowed(bytes),
    };
    let reader = ImageReader::with_format(Cursor::new(&*lean), image_format(format));
    let mut decoder = reader.into_decoder().map_err(fail)?;
    let (full_width, full_height) = decoder.dimensions();
    let (width, height) = (u64::from(full_width), u64::from(full_height));
    let bytes_per_pixel = bytes_per_pixel(format, decoder.color_type());
    let grant = limits.admit(width, height, bytes_per_pixel)?;
    // Frames may claim to be larger than their picture: no decoder takes more than was granted.
    let mut library = image::Limits::no_limits();
    library.max_alloc = Some(width * height * bytes_per_pixel + SMALL);
    decoder.set_limits(library).map_err(fail)?;

    let image: T = convert(DynamicImage::from_decoder(decoder).map_err(fail)?)?;
    Ok(Stored {
        image: image.fitted(wanted)?,
        full_width,
        full_height,
        grant,
    })
}

/// Bytes that a decoder may take whatever the size of the picture.
const SMALL: u64 = 1 << 20;

/// Bytes of memory for each pixel at the highest: the decoder's result, what it holds inside, what is made from it
/// (8 bits a sample, then colours over white, then grey), and a copy when it is turned upright. `decode_memory.rs`
/// among the tests compares this with what is taken.
fn bytes_per_pixel(format: Format, colour: ColorType) -> u64 {
    let result = u64::from(colour.bytes_per_pixel());
    let inside = match format {
        // Planes of luma and colour, the frame of an animation and the canvas it is drawn on.
        Format::WebP => 10,
        // A frame that is smaller than the picture, and its indices.
        Format::Gif => 5,
        // Samples of 16 bits are read before they are put in order.
        Format::Pnm => result,
        _ => 1,
    };
    let narrowed = if result > u64::from(colour.channel_count()) {
        result / 2
    } else {
        0
    };
    result + inside + (narrowed + 4).max(6)
}

/// The sides in a BMP header, which the decoder refuses as damaged when they are large.
fn bmp_size(bytes: &[u8]) -> (u64, u64) {
    match bytes.get(14..26) {
        Some(&[12, 0, 0, 0, w0, w1, h0, h1, ..]) => (
            u16::from_le_bytes([w0, w1]).into(),
            u16::from_le_bytes([h0, h1]).into(),
        ),
        Some(&[_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3]) => {
            let side = |bytes| u64::from(i32::from_le_bytes(bytes).unsigned_abs());
            (side([w0, w1, w2, w3]), side([h0, h1, h2, h3]))
        }
        _ => (1, 1),
    }
}

fn image_format(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::WebP => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        Format::Bmp => ImageFormat::Bmp,
        Format::Tiff => ImageFormat::Tiff, // read by a module of its own
        Format::Pnm => ImageFormat::Pnm,
    }
}

fn translate(error: ImageError, format: Format) -> Error {
    if ends_early(&error) {
        return ErrorKind::Truncated(format.name()).into();
    }
    match error {
        ImageError::Limits(_) => {
            Error::unsupported(format.name(), "a part of it is larger than the picture")
        }
        ImageError::Unsupported(error) => Error::unsupported(format.name(), error),
        other => Error::corrupt(format.name(), other),
    }
}

/// Whether an end of file lies at the bottom of this error.
fn ends_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::UnexpectedEof
        {
            return true;
        }
        cause = error.source();
    }
    // The GIF decoder keeps its own kind of early end.
    error
        .to_string()
        .to_lowercase()
        .contains("unexpected end of file")
}

/// Composites over white and reduces to 8 bits, straight into the layout wanted.
fn convert<T: Layout>(image: DynamicImage) -> Result<T, Error> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    match image {
        DynamicImage::ImageLuma8(i) => Ok(T::from_gray(Gray::new(width, height, i.into_raw())?)),
        DynamicImage::ImageRgb8(i) => Ok(T::from_rgb(Rgb::new(width, height, i.into_raw())?)),
        DynamicImage::ImageLumaA8(i) => gray_over_white(width, height, &i.into_raw()),
        DynamicImage::ImageRgba8(i) => rgb_over_white(width, height, &i.into_raw()),
        DynamicImage::ImageLuma16(i) => Ok(T::from_gray(Gray::new(
            width,
            height,
            to_8_bits(&i.into_raw()),
        )?)),
        DynamicImage::ImageLumaA16(i) => gray_over_white(width, height, &to_8_bits(&i.into_raw())),
        DynamicImage::ImageRgb16(i) => Ok(T::from_rgb(Rgb::new(
            width,
            height,
            to_8_bits(&i.into_raw()),
        )?)),
        DynamicImage::ImageRgba16(i) => rgb_over_white(width, height, &to_8_bits(&i.into_raw())),
        other => Ok(T::from_rgb(Rgb::new(
            width,
            height,
            other.into_rgb8().into_raw(),
        )?)),
    }
}

fn to_8_bits(samples: &[u16]) -> Vec<u8> {
    samples
        .iter()
        .map(|&v| ((u32::from(v) + 128) / 257) as u8)
        .collect()
}

fn gray_over_white<T: Layout>(width: usize, height: usize, data: &[u8]) -> Result<T, Error> {
    let (pixels, _) = data.as_chunks::<2>();
    let data = pixels
        .iter()
        .map(|&[value, alpha]| over_white(value, alpha))
        .collect();
    Ok(T::from_gray(Gray::new(width, height, data)?))
}

fn rgb_over_white<T: Layout>(width: usize, height: usize, data: &[u8]) -> Result<T, Error> {
    let (pixels, _) = data.as_chunks::<4>();
    let opaque = pixels
        .iter()
        .map(|&[r, g, b, a]| [r, g, b].map(|value| over_white(value, a)));
    let data = if T::CHANNELS == 1 {
        opaque.map(luma).collect()
    } else {
        opaque.flatten().collect()
    };
    T::from_data(width, height, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_samples_are_rounded_not_cut() {
        assert_eq!(
            to_8_bits(&[0, 128, 129, 257, 65_535, 65_406]),
            [0, 0, 1, 1, 255, 254]
        );
    }
}
