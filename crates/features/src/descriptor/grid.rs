//! The descriptor on a grid that turns with the keypoint.
//!
//! Intensities are interpolated at the 21 × 21 corners of the grid, gradients taken across each of its 20 × 20 cells,
//! weighted with the window, split among the eight directions and summed over rows, then columns, with constant
//! shares. Rows of the grid are padded to 24 values, three 256-bit registers; the padding has weight zero.

#![allow(unsafe_code)]

use vizsla_pixels::{Lanes, Plane, per_isa};

use super::layout::{CELL_SIDE, CELLS, DIRECTIONS, Histogram, Window, quantise};
use crate::gradient::turns;
use crate::keypoint::Descriptor;
use crate::sampling::line;

/// Samples across a cell of the descriptor.
const PER_CELL: usize = 4;
/// Samples along a side: the four cells and half a cell more on either side, into which the outer cells reach.
const SIDE: usize = (CELLS + 1) * PER_CELL;
/// Values of a padded row.
const STRIDE: usize = 24;

type Row = [f32; STRIDE];

/// Magnitudes and magnitude × direction (in units of an eighth of a turn) of all gradients of the grid.
struct Gradients {
    magnitude: [Row; SIDE],
    moment: [Row; SIDE],
}

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

/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn gradients<V: Lanes>(plane: &Plane, window: &Window, out: &mut Gradients) {
    let spacing = CELL_SIDE * window.sigma / PER_CELL as f32;
    let (sin, cos) = window.angle.sin_cos();
    let (du, dv) = (
        (cos * spacing, sin * spacing),
        (-sin * spacing, cos * spacing),
    );
    let half = 0.5 * SIDE as f32;
    let first = (
        window.x - half * (du.0 + dv.0),
        window.y - half * (du.1 + dv.1),
    );
    // One value more than a row, so that the shifted registers stay inside.
    let mut rows = [[0.0; STRIDE]; 3];
    // SAFETY: the caller vouches for the instruction set.
    unsafe { line::<V, STRIDE>(plane, first, du, SIDE + 1, &mut rows[0]) };
    for (j, &window_row) in WINDOW.iter().enumerate().take(SIDE) {
        let down = (j + 1) as f32;
        let origin = (first.0 + down * dv.0, first.1 + down * dv.1);
        let (upper, lower) = (j % 2, (j + 1) % 2);
        // SAFETY: a register that is shifted by one from the last of a row ends in the next row, and there is a third.
        unsafe {
            line::<V, STRIDE>(plane, origin, du, SIDE + 1, &mut rows[lower]);
            let values = rows.as_ptr().cast::<f32>();
            let (upper, lower) = (values.add(upper * STRIDE), values.add(lower * STRIDE));
            for start in (0..STRIDE).step_by(V::COUNT) {
                let falling = V::load(lower.add(start + 1)).sub(V::load(upper.add(start)));
                let rising = V::load(upper.add(start + 1)).sub(V::load(lower.add(start)));
                let (across, up) = (falling.add(rising), rising.sub(falling));
                let weight = V::load(WINDOW.as_ptr().add(start)).mul(V::splat(window_row));
                let size = across.mul_add(across, up.mul(up)).sqrt().mul(weight);
                let turn = turns(up, across).mul(V::splat(DIRECTIONS as f32));
                size.store(out.magnitude[j].as_mut_ptr().add(start));
                size.mul(turn).store(out.moment[j].as_mut_ptr().add(start));
            }
        }
    }
    if !is_inside(plane, window) {
        mask(plane, first, du, dv, out);
    }
}

/// Whether the whole grid lies within the plane.
fn is_inside(plane: &Plane, window: &Window) -> bool {
    let reach = CELL_SIDE * window.sigma * 0.5 * (CELLS + 1) as f32 * std::f32::consts::SQRT_2;
    let (right, bottom) = ((plane.width() - 1) as f32, (plane.height() - 1) as f32);
    window.x >= reach
        && window.y >= reach
        && window.x + reach <= right
        && window.y + reach <= bottom
}

/// Takes out the samples whose centres lie outside the plane.
fn mask(plane: &Plane, first: (f32, f32), du: (f32, f32), dv: (f32, f32), out: &mut Gradients) {
    let (right, bottom) = ((plane.width() - 1) as f32, (plane.height() - 1) as f32);
    for j in 0..SIDE {
        for i in 0..SIDE {
            let (u, v) = (i as f32 + 0.5, j as f32 + 0.5);
            let x = first.0 + u * du.0 + v * dv.0;
            let y = first.1 + u * du.1 + v * dv.1;
            if x < 0.0 || y < 0.0 || x > right || y > bottom {
                out.magnitude[j][i] = 0.0;
                out.moment[j][i] = 0.0;
            }
        }
    }
}

/// Sums over the rows of every row of cells, `[row of cells][direction][sample column]`.
type RowSums = [[Row; DIRECTIONS]; CELLS + 2];

/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
unsafe fn sum_rows<V: Lanes>(gradients: &Gradients, out: &mut RowSums) {
    for block in 0..=CELLS {
        for start in (0..STRIDE).step_by(V::COUNT) {
            // SAFETY: whole registers of rows of `STRIDE` values.
            unsafe { sum_block::<V>(gradients, block, start, out) };
        }
    }
}

/// Sums the four rows of a block for one register of columns; they lie between two rows of cells.
///
/// # Safety
/// `start` must leave room for a register in a row.
#[inline(always)]
unsafe fn sum_block<V: Lanes>(
    gradients: &Gradients,
    block: usize,
    start: usize,
    out: &mut RowSums,
) {
    // SAFETY: the caller vouches for `start` and the instruction set.
    unsafe {
        let zero = V::splat(0.0);
        let mut sizes = [zero; PER_CELL];
        let mut moments = [zero; PER_CELL];
        for line in 0..PER_CELL {
            let j = block * PER_CELL + line;
            sizes[line] = V::load(gradients.magnitude[j].as_ptr().add(start));
            moments[line] = V::load(gradients.moment[j].as_ptr().add(start));
        }
        for direction in 0..=DIRECTIONS {
            let (mut before, mut after) = (zero, zero);
            let centre = V::splat(-(direction as f32));
            for line in 0..PER_CELL {
                let off = sizes[line].mul_add(centre, moments[line]).abs();
                let part = sizes[line].sub(off).max(zero);
                before = part.mul_add(V::splat(1.0 - SHARE[line]), before);
                after = part.mul_add(V::splat(SHARE[line]), after);
            }
            // A full turn is direction 0 again.
            let direction = direction % DIRECTIONS;
            let near = out[block][direction].as_mut_ptr().add(start);
            V::load(near).add(before).store(near);
            let far = out[block + 1][direction].as_mut_ptr().add(start);
            V::load(far).add(after).store(far);
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
                let samples = &rows[row + 1][direction][column * PER_CELL..][..2 * PER_CELL];
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
    let mut gradients = Gradients {
        magnitude: [[0.0; STRIDE]; SIDE],
        moment: [[0.0; STRIDE]; SIDE],
    };
    let mut rows = [[[0.0; STRIDE]; DIRECTIONS]; CELLS + 2];
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        self::gradients::<V>(plane, window, &mut gradients);
        sum_rows::<V>(&gradients, &mut rows);
    }
    let mut histogram = [0.0; CELLS * CELLS * DIRECTIONS];
    sum_columns(&rows, &mut histogram);
    quantise(&histogram, root)
}

per_isa! {
    /// Describes one window with the loops compiled for `isa`.
    pub(super) fn describe(plane: &Plane, window: &Window, root: bool) -> Descriptor, describe_with, narrow
}
