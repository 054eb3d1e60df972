//! The shortlist: images that share visual words with the query.

use rayon::prelude::*;
use vizsla_features::{Descriptor, Features};
use vizsla_vectors::Allowed;
use vizsla_words::{
    Codebook, Pose, QueryWord, ScoringConfig, Segment, search_aggregated, search_bag,
    search_consistent,
};

use super::sight::Sight;
use crate::snapshot::Snapshot;
use crate::{Assignment, Error, Scoring, SearchRecipe};

/// Fewest descriptors that are looked up together: fewer share too little of what they read.
const LEAST_SHARE: usize = 128;

/// Looks every query descriptor up under its nearest words, with a signature relative to each
/// (multiple assignment on the query's side only, Jégou et al. 2010).
pub(crate) fn query_words(
    codebook: &Codebook,
    features: &Features,
    recipe: &SearchRecipe,
) -> Vec<QueryWord> {
    let share = features
        .descriptors
        .len()
        .div_ceil(rayon::current_num_threads());
    let shares = features.descriptors.par_chunks(share.max(LEAST_SHARE));
    let lookup = shares.enumerate().map(|(number, descriptors)| {
        let first = number * share.max(LEAST_SHARE);
        let nearest = nearest(codebook, descriptors, recipe).into_iter();
        let of_features = (first as u32..).zip(descriptors).zip(nearest);
        let words = of_features.flat_map(|((feature, descriptor), nearest)| {
            let words = nearest.into_iter();
            words.map(move |(word, weight)| QueryWord {
                feature,
                word,
                signature: codebook.signature(descriptor, word),
                weight,
            })
        });
        words.collect::<Vec<_>>()
    });
    lookup.collect::<Vec<_>>().concat()
}

/// The nearest words of each descriptor, and what it counts for each.
fn nearest(
    codebook: &Codebook,
    descriptors: &[Descriptor],
    recipe: &SearchRecipe,
) -> Vec<Vec<(u32, f32)>> {
    let count = recipe.multiple_assignment;
    match recipe.assignment {
        Assignment::Hard => {
            let nearest = codebook.assign_many_each(descriptors, count).into_iter();
            let hard =
                |words: Vec<(u32, u32)>| words.iter().map(|&(word, _)| (word, 1.0)).collect();
            nearest.map(hard).collect()
        }
        Assignment::Soft => codebook.assign_soft_each(descriptors, count, recipe.assignment_sigma),
    }
}

/// Directions and sizes of the features of a picture, in full-resolution pixels as those of the gallery are.
pub(super) fn poses(sight: &Sight) -> Vec<Pose> {
    let keypoints = sight.features.keypoints.iter();
    keypoints
        .map(|keypoint| Pose::new(keypoint.angle, keypoint.scale * sight.zoom as f32))
        .collect()
}

/// The most similar images among those allowed, each with its visual-word similarity: 0 to below 1, growing with the sum of
/// votes. The picture that words are of, if any, says where its features lie.
pub(super) fn shortlist(
    snapshot: &Snapshot,
    words: &[QueryWord],
    sight: Option<&Sight>,
    recipe: &SearchRecipe,
    size: usize,
    allowed: &Allowed<'_>,
) -> Result<Vec<(i64, f64)>, Error> {
    let segments: Vec<&Segment> = snapshot.segments()?.iter().collect();
    let config = ScoringConfig {
        hamming_threshold: recipe.hamming_threshold,
        burstiness: recipe.burstiness,
        ..ScoringConfig::default()
    };
    let scored = match recipe.scoring {
        Scoring::Hamming => vizsla_words::search(&segments, words, &config, allowed, size),
        Scoring::HammingWgc => {
            let (poses, wgc) = (sight.map(poses).unwrap_or_default(), &recipe.wgc);
            search_consistent(&segments, words, &poses, &config, wgc, allowed, size)
        }
        Scoring::Bow => {
            let norms = snapshot.norms(recipe)?;
            search_bag(&segments, words, &recipe.bow, norms, allowed, size)
        }
        Scoring::Asmk => {
            let norms = snapshot.norms(recipe)?;
            search_aggregated(&segments, words, &recipe.asmk, norms, allowed, size)
        }
    };
    let scored = scored.map_err(Error::of_index)?;
    let candidates = scored.into_iter().map(|scored| {
        let score = f64::from(scored.score);
        (scored.id, score / (1.0 + score))
    });
    Ok(candidates.collect())
}
