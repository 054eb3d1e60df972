//! Gaussian mixtures with diagonal covariances, learned by expectation and maximisation (Dempster, Laird & Rubin
//! 1977) from a k-means start; the vocabulary of Fisher vectors.
//!
//! Sums are taken in double precision over blocks of samples in their order, so the result depends on the samples
//! and the seed, not on the number of threads. Checked against scikit-learn's `GaussianMixture`, see
//! `tests/reference/mixture.py`.

use std::path::Path;

use rayon::prelude::*;

use crate::Error;
use crate::files::{AtomicFile, FileFormat, content_id, f32s, u32_at};
use crate::float_kmeans::{CHUNK, check_points, float_kmeans};
use crate::mahalanobis::Mahalanobis;

/// Most Gaussians of a mixture, and most dimensions of one.
const MOST: usize = 1 << 16;
/// Most numbers of the means.
const MOST_NUMBERS: usize = 1 << 27;
const FORMAT: FileFormat = FileFormat {
    magic: b"VZGM",
    kind: "mixture",
    version: 1,
    header: 24,
};
/// A variance is at least this share of the mean variance of all samples.
const FLOOR: f64 = 1e-4;

/// Shares that count.
const LEAST_SHARE: f64 = 1e-9;
/// Samples whose distances are held at a time.
const SEVERAL: usize = 64;
/// e to the power of this, and of less, is 0: less than half of the least number.
const NO_EXPONENTIAL: f64 = -746.0;

/// A mixture of Gaussians with diagonal covariances.
///
/// The file, `VZGM`, little-endian: magic, version 1, number of Gaussians, dimension, CRC-32 of what follows the
/// header, CRC-32 of the header up to here (4 bytes each), weights, means, variances (f32).
#[derive(Debug, Clone, PartialEq)]
pub struct Gmm {
    dimension: usize,
    weights: Vec<f32>,
    means: Vec<f32>,
    variances: Vec<f32>,
    /// log weight − ½ Σ log(2π variance), per Gaussian.
    constants: Vec<f64>,
    id: String,
}

/// Sums over samples that make the next mixture.
struct Sums {
    weights: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    log_likelihood: f64,
}

impl Gmm {
    /// Learns `gaussians` from `samples`, rows of `dimension` numbers. At most `iterations` rounds; fewer once a
    /// round raises the mean log-likelihood of a sample by less than 10⁻⁴. Works in the current rayon pool.
    ///
    /// # Errors
    /// When the samples are not whole rows of finite numbers, or are fewer than the Gaussians.
    pub fn train(
        samples: &[f32],
        dimension: usize,
        gaussians: usize,
        iterations: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let rows = check_points(samples, dimension, gaussians)?;
        let start = float_kmeans(samples, dimension, gaussians, 10, seed)?;
        let floor = variance_floor(samples, dimension);
        let mut hard = Sums::new(gaussians, dimension);
        for (sample, &label) in samples.chunks_exact(dimension).zip(&start.labels) {
            hard.add(label as usize, 1.0, sample);
        }
        let mut mixture = hard.mixture(dimension, floor)?;
        let mut before = f64::NEG_INFINITY;
        for _ in 0..iterations {
            let sums = mixture.expectation(samples);
            let mean = sums.log_likelihood / rows as f64;
            mixture = sums.mixture(dimension, floor)?;
            if mean - before < 1e-4 {
                break;
            }
            before = mean;
        }
        Ok(mixture)
    }

    /// A mixture from its parts: weights that sum to 1, and means and variances row by row.
    ///
    /// # Errors
    /// When the lengths disagree, or a weight or variance is not above 0.
    pub fn from_parts(
        dimension: usize,
        weights: Vec<f32>,
        means: Vec<f32>,
        variances: Vec<f32>,
    ) -> Result<Self, Error> {
        let numbers = weights.len() * dimension;
        if numbers == 0 || means.len() != numbers || variances.len() != numbers {
            return Err(Error::Shape {
                numbers: means.len().min(variances.len()),
                dimension,
            });
        }
        let positive = |x: &f32| x.is_finite() && *x > 0.0;
        let bad = |row| Error::NotFinite { row };
        if let Some(at) = weights.iter().position(|x| !positive(x)) {
            return Err(bad(at));
        }
        let fits = |(mean, variance): (&f32, &f32)| mean.is_finite() && positive(variance);
        if let Some(at) = means.iter().zip(&variances).position(|pair| !fits(pair)) {
            return Err(bad(at / dimension));
        }
        let constants = weights
            .iter()
            .zip(variances.chunks_exact(dimension))
            .map(|(&weight, variances)| {
                let logs = variances
                    .iter()
                    .map(|&v| (std::f64::consts::TAU * f64::from(v)).ln());
                f64::from(weight).ln() - 0.5 * logs.sum::<f64>()
            })
            .collect();
        let mut mixture = Self {
            dimension,
            weights,
            means,
            variances,
            constants,
            id: String::new(),
        };
        mixture.id = content_id(&mixture.to_bytes());
        Ok(mixture)
    }

    /// Dimension of the samples.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of Gaussians.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Never true: a mixture has at least one Gaussian.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Shares of the Gaussians, summing to 1.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Means, row by row.
    pub fn means(&self) -> &[f32] {
        &self.means
    }

    /// Variances, row by row.
    pub fn variances(&self) -> &[f32] {
        &self.variances
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Probability of each Gaussian given a sample, into `out`; returns the log-likelihood of the sample.
    pub fn posteriors(&self, sample: &[f32], out: &mut Vec<f64>) -> f64 {
        out.clear();
        let rows = self.means.chunks_exact(self.dimension);
        for (mean, variance) in rows.zip(self.variances.chunks_exact(self.dimension)) {
            let distance: f64 = sample
                .iter()
                .zip(mean)
                .zip(variance)
                .map(|((&x, &m), &v)| {
                    let difference = f64::from(x) - f64::from(m);
                    difference * difference / f64::from(v)
                })
                .sum();
            out.push(distance);
        }
        let (most, total) = self.densities(out);
        out.iter_mut().for_each(|x| *x /= total);
        most + total.ln()
    }

    /// The Gaussians ready for [`Gmm::each_share`].
    pub(crate) fn packed(&self) -> Mahalanobis {
        Mahalanobis::new(&self.means, &self.variances, self.dimension)
    }

    /// What [`Gmm::posteriors`] gives of many samples: calls `visit(sample, gaussian, share)` for every share above 10⁻⁹, sample
    /// by sample, and returns the sum of their log-likelihoods. `packed` is [`Gmm::packed`].
    pub(crate) fn each_share(
        &self,
        packed: &Mahalanobis,
        samples: &[f32],
        mut visit: impl FnMut(usize, usize, f64),
    ) -> f64 {
        let mut log_likelihood = 0.0;
        let mut number = 0;
        for several in samples.chunks(SEVERAL * self.dimension) {
            let mut distances = packed.distances(several);
            for of_sample in distances.chunks_exact_mut(self.len()) {
                let (most, total) = self.densities(of_sample);
                log_likelihood += most + total.ln();
                for (gaussian, &density) in of_sample.iter().enumerate() {
                    // Most are nothing, and nothing needs no division.
                    if density > 0.0 {
                        let share = density / total;
                        if share > LEAST_SHARE {
                            visit(number, gaussian, share);
                        }
                    }
                }
                number += 1;
            }
        }
        log_likelihood
    }

    /// Turns the distances of a sample to the Gaussians into their densities as shares of the greatest; returns its logarithm and
    /// the sum of the shares.
    fn densities(&self, distances: &mut [f64]) -> (f64, f64) {
        let constants = &self.constants[..distances.len()];
        for (gaussian, x) in distances.iter_mut().enumerate() {
            *x = constants[gaussian] - 0.5 * *x;
        }
        let most = greatest(distances);
        let mut total = 0.0;
        for x in distances {
            *x -= most;
            // Below that the exponential is 0, and functions that compute it take their time to say so.
            *x = if *x < NO_EXPONENTIAL { 0.0 } else { x.exp() };
            total += *x;
        }
        (most, total)
    }

    fn expectation(&self, samples: &[f32]) -> Sums {
        let packed = self.packed();
        let parts: Vec<Sums> = samples
            .par_chunks(CHUNK * self.dimension)
            .map(|block| {
                let mut sums = Sums::new(self.len(), self.dimension);
                let row = |at: usize| &block[at * self.dimension..][..self.dimension];
                let add = |sample, gaussian, share| sums.add(gaussian, share, row(sample));
                let log_likelihood = self.each_share(&packed, block, add);
                sums.log_likelihood = log_likelihood;
                sums
            })
            .collect();
        let mut total = Sums::new(self.len(), self.dimension);
        parts.iter().for_each(|part| total.merge(part));
        total
    }

    /// The content of a mixture file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = self
            .weights
            .iter()
            .chain(&self.means)
            .chain(&self.variances);
        let payload: Vec<u8> = numbers.flat_map(|x| x.to_le_bytes()).collect();
        FORMAT.encode(&[self.len() as u32, self.dimension as u32], &payload)
    }

    /// Reads what [`Gmm::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a mixture, are of a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode(bytes, Path::new("(bytes)"))
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let payload = FORMAT.payload(bytes, path, |header| {
            let (count, dimension) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
            let sizes = 1..=MOST;
            let fits = sizes.contains(&count)
                && sizes.contains(&dimension)
                && count * dimension <= MOST_NUMBERS;
            fits.then(|| 4 * (count + 2 * count * dimension))
        })?;
        let (count, dimension) = (u32_at(bytes, 8) as usize, u32_at(bytes, 12) as usize);
        let (weights, rest) = payload.split_at(4 * count);
        let (means, variances) = rest.split_at(4 * count * dimension);
        Self::from_parts(
            dimension,
            f32s(weights).collect(),
            f32s(means).collect(),
            f32s(variances).collect(),
        )
        .map_err(|_| FORMAT.damaged("values out of range", path))
    }

    /// Writes the mixture to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a mixture file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a mixture, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let most = 24 + 4 * (MOST + 2 * MOST_NUMBERS) as u64;
        Self::decode(&FORMAT.read(path, most)?, path)
    }
}

impl Sums {
    fn new(gaussians: usize, dimension: usize) -> Self {
        Self {
            weights: vec![0.0; gaussians],
            first: vec![0.0; gaussians * dimension],
            second: vec![0.0; gaussians * dimension],
            log_likelihood: 0.0,
        }
    }

    fn add(&mut self, gaussian: usize, share: f64, sample: &[f32]) {
        self.weights[gaussian] += share;
        let range = gaussian * sample.len()..(gaussian + 1) * sample.len();
        let sums = self.first[range.clone()]
            .iter_mut()
            .zip(&mut self.second[range]);
        for ((first, second), &x) in sums.zip(sample) {
            let x = f64::from(x);
            *first += share * x;
            *second += share * x * x;
        }
    }

    fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.weights, &other.weights),
            (&mut self.first, &other.first),
            (&mut self.second, &other.second),
        ];
        for (sums, more) in pairs {
            sums.iter_mut().zip(more).for_each(|(sum, x)| *sum += x);
        }
        self.log_likelihood += other.log_likelihood;
    }

    /// The mixture that these sums make likeliest; a Gaussian that lost its samples keeps a small weight.
    fn mixture(&self, dimension: usize, floor: f64) -> Result<Gmm, Error> {
        let all: f64 = self.weights.iter().sum();
        let shares: Vec<f64> = self
            .weights
            .iter()
            .map(|w| w.max(1e-6 * all) / all)
            .collect();
        let total: f64 = shares.iter().sum();
        let weights = shares.iter().map(|s| (s / total) as f32).collect();
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for (at, (&first, &second)) in self.first.iter().zip(&self.second).enumerate() {
            let weight = self.weights[at / dimension].max(f64::MIN_POSITIVE);
            let mean = first / weight;
            means.push(mean as f32);
            variances.push((second / weight - mean * mean).max(floor) as f32);
        }
        Gmm::from_parts(dimension, weights, means, variances)
    }
}

/// The greatest of numbers, in eight strands.
fn greatest(numbers: &[f64]) -> f64 {
    let greater = |a: f64, b: f64| if b > a { b } else { a };
    let mut strands = [f64::NEG_INFINITY; 8];
    let eights = numbers.chunks_exact(8);
    let rest = eights.remainder();
    for eight in eights {
        for (strand, &x) in strands.iter_mut().zip(eight) {
            *strand = greater(*strand, x);
        }
    }
    let all = strands.iter().chain(rest);
    all.copied().fold(f64::NEG_INFINITY, greater)
}

fn variance_floor(samples: &[f32], dimension: usize) -> f64 {
    let mut sums = Sums::new(1, dimension);
    samples
        .chunks_exact(dimension)
        .for_each(|sample| sums.add(0, 1.0, sample));
    let variances = sums
        .first
        .iter()
        .zip(&sums.second)
        .map(|(&first, &second)| {
            let mean = first / sums.weights[0];
            second / sums.weights[0] - mean * mean
        });
    (FLOOR * variances.sum::<f64>() / dimension as f64).max(1e-12)
}
