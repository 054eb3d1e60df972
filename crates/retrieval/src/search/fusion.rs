//! Lists of several channels become one.

use std::collections::BTreeMap;

use vizsla_vectors::Moments;

use super::adaptive::area;
use super::candidate::Candidate;
use crate::{Channel, Fusion, SearchRecipe, Share};

/// The constant of reciprocal rank fusion, as published.
const RRF: f64 = 60.0;
/// Least factor that a channel contributes to a product: what it did not find may still be found by others.
const LEAST_FACTOR: f64 = 1e-3;

/// One result of a channel: an image, or a caption when captions are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub key: i64,
    pub score: f64,
    /// The caption that spoke for the image.
    pub caption: Option<i64>,
}

/// What a channel answered: best first, each key once.
pub(super) struct Answer {
    pub channel: Channel,
    pub found: Vec<Found>,
    /// Mean and spread of the scores over everything that could have been found.
    pub moments: Moments,
    /// Score of what was not found.
    pub floor: f64,
}

/// One list from many, best first. A single channel keeps its own scores.
pub(super) fn fuse(answers: &[Answer], fusion: Fusion, recipe: &SearchRecipe) -> Vec<Candidate> {
    let mut all: BTreeMap<i64, Candidate> = BTreeMap::new();
    for answer in answers {
        for (at, found) in answer.found.iter().enumerate() {
            let fused = all
                .entry(found.key)
                .or_insert_with(|| Candidate::new(found.key));
            fused.caption = fused.caption.or(found.caption);
            fused.shares.push(Share {
                channel: answer.channel,
                score: found.score,
                rank: at + 1,
            });
        }
    }
    let mut fused: Vec<Candidate> = all.into_values().collect();
    let exponents = match fusion {
        Fusion::Adaptive if answers.len() > 1 => exponents(answers, recipe),
        _ => Vec::new(),
    };
    for candidate in &mut fused {
        candidate.similarity = match (answers, fusion) {
            ([_], _) => candidate.shares.first().map_or(0.0, |share| share.score),
            (_, Fusion::ReciprocalRank) => reciprocal_rank(candidate, answers, recipe),
            (_, Fusion::Calibrated) => calibrated(candidate, answers, recipe),
            (_, Fusion::Adaptive) => product(candidate, answers, &exponents),
        };
    }
    fused.sort_by(|a, b| {
        b.similarity
            .total_cmp(&a.similarity)
            .then(a.key.cmp(&b.key))
    });
    fused
}

fn reciprocal_rank(candidate: &Candidate, answers: &[Answer], recipe: &SearchRecipe) -> f64 {
    let weights: f64 = answers.iter().map(|a| recipe.weight(a.channel)).sum();
    let sum: f64 = candidate
        .shares
        .iter()
        .map(|share| recipe.weight(share.channel) / (RRF + share.rank as f64))
        .sum();
    sum * (RRF + 1.0) / weights.max(f64::MIN_POSITIVE)
}

/// Stouffer's sum of standard scores, and Cantelli's bound on how rare it is.
fn calibrated(candidate: &Candidate, answers: &[Answer], recipe: &SearchRecipe) -> f64 {
    let mut sum = 0.0;
    let mut square = 0.0;
    for answer in answers {
        let weight = recipe.weight(answer.channel);
        let share = candidate
            .shares
            .iter()
            .find(|s| s.channel == answer.channel);
        let score = share.map_or(answer.floor, |share| share.score);
        let spread = answer.moments.deviation();
        if spread > 0.0 {
            sum += weight * (score - answer.moments.mean()) / spread;
        }
        square += weight * weight;
    }
    let z = sum / square.sqrt().max(f64::MIN_POSITIVE);
    // Below the mean the order is kept, at less than nothing.
    if z > 0.0 {
        z * z / (1.0 + z * z)
    } else {
        z / (1.0 - z)
    }
}

/// What each channel counts for this query: its weight in the recipe over the area under its curve, as a share of all. Lists are
/// compared at the length of the longest, with what was not found at the end.
fn exponents(answers: &[Answer], recipe: &SearchRecipe) -> Vec<f64> {
    let length = answers.iter().map(|answer| answer.found.len()).max();
    let weight = |answer: &Answer| {
        let mut scores: Vec<f64> = answer.found.iter().map(|found| found.score).collect();
        scores.resize(length.unwrap_or(0), answer.floor);
        recipe.weight(answer.channel) / area(&scores, answer.moments.count())
    };
    let weights: Vec<f64> = answers.iter().map(weight).collect();
    let all = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    weights.into_iter().map(|weight| weight / all).collect()
}

/// The product of the channels' scores, each from 0 of what was not found to 1 of the best, to the power of its exponent.
fn product(candidate: &Candidate, answers: &[Answer], exponents: &[f64]) -> f64 {
    let mut logarithm = 0.0;
    for (answer, exponent) in answers.iter().zip(exponents) {
        let mut shares = candidate.shares.iter();
        let share = shares.find(|share| share.channel == answer.channel);
        let best = answer
            .found
            .first()
            .map_or(answer.floor, |found| found.score);
        let range = best - answer.floor;
        let factor = match share {
            Some(share) if range > 0.0 => (share.score - answer.floor) / range,
            // All that was found is alike.
            Some(_) => 1.0,
            None => 0.0,
        };
        logarithm += exponent * factor.clamp(LEAST_FACTOR, 1.0).ln();
    }
    logarithm.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(channel: Channel, scores: &[(i64, f64)], of: usize) -> Answer {
        let mut moments = Moments::default();
        for &(_, score) in scores {
            moments.add(score as f32);
        }
        moments.add_zeros(of - scores.len());
        let found = scores.iter().map(|&(key, score)| Found {
            key,
            score,
            caption: None,
        });
        Answer {
            channel,
            found: found.collect(),
            moments,
            floor: 0.0,
        }
    }

    #[test]
    fn one_channel_keeps_its_scores() {
        let words = answer(Channel::Words, &[(4, 0.9), (2, 0.5)], 10);
        for fusion in Fusion::ALL {
            let fused = fuse(
                std::slice::from_ref(&words),
                fusion,
                &SearchRecipe::default(),
            );
            let got: Vec<_> = fused.iter().map(|f| (f.key, f.similarity)).collect();
            assert_eq!(got, [(4, 0.9), (2, 0.5)]);
        }
    }

    #[test]
    fn what_two_channels_find_comes_before_what_one_finds() {
        for fusion in [Fusion::Calibrated, Fusion::ReciprocalRank] {
            let fused = fuse(&[], fusion, &SearchRecipe::default());
            assert!(fused.is_empty());
            let answers = [
                answer(Channel::Words, &[(1, 0.6), (2, 0.55)], 100),
                answer(Channel::Captions, &[(3, 0.6), (2, 0.55)], 100),
            ];
            let fused = fuse(&answers, fusion, &SearchRecipe::default());
            assert_eq!(fused[0].key, 2, "{fusion:?}");
            assert_eq!(fused[0].shares.len(), 2);
            assert!(fused.iter().all(|f| (0.0..=1.0).contains(&f.similarity)));
        }
    }

    #[test]
    fn a_weight_of_zero_silences_a_channel() {
        let answers = [
            answer(Channel::Words, &[(1, 0.6)], 100),
            answer(Channel::Captions, &[(3, 0.9)], 100),
        ];
        let recipe = SearchRecipe {
            captions_weight: 0.0,
            ..SearchRecipe::default()
        };
        for fusion in Fusion::ALL {
            assert_eq!(fuse(&answers, fusion, &recipe)[0].key, 1);
        }
    }

    #[test]
    fn products_are_those_of_numpy() {
        let reference = include_str!("../../tests/reference/fusion.json");
        let reference: serde_json::Value = serde_json::from_str(reference).unwrap();
        let case = &reference["fused"];
        let list =
            |name: &str| -> Vec<(i64, f64)> { serde_json::from_value(case[name].clone()).unwrap() };
        let answers = [
            answer(Channel::Words, &list("words"), 500),
            answer(Channel::Global, &list("global"), 500),
        ];
        let recipe = SearchRecipe {
            global_weight: 0.5,
            ..SearchRecipe::default()
        };
        let fused = fuse(&answers, Fusion::Adaptive, &recipe);
        let expected = list("expected");
        assert_eq!(fused.len(), expected.len());
        for (found, (key, similarity)) in fused.iter().zip(expected) {
            assert_eq!(found.key, key);
            assert!((found.similarity - similarity).abs() < 1e-7);
        }
    }

    #[test]
    fn a_channel_of_which_one_stands_out_decides() {
        let mut sure: Vec<(i64, f64)> = (0..50).map(|at| (at, 0.2 - 0.002 * at as f64)).collect();
        sure[0].1 = 0.9;
        let vague: Vec<(i64, f64)> = (0..50)
            .rev()
            .map(|at| (at, 0.5 + 0.002 * at as f64))
            .collect();
        let answers = [
            answer(Channel::Words, &sure, 1000),
            answer(Channel::Global, &vague, 1000),
        ];
        let recipe = SearchRecipe::default();
        assert_eq!(fuse(&answers, Fusion::Adaptive, &recipe)[0].key, 0);
        let exponents = exponents(&answers, &recipe);
        assert!(exponents[0] > 3.0 * exponents[1], "{exponents:?}");
    }
}
