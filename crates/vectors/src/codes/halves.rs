//! Numbers of half precision, two bytes each (IEEE 754 binary16).
//!
//! Eleven binary digits are more than descriptors need: against single precision the order of results is hardly touched, at half
//! of the bytes. Scores are summed in single precision in an order that is part of the source: 64 sums side by side, coordinate i in
//! sum i mod 64, and then a tree over them, a product and a sum being two roundings. So all processors give the same bits.
#![allow(unsafe_code)]

use half::f16;

use super::bytes::{Bytes, counts};
use super::{Coder, Question};
use crate::Metric;
use crate::blocks::{BLOCK_ROWS, Column};
use crate::lanes::Lanes;
use crate::points::MOST_DIMENSIONS;

/// Registers of sums that do not wait for each other.
const SETS: usize = 4;
/// Bytes of a register of halves.
const BYTES: usize = 2 * BLOCK_ROWS;

/// Keeps vectors in half precision. Numbers beyond ±65,504 become that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halves {
    dimension: usize,
    instructions: Instructions,
}

/// Instructions that this processor has; made only by looking for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    Common,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The best that there are.
    fn found() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected;
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
                return Self::Avx2;
            }
        }
        Self::Common
    }
}

/// A query to vectors of half precision.
pub(crate) struct HalfQuestion {
    /// Filled up to whole registers with zeros.
    query: Vec<Column<f32>>,
    squared: bool,
    instructions: Instructions,
}

/// Sixteen numbers that can be read from halves. Needs the instructions of its implementor.
trait HalfLanes: Lanes<Number = f32> {
    fn from_halves(bytes: &[u8; BYTES]) -> Self;
}

/// The meaning of the others.
impl HalfLanes for Column<f32> {
    #[inline(always)]
    fn from_halves(bytes: &[u8; BYTES]) -> Self {
        std::array::from_fn(|i| f16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]).to_f32())
    }
}

/// What a code is compared with.
trait Other: Copy {
    /// Its register at a place; beyond the end zeros.
    fn at<L: HalfLanes>(self, register: usize) -> L;
}

impl Other for &[Column<f32>] {
    #[inline(always)]
    fn at<L: HalfLanes>(self, register: usize) -> L {
        match self.get(register) {
            Some(column) => L::load(column),
            None => L::splat(0.0),
        }
    }
}

impl Other for &[u8] {
    #[inline(always)]
    fn at<L: HalfLanes>(self, register: usize) -> L {
        let rest = self.get(register * BYTES..).unwrap_or_default();
        match rest.first_chunk() {
            Some(whole) => L::from_halves(whole),
            None => {
                let mut filled = [0; BYTES];
                filled[..rest.len()].copy_from_slice(rest);
                L::from_halves(&filled)
            }
        }
    }
}

/// What a register adds to a sum.
#[inline(always)]
fn term<L: HalfLanes, const SQUARED: bool>(other: impl Other, code: &[u8], register: usize) -> L {
    let (x, y) = (other.at::<L>(register), code.at::<L>(register));
    if SQUARED {
        let difference = x.minus(y);
        difference.times(difference)
    } else {
        x.times(y)
    }
}

/// The inner product or the squared distance, with the lanes of `L`, whose instructions must be there.
#[inline(always)]
fn sum<L: HalfLanes, const SQUARED: bool>(other: impl Other, code: &[u8]) -> f32 {
    let registers = code.len().div_ceil(BYTES);
    let mut sums = [L::splat(0.0); SETS];
    let whole = registers / SETS * SETS;
    for first in (0..whole).step_by(SETS) {
        for (set, sum) in sums.iter_mut().enumerate() {
            *sum = sum.plus(term::<L, SQUARED>(other, code, first + set));
        }
    }
    for register in whole..registers {
        let sum = &mut sums[register - whole];
        *sum = sum.plus(term::<L, SQUARED>(other, code, register));
    }
    let [a, b, c, d] = sums;
    let mut lanes = a.plus(c).plus(b.plus(d)).stored();
    let mut width = BLOCK_ROWS / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn chosen<L: HalfLanes>(other: impl Other, code: &[u8], squared: bool) -> f32 {
    match squared {
        true => -sum::<L, true>(other, code),
        false => sum::<L, false>(other, code),
    }
}

#[inline]
fn score(other: impl Other, code: &[u8], squared: bool, instructions: Instructions) -> f32 {
    match instructions {
        Instructions::Common => chosen::<Column<f32>>(other, code, squared),
        // SAFETY: the instructions were found on this processor.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { x86::avx2(other, code, squared) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { x86::avx512(other, code, squared) },
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{BYTES, HalfLanes, Other, chosen};
    use crate::lanes::x86::{Floats256, Floats512};

    impl HalfLanes for Floats512 {
        #[inline(always)]
        fn from_halves(bytes: &[u8; BYTES]) -> Self {
            // SAFETY: the caller has AVX-512 F, and there are 32 bytes.
            unsafe { [_mm512_cvtph_ps(_mm256_loadu_si256(bytes.as_ptr().cast()))] }
        }
    }

    impl HalfLanes for Floats256 {
        #[inline(always)]
        fn from_halves(bytes: &[u8; BYTES]) -> Self {
            let [first, second] = [0, BYTES / 2];
            // SAFETY: the caller has AVX and F16C, and there are 32 bytes.
            unsafe {
                [
                    _mm256_cvtph_ps(_mm_loadu_si128(bytes.as_ptr().add(first).cast())),
                    _mm256_cvtph_ps(_mm_loadu_si128(bytes.as_ptr().add(second).cast())),
                ]
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(other: impl Other, code: &[u8], squared: bool) -> f32 {
        chosen::<Floats512>(other, code, squared)
    }

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn avx2(other: impl Other, code: &[u8], squared: bool) -> f32 {
        chosen::<Floats256>(other, code, squared)
    }
}

impl Halves {
    /// Of vectors of this length; there is nothing to learn.
    pub fn new(dimension: usize) -> Self {
        Self {
            dimension,
            instructions: Instructions::found(),
        }
    }

    /// What makes it this one.
    pub fn to_bytes(self) -> Vec<u8> {
        counts(&[self.dimension])
    }

    /// Reads what [`Halves::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let dimension = bytes.count(1, MOST_DIMENSIONS)?;
        bytes.end()?;
        Some(Self::new(dimension))
    }
}

impl Coder for Halves {
    type Question<'a> = HalfQuestion;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn code_bytes(&self) -> usize {
        2 * self.dimension
    }

    fn encode(&self, row: &[f32], code: &mut [u8]) {
        let most = f16::MAX.to_f32();
        for (bytes, x) in code.chunks_exact_mut(2).zip(row) {
            let half = f16::from_f32(x.clamp(-most, most));
            bytes.copy_from_slice(&half.to_le_bytes());
        }
    }

    fn decode(&self, code: &[u8], row: &mut [f32]) {
        for (x, &half) in row.iter_mut().zip(code.as_chunks().0) {
            *x = f16::from_le_bytes(half).to_f32();
        }
    }

    fn ask(&self, query: &[f32], metric: Metric) -> HalfQuestion {
        let column = |part: &[f32]| {
            let mut column = [0.0; BLOCK_ROWS];
            column[..part.len()].copy_from_slice(part);
            column
        };
        HalfQuestion {
            query: query.chunks(BLOCK_ROWS).map(column).collect(),
            squared: metric == Metric::L2,
            instructions: self.instructions,
        }
    }

    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32 {
        score(a, b, metric == Metric::L2, self.instructions)
    }
}

impl Question for HalfQuestion {
    #[inline]
    fn score(&self, code: &[u8]) -> f32 {
        let query = self.query.as_slice();
        score(query, code, self.squared, self.instructions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_way_gives_the_same_bits() {
        let mut random = Random::new(3);
        for dimension in [1, 15, 16, 17, 63, 64, 65, 100, 128, 768] {
            let mut row = || -> Vec<f32> {
                let draw = |_| (random.unit() * 4.0 - 2.0) as f32;
                (0..dimension).map(draw).collect()
            };
            let (query, a, b) = (row(), row(), row());
            let best = Halves::new(dimension);
            let mut ways = vec![best];
            let add = |instructions, ways: &mut Vec<Halves>| {
                ways.push(Halves {
                    dimension,
                    instructions,
                })
            };
            add(Instructions::Common, &mut ways);
            #[cfg(target_arch = "x86_64")]
            if best.instructions == Instructions::Avx512 {
                add(Instructions::Avx2, &mut ways);
            }
            let mut codes = [vec![0; 2 * dimension], vec![0; 2 * dimension]];
            best.encode(&a, &mut codes[0]);
            best.encode(&b, &mut codes[1]);
            for metric in [Metric::L2, Metric::Dot] {
                let found = ways.iter().map(|way| {
                    let asked = way.ask(&query, metric).score(&codes[0]);
                    let between = way.between(&codes[0], &codes[1], metric);
                    [asked.to_bits(), between.to_bits()]
                });
                let found: Vec<_> = found.collect();
                assert!(found.iter().all(|f| *f == found[0]), "{dimension}");
            }
        }
    }

    #[test]
    fn what_is_too_large_stays_finite() {
        let coder = Halves::new(3);
        let (mut code, mut row) = ([0; 6], [0.0; 3]);
        coder.encode(&[1e9, -1e9, 0.1], &mut code);
        coder.decode(&code, &mut row);
        assert_eq!(row, [65504.0, -65504.0, 0.099_975_586]);
    }
}
