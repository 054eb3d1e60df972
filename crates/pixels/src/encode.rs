//! Writing images: PNG for drawings, JPEG for photographs.
//!
//! Files appear whole or not at all.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::error::{Error, ErrorKind};
use crate::files;
use crate::gray::Gray;
use crate::rgb::Rgb;

impl Rgb {
    /// The image as a PNG file's bytes.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is above `u32::MAX`.
    pub fn encode_png(&self) -> Result<Vec<u8>, Error> {
        png(
            self.data(),
            self.width(),
            self.height(),
            ExtendedColorType::Rgb8,
        )
    }

    /// The image as a baseline JPEG file's bytes; `quality` 1..=100 as in libjpeg.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is above 65,535.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>, Error> {
        let (width, height) = sides(self.width(), self.height())?;
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
            .write_image(self.data(), width, height, ExtendedColorType::Rgb8)
            .map_err(|_| refused(self.width(), self.height()))?;
        Ok(bytes)
    }

    /// Writes a PNG file, replacing what is there in one step.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] with the path.
    pub fn save_png(&self, path: &Path) -> Result<(), Error> {
        self.encode_png()
            .and_then(|bytes| files::replace(path, &bytes))
            .map_err(|error| error.at(path))
    }

    /// Writes a JPEG file, replacing what is there in one step; `quality` 1..=100.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] with the path.
    pub fn save_jpeg(&self, path: &Path, quality: u8) -> Result<(), Error> {
        self.encode_jpeg(quality)
            .and_then(|bytes| files::replace(path, &bytes))
            .map_err(|error| error.at(path))
    }
}

impl Gray {
    /// The image as a PNG file's bytes.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is above `u32::MAX`.
    pub fn encode_png(&self) -> Result<Vec<u8>, Error> {
        png(
            self.data(),
            self.width(),
            self.height(),
            ExtendedColorType::L8,
        )
    }
}

fn png(data: &[u8], w: usize, h: usize, color: ExtendedColorType) -> Result<Vec<u8>, Error> {
    let (width, height) = sides(w, h)?;
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(data, width, height, color)
        .map_err(|_| refused(w, h))?;
    Ok(bytes)
}

fn sides(width: usize, height: usize) -> Result<(u32, u32), Error> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) => Ok((w, h)),
        _ => Err(refused(width, height)),
    }
}

fn refused(width: usize, height: usize) -> Error {
    ErrorKind::BadSize {
        width,
        height,
        reason: "the format cannot hold this size",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::read_rgb;
    use crate::options::DecodeOptions;

    #[test]
    fn what_is_saved_is_read_again() {
        let data = (0..3 * 40 * 30).map(|i| (i % 251) as u8).collect();
        let image = Rgb::new(40, 30, data).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.png");
        for _ in 0..2 {
            image.save_png(&path).unwrap();
            assert_eq!(
                read_rgb(&path, &DecodeOptions::default()).unwrap().image,
                image
            );
        }
        let path = directory.path().join("b.jpg");
        image.save_jpeg(&path, 95).unwrap();
        assert_eq!(
            read_rgb(&path, &DecodeOptions::default())
                .unwrap()
                .image
                .width(),
            40
        );
        assert_eq!(
            fs_err::read_dir(directory.path()).unwrap().count(),
            2,
            "no partial files"
        );
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named_last() {
        let image = Rgb::filled(2, 2, [0; 3]).unwrap();
        let error = image.save_png(Path::new("/nonexistent/a.png")).unwrap_err();
        assert!(error.to_string().ends_with("/nonexistent/a.png"), "{error}");
        assert!(image.encode_jpeg(0).is_ok());
        let wide = Rgb::filled(70_000, 1, [0; 3]).unwrap();
        assert!(wide.encode_jpeg(80).is_err());
    }
}
