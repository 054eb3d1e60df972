//! Blobs as maxima of the determinant of the Hessian in position and scale (Lindeberg, IJCV 1998; Mikolajczyk & Schmid,
//! IJCV 2004).
//!
//! Mikolajczyk & Schmid take the maxima of the determinant in each plane and keep those where the Laplacian has an extremum
//! over scale. Here the determinant chooses the scale as well, as in Perdoch's Hessian-Affine (CVPR 2009) and in VLFeat's
//! `covdet`: a blob is a maximum among its 26 neighbours, and one structure is found once. For a Gaussian blob both
//! criteria give the same scale, the blob's own standard deviation. Only positive determinants count: saddles are no blobs.
//!
//! As with the difference of Gaussians, responses are never stored as planes: three rows of each are kept while the scale
//! space is swept, and what is a maximum in them is refined a few rows later from the Gaussian planes themselves.

#![allow(unsafe_code)]

use std::collections::VecDeque;

use vizsla_pixels::{Isa, Lanes, Plane, ROWS_KEPT, per_isa};

use crate::dog::{Blob, drop_twins};
use crate::quadratic::{Cube, Quadratic, step};
use crate::row_test::{RowTest, passing_columns};

/// Pixels along the border of an octave in which nothing is detected.
const BORDER: usize = 5;
/// Steps of the refinement before a point is given up.
const MAX_STEPS: usize = 5;
/// Rows up or down that the refinement may move a point; with the neighbours of its neighbours they must still be there.
const REACH: usize = 4;
const _: () = assert!(2 * REACH + 5 < ROWS_KEPT);
/// Largest offset from a pixel. With a half, a maximum midway between two planes is sent back and forth and lost.
const NEAR: f32 = 0.6;
/// Share of the threshold that a pixel must have before it is refined.
const FIRST_SHARE: f32 = 0.8;

/// Thresholds of the detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct HessianConfig {
    /// Smallest response, see [`Blob::response`]: the square root of the determinant times σ², grey values as `[0, 1]`.
    pub(super) threshold: f32,
    /// Largest ratio of the principal curvatures.
    pub(super) edge_threshold: f32,
}

/// A pixel of one plane of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    layer: usize,
    y: usize,
    x: usize,
}

/// Finds blobs while a scale space is swept.
pub(super) struct HessianSearch {
    isa: Isa,
    config: HessianConfig,
    /// Blur of plane 0 of every octave in its pixels.
    sigma: f32,
    /// The last three rows of the responses of every plane.
    rows: Vec<[Vec<f32>; 3]>,
    columns: Vec<usize>,
    waiting: VecDeque<Place>,
    /// Blobs of the octave at hand.
    found: Vec<Blob>,
    /// Blobs of those before, in the order octave, layer, row, column.
    blobs: Vec<Blob>,
}

impl HessianSearch {
    pub(super) fn new(isa: Isa, sigma: f32, config: HessianConfig) -> Self {
        Self {
            isa,
            config,
            sigma,
            rows: Vec::new(),
            columns: Vec::new(),
            waiting: VecDeque::new(),
            found: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// Takes row `y` of the planes of an octave; rows come from top to bottom.
    pub(super) fn row(&mut self, octave: usize, y: usize, planes: &[Plane]) {
        let (width, height) = (planes[0].width(), planes[0].height());
        let last = y + 1 == height;
        if y == 0 {
            self.rows.resize_with(planes.len(), Default::default);
            for row in self.rows.iter_mut().flatten() {
                row.clear();
                row.resize(width, 0.0);
            }
        }
        if y >= 2 {
            for (index, plane) in planes[..planes.len() - 1].iter().enumerate() {
                let weight = weight(blur(self.sigma, index, planes));
                let around = [y - 2, y - 1, y].map(|line| plane.row(line));
                determinants(self.isa, around, weight, &mut self.rows[index][(y - 1) % 3]);
            }
            self.search(y - 2, planes.len() - 1, height);
        }
        let ready = |place: &mut Place| last || place.y + REACH + 2 <= y;
        while let Some(place) = self.waiting.pop_front_if(ready) {
            let blob = self.refined(octave, planes, place);
            self.found.extend(blob);
        }
        if last {
            drop_twins(&mut self.found, 0);
            self.blobs.append(&mut self.found);
        }
    }

    /// What was found.
    pub(super) fn into_blobs(self) -> Vec<Blob> {
        self.blobs
    }

    /// Finds the maxima of row `y` of the responses, whose neighbours above and below are there.
    fn search(&mut self, y: usize, count: usize, height: usize) {
        if y < BORDER || y + BORDER >= height {
            return;
        }
        let least = (FIRST_SHARE * self.config.threshold).powi(2);
        for layer in 1..count - 1 {
            let rows = [layer - 1, layer, layer + 1].map(|l| {
                let ring = &self.rows[l];
                [&ring[(y + 2) % 3][..], &ring[y % 3], &ring[(y + 1) % 3]]
            });
            maxima(self.isa, &rows, least, &mut self.columns);
            let first = |&x: &usize| is_first(&rows, x);
            let found = self.columns.drain(..).filter(first);
            self.waiting.extend(found.map(|x| Place { layer, y, x }));
        }
    }

    fn refined(&self, octave: usize, planes: &[Plane], from: Place) -> Option<Blob> {
        let (place, offset, value) = refine(planes, self.sigma, from)?;
        let response = value.max(0.0).sqrt();
        let curved = second_derivatives(&planes[place.layer], place.x, place.y);
        if response < self.config.threshold || !is_round(curved, self.config.edge_threshold) {
            return None;
        }
        let layers = planes.len() - 3;
        let interval = (place.layer as f32 + offset[2]) / layers as f32;
        Some(Blob {
            octave,
            layer: place.layer,
            x: place.x as f32 + offset[0],
            y: place.y as f32 + offset[1],
            sigma: self.sigma * 2.0f32.powf(interval),
            response,
        })
    }
}

/// Blur of a plane in its pixels.
fn blur(sigma: f32, index: usize, planes: &[Plane]) -> f32 {
    sigma * 2.0f32.powf(index as f32 / (planes.len() - 3) as f32)
}

/// What normalises the determinant of a plane of this blur, grey values as `[0, 1]`.
pub(super) fn weight(sigma: f32) -> f32 {
    (sigma * sigma / 255.0).powi(2)
}

/// `[xx, xy, yy]` by central differences, in grey values (0 to 255) per square pixel; `(x, y)` is not on the border.
pub(super) fn second_derivatives(plane: &Plane, x: usize, y: usize) -> [f32; 3] {
    let [above, here, below] = [y - 1, y, y + 1].map(|row| &plane.row(row)[x - 1..=x + 1]);
    [
        here[2] + here[0] - 2.0 * here[1],
        0.25 * (below[2] - below[0] - above[2] + above[0]),
        below[1] + above[1] - 2.0 * here[1],
    ]
}

/// `weight · det H` of the middle one of three rows, without its first and last value.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn determinants_with<V: Lanes>(rows: [&[f32]; 3], weight: f32, out: &mut [f32]) {
    let width = out.len();
    assert!(rows.iter().all(|row| row.len() == width));
    let rows = rows.map(<[f32]>::as_ptr);
    let end = width.saturating_sub(1);
    let mut x = 1;
    // SAFETY: values from `x - 1` to one after the last of a register lie within the rows.
    unsafe {
        while x + V::COUNT <= end {
            determinant::<V>(rows, x, weight).store(out.as_mut_ptr().add(x));
            x += V::COUNT;
        }
        while x < end {
            out[x] = determinant::<f32>(rows, x, weight);
            x += 1;
        }
    }
}

per_isa! {
    pub(super) fn determinants(rows: [&[f32]; 3], weight: f32, out: &mut [f32]), determinants_with, wide
}

/// # Safety
/// The rows must be valid from `x - 1` to `x + V::COUNT`, and the processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn determinant<V: Lanes>(rows: [*const f32; 3], x: usize, weight: f32) -> V {
    // SAFETY: the caller vouches for the rows and the instruction set.
    unsafe {
        let at = |row: usize, column: usize| V::load(rows[row].add(column));
        let twice = at(1, x).add(at(1, x));
        let xx = at(1, x + 1).add(at(1, x - 1)).sub(twice);
        let yy = at(2, x).add(at(0, x)).sub(twice);
        let falling = at(2, x + 1).add(at(0, x - 1));
        let rising = at(2, x - 1).add(at(0, x + 1));
        let xy = falling.sub(rising).mul(V::splat(0.25));
        xx.mul(yy).sub(xy.mul(xy)).mul(V::splat(weight))
    }
}

/// Pixels of the middle of nine rows that have at least `least`, and none of whose 26 neighbours has more.
struct Maxima {
    rows: [[*const f32; 3]; 3],
    least: f32,
}

impl RowTest for Maxima {
    #[inline(always)]
    unsafe fn passing<V: Lanes>(&self, x: usize) -> u32 {
        // SAFETY: the caller vouches for the rows and the instruction set.
        unsafe {
            let value = V::load(self.rows[1][1].add(x));
            let mut found = value.bits_not_less(V::splat(self.least));
            for layer in [1, 0, 2] {
                if found == 0 {
                    return 0;
                }
                let mut high = value;
                for row in self.rows[layer] {
                    for column in [x - 1, x, x + 1] {
                        high = high.max(V::load(row.add(column)));
                    }
                }
                found &= value.bits_not_less(high);
            }
            found
        }
    }
}

/// Columns of the middle row whose value is at least `least` and not below that of any of the 26 neighbours.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn maxima_with<V: Lanes>(rows: &[[&[f32]; 3]; 3], least: f32, found: &mut Vec<usize>) {
    let width = rows[1][1].len();
    assert!(rows.iter().flatten().all(|row| row.len() == width));
    let rows = rows.map(|layer| layer.map(<[f32]>::as_ptr));
    // SAFETY: the rows have one length, and the caller vouches for the instruction set.
    unsafe { passing_columns::<V>(&Maxima { rows, least }, width, BORDER, found) }
}

per_isa! {
    fn maxima(rows: &[[&[f32]; 3]; 3], least: f32, found: &mut Vec<usize>), maxima_with, wide
}

/// Whether no neighbour that comes before a maximum has as much.
fn is_first(rows: &[[&[f32]; 3]; 3], x: usize) -> bool {
    let value = rows[1][1][x];
    let lower = |row: &[f32]| row[x - 1] < value && row[x] < value && row[x + 1] < value;
    let [above, here, below] = rows[0];
    lower(above) && lower(here) && lower(below) && lower(rows[1][0]) && rows[1][1][x - 1] < value
}

/// The pixel nearest to the maximum of the quadratic, the offset from it in columns, rows and layers, and the value
/// there.
fn refine(planes: &[Plane], sigma: f32, from: Place) -> Option<(Place, [f32; 3], f32)> {
    let (width, height) = (planes[0].width(), planes[0].height());
    let mut at = from;
    for _ in 0..MAX_STEPS {
        let cube = cube(planes, sigma, at);
        let quadratic = Quadratic::of(&cube);
        let offset = quadratic.stationary()?;
        if offset.iter().all(|o| o.abs() < NEAR) {
            let gain: f32 = (quadratic.gradient.iter().zip(offset))
                .map(|(g, o)| g * o)
                .sum();
            return Some((at, offset, cube[1][1][1] + 0.5 * gain));
        }
        at = Place {
            layer: step(at.layer, offset[2], 1, planes.len() - 2)?,
            y: step(at.y, offset[1], BORDER, height.checked_sub(BORDER)?)?,
            x: step(at.x, offset[0], BORDER, width.checked_sub(BORDER)?)?,
        };
        if at.y.abs_diff(from.y) > REACH {
            return None;
        }
    }
    None
}

/// The 27 responses around a pixel.
fn cube(planes: &[Plane], sigma: f32, at: Place) -> Cube {
    let mut cube = [[[0.0; 3]; 3]; 3];
    for (index, slice) in (at.layer - 1..).zip(&mut cube) {
        let weight = weight(blur(sigma, index, planes));
        let mut block = [[0.0; 5]; 5];
        for (y, line) in (at.y - 2..).zip(&mut block) {
            line.copy_from_slice(&planes[index].row(y)[at.x - 2..at.x + 3]);
        }
        for (r, line) in slice.iter_mut().enumerate() {
            let [above, here, below] = [&block[r], &block[r + 1], &block[r + 2]];
            for (c, value) in line.iter_mut().enumerate() {
                let twice = 2.0 * here[c + 1];
                let xx = here[c + 2] + here[c] - twice;
                let yy = below[c + 1] + above[c + 1] - twice;
                let xy = 0.25 * (below[c + 2] - below[c] - above[c + 2] + above[c]);
                *value = weight * (xx * yy - xy * xy);
            }
        }
    }
    cube
}

/// Whether the ratio of the principal curvatures stays below `edge`.
fn is_round([xx, xy, yy]: [f32; 3], edge: f32) -> bool {
    let (trace, determinant) = (xx + yy, xx * yy - xy * xy);
    determinant > 0.0 && trace * trace * edge < (edge + 1.0) * (edge + 1.0) * determinant
}
