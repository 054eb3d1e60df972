//! Points on a circle around a pixel, read between the pixels.

/// One point of the circle: the pixel left above it, whether the next column and row count, and how much.
#[derive(Clone, Copy, Debug)]
struct Point {
    dx: isize,
    dy: isize,
    right: (usize, f32),
    down: (usize, f32),
}

/// Evenly spaced points on a circle, from the right on, counter-clockwise as one sees it.
#[derive(Debug)]
pub(super) struct Ring {
    points: Vec<Point>,
    /// Pixels from the border at which the circle fits.
    pub(super) reach: usize,
}

impl Ring {
    /// `count` points at `radius` pixels, at least 0.
    pub(super) fn new(count: usize, radius: f32) -> Self {
        // What should be a whole pixel is one.
        let tidy = |v: f64| (v * 1e5).round() / 1e5;
        let split = |v: f64| {
            let whole = v.floor();
            let rest = (v - whole) as f32;
            (whole as isize, (usize::from(rest > 0.0), rest))
        };
        let point = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / count as f64;
            let (dx, right) = split(tidy(f64::from(radius) * angle.cos()));
            let (dy, down) = split(tidy(-f64::from(radius) * angle.sin()));
            Point {
                dx,
                dy,
                right,
                down,
            }
        };
        Self {
            points: (0..count).map(point).collect(),
            reach: radius.ceil() as usize,
        }
    }

    /// The values at the points around `(x, y)`, at least `reach` away from the border of a patch.
    pub(super) fn read(&self, patch: &[f32], side: usize, x: usize, y: usize, values: &mut [f32]) {
        for (value, point) in values.iter_mut().zip(&self.points) {
            let (x, y) = (
                x.saturating_add_signed(point.dx),
                y.saturating_add_signed(point.dy),
            );
            let at = |row: usize| {
                let start = patch[row * side + x];
                start + point.right.1 * (patch[row * side + x + point.right.0] - start)
            };
            let upper = at(y);
            *value = upper + point.down.1 * (at(y + point.down.0) - upper);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn points_turn_against_the_clock() {
        // A ramp that rises by 1 to the right and by 10 downwards.
        let patch: Vec<f32> = (0..49).map(|i| (i % 7 + i / 7 * 10) as f32).collect();
        let mut values = [0.0; 8];
        let ring = Ring::new(8, 2.0);
        assert_eq!(ring.reach, 2);
        ring.read(&patch, 7, 3, 3, &mut values);
        let half = std::f32::consts::SQRT_2;
        let wanted = [35.0, 33.0 - 9.0 * half, 13.0, 33.0 - 11.0 * half, 31.0];
        for (value, wanted) in values.iter().zip(wanted) {
            assert!((value - wanted).abs() < 1e-3, "{values:?}");
        }
        assert_eq!(
            (values[0], values[2], values[4], values[6]),
            (35.0, 13.0, 31.0, 53.0)
        );
    }
}
