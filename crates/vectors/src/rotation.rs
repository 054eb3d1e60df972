//! A random rotation in integers.
//!
//! Binary codes are signs of rotated vectors. With a rotation of small integers applied to integer
//! vectors the signs are the same on every processor, so codes written on one machine can be compared
//! with codes computed on another.

use crate::panel::{DIMENSIONS, Panel, pairs_of_words};
use crate::random::Random;

/// Largest entry of a random rotation, in size.
const LARGEST: f64 = 127.0;

/// A 128 × 128 matrix of bytes, nearly orthogonal up to its scale.
#[derive(Debug, Clone)]
pub struct Rotation {
    rows: Vec<[i8; DIMENSIONS]>,
    panel: Panel,
}

impl Rotation {
    /// A random orthogonal matrix (Gram-Schmidt on random vectors), scaled so that the largest entry is
    /// 127 and rounded. The same seed gives the same matrix everywhere: only operations that IEEE 754
    /// defines exactly are used.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut basis: Vec<[f64; DIMENSIONS]> = Vec::with_capacity(DIMENSIONS);
        while basis.len() < DIMENSIONS {
            let mut row = [0f64; DIMENSIONS];
            for x in &mut row {
                // The sum of twelve uniform numbers is close to normal.
                *x = (0..12).map(|_| random.below(1 << 20) as f64).sum::<f64>()
                    - 6.0 * ((1 << 20) - 1) as f64;
            }
            // Twice, because one pass loses orthogonality to rounding.
            for _ in 0..2 {
                for other in &basis {
                    let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                    row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
                }
            }
            let length = row.iter().map(|a| a * a).sum::<f64>().sqrt();
            if length > 1.0 {
                basis.push(row.map(|a| a / length));
            }
        }
        let largest = basis.iter().flatten().fold(0f64, |m, a| m.max(a.abs()));
        let rows = basis
            .iter()
            .map(|row| row.map(|a| (a * LARGEST / largest).round() as i8))
            .collect();
        Self::from_rows(rows)
    }

    /// A matrix given by its rows; missing rows are zero, further ones are ignored.
    pub fn from_rows(mut rows: Vec<[i8; DIMENSIONS]>) -> Self {
        rows.resize(DIMENSIONS, [0; DIMENSIONS]);
        let wide: Vec<[i16; DIMENSIONS]> = rows.iter().map(|row| row.map(i16::from)).collect();
        Self {
            panel: Panel::new(wide.iter()),
            rows,
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[[i8; DIMENSIONS]] {
        &self.rows
    }

    /// The inner product of every row with the vector, whose entries lie in −4096..=4096.
    pub fn apply(&self, vector: &[i16; DIMENSIONS]) -> [i32; DIMENSIONS] {
        let mut products = [0; DIMENSIONS];
        let pairs = pairs_of_words(vector);
        self.panel
            .for_each_block(&pairs, 0..usize::MAX, |first, block| {
                if let Some(part) = products.get_mut(first..first + block.len()) {
                    part.copy_from_slice(block);
                }
            });
        products
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthogonal_up_to_rounding() {
        let rotation = Rotation::random(1);
        let rows = rotation.rows();
        let product = |a: &[i8; DIMENSIONS], b: &[i8; DIMENSIONS]| -> i32 {
            a.iter()
                .zip(b)
                .map(|(&x, &y)| i32::from(x) * i32::from(y))
                .sum()
        };
        let square = product(&rows[0], &rows[0]);
        for i in 0..DIMENSIONS {
            assert!((product(&rows[i], &rows[i]) - square).abs() < square / 50);
            for j in 0..i {
                assert!(product(&rows[i], &rows[j]).abs() < square / 50);
            }
        }
    }

    #[test]
    fn the_matrix_of_a_seed_never_changes() {
        let rotation = Rotation::random(7);
        let sum = rotation.rows().iter().flatten().fold(0u64, |h, &x| {
            h.wrapping_mul(31).wrapping_add(x as u8 as u64)
        });
        assert_eq!(sum, MATRIX_OF_SEED_7);
    }

    const MATRIX_OF_SEED_7: u64 = 276_407_691_564_264_022;

    #[test]
    fn application_agrees_with_the_definition() {
        let rotation = Rotation::random(2);
        let vector: [i16; DIMENSIONS] = std::array::from_fn(|i| (i as i16 * 37) % 511 - 255);
        let products = rotation.apply(&vector);
        for (row, product) in rotation.rows().iter().zip(products) {
            let expected: i32 = row
                .iter()
                .zip(&vector)
                .map(|(&a, &b)| i32::from(a) * i32::from(b))
                .sum();
            assert_eq!(product, expected);
        }
    }
}
