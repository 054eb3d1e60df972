//! The shortlist: images that share visual words with the query.

use std::cmp::Ordering;

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

/// The words of a query's descriptors, each with signatures relative to its words (multiple assignment on the query's side only,
/// Jégou et al. 2010).
pub(crate) struct QueryWords {
    /// Those that images are verified by.
    pub verified: Vec<QueryWord>,
    /// Those that images are found by, where these are others.
    pub voting: Option<Vec<QueryWord>>,
}

/// Squared distance, over that of the nearest word, up to which a word beyond those that vote is compared under.
const FARTHEST: f64 = 1.5;

/// Looks every query descriptor up under its nearest words.
pub(crate) fn query_words(
    codebook: &Codebook,
    features: &Features,
    recipe: &SearchRecipe,
) -> QueryWords {
    let descriptors = &features.descriptors;
    let (votes, verified) = (recipe.multiple_assignment, recipe.verify_assignment);
    if recipe.assignment == Assignment::Soft {
        let sigma = recipe.assignment_sigma;
        return QueryWords {
            verified: looked_up(codebook, descriptors, |descriptors| {
                near(codebook, descriptors, verified, votes)
            }),
            voting: Some(looked_up(codebook, descriptors, |descriptors| {
                codebook.assign_soft_each(descriptors, votes, sigma)
            })),
        };
    }
    let all = looked_up(codebook, descriptors, |descriptors| {
        near(codebook, descriptors, votes.max(verified), votes)
    });
    match votes.cmp(&verified) {
        Ordering::Equal => QueryWords {
            verified: all,
            voting: None,
        },
        Ordering::Less => QueryWords {
            voting: Some(nearest_of_each(&all, votes)),
            verified: all,
        },
        Ordering::Greater => QueryWords {
            verified: nearest_of_each(&all, verified),
            voting: Some(all),
        },
    }
}

/// The nearest words of each descriptor, at most `count`: the first `votes` however far they are, and others that are hardly farther than the nearest.
fn near(
    codebook: &Codebook,
    descriptors: &[Descriptor],
    count: usize,
    votes: usize,
) -> Vec<Vec<(u32, f32)>> {
    let nearest = codebook.assign_many_each(descriptors, count).into_iter();
    let near = |words: Vec<(u32, u32)>| {
        let least = words.first().map_or(0.0, |&(_, least)| f64::from(least));
        let words = words.into_iter().enumerate();
        let words = words
            .filter(|&(at, (_, distance))| at < votes || f64::from(distance) <= FARTHEST * least);
        words.map(|(_, (word, _))| (word, 1.0)).collect()
    };
    nearest.map(near).collect()
}

/// Of the words of each feature, which stand together and begin with the nearest, the first.
fn nearest_of_each(words: &[QueryWord], count: usize) -> Vec<QueryWord> {
    let features = words.chunk_by(|a, b| a.feature == b.feature);
    features
        .flat_map(|words| words.iter().take(count))
        .copied()
        .collect()
}

/// The words of all descriptors; `nearest` gives those of some, each with what it counts.
fn looked_up(
    codebook: &Codebook,
    descriptors: &[Descriptor],
    nearest: impl Fn(&[Descriptor]) -> Vec<Vec<(u32, f32)>> + Sync,
) -> Vec<QueryWord> {
    let share = descriptors.len().div_ceil(rayon::current_num_threads());
    let share = share.max(LEAST_SHARE);
    let lookup = descriptors
        .par_chunks(share)
        .enumerate()
        .map(|(number, descriptors)| {
            let first = (number * share) as u32;
            let nearest = nearest(descriptors).into_iter();
            let of_features = (first..).zip(descriptors).zip(nearest);
            let words = of_features.flat_map(|((feature, descriptor), nearest)| {
                let words: Vec<u32> = nearest.iter().map(|(word, _)| *word).collect();
                let signatures = codebook.signatures(descriptor, &words).into_iter();
                let words = nearest.into_iter().zip(signatures);
                words.map(move |((word, weight), signature)| QueryWord {
                    feature,
                    word,
                    signature,
                    weight,
                })
            });
            words.collect::<Vec<_>>()
        });
    lookup.collect::<Vec<_>>().concat()
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
        most_postings: recipe.most_postings,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of the codebook, each a little changed.
    fn features(codebook: &Codebook) -> Features {
        let words = codebook.words().iter().step_by(97).take(300);
        let changed = |word: &Descriptor| word.map(|value| value.saturating_add(9));
        Features {
            descriptors: words.map(changed).collect(),
            ..Features::default()
        }
    }

    fn looked_up_under(votes: usize, verified: usize, assignment: Assignment) -> QueryWords {
        let codebook = Codebook::builtin();
        let recipe = SearchRecipe {
            multiple_assignment: votes,
            verify_assignment: verified,
            assignment,
            ..SearchRecipe::default()
        };
        query_words(&codebook, &features(&codebook), &recipe)
    }

    #[test]
    fn more_words_verify_than_vote_and_none_is_far() {
        let all = looked_up_under(5, 24, Assignment::Hard);
        let voting = all.voting.unwrap();
        assert_eq!(voting, looked_up_under(5, 5, Assignment::Hard).verified);
        assert_eq!(voting.len(), 5 * 300);
        assert!(all.verified.len() > voting.len());
        let codebook = Codebook::builtin();
        let descriptors = features(&codebook).descriptors;
        let farther = |own: &[QueryWord]| {
            let descriptor = &descriptors[own[0].feature as usize];
            let distance = |word: &QueryWord| {
                let word = codebook.words()[word.word as usize].iter().zip(descriptor);
                word.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                    .sum::<f64>()
            };
            own[5.min(own.len())..]
                .iter()
                .all(|word| distance(word) <= FARTHEST * distance(&own[0]))
        };
        let mut features = all.verified.chunk_by(|a, b| a.feature == b.feature);
        assert!(features.all(farther));
        for word in all.verified.iter().step_by(50) {
            let descriptor = &descriptors[word.feature as usize];
            assert_eq!(word.signature, codebook.signature(descriptor, word.word));
        }
    }

    #[test]
    fn as_many_words_verify_as_the_recipe_says() {
        assert!(looked_up_under(5, 5, Assignment::Hard).voting.is_none());
        let fewer = looked_up_under(5, 2, Assignment::Hard);
        assert_eq!(
            (fewer.verified.len(), fewer.voting.map(|words| words.len())),
            (600, Some(1500))
        );
        assert_eq!(looked_up_under(5, 2, Assignment::Soft).verified.len(), 600);
        let soft = looked_up_under(3, 3, Assignment::Soft);
        let voting = soft.voting.unwrap();
        assert!(soft.verified.iter().all(|word| word.weight == 1.0));
        let shares: f32 = voting[..3].iter().map(|word| word.weight).sum();
        assert!((shares - 1.0).abs() < 1e-5 && voting.len() == 900);
    }
}
