//! Corners that choose their scale: Harris-Laplace (Mikolajczyk & Schmid, IJCV 2004), by its one-pass form.
//!
//! In every plane the corners of the scale-adapted Harris measure are found; one is kept where the normalised Laplacian at
//! its position has an extremum over scale. The differentiation scale is the integration scale over √2, which is two of the
//! four planes of an octave, so a corner at plane `i` asks the Laplacian of planes `i + 1`, `i + 2` and `i + 3`. Planes are a
//! factor of 1.19 apart, below the 1.2 at which the paper finds the one pass as good as its iteration.

use vizsla_pixels::Plane;

use super::hessian::second_derivatives;
use crate::dog::Blob;
use crate::pyramid::Octave;

/// Intervals of an octave that this detector needs.
pub(super) const LAYERS: usize = 4;
/// Planes from the differentiation to the integration scale.
const APART: usize = 2;
/// What the square of the trace weighs against the determinant (Harris & Stephens 1988).
const ALPHA: f32 = 0.06;
/// Pixels along the border of an octave in which nothing is detected.
const BORDER: usize = 5;
/// The integration window ends at this many standard deviations.
const REACH: f32 = 3.0;
/// Smallest Laplacian over the threshold of the corner.
const LAPLACIAN_SHARE: f32 = 0.5;

/// Memory for one plane of an octave.
#[derive(Clone, Debug, Default)]
pub(super) struct HarrisPlanes {
    /// The second moment matrix: xx, xy, yy.
    moments: [Plane; 3],
    half_blurred: Plane,
    measure: Plane,
}

/// Adds the corners of an octave, in the order layer, row, column. `sigma` is the blur of its plane 0 in its pixels, and
/// `threshold` the smallest response: the fourth root of the Harris measure, grey values as `[0, 1]`.
pub(super) fn detect(
    number: usize,
    octave: &Octave<'_>,
    sigma: f32,
    threshold: f32,
    memory: &mut HarrisPlanes,
    blobs: &mut Vec<Blob>,
) {
    let blur = |index: f32| sigma * 2.0f32.powf(index / LAYERS as f32);
    for index in 0..octave.layers() {
        let plane = octave.plane(index);
        memory.measure(plane, blur(index as f32), blur((index + APART) as f32));
        let measure = &memory.measure;
        for (x, y) in corners(measure, threshold.powi(4)) {
            let middle = index + APART;
            let laplacian = [middle - 1, middle, middle + 1]
                .map(|level| laplacian(octave.plane(level), blur(level as f32), x, y).abs());
            let [finer, here, coarser] = laplacian;
            if here <= finer.max(coarser) || here < LAPLACIAN_SHARE * threshold {
                continue;
            }
            let (dx, dy) = vertex(measure, x, y);
            let ds = 0.5 * (finer - coarser) / (finer - 2.0 * here + coarser);
            blobs.push(Blob {
                octave: number,
                layer: middle.min(octave.layers()),
                x: x as f32 + dx,
                y: y as f32 + dy,
                sigma: blur(middle as f32 + ds),
                response: measure.row(y)[x].sqrt().sqrt(),
            });
        }
    }
}

impl HarrisPlanes {
    /// The Harris measure of a plane of blur `fine`, integrated over a window of `coarse`, both in pixels.
    pub(super) fn measure(&mut self, plane: &Plane, fine: f32, coarse: f32) -> &Plane {
        products(plane, fine, &mut self.moments);
        for moment in &mut self.moments {
            smooth(moment, coarse, &mut self.half_blurred);
        }
        let (width, height) = (plane.width(), plane.height());
        self.measure.reset(width, height);
        for y in 0..height {
            let [xx, xy, yy] = [0, 1, 2].map(|i: usize| self.moments[i].row(y));
            for (x, value) in self.measure.row_mut(y).iter_mut().enumerate() {
                let trace = xx[x] + yy[x];
                *value = xx[x] * yy[x] - xy[x] * xy[x] - ALPHA * trace * trace;
            }
        }
        &self.measure
    }
}

/// `σ²` times the products of the first derivatives, grey values as `[0, 1]`; 0 along the border.
fn products(plane: &Plane, sigma: f32, out: &mut [Plane; 3]) {
    let (width, height) = (plane.width(), plane.height());
    let scale = (0.5 * sigma / 255.0).powi(2);
    let [xx, xy, yy] = out;
    for out in [&mut *xx, &mut *xy, &mut *yy] {
        out.reset(width, height);
    }
    for y in 0..height {
        let (xx, xy, yy) = (xx.row_mut(y), xy.row_mut(y), yy.row_mut(y));
        if y == 0 || y + 1 == height || width < 3 {
            [xx, xy, yy].into_iter().for_each(|row| row.fill(0.0));
            continue;
        }
        for row in [&mut *xx, &mut *xy, &mut *yy] {
            (row[0], row[width - 1]) = (0.0, 0.0);
        }
        let [above, here, below] = [y - 1, y, y + 1].map(|line| plane.row(line));
        for x in 1..width - 1 {
            let (dx, dy) = (here[x + 1] - here[x - 1], below[x] - above[x]);
            xx[x] = scale * dx * dx;
            xy[x] = scale * dx * dy;
            yy[x] = scale * dy * dy;
        }
    }
}

/// Gaussian blur of a plane in its place; the border is repeated outwards.
fn smooth(plane: &mut Plane, sigma: f32, scratch: &mut Plane) {
    let (width, height) = (plane.width(), plane.height());
    let radius = (REACH * sigma).ceil() as usize;
    let weight = |d: usize| (-0.5 * (d as f32 / sigma).powi(2)).exp();
    let total = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f32>();
    let half: Vec<f32> = (0..=radius).map(|d| weight(d) / total).collect();
    scratch.reset(width, height);
    for y in 0..height {
        let out = scratch.row_mut(y);
        out.iter_mut()
            .zip(plane.row(y))
            .for_each(|(o, v)| *o = half[0] * v);
        for (d, &weight) in half.iter().enumerate().skip(1) {
            let (above, below) = (
                plane.row(y.saturating_sub(d)),
                plane.row((y + d).min(height - 1)),
            );
            for ((o, a), b) in out.iter_mut().zip(above).zip(below) {
                *o += weight * (a + b);
            }
        }
    }
    let mut padded = vec![0.0; width + 2 * radius];
    for y in 0..height {
        let row = scratch.row(y);
        padded[..radius].fill(row[0]);
        padded[radius..radius + width].copy_from_slice(row);
        padded[radius + width..].fill(row[width - 1]);
        let out = plane.row_mut(y);
        out.iter_mut().zip(row).for_each(|(o, v)| *o = half[0] * v);
        for (d, &weight) in half.iter().enumerate().skip(1) {
            let (left, right) = (&padded[radius - d..], &padded[radius + d..]);
            for ((o, a), b) in out.iter_mut().zip(left).zip(right) {
                *o += weight * (a + b);
            }
        }
    }
}

/// Pixels of at least `least` that exceed their eight neighbours.
pub(super) fn corners(measure: &Plane, least: f32) -> Vec<(usize, usize)> {
    let (width, height) = (measure.width(), measure.height());
    let mut found = Vec::new();
    for y in BORDER..height.saturating_sub(BORDER) {
        let [above, here, below] = [y - 1, y, y + 1].map(|line| measure.row(line));
        for x in BORDER..width.saturating_sub(BORDER) {
            let value = here[x];
            if value >= least
                && value > here[x - 1]
                && value >= here[x + 1]
                && above[x - 1..=x + 1].iter().all(|&other| value > other)
                && below[x - 1..=x + 1].iter().all(|&other| value >= other)
            {
                found.push((x, y));
            }
        }
    }
    found
}

/// `σ²` times the Laplacian, grey values as `[0, 1]`; `(x, y)` is not on the border.
pub(super) fn laplacian(plane: &Plane, sigma: f32, x: usize, y: usize) -> f32 {
    let [xx, _, yy] = second_derivatives(plane, x, y);
    sigma * sigma / 255.0 * (xx + yy)
}

/// Where the quadratic through a maximum and its eight neighbours is highest, at most half a pixel away in either
/// direction.
fn vertex(measure: &Plane, x: usize, y: usize) -> (f32, f32) {
    let [xx, xy, yy] = second_derivatives(measure, x, y);
    let here = measure.row(y);
    let gx = 0.5 * (here[x + 1] - here[x - 1]);
    let gy = 0.5 * (measure.row(y + 1)[x] - measure.row(y - 1)[x]);
    let determinant = xx * yy - xy * xy;
    if determinant <= 0.0 {
        return (0.0, 0.0);
    }
    let dx = (xy * gy - yy * gx) / determinant;
    let dy = (xy * gx - xx * gy) / determinant;
    (dx.clamp(-0.5, 0.5), dy.clamp(-0.5, 0.5))
}
