//! The descriptor on a grid that turns with the keypoint.
//!
//! Intensities are interpolated at the 21 × 21 corners of the grid, gradients taken across each of its 20 × 20 cells,
//! weighted with the window, split among the eight directions and summed over rows, then columns, with constant
//! shares. Rows of the grid are padded to 24 values, three 256-bit registers; the padding has weight zero.
//!
//! Lowe shares the length of a gradient between the two nearest directions in proportion to its angle. Here the gradient itself is
//! taken apart into a vector along either of them, whose lengths are the shares: `sin(45° − φ) / sin 45°` and `sin φ / sin 45°` of
//! it in place of `1 − φ / 45°` and `φ / 45°`, at most 0.05 more. The parts follow from the gradient's lengths along four axes by
//! comparisons, without roots, quotients and arc tangents.

#![allow(unsafe_code)]

use vizsla_pixels::{Lanes, Plane, per_isa};

use super::layout::{CELL_SIDE, CELLS, DIRECTIONS, Histogram, Window, quantise};
use crate::keypoint::Descriptor;
use crate::sampling::{line, line_inside};

/// Samples across a cell of the descriptor.
const PER_CELL: usize = 4;
/// Samples along a side: the four cells and half a cell more on either side, into which the outer cells reach.
const SIDE: usize = (CELLS + 1) * PER_CELL;
/// Values of a padded row.
const STRIDE: usize = 24;

type Row = [f32; STRIDE];

/// Lengths of the gradients of a block of four rows along the directions 0, 1, 2 and 3, an eighth of a turn apart, times the
/// window; those along the opposite directions 4 to 7 are their negatives.
type Axes = [[Row; DIRECTIONS / 2]; PER_CELL];

/// `exp(-u² / 8)` at the samples, `u` in cells from the centre: the window along one axis; zero in the padding.
const WINDOW: Row = window();

/// Rows of the window, shares of a sample in the nearer and the farther of two cells.
const SHARE: [f32; PER_CELL] = share();

const fn window() -> Row {
    let mut row = [0.0; STRIDE];
    let mut i = 0;
    while i < SIDE {
        let u = (i as f64 + 0.5) / PER_CELL as f64 - 2.5;
        row[i] = exponential(-0.125 * u * u) as f32;
        i += 1;
    }
    row
}

/// The exponential function by its series; `x` between -1 and 0.
const fn exponential(x: f64) -> f64 {
    let (mut term, mut total, mut n) = (1.0, 1.0, 1);
    while n < 20 {
        term *= x / n as f64;
        total += term;
        n += 1;
    }
    total
}

const fn share() -> [f32; PER_CELL] {
    let mut share = [0.0; PER_CELL];
    let mut i = 0;
    while i < PER_CELL {
        share[i] = (i as f32 + 0.5) / PER_CELL as f32;
        i += 1;
    }
    share
}

/// The grid of one window over the pixels of its plane.
struct Grid<'a> {
    plane: &'a Plane,
    /// Where the first corner lies.
    first: (f32, f32),
    /// From a corner to the one beside it.
    across: (f32, f32),
    /// From a corner to the one below it.
    down: (f32, f32),
    is_inside: bool,
    /// Whether padded rows lie at least a pixel within the plane.
    is_far_inside: bool,
}

impl<'a> Grid<'a> {
    #[inline(always)]
    fn new(plane: &'a Plane, window: &Window) -> Self {
        let spacing = CELL_SIDE * window.sigma / PER_CELL as f32;
        let (sin, cos) = window.angle.sin_cos();
        let across = (cos * spacing, sin * spacing);
        let down = (-sin * spacing, cos * spacing);
        let half = 0.5 * SIDE as f32;
        Self {
            plane,
            first: (
                window.x - half * (across.0 + down.0),
                window.y - half * (across.1 + down.1),
            ),
            across,
            down,
            is_inside: is_inside(plane, window, 1.0, 0.0),
            is_far_inside: is_inside(plane, window, PADDED, 2.0)
                && plane.data().len() == plane.width() * plane.height()
                && u32::try_from(plane.data().len()).is_ok(),
        }
    }

    /// Values at the corners of row `j`.
    ///
    /// # Safety
    /// The processor must have the instruction set of `V`.
    #[inline(always)]
    unsafe fn corners<V: Lanes>(&self, j: usize, out: &mut Row) {
        let j = j as f32;
        let origin = (
            self.first.0 + j * self.down.0,
            self.first.1 + j * self.down.1,
        );
        // SAFETY: the caller vouches for the instruction set; `is_far_inside` for the positions, with the padding of the row.
        unsafe {
            if self.is_far_inside {
                line_inside::<V, STRIDE>(self.plane, origin, self.across, SIDE + 1, out);
            } else {
                line::<V, STRIDE>(self.plane, origin, self.across, SIDE + 1, out);
            }
        }
    }

    /// Takes out the samples of row `j` whose centres lie outside the plane.
    fn mask(&self, j: usize, out: &mut [Row; DIRECTIONS / 2]) {
        let (right, bottom) = (
            (self.plane.width() - 1) as f32,
            (self.plane.height() - 1) as f32,
        );
        let v = j as f32 + 0.5;
        for i in 0..SIDE {
            let u = i as f32 + 0.5;
            let x = self.first.0 + u * self.across.0 + v * self.down.0;
            let y = self.first.1 + u * self.across.1 + v * self.down.1;
            if x < 0.0 || y < 0.0 || x > right || y > bottom {
                out.iter_mut().for_each(|row| row[i] = 0.0);
            }
        }
    }
}

/// Gradients of row `j` of the grid from the values at the corners above and below it. Across a cell's two diagonals the
/// differences are the lengths along directions 1 and 3; their sum and difference those along 0 and 2.
///
/// # Safety
/// `upper` and `lower` must be valid for a value more than a row, and the processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn gradients<V: Lanes>(
    j: usize,
    upper: *const f32,
    lower: *const f32,
    out: &mut [Row; DIRECTIONS / 2],
) {
    // SAFETY: the caller vouches for the rows and the instruction set.
    unsafe {
        let straight = V::splat(WINDOW[j]);
        let diagonal = V::splat(WINDOW[j] * std::f32::consts::SQRT_2);
        for start in (0..STRIDE).step_by(V::COUNT) {
            let falling = V::load(lower.add(start + 1)).sub(V::load(upper.add(start)));
            let rising = V::load(upper.add(start + 1)).sub(V::load(lower.add(start)));
            let window = V::load(WINDOW.as_ptr().add(start));
            let (straight, diagonal) = (window.mul(straight), window.mul(diagonal));
            let lengths = [
                falling.add(rising).mul(straight),
                rising.mul(diagonal),
                rising.sub(falling).mul(straight),
                V::splat(0.0).sub(falling).mul(diagonal),
            ];
            for (row, length) in out.iter_mut().zip(lengths) {
                length.store(row.as_mut_ptr().add(start));
            }
        }
    }
}

/// How much further than the corners of the grid a padded row reaches: the last of its values is 13 spacings along it and at most 10
/// across it from the middle, corners 10 either way, √(13² + 10²) / √(10² + 10²) = 1.16.
const PADDED: f32 = 1.2;

/// Whether the whole grid, `factor` times as large, lies within the plane and `margin` pixels from its border.
#[inline(always)]
fn is_inside(plane: &Plane, window: &Window, factor: f32, margin: f32) -> bool {
    let half = CELL_SIDE * window.sigma * 0.5 * (CELLS + 1) as f32;
    let reach = half * std::f32::consts::SQRT_2 * factor + margin;
    let (right, bottom) = ((plane.width() - 1) as f32, (plane.height() - 1) as f32);
    window.x >= reach
        && window.y >= reach
        && window.x + reach <= right
        && window.y + reach <= bottom
}

/// Sums over the rows of every row of cells, `[row of cells][direction][sample column]`.
type RowSums = [[Row; DIRECTIONS]; CELLS];

/// Sums the four rows of a block for one register of columns; they lie between two rows of cells, of which the lower one gets
/// its first share.
///
/// A gradient between two neighbouring directions is the sum of a part along either. With `q` the lengths along the directions,
/// the part along `d` is the smaller one of `q` at `d - 1` and `d + 1`, where both are positive.
///
/// # Safety
/// `start` must leave room for a register in a row, and the processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn sum_block<V: Lanes>(axes: &Axes, block: usize, start: usize, out: &mut RowSums) {
    // SAFETY: the caller vouches for `start` and the instruction set.
    unsafe {
        let zero = V::splat(0.0);
        for direction in 0..DIRECTIONS / 2 {
            let (mut all, mut far) = (zero, zero);
            let (mut all_opposite, mut far_opposite) = (zero, zero);
            for (line, axes) in axes.iter().enumerate() {
                let length = |axis: usize| V::load(axes[axis].as_ptr().add(start));
                // Before direction 0 is the opposite of 3, after 3 the opposite of 0.
                let (before, after) = match direction {
                    0 => (zero.sub(length(3)), length(1)),
                    3 => (length(2), zero.sub(length(0))),
                    _ => (length(direction - 1), length(direction + 1)),
                };
                let share = V::splat(SHARE[line]);
                let part = before.min(after).max(zero);
                let opposite = zero.sub(before.max(after)).max(zero);
                all = all.add(part);
                far = part.mul_add(share, far);
                all_opposite = all_opposite.add(opposite);
                far_opposite = opposite.mul_add(share, far_opposite);
            }
            for (direction, all, far) in [
                (direction, all, far),
                (direction + DIRECTIONS / 2, all_opposite, far_opposite),
            ] {
                if block < CELLS {
                    far.store(out[block][direction].as_mut_ptr().add(start));
                }
                if block > 0 {
                    let near = out[block - 1][direction].as_mut_ptr().add(start);
                    V::load(near).add(all.sub(far)).store(near);
                }
            }
        }
    }
}

/// Shares of the eight samples around a cell's centre line.
const TENT: [f32; 2 * PER_CELL] = {
    let mut tent = [0.0; 2 * PER_CELL];
    let mut i = 0;
    while i < PER_CELL {
        tent[i] = SHARE[i];
        tent[2 * PER_CELL - 1 - i] = SHARE[i];
        i += 1;
    }
    tent
};

#[inline(always)]
fn sum_columns(rows: &RowSums, out: &mut Histogram) {
    for row in 0..CELLS {
        for column in 0..CELLS {
            for direction in 0..DIRECTIONS {
                let samples = &rows[row][direction][column * PER_CELL..][..2 * PER_CELL];
                let mut sum = [0.0f32; 4];
                for i in 0..4 {
                    sum[i] = samples[i] * TENT[i] + samples[i + 4] * TENT[i + 4];
                }
                out[(row * CELLS + column) * DIRECTIONS + direction] =
                    (sum[0] + sum[2]) + (sum[1] + sum[3]);
            }
        }
    }
}

/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn describe_with<V: Lanes>(plane: &Plane, window: &Window, root: bool) -> Descriptor {
    let grid = Grid::new(plane, window);
    // A register that is shifted by one from the last of a row ends in the next row, and there is a third.
    let mut corners = [[0.0; STRIDE]; 3];
    let mut axes: Axes = [[[0.0; STRIDE]; DIRECTIONS / 2]; PER_CELL];
    let mut rows: RowSums = [[[0.0; STRIDE]; DIRECTIONS]; CELLS];
    // SAFETY: the caller vouches for the instruction set.
    unsafe { grid.corners::<V>(0, &mut corners[0]) };
    for block in 0..=CELLS {
        for (line, axes) in axes.iter_mut().enumerate() {
            let j = block * PER_CELL + line;
            let (upper, lower) = (j % 2, (j + 1) % 2);
            // SAFETY: as above; rows of corners end within the three.
            unsafe {
                grid.corners::<V>(j + 1, &mut corners[lower]);
                let values = corners.as_ptr().cast::<f32>();
                let (upper, lower) = (values.add(upper * STRIDE), values.add(lower * STRIDE));
                gradients::<V>(j, upper, lower, axes);
            }
            if !grid.is_inside {
                grid.mask(j, axes);
            }
        }
        for start in (0..STRIDE).step_by(V::COUNT) {
            // SAFETY: whole registers of rows of `STRIDE` values.
            unsafe { sum_block::<V>(&axes, block, start, &mut rows) };
        }
    }
    let mut histogram = [0.0; CELLS * CELLS * DIRECTIONS];
    sum_columns(&rows, &mut histogram);
    quantise(&histogram, root)
}

per_isa! {
    /// Describes one window with the loops compiled for `isa`.
    pub(super) fn describe(plane: &Plane, window: &Window, root: bool) -> Descriptor, describe_with, narrow
}
