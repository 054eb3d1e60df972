//! The colour layout of MPEG-7 (Kasutani & Yamada, "The MPEG-7 color layout descriptor", ICIP 2001): the mean colours of
//! 8 × 8 parts of the image, in YCbCr, through the cosine transform, of which the low frequencies remain, in zigzag
//! order. The coefficients stay floats, where the standard stores them in 5 or 6 bits. Checked against SciPy's
//! transform.

use std::f64::consts::PI;
use std::fmt;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::{Grid, Spec};

const SIDE: usize = 8;

/// Weights of the squared differences, as programs of the standard commonly have them: of the constant, the two
/// lowest frequencies, and all others, for Y, Cb and Cr.
const WEIGHTS: [[f32; 3]; 3] = [[2.0, 2.0, 1.0], [2.0, 1.0, 1.0], [4.0, 2.0, 1.0]];

/// Low frequencies of where colours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColourLayout {
    luma: usize,
    chroma: usize,
}

impl ColourLayout {
    pub(super) const FORM: &str =
        "LUMA,CHROMA, the numbers of coefficients of Y and of each of Cb and Cr: 1 to 64";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let [luma, chroma] = spec.numbers_alone(',', [1..=64, 1..=64], [6, 3])?;
        Some(ColourLayout { luma, chroma })
    }

    /// Numbers of coefficients of Y, Cb and Cr.
    fn counts(&self) -> [usize; 3] {
        [self.luma, self.chroma, self.chroma]
    }

    /// The sum of the distances of the three components of weighted descriptions.
    pub(super) fn between(&self, a: &[f32], b: &[f32]) -> f32 {
        let mut start = 0;
        let mut total = 0.0;
        for count in self.counts() {
            let part =
                |v: &[f32]| -> Vec<f32> { v.iter().skip(start).take(count).copied().collect() };
            total += Distance::L2.between(&part(a), &part(b));
            start += count;
        }
        total
    }
}

impl Method for ColourLayout {
    fn dimension(&self) -> usize {
        self.counts().iter().sum()
    }

    /// Coefficients of the orthonormal transform of Y, then Cb, then Cr, these two less 128.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let image = &picture.rgb;
        let grid = Grid {
            columns: SIDE,
            rows: SIDE,
        };
        let mut planes = [[0.0f64; SIDE * SIDE]; 3];
        for (cell, (columns, rows)) in grid.cells(image.width(), image.height()).enumerate() {
            let mut sums = [0u64; 3];
            for y in rows.clone() {
                let row = &image.row(y)[3 * columns.start..3 * columns.end];
                for pixel in row.as_chunks::<3>().0 {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(value);
                    }
                }
            }
            let pixels = (columns.len() * rows.len()) as f64;
            let [r, g, b] = sums.map(|sum| sum as f64 / pixels);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            planes[0][cell] = luma;
            planes[1][cell] = (b - luma) * 0.5 / (1.0 - 0.114);
            planes[2][cell] = (r - luma) * 0.5 / (1.0 - 0.299);
        }
        let zigzag = zigzag();
        let parts = planes.iter().zip(self.counts());
        parts
            .flat_map(|(plane, count)| {
                let first = zigzag.iter().take(count);
                first.map(|&(x, y)| coefficient(plane, x, y) as f32)
            })
            .collect()
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::Layout,
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
        ]
    }

    /// Roots, as differences are squared afterwards.
    fn weights(&self) -> Vec<f32> {
        let parts = self.counts().into_iter().zip(WEIGHTS);
        parts
            .flat_map(|(count, [constant, low, other])| {
                let weight = move |i| match i {
                    0 => constant,
                    1 | 2 => low,
                    _ => other,
                };
                (0..count).map(move |i| weight(i).sqrt())
            })
            .collect()
    }
}

impl fmt::Display for ColourLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layout:{},{}", self.luma, self.chroma)
    }
}

/// The coefficient of frequency `u` across and `v` down.
fn coefficient(plane: &[f64; SIDE * SIDE], u: usize, v: usize) -> f64 {
    let wave = |frequency: usize, place: usize| {
        let size = if frequency == 0 { 0.125f64 } else { 0.25 }.sqrt();
        size * (PI * frequency as f64 * (2 * place + 1) as f64 / 16.0).cos()
    };
    let values = plane.iter().enumerate();
    values
        .map(|(i, value)| value * wave(u, i % SIDE) * wave(v, i / SIDE))
        .sum()
}

/// Frequencies across and down, along the diagonals from the lowest on, first to the right.
fn zigzag() -> Vec<(usize, usize)> {
    let mut order: Vec<_> = (0..SIDE * SIDE).map(|i| (i % SIDE, i / SIDE)).collect();
    order.sort_by_key(|&(x, y)| {
        let diagonal = x + y;
        (diagonal, if diagonal % 2 == 1 { y } else { x })
    });
    order
}
