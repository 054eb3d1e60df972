//! Sums over upright rectangles in four look-ups (Viola & Jones, CVPR 2001).

use vizsla_pixels::Gray;

/// Sums of all pixels above and to the left. They wrap, which differences undo: any rectangle of fewer than 2²⁴ pixels
/// comes out right, whatever the size of the image.
#[derive(Debug)]
pub(crate) struct Integral {
    stride: usize,
    /// One row and column more than the image; the first ones are zero.
    sums: Vec<u32>,
}

impl Integral {
    pub(crate) fn new(image: &Gray) -> Self {
        let (width, height) = (image.width(), image.height());
        let stride = width + 1;
        let mut sums = vec![0u32; stride * (height + 1)];
        for y in 0..height {
            let (done, rest) = sums.split_at_mut((y + 1) * stride);
            let above = &done[y * stride..];
            let mut sum = 0u32;
            for (x, &value) in image.row(y).iter().enumerate() {
                sum = sum.wrapping_add(u32::from(value));
                rest[x + 1] = above[x + 1].wrapping_add(sum);
            }
        }
        Self { stride, sums }
    }

    /// The sum over the pixels of columns `left..right` and rows `top..bottom`, which lie inside the image.
    #[inline]
    pub(crate) fn sum(&self, left: usize, top: usize, right: usize, bottom: usize) -> u32 {
        let (top, bottom) = (top * self.stride, bottom * self.stride);
        let at = |i: usize| self.sums[i];
        at(bottom + right)
            .wrapping_sub(at(bottom + left))
            .wrapping_sub(at(top + right))
            .wrapping_add(at(top + left))
    }
}

/// Means over rectangles of any fraction of pixels of a small patch; a pixel is a square of one value.
#[derive(Debug)]
pub(crate) struct PatchSums {
    side: usize,
    sums: Vec<f64>,
}

impl PatchSums {
    /// Of a square patch of `side * side` values, row by row.
    pub(crate) fn new(patch: &[f32], side: usize) -> Self {
        let stride = side + 1;
        let mut sums = vec![0.0; stride * stride];
        for (y, row) in patch.chunks_exact(side.max(1)).take(side).enumerate() {
            let mut sum = 0.0;
            for (x, &value) in row.iter().enumerate() {
                sum += f64::from(value);
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + sum;
            }
        }
        Self { side, sums }
    }

    /// The sum above and left of a point between the pixels: bilinear, which is exact for pixels that are squares.
    fn corner(&self, x: f64, y: f64) -> f64 {
        let stride = self.side + 1;
        let split = |v: f64| {
            let whole = (v as usize).min(self.side.saturating_sub(1));
            (whole, v - whole as f64)
        };
        let ((column, right), (row, down)) = (split(x), split(y));
        let at = |i: usize| self.sums[i] + right * (self.sums[i + 1] - self.sums[i]);
        let (upper, lower) = (at(row * stride + column), at((row + 1) * stride + column));
        upper + down * (lower - upper)
    }

    /// The mean over a rectangle; what lies beyond the patch is left out. 0 where nothing is inside. Column and row 0 is the
    /// left and upper edge of the first pixel.
    pub(crate) fn mean(&self, left: f64, top: f64, right: f64, bottom: f64) -> f64 {
        let side = self.side as f64;
        let [left, top, right, bottom] = [left, top, right, bottom].map(|v| v.clamp(0.0, side));
        let area = (right - left) * (bottom - top);
        if area <= 0.0 {
            return 0.0;
        }
        let total =
            self.corner(right, bottom) - self.corner(left, bottom) - self.corner(right, top)
                + self.corner(left, top);
        total / area
    }
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{Integral, PatchSums};

    #[test]
    fn sums_are_those_of_the_pixels() {
        let image = Gray::new(5, 4, (0..20).map(|i| i * 7).collect()).unwrap();
        let integral = Integral::new(&image);
        for (l, t, r, b) in [
            (0, 0, 5, 4),
            (1, 2, 4, 3),
            (2, 1, 2, 4),
            (0, 0, 2, 2),
            (3, 0, 5, 4),
        ] {
            let inside = |x: usize, y: usize| x >= l && x < r && y >= t && y < b;
            let wanted: u32 = (0..20)
                .filter(|i| inside(i % 5, i / 5))
                .map(|i| i as u32 * 7 % 256)
                .sum();
            assert_eq!(integral.sum(l, t, r, b), wanted);
        }
    }

    #[test]
    fn sums_wrap_without_harm() {
        let image = Gray::filled(6000, 4000, 255).unwrap();
        let integral = Integral::new(&image);
        assert_eq!(integral.sum(5900, 3900, 6000, 4000), 255 * 100 * 100);
    }

    #[test]
    fn means_split_pixels() {
        let patch: Vec<f32> = (0..9).map(|i| i as f32).collect();
        let sums = PatchSums::new(&patch, 3);
        assert!((sums.mean(0.0, 0.0, 3.0, 3.0) - 4.0).abs() < 1e-12);
        // Half of pixel 4 and half of pixel 5.
        assert!((sums.mean(1.5, 1.0, 2.5, 2.0) - 4.5).abs() < 1e-12);
        // A quarter of pixel 0 alone is inside.
        assert!(sums.mean(-1.0, -1.0, 0.5, 0.5).abs() < 1e-12);
        assert!((sums.mean(2.5, 2.5, 9.0, 9.0) - 8.0).abs() < 1e-12);
        assert_eq!(sums.mean(2.0, 2.0, 2.0, 3.0), 0.0);
        assert_eq!(PatchSums::new(&[], 0).mean(0.0, 0.0, 1.0, 1.0), 0.0);
    }
}
