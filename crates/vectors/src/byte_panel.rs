//! Squared distances of many byte vectors to a few.
//!
//! The start of k-means looks at thousands of points once for every centre, and at a few centres that might be the next. What
//! takes the time is to bring the points from memory: they stay bytes, four in an entry of a block, are spread to 16 bits in a
//! register and are used for all the candidates there.
#![allow(unsafe_code)]

use crate::blocks::{BLOCK_ROWS, Blocks, Column};
use crate::lanes::PairLanes;
use crate::panel::DIMENSIONS;

/// Coordinates of an entry.
const PACK: usize = 4;
const STEPS: usize = DIMENSIONS / PACK;
/// Candidates whose sums are kept side by side.
const CANDIDATES: usize = 8;

/// Byte vectors, packed.
pub(crate) struct BytePanel {
    blocks: Blocks<i32>,
    lengths: Vec<Column<u32>>,
}

/// A byte vector ready for multiplication with those of a panel.
pub(crate) struct Candidate {
    /// The first and the third, and the second and the fourth of every four coordinates.
    pairs: [[i32; 2]; STEPS],
    length: u32,
}

fn squared_length(point: &[u8; DIMENSIONS]) -> u32 {
    point.iter().map(|&x| u32::from(x) * u32::from(x)).sum()
}

impl Candidate {
    pub fn new(point: &[u8; DIMENSIONS]) -> Self {
        let pair = |first: u8, second: u8| i32::from(second) << 16 | i32::from(first);
        Self {
            pairs: std::array::from_fn(|step| {
                let four = &point[PACK * step..][..PACK];
                [pair(four[0], four[2]), pair(four[1], four[3])]
            }),
            length: squared_length(point),
        }
    }
}

impl BytePanel {
    /// Packs `count` points, of which `of` gives each.
    pub fn new<'p>(count: usize, of: impl Fn(usize) -> &'p [u8; DIMENSIONS]) -> Self {
        let entries = |at: usize| {
            let fours = of(at).as_chunks::<PACK>().0.iter();
            fours.map(|&four| i32::from_le_bytes(four))
        };
        let blocks = Blocks::new(count, STEPS, entries);
        let mut lengths = vec![[0; BLOCK_ROWS]; blocks.count()];
        let of_points = lengths.as_flattened_mut()[..count].iter_mut();
        of_points
            .enumerate()
            .for_each(|(at, length)| *length = squared_length(of(at)));
        Self { blocks, lengths }
    }

    /// A distance for every place of every block: the greatest number for a point, 0 for what fills up the last block.
    pub fn unknown(&self) -> Vec<Column<u32>> {
        let mut distances = vec![[0; BLOCK_ROWS]; self.blocks.count()];
        distances.as_flattened_mut()[..self.blocks.rows()].fill(u32::MAX);
        distances
    }

    /// For every candidate: `lowered` becomes the squared distances of the points from block `first` on to it, where these are below
    /// `distances`, which are of the same points; returns its sum. `lowered` has as many columns for every candidate as there are
    /// distances, one candidate after the other. The sums of 4096 points fit.
    pub fn lower(
        &self,
        first: usize,
        distances: &[Column<u32>],
        candidates: &[Candidate],
        lowered: &mut [Column<u32>],
    ) -> Vec<u64> {
        #[cfg(target_arch = "x86_64")]
        {
            if crate::lanes::x86::has_vnni() {
                // SAFETY: the features were found on this processor just above.
                return unsafe { x86::vnni(self, first, distances, candidates, lowered) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { x86::avx2(self, first, distances, candidates, lowered) };
            }
        }
        self.lower_by::<Column<i32>, 2>(first, distances, candidates, lowered)
    }

    /// `C` candidates at a time by the lanes of `L`, whose instructions must be there.
    #[inline(always)]
    fn lower_by<L: PairLanes, const C: usize>(
        &self,
        first: usize,
        distances: &[Column<u32>],
        candidates: &[Candidate],
        lowered: &mut [Column<u32>],
    ) -> Vec<u64> {
        let mut sums = vec![[0u32; BLOCK_ROWS]; candidates.len()];
        let columns = distances.len();
        for (at, distances) in distances.iter().enumerate() {
            let block = first + at;
            let Some(rows) = self.blocks.block(block) else {
                break;
            };
            let lengths = &self.lengths[block];
            let mut number = 0;
            while let Some(several) = candidates[number..].first_chunk::<C>() {
                let products = tile::<L, C>(rows, several.each_ref());
                for (candidate, products) in several.iter().zip(products) {
                    let found = squared(lengths, candidate.length, &products);
                    let kept = &mut lowered[number * columns + at];
                    take_lower(distances, &found, kept, &mut sums[number]);
                    number += 1;
                }
            }
            for (number, candidate) in candidates.iter().enumerate().skip(number) {
                let [products] = tile::<L, 1>(rows, [candidate]);
                let found = squared(lengths, candidate.length, &products);
                let kept = &mut lowered[number * columns + at];
                take_lower(distances, &found, kept, &mut sums[number]);
            }
        }
        let total = |sums: &Column<u32>| sums.iter().map(|&sum| u64::from(sum)).sum();
        sums.iter().map(total).collect()
    }
}

/// Squared distances from squared lengths and inner products.
#[inline(always)]
fn squared(lengths: &Column<u32>, length: u32, products: &Column<i32>) -> Column<u32> {
    std::array::from_fn(|lane| (lengths[lane] + length).wrapping_sub(2 * products[lane] as u32))
}

/// Keeps the lower of two distances of every lane and adds it up.
#[inline(always)]
fn take_lower(
    distances: &Column<u32>,
    found: &Column<u32>,
    kept: &mut Column<u32>,
    sums: &mut Column<u32>,
) {
    for lane in 0..BLOCK_ROWS {
        kept[lane] = found[lane].min(distances[lane]);
        sums[lane] += kept[lane];
    }
}

/// Inner products of `C` candidates with the sixteen points of a block.
#[inline(always)]
fn tile<L: PairLanes, const C: usize>(
    rows: &[Column<i32>],
    candidates: [&Candidate; C],
) -> [Column<i32>; C] {
    // Two strands: one sum after the other in the same register would wait for each other.
    let mut sums = [[L::splat(0); 2]; C];
    for (step, column) in rows.iter().enumerate() {
        let bytes = L::load(column);
        let (even, odd) = (bytes.even_bytes(), bytes.odd_bytes());
        for (c, sums) in sums.iter_mut().enumerate() {
            let [first, second] = candidates[c].pairs[step];
            sums[0] = sums[0].multiply_add(L::splat(first), even);
            sums[1] = sums[1].multiply_add(L::splat(second), odd);
        }
    }
    let mut products = [[0; BLOCK_ROWS]; C];
    for (c, products) in products.iter_mut().enumerate() {
        *products = sums[c][0].plus(sums[c][1]).stored();
    }
    products
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BytePanel, CANDIDATES, Candidate, Column};
    use crate::lanes::x86::{Pairs256, PairsVnni};

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(
        panel: &BytePanel,
        first: usize,
        distances: &[Column<u32>],
        candidates: &[Candidate],
        lowered: &mut [Column<u32>],
    ) -> Vec<u64> {
        panel.lower_by::<Pairs256, 2>(first, distances, candidates, lowered)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn vnni(
        panel: &BytePanel,
        first: usize,
        distances: &[Column<u32>],
        candidates: &[Candidate],
        lowered: &mut [Column<u32>],
    ) -> Vec<u64> {
        panel.lower_by::<PairsVnni, CANDIDATES>(first, distances, candidates, lowered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l2_squared_u8;
    use crate::random::Random;

    fn points(random: &mut Random, count: usize) -> Vec<[u8; DIMENSIONS]> {
        let bytes = |_| {
            std::array::from_fn(|_| [0, 255, random.below(256) as u8][random.below(3) as usize])
        };
        (0..count).map(bytes).collect()
    }

    fn ways(
        panel: &BytePanel,
        first: usize,
        distances: &[Column<u32>],
        candidates: &[Candidate],
    ) -> Vec<(Vec<u64>, Vec<Column<u32>>)> {
        let mut lowered = vec![[7; BLOCK_ROWS]; distances.len() * candidates.len()];
        let sums = panel.lower(first, distances, candidates, &mut lowered);
        let mut all = vec![(sums, lowered.clone())];
        let sums = panel.lower_by::<Column<i32>, 2>(first, distances, candidates, &mut lowered);
        all.push((sums, lowered.clone()));
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this processor just above.
            let sums = unsafe { x86::avx2(panel, first, distances, candidates, &mut lowered) };
            all.push((sums, lowered));
        }
        all
    }

    #[test]
    fn distances_are_lowered_by_the_definition() {
        let mut random = Random::new(11);
        for (count, few) in [(1, 1), (16, 8), (37, 9), (100, 13), (5, 0)] {
            let points = points(&mut random, count);
            let chosen: Vec<[u8; DIMENSIONS]> = (0..few).map(|i| points[i * 7 % count]).collect();
            let candidates: Vec<Candidate> = chosen.iter().map(Candidate::new).collect();
            let panel = BytePanel::new(points.len(), |at| &points[at]);
            let mut distances = panel.unknown();
            if let Some(half) = distances.as_flattened_mut().get_mut(..count / 2) {
                half.iter_mut()
                    .for_each(|d| *d = random.below(1 << 22) as u32);
            }
            let expected = |candidate: &[u8; DIMENSIONS]| -> Vec<u32> {
                let so_far = distances.as_flattened().iter();
                let pairs = points.iter().zip(so_far);
                pairs
                    .map(|(p, &d)| d.min(l2_squared_u8(p, candidate)))
                    .collect()
            };
            for (sums, lowered) in ways(&panel, 0, &distances, &candidates) {
                for (at, candidate) in chosen.iter().enumerate() {
                    let found = lowered[at * distances.len()..].as_flattened();
                    let expected = expected(candidate);
                    assert_eq!(found[..count], expected);
                    assert_eq!(
                        sums[at],
                        expected.iter().map(|&d| u64::from(d)).sum::<u64>()
                    );
                }
            }
        }
    }

    #[test]
    fn a_part_of_the_points_is_those_from_a_block_on() {
        let mut random = Random::new(12);
        let points = points(&mut random, 50);
        let panel = BytePanel::new(points.len(), |at| &points[at]);
        let candidates = [Candidate::new(&points[3])];
        let distances = panel.unknown();
        for (_, lowered) in ways(&panel, 2, &distances[2..], &candidates) {
            let expected = points[32..].iter().map(|p| l2_squared_u8(p, &points[3]));
            assert_eq!(lowered.as_flattened()[..18], expected.collect::<Vec<u32>>());
        }
    }
}
