//! What parameters are before training.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How a parameter begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Initial {
    /// All the same.
    Constant(f32),
    /// Normally distributed around 0 with this standard deviation: He et al. 2015 take √(2/fan).
    Normal(f32),
    /// Uniform from minus to plus this.
    Uniform(f32),
    /// Given, as many as the parameter has.
    Values(Arc<[f32]>),
}

impl Initial {
    /// The numbers of parameter number `place` of a network; equal seeds give equal numbers.
    pub(super) fn values(&self, count: usize, seed: u64, place: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(place);
        match self {
            Self::Constant(x) => vec![*x; count],
            Self::Uniform(limit) => (0..count)
                .map(|_| (2.0 * unit(&mut random) as f32 - 1.0) * limit)
                .collect(),
            Self::Normal(deviation) => {
                let mut values = Vec::with_capacity(count + 1);
                while values.len() < count {
                    let [a, b] = normals(&mut random);
                    values.extend([a as f32 * deviation, b as f32 * deviation]);
                }
                values.truncate(count);
                values
            }
            Self::Values(values) => {
                let mut values = values.to_vec();
                values.resize(count, 0.0);
                values
            }
        }
    }
}

fn unit(random: &mut ChaCha8Rng) -> f64 {
    random.random::<f64>()
}

/// Two independent normally distributed numbers (Box & Muller 1958).
pub(crate) fn normals(random: &mut ChaCha8Rng) -> [f64; 2] {
    let radius = (-2.0 * (1.0 - unit(random)).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * unit(random)).sin_cos();
    [radius * cos, radius * sin]
}
