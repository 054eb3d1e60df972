//! The shortlist: images that share visual words with the query.

use rayon::prelude::*;
use vizsla_features::Features;
use vizsla_vectors::Allowed;
use vizsla_words::{Codebook, QueryWord, ScoringConfig, Segment};

use crate::{Error, SearchRecipe};

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
            let mut nearest = Vec::with_capacity(recipe.multiple_assignment);
            codebook.assign_many(descriptor, recipe.multiple_assignment, &mut nearest);
            let words = nearest.into_iter().map(|(word, _)| QueryWord {
                feature: feature as u32,
                word,
                signature: codebook.signature(descriptor, word),
                weight: 1.0,
            });
            words.collect::<Vec<_>>()
        });
    lookup.collect::<Vec<_>>().concat()
}

/// The most similar images among those allowed, each with its visual-word similarity: 0 to below 1, growing with the sum of
/// votes.
pub(crate) fn shortlist(
    segments: &[Segment],
    words: &[QueryWord],
    recipe: &SearchRecipe,
    size: usize,
    allowed: &Allowed<'_>,
) -> Result<Vec<(i64, f64)>, Error> {
    let segments: Vec<&Segment> = segments.iter().collect();
    let config = ScoringConfig {
        hamming_threshold: recipe.hamming_threshold,
        ..ScoringConfig::default()
    };
    let scored = vizsla_words::search(&segments, words, &config, allowed, size);
    let scored = scored.map_err(Error::of_index)?;
    let candidates = scored.into_iter().map(|scored| {
        let score = f64::from(scored.score);
        (scored.id, score / (1.0 + score))
    });
    Ok(candidates.collect())
}
