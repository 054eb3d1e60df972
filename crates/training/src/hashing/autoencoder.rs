//! The autoencoder whose code layer becomes the hash.

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;

use super::config::SemanticHashConfig;
use crate::error::Error;
use crate::network::{Mode, Network, Parameters, Value, head, normals};
use crate::optimiser::{Optimiser, OptimiserConfig};
use crate::staged::plain_backward;

/// Kept from below by it, lengths can be divided by.
const SMALL: f32 = 1e-12;

/// Encoder and decoder with their weights and the optimiser of these.
pub(super) struct Autoencoder {
    encoder: Half,
    decoder: Half,
    optimiser: Optimiser,
    noise: f64,
    device: Device,
}

struct Half {
    network: Network,
    parameters: Parameters,
}

impl Half {
    fn new(sizes: &[usize], seed: u64, device: &Device) -> Result<Half, Error> {
        let network = head(sizes, 0.0)?;
        let parameters = Parameters::initial(&network, seed, device);
        Ok(Half {
            network,
            parameters,
        })
    }

    fn values(&self) -> impl Iterator<Item = Tensor<1>> {
        let entries = self.parameters.entries().iter();
        entries.map(|entry| entry.value.clone())
    }

    /// What comes out with these values in place of the half's own.
    fn run(&self, values: &[Tensor<1>], input: Tensor<2>) -> Result<Tensor<2>, Error> {
        let mut parameters = self.parameters.clone();
        for (place, value) in values.iter().enumerate() {
            parameters.set(place, value.clone())?;
        }
        let output = self
            .network
            .forward(&parameters, Value::Vectors(input), Mode::Eval);
        output?.into_vectors()
    }
}

impl Autoencoder {
    pub fn new(dimension: usize, config: &SemanticHashConfig) -> Result<Autoencoder, Error> {
        let device = config.device.device()?;
        let up = [&[dimension], config.hidden.as_slice(), &[config.bits]].concat();
        let down: Vec<usize> = up.iter().rev().copied().collect();
        let encoder = Half::new(&up, config.seed, &device)?;
        let decoder = Half::new(&down, config.seed ^ 1, &device)?;
        let rule = OptimiserConfig {
            rate: config.rate,
            ..OptimiserConfig::default()
        };
        let count = encoder.parameters.len() + decoder.parameters.len();
        Ok(Autoencoder {
            encoder,
            decoder,
            optimiser: Optimiser::new(&rule, count)?,
            noise: config.noise,
            device,
        })
    }

    /// A step at this rate on rows (n × dimension, row-major); the loss, 0 to 2, and whether it and the weights are numbers.
    ///
    /// The loss of a row is one less its cosine with what is made of its code: that of Salakhutdinov & Hinton, a cross-entropy, is
    /// of counts of words, while of these vectors only the direction matters.
    pub fn step(
        &mut self,
        rows: Vec<f32>,
        count: usize,
        rate: f64,
        random: &mut ChaCha8Rng,
    ) -> Result<f32, Error> {
        let width = rows.len() / count.max(1);
        let rows = Tensor::<2>::from_data(TensorData::new(rows, [count, width]), &self.device);
        let noise = self.noise(count, random);
        let values: Vec<Tensor<1>> = self.encoder.values().chain(self.decoder.values()).collect();
        let split = self.encoder.parameters.len();
        let forward = |leaves: &[Tensor<1>]| {
            let logits = self.encoder.run(&leaves[..split], rows.clone())?;
            let code = activation::sigmoid(logits + noise.clone()) * 2.0 - 1.0;
            self.decoder.run(&leaves[split..], code)
        };
        let loss = |made: Tensor<2>| {
            let cosine = (unit(made) * unit(rows.clone())).sum_dim(1);
            Ok((-cosine.mean() + 1.0).reshape([1]))
        };
        let backward = plain_backward(&values, forward, loss)?;
        if !backward.loss.is_finite() {
            return Ok(backward.loss);
        }
        for (index, (value, gradient)) in values.into_iter().zip(backward.gradients).enumerate() {
            let Some(gradient) = gradient else { continue };
            let value = self.optimiser.step(rate, index, value, gradient)?;
            match index.checked_sub(split) {
                None => self.encoder.parameters.set(index, value)?,
                Some(place) => self.decoder.parameters.set(place, value)?,
            }
        }
        Ok(backward.loss)
    }

    fn noise(&self, count: usize, random: &mut ChaCha8Rng) -> Tensor<2> {
        let bits = self.encoder.network.dimension();
        let mut drawn = Vec::with_capacity(count * bits + 1);
        while drawn.len() < count * bits {
            let pair = normals(random).map(|x| (x * self.noise) as f32);
            drawn.extend(pair);
        }
        drawn.truncate(count * bits);
        Tensor::from_data(TensorData::new(drawn, [count, bits]), &self.device)
    }

    /// Weights and biases of the encoder's layers, the first first.
    pub fn layers(&self) -> Result<Vec<Layer>, Error> {
        let entries = self.encoder.parameters.entries();
        let pairs = entries.chunks_exact(2);
        let pair = pairs.map(|pair| Ok((pair[0].numbers()?, pair[1].numbers()?)));
        pair.collect()
    }
}

/// Weights, a row for each unit, and biases.
pub(super) type Layer = (Vec<f32>, Vec<f32>);

/// Rows of length 1; a row of zeros stays one.
fn unit(rows: Tensor<2>) -> Tensor<2> {
    let squares = rows.clone().square().sum_dim(1);
    rows / squares.clamp_min(SMALL).sqrt()
}
