//! From sums to scores, and on to the codes whose score is good enough.
#![allow(unsafe_code)]

use super::kernel::{Portable, Sums};
use super::{BLOCK_CODES, FACTOR_BYTES, QUAD_BYTES};

/// What a score is made of, besides the sum of a code. Products and sums are rounded one by one, in this order, so that all machines have the
/// same scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    /// `base` + `scale` · sum.
    Sum,
    /// (`base` + a) + `scale` · sum, with one number of the code.
    Added,
    /// (`base` + a) + g · (`scale` · sum + `offset`) + e · `slack`, with three numbers of the code: what the score is at most.
    Bounded,
}

impl Terms {
    /// Numbers of a code.
    pub fn factors(self) -> usize {
        match self {
            Self::Sum => 0,
            Self::Added => 1,
            Self::Bounded => 3,
        }
    }
}

/// Blocks that are looked through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a> {
    /// Blocks, of which each begins with as many quads as there are tables, followed by the numbers of the terms.
    pub blocks: &'a [u8],
    pub block_bytes: usize,
    pub tables: &'a [u8],
    pub terms: Terms,
    pub base: f32,
    pub scale: f32,
    pub offset: f32,
    pub slack: f32,
}

/// A block with codes whose score is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    pub block: usize,
    /// A bit for each such code.
    pub lanes: u32,
    /// Scores of all codes of the block.
    pub scores: [f32; BLOCK_CODES],
}

impl Scan<'_> {
    /// The first block from `block` on that has a code with a score of at least `least`.
    pub fn next(&self, block: usize, least: f32) -> Option<Found> {
        let needed = self.tables.len() + self.terms.factors() * FACTOR_BYTES;
        if self.block_bytes < needed.max(1) || !self.tables.len().is_multiple_of(QUAD_BYTES) {
            return None;
        }
        match self.terms {
            Terms::Sum => self.dispatched::<0>(block, least),
            Terms::Added => self.dispatched::<1>(block, least),
            Terms::Bounded => self.dispatched::<3>(block, least),
        }
    }

    fn dispatched<const FACTORS: usize>(&self, block: usize, least: f32) -> Option<Found> {
        #[cfg(target_arch = "x86_64")]
        {
            if super::kernel::x86::has_bytes512() {
                // SAFETY: the features were found on this processor just above.
                return unsafe { bytes512::<FACTORS>(self, block, least) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { bytes256::<FACTORS>(self, block, least) };
            }
        }
        self.walk::<Portable, FACTORS>(block, least)
    }

    #[inline(always)]
    fn walk<S: Sums, const FACTORS: usize>(&self, first: usize, least: f32) -> Option<Found> {
        let from = first.checked_mul(self.block_bytes)?;
        let blocks = self.blocks.get(from..)?.chunks_exact(self.block_bytes);
        for (block, bytes) in (first..).zip(blocks) {
            let (quads, rest) = bytes.split_at(self.tables.len());
            let sums = S::of(quads, self.tables);
            let scores = self.scores::<FACTORS>(&sums, rest);
            let any = scores
                .iter()
                .fold(false, |any, &score| any | (score >= least));
            if any {
                let lanes = (0..).zip(scores);
                let lanes = lanes.fold(0, |all, (lane, score)| {
                    all | u32::from(score >= least) << lane
                });
                return Some(Found {
                    block,
                    lanes,
                    scores,
                });
            }
        }
        None
    }

    #[inline(always)]
    fn scores<const FACTORS: usize>(
        &self,
        sums: &[i32; BLOCK_CODES],
        rest: &[u8],
    ) -> [f32; BLOCK_CODES] {
        let mut scores = [0f32; BLOCK_CODES];
        let (numbers, _) = rest.as_chunks::<FACTOR_BYTES>();
        let number = |which: usize, lane: usize| {
            let bytes = &numbers[which].as_chunks::<4>().0[lane];
            f32::from_le_bytes(*bytes)
        };
        for (lane, (score, &sum)) in scores.iter_mut().zip(sums).enumerate() {
            let scaled = self.scale * sum as f32;
            *score = match FACTORS {
                0 => self.base + scaled,
                1 => (self.base + number(0, lane)) + scaled,
                _ => {
                    let known = self.base + number(0, lane);
                    let estimate = known + number(1, lane) * (scaled + self.offset);
                    estimate + number(2, lane) * self.slack
                }
            };
        }
        scores
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni")]
fn bytes512<const FACTORS: usize>(scan: &Scan<'_>, block: usize, least: f32) -> Option<Found> {
    scan.walk::<super::kernel::x86::Bytes512, FACTORS>(block, least)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn bytes256<const FACTORS: usize>(scan: &Scan<'_>, block: usize, least: f32) -> Option<Found> {
    scan.walk::<super::kernel::x86::Bytes256, FACTORS>(block, least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_code_above_the_least_is_found_with_its_score() {
        let mut random = Random::new(5);
        for (terms, quads, blocks) in [
            (Terms::Sum, 3, 4),
            (Terms::Added, 8, 9),
            (Terms::Bounded, 2, 20),
            (Terms::Bounded, 70, 3),
            (Terms::Sum, 1, 0),
        ] {
            let block_bytes = quads * QUAD_BYTES + terms.factors() * FACTOR_BYTES + 10;
            let mut bytes = Vec::new();
            for _ in 0..blocks {
                bytes.extend((0..quads * QUAD_BYTES).map(|_| random.below(256) as u8));
                for _ in 0..terms.factors() * BLOCK_CODES {
                    bytes.extend((random.unit() as f32).to_le_bytes());
                }
                bytes.extend([0; 10]);
            }
            let tables: Vec<u8> = (0..quads * QUAD_BYTES)
                .map(|_| random.below(256) as u8)
                .collect();
            let scan = Scan {
                blocks: &bytes,
                block_bytes,
                tables: &tables,
                terms,
                base: -0.3,
                scale: 0.007,
                offset: -3.0,
                slack: 0.2,
            };
            compare(&scan, blocks);
        }
    }

    fn compare(scan: &Scan<'_>, blocks: usize) {
        let walk = |block, least| match scan.terms {
            Terms::Sum => scan.walk::<Portable, 0>(block, least),
            Terms::Added => scan.walk::<Portable, 1>(block, least),
            Terms::Bounded => scan.walk::<Portable, 3>(block, least),
        };
        let every: Vec<Found> = (0..blocks)
            .filter_map(|block| walk(block, f32::NEG_INFINITY))
            .collect();
        assert_eq!(every.len(), blocks);
        let mut sorted: Vec<f32> = every.iter().flat_map(|found| found.scores).collect();
        sorted.sort_by(f32::total_cmp);
        let chosen = [0, 1, 5, 9, 10].map(|tenth| sorted.get(tenth * sorted.len() / 10).copied());
        for least in chosen.into_iter().flatten().chain([f32::INFINITY]) {
            let mut at = 0;
            for expected in &every {
                let lanes = (0..32).filter(|&lane| expected.scores[lane] >= least);
                let lanes = lanes.fold(0u32, |all, lane| all | 1 << lane);
                if lanes != 0 {
                    let found = scan.next(at, least).unwrap();
                    assert_eq!(found, walk(at, least).unwrap());
                    assert_eq!((found.block, found.lanes), (expected.block, lanes));
                    assert_eq!(found.scores, expected.scores);
                    at = found.block + 1;
                }
            }
            assert_eq!(scan.next(at, least), None);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                let narrow = unsafe {
                    match scan.terms {
                        Terms::Sum => bytes256::<0>(scan, 0, least),
                        Terms::Added => bytes256::<1>(scan, 0, least),
                        Terms::Bounded => bytes256::<3>(scan, 0, least),
                    }
                };
                assert_eq!(narrow, walk(0, least));
            }
        }
    }
}
