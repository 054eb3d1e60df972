//! Coarseness, contrast and directionality (Tamura, Mori & Yamawaki, "Textural features corresponding to visual
//! perception", IEEE Transactions on Systems, Man, and Cybernetics 1978).
//!
//! The paper leaves some choices. Coarseness is looked at in every other pixel of every other row, windows are cut at
//! the border, and of several sizes that are equally good the smallest counts. Directionality is 1 less the spread
//! around the strongest direction, in units of the spread of all directions alike. Checked against NumPy in float64.

use std::f64::consts::PI;
use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// Sizes of windows are the powers of two up to this one.
const LARGEST_POWER: usize = 5;
/// Bins of directions within half a turn.
const DIRECTIONS: usize = 16;
/// A gradient weaker than this, in grey levels, has no direction.
const WEAKEST: i32 = 12;

/// Coarseness, contrast and directionality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tamura;

impl Tamura {
    pub(super) const FORM: &str = "no parameters";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        (spec.parameters().is_none() && spec.has_no_grid()).then_some(Tamura)
    }
}

impl Method for Tamura {
    fn dimension(&self) -> usize {
        3
    }

    /// Coarseness in pixels, 1 to 32; contrast in grey levels, 0 to 128; directionality, 0 to 1.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let image = &picture.gray;
        let values = [coarseness(image), contrast(image), directionality(image)];
        values.map(|value| value as f32).to_vec()
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::L1, Distance::L2, Distance::Cosine]
    }

    /// The largest value of each is brought to 1.
    fn weights(&self) -> Vec<f32> {
        vec![1.0 / 32.0, 1.0 / 128.0, 1.0]
    }
}

impl fmt::Display for Tamura {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tamura")
    }
}

/// Sums over rectangles from the corner.
struct Integral {
    width: usize,
    height: usize,
    sums: Vec<u32>,
}

impl Integral {
    fn new(image: &Gray) -> Self {
        let (width, height) = (image.width(), image.height());
        let mut sums = vec![0u32; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut along = 0u32;
            for (x, &value) in image.row(y).iter().enumerate() {
                along += u32::from(value);
                sums[(y + 1) * (width + 1) + x + 1] = along + sums[y * (width + 1) + x + 1];
            }
        }
        Integral {
            width,
            height,
            sums,
        }
    }

    /// The mean over a square of a side of `size` whose corner may lie outside; `None` if all of it does.
    fn mean(&self, x: isize, y: isize, size: usize) -> Option<f64> {
        let clip = |start: isize, most: usize| {
            let end = start.saturating_add_unsigned(size).max(0) as usize;
            ((start.max(0) as usize).min(most), end.min(most))
        };
        let ((left, right), (top, bottom)) = (clip(x, self.width), clip(y, self.height));
        let pixels = (right - left) * (bottom - top);
        if pixels == 0 {
            return None;
        }
        let sum = self.sum(left, top, right, bottom);
        Some(f64::from(sum) / pixels as f64)
    }

    /// The sum over a rectangle inside.
    #[inline]
    fn sum(&self, left: usize, top: usize, right: usize, bottom: usize) -> u32 {
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        (at(right, bottom) + at(left, top)) - (at(left, bottom) + at(right, top))
    }

    /// How much the windows of a side of `size` to the left and to the right of (x, y) differ, or those above and
    /// below if they differ more.
    fn difference(&self, x: isize, y: isize, size: usize) -> f64 {
        let (whole, half) = (size as isize, (size / 2) as isize);
        let (right, bottom) = (self.width as isize, self.height as isize);
        if x >= whole && y >= whole && x + whole <= right && y + whole <= bottom {
            let (x, y, half) = (x as usize, y as usize, half as usize);
            let (left, top) = (x - half, y - half);
            let across = self.sum(x - size, top, x, top + size).abs_diff(self.sum(
                x,
                top,
                x + size,
                top + size,
            ));
            let down = self.sum(left, y - size, left + size, y).abs_diff(self.sum(
                left,
                y,
                left + size,
                y + size,
            ));
            return f64::from(across.max(down)) / (size * size) as f64;
        }
        let apart = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(0.0, |(a, b)| (a - b).abs());
        let across = apart(
            self.mean(x - whole, y - half, size),
            self.mean(x, y - half, size),
        );
        let down = apart(
            self.mean(x - half, y - whole, size),
            self.mean(x - half, y, size),
        );
        across.max(down)
    }
}

/// The mean of the sizes of window at which neighbouring windows differ most.
fn coarseness(image: &Gray) -> f64 {
    let integral = Integral::new(image);
    let (mut total, mut count) = (0.0, 0usize);
    for y in (0..image.height() as isize).step_by(2) {
        for x in (0..image.width() as isize).step_by(2) {
            let (mut best, mut most) = (1usize, 0.0);
            for power in 0..=LARGEST_POWER {
                let difference = integral.difference(x, y, 1 << power);
                // Equal up to rounding is equal.
                if difference > most + 1e-9 {
                    (best, most) = (1 << power, difference);
                }
            }
            total += best as f64;
            count += 1;
        }
    }
    total / count as f64
}

/// The standard deviation over the fourth root of the kurtosis; 0 for a flat image.
fn contrast(image: &Gray) -> f64 {
    let data = image.data();
    let mean = |of: &dyn Fn(f64) -> f64| {
        data.iter().map(|&v| of(f64::from(v))).sum::<f64>() / data.len() as f64
    };
    let first = mean(&|v| v);
    let variance = mean(&|v| (v - first).powi(2));
    let fourth = mean(&|v| (v - first).powi(4));
    if variance < 1e-9 {
        return 0.0;
    }
    variance.sqrt() / (fourth / (variance * variance)).powf(0.25)
}

/// How much gradients agree in direction; 0 where there are none.
fn directionality(image: &Gray) -> f64 {
    let (width, height) = (image.width(), image.height());
    let mut counts = [0u32; DIRECTIONS];
    for y in 1..height.saturating_sub(1) {
        let rows = [image.row(y - 1), image.row(y), image.row(y + 1)];
        for x in 1..width.saturating_sub(1) {
            let column = |x: usize| rows.iter().map(|row| i32::from(row[x])).sum::<i32>();
            let line = |row: &[u8]| {
                row[x - 1..=x + 1]
                    .iter()
                    .map(|&v| i32::from(v))
                    .sum::<i32>()
            };
            let across = column(x + 1) - column(x - 1);
            let down = line(rows[2]) - line(rows[0]);
            if (across.abs() + down.abs()) / 2 >= WEAKEST {
                let angle = f64::from(down).atan2(f64::from(across)) / PI;
                let turn = angle.rem_euclid(1.0) * DIRECTIONS as f64;
                counts[turn as usize % DIRECTIONS] += 1;
            }
        }
    }
    let total: u32 = counts.iter().sum();
    let Some(peak) = (0..DIRECTIONS).rev().max_by_key(|&bin| counts[bin]) else {
        return 0.0;
    };
    if total == 0 {
        return 0.0;
    }
    let square = |bin: usize| {
        let apart = bin.abs_diff(peak);
        (apart.min(DIRECTIONS - apart) as f64).powi(2)
    };
    let spread = |weight: &dyn Fn(usize) -> f64| -> f64 {
        (0..DIRECTIONS).map(|bin| weight(bin) * square(bin)).sum()
    };
    let found = spread(&|bin| f64::from(counts[bin]) / f64::from(total));
    // More spread than all alike have is possible with two peaks.
    (1.0 - found / spread(&|_| 1.0 / DIRECTIONS as f64)).max(0.0)
}
