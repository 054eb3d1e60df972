//! Settings of semantic hashing.

use serde::{Deserialize, Serialize};

use crate::device::Compute;
use crate::error::Error;

/// Most bits of a code.
const MOST_BITS: usize = 4096;
/// Most hidden layers.
const MOST_HIDDEN: usize = 8;
/// Most units of a hidden layer.
const MOST_UNITS: usize = 1 << 14;

/// How a semantic hash is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemanticHashConfig {
    /// Bits of a code, 1 to 4,096.
    pub bits: usize,
    /// Units of the rectified layers between vectors and code, at most 8 of 1 to 16,384; the decoder has the same in reverse.
    pub hidden: Vec<usize>,
    /// How often each vector is shown, 1 to 100,000.
    pub epochs: usize,
    /// Vectors of a step, 1 to 65,536.
    pub batch: usize,
    /// Learning rate at the first step, above 0; it falls to zero along half a cosine.
    pub rate: f64,
    /// Standard deviation of the noise that is added to what goes into the code's logistic units while training, 0 to 100. More of it
    /// gives bits that are surer, and keeps coarser differences only.
    pub noise: f64,
    /// Most vectors that are trained on, at least 1; of more, so many are drawn.
    pub samples: usize,
    /// Seed of the first weights, the order, and the noise.
    pub seed: u64,
    /// What computes.
    pub device: Compute,
}

impl Default for SemanticHashConfig {
    fn default() -> Self {
        Self {
            bits: 128,
            hidden: vec![512],
            epochs: 40,
            batch: 256,
            rate: 1e-3,
            noise: 3.0,
            samples: 1 << 16,
            seed: 0,
            device: Compute::Cpu,
        }
    }
}

impl SemanticHashConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of its range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: usize, most: usize| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::setting(name, value, format!("it is 1 to {most}"))),
        };
        within("bits", self.bits, MOST_BITS)?;
        if self.hidden.len() > MOST_HIDDEN {
            let allowed = format!("it is at most {MOST_HIDDEN}");
            let name = "the number of hidden layers";
            return Err(Error::setting(name, self.hidden.len(), allowed));
        }
        for &units in &self.hidden {
            within("the units of a hidden layer", units, MOST_UNITS)?;
        }
        within("epochs", self.epochs, 100_000)?;
        within("batch", self.batch, 1 << 16)?;
        within("samples", self.samples, 1 << 31)?;
        if !(self.rate.is_finite() && self.rate > 0.0) {
            let allowed = "it is a number above zero, such as 0.001";
            return Err(Error::setting("rate", self.rate, allowed));
        }
        match (0.0..=100.0).contains(&self.noise) {
            true => Ok(()),
            false => Err(Error::setting("noise", self.noise, "it is 0 to 100")),
        }
    }
}
