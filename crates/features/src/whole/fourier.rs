//! The discrete Fourier transform of a square whose side is a power of two: Cooley and Tukey's, whole rows at a time.

use std::f64::consts::TAU;

/// A square of complex numbers, row after row.
#[derive(Clone)]
pub(super) struct Square {
    side: usize,
    pub real: Vec<f32>,
    pub imaginary: Vec<f32>,
}

/// Which way to transform.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// Without a factor.
    Forward,
    /// Divided by the number of values.
    Inverse,
}

impl Square {
    /// Zeros. `side` must be a power of two; another one is rounded up.
    pub fn new(side: usize) -> Self {
        let side = side.next_power_of_two();
        Square {
            side,
            real: vec![0.0; side * side],
            imaginary: vec![0.0; side * side],
        }
    }

    /// Transforms both ways and leaves the result transposed: element `[v][u]` becomes `[u][v]`.
    pub fn transform(&mut self, way: Way) {
        self.columns(way);
        self.transpose();
        self.columns(way);
        if way == Way::Inverse {
            let share = 1.0 / (self.side * self.side) as f32;
            self.real.iter_mut().for_each(|v| *v *= share);
            self.imaginary.iter_mut().for_each(|v| *v *= share);
        }
    }

    /// Transforms every column.
    fn columns(&mut self, way: Way) {
        let side = self.side;
        if side == 1 {
            return;
        }
        let bits = side.ilog2();
        for row in 0..side {
            let other = row.reverse_bits() >> (usize::BITS - bits);
            if row < other {
                swap_rows(&mut self.real, side, row, other);
                swap_rows(&mut self.imaginary, side, row, other);
            }
        }
        let sign = if way == Way::Forward { -1.0 } else { 1.0 };
        for stage in 0..bits {
            let half = 1usize << stage;
            for turn in 0..half {
                let angle = sign * TAU * turn as f64 / (2 * half) as f64;
                let (sin, cos) = angle.sin_cos();
                let factor = (cos as f32, sin as f32);
                for first in (turn..side).step_by(2 * half) {
                    self.butterfly(first, first + half, factor);
                }
            }
        }
    }

    /// Rows `upper` and `lower` become `upper ± factor · lower`.
    fn butterfly(&mut self, upper: usize, lower: usize, (cos, sin): (f32, f32)) {
        let side = self.side;
        let (above, below) = self.real.split_at_mut(lower * side);
        let (ar, br) = (&mut above[upper * side..][..side], &mut below[..side]);
        let (above, below) = self.imaginary.split_at_mut(lower * side);
        let (ai, bi) = (&mut above[upper * side..][..side], &mut below[..side]);
        let rows = ar.iter_mut().zip(ai).zip(br.iter_mut().zip(bi));
        for ((ar, ai), (br, bi)) in rows {
            let real = *br * cos - *bi * sin;
            let imaginary = *br * sin + *bi * cos;
            (*br, *bi) = (*ar - real, *ai - imaginary);
            (*ar, *ai) = (*ar + real, *ai + imaginary);
        }
    }

    fn transpose(&mut self) {
        let side = self.side;
        for y in 0..side {
            for x in y + 1..side {
                self.real.swap(y * side + x, x * side + y);
                self.imaginary.swap(y * side + x, x * side + y);
            }
        }
    }
}

fn swap_rows(data: &mut [f32], side: usize, row: usize, later: usize) {
    let (before, after) = data.split_at_mut(later * side);
    before[row * side..][..side].swap_with_slice(&mut after[..side]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_of_the_definition_and_its_own_inverse() {
        let side = 8;
        let mut square = Square::new(side);
        for (i, value) in square.real.iter_mut().enumerate() {
            *value = ((i * i * 7 + i * 3) % 23) as f32;
        }
        let before = square.clone();
        square.transform(Way::Forward);
        for (u, v) in [(0, 0), (1, 0), (0, 3), (5, 6), (7, 4)] {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for (i, &value) in before.real.iter().enumerate() {
                let turn = (u * (i % side) + v * (i / side)) as f64 / side as f64;
                real += f64::from(value) * (TAU * turn).cos();
                imaginary -= f64::from(value) * (TAU * turn).sin();
            }
            let place = u * side + v;
            assert!((f64::from(square.real[place]) - real).abs() < 1e-3);
            assert!((f64::from(square.imaginary[place]) - imaginary).abs() < 1e-3);
        }
        square.transform(Way::Inverse);
        let apart = square.real.iter().zip(&before.real);
        assert!(apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-4);
    }
}
