//! Perceptual hashes: a few dozen bits that stay when an image is scaled, recompressed or slightly recoloured, so that
//! they find copies and not likenesses.
//!
//! Average, difference (Krawetz, "Looks like it" and "Kind of like that", 2011 and 2013), DCT (Zauner, "Implementation
//! and benchmarking of perceptual image hash functions", 2010) and wavelet hashes, bit for bit those of the Python
//! package `ImageHash` for images of at most 256 pixels a side. (Of those twice as tall as wide its resizing rounds in the
//! other order since Pillow 13, which turns a bit in twenty.)

use std::f64::consts::PI;
use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::lanczos::shrink;
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// How much larger than the hash the image is whose cosine transform is taken.
const DCT_FACTOR: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Whether a pixel of the shrunken image is above their mean.
    Average,
    /// Whether a pixel is above its left neighbour.
    Difference,
    /// Whether a low frequency of the cosine transform is above their median.
    Dct,
    /// Whether a low-pass coefficient of Haar's wavelets is above their median.
    Wavelet,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Average, Kind::Difference, Kind::Dct, Kind::Wavelet];

    fn name(self) -> &'static str {
        match self {
            Kind::Average => "average_hash",
            Kind::Difference => "difference_hash",
            Kind::Dct => "dct_hash",
            Kind::Wavelet => "wavelet_hash",
        }
    }
}

/// A perceptual hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerceptualHash {
    kind: Kind,
    side: usize,
}

impl PerceptualHash {
    pub(super) const FORM: &str =
        "SIDE, so that the hash has SIDE times SIDE bits: 2 to 32, for wavelet_hash a power of two";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == spec.name)?;
        let [side] = spec.numbers_alone('x', [2..=32], [8])?;
        let fits = kind != Kind::Wavelet || side.is_power_of_two();
        fits.then_some(PerceptualHash { kind, side })
    }
}

impl Method for PerceptualHash {
    fn dimension(&self) -> usize {
        self.side * self.side
    }

    /// Ones and zeros, row after row.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let (image, side) = (&picture.gray, self.side);
        let bits: Vec<bool> = match self.kind {
            Kind::Average => {
                let small = shrink(image, side, side);
                let total: usize = small.iter().map(|&v| usize::from(v)).sum();
                let above = |&v: &u8| usize::from(v) * small.len() > total;
                small.iter().map(above).collect()
            }
            Kind::Difference => {
                let small = shrink(image, side + 1, side);
                let rows = small.chunks_exact(side + 1);
                rows.flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0]))
                    .collect()
            }
            Kind::Dct => above_median(&low_frequencies(image, side)),
            Kind::Wavelet => above_median(&block_sums(image, side)),
        };
        bits.into_iter()
            .map(|bit| f32::from(u8::from(bit)))
            .collect()
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::Hamming]
    }
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.side)
    }
}

/// Which values are above their median; between the two in the middle where their number is even.
fn above_median(values: &[i64]) -> Vec<bool> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let twice_median = if sorted.len().is_multiple_of(2) {
        sorted[middle - 1] + sorted[middle]
    } else {
        2 * sorted[middle]
    };
    values.iter().map(|v| 2 * v > twice_median).collect()
}

/// The `side` lowest frequencies either way of the cosine transform (type II) of a small version of the image, in
/// millionths: what is smaller is rounding, and would decide the bits of flat images.
fn low_frequencies(image: &Gray, side: usize) -> Vec<i64> {
    let size = side * DCT_FACTOR;
    let small = shrink(image, size, size);
    let cosines: Vec<f64> = (0..side * size)
        .map(|i| {
            let (frequency, place) = ((i / size) as f64, (i % size) as f64);
            2.0 * (PI * frequency * (2.0 * place + 1.0) / (2.0 * size as f64)).cos()
        })
        .collect();
    // Rows first: along[y][u].
    let mut along: Vec<f64> = Vec::with_capacity(size * side);
    for row in small.chunks_exact(size) {
        for wave in cosines.chunks_exact(size) {
            along.push(row.iter().zip(wave).map(|(&v, c)| f64::from(v) * c).sum());
        }
    }
    let mut out = Vec::with_capacity(side * side);
    for wave in cosines.chunks_exact(size) {
        for u in 0..side {
            let column = along.iter().skip(u).step_by(side);
            let sum: f64 = column.zip(wave).map(|(v, c)| v * c).sum();
            out.push((sum * 1e6).round() as i64);
        }
    }
    out
}

/// Sums over `side` times `side` blocks of the image brought to a power of two: up to a factor and the mean these are
/// the low-pass coefficients of Haar's wavelets, without the rounding of a transform.
fn block_sums(image: &Gray, side: usize) -> Vec<i64> {
    let shortest = image.width().min(image.height());
    let scale = (1 << shortest.ilog2()).max(side);
    let small = shrink(image, scale, scale);
    let block = scale / side;
    let mut sums = vec![0i64; side * side];
    for (y, row) in small.chunks_exact(scale).enumerate() {
        for (x, &value) in row.iter().enumerate() {
            sums[y / block * side + x / block] += i64::from(value);
        }
    }
    sums
}
