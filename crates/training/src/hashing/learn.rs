//! From vectors to a hash.

use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use vizsla_vectors::{Activation, BinaryHasher, Error as Unfit, HashLayer};

use super::autoencoder::Autoencoder;
use super::config::SemanticHashConfig;
use crate::error::Error;
use crate::run::{Schedule, StepReport, TrainObserver};
use crate::sampling::shuffled_batches;

/// Most dimensions of a vector.
const MOST_DIMENSIONS: usize = 1 << 16;
/// What the seed's streams are for.
const CHOICE: u64 = 1;
const ORDER: u64 = 2;
const NOISE: u64 = 3;

/// Learns a semantic hash from `vectors`, rows of `dimension` (1 to 65,536) numbers; `None` when the observer stopped it.
///
/// Semantic hashing (Salakhutdinov & Hinton, SIGIR Workshop 2007; International Journal of Approximate Reasoning 50, 2009): a deep
/// autoencoder whose code layer is logistic. Noise on what goes into that layer while training makes its units take sides, since a
/// unit halfway says nothing that the noise does not drown; so the code can be cut at one half without much loss. Three things are
/// not as in the paper. The layers are not first trained one by one as restricted Boltzmann machines: rectified units, first weights
/// of the right size and AdamW (Loshchilov & Hutter 2019) do without. Vectors, which have been centred by their mean and scaled
/// by their spread, take the place of counts of words, and one less the cosine that of the cross-entropy. And the noise is drawn anew
/// each time. Mean and scale are part of the first layer of what is returned.
///
/// The same vectors and configuration give the same bytes on one machine with one number of threads.
///
/// # Errors
/// The vectors are not whole rows of finite numbers, or fewer than two of them differ; a setting is out of its range; the rate is
/// so high that the numbers do not stay finite.
pub fn semantic_hash(
    vectors: &[f32],
    dimension: usize,
    config: &SemanticHashConfig,
    observer: &dyn TrainObserver,
) -> Result<Option<BinaryHasher>, Error> {
    config.check()?;
    check(vectors, dimension)?;
    let rows = chosen(vectors.len() / dimension, config);
    let row = |at: usize| &vectors[at * dimension..][..dimension];
    let centring = Centring::of(rows.iter().map(|&at| row(at)), dimension)?;
    let mut network = Autoencoder::new(dimension, config)?;
    let [mut order, mut noise] = [ORDER, NOISE].map(|stream| source(config.seed, stream));
    let schedule = Schedule::default();
    let steps = rows.len().div_ceil(config.batch);
    observer.begin("learning the hash", (config.epochs * steps) as u64);
    for epoch in 0..config.epochs {
        let begun = Instant::now();
        let batches = shuffled_batches(rows.len(), config.batch, &mut order)?;
        let (steps, mut seen) = (batches.len(), 0);
        for (step, batch) in batches.into_iter().enumerate() {
            if observer.cancelled() {
                observer.end();
                return Ok(None);
            }
            let done = epoch as f64 + step as f64 / steps as f64;
            let rate = config.rate * schedule.at(done, config.epochs);
            let input = batch.iter().flat_map(|&at| centring.apply(row(rows[at])));
            let loss = network.step(input.collect(), batch.len(), rate, &mut noise)?;
            if !loss.is_finite() {
                observer.end();
                return Err(too_fast(config.rate));
            }
            seen += batch.len();
            observer.step(&StepReport {
                epoch: epoch + 1,
                step: step + 1,
                steps,
                loss,
                active_share: None,
                images_per_second: seen as f64 / begun.elapsed().as_secs_f64().max(1e-9),
            });
            observer.advance(1);
        }
    }
    observer.end();
    finish(&network, &centring, dimension, config).map(Some)
}

fn check(vectors: &[f32], dimension: usize) -> Result<(), Error> {
    if !(1..=MOST_DIMENSIONS).contains(&dimension) {
        let allowed = format!("it is 1 to {MOST_DIMENSIONS}");
        return Err(Error::setting(
            "the dimension of vectors",
            dimension,
            allowed,
        ));
    }
    if vectors.is_empty() || !vectors.len().is_multiple_of(dimension) {
        let numbers = vectors.len();
        return Err(Unfit::Shape { numbers, dimension }.into());
    }
    match vectors.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Unfit::NotFinite {
            row: at / dimension,
        }
        .into()),
    }
}

fn source(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// The rows that are trained on, in their order.
fn chosen(count: usize, config: &SemanticHashConfig) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..count).collect();
    if count > config.samples {
        let mut random = source(config.seed, CHOICE);
        let (drawn, _) = rows.partial_shuffle(&mut random, config.samples);
        rows = drawn.to_vec();
        rows.sort_unstable();
    }
    rows
}

/// What is taken off each vector, and what it is multiplied by then.
struct Centring {
    mean: Vec<f64>,
    scale: f64,
}

impl Centring {
    /// That which gives rows a mean of 0 and, over all dimensions, a mean square of 1.
    fn of<'v>(
        rows: impl ExactSizeIterator<Item = &'v [f32]> + Clone,
        dimension: usize,
    ) -> Result<Centring, Error> {
        let count = rows.len() as f64;
        let mut mean = vec![0f64; dimension];
        for row in rows.clone() {
            mean.iter_mut()
                .zip(row)
                .for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let squares = rows.map(|row| {
            let pairs = row.iter().zip(&mean);
            pairs
                .map(|(&x, mean)| (f64::from(x) - mean).powi(2))
                .sum::<f64>()
        });
        let spread = (squares.sum::<f64>() / (count * dimension as f64)).sqrt();
        // Rounding leaves something of vectors that are all the same.
        let size = mean.iter().fold(0f64, |most, x| most.max(x.abs()));
        if spread <= 1e-12 * size || spread == 0.0 {
            return Err(Unfit::TooFew {
                what: "different vectors",
                found: 1,
                needed: 2,
            }
            .into());
        }
        Ok(Centring {
            mean,
            scale: 1.0 / spread,
        })
    }

    fn apply<'v>(&'v self, row: &'v [f32]) -> impl Iterator<Item = f32> + 'v {
        let pairs = row.iter().zip(&self.mean);
        pairs.map(|(&x, mean)| ((f64::from(x) - mean) * self.scale) as f32)
    }

    /// Makes the first layer take vectors as they are: W·((x − m)·s) + b = (s·W)·x + (b − s·W·m).
    fn fold(&self, weights: &mut [f32], bias: &mut [f32]) {
        let rows = weights.chunks_exact_mut(self.mean.len());
        for (row, bias) in rows.zip(bias) {
            let mut moved = f64::from(*bias);
            for (weight, mean) in row.iter_mut().zip(&self.mean) {
                let scaled = f64::from(*weight) * self.scale;
                moved -= scaled * mean;
                *weight = scaled as f32;
            }
            *bias = moved as f32;
        }
    }
}

fn finish(
    network: &Autoencoder,
    centring: &Centring,
    dimension: usize,
    config: &SemanticHashConfig,
) -> Result<BinaryHasher, Error> {
    let mut layers = network.layers()?;
    if let Some((weights, bias)) = layers.first_mut() {
        centring.fold(weights, bias);
    }
    let count = layers.len();
    let layers = layers.into_iter().enumerate();
    let layers = layers.map(|(at, (weights, bias))| HashLayer {
        weights,
        bias,
        activation: match at + 1 == count {
            true => Activation::Logistic,
            false => Activation::Relu,
        },
    });
    match BinaryHasher::from_layers(dimension, layers.collect()) {
        Err(Unfit::LayerNotFinite { .. }) => Err(too_fast(config.rate)),
        made => Ok(made?),
    }
}

fn too_fast(rate: f64) -> Error {
    let allowed = "with these vectors the numbers do not stay finite at it, give a lower one";
    Error::setting("rate", rate, allowed)
}
