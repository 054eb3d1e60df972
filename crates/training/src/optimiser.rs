//! Optimisers, one tensor at a time, whose state is saved exactly.
//!
//! Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) are Burn's. SGD with momentum is written
//! here, `v ← μ v + g`, `w ← w - η v` as in PyTorch, because Burn keeps its velocity to itself.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::{
    Adam, AdamConfig, AdamState, AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer,
};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Which rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Gradient descent with momentum; decay is added to the gradient.
    Sgd,
    /// Adam; decay is added to the gradient.
    Adam,
    /// Adam with decay apart from the gradient.
    #[default]
    AdamW,
}

/// Settings of an optimiser; `[optimiser]` of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// sgd, adam or adamw.
    pub rule: Rule,
    /// Learning rate before the schedule, above 0.
    pub rate: f64,
    /// Momentum of SGD, 0 to below 1.
    pub momentum: f64,
    /// Weight decay, 0 or above.
    pub decay: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            rule: Rule::AdamW,
            rate: 1e-3,
            momentum: 0.9,
            decay: 1e-4,
        }
    }
}

impl OptimiserConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        let rate = self.rate.is_finite() && self.rate > 0.0;
        if !rate {
            let allowed = "it is a number above zero, such as 0.001";
            return Err(Error::setting("optimiser.rate", self.rate, allowed));
        }
        if !(0.0..1.0).contains(&self.momentum) {
            let allowed = "it is 0 to below 1";
            return Err(Error::setting("optimiser.momentum", self.momentum, allowed));
        }
        if !(self.decay.is_finite() && self.decay >= 0.0) {
            let allowed = "it is 0 or above";
            return Err(Error::setting("optimiser.decay", self.decay, allowed));
        }
        Ok(())
    }
}

/// What an optimiser remembers of one tensor.
#[derive(Clone)]
struct Memory {
    steps: usize,
    first: Tensor<1>,
    second: Option<Tensor<1>>,
}

enum Kind {
    Sgd,
    Adam(Adam),
    AdamW(AdamW),
}

/// An optimiser with its state for a list of tensors.
pub struct Optimiser {
    config: OptimiserConfig,
    kind: Kind,
    memories: Vec<Option<Memory>>,
}

/// The state of one tensor as plain numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedState {
    /// Steps taken.
    pub steps: usize,
    /// Velocity of SGD, first moment of Adam.
    pub first: Vec<f32>,
    /// Second moment of Adam; empty for SGD.
    pub second: Vec<f32>,
}

impl Optimiser {
    /// An optimiser for `count` tensors that has taken no step.
    ///
    /// # Errors
    /// As [`OptimiserConfig::check`].
    pub fn new(config: &OptimiserConfig, count: usize) -> Result<Optimiser, Error> {
        config.check()?;
        let decay = config.decay as f32;
        // Burn adds its epsilon to the root; 1e-8 is the papers'.
        let kind = match config.rule {
            Rule::Sgd => Kind::Sgd,
            Rule::Adam => {
                let decay = (decay > 0.0).then(|| WeightDecayConfig::new(decay));
                let adam = AdamConfig::new().with_epsilon(1e-8);
                Kind::Adam(adam.with_weight_decay(decay).build())
            }
            Rule::AdamW => {
                let adam = AdamWConfig::new().with_epsilon(1e-8);
                Kind::AdamW(adam.with_weight_decay(decay).build())
            }
        };
        Ok(Optimiser {
            config: config.clone(),
            kind,
            memories: vec![None; count],
        })
    }

    /// The value of tensor number `index` after a step at this learning rate.
    ///
    /// # Errors
    /// [`Error::Shape`] when the gradient or the index do not fit.
    pub fn step(
        &mut self,
        rate: f64,
        index: usize,
        value: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Result<Tensor<1>, Error> {
        let count = self.memories.len();
        let Some(memory) = self.memories.get_mut(index) else {
            return Err(Error::shape(format!("tensor {index} of {count}")));
        };
        let sizes = (value.dims(), gradient.dims());
        let remembered = memory.as_ref().map_or(sizes.0, |m| m.first.dims());
        if sizes.0 != sizes.1 || remembered != sizes.0 {
            return Err(Error::shape(format!(
                "a gradient of {} numbers for a tensor of {} whose state has {}",
                sizes.1[0], sizes.0[0], remembered[0]
            )));
        }
        let (value, next) = match &self.kind {
            Kind::Sgd => sgd(&self.config, rate, value, gradient, memory.take()),
            Kind::Adam(adam) => {
                let state = memory.take().and_then(adaptive).map(AdamState::new);
                let (value, state) = adam.step(rate, value, gradient, state);
                (value, state.map(|state| remember(state.momentum)))
            }
            Kind::AdamW(adam) => {
                let state = memory.take().and_then(adaptive).map(AdamWState::new);
                let (value, state) = adam.step(rate, value, gradient, state);
                (value, state.map(|state| remember(state.momentum)))
            }
        };
        *memory = next;
        Ok(value)
    }

    /// The state of each tensor; `None` before its first step.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn save(&self) -> Result<Vec<Option<SavedState>>, Error> {
        let saved = |memory: &Memory| -> Result<SavedState, Error> {
            let second = memory.second.clone();
            Ok(SavedState {
                steps: memory.steps,
                first: memory.first.clone().try_into_vec_as::<f32>()?,
                second: match second {
                    Some(second) => second.try_into_vec_as::<f32>()?,
                    None => Vec::new(),
                },
            })
        };
        let memories = self.memories.iter();
        memories
            .map(|m| m.as_ref().map(saved).transpose())
            .collect()
    }

    /// Takes back what [`Optimiser::save`] gave.
    ///
    /// # Errors
    /// [`Error::Shape`] when it is of another number of tensors.
    pub fn restore(
        &mut self,
        states: Vec<Option<SavedState>>,
        device: &Device,
    ) -> Result<(), Error> {
        if states.len() != self.memories.len() {
            return Err(Error::shape(format!(
                "the state of {} tensors for an optimiser of {}",
                states.len(),
                self.memories.len()
            )));
        }
        let flat = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [count]), device)
        };
        let memory = |state: SavedState| Memory {
            steps: state.steps,
            second: (!state.second.is_empty()).then(|| flat(state.second)),
            first: flat(state.first),
        };
        self.memories = states.into_iter().map(|s| s.map(memory)).collect();
        Ok(())
    }
}

fn sgd(
    config: &OptimiserConfig,
    rate: f64,
    value: Tensor<1>,
    gradient: Tensor<1>,
    memory: Option<Memory>,
) -> (Tensor<1>, Option<Memory>) {
    let gradient = gradient + value.clone() * config.decay;
    let (steps, velocity) = match memory {
        Some(memory) => (memory.steps, memory.first * config.momentum + gradient),
        None => (0, gradient),
    };
    let memory = Memory {
        steps: steps + 1,
        first: velocity.clone(),
        second: None,
    };
    (value - velocity * rate, Some(memory))
}

fn adaptive(memory: Memory) -> Option<AdaptiveMomentumState<1>> {
    let second = memory.second?;
    Some(AdaptiveMomentumState::new(
        memory.steps,
        memory.first,
        second,
    ))
}

fn remember(state: AdaptiveMomentumState<1>) -> Memory {
    Memory {
        steps: state.time,
        first: state.moment_1,
        second: Some(state.moment_2),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn walk(config: &OptimiserConfig, steps: usize, saved_after: Option<usize>) -> Vec<f32> {
        let device = Device::flex();
        let mut optimiser = Optimiser::new(config, 1).unwrap();
        let mut value = Tensor::<1>::from_floats([1.0, -2.0, 0.5], &device);
        for step in 0..steps {
            if saved_after == Some(step) {
                let state = optimiser.save().unwrap();
                optimiser = Optimiser::new(config, 1).unwrap();
                optimiser.restore(state, &device).unwrap();
            }
            let gradient = value.clone() * 2.0 + step as f64 * 0.1;
            value = optimiser.step(0.05, 0, value, gradient).unwrap();
        }
        value.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn a_restored_state_goes_on_to_the_bit() {
        for rule in [Rule::Sgd, Rule::Adam, Rule::AdamW] {
            let config = OptimiserConfig {
                rule,
                ..OptimiserConfig::default()
            };
            let straight = walk(&config, 9, None);
            assert_eq!(straight, walk(&config, 9, Some(4)), "{rule:?}");
            assert_ne!(straight, walk(&config, 8, None), "{rule:?}");
        }
    }

    #[test]
    fn sgd_is_that_of_pytorch() {
        // torch.optim.SGD([w], lr=0.05, momentum=0.9, weight_decay=0.01), gradients 2 w + 0.1 step.
        let config = OptimiserConfig {
            rule: Rule::Sgd,
            decay: 0.01,
            ..OptimiserConfig::default()
        };
        let (mut w, mut v) = (1.0f64, 0.0);
        for step in 0..3 {
            v = 0.9 * v + 2.0 * w + 0.1 * f64::from(step) + 0.01 * w;
            w -= 0.05 * v;
        }
        assert!((f64::from(walk(&config, 3, None)[0]) - w).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let device = Device::flex();
        let mut optimiser = Optimiser::new(&OptimiserConfig::default(), 1).unwrap();
        let tensor = |n| Tensor::<1>::ones([n], &device);
        assert!(optimiser.step(0.1, 0, tensor(2), tensor(3)).is_err());
        assert!(optimiser.step(0.1, 1, tensor(2), tensor(2)).is_err());
        assert!(optimiser.restore(Vec::new(), &device).is_err());
        let config = OptimiserConfig {
            rate: f64::NAN,
            ..OptimiserConfig::default()
        };
        assert!(Optimiser::new(&config, 1).is_err());
    }
}
