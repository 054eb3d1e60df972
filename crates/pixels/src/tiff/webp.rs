//! Strips and tiles that are WebP files of their own.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;

use crate::error::Error;

use super::part::Part;
use super::tags::TIFF;

/// The rows of a WebP of three or four samples a pixel.
pub(super) fn rows(stored: &[u8], samples: usize, part: Part) -> Result<Vec<u8>, Error> {
    let decoder = WebPDecoder::new(Cursor::new(stored)).map_err(corrupt)?;
    let (width, height) = decoder.dimensions();
    let channels = usize::from(decoder.color_type().channel_count());
    let fits = width as usize == part.width
        && (part.rows..=part.most_rows).contains(&(height as usize))
        && decoder.color_type().bytes_per_pixel() as usize == channels
        && channels.min(samples) >= 3;
    if !fits {
        let what = format!("a WebP of {width} x {height} pixels does not fit into its place");
        return Err(Error::corrupt(TIFF, what));
    }
    let mut rows = vec![0; width as usize * height as usize * channels];
    decoder.read_image(&mut rows).map_err(corrupt)?;
    if channels == samples {
        return Ok(rows);
    }
    // A picture without a hole is stored without alpha, whatever the tags say.
    let pixels = rows.chunks_exact(channels);
    let filled = |pixel: &[u8]| -> Vec<u8> {
        (0..samples)
            .map(|at| pixel.get(at).copied().unwrap_or(255))
            .collect()
    };
    Ok(pixels.flat_map(filled).collect())
}

fn corrupt(error: image::ImageError) -> Error {
    Error::corrupt(TIFF, error)
}
