//! Inner products of byte vectors with many rows at once.
//!
//! Nearest-row search among thousands of rows is a matrix product followed by a minimum. Here it is
//! done in 16-bit integers: the rows are stored in blocks of sixteen, two coordinates in one entry, so
//! that one multiply-add instruction advances sixteen rows by two coordinates and the result needs no
//! sum across lanes. Several points share every load of a block, and the minimum is kept lane by lane.
//! Integers make every processor give the same answer, and one instruction does twice the work of its
//! float counterpart.
#![allow(unsafe_code)]

use crate::blocks::{Blocks, Column, LaneBest};
use crate::lanes::PairLanes;

pub(crate) use crate::blocks::BLOCK_ROWS;

/// Coordinates of a row.
pub(crate) const DIMENSIONS: usize = 128;
const PAIRS: usize = DIMENSIONS / 2;
/// Points that go through the panel together; their pairs and one block stay in the first cache.
const POINT_CHUNK: usize = 64;

/// Sixteen rows, a column for every two coordinates.
type Block = [Column<i32>; PAIRS];

/// A point prepared for multiplication: each entry holds two neighbouring coordinates, 16 bits each.
pub(crate) type Pairs = [i32; PAIRS];

/// Rows of 128 signed 16-bit numbers, packed for multiplication.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    blocks: Blocks<i32>,
}

/// The row with the smallest key, and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    pub key: i32,
    pub row: u32,
}

impl Best {
    /// What a search starts with: no row yet.
    pub const NONE: Best = Best {
        key: i32::MAX,
        row: u32::MAX,
    };
}

/// Two coordinates in one entry.
fn pair(first: i16, second: i16) -> i32 {
    (i32::from(second) << 16) | i32::from(first as u16)
}

/// Prepares a byte vector.
pub(crate) fn pairs_of_bytes(point: &[u8; DIMENSIONS]) -> Pairs {
    std::array::from_fn(|i| pair(i16::from(point[2 * i]), i16::from(point[2 * i + 1])))
}

/// Prepares a vector of 16-bit numbers.
pub(crate) fn pairs_of_words(point: &[i16; DIMENSIONS]) -> Pairs {
    std::array::from_fn(|i| pair(point[2 * i], point[2 * i + 1]))
}

impl Panel {
    /// Packs the rows.
    pub fn new<'a>(rows: impl ExactSizeIterator<Item = &'a [i16; DIMENSIONS]>) -> Self {
        let rows: Vec<&[i16; DIMENSIONS]> = rows.collect();
        let pairs = |row: usize| rows[row].chunks_exact(2).map(|two| pair(two[0], two[1]));
        Self {
            blocks: Blocks::new(rows.len(), PAIRS, pairs),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.blocks.rows()
    }

    /// Inner product of one point with every row of the blocks given, in row order, handed out a block
    /// at a time as `(number of the first row, products)`.
    pub fn for_each_block(
        &self,
        point: &Pairs,
        blocks: std::ops::Range<usize>,
        mut visit: impl FnMut(usize, &Column<i32>),
    ) {
        for block in blocks {
            let Some(columns) = self.block(block) else {
                return;
            };
            let [products] = tile(columns, [point]);
            visit(block * BLOCK_ROWS, &products);
        }
    }

    /// For every point the row with the smallest `bias[row] − 2·⟨point, row⟩`, ties to the lower row;
    /// `best` is kept where it is already smaller. `bias` has an entry per row.
    pub fn nearest(&self, bias: &[i32], points: &[Pairs], best: &mut [Best]) {
        #[cfg(target_arch = "x86_64")]
        {
            if crate::lanes::x86::has_vnni() {
                // SAFETY: the features were found on this processor just above.
                unsafe { x86::nearest_vnni(self, bias, points, best) };
                return;
            }
            if std::arch::is_x86_feature_detected!("avx512bw") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { x86::nearest_avx512(self, bias, points, best) };
                return;
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { x86::nearest_avx2(self, bias, points, best) };
                return;
            }
        }
        self.nearest_by::<Column<i32>, 4>(bias, points, best);
    }

    /// `P` points at a time by the lanes of `L`, whose instructions must be there.
    #[inline(always)]
    fn nearest_by<L: PairLanes, const P: usize>(
        &self,
        bias: &[i32],
        points: &[Pairs],
        best: &mut [Best],
    ) {
        let mut kept = [LaneBest::new(i32::MAX); POINT_CHUNK];
        for (points, best) in points.chunks(POINT_CHUNK).zip(best.chunks_mut(POINT_CHUNK)) {
            let kept = &mut kept[..points.len()];
            kept.fill(LaneBest::new(i32::MAX));
            for (number, bias) in bias[..self.rows()].chunks(BLOCK_ROWS).enumerate() {
                let Some(columns) = self.block(number) else {
                    break;
                };
                // What fills up the last block is never the smallest.
                let mut biases = [i32::MAX; BLOCK_ROWS];
                biases[..bias.len()].copy_from_slice(bias);
                let first = (number * BLOCK_ROWS) as u32;
                let mut several = points.chunks_exact(P);
                let mut kept_several = kept.chunks_exact_mut(P);
                for (points, kept) in several.by_ref().zip(kept_several.by_ref()) {
                    let points: [&Pairs; P] = std::array::from_fn(|p| &points[p]);
                    let products = tile_by::<L, P>(columns, points);
                    for (p, kept) in kept.iter_mut().enumerate() {
                        products[p].offered(&biases, first, kept);
                    }
                }
                let kept = kept_several.into_remainder();
                for (point, kept) in several.remainder().iter().zip(kept) {
                    let [products] = tile_by::<L, 1>(columns, [point]);
                    products.offered(&biases, first, kept);
                }
            }
            for (kept, best) in kept.iter().zip(best) {
                let (row, key) = kept.over_lanes();
                if key < best.key {
                    *best = Best { key, row };
                }
            }
        }
    }

    /// Calls `visit` with the number of a point, the number of the first of sixteen rows, and their keys `bias[row] − 2·⟨point, row⟩`,
    /// wherever one of these is at most the point's limit, which becomes what `visit` returns. `bias` has an entry per row; keys
    /// beyond the last row are the greatest number.
    pub fn each_within(
        &self,
        bias: &[i32],
        points: &[&Pairs],
        limits: &mut [i32],
        visit: &mut dyn FnMut(usize, usize, &Column<i32>) -> i32,
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            if crate::lanes::x86::has_vnni() {
                // SAFETY: the features were found on this processor just above.
                unsafe { x86::within_vnni(self, bias, points, limits, visit) };
                return;
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { x86::within_avx2(self, bias, points, limits, visit) };
                return;
            }
        }
        self.within_by::<Column<i32>, 4>(bias, points, limits, visit);
    }

    /// [`Panel::each_within`] for `P` points at a time by the lanes of `L`, whose instructions must be there.
    #[inline(always)]
    fn within_by<L: PairLanes, const P: usize>(
        &self,
        bias: &[i32],
        points: &[&Pairs],
        limits: &mut [i32],
        visit: &mut dyn FnMut(usize, usize, &Column<i32>) -> i32,
    ) {
        for (number, bias) in bias[..self.rows()].chunks(BLOCK_ROWS).enumerate() {
            let Some(columns) = self.block(number) else {
                break;
            };
            let mut biases = [i32::MAX; BLOCK_ROWS];
            biases[..bias.len()].copy_from_slice(bias);
            let mut at = 0;
            while let Some(several) = points[at..].first_chunk::<P>() {
                let products = tile_by::<L, P>(columns, *several);
                for (p, products) in products.iter().enumerate() {
                    let keys = products.keys(&biases);
                    if keys.any_at_most(limits[at + p]) {
                        limits[at + p] = visit(at + p, number * BLOCK_ROWS, &keys.stored());
                    }
                }
                at += P;
            }
            for (point, limit) in points.iter().zip(limits.iter_mut()).skip(at) {
                let [products] = tile_by::<L, 1>(columns, [point]);
                let keys = products.keys(&biases);
                if keys.any_at_most(*limit) {
                    *limit = visit(at, number * BLOCK_ROWS, &keys.stored());
                }
                at += 1;
            }
        }
    }

    fn block(&self, block: usize) -> Option<&Block> {
        self.blocks.block(block)?.try_into().ok()
    }
}

/// Inner products of `P` points with the sixteen rows of a block.
#[inline]
fn tile<const P: usize>(block: &Block, points: [&Pairs; P]) -> [Column<i32>; P] {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512bw") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { x86::tile_avx512(block, points) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            return unsafe { x86::tile_avx2(block, points) };
        }
    }
    tile_by::<Column<i32>, P>(block, points)
}

/// [`tile`] by the lanes of `L`, whose instructions must be there.
#[inline(always)]
fn tile_by<L: PairLanes, const P: usize>(block: &Block, points: [&Pairs; P]) -> [L; P] {
    let mut sums = [L::splat(0); P];
    for (step, column) in block.iter().enumerate() {
        let rows = L::load(column);
        for (p, sum) in sums.iter_mut().enumerate() {
            *sum = sum.multiply_add(L::splat(points[p][step]), rows);
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn stored<L: PairLanes, const P: usize>(sums: [L; P]) -> [Column<i32>; P] {
    let mut products = [[0; BLOCK_ROWS]; P];
    for (p, products) in products.iter_mut().enumerate() {
        *products = sums[p].stored();
    }
    products
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Best, Block, Column, Pairs, Panel, stored, tile_by};
    use crate::lanes::x86::{Pairs256, Pairs512, PairsVnni};

    #[target_feature(enable = "avx2")]
    pub(super) fn tile_avx2<const P: usize>(
        block: &Block,
        points: [&Pairs; P],
    ) -> [Column<i32>; P] {
        stored(tile_by::<Pairs256, P>(block, points))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn tile_avx512<const P: usize>(
        block: &Block,
        points: [&Pairs; P],
    ) -> [Column<i32>; P] {
        stored(tile_by::<Pairs512, P>(block, points))
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn nearest_avx2(panel: &Panel, bias: &[i32], points: &[Pairs], best: &mut [Best]) {
        panel.nearest_by::<Pairs256, 4>(bias, points, best);
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn nearest_avx512(panel: &Panel, bias: &[i32], points: &[Pairs], best: &mut [Best]) {
        panel.nearest_by::<Pairs512, 8>(bias, points, best);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn within_avx2(
        panel: &Panel,
        bias: &[i32],
        points: &[&Pairs],
        limits: &mut [i32],
        visit: &mut dyn FnMut(usize, usize, &Column<i32>) -> i32,
    ) {
        panel.within_by::<Pairs256, 4>(bias, points, limits, visit);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn within_vnni(
        panel: &Panel,
        bias: &[i32],
        points: &[&Pairs],
        limits: &mut [i32],
        visit: &mut dyn FnMut(usize, usize, &Column<i32>) -> i32,
    ) {
        panel.within_by::<PairsVnni, 8>(bias, points, limits, visit);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn nearest_vnni(panel: &Panel, bias: &[i32], points: &[Pairs], best: &mut [Best]) {
        match points.len() {
            // Too few sums side by side for its latency.
            0..8 => panel.nearest_by::<Pairs512, 4>(bias, points, best),
            _ => panel.nearest_by::<PairsVnni, 16>(bias, points, best),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn rows(random: &mut Random, count: usize) -> Vec<[i16; DIMENSIONS]> {
        (0..count)
            .map(|_| std::array::from_fn(|_| (random.below(32_641) as i16) - 16_320))
            .collect()
    }

    fn points(random: &mut Random, count: usize) -> Vec<[u8; DIMENSIONS]> {
        (0..count)
            .map(|_| std::array::from_fn(|_| random.below(256) as u8))
            .collect()
    }

    fn product(point: &[u8; DIMENSIONS], row: &[i16; DIMENSIONS]) -> i32 {
        point
            .iter()
            .zip(row)
            .map(|(&x, &y)| i32::from(x) * i32::from(y))
            .sum()
    }

    #[test]
    fn products_agree_with_the_definition() {
        let mut random = Random::new(1);
        let rows = rows(&mut random, 37);
        let panel = Panel::new(rows.iter());
        assert_eq!(panel.rows(), 37);
        for point in points(&mut random, 5) {
            let mut seen = Vec::new();
            panel.for_each_block(&pairs_of_bytes(&point), 0..3, |first, products| {
                assert_eq!(first, seen.len());
                seen.extend_from_slice(products);
            });
            let expected: Vec<i32> = rows.iter().map(|row| product(&point, row)).collect();
            assert_eq!(seen[..37], expected);
            assert!(seen[37..].iter().all(|&p| p == 0));
        }
    }

    /// Every way to the nearest rows that this processor has.
    fn ways(panel: &Panel, bias: &[i32], points: &[Pairs]) -> Vec<Vec<Best>> {
        let mut all = vec![vec![Best::NONE; points.len()]; 2];
        panel.nearest(bias, points, &mut all[0]);
        panel.nearest_by::<Column<i32>, 4>(bias, points, &mut all[1]);
        #[cfg(target_arch = "x86_64")]
        {
            let mut best = vec![Best::NONE; points.len()];
            // SAFETY: the features of each are looked for just before.
            unsafe {
                if std::arch::is_x86_feature_detected!("avx2") {
                    x86::nearest_avx2(panel, bias, points, &mut best);
                    all.push(best.clone());
                }
                if std::arch::is_x86_feature_detected!("avx512bw") {
                    best.fill(Best::NONE);
                    x86::nearest_avx512(panel, bias, points, &mut best);
                    all.push(best.clone());
                }
                if crate::lanes::x86::has_vnni() {
                    best.fill(Best::NONE);
                    x86::nearest_vnni(panel, bias, points, &mut best);
                    all.push(best);
                }
            }
        }
        all
    }

    #[test]
    fn every_instruction_set_gives_the_same_products() {
        let mut random = Random::new(2);
        let panel = Panel::new(rows(&mut random, 16).iter());
        let points: Vec<Pairs> = points(&mut random, 4).iter().map(pairs_of_bytes).collect();
        let block = panel.block(0).unwrap();
        let points = [&points[0], &points[1], &points[2], &points[3]];
        let expected = tile_by::<Column<i32>, 4>(block, points);
        assert_eq!(tile(block, points), expected);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            assert_eq!(unsafe { x86::tile_avx2(block, points) }, expected);
        }
    }

    #[test]
    fn the_nearest_row_is_the_first_of_the_smallest() {
        let mut random = Random::new(3);
        for (count, many) in [(50, 67), (16, 1), (1, 7), (129, 200), (9, 64)] {
            let mut rows = rows(&mut random, count);
            let mut bias: Vec<i32> = (0..count).map(|_| random.below(1000) as i32).collect();
            if count > 40 {
                (rows[40], bias[40]) = (rows[7], bias[7]);
            }
            let panel = Panel::new(rows.iter());
            let points = points(&mut random, many);
            let pairs: Vec<Pairs> = points.iter().map(pairs_of_bytes).collect();
            for best in ways(&panel, &bias, &pairs) {
                for (point, best) in points.iter().zip(best) {
                    let expected = (0..count)
                        .map(|r| (bias[r] - 2 * product(point, &rows[r]), r as u32))
                        .min()
                        .unwrap();
                    assert_eq!((best.key, best.row), expected);
                }
            }
        }
    }

    #[test]
    fn every_key_within_the_limit_is_visited() {
        type Way = fn(
            &Panel,
            &[i32],
            &[&Pairs],
            &mut [i32],
            &mut dyn FnMut(usize, usize, &Column<i32>) -> i32,
        );
        let mut ways: Vec<Way> = vec![Panel::each_within, Panel::within_by::<Column<i32>, 4>];
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            ways.push(|a, b, c, d, e| unsafe { x86::within_avx2(a, b, c, d, e) });
        }
        let mut random = Random::new(4);
        for (count, many) in [(50, 7), (16, 1), (1, 3), (129, 12)] {
            let rows = rows(&mut random, count);
            let bias: Vec<i32> = (0..count).map(|_| random.below(1000) as i32).collect();
            let panel = Panel::new(rows.iter());
            let points = points(&mut random, many);
            let pairs: Vec<Pairs> = points.iter().map(pairs_of_bytes).collect();
            let pairs: Vec<&Pairs> = pairs.iter().collect();
            let key = |p: usize, r: usize| bias[r] - 2 * product(&points[p], &rows[r]);
            // The smallest key so far is the limit: what is found last is the smallest of all.
            for way in &ways {
                let mut found = vec![(i32::MAX, 0); many];
                let mut limits = vec![i32::MAX; many];
                way(
                    &panel,
                    &bias,
                    &pairs,
                    &mut limits,
                    &mut |point, first, keys| {
                        for (row, &found_key) in (first..count).zip(keys) {
                            assert_eq!(found_key, key(point, row));
                            found[point] = found[point].min((found_key, row));
                        }
                        assert!(
                            keys.iter()
                                .skip(count.saturating_sub(first))
                                .all(|&k| k == i32::MAX)
                        );
                        found[point].0
                    },
                );
                for (point, found) in found.into_iter().enumerate() {
                    let least = (0..count).map(|row| (key(point, row), row)).min();
                    assert_eq!(Some(found), least);
                    assert_eq!(limits[point], found.0);
                }
            }
        }
    }

    #[test]
    fn what_is_already_smaller_is_kept() {
        let panel = Panel::new([[1; DIMENSIONS]].iter());
        let point = pairs_of_bytes(&[1; DIMENSIONS]);
        let known = Best { key: -256, row: 9 };
        for (bias, expected) in [(0, known), (-1, Best { key: -257, row: 0 })] {
            let mut best = [known];
            panel.nearest(&[bias], &[point], &mut best);
            assert_eq!(best, [expected]);
        }
        Panel::default().nearest(&[], &[point], &mut [known]);
    }
}
