//! Inner products of byte vectors with many rows at once.
//!
//! Nearest-row search among thousands of rows is a matrix product followed by a minimum. Here it is
//! done in 16-bit integers: the rows are stored in blocks of sixteen, coordinate pairs interleaved, so
//! that one multiply-add instruction advances eight rows by two coordinates and the result needs no
//! sum across lanes. Four points share every load of a block. Integers make every processor give the
//! same answer, and one instruction does twice the work of its float counterpart.
#![allow(unsafe_code)]

/// Coordinates of a row.
pub(crate) const DIMENSIONS: usize = 128;
/// Rows of a block.
pub(crate) const BLOCK_ROWS: usize = 16;
const PAIRS: usize = DIMENSIONS / 2;
const BLOCK: usize = BLOCK_ROWS * DIMENSIONS;
/// Points that go through the panel together; their pairs and one block stay in the first cache.
const POINT_CHUNK: usize = 64;

/// A point prepared for multiplication: each entry holds two neighbouring coordinates, 16 bits each.
pub(crate) type Pairs = [i32; PAIRS];

/// Rows of 128 signed 16-bit numbers, packed for multiplication.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    rows: usize,
    data: Vec<i16>,
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
    /// Packs the rows; the last block is filled up with zeros.
    pub fn new<'a>(rows: impl ExactSizeIterator<Item = &'a [i16; DIMENSIONS]>) -> Self {
        let count = rows.len();
        let mut data = vec![0i16; count.div_ceil(BLOCK_ROWS) * BLOCK];
        for (i, row) in rows.enumerate() {
            let block = &mut data[(i / BLOCK_ROWS) * BLOCK..][..BLOCK];
            let lane = i % BLOCK_ROWS;
            for (p, coordinates) in row.chunks_exact(2).enumerate() {
                block[(p * BLOCK_ROWS + lane) * 2..][..2].copy_from_slice(coordinates);
            }
        }
        Self { rows: count, data }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inner product of one point with every row of the blocks given, in row order, handed out a block
    /// at a time as `(number of the first row, products)`.
    pub fn for_each_block(
        &self,
        point: &Pairs,
        blocks: std::ops::Range<usize>,
        mut visit: impl FnMut(usize, &[i32; BLOCK_ROWS]),
    ) {
        let mut products = [[0i32; BLOCK_ROWS]];
        for block in blocks {
            let Some(data) = self.block(block) else {
                return;
            };
            tile(data, [point], &mut products);
            visit(block * BLOCK_ROWS, &products[0]);
        }
    }

    /// For every point the row with the smallest `bias[row] − 2·⟨point, row⟩`, ties to the lower row;
    /// `best` is kept where it is already smaller. `bias` has an entry per row.
    pub fn nearest(&self, bias: &[i32], points: &[Pairs], best: &mut [Best]) {
        for (points, best) in points.chunks(POINT_CHUNK).zip(best.chunks_mut(POINT_CHUNK)) {
            for block in 0..self.rows.div_ceil(BLOCK_ROWS) {
                let Some(data) = self.block(block) else {
                    return;
                };
                let first = block * BLOCK_ROWS;
                let bias = &bias[first..self.rows.min(first + BLOCK_ROWS)];
                nearest_in_block(data, bias, first as u32, points, best);
            }
        }
    }

    fn block(&self, block: usize) -> Option<&[i16; BLOCK]> {
        self.data
            .get(block * BLOCK..(block + 1) * BLOCK)
            .and_then(|data| data.try_into().ok())
    }
}

fn nearest_in_block(
    block: &[i16; BLOCK],
    bias: &[i32],
    first_row: u32,
    points: &[Pairs],
    best: &mut [Best],
) {
    let mut fours = points.chunks_exact(4);
    let mut best_fours = best.chunks_exact_mut(4);
    let mut products = [[0i32; BLOCK_ROWS]; 4];
    for (points, best) in fours.by_ref().zip(best_fours.by_ref()) {
        let [a, b, c, d] = points else { continue };
        tile(block, [a, b, c, d], &mut products);
        for (best, products) in best.iter_mut().zip(&products) {
            take_smallest(bias, products, first_row, best);
        }
    }
    let mut products = [[0i32; BLOCK_ROWS]];
    for (point, best) in fours.remainder().iter().zip(best_fours.into_remainder()) {
        tile(block, [point], &mut products);
        take_smallest(bias, &products[0], first_row, best);
    }
}

#[inline(always)]
fn take_smallest(bias: &[i32], products: &[i32; BLOCK_ROWS], first_row: u32, best: &mut Best) {
    let mut keys = [i32::MAX; BLOCK_ROWS];
    for ((key, bias), product) in keys.iter_mut().zip(bias).zip(products) {
        *key = bias - 2 * product;
    }
    let smallest = keys.iter().copied().fold(i32::MAX, i32::min);
    if smallest < best.key {
        let lane = keys.iter().position(|&key| key == smallest).unwrap_or(0);
        *best = Best {
            key: smallest,
            row: first_row + lane as u32,
        };
    }
}

/// Inner products of `P` points with the sixteen rows of a block.
#[inline]
fn tile<const P: usize>(
    block: &[i16; BLOCK],
    points: [&Pairs; P],
    products: &mut [[i32; BLOCK_ROWS]; P],
) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512bw") {
            // SAFETY: the feature was found on this processor just above.
            unsafe { tile_avx512(block, points, products) };
            return;
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            unsafe { tile_avx2(block, points, products) };
            return;
        }
    }
    tile_portable(block, points, products);
}

/// The meaning of [`tile`]; compilers vectorise it for NEON.
fn tile_portable<const P: usize>(
    block: &[i16; BLOCK],
    points: [&Pairs; P],
    products: &mut [[i32; BLOCK_ROWS]; P],
) {
    for (point, products) in points.iter().zip(products.iter_mut()) {
        let mut sums = [0i32; BLOCK_ROWS];
        for (entry, coordinates) in point.iter().zip(block.chunks_exact(2 * BLOCK_ROWS)) {
            let (first, second) = (i32::from(*entry as i16), entry >> 16);
            for (sum, row) in sums.iter_mut().zip(coordinates.chunks_exact(2)) {
                *sum += first * i32::from(row[0]) + second * i32::from(row[1]);
            }
        }
        *products = sums;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn tile_avx2<const P: usize>(
    block: &[i16; BLOCK],
    points: [&Pairs; P],
    products: &mut [[i32; BLOCK_ROWS]; P],
) {
    use std::arch::x86_64::*;
    let mut sums = [[_mm256_setzero_si256(); 2]; P];
    for step in 0..PAIRS {
        // SAFETY: a block has PAIRS steps of 32 numbers; both loads stay inside step `step`.
        let (low, high) = unsafe {
            let at = block.as_ptr().add(step * 2 * BLOCK_ROWS);
            (
                _mm256_loadu_si256(at.cast()),
                _mm256_loadu_si256(at.add(16).cast()),
            )
        };
        for (sums, point) in sums.iter_mut().zip(points) {
            let both = _mm256_set1_epi32(point[step]);
            sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(both, low));
            sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(both, high));
        }
    }
    for (products, sums) in products.iter_mut().zip(sums) {
        // SAFETY: sixteen 32-bit numbers are 64 bytes, written as two unaligned stores of 32.
        unsafe {
            _mm256_storeu_si256(products.as_mut_ptr().cast(), sums[0]);
            _mm256_storeu_si256(products.as_mut_ptr().add(8).cast(), sums[1]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn tile_avx512<const P: usize>(
    block: &[i16; BLOCK],
    points: [&Pairs; P],
    products: &mut [[i32; BLOCK_ROWS]; P],
) {
    use std::arch::x86_64::*;
    let mut sums = [_mm512_setzero_si512(); P];
    for step in 0..PAIRS {
        // SAFETY: a block has PAIRS steps of 32 numbers; the load covers exactly step `step`.
        let rows = unsafe { _mm512_loadu_si512(block.as_ptr().add(step * 2 * BLOCK_ROWS).cast()) };
        for (sum, point) in sums.iter_mut().zip(points) {
            let both = _mm512_set1_epi32(point[step]);
            *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(both, rows));
        }
    }
    for (products, sum) in products.iter_mut().zip(sums) {
        // SAFETY: sixteen 32-bit numbers are the 64 bytes of one unaligned store.
        unsafe { _mm512_storeu_si512(products.as_mut_ptr().cast(), sum) };
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

    #[test]
    fn every_instruction_set_gives_the_same_products() {
        let mut random = Random::new(2);
        let panel = Panel::new(rows(&mut random, 16).iter());
        let points: Vec<Pairs> = points(&mut random, 4).iter().map(pairs_of_bytes).collect();
        let block = panel.block(0).unwrap();
        let points = [&points[0], &points[1], &points[2], &points[3]];
        let mut expected = [[0; BLOCK_ROWS]; 4];
        tile_portable(block, points, &mut expected);
        let mut found = [[0; BLOCK_ROWS]; 4];
        tile(block, points, &mut found);
        assert_eq!(found, expected);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            let mut found = [[0; BLOCK_ROWS]; 4];
            // SAFETY: the feature was found on this processor just above.
            unsafe { tile_avx2(block, points, &mut found) };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_nearest_row_is_the_first_of_the_smallest() {
        let mut random = Random::new(3);
        let mut rows = rows(&mut random, 50);
        rows[40] = rows[7];
        let bias: Vec<i32> = (0..50).map(|_| random.below(1000) as i32).collect();
        let mut bias = bias;
        bias[40] = bias[7];
        let panel = Panel::new(rows.iter());
        let points = points(&mut random, 67);
        let pairs: Vec<Pairs> = points.iter().map(pairs_of_bytes).collect();
        let mut best = vec![Best::NONE; points.len()];
        panel.nearest(&bias, &pairs, &mut best);
        for (point, best) in points.iter().zip(best) {
            let expected = (0..50)
                .map(|r| (bias[r] - 2 * product(point, &rows[r]), r as u32))
                .min()
                .unwrap();
            assert_eq!((best.key, best.row), expected);
        }
    }
}
