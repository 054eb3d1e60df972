//! The surroundings of a keypoint, seen as the detector saw them: the ellipse made a circle, its size made one size.
//!
//! Whatever describes or compares surroundings works on a [`Patch`] and need not know of scales and shapes (Mikolajczyk &
//! Schmid, IJCV 2004, section 4). The image is read where its blur is that of the short axis of the ellipse; along the long
//! axis, whose pixels are farther apart, the rest of the blur is made up by several samples under a Gaussian. So the
//! patch has the same blur in all directions, however stretched the ellipse is, and nothing is read past. Where the rows of
//! the patch run along that axis, as detectors ask for, neighbouring pixels share the samples.

#![allow(unsafe_code)]

use vizsla_pixels::{Isa, Lanes, Plane, per_isa};

use crate::descriptor::{Window, describe};
use crate::dog::Blob;
use crate::keypoint::{Descriptor, Keypoint};
use crate::orientation::orientations;
use crate::pyramid::{Level, Pyramid};
use crate::sampling::line;

/// Samples along the long axis lie this far apart, over the blur that is there: the sum of Gaussians is even to 0.3 %.
const SPACING: f32 = 1.75;
/// They end at this many standard deviations.
const REACH: f32 = 2.5;
/// Most samples on either side, for the most stretched shape there is.
const MOST_SAMPLES: usize = 64;
/// Rows that deviate from the long axis by this share of their length run along it.
const ALONG: f32 = 1e-4;
/// Longest side of a patch.
const MOST_SIDE: usize = 255;
/// Values that are read at a time.
const CHUNK: usize = 16;

/// How a patch is laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchLayout {
    /// Pixels along a side, 3 to 255 (others are clamped). The keypoint is at `(side - 1) / 2` in both directions.
    pub side: usize,
    /// Pixels of the patch for one [`Keypoint::scale`], above 0.
    pub sigma: f32,
    /// Standard deviation of the patch's blur in its own pixels. Below 0.6 there are patterns that the image does not
    /// have; below the resolution of the image, the blur is what the image has.
    pub blur: f32,
}

impl PatchLayout {
    /// What SIFT is read from: two pixels for a sigma, blurred with that sigma as the planes of the difference of
    /// Gaussians are, and wide enough for a descriptor turned into the corners.
    pub const SIFT: Self = Self {
        side: 45,
        sigma: 2.0,
        blur: 2.0,
    };
}

/// A square of grey values around a keypoint, normalised by its position, scale, angle and shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    plane: Plane,
    sigma: f32,
    isa: Isa,
}

impl Patch {
    /// The patch of a keypoint: pixel `(i, j)` shows the image at the keypoint's position plus `scale / sigma` times its
    /// shape times its rotation times `(i, j)` from the centre. Beyond the image its border goes on.
    ///
    /// `None` where the pyramid has no levels, or position, scale, angle or shape are nothing that an image has.
    #[must_use]
    pub fn of(pyramid: &Pyramid, keypoint: &Keypoint, layout: &PatchLayout) -> Option<Self> {
        let laid_out = layout.sigma > 0.0 && layout.sigma.is_finite();
        if !(laid_out && keypoint.frame().is_valid()) {
            return None;
        }
        let side = layout.side.clamp(3, MOST_SIDE);
        let size = keypoint.scale / layout.sigma;
        let stretch = keypoint.shape.u.hypot(keypoint.shape.v).exp();
        let level = pyramid.level(layout.blur * size / stretch)?;
        let grid = Grid::of(keypoint, size, &level);
        let blur = LongBlur::of(keypoint, layout.blur * size * stretch, &level);
        let mut plane = Plane::new(side, side);
        read(pyramid.isa(), level.plane, &grid, blur.as_ref(), &mut plane);
        Some(Self {
            plane,
            sigma: layout.sigma,
            isa: pyramid.isa(),
        })
    }

    /// Pixels along a side.
    #[must_use]
    pub fn side(&self) -> usize {
        self.plane.width()
    }

    /// Pixels for one scale of the keypoint.
    #[must_use]
    pub fn sigma(&self) -> f32 {
        self.sigma
    }

    /// Grey values, 0 to 255, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        self.plane.data()
    }

    /// Row `y`.
    ///
    /// # Panics
    /// If `y` is not below the side.
    #[must_use]
    pub fn row(&self, y: usize) -> &[f32] {
        self.plane.row(y)
    }

    /// Where the keypoint is, in both directions.
    #[must_use]
    pub fn centre(&self) -> f32 {
        (self.side() - 1) as f32 * 0.5
    }

    /// Dominant gradient directions in radians `[0, 2π)`, from the patch's x axis towards its (downward) y axis, as for
    /// the difference of Gaussians (Lowe 2004, section 5): peaks of at least four fifths of the highest. A flat patch
    /// has none.
    #[must_use]
    pub fn directions(&self) -> Vec<f32> {
        let centre = Blob {
            octave: 0,
            layer: 0,
            x: self.centre(),
            y: self.centre(),
            sigma: self.sigma,
            response: 0.0,
        };
        let mut found = Vec::new();
        orientations(self.isa, &self.plane, &centre, |angle| found.push(angle));
        found
    }

    /// The SIFT descriptor around the centre, turned by `angle`; RootSIFT with `root`. A flat patch has zeros.
    #[must_use]
    pub fn sift(&self, angle: f32, root: bool) -> Descriptor {
        let window = Window {
            x: self.centre(),
            y: self.centre(),
            sigma: self.sigma,
            angle,
        };
        describe(self.isa, &self.plane, &window, root)
    }
}

/// What blurs a level along the long axis of a keypoint's shape, in pixels of the level.
struct LongBlur {
    /// Standard deviation.
    sigma: f32,
    /// Farthest that samples may be apart.
    spacing: f32,
    /// Along the axis.
    axis: (f32, f32),
}

impl LongBlur {
    /// What makes the blur of a level `sigma` pixels of the image; `None` where there is next to nothing to make up for.
    fn of(keypoint: &Keypoint, sigma: f32, level: &Level<'_>) -> Option<Self> {
        let missing = (sigma * sigma - level.sigma * level.sigma).max(0.0).sqrt();
        let spacing = SPACING * level.sigma;
        if keypoint.shape.is_circle() || REACH * missing < 0.5 * spacing {
            return None;
        }
        let (sin, cos) = keypoint.shape.long_axis().sin_cos();
        Some(Self {
            sigma: missing / level.step,
            spacing: spacing / level.step,
            axis: (cos, sin),
        })
    }

    /// Samples beside a pixel: right, down, weight.
    fn taps(&self) -> Vec<(f32, f32, f32)> {
        let weights = self.weights(self.spacing);
        let reach = (weights.len() / 2) as f32;
        let beside = |(i, &weight): (usize, &f32)| {
            let along = (i as f32 - reach) * self.spacing;
            (along * self.axis.0, along * self.axis.1, weight)
        };
        weights.iter().enumerate().map(beside).collect()
    }

    /// Weights at distances of `step` from the middle, which is in the middle of them, with a sum of 1.
    fn weights(&self, step: f32) -> Vec<f32> {
        let reach = ((REACH * self.sigma / step).round() as usize).clamp(1, MOST_SAMPLES) as i32;
        let weight = |i: i32| (-0.5 * (i as f32 * step / self.sigma).powi(2)).exp();
        let total: f32 = (-reach..=reach).map(weight).sum();
        (-reach..=reach).map(|i| weight(i) / total).collect()
    }
}

/// Where the pixels of a patch lie, in pixels of the level.
struct Grid {
    centre: (f32, f32),
    right: (f32, f32),
    down: (f32, f32),
}

impl Grid {
    /// `size` is that of a pixel of the patch in pixels of the image, but for the shape.
    fn of(keypoint: &Keypoint, size: f32, level: &Level<'_>) -> Self {
        let [[a, b], [c, d]] = keypoint
            .shape
            .matrix()
            .map(|row| row.map(|value| value as f32 * size / level.step));
        let (sin, cos) = keypoint.angle.sin_cos();
        Self {
            centre: (
                (keypoint.x - level.offset) / level.step,
                (keypoint.y - level.offset) / level.step,
            ),
            right: (a * cos + b * sin, c * cos + d * sin),
            down: (b * cos - a * sin, d * cos - c * sin),
        }
    }

    /// The first pixel of row `j` of a patch.
    fn row(&self, j: usize, side: usize) -> (f32, f32) {
        let middle = (side - 1) as f32 * 0.5;
        let v = j as f32 - middle;
        (
            self.centre.0 + v * self.down.0 - middle * self.right.0,
            self.centre.1 + v * self.down.1 - middle * self.right.1,
        )
    }

    /// How many samples a pixel of a row needs for this blur where rows run along it.
    fn samples(&self, blur: &LongBlur) -> Option<usize> {
        let length = self.right.0.hypot(self.right.1);
        let across = self.right.0 * blur.axis.1 - self.right.1 * blur.axis.0;
        let count = (length / blur.spacing)
            .ceil()
            .clamp(1.0, MOST_SAMPLES as f32);
        (across.abs() <= ALONG * length).then_some(count as usize)
    }
}

/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn read_with<V: Lanes>(
    level: &Plane,
    grid: &Grid,
    blur: Option<&LongBlur>,
    out: &mut Plane,
) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        match blur.map(|blur| (blur, grid.samples(blur))) {
            None => read_rows::<V>(level, grid, &[(0.0, 0.0, 1.0)], out),
            Some((blur, Some(count))) => read_combed::<V>(level, grid, blur, count, out),
            Some((blur, None)) => {
                read_rows::<V>(level, grid, &blur.taps(), out);
            }
        }
    }
}

/// Every pixel a sum of weighted samples beside it: `(right, down, weight)`.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn read_rows<V: Lanes>(
    level: &Plane,
    grid: &Grid,
    taps: &[(f32, f32, f32)],
    out: &mut Plane,
) {
    let side = out.width();
    let mut values = [0.0; CHUNK];
    for j in 0..side {
        let first = grid.row(j, side);
        let row = out.row_mut(j);
        for (start, chunk) in (0..).step_by(CHUNK).zip(row.chunks_mut(CHUNK)) {
            let u = start as f32;
            for &(x, y, weight) in taps {
                let origin = (
                    first.0 + x + u * grid.right.0,
                    first.1 + y + u * grid.right.1,
                );
                // SAFETY: the caller vouches for the instruction set.
                unsafe { line::<V, CHUNK>(level, origin, grid.right, chunk.len(), &mut values) };
                for (sum, value) in chunk.iter_mut().zip(&values) {
                    *sum += weight * value;
                }
            }
        }
    }
}

/// The same where rows run along the blur: neighbouring pixels share their samples. There are `count` samples to a pixel,
/// kept by their place within it, so that those of neighbouring pixels are neighbours.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn read_combed<V: Lanes>(
    level: &Plane,
    grid: &Grid,
    blur: &LongBlur,
    count: usize,
    out: &mut Plane,
) {
    let side = out.width();
    let share = 1.0 / count as f32;
    let weights = blur.weights(grid.right.0.hypot(grid.right.1) * share);
    let reach = (weights.len() / 2) as f32;
    let length = side + weights.len().div_ceil(count);
    // Registers may go on over the end.
    let stride = length.next_multiple_of(CHUNK) + CHUNK;
    let mut samples = vec![0.0f32; count * stride];
    let mut sums = [0.0; CHUNK];
    for j in 0..side {
        let first = grid.row(j, side);
        for (place, row) in samples.chunks_exact_mut(stride).enumerate() {
            let before = (place as f32 - reach) * share;
            let (chunks, _) = row.as_chunks_mut::<CHUNK>();
            for (start, chunk) in (0..length).step_by(CHUNK).zip(chunks) {
                let u = before + start as f32;
                let origin = (first.0 + u * grid.right.0, first.1 + u * grid.right.1);
                // SAFETY: the caller vouches for the instruction set.
                unsafe { line::<V, CHUNK>(level, origin, grid.right, length - start, chunk) };
            }
        }
        for (start, chunk) in (0..).step_by(CHUNK).zip(out.row_mut(j).chunks_mut(CHUNK)) {
            // SAFETY: a chunk that starts within a row, shifted by less than `length - side`, ends within a row of samples.
            unsafe {
                let mut registers = [V::splat(0.0); CHUNK];
                let used = CHUNK / V::COUNT;
                for (k, &weight) in weights.iter().enumerate() {
                    let from = samples.as_ptr().add(k % count * stride + k / count + start);
                    for (i, sum) in registers[..used].iter_mut().enumerate() {
                        *sum = V::load(from.add(i * V::COUNT)).mul_add(V::splat(weight), *sum);
                    }
                }
                for (i, sum) in registers[..used].iter().enumerate() {
                    sum.store(sums.as_mut_ptr().add(i * V::COUNT));
                }
            }
            chunk.copy_from_slice(&sums[..chunk.len()]);
        }
    }
}

per_isa! {
    /// Reads the pixels of a square patch of zeros.
    fn read(level: &Plane, grid: &Grid, blur: Option<&LongBlur>, out: &mut Plane), read_with, wide
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::*;
    use crate::shape::Shape;
    use crate::sift::{Sift, SiftConfig};

    /// Waves of several lengths and directions.
    fn waves() -> Gray {
        let value = |i: usize| {
            let (x, y) = ((i % 200) as f32, (i / 200) as f32);
            let sum = (0.21 * x + 0.05 * y).sin() + (0.09 * x - 0.17 * y).sin() + (0.31 * y).cos();
            (128.0 + 40.0 * sum) as u8
        };
        Gray::new(200, 160, (0..200 * 160).map(value).collect()).unwrap()
    }

    fn at(x: f32, y: f32, scale: f32, angle: f32, shape: Shape) -> Keypoint {
        Keypoint {
            x,
            y,
            scale,
            angle,
            shape,
            response: 0.0,
        }
    }

    #[test]
    fn a_patch_shows_a_ramp_as_its_frame_says() {
        let value = |i: usize| ((i % 200) / 2 + (i / 200)) as u8;
        let image = Gray::new(200, 150, (0..200 * 150).map(value).collect()).unwrap();
        let pyramid = Pyramid::of(&image);
        for (angle, u, v) in [
            (0.0, 0.0, 0.0),
            (1.1, 0.0, 0.0),
            (0.4, 0.5, 0.0),
            (2.0, -0.3, 0.6),
        ] {
            let keypoint = at(101.0, 74.0, 3.0, angle, Shape { u, v });
            let layout = PatchLayout {
                side: 15,
                sigma: 2.0,
                blur: 1.5,
            };
            let patch = Patch::of(&pyramid, &keypoint, &layout).unwrap();
            let [[a, b], [c, d]] = keypoint
                .shape
                .matrix()
                .map(|row| row.map(|m| 1.5 * m as f32));
            let (sin, cos) = angle.sin_cos();
            for j in 0..15 {
                for i in 0..15 {
                    let (p, q) = (i as f32 - 7.0, j as f32 - 7.0);
                    let (p, q) = (cos * p - sin * q, sin * p + cos * q);
                    let (x, y) = (101.0 + a * p + b * q, 74.0 + c * p + d * q);
                    // Whole grey values are a quarter below the ramp on average.
                    let wanted = 0.5 * x + y - 0.25;
                    let found = patch.row(j)[i];
                    assert!((found - wanted).abs() < 0.3, "{i} {j}: {found} {wanted}");
                }
            }
        }
    }

    #[test]
    fn rows_along_the_blur_are_read_as_others_by_all_instruction_sets() {
        let pyramid = Pyramid::of(&waves());
        let layout = PatchLayout {
            side: 31,
            sigma: 1.6,
            blur: 0.8,
        };
        for (u, v, scale) in [
            (0.6, 0.3, 4.0),
            (-0.9, 0.4, 6.0),
            (0.1, -0.5, 9.0),
            (0.0, 1.3, 5.0),
        ] {
            let shape = Shape { u, v };
            let along = at(99.3, 81.8, scale, shape.long_axis(), shape);
            let size = scale / layout.sigma;
            let stretch = shape.u.hypot(shape.v).exp();
            let level = pyramid.level(layout.blur * size / stretch).unwrap();
            let grid = Grid::of(&along, size, &level);
            let blur = LongBlur::of(&along, layout.blur * size * stretch, &level).unwrap();
            assert!(grid.samples(&blur).is_some());
            let mut twin = Plane::new(layout.side, layout.side);
            // SAFETY: plain values need no instruction set.
            unsafe { read_rows::<f32>(level.plane, &grid, &blur.taps(), &mut twin) };
            for isa in Isa::available() {
                let mut patch = Plane::new(layout.side, layout.side);
                read(isa, level.plane, &grid, Some(&blur), &mut patch);
                let pairs = twin.data().iter().zip(patch.data());
                let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                // The samples of the two are not the same ones.
                assert!(apart < 1.0, "{isa:?} {shape:?}: {apart}");
            }
        }
    }

    #[test]
    fn sift_of_a_patch_is_that_of_the_plane() {
        let image = waves();
        let pyramid = Pyramid::of(&image);
        let config = SiftConfig {
            root: false,
            ..SiftConfig::default()
        };
        let found = Sift::new(config).extract(&image);
        let (mut apart, mut pointing) = (Vec::new(), 0);
        for (keypoint, descriptor) in found.keypoints.iter().zip(&found.descriptors) {
            let reach = 11.0 * keypoint.scale;
            let inside = |v: f32, side: f32| v > reach && v + reach < side;
            if !inside(keypoint.x, 200.0) || !inside(keypoint.y, 160.0) {
                continue;
            }
            let upright = Keypoint {
                angle: 0.0,
                ..*keypoint
            };
            let patch = Patch::of(&pyramid, &upright, &PatchLayout::SIFT).unwrap();
            let turn = |a: f32| (a - keypoint.angle + 3.2).rem_euclid(6.283_185_5) - 3.2;
            let mut angles = patch.directions().into_iter();
            pointing += usize::from(angles.any(|a| turn(a).abs() < 0.15));
            let own = patch.sift(keypoint.angle, false);
            let square = |(&a, &b): (&u8, &u8)| (f32::from(a) - f32::from(b)).powi(2);
            apart.push(own.iter().zip(descriptor).map(square).sum::<f32>().sqrt());
        }
        apart.sort_by(f32::total_cmp);
        assert!(apart.len() > 10, "{}", apart.len());
        // A direction of four fifths of the highest may be one of a little less.
        assert!(
            10 * pointing >= 9 * apart.len(),
            "{pointing} of {}",
            apart.len()
        );
        // Of 512, the length of a descriptor.
        assert!(apart[apart.len() / 2] < 40.0, "{apart:?}");
    }

    #[test]
    fn what_is_no_keypoint_has_no_patch_and_nothing_panics() {
        let pyramid = Pyramid::of(&waves());
        let circle = Shape::CIRCLE;
        for (x, y, scale, angle, shape) in [
            (f32::NAN, 1.0, 1.0, 0.0, circle),
            (1.0, f32::INFINITY, 1.0, 0.0, circle),
            (1.0, 1.0, 0.0, 0.0, circle),
            (1.0, 1.0, f32::NAN, 0.0, circle),
            (1.0, 1.0, 1.0, f32::NAN, circle),
            (1.0, 1.0, 1.0, 0.0, Shape { u: 3.0, v: 0.0 }),
        ] {
            let keypoint = at(x, y, scale, angle, shape);
            assert_eq!(Patch::of(&pyramid, &keypoint, &PatchLayout::SIFT), None);
        }
        let stretched = Shape { u: 1.2, v: -1.6 };
        for scale in [1e-6, 1.0, 40.0, 1e8] {
            for (x, y) in [(100.0, 80.0), (-1e8, 3.0), (199.0, 1e8)] {
                for (side, blur) in [(0, 2.0), (3, 0.0), (900, 1.0), (20, f32::NAN), (20, 1e30)] {
                    let layout = PatchLayout {
                        side,
                        sigma: 2.0,
                        blur,
                    };
                    let keypoint = at(x, y, scale, 1.0, stretched);
                    let patch = Patch::of(&pyramid, &keypoint, &layout).unwrap();
                    assert_eq!(patch.side(), side.clamp(3, 255));
                    let _ = (patch.directions(), patch.sift(0.3, true));
                }
            }
        }
        let empty = Pyramid::of(&Gray::filled(4, 900, 9).unwrap());
        let keypoint = at(1.0, 1.0, 1.0, 0.0, circle);
        assert_eq!(Patch::of(&empty, &keypoint, &PatchLayout::SIFT), None);
    }
}
