//! The difference-of-Gaussians detector (Lowe 2004, sections 3 and 4).
//!
//! Differences are never stored as planes: while the scale space is swept from top to bottom, the last three rows of
//! every difference are kept, the middle ones are searched for extrema among their 26 neighbours, and what passes is
//! refined a few rows later from the Gaussian planes themselves. Thresholds, the border of five pixels and the at most five
//! steps of refinement follow OpenCV's SIFT so that the two find the same points.

#![allow(unsafe_code)]

use std::collections::VecDeque;

use vizsla_pixels::{Isa, Lanes, Plane, ROWS_KEPT, ScaleSpace, per_isa};

use crate::quadratic::{Cube, Quadratic, step};
use crate::row_test::{RowTest, passing_columns};

/// Pixels along the border of an octave in which nothing is detected.
const BORDER: usize = 5;
/// Steps of the refinement before a point is given up.
const MAX_STEPS: usize = 5;
/// Rows up or down that the refinement may move a point; together with their neighbours they must still be there.
const REACH: usize = 5;
const _: () = assert!(2 * REACH + 3 < ROWS_KEPT);

/// Smallest `|D|` of an extremum among whole pixels over that of the refined one. OpenCV takes a half, rounded down to whole grey
/// values; by 0.8 two of 49,907 features of eight pictures are lost, and the rest is the same to the last bit.
const WHOLE_PIXEL_SHARE: f32 = 0.8;

/// Thresholds of the detector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DogConfig {
    /// Smallest `|D|` times `layers`, grey values as `[0, 1]`.
    pub(crate) contrast_threshold: f32,
    /// Largest ratio of the principal curvatures.
    pub(crate) edge_threshold: f32,
}

/// A refined extremum, before it has a direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Blob {
    /// Octave in which it was found.
    pub(crate) octave: usize,
    /// Layer of the difference, `1..=layers`; also the Gaussian plane nearest below its scale.
    pub(crate) layer: usize,
    /// Column in pixels of the octave.
    pub(crate) x: f32,
    /// Row in pixels of the octave.
    pub(crate) y: f32,
    /// Standard deviation in pixels of the octave.
    pub(crate) sigma: f32,
    /// `|D|` at the refined point, grey values as `[0, 1]`.
    pub(crate) response: f32,
}

/// A pixel that exceeds (or falls below) all its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    layer: usize,
    y: usize,
    x: usize,
}

/// The last three rows of every difference of an octave.
#[derive(Debug, Default)]
pub(crate) struct DogRows {
    rows: Vec<[Vec<f32>; 3]>,
}

impl DogRows {
    fn reset(&mut self, differences: usize, width: usize) {
        self.rows.resize_with(differences, Default::default);
        for ring in &mut self.rows {
            ring.iter_mut().for_each(|row| row.resize(width, 0.0));
        }
    }

    /// Rows `y - 1`, `y`, `y + 1` of difference `layer`.
    fn around(&self, layer: usize, y: usize) -> [&[f32]; 3] {
        let ring = &self.rows[layer];
        [&ring[(y + 2) % 3], &ring[y % 3], &ring[(y + 1) % 3]]
    }

    fn push(&mut self, isa: Isa, y: usize, planes: &[Plane]) {
        for (ring, pair) in self.rows.iter_mut().zip(planes.windows(2)) {
            subtract(isa, pair[0].row(y), pair[1].row(y), &mut ring[y % 3]);
        }
    }

    /// Finds the extrema of row `y`, whose neighbours above and below are there.
    fn search(&self, isa: Isa, y: usize, threshold: f32, found: &mut VecDeque<Candidate>) {
        let mut columns = Vec::new();
        for layer in 1..self.rows.len() - 1 {
            let rows = [layer - 1, layer, layer + 1].map(|l| self.around(l, y));
            scan(isa, &rows, threshold, &mut columns);
            found.extend(columns.drain(..).map(|x| Candidate { layer, y, x }));
        }
    }
}

/// Builds the scale space of an 8-bit image and finds its blobs, in the order octave, layer, row, column.
pub(crate) fn detect(
    space: &mut ScaleSpace,
    rows: &mut DogRows,
    data: &[u8],
    width: usize,
    height: usize,
    config: &DogConfig,
) -> Vec<Blob> {
    let (layers, isa) = (space.config().layers, space.isa());
    let threshold = WHOLE_PIXEL_SHARE * config.contrast_threshold / layers as f32 * 255.0;
    let sigma = space.config().sigma;
    let mut waiting = VecDeque::new();
    let mut blobs = Vec::new();
    let mut first = 0;
    space.build(data, width, height, |octave, y, planes| {
        let rows_here = planes[0].height();
        if y == 0 {
            rows.reset(layers + 2, planes[0].width());
            first = blobs.len();
        }
        rows.push(isa, y, planes);
        if y > BORDER && y <= rows_here - BORDER {
            rows.search(isa, y - 1, threshold, &mut waiting);
        }
        let last = y + 1 == rows_here;
        while let Some(candidate) =
            waiting.pop_front_if(|c: &mut Candidate| last || c.y + REACH < y)
        {
            blobs.extend(refine(planes, layers, sigma, octave, candidate, config));
        }
        if last {
            drop_twins(&mut blobs, first);
        }
    });
    blobs
}

/// Removes points, from the one numbered `first` on, that the refinement moved onto one another.
pub(crate) fn drop_twins(blobs: &mut Vec<Blob>, first: usize) {
    let mut tail = blobs.split_off(first);
    tail.sort_by(|a, b| {
        (a.layer.cmp(&b.layer))
            .then(a.y.total_cmp(&b.y))
            .then(a.x.total_cmp(&b.x))
    });
    tail.dedup_by(|a, b| {
        a.layer == b.layer && (a.x - b.x).abs() < 1e-3 && (a.y - b.y).abs() < 1e-3
    });
    blobs.append(&mut tail);
}

/// Differences of one row: `coarse - fine`.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn subtract_with<V: Lanes>(fine: &[f32], coarse: &[f32], out: &mut [f32]) {
    let width = out.len().min(fine.len()).min(coarse.len());
    let whole = width - width % V::COUNT;
    for x in (0..whole).step_by(V::COUNT) {
        // SAFETY: a register from `x` on ends within all three rows.
        unsafe {
            let (c, f) = (
                V::load(coarse.as_ptr().add(x)),
                V::load(fine.as_ptr().add(x)),
            );
            c.sub(f).store(out.as_mut_ptr().add(x));
        }
    }
    for x in whole..width {
        out[x] = coarse[x] - fine[x];
    }
}

per_isa! {
    fn subtract(fine: &[f32], coarse: &[f32], out: &mut [f32]), subtract_with, wide
}

/// Places around a pixel, row and column of three each: those beside it, then those across.
const BESIDE: [(usize, usize); 4] = [(1, 0), (1, 2), (0, 1), (2, 1)];
const ACROSS: [(usize, usize); 4] = [(0, 0), (0, 2), (2, 0), (2, 2)];

/// Which of the values are no less (`bright`) or no more (the others) than those at the places around `x`.
///
/// # Safety
/// Each row must be valid from `x - 1` to `x + V::COUNT`, and the processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn extreme<V: Lanes, const N: usize>(
    rows: &[*const f32; 3],
    x: usize,
    places: [(usize, usize); N],
    value: V,
    bright: u32,
) -> u32 {
    // SAFETY: the caller vouches for the rows and the instruction set.
    unsafe {
        let at = |(row, column): (usize, usize)| V::load(rows[row].add(x + column - 1));
        let (mut low, mut high) = (at(places[0]), at(places[0]));
        for &place in &places[1..] {
            let other = at(place);
            low = low.min(other);
            high = high.max(other);
        }
        (value.bits_not_less(high) & bright) | (low.bits_not_less(value) & !bright)
    }
}

/// Extrema of the middle of nine rows; cheap tests first.
struct Extrema {
    rows: [[*const f32; 3]; 3],
    threshold: f32,
}

impl RowTest for Extrema {
    #[inline(always)]
    unsafe fn passing<V: Lanes>(&self, x: usize) -> u32 {
        let rows = &self.rows;
        // SAFETY: the caller vouches for the rows and the instruction set.
        unsafe {
            let value = V::load(rows[1][1].add(x));
            let weak = V::splat(self.threshold).bits_not_less(value.abs());
            let mut found = weak ^ (u32::MAX >> (32 - V::COUNT));
            if found == 0 {
                return 0;
            }
            let bright = value.bits_not_less(V::splat(0.0));
            // What is no extremum is so most often among the nearest already.
            found &= extreme::<V, 4>(&rows[1], x, BESIDE, value, bright);
            if found == 0 {
                return 0;
            }
            found &= extreme::<V, 4>(&rows[1], x, ACROSS, value, bright);
            for layer in [0, 2] {
                let centre = V::load(rows[layer][1].add(x));
                found &= (value.bits_not_less(centre) & bright)
                    | (centre.bits_not_less(value) & !bright);
                if found == 0 {
                    return 0;
                }
            }
            for layer in [0, 2] {
                found &= extreme::<V, 4>(&rows[layer], x, BESIDE, value, bright)
                    & extreme::<V, 4>(&rows[layer], x, ACROSS, value, bright);
            }
            found
        }
    }
}

/// Columns of row `y` that are extrema of the middle of three differences.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn scan_with<V: Lanes>(rows: &[[&[f32]; 3]], threshold: f32, found: &mut Vec<usize>) {
    let width = rows[1][1].len();
    assert!(rows.len() == 3 && rows.iter().flatten().all(|row| row.len() == width));
    let rows = [0, 1, 2].map(|layer: usize| [0, 1, 2].map(|row: usize| rows[layer][row].as_ptr()));
    // SAFETY: the rows have one length, and the caller vouches for the instruction set.
    unsafe { passing_columns::<V>(&Extrema { rows, threshold }, width, BORDER, found) }
}

per_isa! {
    fn scan(rows: &[[&[f32]; 3]], threshold: f32, found: &mut Vec<usize>), scan_with, wide
}

/// The 27 differences around a pixel.
fn cube(planes: &[Plane], layer: usize, y: usize, x: usize) -> Cube {
    let mut cube = [[[0.0; 3]; 3]; 3];
    for (l, slice) in cube.iter_mut().enumerate() {
        let (fine, coarse) = (&planes[layer + l - 1], &planes[layer + l]);
        for (r, line) in slice.iter_mut().enumerate() {
            let (f, c) = (
                &fine.row(y + r - 1)[x - 1..=x + 1],
                &coarse.row(y + r - 1)[x - 1..=x + 1],
            );
            for (d, value) in line.iter_mut().enumerate() {
                *value = (c[d] - f[d]) / 255.0;
            }
        }
    }
    cube
}

fn refine(
    planes: &[Plane],
    layers: usize,
    sigma: f32,
    octave: usize,
    candidate: Candidate,
    config: &DogConfig,
) -> Option<Blob> {
    let Candidate {
        mut layer,
        mut y,
        mut x,
    } = candidate;
    let (width, height) = (planes[0].width(), planes[0].height());
    for _ in 0..MAX_STEPS {
        let values = cube(planes, layer, y, x);
        let quadratic = Quadratic::of(&values);
        let offset = quadratic.stationary()?;
        if offset.iter().all(|o| o.abs() < 0.5) {
            let g = &quadratic.gradient;
            let gain = g[0] * offset[0] + g[1] * offset[1] + g[2] * offset[2];
            let response = (values[1][1][1] + 0.5 * gain).abs();
            if response * (layers as f32) < config.contrast_threshold
                || !quadratic.is_round(config.edge_threshold)
            {
                return None;
            }
            return Some(Blob {
                octave,
                layer,
                x: x as f32 + offset[0],
                y: y as f32 + offset[1],
                sigma: sigma * 2.0f32.powf((layer as f32 + offset[2]) / layers as f32),
                response,
            });
        }
        x = step(x, offset[0], BORDER, width.checked_sub(BORDER)?)?;
        y = step(y, offset[1], BORDER, height.checked_sub(BORDER)?)?;
        if y.abs_diff(candidate.y) > REACH {
            return None;
        }
        layer = step(layer, offset[2], 1, layers + 1)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::{Isa, ScaleSpace, ScaleSpaceConfig};

    use super::{Blob, DogConfig, DogRows, detect};

    fn blobs(isa: Isa, data: &[u8], width: usize) -> Vec<Blob> {
        let mut space = ScaleSpace::with_isa(ScaleSpaceConfig::default(), isa);
        let config = DogConfig {
            contrast_threshold: 0.04,
            edge_threshold: 10.0,
        };
        detect(
            &mut space,
            &mut DogRows::default(),
            data,
            width,
            data.len() / width,
            &config,
        )
    }

    /// Gaussian spots `(x, y, sigma)`, dark on grey.
    fn spots(spots: &[(f32, f32, f32)]) -> Vec<u8> {
        let value = |i: usize| {
            let (x, y) = ((i % 120) as f32, (i / 120) as f32);
            let depth = |&(sx, sy, s): &(f32, f32, f32)| {
                (-((x - sx).powi(2) + (y - sy).powi(2)) / (2.0 * s * s)).exp()
            };
            (200.0 - 150.0 * spots.iter().map(depth).sum::<f32>()).round() as u8
        };
        (0..120 * 90).map(value).collect()
    }

    #[test]
    fn a_spot_is_found_where_and_as_large_as_it_is() {
        let truth = [(30.3, 25.6, 3.0), (80.8, 50.1, 5.0)];
        let found = blobs(Isa::detect(), &spots(&truth), 120);
        for (x, y, sigma) in truth {
            let near = found.iter().filter(|blob| {
                let step = 0.5 * 2f32.powi(blob.octave as i32);
                let (bx, by) = (blob.x * step - 0.25, blob.y * step - 0.25);
                // A Gaussian spot answers most strongly at about its own sigma.
                (bx - x).hypot(by - y) < 0.1 && (blob.sigma * step / sigma - 1.0).abs() < 0.2
            });
            assert_eq!(near.count(), 1, "{found:?}");
        }
    }

    #[test]
    fn all_instruction_sets_find_what_the_scalar_twin_finds() {
        let mut state = 11u32;
        let noise = (0..97 * 71).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let data: Vec<u8> = noise.collect();
        let twin = blobs(Isa::SCALAR, &data, 97);
        assert!(twin.len() > 10, "{}", twin.len());
        for isa in Isa::available() {
            let found = blobs(isa, &data, 97);
            let same = twin.iter().filter(|a| {
                found.iter().any(|b| {
                    a.layer == b.layer && (a.x - b.x).abs() < 0.05 && (a.y - b.y).abs() < 0.05
                })
            });
            assert!(same.count() * 100 >= twin.len() * 99, "{isa:?}");
        }
    }
}
