//! Scalar quantisation: whole numbers of 8 or 4 bits, with one step for all dimensions.
//!
//! A number x of dimension i becomes c = x/s − o, rounded, where the step s is the same for all dimensions and the offsets o are whole.
//! A vector then stands for whole numbers c + o up to the step, and inner products and squared distances are sums of products of
//! whole numbers, which processors have instructions for (see [`whole_sums`](super::whole_sums)). Scalar quantisers that fit a
//! range to every dimension (such as those of FAISS) take dimensions of very different spread better; rotate such vectors first. Vectors
//! whose samples are all whole numbers from 0 to 255, as SIFT's are, are kept as they are: s = 1, o = 0.
//!
//! The step is the one of several that gives the samples the least squared error: with a step below that of their whole range a
//! few numbers are cut off and all others are finer. Numbers beyond the range are clamped to it.
//!
//! A query keeps 15 bits a number, so that no precision is lost beside that of the codes.

use super::bytes::{Bytes, counts, push_floats};
use super::training::training_rows;
use super::whole_sums::{Instructions, Pairwise, SQUARE, WEIGHTS, Weights, code_bytes, pair_sum};
use super::{Coder, Question};
use crate::points::MOST_DIMENSIONS;
use crate::{Error, Metric};

/// Most sample numbers from which the step is found.
const MOST_NUMBERS: usize = 1 << 20;
/// Steps that are tried, each this share of the one before.
const STEPS: i32 = 32;
const SHORTER: f64 = 0.92;
/// Largest offset: beyond it single precision has no digits for the codes either.
const MOST_OFFSET: f64 = (1 << 23) as f64;
/// A weight of a query of [`Metric::L2`] is −64 times its place in steps.
const PLACE: i32 = 2 * SQUARE;

/// How many bits a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarBits {
    /// A byte a number.
    Eight,
    /// Half a byte.
    Four,
}

impl ScalarBits {
    /// Four where at most so many are wanted, otherwise eight.
    pub fn of(bits: u32) -> Self {
        match bits <= 4 {
            true => Self::Four,
            false => Self::Eight,
        }
    }

    /// How many.
    pub fn count(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Four => 4,
        }
    }

    /// The largest number.
    fn most(self) -> f64 {
        f64::from((1u32 << self.count()) - 1)
    }
}

/// Keeps vectors as whole numbers of few bits. No byte of a code is anything else: a code has as many bytes as numbers, or half of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    bits: ScalarBits,
    step: f32,
    /// Of each dimension what a code of zero stands for, in steps.
    offsets: Vec<i32>,
    instructions: Instructions,
    products: Products,
}

/// What the inner product of two codes needs: (a + o)·(b + o) = a·b + a·o + b·o + o·o.
#[derive(Debug, Clone, PartialEq)]
enum Products {
    /// All offsets are zero.
    Plain,
    Offset {
        weights: Weights,
        squares: i64,
    },
    /// The offsets are too large for whole sums.
    Decoded,
}

/// A query to [`Scalar`] codes: score = factor · (sum + constant).
pub(crate) struct ScalarQuestion {
    weights: Weights,
    constant: f64,
    factor: f64,
    instructions: Instructions,
}

impl Scalar {
    /// Learns range and step from `samples`, rows of `dimension` numbers; some of them where they are many.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers, or there are none.
    pub fn train(
        samples: &[f32],
        dimension: usize,
        bits: ScalarBits,
        seed: u64,
    ) -> Result<Self, Error> {
        let most = (MOST_NUMBERS / dimension.max(1)).max(256);
        let rows = training_rows(samples, dimension, 1, most, seed)?;
        // All samples are asked: a single one that is no byte would lose.
        let byte = |x: &f32| (0.0..=255.0).contains(x) && x.fract() == 0.0;
        if bits == ScalarBits::Eight && samples.iter().all(byte) {
            return Ok(Self::assemble(bits, 1.0, vec![0; dimension]));
        }
        let (middle, mean, widest) = ranges(&rows, dimension);
        let far = middle.iter().chain(&mean).fold(0f64, |m, x| m.max(x.abs()));
        // A width of zero still needs a step.
        let full = match widest / bits.most() {
            step if step > 0.0 => step,
            _ if far > 0.0 => far / f64::from(1 << 14),
            _ => 1.0,
        };
        let mut best = (f64::INFINITY, None);
        for (centre, power) in [&middle, &mean]
            .into_iter()
            .flat_map(|c| (0..STEPS).map(move |p| (c, p)))
        {
            let step = (full * SHORTER.powi(power)).max(far / MOST_OFFSET) as f32;
            if !step.is_normal() {
                continue;
            }
            let offsets = offsets(centre, step, bits);
            let found = Self::assemble(bits, step, offsets);
            let error = found.squared_error(&rows);
            if error < best.0 {
                best = (error, Some(found));
            }
        }
        best.1.ok_or(Error::Figure {
            what: "the step of a scalar code",
            found: full,
            allowed: "a normal number of single precision; scale the vectors",
        })
    }

    fn assemble(bits: ScalarBits, step: f32, offsets: Vec<i32>) -> Self {
        let within = |o: &i32| (WEIGHTS.0..=WEIGHTS.1).contains(o);
        let products = match () {
            () if offsets.iter().all(|&o| o == 0) => Products::Plain,
            () if offsets.iter().all(within) => Products::Offset {
                weights: Weights::new(&offsets, bits == ScalarBits::Eight, false),
                squares: offsets.iter().map(|&o| i64::from(o).pow(2)).sum(),
            },
            () => Products::Decoded,
        };
        Self {
            bits,
            step,
            offsets,
            instructions: Instructions::found(),
            products,
        }
    }

    /// Whether a number has a byte.
    fn wide(&self) -> bool {
        self.bits == ScalarBits::Eight
    }

    /// Numbers of a code in their order.
    fn numbers(&self, code: &[u8]) -> impl Iterator<Item = u8> {
        let mask = if self.wide() { 255 } else { 15 };
        let low = code.iter().map(move |&c| c & mask);
        let high = code.iter().map(|&c| c >> 4);
        low.chain(high).take(self.offsets.len())
    }

    /// The number of a place, and what it stands for.
    #[inline]
    fn quantised(&self, x: f32, offset: i32) -> u8 {
        let place = f64::from(x) / f64::from(self.step) - f64::from(offset);
        place.round().clamp(0.0, self.bits.most()) as u8
    }

    #[inline]
    fn restored(&self, number: u8, offset: i32) -> f32 {
        (f64::from(self.step) * f64::from(i32::from(number) + offset)) as f32
    }

    fn squared_error(&self, rows: &[f32]) -> f64 {
        let mut sum = 0.0;
        for row in rows.chunks_exact(self.offsets.len()) {
            for (&x, &offset) in row.iter().zip(&self.offsets) {
                let error = f64::from(x - self.restored(self.quantised(x, offset), offset));
                sum += error * error;
            }
        }
        sum
    }

    /// What was learned.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = counts(&[self.bits.count(), self.offsets.len()]);
        push_floats(&mut bytes, &[self.step]);
        bytes.extend(self.offsets.iter().flat_map(|o| o.to_le_bytes()));
        bytes
    }

    /// Reads what [`Scalar::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let bits = match bytes.count(4, 8)? {
            8 => ScalarBits::Eight,
            4 => ScalarBits::Four,
            _ => return None,
        };
        let dimension = bytes.count(1, MOST_DIMENSIONS)?;
        let step = bytes.floats(1)?.pop()?;
        let offsets = bytes.whole(dimension)?;
        bytes.end()?;
        let within = |o: &i32| f64::from(*o).abs() <= MOST_OFFSET + 256.0;
        let sound = step.is_normal() && step > 0.0 && offsets.iter().all(within);
        sound.then(|| Self::assemble(bits, step, offsets))
    }
}

/// Of each dimension the middle of its range and the mean, and the widest range of all.
fn ranges(rows: &[f32], dimension: usize) -> (Vec<f64>, Vec<f64>, f64) {
    let mut low = vec![f64::INFINITY; dimension];
    let mut high = vec![f64::NEG_INFINITY; dimension];
    let mut sum = vec![0f64; dimension];
    for row in rows.chunks_exact(dimension) {
        for (i, &x) in row.iter().enumerate() {
            let x = f64::from(x);
            low[i] = low[i].min(x);
            high[i] = high[i].max(x);
            sum[i] += x;
        }
    }
    let count = (rows.len() / dimension) as f64;
    let widest = low.iter().zip(&high).fold(0f64, |w, (l, h)| w.max(h - l));
    let middle = low.iter().zip(&high).map(|(l, h)| 0.5 * (l + h)).collect();
    (middle, sum.iter().map(|s| s / count).collect(), widest)
}

/// The offsets that put these places amid the numbers.
fn offsets(centre: &[f64], step: f32, bits: ScalarBits) -> Vec<i32> {
    let offset = |x: &f64| (x / f64::from(step) - 0.5 * bits.most()).round() as i32;
    centre.iter().map(offset).collect()
}

impl Coder for Scalar {
    type Question<'a> = ScalarQuestion;

    fn dimension(&self) -> usize {
        self.offsets.len()
    }

    fn code_bytes(&self) -> usize {
        code_bytes(self.offsets.len(), self.wide())
    }

    fn encode(&self, row: &[f32], code: &mut [u8]) {
        let part = code.len();
        code.fill(0);
        for (at, (&x, &offset)) in row.iter().zip(&self.offsets).enumerate() {
            let number = self.quantised(x, offset);
            match at.checked_sub(part) {
                None => code[at] = number,
                Some(at) => code[at] |= number << 4,
            }
        }
    }

    fn decode(&self, code: &[u8], row: &mut [f32]) {
        let numbers = self.numbers(code).zip(&self.offsets);
        for (x, (number, &offset)) in row.iter_mut().zip(numbers) {
            *x = self.restored(number, offset);
        }
    }

    fn ask(&self, query: &[f32], metric: Metric) -> ScalarQuestion {
        match metric {
            Metric::L2 => self.ask_distances(query),
            Metric::Dot | Metric::Cosine => self.ask_products(query),
        }
    }

    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32 {
        let sum = |what| pair_sum(a, b, self.wide(), what, self.instructions);
        let square = f64::from(self.step) * f64::from(self.step);
        if metric == Metric::L2 {
            return (-square * sum(Pairwise::SquaredDifferences) as f64) as f32;
        }
        let products = match &self.products {
            Products::Plain => sum(Pairwise::Products),
            Products::Offset { weights, squares } => {
                let linear = weights.sum(a, self.instructions) + weights.sum(b, self.instructions);
                sum(Pairwise::Products) + linear + squares
            }
            Products::Decoded => {
                let offsets = self.offsets.iter().map(|&o| i64::from(o));
                let pairs = self.numbers(a).zip(self.numbers(b)).zip(offsets);
                pairs
                    .map(|((a, b), o)| (i64::from(a) + o) * (i64::from(b) + o))
                    .sum()
            }
        };
        (square * products as f64) as f32
    }
}

impl Scalar {
    /// With the place of the query q in steps above the offset: Σ(c − q)² = Σc·(c − 2·q) + Σq², all times 32.
    fn ask_distances(&self, query: &[f32]) -> ScalarQuestion {
        let step = f64::from(self.step);
        let weight = |(&x, &o): (&f32, &i32)| {
            let place = f64::from(x) / step - f64::from(o);
            let (least, most) = (f64::from(WEIGHTS.0), f64::from(WEIGHTS.1));
            (-f64::from(PLACE) * place).round().clamp(least, most) as i32
        };
        let weights: Vec<i32> = query.iter().zip(&self.offsets).map(weight).collect();
        let squares: i64 = weights.iter().map(|&w| i64::from(w).pow(2)).sum();
        let factor = f64::from(SQUARE);
        ScalarQuestion {
            weights: Weights::new(&weights, self.wide(), true),
            constant: squares as f64 * factor / f64::from(PLACE).powi(2),
            factor: -step * step / factor,
            instructions: self.instructions,
        }
    }

    /// Σ q·s·(c + o), with the query in steps of its own.
    fn ask_products(&self, query: &[f32]) -> ScalarQuestion {
        let largest = query.iter().fold(0f32, |most, x| most.max(x.abs()));
        let most = f64::from(WEIGHTS.1.min(-WEIGHTS.0));
        let unit = match f64::from(largest) / most {
            unit if unit > 0.0 => unit,
            _ => 1.0,
        };
        let weight = |&x: &f32| (f64::from(x) / unit).round() as i32;
        let weights: Vec<i32> = query.iter().map(weight).collect();
        let offset = query.iter().zip(&self.offsets);
        let offset: f64 = offset.map(|(&x, &o)| f64::from(x) * f64::from(o)).sum();
        ScalarQuestion {
            weights: Weights::new(&weights, self.wide(), false),
            constant: offset / unit,
            factor: f64::from(self.step) * unit,
            instructions: self.instructions,
        }
    }
}

impl Question for ScalarQuestion {
    #[inline]
    fn score(&self, code: &[u8]) -> f32 {
        let sum = self.weights.sum(code, self.instructions);
        (self.factor * (sum as f64 + self.constant)) as f32
    }
}
