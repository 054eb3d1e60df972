//! Projective warping and Gaussian blur of colour images, for rendered views and aligned overlays.
//!
//! Each target pixel asks the inverse transform where it comes from and interpolates there. Where the
//! transform shrinks, one look would skip pixels and alias, so the target pixel is split into as many
//! samples a side as the local shrinking asks for.

use rayon::prelude::*;

use crate::rgb::Rgb;

/// Most samples a side that one target pixel is split into.
const MAX_SAMPLES: usize = 8;

/// Warps by a projective transform.
///
/// `h` maps positions of `image` to positions of the result, row-major; the result has `width` x
/// `height` pixels (at least 1 each is made) and shows `background` where the source has nothing. A
/// singular `h` gives plain background.
pub fn warp(
    image: &Rgb,
    h: &[[f64; 3]; 3],
    width: usize,
    height: usize,
    background: [u8; 3],
) -> Rgb {
    let (width, height) = (width.max(1), height.max(1));
    let mut data = vec![0; 3 * width * height];
    data.chunks_exact_mut(3)
        .for_each(|pixel| pixel.copy_from_slice(&background));
    if let Some(inverse) = inverse(h) {
        data.par_chunks_exact_mut(3 * width)
            .enumerate()
            .for_each(|(y, row)| {
                for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                    let n = samples(&inverse, x as f64, y as f64);
                    let color = target_pixel(image, &inverse, (x as f64, y as f64), n, background);
                    pixel.copy_from_slice(&color);
                }
            });
    }
    Rgb::from_parts(width, height, data)
}

/// Gaussian blur with standard deviation `sigma` in pixels; the border is repeated outwards. A sigma
/// that is not positive and finite returns the image as it is.
pub fn blur(image: &Rgb, sigma: f32) -> Rgb {
    if !(sigma.is_finite() && sigma > 0.0) {
        return image.clone();
    }
    let (width, height) = (image.width(), image.height());
    let longest = width.max(height) as f32;
    let kernel = gaussian(sigma.min(longest));
    let mut rows = vec![0.0f32; image.data().len()];
    rows.par_chunks_exact_mut(3 * width)
        .enumerate()
        .for_each(|(y, out)| {
            let row = image.row(y);
            blur_line(&kernel, width, out, |x, channel| {
                f32::from(row[3 * x + channel])
            });
        });
    let mut data = vec![0u8; image.data().len()];
    let radius = kernel.len() / 2;
    data.par_chunks_exact_mut(3 * width)
        .enumerate()
        .for_each(|(y, out)| {
            let mut sums = vec![0.5f32; 3 * width];
            for (k, &weight) in kernel.iter().enumerate() {
                let source = (y + k).saturating_sub(radius).min(height - 1);
                let row = &rows[3 * width * source..3 * width * (source + 1)];
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += weight * value);
            }
            out.iter_mut()
                .zip(sums)
                .for_each(|(value, sum)| *value = sum as u8);
        });
    Rgb::from_parts(width, height, data)
}

fn blur_line(kernel: &[f32], width: usize, out: &mut [f32], value: impl Fn(usize, usize) -> f32) {
    let radius = kernel.len() / 2;
    for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
        for (channel, sum) in pixel.iter_mut().enumerate() {
            *sum = kernel
                .iter()
                .enumerate()
                .map(|(k, weight)| {
                    weight * value((x + k).saturating_sub(radius).min(width - 1), channel)
                })
                .sum();
        }
    }
}

/// Samples of a Gaussian out to three sigmas, with sum 1.
fn gaussian(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as i64;
    let raw: Vec<f32> = (-radius..=radius)
        .map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp())
        .collect();
    let sum: f32 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// The inverse by cofactors, or `None` when the matrix is singular or not finite.
fn inverse(h: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let cofactor = |r: usize, c: usize| {
        let (r1, r2) = ((r + 1) % 3, (r + 2) % 3);
        let (c1, c2) = ((c + 1) % 3, (c + 2) % 3);
        h[r1][c1] * h[r2][c2] - h[r1][c2] * h[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| h[0][c] * cofactor(0, c)).sum();
    let mut inverse = [[0.0; 3]; 3];
    for (r, row) in inverse.iter_mut().enumerate() {
        for (c, value) in row.iter_mut().enumerate() {
            *value = cofactor(c, r) / determinant;
        }
    }
    inverse
        .iter()
        .flatten()
        .all(|value| value.is_finite())
        .then_some(inverse)
}

/// Where a target position comes from, or `None` at and behind the horizon.
fn apply(h: &[[f64; 3]; 3], x: f64, y: f64) -> Option<(f64, f64)> {
    let [u, v, w] = [0, 1, 2].map(|r| h[r][0] * x + h[r][1] * y + h[r][2]);
    // The sign of the inverse's scale is arbitrary; a horizon through the picture shows as w = 0.
    let (u, v) = (u / w, v / w);
    (u.is_finite() && v.is_finite()).then_some((u, v))
}

/// Samples a side that the local shrinking at a target position asks for.
fn samples(inverse: &[[f64; 3]; 3], x: f64, y: f64) -> usize {
    let (Some(o), Some(a), Some(b)) = (
        apply(inverse, x, y),
        apply(inverse, x + 1.0, y),
        apply(inverse, x, y + 1.0),
    ) else {
        return 1;
    };
    let stretch = (a.0 - o.0)
        .hypot(a.1 - o.1)
        .max((b.0 - o.0).hypot(b.1 - o.1));
    (stretch.round() as usize).clamp(1, MAX_SAMPLES)
}

fn target_pixel(
    image: &Rgb,
    inverse: &[[f64; 3]; 3],
    (x, y): (f64, f64),
    n: usize,
    background: [u8; 3],
) -> [u8; 3] {
    let mut sum = [0.0f64; 3];
    for j in 0..n {
        for i in 0..n {
            let offset = |k: usize| (k as f64 + 0.5) / n as f64 - 0.5;
            let color = apply(inverse, x + offset(i), y + offset(j))
                .and_then(|(u, v)| bilinear(image, u, v))
                .unwrap_or(background.map(f64::from));
            sum.iter_mut()
                .zip(color)
                .for_each(|(sum, value)| *sum += value);
        }
    }
    sum.map(|value| (value / (n * n) as f64).round() as u8)
}

impl Rgb {
    /// The colour between four pixels (bilinear interpolation), each value 0 to 255; the border is repeated outwards.
    pub fn interpolated(&self, x: f64, y: f64) -> [f64; 3] {
        let (right, bottom) = (self.width() - 1, self.height() - 1);
        let (x, y) = (x.clamp(0.0, right as f64), y.clamp(0.0, bottom as f64));
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(right), (y0 + 1).min(bottom));
        let (fx, fy) = (x - x0 as f64, y - y0 as f64);
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| self.pixel(x, y));
        let weights = [
            (1.0 - fx) * (1.0 - fy),
            fx * (1.0 - fy),
            (1.0 - fx) * fy,
            fx * fy,
        ];
        [0, 1, 2].map(|c| {
            corners
                .iter()
                .zip(weights)
                .map(|(corner, weight)| f64::from(corner[c]) * weight)
                .sum()
        })
    }
}

/// The colour between four pixels; `None` more than half a pixel outside the image.
fn bilinear(image: &Rgb, x: f64, y: f64) -> Option<[f64; 3]> {
    let (right, bottom) = ((image.width() - 1) as f64, (image.height() - 1) as f64);
    if x < -0.5 || y < -0.5 || x > right + 0.5 || y > bottom + 0.5 {
        return None;
    }
    Some(image.interpolated(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    fn pattern() -> Rgb {
        let data = (0..3 * 24 * 16).map(|i| (i * 7 % 256) as u8).collect();
        Rgb::new(24, 16, data).unwrap()
    }

    #[test]
    fn the_identity_changes_nothing_and_a_shift_shifts() {
        let image = pattern();
        assert_eq!(warp(&image, &IDENTITY, 24, 16, [0; 3]), image);
        let shift = [[1.0, 0.0, 3.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]];
        let moved = warp(&image, &shift, 24, 16, [9; 3]);
        assert_eq!(moved.pixel(10, 5), image.pixel(7, 7));
        assert_eq!(moved.pixel(1, 5), [9; 3]);
        let scaled = IDENTITY.map(|row| row.map(|value| -4.0 * value));
        assert_eq!(warp(&image, &scaled, 24, 16, [0; 3]), image);
    }

    #[test]
    fn shrinking_averages() {
        let data: Vec<u8> = (0..64 * 64)
            .flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3])
            .collect();
        let stripes = Rgb::new(64, 64, data).unwrap();
        let quarter = [[0.25, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 1.0]];
        let small = warp(&stripes, &quarter, 16, 16, [0; 3]);
        assert!(
            (120..=136).contains(&small.pixel(8, 8)[0]),
            "{:?}",
            small.pixel(8, 8)
        );
    }

    #[test]
    fn singular_and_broken_transforms_give_background() {
        let image = pattern();
        for h in [[[0.0; 3]; 3], [[f64::NAN; 3]; 3], [[1.0; 3]; 3]] {
            let blank = warp(&image, &h, 4, 4, [1, 2, 3]);
            assert!(blank.data().chunks(3).all(|pixel| pixel == [1, 2, 3]));
        }
    }

    #[test]
    fn blur_keeps_flat_and_total_brightness() {
        let flat = Rgb::filled(15, 9, [3, 128, 255]).unwrap();
        assert_eq!(blur(&flat, 2.0), flat);
        assert_eq!(blur(&flat, 1e30), flat);
        assert_eq!(blur(&pattern(), f32::NAN), pattern());
        let mut dot = Rgb::filled(21, 21, [0; 3]).unwrap();
        dot.fill_rectangle(10, 10, 1, 1, [255; 3]);
        // The middle of a unit impulse is 1 / (2 pi sigma^2).
        assert_eq!(
            blur(&dot, 1.5).pixel(10, 10)[0],
            (255.0f32 / (2.0 * std::f32::consts::PI * 2.25)).round() as u8
        );
    }
}
