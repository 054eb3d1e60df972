//! The two heads and a step of their training.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vizsla_evaluation::{CaptionOracle, Dataset, Similarities};

use super::super::learner::Saved;
use super::config::{Anchors, CaptionLoss, CaptionLossKind};
use super::features::Rows;
use super::hardest::{Hard, Scores};
use crate::error::Error;
use crate::losses::{
    Hinges, Triplet, caption_anchored_ranking, draw_warp, hinges, image_anchored_ranking, info_nce,
    visual_ranking, warp,
};
use crate::network::{Mode, Network, Parameters, Value};
use crate::optimiser::{Optimiser, OptimiserConfig, SavedState};

/// Rows that go through a head at a time outside of training.
const ROWS: usize = 1024;
/// Images of the batch that are compared by their captions for each visual triplet.
const DRAWN: usize = 8;

/// The heads of both sides, images first, with the optimiser of their weights.
pub(super) struct Branches {
    pub networks: [Network; 2],
    pub parameters: [Parameters; 2],
    optimiser: Optimiser,
    loss: CaptionLoss,
    oracle: Option<CaptionOracle>,
    device: Device,
}

/// Pairs of a step, row by row.
pub(super) struct Pairs<'a> {
    pub images: Vec<f32>,
    pub captions: Vec<f32>,
    /// The image of each pair by its number.
    pub groups: &'a [usize],
    /// Names of images by that number.
    pub names: &'a [String],
    /// Seed of dropout.
    pub seed: u64,
    /// Epoch of the step, from 1.
    pub epoch: usize,
}

/// What a step found.
pub(super) struct Found {
    pub loss: f32,
    /// Share of what the loss looked at that violates its margin; `None` for a loss without one.
    pub active_share: Option<f64>,
    pub hardest: Vec<Hard>,
}

impl Branches {
    pub fn new(
        networks: [Network; 2],
        parameters: [Parameters; 2],
        optimiser: &OptimiserConfig,
        loss: &CaptionLoss,
        train: &Dataset,
        device: &Device,
    ) -> Result<Branches, Error> {
        let oracle = (loss.kind == CaptionLossKind::VisualTextual).then(|| {
            let rows = train.captions.iter();
            CaptionOracle::new(rows.map(|c| (train.gallery[c.image].key.as_str(), c.text.as_str())))
        });
        Ok(Branches {
            optimiser: Optimiser::new(optimiser, parameters.iter().map(Parameters::len).sum())?,
            networks,
            parameters,
            loss: loss.clone(),
            oracle,
            device: device.clone(),
        })
    }

    /// The numbers of all weights and the state of the optimiser, for a checkpoint.
    pub fn save(&self) -> Result<Saved, Error> {
        let entries = self.parameters.iter().flat_map(|p| p.entries());
        let values = entries
            .map(|entry| entry.numbers())
            .collect::<Result<_, _>>()?;
        Ok((values, self.optimiser.save()?))
    }

    /// Takes back what [`Branches::save`] gave.
    pub fn restore(
        &mut self,
        values: Vec<Vec<f32>>,
        states: Vec<Option<SavedState>>,
    ) -> Result<(), Error> {
        let mut values = values.into_iter();
        for parameters in &mut self.parameters {
            for place in 0..parameters.len() {
                let numbers = values.next().unwrap_or_default();
                let count = numbers.len();
                parameters.set(
                    place,
                    Tensor::from_data(TensorData::new(numbers, [count]), &self.device),
                )?;
            }
        }
        self.optimiser.restore(states, &self.device)
    }

    /// One step; `None` when numbers were no longer finite and nothing was changed.
    pub fn step(
        &mut self,
        pairs: Pairs<'_>,
        rate: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Found>, Error> {
        let tracked = [self.parameters[0].tracked(), self.parameters[1].tracked()];
        let count = pairs.groups.len();
        let mut sides = Vec::with_capacity(2);
        for (side, numbers) in [&pairs.images, &pairs.captions].into_iter().enumerate() {
            let value = Value::vectors(
                numbers.clone(),
                [count, numbers.len() / count.max(1)],
                &self.device,
            )?;
            let mode = Mode::Train {
                seed: pairs.seed.wrapping_add(side as u64),
            };
            sides.push(
                self.networks[side]
                    .forward(&tracked[side], value, mode)?
                    .into_vectors()?,
            );
        }
        let (Some(captions), Some(images)) = (sides.pop(), sides.pop()) else {
            return Ok(None);
        };
        let scores = images.clone().inner();
        let scores = scores.matmul(captions.clone().inner().transpose());
        let scores = scores.try_into_vec_as::<f32>()?;
        let scores = Scores::of(&scores, pairs.groups);
        let (loss, active_share) = self.loss(images, captions, &pairs, &scores, rng)?;
        let value = loss.clone().inner().try_into_scalar::<f32>()?;
        if !value.is_finite() {
            return Ok(None);
        }
        let found = Found {
            loss: value,
            active_share,
            hardest: scores.worst(),
        };
        if !loss.is_tracked() {
            return Ok(Some(found));
        }
        let gradients = loss.backward();
        let gradients = [
            tracked[0].gradients(&gradients),
            tracked[1].gradients(&gradients),
        ];
        match self.all_finite(&gradients)? {
            true => self.descend(gradients, rate)?,
            false => return Ok(None),
        }
        Ok(Some(found))
    }

    fn all_finite(&self, gradients: &[Vec<Option<Tensor<1>>>; 2]) -> Result<bool, Error> {
        let mut sum = Tensor::<1>::zeros([1], &self.device);
        for gradient in gradients.iter().flatten().flatten() {
            sum = sum + gradient.clone().abs().sum();
        }
        Ok(sum.try_into_scalar::<f32>()?.is_finite())
    }

    /// Takes all weights a step along their gradients.
    fn descend(&mut self, gradients: [Vec<Option<Tensor<1>>>; 2], rate: f64) -> Result<(), Error> {
        let first = self.parameters[0].len();
        for (side, gradients) in gradients.into_iter().enumerate() {
            for (place, gradient) in gradients.into_iter().enumerate() {
                if let Some(gradient) = gradient {
                    let value = self.parameters[side].entries()[place].value.clone();
                    let value = self
                        .optimiser
                        .step(rate, side * first + place, value, gradient)?;
                    self.parameters[side].set(place, value)?;
                }
            }
        }
        Ok(())
    }

    /// The loss, and the share of what it looked at that violates its margin.
    fn loss(
        &self,
        images: Tensor<2>,
        captions: Tensor<2>,
        pairs: &Pairs<'_>,
        scores: &Scores<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Tensor<1>, Option<f64>), Error> {
        let (groups, margin) = (pairs.groups, self.loss.margin);
        let near = margin as f32;
        Ok(match self.loss.kind {
            CaptionLossKind::InfoNce => {
                let loss = info_nce(images, captions, groups, self.loss.temperature)?;
                (loss, None)
            }
            CaptionLossKind::MaxOfHinges if pairs.epoch > self.loss.mean_epochs => {
                let loss = hinges(images, captions, groups, margin, Hinges::Max)?;
                (loss, Some(scores.violated_by_hardest(near)))
            }
            CaptionLossKind::MaxOfHinges | CaptionLossKind::MeanOfHinges => {
                let loss = hinges(images, captions, groups, margin, Hinges::Mean)?;
                (loss, Some(scores.violated_by_all(near)))
            }
            CaptionLossKind::Triplet => {
                let triplets = random_triplets(groups, rng);
                let ways: &[bool] = match self.loss.anchors {
                    Anchors::Images => &[false],
                    Anchors::Captions => &[true],
                    Anchors::Both => &[false, true],
                };
                let loss = anchored(&images, &captions, &triplets, ways, margin)?;
                (loss, Some(scores.violated_by(&triplets, ways, near)))
            }
            CaptionLossKind::VisualTextual => {
                let triplets = self.worded_triplets(pairs, rng);
                let ways = [false, true];
                let loss = visual_ranking(images.clone(), &triplets, margin)?;
                let loss = loss + anchored(&images, &captions, &triplets, &ways, margin)?;
                (loss, Some(scores.violated_by(&triplets, &ways, near)))
            }
            CaptionLossKind::Warp => {
                let own: Vec<usize> = (0..groups.len()).collect();
                let mut both = Tensor::<1>::zeros([1], &self.device);
                let mut drawn = 0;
                let turned = scores.turned();
                let ways = [
                    (&images, &captions, scores.values),
                    (&captions, &images, turned.as_slice()),
                ];
                for (queries, targets, scores) in ways {
                    let choices = draw_warp(scores, &own, groups, near, rng)?;
                    drawn += choices.len();
                    both = both + warp(queries.clone(), targets.clone(), &choices, margin)?;
                }
                // A row for which no violating negative was found has no choice.
                let share = drawn as f64 / (2 * groups.len()).max(1) as f64;
                (both, Some(share))
            }
        })
    }

    /// For each row two others of the batch: of a few drawn images the one whose captions share most words with the
    /// row's image, weighed by tf-idf, and the one whose captions share least.
    fn worded_triplets(&self, pairs: &Pairs<'_>, rng: &mut ChaCha8Rng) -> Vec<Triplet> {
        let Some(oracle) = &self.oracle else {
            return Vec::new();
        };
        let groups = pairs.groups;
        let mut known: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        let mut triplets = Vec::with_capacity(groups.len());
        for anchor in 0..groups.len() {
            let mut best: Option<(usize, f64)> = None;
            let mut worst: Option<(usize, f64)> = None;
            for _ in 0..DRAWN {
                let other = rng.random_range(0..groups.len());
                if groups[other] == groups[anchor] {
                    continue;
                }
                let (a, b) = (
                    groups[anchor].min(groups[other]),
                    groups[anchor].max(groups[other]),
                );
                let alike = *known.entry((a, b)).or_insert_with(|| {
                    oracle
                        .similarity(&pairs.names[a], &pairs.names[b])
                        .unwrap_or(0.0)
                });
                if best.is_none_or(|(_, s)| alike > s) {
                    best = Some((other, alike));
                }
                if worst.is_none_or(|(_, s)| alike < s) {
                    worst = Some((other, alike));
                }
            }
            if let (Some((positive, more)), Some((negative, less))) = (best, worst)
                && more > less
            {
                triplets.push(Triplet {
                    anchor,
                    positive,
                    negative,
                });
            }
        }
        triplets
    }

    /// The rows of one side in the common space.
    pub fn embed(&self, side: usize, rows: &Rows) -> Result<Rows, Error> {
        let length = self.networks[side].dimension();
        let mut numbers = Vec::with_capacity(rows.count() * length);
        for part in rows.numbers.chunks(ROWS * rows.length.max(1)) {
            let value = Value::vectors(
                part.to_vec(),
                [part.len() / rows.length, rows.length],
                &self.device,
            )?;
            numbers.extend(
                self.networks[side]
                    .forward(&self.parameters[side], value, Mode::Eval)?
                    .numbers()?,
            );
        }
        Ok(Rows { length, numbers })
    }
}

/// The ranking losses with images, captions or both as anchors, added.
fn anchored(
    images: &Tensor<2>,
    captions: &Tensor<2>,
    triplets: &[Triplet],
    by_caption: &[bool],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    let mut sum = Tensor::<1>::zeros([1], &images.device());
    for &way in by_caption {
        let of = match way {
            false => image_anchored_ranking,
            true => caption_anchored_ranking,
        };
        sum = sum + of(images.clone(), captions.clone(), triplets, margin)?;
    }
    Ok(sum)
}

/// For each row another one of another group, which is the negative of both sides.
fn random_triplets(groups: &[usize], rng: &mut ChaCha8Rng) -> Vec<Triplet> {
    let mut triplets = Vec::with_capacity(groups.len());
    for anchor in 0..groups.len() {
        let others: Vec<usize> = (0..groups.len())
            .filter(|&other| groups[other] != groups[anchor])
            .collect();
        if !others.is_empty() {
            triplets.push(Triplet {
                anchor,
                positive: anchor,
                negative: others[rng.random_range(0..others.len())],
            });
        }
    }
    triplets
}
