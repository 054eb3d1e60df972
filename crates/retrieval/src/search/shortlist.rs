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

/// Looks every query descriptor up under its nearest words, with a signature relative to each
/// (multiple assignment on the query's side only, Jégou et al. 2010).
pub(crate) fn query_words(
    codebook: &Codebook,
    features: &Features,
    recipe: &SearchRecipe,
) -> Vec<QueryWord> {
    let lookup = features
        .descriptors
        .par_iter()
        .enumerate()
        .map(|(feature, descriptor)| {
            let nearest = nearest(codebook, descriptor, recipe);
            let words = nearest.into_iter().map(|(word, weight)| QueryWord {
                feature: feature as u32,
                word,
                signature: codebook.signature(descriptor, word),
                weight,
            });
            words.collect::<Vec<_>>()
        });
    lookup.collect::<Vec<_>>().concat()
}

/// The nearest words of a descriptor, and what it counts for each.
fn nearest(codebook: &Codebook, descriptor: &Descriptor, recipe: &SearchRecipe) -> Vec<(u32, f32)> {
    let count = recipe.multiple_assignment;
    match recipe.assignment {
        Assignment::Hard => {
            let mut nearest = Vec::with_capacity(count);
            codebook.assign_many(descriptor, count, &mut nearest);
            nearest.into_iter().map(|(word, _)| (word, 1.0)).collect()
        }
        Assignment::Soft => {
            let mut nearest = Vec::with_capacity(count);
            codebook.assign_soft(descriptor, count, recipe.assignment_sigma, &mut nearest);
            nearest
        }
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
