//! Grey values on a circle around each pixel, interpolated between four pixels, a row at a time.

use std::f64::consts::TAU;
use std::ops::Range;

use super::picture::Values;

/// One point of the circle: the pixel above and to the left of it, from the centre, and the weights of the four
/// pixels around it (above left, above right, below left, below right).
struct Point {
    x: isize,
    y: isize,
    weights: [f32; 4],
}

/// Points at equal angles, the first to the right, then turning against the (downward) y axis.
pub(super) struct Ring {
    points: Vec<Point>,
    margin: usize,
}

impl Ring {
    pub fn new(points: usize, radius: usize) -> Self {
        let point = |i: usize| {
            let angle = TAU * i as f64 / points as f64;
            // Rounded as in scikit-image, so that points on the axes fall on pixels.
            let rounded = |v: f64| (v * 1e5).round() / 1e5;
            let x = rounded(radius as f64 * angle.cos());
            let y = rounded(-(radius as f64) * angle.sin());
            let (right, down) = (x - x.floor(), y - y.floor());
            let weights = [
                (1.0 - down) * (1.0 - right),
                (1.0 - down) * right,
                down * (1.0 - right),
                down * right,
            ];
            Point {
                x: x.floor() as isize,
                y: y.floor() as isize,
                weights: weights.map(|w| w as f32),
            }
        };
        Ring {
            points: (0..points).map(point).collect(),
            margin: radius,
        }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Side of the smallest image that the circle fits into.
    pub fn side(&self) -> usize {
        2 * self.margin + 1
    }

    /// The pixels of a side of `length` around which the circle fits.
    pub fn inside(&self, length: usize) -> Range<usize> {
        self.margin..length - self.margin
    }

    /// The values of point `index` around the pixels inside row `y`, which is inside, too.
    pub fn row(&self, image: &Values, y: usize, index: usize, out: &mut [f32]) {
        let point = &self.points[index];
        let inside = self.inside(image.width);
        let [a, b, c, d] = point.weights;
        let line = |down: usize, right: usize| {
            // Where a weight is zero the pixel may lie outside: any other does.
            let y = (y.saturating_add_signed(point.y) + down).min(image.height - 1);
            let x = inside.start.saturating_add_signed(point.x) + right;
            let x = x.min(image.width - inside.len());
            &image.row(y)[x..x + inside.len()]
        };
        let (above_left, above_right, below_left, below_right) =
            (line(0, 0), line(0, 1), line(1, 0), line(1, 1));
        for (i, value) in out.iter_mut().enumerate().take(inside.len()) {
            *value =
                a * above_left[i] + b * above_right[i] + c * below_left[i] + d * below_right[i];
        }
    }
}
