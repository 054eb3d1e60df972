//! The rows most alike to each row of a set, exactly.
//!
//! All inner products are formed tile by tile as matrix products, which do most of the work in a few instructions a pair,
//! but whose last bits differ between processors. They only choose: what lies within their rounding of the last place
//! is multiplied again by [`dot_f32`], whose bits are the same everywhere, and that decides.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::dot_f32;

/// Rows that one thread takes at a time.
const ROWS: usize = 64;
/// Rows that they are multiplied with at a time.
const TILE: usize = 512;
/// Candidates of a row that are multiplied again together.
const PENDING: usize = 64;

/// For each row the `k` others with the greatest inner products above 0, best first, equal ones by their number. Rows are
/// of length 1 or 0, `dimension` numbers each, at most 2³² of them. The answer does not depend on the number of threads.
pub(crate) fn most_alike(rows: &[f32], dimension: usize, k: usize) -> Vec<Vec<(u32, f32)>> {
    if dimension == 0 || k == 0 {
        return vec![Vec::new(); rows.len().checked_div(dimension).unwrap_or(0)];
    }
    let strips = rows.par_chunks(ROWS * dimension).enumerate();
    let strips: Vec<_> = strips
        .map(|(strip, some)| strip_alike(rows, some, strip * ROWS, dimension, k))
        .collect();
    strips.concat()
}

/// The same for the rows of one strip, which begins with row `first`.
fn strip_alike(
    rows: &[f32],
    strip: &[f32],
    first: usize,
    dimension: usize,
    k: usize,
) -> Vec<Vec<(u32, f32)>> {
    let count = strip.len() / dimension;
    let mut products = vec![0f32; count * TILE];
    let mut best: Vec<Best> = vec![Best::new(k, dimension); count];
    let left = MatRef::from_row_major_slice(strip, count, dimension);
    for (tile, others) in rows.chunks(TILE * dimension).enumerate() {
        let width = others.len() / dimension;
        let products = &mut products[..count * width];
        matmul(
            MatMut::from_row_major_slice_mut(products, count, width),
            Accum::Replace,
            left,
            MatRef::from_row_major_slice(others, width, dimension).transpose(),
            1.0,
            Par::Seq,
        );
        let lines = products.chunks_exact(width).zip(&mut best).enumerate();
        for (at, (line, best)) in lines {
            let exact = |other: u32| {
                let other = &rows[other as usize * dimension..][..dimension];
                dot_f32(&strip[at * dimension..][..dimension], other)
            };
            for (other, &product) in (tile * TILE..).zip(line) {
                if product >= best.bar && other != first + at {
                    best.offer(other as u32, exact);
                }
            }
            best.settle(exact);
        }
    }
    best.into_iter().map(|best| best.found).collect()
}

/// The best so far of one row.
#[derive(Clone)]
struct Best {
    most: usize,
    /// Most by which a matrix product differs from [`dot_f32`] of rows of length 1.
    rounding: f32,
    /// Inexact products below this need not be looked at.
    bar: f32,
    found: Vec<(u32, f32)>,
    pending: Vec<u32>,
}

impl Best {
    fn new(most: usize, dimension: usize) -> Self {
        // Either sum is off by at most about dimension · 2⁻²⁴.
        let rounding = (dimension as f32 + 32.0) * f32::EPSILON;
        Self {
            most,
            rounding,
            bar: -rounding,
            found: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn offer(&mut self, other: u32, exact: impl Fn(u32) -> f32) {
        self.pending.push(other);
        if self.pending.len() >= PENDING {
            self.settle(exact);
        }
    }

    /// Multiplies again what is pending, and keeps the best.
    fn settle(&mut self, exact: impl Fn(u32) -> f32) {
        if self.pending.is_empty() {
            return;
        }
        let products = self.pending.drain(..).map(|other| (other, exact(other)));
        self.found
            .extend(products.filter(|&(_, product)| product > 0.0));
        self.found
            .sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.found.truncate(self.most);
        if self.found.len() == self.most {
            let last = self.found.last().map_or(0.0, |&(_, product)| product);
            self.bar = last - self.rounding;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l2_normalise;
    use crate::random::Random;

    fn by_sorting(rows: &[f32], dimension: usize, k: usize) -> Vec<Vec<(u32, f32)>> {
        let row = |i: usize| &rows[i * dimension..][..dimension];
        let count = rows.len() / dimension;
        let of = |i: usize| {
            let others = (0..count).filter(|&j| j != i);
            let mut all: Vec<(u32, f32)> = others
                .map(|j| (j as u32, dot_f32(row(i), row(j))))
                .filter(|&(_, product)| product > 0.0)
                .collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(k);
            all
        };
        (0..count).map(of).collect()
    }

    #[test]
    fn tiles_find_what_sorting_all_products_finds() {
        let mut random = Random::new(8);
        for (count, dimension, k) in [(1, 3, 4), (70, 5, 200), (700, 19, 7), (1100, 33, 40)] {
            let mut rows: Vec<f32> = (0..count * dimension)
                .map(|_| random.unit() as f32 - 0.45)
                .collect();
            for row in rows.chunks_exact_mut(dimension) {
                l2_normalise(row);
            }
            // Duplicates, a zero vector, and one that is the opposite of another.
            if count > 60 {
                rows.copy_within(3 * dimension..4 * dimension, 40 * dimension);
                rows.copy_within(3 * dimension..4 * dimension, 50 * dimension);
                rows[9 * dimension..10 * dimension].fill(0.0);
            }
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
            let expected = by_sorting(&rows, dimension, k);
            assert_eq!(most_alike(&rows, dimension, k), expected);
            let again = pool.unwrap().install(|| most_alike(&rows, dimension, k));
            assert_eq!(again, expected);
        }
    }

    #[test]
    fn nothing_is_alike_to_nothing() {
        assert!(most_alike(&[], 4, 3).is_empty());
        assert_eq!(most_alike(&[0.0; 12], 4, 3), vec![Vec::new(); 3]);
        assert_eq!(most_alike(&[1.0, 0.0, 1.0, 0.0], 2, 0), vec![vec![]; 2]);
        let same = most_alike(&[1.0; 300], 1, 2);
        assert_eq!(same[0], [(1, 1.0), (2, 1.0)]);
        assert_eq!(same[299], [(0, 1.0), (1, 1.0)]);
    }
}
