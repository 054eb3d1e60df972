//! Tables of bytes.

use super::{QUAD_BYTES, quads};

/// Entries of a table.
pub(crate) const ENTRIES: usize = 16;

/// A table of sixteen bytes for each part; the score of a code is [`ByteTables::offset`] and [`ByteTables::scale`] times the sum of
/// its entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByteTables {
    /// Quads of tables; those of parts that are not there are zeros.
    pub bytes: Vec<u8>,
    pub scale: f32,
    pub offset: f32,
}

impl ByteTables {
    /// Rounds tables of numbers, sixteen for each part. All have the same scale, which the widest table fills, and each has
    /// its own beginning; so an entry is off by at most half of the scale.
    pub fn rounded(tables: &[f32]) -> Self {
        let (tables, _) = tables.as_chunks::<ENTRIES>();
        let mut found = Self {
            bytes: vec![0; quads(tables.len()) * QUAD_BYTES],
            ..Self::default()
        };
        let least = |table: &[f32; ENTRIES]| table.iter().fold(f32::INFINITY, lesser);
        let mut widest = 0f32;
        for table in tables {
            let most = table.iter().fold(f32::NEG_INFINITY, greater);
            let least = least(table);
            found.offset += least;
            widest = greater(widest, &(most - least));
        }
        found.scale = widest / 255.0;
        let inverse = if widest > 0.0 { 255.0 / widest } else { 0.0 };
        for (table, bytes) in tables.iter().zip(found.bytes.as_chunks_mut::<ENTRIES>().0) {
            let least = least(table);
            for (entry, byte) in table.iter().zip(bytes) {
                *byte = ((entry - least) * inverse + 0.5) as u8;
            }
        }
        found
    }

    /// Tables of the sums of four whole numbers, each with its sign where the bit of the code is set and against it where not.
    /// Together with [`ByteTables::scale`] and [`ByteTables::offset`] they give the inner product of the signs with `values`,
    /// rounded to multiples of a 31st of the largest.
    pub fn of_signs(values: &[f32]) -> Self {
        let parts = values.len().div_ceil(4);
        let largest = values.iter().fold(0f32, |most, x| greater(most, &x.abs()));
        // What is so small that it has no reciprocal is nothing.
        let largest = if largest < f32::MIN_POSITIVE * SIGN_STEPS {
            0.0
        } else {
            largest
        };
        let step = largest / SIGN_STEPS;
        let inverse = if largest > 0.0 {
            SIGN_STEPS / largest
        } else {
            0.0
        };
        let mut bytes = vec![0; quads(parts) * QUAD_BYTES];
        let tables = bytes.as_chunks_mut::<ENTRIES>().0;
        for (table, values) in tables.iter_mut().zip(values.chunks(4)) {
            let mut rounded = [0i32; 4];
            for (whole, value) in rounded.iter_mut().zip(values) {
                // Adding and taking away what has no fraction would need a rounding mode; this rounds halves up.
                *whole = (value * inverse + (SIGN_STEPS + 0.5)) as i32 - SIGN_STEPS as i32;
            }
            let mut sums = [0i32; ENTRIES];
            sums[0] = SIGN_MIDDLE - rounded.iter().sum::<i32>();
            for entry in 1..ENTRIES {
                let bit = entry.trailing_zeros() as usize;
                sums[entry] = sums[entry & (entry - 1)] + 2 * rounded[bit];
            }
            for (byte, sum) in table.iter_mut().zip(sums) {
                *byte = sum as u8;
            }
        }
        Self {
            bytes,
            scale: step,
            offset: -step * (SIGN_MIDDLE as f32) * parts as f32,
        }
    }
}

/// A value of a query is rounded to as many steps to either side of zero.
const SIGN_STEPS: f32 = 31.0;
/// What stands for zero in the sum of four.
const SIGN_MIDDLE: i32 = 4 * SIGN_STEPS as i32;

fn lesser(a: f32, b: &f32) -> f32 {
    if *b < a { *b } else { a }
}

fn greater(a: f32, b: &f32) -> f32 {
    if *b > a { *b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn an_entry_is_off_by_half_a_step_at_most() {
        let mut random = Random::new(2);
        let tables: Vec<f32> = (0..7 * ENTRIES)
            .map(|at| (random.unit() as f32 - 0.3) * (1 + at / ENTRIES) as f32)
            .collect();
        let found = ByteTables::rounded(&tables);
        assert_eq!(found.bytes.len(), 8 * ENTRIES);
        let least = |table: &[f32]| table.iter().copied().fold(f32::INFINITY, f32::min);
        let offset: f32 = tables.chunks(ENTRIES).map(least).sum();
        assert!((offset - found.offset).abs() < 1e-5);
        for (table, bytes) in tables.chunks(ENTRIES).zip(found.bytes.chunks(ENTRIES)) {
            for (entry, &byte) in table.iter().zip(bytes) {
                let back = least(table) + found.scale * f32::from(byte);
                assert!((back - entry).abs() <= 0.501 * found.scale);
            }
        }
        // Equal entries, no entries.
        assert_eq!(ByteTables::rounded(&[3.0; 16]).offset, 3.0);
        assert!(ByteTables::rounded(&[]).bytes.is_empty());
    }

    #[test]
    fn signs_give_inner_products() {
        let mut random = Random::new(3);
        let values: Vec<f32> = (0..13).map(|_| random.unit() as f32 - 0.5).collect();
        let tables = ByteTables::of_signs(&values);
        for _ in 0..50 {
            let code = random.below(1 << 13);
            let signs = (0..13).map(|at| if code >> at & 1 == 1 { 1.0f32 } else { -1.0 });
            let exact: f32 = signs.zip(&values).map(|(sign, value)| sign * value).sum();
            let parts = (0..4).map(|part| (code >> (4 * part) & 15) as usize);
            let sum: u32 = parts
                .enumerate()
                .map(|(part, entry)| u32::from(tables.bytes[part * ENTRIES + entry]))
                .sum();
            let found = tables.offset + tables.scale * sum as f32;
            assert!((found - exact).abs() <= 13.0 * 0.51 * tables.scale);
        }
        assert!(ByteTables::of_signs(&[0.0; 5]).scale == 0.0);
    }
}
