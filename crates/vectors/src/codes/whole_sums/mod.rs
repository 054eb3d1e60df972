//! Sums of products of small whole numbers, on which the scores of [`Scalar`](super::Scalar) codes rest.
//!
//! All sums are exact, so that every way to compute them gives the same. A code holds a number of 8 bits in a byte; or two of
//! 4 bits, the lower half of byte i being number i and the upper half number i + h of 2·h, so that a register of bytes falls
//! into two registers of neighbours by one mask and one shift.
//!
//! A query has 15 bits a number, w = 128·u + v of two signed bytes. The instructions that multiply bytes (VNNI) take an unsigned
//! and a signed one, which is what codes and the two planes u and v are. They wrap nowhere: the sums of 2,048 numbers
//! stay below 2³¹ in every lane, and are then widened.
#![allow(unsafe_code)]

mod planes;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use self::planes::SQUARE;
use self::planes::{Planes, REGISTER, SIGN};

/// Least and largest weight of a query.
pub(super) const WEIGHTS: (i32, i32) = (-128 * 128 + 64, 127 * 128 - SQUARE * SIGN);

/// Instructions that this processor has; made only by looking for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instructions(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Those that all have.
    Common,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Instructions {
    /// The best that there are.
    pub fn found() -> Self {
        Self::all().last().copied().unwrap_or(Self(Set::Common))
    }

    /// All that there are, the best last.
    fn all() -> Vec<Self> {
        let mut all = vec![Self(Set::Common)];
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected;
            if is_x86_feature_detected!("avx2") {
                all.push(Self(Set::Avx2));
            }
            let vnni = is_x86_feature_detected!("avx512vnni");
            if vnni && is_x86_feature_detected!("avx512bw") {
                all.push(Self(Set::Vnni));
            }
        }
        all
    }
}

/// Whole weights of a query, in the order and number that codes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weights {
    /// Numbers of 8 bits, or of 4.
    wide: bool,
    /// Whether squares of the code count.
    squares: bool,
    planes: Planes,
}

impl Weights {
    /// Of weights in the order of the numbers, within [`WEIGHTS`]. With `squares` the sums are those of c·(32·c + w), otherwise of c·w.
    pub fn new(weights: &[i32], wide: bool, squares: bool) -> Self {
        let part = code_bytes(weights.len(), wide);
        let mut words = Vec::new();
        for part in weights.chunks(part.max(1)) {
            words.extend(part.iter().map(|&w| w.clamp(WEIGHTS.0, WEIGHTS.1) as i16));
            words.resize(words.len().next_multiple_of(REGISTER), 0);
        }
        if !wide {
            // A single number leaves the other half empty.
            words.resize(2 * part.next_multiple_of(REGISTER), 0);
        }
        let shift = if squares { SQUARE * SIGN } else { 0 };
        let multiplied = || words.iter().map(|&w| i32::from(w) + shift);
        let upper = |w: i32| (w + 64) >> 7;
        Self {
            wide,
            squares,
            planes: Planes {
                upper: multiplied().map(|w| upper(w) as i8).collect(),
                lower: multiplied().map(|w| (w - 128 * upper(w)) as i8).collect(),
                words,
            },
        }
    }

    /// The sum over the numbers of a code, which has the length that the weights are for.
    #[inline]
    pub fn sum(&self, code: &[u8], instructions: Instructions) -> i64 {
        match (self.wide, self.squares) {
            (true, true) => self.with::<true, true>(code, instructions),
            (true, false) => self.with::<true, false>(code, instructions),
            (false, true) => self.with::<false, true>(code, instructions),
            (false, false) => self.with::<false, false>(code, instructions),
        }
    }

    #[inline(always)]
    fn with<const WIDE: bool, const SQUARES: bool>(
        &self,
        code: &[u8],
        instructions: Instructions,
    ) -> i64 {
        // No further than there are weights.
        let most = if WIDE {
            self.planes.words.len()
        } else {
            self.planes.words.len() / 2
        };
        let code = &code[..code.len().min(most)];
        match instructions.0 {
            Set::Common => self.plain::<WIDE, SQUARES>(code),
            // SAFETY: the instructions were found on this processor, and there are weights for every byte of the code, in whole
            // registers.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::sum_avx2::<WIDE, SQUARES>(&self.planes, code) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Set::Vnni => unsafe { x86::sum_vnni::<WIDE, SQUARES>(&self.planes, code) },
        }
    }

    fn plain<const WIDE: bool, const SQUARES: bool>(&self, code: &[u8]) -> i64 {
        let own = if SQUARES { SQUARE } else { 0 };
        let term = |c: u8, w: i16| {
            let c = i32::from(c);
            i64::from(c * (own * c + i32::from(w)))
        };
        if WIDE {
            return code
                .iter()
                .zip(&self.planes.words)
                .map(|(&c, &w)| term(c, w))
                .sum();
        }
        let (low, high) = self.planes.words.split_at(self.planes.words.len() / 2);
        let weights = low.iter().zip(high);
        let terms = code
            .iter()
            .zip(weights)
            .map(|(&c, (&low, &high))| term(c & 15, low) + term(c >> 4, high));
        terms.sum()
    }
}

/// Bytes of a code of so many numbers.
pub(super) fn code_bytes(numbers: usize, wide: bool) -> usize {
    if wide { numbers } else { numbers.div_ceil(2) }
}

/// What is summed over the numbers of two codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairwise {
    Products,
    SquaredDifferences,
}

/// The sum over the numbers of two codes; when the lengths differ only the common part counts.
#[inline]
pub(super) fn pair_sum(
    a: &[u8],
    b: &[u8],
    wide: bool,
    what: Pairwise,
    instructions: Instructions,
) -> i64 {
    match (wide, what) {
        (true, Pairwise::Products) => pairs::<true, false>(a, b, instructions),
        (true, Pairwise::SquaredDifferences) => pairs::<true, true>(a, b, instructions),
        (false, Pairwise::Products) => pairs::<false, false>(a, b, instructions),
        (false, Pairwise::SquaredDifferences) => pairs::<false, true>(a, b, instructions),
    }
}

#[inline(always)]
fn pairs<const WIDE: bool, const SQUARED: bool>(
    a: &[u8],
    b: &[u8],
    instructions: Instructions,
) -> i64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    match instructions.0 {
        Set::Common => plain_pairs::<WIDE, SQUARED>(a, b),
        // SAFETY: the instructions were found on this processor, and both codes have the same length.
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => unsafe { x86::pairs_avx2::<WIDE, SQUARED>(a, b) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Set::Vnni => unsafe { x86::pairs_vnni::<WIDE, SQUARED>(a, b) },
    }
}

fn plain_pairs<const WIDE: bool, const SQUARED: bool>(a: &[u8], b: &[u8]) -> i64 {
    let term = |a: u8, b: u8| match SQUARED {
        true => i64::from(a.abs_diff(b)).pow(2),
        false => i64::from(a) * i64::from(b),
    };
    let codes = a.iter().zip(b);
    match WIDE {
        true => codes.map(|(&a, &b)| term(a, b)).sum(),
        false => codes
            .map(|(&a, &b)| term(a & 15, b & 15) + term(a >> 4, b >> 4))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The number `at` of a code.
    fn number(code: &[u8], at: usize, wide: bool) -> i64 {
        let bytes = code.len();
        i64::from(match wide {
            true => code[at],
            false if at < bytes => code[at] & 15,
            false => code[at - bytes] >> 4,
        })
    }

    /// Lengths around those of registers and stretches.
    const LENGTHS: [usize; 14] = [
        1, 2, 15, 16, 17, 63, 64, 65, 128, 129, 768, 2048, 2049, 8200,
    ];

    fn code(random: &mut Random, numbers: usize, wide: bool, full: bool) -> Vec<u8> {
        let mut byte = || if full { 255 } else { random.below(256) as u8 };
        (0..code_bytes(numbers, wide)).map(|_| byte()).collect()
    }

    #[test]
    fn sums_are_exact_in_every_way() {
        let mut random = Random::new(5);
        for wide in [true, false] {
            for numbers in LENGTHS {
                for extreme in [None, Some(WEIGHTS.0), Some(WEIGHTS.1)] {
                    let span = (WEIGHTS.1 - WEIGHTS.0 + 1) as u64;
                    let mut weight =
                        || extreme.unwrap_or_else(|| WEIGHTS.0 + random.below(span) as i32);
                    let weights: Vec<i32> = (0..numbers).map(|_| weight()).collect();
                    let code = code(&mut random, numbers, wide, extreme.is_some());
                    for squares in [true, false] {
                        let own = if squares { i64::from(SQUARE) } else { 0 };
                        let terms = weights.iter().enumerate().map(|(at, &w)| {
                            let c = number(&code, at, wide);
                            c * (own * c + i64::from(w))
                        });
                        let mut expected: i64 = terms.sum();
                        if squares && !wide && numbers % 2 == 1 {
                            // The half byte that no number fills counts with its square; coders leave it zero.
                            let c = number(&code, numbers, wide);
                            expected += own * c * c;
                        }
                        let weights = Weights::new(&weights, wide, squares);
                        for instructions in Instructions::all() {
                            let found = weights.sum(&code, instructions);
                            assert_eq!(found, expected, "{numbers} {instructions:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn sums_of_pairs_are_exact_in_every_way() {
        let mut random = Random::new(6);
        for wide in [true, false] {
            for (numbers, full) in LENGTHS.into_iter().flat_map(|n| [(n, false), (n, true)]) {
                let a = code(&mut random, numbers, wide, full);
                let mut b = code(&mut random, numbers, wide, full);
                for what in [Pairwise::Products, Pairwise::SquaredDifferences] {
                    let terms = (0..if wide { numbers } else { 2 * a.len() }).map(|at| {
                        let (a, b) = (number(&a, at, wide), number(&b, at, wide));
                        match what {
                            Pairwise::Products => a * b,
                            Pairwise::SquaredDifferences => (a - b).pow(2),
                        }
                    });
                    let expected: i64 = terms.sum();
                    for instructions in Instructions::all() {
                        let found = pair_sum(&a, &b, wide, what, instructions);
                        assert_eq!(found, expected, "{numbers} {instructions:?}");
                    }
                    b.fill(0);
                }
            }
        }
    }

    #[test]
    fn other_lengths_are_no_trouble() {
        let weights = Weights::new(&[1; 70], true, true);
        for instructions in Instructions::all() {
            assert_eq!(weights.sum(&[], instructions), 0);
            assert_eq!(weights.sum(&[1; 500], instructions), 128 * 32 + 70);
            assert_eq!(
                pair_sum(&[1; 9], &[2; 5], true, Pairwise::Products, instructions),
                10
            );
        }
    }
}
