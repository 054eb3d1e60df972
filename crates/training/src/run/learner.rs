//! One step of training: a batch in, a gradient out.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::config::{LossConfig, LossKind, Precision, RunConfig};
use super::views::Item;
use crate::error::Error;
use crate::losses::{
    Distance, Triplet, average_precision_loss, contrastive, info_nce_labelled, softmax, triplet,
};
use crate::network::{Mode, Network, Parameters, Value, head};
use crate::optimiser::{Optimiser, SavedState};
use crate::relevance::Relevance;
use crate::sampling::{Distances, Mining, mine_pairs, mine_triplets};
use crate::staged::{Backward, plain_backward, staged_backward};

/// The trained part of a network with the optimiser of its weights.
pub(super) struct Learner {
    /// `None` where nothing is trained: then the items are the descriptors.
    tail: Option<Network>,
    pub parameters: Parameters,
    classifier: Option<(Network, Parameters)>,
    trained: Vec<usize>,
    optimiser: Optimiser,
    loss: LossConfig,
    mining: Mining,
    precision: Precision,
    device: Device,
}

/// A batch: items with what is relevant to what among them, and perhaps triplets that were chosen beforehand.
pub(super) struct Batch {
    pub items: Vec<Item>,
    pub relevance: Relevance,
    pub triplets: Option<Vec<Triplet>>,
    /// Most items in one pass.
    pub chunk: usize,
    /// Seed of what is left out by dropout.
    pub seed: u64,
}

/// What a step found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub loss: f32,
    pub active_share: Option<f64>,
    /// Triplets by rows of the batch, with the similarities of the anchor to both.
    pub hardest: Vec<(Triplet, f32, f32)>,
    /// Whether loss, descriptors and gradients were numbers.
    pub finite: bool,
}

/// Values and states of all trained tensors.
pub(super) type Saved = (Vec<Vec<f32>>, Vec<Option<SavedState>>);

/// Triplets of a batch that are kept for the log.
const KEPT: usize = 8;

impl Learner {
    pub fn new(
        tail: Option<Network>,
        parameters: Parameters,
        config: &RunConfig,
        classes: usize,
        device: &Device,
    ) -> Result<Learner, Error> {
        let dimension = tail.as_ref().map_or(1, Network::dimension);
        let classifier = match config.loss.kind {
            LossKind::Classification => {
                let network = head(&[dimension, classes.max(2)], 0.0)?;
                let weights = Parameters::initial(&network, config.seed ^ 1, device);
                Some((network, weights))
            }
            _ => None,
        };
        let trained: Vec<usize> = (0..parameters.len())
            .filter(|&place| parameters.is_trained(place))
            .collect();
        let count = trained.len() + classifier.as_ref().map_or(0, |(_, p)| p.len());
        Ok(Learner {
            tail,
            parameters,
            classifier,
            trained,
            optimiser: Optimiser::new(&config.optimiser, count)?,
            loss: config.loss.clone(),
            mining: config.sampling.mining,
            precision: config.precision,
            device: device.clone(),
        })
    }

    /// Whether there is something to train.
    pub fn trains(&self) -> bool {
        !self.trained.is_empty()
    }

    /// The trained tensors, those of the classifier last.
    fn values(&self) -> Vec<Tensor<1>> {
        let own = self
            .trained
            .iter()
            .map(|&place| &self.parameters.entries()[place]);
        let classifier = self.classifier.iter().flat_map(|(_, p)| p.entries());
        own.chain(classifier)
            .map(|entry| entry.value.clone())
            .collect()
    }

    /// The numbers of all trained tensors with what the optimiser remembers of each, for a checkpoint.
    pub fn save(&self) -> Result<Saved, Error> {
        let numbers = |value: Tensor<1>| value.try_into_vec_as::<f32>().map_err(Error::from);
        let values = self.values().into_iter().map(numbers);
        Ok((values.collect::<Result<_, _>>()?, self.optimiser.save()?))
    }

    /// Takes back what [`Learner::save`] gave.
    pub fn restore(
        &mut self,
        values: Vec<Vec<f32>>,
        states: Vec<Option<SavedState>>,
    ) -> Result<(), Error> {
        if values.len() != self.values().len() {
            return Err(Error::shape("another number of trained tensors"));
        }
        for (index, value) in values.into_iter().enumerate() {
            let count = value.len();
            let value = Tensor::from_data(TensorData::new(value, [count]), &self.device);
            self.set(index, value)?;
        }
        self.optimiser.restore(states, &self.device)
    }

    fn set(&mut self, index: usize, value: Tensor<1>) -> Result<(), Error> {
        match (self.trained.get(index), &mut self.classifier) {
            (Some(&place), _) => self.parameters.set(place, value),
            (None, Some((_, parameters))) => parameters.set(index - self.trained.len(), value),
            (None, None) => Err(Error::shape(format!("there is no trained tensor {index}"))),
        }
    }

    /// The gradient of a batch, and a step of the optimiser at this rate where all numbers are finite.
    pub fn step(&mut self, batch: &Batch, rate: f64, rng: &mut ChaCha8Rng) -> Result<Found, Error> {
        let mut found = Found::default();
        let order = Order::of(&batch.items, batch.chunk);
        let values = self.values();
        let objective = Objective {
            loss: &self.loss,
            mining: self.mining,
            relevance: &batch.relevance,
            triplets: batch.triplets.as_deref(),
        };
        let forward = |leaves: &[Tensor<1>], chunk: usize| {
            let mode = Mode::Train {
                seed: batch.seed.wrapping_add(chunk as u64),
            };
            self.rows(leaves, &batch.items, &order.chunks[chunk], mode)
        };
        let loss = |rows: Tensor<2>| {
            let at = indices(&order.back, &self.device);
            objective.of(rows.select(0, at), rng, &mut found)
        };
        let backward = match order.chunks.len() {
            1 => plain_backward(&values, |leaves| forward(leaves, 0), loss)?,
            chunks => staged_backward(&values, chunks, forward, loss)?,
        };
        found.loss = backward.loss;
        found.finite &= backward.loss.is_finite() && are_finite(&backward)?;
        if found.finite {
            for (index, (value, gradient)) in values.into_iter().zip(backward.gradients).enumerate()
            {
                if let Some(gradient) = gradient {
                    let value = self.optimiser.step(rate, index, value, gradient)?;
                    self.set(index, value)?;
                }
            }
        }
        Ok(found)
    }

    /// What the loss is taken of: descriptors, or with a classifier its logits.
    fn rows(
        &self,
        leaves: &[Tensor<1>],
        items: &[Item],
        places: &[usize],
        mode: Mode,
    ) -> Result<Tensor<2>, Error> {
        let mut parameters = self.parameters.clone();
        for (&place, leaf) in self.trained.iter().zip(leaves) {
            parameters.set(place, leaf.clone())?;
        }
        let rows = self.descriptors(&parameters, items, places, mode)?;
        let Some((network, own)) = &self.classifier else {
            return Ok(rows);
        };
        let mut own = own.clone();
        for (place, leaf) in leaves.iter().skip(self.trained.len()).enumerate() {
            own.set(place, leaf.clone())?;
        }
        let logits = network.forward(&own, Value::Vectors(rows), mode)?;
        Ok(logits.into_vectors()? / self.loss.temperature)
    }

    fn descriptors(
        &self,
        parameters: &Parameters,
        items: &[Item],
        places: &[usize],
        mode: Mode,
    ) -> Result<Tensor<2>, Error> {
        let input = self.input(items, places)?;
        let Some(tail) = &self.tail else {
            return input.into_vectors();
        };
        let wide = match self.precision {
            Precision::F32 => return tail.forward(parameters, input, mode)?.into_vectors(),
            Precision::Bf16 => FloatDType::BF16,
            Precision::F16 => FloatDType::F16,
        };
        let mut parameters = parameters.clone();
        for place in 0..parameters.len() {
            let value = parameters.entries()[place].value.clone();
            parameters.set(place, value.cast(DType::from(wide)))?;
        }
        let input = match input {
            Value::Map(x) => Value::Map(x.cast(DType::from(wide))),
            Value::Vectors(x) => Value::Vectors(x.cast(DType::from(wide))),
        };
        let rows = tail.forward(&parameters, input, mode)?.into_vectors()?;
        Ok(rows.cast(DType::F32))
    }

    fn input(&self, items: &[Item], places: &[usize]) -> Result<Value, Error> {
        let shape = places
            .first()
            .map_or(&[][..], |&p| items[p].shape.as_slice());
        let numbers = places
            .iter()
            .flat_map(|&p| items[p].numbers.iter().copied())
            .collect();
        match *shape {
            [c, h, w] => Value::map(numbers, [places.len(), c, h, w], &self.device),
            [d] => Value::vectors(numbers, [places.len(), d], &self.device),
            _ => Err(Error::shape(format!(
                "items of {shape:?} are no maps and no vectors"
            ))),
        }
    }

    /// Descriptors of items as the network is now, in their order.
    pub fn embed(&self, items: &[Item], chunk: usize) -> Result<Vec<Vec<f32>>, Error> {
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); items.len()];
        for places in Order::of(items, chunk).chunks {
            let found = self.descriptors(&self.parameters, items, &places, Mode::Eval)?;
            let length = found.dims()[1].max(1);
            let numbers = found.try_into_vec_as::<f32>()?;
            for (&place, row) in places.iter().zip(numbers.chunks_exact(length)) {
                rows[place] = row.to_vec();
            }
        }
        Ok(rows)
    }
}

fn indices(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}

fn are_finite(backward: &Backward) -> Result<bool, Error> {
    for gradient in backward.gradients.iter().flatten() {
        let largest = gradient.clone().abs().sum().try_into_scalar::<f32>()?;
        if !largest.is_finite() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Items of one shape go through the network together, a bounded number at a time.
struct Order {
    chunks: Vec<Vec<usize>>,
    /// Where each item's row is among the rows of all chunks.
    back: Vec<usize>,
}

impl Order {
    fn of(items: &[Item], chunk: usize) -> Order {
        let mut by_shape: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            by_shape.entry(&item.shape).or_default().push(place);
        }
        let chunks: Vec<Vec<usize>> = by_shape
            .into_values()
            .flat_map(|places| {
                places
                    .chunks(chunk.max(1))
                    .map(<[usize]>::to_vec)
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut back = vec![0; items.len()];
        for (row, &place) in chunks.iter().flatten().enumerate() {
            back[place] = row;
        }
        Order { chunks, back }
    }
}

/// The loss of a batch.
struct Objective<'a> {
    loss: &'a LossConfig,
    mining: Mining,
    relevance: &'a Relevance,
    triplets: Option<&'a [Triplet]>,
}

impl Objective<'_> {
    fn of(
        &self,
        rows: Tensor<2>,
        rng: &mut ChaCha8Rng,
        found: &mut Found,
    ) -> Result<Tensor<1>, Error> {
        let length = rows.dims()[1];
        let numbers = rows.clone().inner().try_into_vec_as::<f32>()?;
        found.finite = numbers.iter().all(|x| x.is_finite());
        let (relevance, margin) = (self.relevance, self.loss.margin);
        let between = |distance| Distances::of(&numbers, length, distance);
        let loss = match self.loss.kind {
            LossKind::Classification => return softmax(rows, relevance.labels()),
            LossKind::AveragePrecision => average_precision_loss(rows, relevance, self.loss.bins)?,
            LossKind::InfoNce => info_nce_labelled(rows, relevance, self.loss.temperature)?,
            LossKind::Contrastive => {
                let distances = between(Distance::Euclidean)?;
                let mined = mine_pairs(self.mining, &distances, relevance, margin as f32, rng)?;
                found.active_share = Some(mined.active_share);
                contrastive(rows, &mined.pairs, margin)?
            }
            LossKind::Triplet => {
                let distances = between(self.loss.distance)?;
                let triplets = match self.triplets {
                    Some(chosen) => {
                        let active = |t: &&Triplet| {
                            let row = distances.row(t.anchor);
                            row[t.positive] + margin as f32 > row[t.negative]
                        };
                        let count = chosen.iter().filter(active).count();
                        found.active_share = Some(count as f64 / chosen.len().max(1) as f64);
                        chosen.to_vec()
                    }
                    None => {
                        let mined =
                            mine_triplets(self.mining, &distances, relevance, margin as f32, rng)?;
                        found.active_share = Some(mined.active_share);
                        mined.triplets
                    }
                };
                triplet(rows, &triplets, self.loss.distance, margin)?
            }
        };
        found.hardest = hardest(&between(Distance::Cosine)?, relevance, rng)?;
        Ok(loss)
    }
}

/// The triplets of a batch that are furthest from right, with the similarities of their anchors.
fn hardest(
    distances: &Distances,
    relevance: &Relevance,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<(Triplet, f32, f32)>, Error> {
    let mined = mine_triplets(Mining::BatchHard, distances, relevance, 0.0, rng)?.triplets;
    let mut all: Vec<(Triplet, f32, f32)> = mined
        .into_iter()
        .map(|t| {
            let row = distances.row(t.anchor);
            (t, 1.0 - row[t.positive], 1.0 - row[t.negative])
        })
        .collect();
    all.sort_by(|a, b| (b.2 - b.1).total_cmp(&(a.2 - a.1)));
    all.truncate(KEPT);
    Ok(all)
}
