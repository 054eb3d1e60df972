//! Means and deviations of Gabor filters (Manjunath & Ma, "Texture features for browsing and retrieval of image data",
//! PAMI 1996). The filters are the paper's: scales between 0.05 and 0.4 cycles a pixel and directions within half a
//! turn, as wide as makes neighbours touch at half of their height, each with gain 1 at its centre and none for the
//! mean grey. They are applied in the frequency domain to the image within 96 pixels, continued by its mirror image.
//! Checked against convolution with scikit-image's `gabor_kernel`.

use std::f32::consts::{LN_2, PI};
use std::fmt;
use std::sync::OnceLock;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::fourier::{Square, Way};
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// Side of the square that is transformed, and longest side of an image in it.
const SIDE: usize = 128;
const LONGEST: usize = 96;
/// Lowest and highest frequency, cycles a pixel.
const LOWEST: f32 = 0.05;
const HIGHEST: f32 = 0.4;
/// A smaller gain is none: the products would be too small for fast arithmetic.
const FAINTEST: f32 = 1e-7;
/// What most people use; its filters are kept.
const DEFAULT: [usize; 2] = [4, 6];

/// Strengths of scales and directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GaborMoments {
    scales: usize,
    directions: usize,
}

/// Gains of a filter for each frequency, across fastest changing last (as the transform leaves them).
type Filter = Vec<f32>;

impl GaborMoments {
    pub(super) const FORM: &str = "SCALESxDIRECTIONS (2 to 6 scales, 2 to 12 directions)";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let [scales, directions] = spec.numbers_alone('x', [2..=6, 2..=12], DEFAULT)?;
        Some(GaborMoments { scales, directions })
    }

    fn filters(&self) -> Vec<Filter> {
        let count = self.scales * self.directions;
        (0..count)
            .map(|i| self.filter(i / self.directions, i % self.directions))
            .collect()
    }

    /// Scale 0 is the finest.
    fn filter(&self, scale: usize, direction: usize) -> Filter {
        let ratio = (HIGHEST / LOWEST).powf(1.0 / (self.scales - 1) as f32);
        let along = (ratio - 1.0) * HIGHEST / ((ratio + 1.0) * (2.0 * LN_2).sqrt());
        let log = 2.0 * LN_2;
        let across = (PI / (2.0 * self.directions as f32)).tan()
            * (HIGHEST - log * along * along / HIGHEST)
            / (log - (log * along / HIGHEST).powi(2)).sqrt();
        let shrink = ratio.powi(-(scale as i32));
        let (centre, along, across) = (HIGHEST * shrink, along * shrink, across * shrink);
        let (sin, cos) = (PI * direction as f32 / self.directions as f32).sin_cos();
        let frequency = |i: usize| {
            let signed = if i < SIDE / 2 {
                i as f32
            } else {
                i as f32 - SIDE as f32
            };
            signed / SIDE as f32
        };
        let one = |u: f32, v: f32| {
            let off = (u * cos + v * sin - centre) / along;
            let side = (v * cos - u * sin) / across;
            (-0.5 * (off * off + side * side)).exp()
        };
        // A kernel that is sampled in pixels sees frequencies beyond half a cycle from the other side.
        let around = || [-1.0f32, 0.0, 1.0].into_iter();
        let gain = |i: usize| {
            let (u, v) = (frequency(i / SIDE), frequency(i % SIDE));
            let copies = around().flat_map(|x| around().map(move |y| (x, y)));
            let gain: f32 = copies.map(|(x, y)| one(u + x, v + y)).sum();
            if gain > FAINTEST { gain } else { 0.0 }
        };
        let mut filter: Filter = (0..SIDE * SIDE).map(gain).collect();
        filter[0] = 0.0;
        filter
    }
}

/// The filters of [`DEFAULT`], made once.
fn default_filters() -> &'static [Filter] {
    static FILTERS: OnceLock<Vec<Filter>> = OnceLock::new();
    FILTERS.get_or_init(|| {
        let [scales, directions] = DEFAULT;
        GaborMoments { scales, directions }.filters()
    })
}

impl Method for GaborMoments {
    fn dimension(&self) -> usize {
        2 * self.scales * self.directions
    }

    /// Mean and standard deviation of the strength, in grey levels, of each direction of each scale, the finest first.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let Ok(image) = picture.gray.fit_within(LONGEST) else {
            return vec![0.0; self.dimension()];
        };
        let own;
        let filters = if [self.scales, self.directions] == DEFAULT {
            default_filters()
        } else {
            own = self.filters();
            &own
        };
        let mut spectrum = mirrored(&image);
        spectrum.transform(Way::Forward);
        let mut response = Square::new(SIDE);
        let mut out = Vec::with_capacity(self.dimension());
        for filter in filters {
            multiply(&spectrum.real, filter, &mut response.real);
            multiply(&spectrum.imaginary, filter, &mut response.imaginary);
            response.transform(Way::Inverse);
            out.extend(moments(&response, image.width(), image.height()));
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::L1, Distance::L2, Distance::Cosine]
    }
}

impl fmt::Display for GaborMoments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gabor:{}x{}", self.scales, self.directions)
    }
}

fn multiply(values: &[f32], gains: &[f32], out: &mut [f32]) {
    for ((out, value), gain) in out.iter_mut().zip(values).zip(gains) {
        *out = value * gain;
    }
}

/// Where an image of a side of `length` begins in the square.
fn margin(length: usize) -> usize {
    (SIDE - length) / 2
}

/// The image in the middle of the square, mirrored at its borders.
fn mirrored(image: &Gray) -> Square {
    let mut square = Square::new(SIDE);
    let source = |i: usize, length: usize| {
        let period = 2 * length;
        let place = (i + SIDE * period - margin(length)) % period;
        place.min(period - 1 - place)
    };
    for (i, value) in square.real.iter_mut().enumerate() {
        let row = image.row(source(i / SIDE, image.height()));
        *value = f32::from(row[source(i % SIDE, image.width())]);
    }
    square
}

/// Mean and standard deviation of the magnitude where the image is.
fn moments(response: &Square, width: usize, height: usize) -> [f32; 2] {
    let (mut sum, mut squares) = (0.0f64, 0.0f64);
    for y in margin(height)..margin(height) + height {
        let start = y * SIDE + margin(width);
        let real = &response.real[start..start + width];
        let imaginary = &response.imaginary[start..start + width];
        for (re, im) in real.iter().zip(imaginary) {
            let square = re * re + im * im;
            sum += f64::from(square.sqrt());
            squares += f64::from(square);
        }
    }
    let pixels = (width * height) as f64;
    let mean = sum / pixels;
    let variance = (squares / pixels - mean * mean).max(0.0);
    [mean as f32, variance.sqrt() as f32]
}
