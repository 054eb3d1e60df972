//! Inner products and squared distances of many float vectors with many rows.
//!
//! Every result has the bits that [`dot_f32`](crate::dot_f32) and [`l2_squared_f32`](crate::l2_squared_f32) give: these keep
//! sixteen partial sums, coordinate i in sum i mod 16, and then add the second half of the sums to the first, the second quarter
//! to the first, and so on. The order is a tree, and a tree can be walked leaf by leaf. Here the sixteen lanes of a register are
//! sixteen rows, not sixteen sums; a lane makes one partial sum after another, in the order in which the tree needs them, so
//! that a level of the tree keeps one number a lane. Nothing is summed across lanes, and every load of rows is shared by several
//! points. A product and a sum stay two roundings: a fused multiply-add would be other bits.
#![allow(unsafe_code)]

use rayon::prelude::*;

use crate::blocks::{BLOCK_ROWS, Blocks, Column, LaneBest};
use crate::lanes::FloatLanes;

/// Partial sums of the single functions.
const SUMS: usize = 16;
/// The partial sums as the tree needs them: those of the lowest pair, then their neighbours.
const ORDER: [usize; SUMS] = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
/// Points that go through the panel together; they and one block stay in the first cache.
const POINT_CHUNK: usize = 64;
/// Points of one task.
const TASK: usize = 128;

/// What is summed over the coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Product,
    SquaredDifference,
}

/// Rows of floats, packed for multiplication.
#[derive(Debug, Clone)]
pub(crate) struct FloatPanel {
    dimension: usize,
    blocks: Blocks<f32>,
}

/// A row near a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearestRow {
    /// Its number.
    pub row: u32,
    /// Its squared distance to the point.
    pub distance: f32,
}

/// What is done with sums. Not a closure: it is compiled with the instructions of the kernel that calls it, where it is inlined.
trait Visit {
    /// The sums of a point with the rows of a block, of which `first_row` is the first.
    fn visit<L: FloatLanes>(&mut self, point: usize, first_row: usize, sums: L);
}

/// Keeps all.
struct Kept<'f> {
    rows: usize,
    found: &'f mut [f32],
}

impl Visit for Kept<'_> {
    #[inline(always)]
    fn visit<L: FloatLanes>(&mut self, point: usize, first_row: usize, sums: L) {
        let of_point = &mut self.found[point * self.rows + first_row..(point + 1) * self.rows];
        match of_point.first_chunk_mut() {
            Some(whole) => *whole = sums.stored(),
            None => of_point.copy_from_slice(&sums.stored()[..of_point.len()]),
        }
    }
}

/// Keeps the nearest rows.
struct Nearest {
    rows: usize,
    best: Vec<LaneBest<f32>>,
}

impl Visit for Nearest {
    #[inline(always)]
    fn visit<L: FloatLanes>(&mut self, point: usize, first_row: usize, sums: L) {
        let best = &mut self.best[point];
        if first_row + BLOCK_ROWS <= self.rows {
            sums.offered(first_row as u32, best);
        } else {
            let mut distances = sums.stored();
            distances[self.rows - first_row..].fill(f32::INFINITY);
            best.offer(first_row as u32, &distances);
        }
    }
}

/// Keeps the rows with the smallest keys: a number of the row less twice the product.
struct NearestByProduct<'b> {
    rows: usize,
    bias: &'b [Column<f32>],
    best: Vec<LaneBest<f32>>,
}

impl Visit for NearestByProduct<'_> {
    #[inline(always)]
    fn visit<L: FloatLanes>(&mut self, point: usize, first_row: usize, sums: L) {
        let best = &mut self.best[point];
        let keys = L::load(&self.bias[first_row / BLOCK_ROWS]).minus(sums.plus(sums));
        if first_row + BLOCK_ROWS <= self.rows {
            keys.offered(first_row as u32, best);
        } else {
            let mut keys = keys.stored();
            keys[self.rows - first_row..].fill(f32::INFINITY);
            best.offer(first_row as u32, &keys);
        }
    }
}

impl FloatPanel {
    /// Packs `rows`, rows of `dimension` numbers; an incomplete one at the end is left out.
    pub fn new(rows: &[f32], dimension: usize) -> Self {
        let count = rows.len().checked_div(dimension).unwrap_or(0);
        let row = |at: usize| rows[at * dimension..][..dimension].iter().copied();
        Self {
            dimension,
            blocks: Blocks::new(count, dimension, row),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.blocks.rows()
    }

    /// Inner product of every point with every row: as many numbers a point as there are rows. `points` are as long as rows. Works
    /// in the current rayon pool, as the others do.
    pub fn products(&self, points: &[f32]) -> Vec<f32> {
        self.all(Term::Product, points)
    }

    /// The row of every point with the smallest key, the first of equals, and the key: what `bias` has for the row less twice the
    /// product. With squared lengths for a bias it is the nearest row, in two thirds of the time of [`FloatPanel::nearest`],
    /// rounded more coarsely.
    pub fn nearest_by_product(&self, points: &[f32], bias: &[Column<f32>]) -> Vec<NearestRow> {
        if self.dimension == 0 || bias.len() < self.blocks.count() {
            return Vec::new();
        }
        let whole = points.len() / self.dimension * self.dimension;
        let tasks = points[..whole].par_chunks(TASK * self.dimension);
        let found = tasks.flat_map_iter(|points| {
            let mut best = NearestByProduct {
                rows: self.rows(),
                bias,
                best: vec![LaneBest::new(f32::INFINITY); points.len() / self.dimension],
            };
            self.run(Term::Product, points, &mut best);
            best.best.into_iter().map(|best| {
                let (row, distance) = best.over_lanes();
                NearestRow { row, distance }
            })
        });
        found.collect()
    }

    /// Squared distance of every point to every row: as many numbers a point as there are rows. `points` are as long as rows.
    pub fn distances(&self, points: &[f32]) -> Vec<f32> {
        self.all(Term::SquaredDifference, points)
    }

    fn all(&self, term: Term, points: &[f32]) -> Vec<f32> {
        let rows = self.rows();
        let count = points.len().checked_div(self.dimension).unwrap_or(0);
        let mut found = vec![0f32; count * rows];
        if found.is_empty() {
            return found;
        }
        found
            .par_chunks_mut(TASK * rows)
            .zip(points.par_chunks(TASK * self.dimension))
            .for_each(|(found, points)| {
                self.run(term, points, &mut Kept { rows, found });
            });
        found
    }

    /// The nearest row of every point, the first of equals. Where no distance is below infinity it is row 0, at infinity.
    pub fn nearest(&self, points: &[f32]) -> Vec<NearestRow> {
        if self.dimension == 0 {
            return Vec::new();
        }
        let whole = points.len() / self.dimension * self.dimension;
        points[..whole]
            .par_chunks(TASK * self.dimension)
            .flat_map_iter(|points| self.nearest_of(points))
            .collect()
    }

    /// As [`FloatPanel::products`], on this thread alone: for a few points.
    pub fn products_here(&self, points: &[f32], found: &mut [f32]) {
        self.all_here(Term::Product, points, found);
    }

    /// As [`FloatPanel::distances`], on this thread alone: for a few points.
    pub fn distances_here(&self, points: &[f32], found: &mut [f32]) {
        self.all_here(Term::SquaredDifference, points, found);
    }

    fn all_here(&self, term: Term, points: &[f32], found: &mut [f32]) {
        let rows = self.rows();
        let count = points.len().checked_div(self.dimension).unwrap_or(0);
        if let Some(found) = found.get_mut(..count * rows) {
            self.run(term, points, &mut Kept { rows, found });
        }
    }

    /// As [`FloatPanel::nearest`], on this thread alone: for a few points.
    pub fn nearest_here(&self, points: &[f32]) -> Vec<NearestRow> {
        match self.dimension {
            0 => Vec::new(),
            _ => self.nearest_of(points),
        }
    }

    fn nearest_of(&self, points: &[f32]) -> Vec<NearestRow> {
        let mut best = Nearest {
            rows: self.rows(),
            best: vec![LaneBest::new(f32::INFINITY); points.len() / self.dimension],
        };
        self.run(Term::SquaredDifference, points, &mut best);
        let nearest = best.best.iter().map(LaneBest::over_lanes);
        nearest
            .map(|(row, distance)| NearestRow { row, distance })
            .collect()
    }

    /// Shows `to` the sums of every point and every block; the blocks of a point come in their order.
    #[inline]
    fn run(&self, term: Term, points: &[f32], to: &mut impl Visit) {
        match term {
            Term::Product => self.dispatched::<false>(points, to),
            Term::SquaredDifference => self.dispatched::<true>(points, to),
        }
    }

    #[inline]
    fn dispatched<const SQUARED: bool>(&self, points: &[f32], to: &mut impl Visit) {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { x86::avx512::<SQUARED>(self, points, to) };
                return;
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { x86::avx2::<SQUARED>(self, points, to) };
                return;
            }
        }
        self.walk::<Column<f32>, SQUARED, 2>(points, to);
    }

    /// `P` points at a time with the lanes of `L`, whose instructions must be there.
    #[inline(always)]
    fn walk<L: FloatLanes, const SQUARED: bool, const P: usize>(
        &self,
        points: &[f32],
        to: &mut impl Visit,
    ) {
        let d = self.dimension;
        if d == 0 {
            return;
        }
        let count = points.len() / d;
        for start in (0..count).step_by(POINT_CHUNK) {
            let end = count.min(start + POINT_CHUNK);
            for block in 0..self.blocks.count() {
                let Some(columns) = self.blocks.block(block) else {
                    return;
                };
                let first = block * BLOCK_ROWS;
                let mut at = start;
                while at + P <= end {
                    let several: [&[f32]; P] =
                        std::array::from_fn(|p| &points[(at + p) * d..][..d]);
                    let sums = tile::<L, SQUARED, P>(columns, several);
                    for (p, sums) in sums.into_iter().enumerate() {
                        to.visit(at + p, first, sums);
                    }
                    at += P;
                }
                for at in at..end {
                    let [sums] = tile::<L, SQUARED, 1>(columns, [&points[at * d..][..d]]);
                    to.visit(at, first, sums);
                }
            }
        }
    }
}

/// Sums of `P` points with the rows of a block. Every point is as long as the block has columns.
#[inline(always)]
fn tile<L: FloatLanes, const SQUARED: bool, const P: usize>(
    columns: &[Column<f32>],
    points: [&[f32]; P],
) -> [L; P] {
    // The sums of the subtrees to the left, one of each level.
    let mut levels = [[L::splat(0.0); P]; SUMS.ilog2() as usize + 1];
    for (leaf, &first) in ORDER.iter().enumerate() {
        let mut sums = [L::splat(0.0); P];
        let mut at = first;
        while at < columns.len() {
            let rows = L::load(&columns[at]);
            for (p, sum) in sums.iter_mut().enumerate() {
                let value = L::splat(points[p][at]);
                let term = if SQUARED {
                    let difference = value.minus(rows);
                    difference.times(difference)
                } else {
                    value.times(rows)
                };
                *sum = sum.plus(term);
            }
            at += SUMS;
        }
        // A subtree is whole after every leaf that ends one: as often as the number of leaves divides by two.
        let whole = (leaf + 1).trailing_zeros() as usize;
        for left in &levels[..whole] {
            for (p, sum) in sums.iter_mut().enumerate() {
                *sum = left[p].plus(*sum);
            }
        }
        levels[whole] = sums;
    }
    levels[SUMS.ilog2() as usize]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{FloatPanel, Visit};
    use crate::lanes::x86::{Floats256, Floats512};

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512<const SQUARED: bool>(
        panel: &FloatPanel,
        points: &[f32],
        to: &mut impl Visit,
    ) {
        panel.walk::<Floats512, SQUARED, 8>(points, to);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2<const SQUARED: bool>(
        panel: &FloatPanel,
        points: &[f32],
        to: &mut impl Visit,
    ) {
        panel.walk::<Floats256, SQUARED, 4>(points, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::{dot_f32, l2_squared_f32};

    fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| (random.unit() * 4.0 - 2.0) as f32)
            .collect()
    }

    /// Every way through the panel that this processor has.
    fn ways(panel: &FloatPanel, points: &[f32], squared: bool) -> Vec<Vec<f32>> {
        let rows = panel.rows();
        let count = points.len() / panel.dimension;
        let collected = |run: &dyn Fn(&mut Kept)| {
            let mut found = vec![f32::NAN; count * rows];
            run(&mut Kept {
                rows,
                found: &mut found,
            });
            found
        };
        let mut all = vec![
            collected(&|to| match squared {
                true => panel.walk::<Column<f32>, true, 2>(points, to),
                false => panel.walk::<Column<f32>, false, 2>(points, to),
            }),
            match squared {
                true => panel.distances(points),
                false => panel.products(points),
            },
        ];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                all.push(collected(&|to| match squared {
                    true => unsafe { x86::avx2::<true>(panel, points, to) },
                    false => unsafe { x86::avx2::<false>(panel, points, to) },
                }));
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the feature was found on this processor just above.
                all.push(collected(&|to| match squared {
                    true => unsafe { x86::avx512::<true>(panel, points, to) },
                    false => unsafe { x86::avx512::<false>(panel, points, to) },
                }));
            }
        }
        all
    }

    #[test]
    fn every_bit_is_that_of_the_single_functions() {
        let mut random = Random::new(7);
        for dimension in 1..=300 {
            let (rows, points) = match dimension % 5 {
                0 => (33, 19),
                1 => (16, 8),
                2 => (1, 1),
                3 => (5, 13),
                _ => (47, 67),
            };
            let rows = numbers(&mut random, rows * dimension);
            let points = numbers(&mut random, points * dimension);
            let panel = FloatPanel::new(&rows, dimension);
            for squared in [false, true] {
                let single = if squared { l2_squared_f32 } else { dot_f32 };
                let expected: Vec<u32> = points
                    .chunks_exact(dimension)
                    .flat_map(|p| {
                        rows.chunks_exact(dimension)
                            .map(move |r| single(p, r).to_bits())
                    })
                    .collect();
                for found in ways(&panel, &points, squared) {
                    let found: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
                    assert!(found == expected, "{dimension} {squared}");
                }
            }
        }
    }

    #[test]
    fn zeros_and_huge_numbers_have_the_bits_of_the_single_functions() {
        let values = [0.0, -0.0, 1e-42, -1e-30, 3e38, -3e38, f32::INFINITY, 1.0];
        for dimension in [1, 3, 17, 40] {
            let row = |seed: usize| (0..dimension).map(move |i| values[(i * seed + i / 3) % 8]);
            let rows: Vec<f32> = (0..21).flat_map(row).collect();
            let points: Vec<f32> = (3..14).flat_map(row).collect();
            let panel = FloatPanel::new(&rows, dimension);
            for squared in [false, true] {
                let single = if squared { l2_squared_f32 } else { dot_f32 };
                let pairs = points
                    .chunks_exact(dimension)
                    .flat_map(|p| rows.chunks_exact(dimension).map(move |r| single(p, r)));
                let expected: Vec<f32> = pairs.collect();
                for found in ways(&panel, &points, squared) {
                    for (x, y) in found.iter().zip(&expected) {
                        // Which of the many numbers that are none comes out is the processor's matter.
                        let same = x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
                        assert!(same, "{x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_nearest_row_is_the_first_of_the_nearest() {
        let mut random = Random::new(8);
        for (rows, dimension) in [(1, 1), (40, 3), (16, 64), (50, 7)] {
            let mut rows = numbers(&mut random, rows * dimension);
            // Every row twice: of equals the first counts.
            rows.extend_from_within(..);
            let points = numbers(&mut random, 75 * dimension);
            let panel = FloatPanel::new(&rows, dimension);
            let found = panel.nearest(&points);
            assert_eq!(found.len(), 75);
            assert_eq!(found, panel.nearest_here(&points));
            let mut all = vec![0.0; 75 * panel.rows()];
            panel.distances_here(&points, &mut all);
            assert_eq!(all, panel.distances(&points));
            panel.products_here(&points, &mut all);
            assert_eq!(all, panel.products(&points));
            for (point, found) in points.chunks_exact(dimension).zip(found) {
                let mut best = (0, f32::INFINITY);
                for (row, centre) in rows.chunks_exact(dimension).enumerate() {
                    let distance = l2_squared_f32(point, centre);
                    if distance < best.1 {
                        best = (row as u32, distance);
                    }
                }
                assert_eq!((found.row, found.distance), best);
            }
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for dimension in [0, 1, 20] {
            let empty = FloatPanel::new(&[], dimension);
            assert_eq!(empty.rows(), 0);
            assert!(empty.products(&[]).is_empty() && empty.nearest(&[]).is_empty());
            let points = vec![1.0; 3 * dimension];
            assert!(empty.distances(&points).is_empty());
            let found = empty.nearest(&points);
            assert!(
                found
                    .iter()
                    .all(|n| n.row == 0 && n.distance == f32::INFINITY)
            );
        }
        // No distance is a number.
        let panel = FloatPanel::new(&[f32::NAN, f32::NAN, f32::INFINITY], 1);
        let found = panel.nearest(&[f32::INFINITY, 0.0]);
        assert!(
            found
                .iter()
                .all(|n| n.row == 0 && n.distance == f32::INFINITY)
        );
    }
}
