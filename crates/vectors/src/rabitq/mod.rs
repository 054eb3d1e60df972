//! RaBitQ: a bit for each dimension, or a few, with an unbiased estimate of distances and a bound of its error.
//!
//! Gao & Long 2024 ("RaBitQ: quantizing high-dimensional vectors with a theoretical error bound for approximate nearest neighbor
//! search") rotate what is left of a vector after the centroid of its list at random and keep the signs. The vector of signs x is known to make
//! an angle with the rotated residual o; dividing ⟨x, q⟩ by what that angle takes, ⟨x, o⟩ / ‖o‖², gives an estimate of ⟨o, q⟩ that is
//! right on average, and whose error is ‖q‖ · √(‖x‖² ‖o‖⁴ / ⟨x, o⟩² − ‖o‖²) times a number that is distributed like one coordinate of a random
//! unit vector. Gao, Gou, Xu, Yang, Long & Wong 2025 ("Practical and asymptotically optimal quantization of high-dimensional vectors
//! in Euclidean space for approximate nearest neighbor search") take more bits: the direction among a grid's that is nearest.
//!
//! A list is scanned by the signs alone, through the tables of [`fast_scan`](crate::fast_scan), four signs a part. A query is rotated once,
//! not once for each list: ⟨x, q − c⟩ is ⟨x, q⟩ less what is known beforehand. Where codes have more bits, those are read only of what may
//! still be an answer when the error is at most 1.9 standard deviations.

mod code;
mod planes;
mod rotation;

pub(crate) use self::code::{Factors, Sides};

use self::planes::WORD;
use self::rotation::FastRotation;
use crate::fast_scan::{BLOCK_CODES, FACTOR_BYTES, QUAD_BYTES, quads};
use crate::files::f32_at;
use crate::points::in_range;
use crate::{Error, Metric};

/// Most numbers of a vector.
const MOST_DIMENSION: usize = 1 << 14;
/// Most bits of a number.
const MOST_BITS: usize = 8;
/// Numbers a code has for one estimate.
const FACTORS: usize = 3;

/// How vectors become codes.
#[derive(Debug, Clone)]
pub(crate) struct RaBitQ {
    dimension: usize,
    bits: usize,
    seed: u64,
    rotation: FastRotation,
}

impl RaBitQ {
    /// Codes of `bits` bits a dimension, 1 to 8.
    pub fn new(dimension: usize, bits: usize, seed: u64) -> Result<Self, Error> {
        in_range(
            "the dimension of RaBitQ codes",
            dimension,
            1,
            MOST_DIMENSION,
        )?;
        in_range("the bits of RaBitQ codes", bits, 1, MOST_BITS)?;
        Ok(Self {
            dimension,
            bits,
            seed,
            rotation: FastRotation::random(dimension.next_multiple_of(WORD), seed),
        })
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    pub fn bits(&self) -> usize {
        self.bits
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Numbers of a rotated vector.
    pub fn rotated_dimension(&self) -> usize {
        self.dimension.next_multiple_of(WORD)
    }

    /// A vector, rotated.
    pub fn rotated(&self, vector: &[f32]) -> Vec<f32> {
        let mut rotated = vector.to_vec();
        rotated.resize(self.rotated_dimension(), 0.0);
        self.rotation.apply(&mut rotated);
        rotated
    }

    /// Bytes of the signs of a block.
    fn sign_bytes(&self) -> usize {
        quads(self.rotated_dimension() / 4) * QUAD_BYTES
    }

    /// Bytes of the further bits of a code.
    fn more_bytes(&self) -> usize {
        self.rotated_dimension() / 8 * (self.bits - 1)
    }

    /// Bytes of a block: signs, the numbers of their estimates, and where there are more bits, the numbers of theirs, and they.
    pub fn block_bytes(&self) -> usize {
        let more = match self.bits {
            1 => 0,
            _ => FACTORS * FACTOR_BYTES + BLOCK_CODES * self.more_bytes(),
        };
        self.sign_bytes() + FACTORS * FACTOR_BYTES + more
    }

    /// Writes the code of a rotated residual into a block, where its place is zero. `centroid` is the rotated centroid.
    pub fn encode(&self, sides: &Sides<'_>, metric: Metric, block: &mut [u8], lane: usize) {
        let signs = code::signs(sides.residual);
        let parts = code::sign_parts(sides.residual);
        crate::fast_scan::pack(block, lane, parts);
        let first = self.sign_bytes();
        Factors::of(sides, &signs, metric).write(block, first, lane);
        if self.bits == 1 {
            return;
        }
        let values = code::values(sides.residual, self.bits);
        let second = first + FACTORS * FACTOR_BYTES;
        Factors::of(sides, &values, metric).write(block, second, lane);
        let start = second + FACTORS * FACTOR_BYTES + lane * self.more_bytes();
        if let Some(bytes) = block.get_mut(start..start + self.more_bytes()) {
            code::write_planes(&values, self.bits, bytes);
        }
    }

    /// The estimate from all bits of a code, and what its bound adds to it for a residual of the query of length 1: of a rotated
    /// query and the sum of its numbers.
    pub fn estimate(&self, block: &[u8], lane: usize, query: &[f32], sum: f32) -> (f32, f32) {
        let first = self.sign_bytes();
        let mut signs = [0u16; MOST_DIMENSION / WORD];
        let words = self.rotated_dimension() / WORD;
        let signs = &mut signs[..words];
        let shift = if lane < BLOCK_CODES / 2 { 0 } else { 4 };
        let codes = block.as_chunks::<QUAD_BYTES>().0;
        for (word, quad) in signs.iter_mut().zip(codes) {
            let parts = quad.as_chunks::<4>().0[lane % (BLOCK_CODES / 2)];
            let nibbles = u32::from_le_bytes(parts) >> shift & 0x0f0f_0f0f;
            let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff;
            *word = (bytes | bytes >> 8) as u16;
        }
        let (at, low) = match self.bits {
            1 => (first, &[][..]),
            _ => {
                let second = first + FACTORS * FACTOR_BYTES;
                let start = second + FACTORS * FACTOR_BYTES + lane * self.more_bytes();
                let low = block.get(start..start + self.more_bytes());
                (second, low.unwrap_or_default())
            }
        };
        let whole = planes::product(signs, low, query, self.bits);
        // Numbers stand for odd halves around zero; single signs for −1 and 1.
        let middle = ((1u32 << self.bits) - 1) as f32 / 2.0;
        let scale = if self.bits == 1 { 2.0 } else { 1.0 };
        let product = scale * (whole - middle * sum);
        let factor = |which: usize| f32_at(block, at + which * FACTOR_BYTES + 4 * lane);
        (factor(0) + factor(1) * product, factor(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::Normal;
    use crate::random::Random;
    use crate::{dot_f32, l2_squared_f32};

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut normal = Normal::new(Random::new(seed));
        (0..count).map(|_| normal.draw() as f32).collect()
    }

    /// Error, what is estimated, and bound of the estimates of many scores.
    fn errors(dimension: usize, bits: usize, metric: Metric) -> Vec<[f64; 3]> {
        let mut all = Vec::new();
        for seed in 0..30 {
            let coder = RaBitQ::new(dimension, bits, seed).unwrap();
            let vectors = normals(seed + 100, 41 * dimension);
            let (centroid, rest) = vectors.split_at(dimension);
            let (queries, rows) = rest.split_at(8 * dimension);
            let rotated_centroid = coder.rotated(centroid);
            let mut block = vec![0; coder.block_bytes()];
            for (lane, row) in rows.chunks_exact(dimension).enumerate() {
                let residual: Vec<f32> = row.iter().zip(centroid).map(|(x, c)| x - c).collect();
                let sides = Sides {
                    residual: &coder.rotated(&residual),
                    centroid: &rotated_centroid,
                    product: dot_f32(&residual, centroid),
                };
                coder.encode(&sides, metric, &mut block, lane);
            }
            for query in queries.chunks_exact(dimension) {
                let (rotated, far) = (coder.rotated(query), l2_squared_f32(query, centroid));
                let sum: f32 = rotated.iter().sum();
                let base = metric.score(query, centroid);
                for (lane, row) in rows.chunks_exact(dimension).enumerate() {
                    let (estimate, bound) = coder.estimate(&block, lane, &rotated, sum);
                    let error = base + estimate - metric.score(query, row);
                    let sides = row.iter().zip(query).zip(centroid);
                    let product: f32 = sides.map(|((x, q), c)| (x - c) * (q - c)).sum();
                    all.push([error, product, bound * far.sqrt()].map(f64::from));
                }
            }
        }
        all
    }

    #[test]
    fn estimates_are_unbiased_and_within_their_bounds() {
        for metric in [Metric::L2, Metric::Dot] {
            for dimension in [64, 100] {
                let mut before = f64::INFINITY;
                for bits in [1, 2, 4, 8] {
                    let all = errors(dimension, bits, metric);
                    let mean = |of: fn(&[f64; 3]) -> f64| {
                        all.iter().map(of).sum::<f64>() / all.len() as f64
                    };
                    let size = mean(|[error, _, _]| error * error).sqrt();
                    let offset = mean(|[error, _, bound]| error / bound);
                    let slope = mean(|[error, p, _]| error * p) / mean(|[_, p, _]| p * p);
                    let beyond =
                        mean(|[error, _, bound]| f64::from(u8::from(error.abs() > *bound)));
                    let told =
                        format!("{metric} {dimension} {bits}: {offset} {slope} {beyond} {size}");
                    // Neither too large nor too small, whatever is estimated.
                    assert!(offset.abs() < 0.05 && slope.abs() < 0.04, "{told}");
                    assert!(beyond < 0.06, "{told}");
                    assert!(size < 0.6 * before, "{told}");
                    before = size;
                }
            }
        }
    }

    #[test]
    fn a_vector_on_its_centroid_is_known() {
        for bits in [1, 5] {
            let coder = RaBitQ::new(20, bits, 1).unwrap();
            let mut block = vec![0; coder.block_bytes()];
            let rotated = coder.rotated(&[1.0; 20]);
            let sides = Sides {
                residual: &[0.0; 32],
                centroid: &rotated,
                product: 0.0,
            };
            coder.encode(&sides, Metric::L2, &mut block, 17);
            let sum = rotated.iter().sum();
            assert_eq!(coder.estimate(&block, 17, &rotated, sum), (0.0, 0.0));
        }
        assert!(RaBitQ::new(20, 9, 1).is_err() && RaBitQ::new(0, 1, 1).is_err());
    }
}
