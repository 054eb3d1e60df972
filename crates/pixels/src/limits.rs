//! Limits that are checked in a file's header, before memory is taken.
//!
//! A header of a few bytes can claim an image of 100,000 x 100,000 pixels; a decoder that believes it
//! takes 30 GB or dies trying. The header is therefore read alone, and the size it claims must pass
//! [`Limits::check`] first.

use crate::budget::{self, Grant};
use crate::error::{Error, ErrorKind};

/// How much a single image may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, bytes.
    pub max_file_bytes: u64,
    /// Longest side, pixels.
    pub max_side: u32,
    /// Largest number of pixels.
    pub max_pixels: u64,
    /// Most memory that decoding one image may take, bytes (an estimate from its header).
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    /// 256 MiB a file, 65,500 pixels a side, 200 megapixels, 2 GiB of memory.
    fn default() -> Limits {
        Limits {
            max_file_bytes: 256 << 20,
            max_side: 65_500,
            max_pixels: 200_000_000,
            max_memory_bytes: 2 << 30,
        }
    }
}

impl Limits {
    /// Passes when an image of this size, decoded at `bytes_per_pixel`, stays within the limits.
    pub(crate) fn check(&self, width: u64, height: u64, bytes_per_pixel: u64) -> Result<(), Error> {
        self.check_size(width, height)?;
        let bytes = width.saturating_mul(height).saturating_mul(bytes_per_pixel);
        at_most("the memory needed in bytes", bytes, self.max_memory_bytes)
    }

    /// Passes when an image of this size, decoded at `bytes_per_pixel`, stays within the limits, and waits until
    /// the process has so much memory for it.
    pub(crate) fn admit(
        &self,
        width: u64,
        height: u64,
        bytes_per_pixel: u64,
    ) -> Result<Grant, Error> {
        self.check_size(width, height)?;
        let pixels = width.saturating_mul(height);
        self.admit_bytes(pixels.saturating_mul(bytes_per_pixel))
    }

    /// Passes when decoding may take so much memory, and waits until the process has it.
    pub(crate) fn admit_bytes(&self, bytes: u64) -> Result<Grant, Error> {
        at_most("the memory needed in bytes", bytes, self.max_memory_bytes)?;
        budget::grant(bytes)
    }

    /// Passes when an image of this size may be decoded.
    pub(crate) fn check_size(&self, width: u64, height: u64) -> Result<(), Error> {
        if width == 0 || height == 0 {
            return Err(ErrorKind::BadSize {
                width: width as usize,
                height: height as usize,
                reason: "its header gives a side of zero",
            }
            .into());
        }
        let pixels = width.saturating_mul(height);
        at_most("the width in pixels", width, u64::from(self.max_side))?;
        at_most("the height in pixels", height, u64::from(self.max_side))?;
        at_most("the number of pixels", pixels, self.max_pixels)
    }

    /// Passes when a file of this length may be read.
    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), Error> {
        at_most("the file size in bytes", bytes, self.max_file_bytes)
    }
}

fn at_most(what: &'static str, value: u64, limit: u64) -> Result<(), Error> {
    if value > limit {
        return Err(ErrorKind::TooLarge { what, value, limit }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_header_is_refused_for_the_quantity_that_is_too_large() {
        let limits = Limits::default();
        let what = |w, h, b| match limits.admit(w, h, b).err().unwrap().kind() {
            ErrorKind::TooLarge { what, .. } => *what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what(100_000, 100_000, 1), "the width in pixels");
        assert_eq!(what(1, 100_000, 1), "the height in pixels");
        assert_eq!(what(60_000, 60_000, 1), "the number of pixels");
        assert_eq!(what(14_000, 14_000, 16), "the memory needed in bytes");
        assert!(limits.admit(14_000, 14_000, 3).is_ok());
        assert!(limits.admit(u64::MAX, u64::MAX, u64::MAX).is_err());
        assert!(limits.admit(0, 5, 1).is_err());
    }
}
