//! Resizing without aliasing.
//!
//! Shrinking weighs every source pixel by how much of it a target pixel sees (a separable convolution
//! whose support grows with the factor), because a detector would take aliased edges for structure.
//! The Hamming-windowed kernel keeps nearly the sharpness of a plain area average and does not suffer
//! from its steps at fractional factors. Enlarging is bilinear.
//!
//! The columns are convolved first: that pass is a weighted sum of whole rows, which vectorises by
//! itself, and it leaves fewer rows for the other pass. A resizing crate with hand-written kernels was
//! tried: decoding takes ten times as long as this either way, and its kernels were two thirds of this
//! crate's object code.

use std::f64::consts::PI;

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
        let size = (self.width(), self.height());
        Gray::new(
            width,
            height,
            resample::<1>(self.data(), size, (width, height))?,
        )
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
}

impl Rgb {
    /// Resized to exactly `width` x `height`, area-correct when shrinking.
    ///
    /// # Errors
    /// [`ErrorKind::BadSize`] when a side is zero or the size does not fit into memory.
    pub fn resized(&self, width: usize, height: usize) -> Result<Rgb, Error> {
        let size = (self.width(), self.height());
        Rgb::new(
            width,
            height,
            resample::<3>(self.data(), size, (width, height))?,
        )
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
    let side = |value: usize| {
        u32::try_from(value).map_err(|_| {
            let reason = "a side is above 4,294,967,295";
            Error::from(ErrorKind::BadSize {
                width,
                height,
                reason,
            })
        })
    };
    let max_side = u32::try_from(max_side).unwrap_or(u32::MAX);
    let (w, h) = fitted_size(side(width)?, side(height)?, max_side);
    Ok(Some((w as usize, h as usize)))
}

/// The source samples that one target sample sees, with weights of sum 1.
struct Window {
    start: usize,
    weights: Vec<f32>,
}

/// Windows of all `to` target samples over `from` source samples.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let factor = from as f64 / to as f64;
    let spread = factor.max(1.0);
    let kernel = if factor > 1.0 { hamming } else { triangle };
    let window = |target: usize| {
        let centre = (target as f64 + 0.5) * factor - 0.5;
        let first = (centre - spread).ceil().max(0.0) as usize;
        let last = ((centre + spread).floor().max(0.0) as usize).min(from - 1);
        let start = first.min(last);
        let raw: Vec<f64> = (start..=last)
            .map(|source| kernel((source as f64 - centre) / spread))
            .collect();
        let sum: f64 = raw.iter().sum();
        if sum <= 0.0 {
            // Only by rounding at the very border: take the nearest sample.
            return Window {
                start: last,
                weights: vec![1.0],
            };
        }
        Window {
            start,
            weights: raw
                .into_iter()
                .map(|weight| (weight / sum) as f32)
                .collect(),
        }
    };
    (0..to).map(window).collect()
}

/// A sinc under a Hamming window, zero from a distance of 1.
fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x >= 1.0 {
        return 0.0;
    }
    let sinc = if x < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    };
    sinc * (0.54 + 0.46 * (PI * x).cos())
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Resizes `N` interleaved channels.
fn resample<const N: usize>(
    data: &[u8],
    (from_width, from_height): (usize, usize),
    (width, height): (usize, usize),
) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; byte_count(width, height, N)?];
    if (width, height) == (from_width, from_height) {
        out.copy_from_slice(data);
        return Ok(out);
    }
    let columns = windows(from_width, width);
    let rows = windows(from_height, height);
    let stride = N * from_width;
    let mut sums = vec![0.0f32; stride];
    for (window, target) in rows.iter().zip(out.chunks_exact_mut(N * width)) {
        sums.fill(0.0);
        for (k, &weight) in window.weights.iter().enumerate() {
            let row = &data[(window.start + k) * stride..][..stride];
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * f32::from(value);
            }
        }
        let (pixels, _) = sums.as_chunks::<N>();
        let (targets, _) = target.as_chunks_mut::<N>();
        for (window, pixel) in columns.iter().zip(targets) {
            let mut total = [0.5f32; N];
            for (&weight, value) in window.weights.iter().zip(&pixels[window.start..]) {
                for channel in 0..N {
                    total[channel] += weight * value[channel];
                }
            }
            // Half was added above; `as` saturates.
            *pixel = total.map(|value| value as u8);
        }
    }
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
