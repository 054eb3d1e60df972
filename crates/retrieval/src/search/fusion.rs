//! Lists of several channels become one.

use std::collections::BTreeMap;

use vizsla_vectors::Moments;

use super::candidate::Candidate;
use crate::{Channel, Fusion, SearchRecipe, Share};

/// The constant of reciprocal rank fusion, as published.
const RRF: f64 = 60.0;

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
    for candidate in &mut fused {
        candidate.similarity = match (answers, fusion) {
            ([_], _) => candidate.shares.first().map_or(0.0, |share| share.score),
            (_, Fusion::ReciprocalRank) => reciprocal_rank(candidate, answers, recipe),
            (_, Fusion::Calibrated) => calibrated(candidate, answers, recipe),
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
        for fusion in [Fusion::Calibrated, Fusion::ReciprocalRank] {
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
        for fusion in [Fusion::Calibrated, Fusion::ReciprocalRank] {
            assert_eq!(fuse(&answers, fusion, &recipe)[0].key, 1);
        }
    }
}
