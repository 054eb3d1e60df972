//! Scores the images of segments against the words of a query.
//!
//! A query feature votes for the images that contain its word with a signature at most
//! [`ScoringConfig::hamming_threshold`] bits away. A vote is worth a Gaussian of the Hamming distance
//! times the squared inverse document frequency of the word (Jégou, Douze & Schmid, "Improving
//! bag-of-features for large scale image search", IJCV 2010). Features that repeat would drown
//! the rest, so a query feature counts only its best posting in an image, and its votes are divided by
//! the root of their sum over all images (intra- and inter-image burstiness, Jégou, Douze & Schmid,
//! CVPR 2009). The sum is divided by the length of the image's histogram.

use vizsla_vectors::{Allowed, TopK};

use crate::scan::near_signatures;
use crate::segment::{List, Segment};
use crate::{Error, Signature};

/// A feature of the query under one of its words. With multiple assignment a feature has several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryWord {
    /// Number of the feature in the query; all its words carry the same number.
    pub feature: u32,
    /// The word.
    pub word: u32,
    /// Signature of the feature at this word.
    pub signature: Signature,
    /// Weight of its votes, 1 as a rule.
    pub weight: f32,
}

/// What is done against repeated features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burstiness {
    /// Every near posting votes.
    Ignore,
    /// A query feature votes once per image, with its best posting.
    Intra,
    /// The same, and the votes of a query feature are divided by the root of their sum.
    IntraAndInter,
}

/// What the sum of votes of an image is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalisation {
    /// Nothing.
    None,
    /// The square root of its number of features.
    Features,
    /// The Euclidean length of its word histogram.
    Histogram,
}

/// How votes are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringConfig {
    /// Most differing bits, of 64, for a posting to get a vote.
    pub hamming_threshold: u32,
    /// Width of the Gaussian: a vote at distance *h* is worth exp(−*h*² / sigma²).
    pub hamming_sigma: f32,
    /// Whether votes are weighted by the squared inverse document frequency.
    pub idf: bool,
    /// What is done against repeated features.
    pub burstiness: Burstiness,
    /// What the sums are divided by.
    pub normalisation: Normalisation,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            hamming_threshold: 24,
            hamming_sigma: 16.0,
            idf: true,
            burstiness: Burstiness::IntraAndInter,
            normalisation: Normalisation::Features,
        }
    }
}

/// An image and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Id of the image.
    pub id: i64,
    /// Its score, above 0.
    pub score: f32,
}

/// One segment while a query runs.
struct Votes<'a> {
    segment: &'a Segment,
    /// Score of every image.
    scores: Vec<f32>,
    /// What the current feature gives to images.
    current: Vec<(u32, f32)>,
}

/// The `top` images with the highest scores, best first, equal scores by ascending id. Only images that
/// are allowed are returned; the rest are counted in document frequencies all the same. Words that
/// no image has are ignored.
///
/// # Errors
/// [`Error::UnknownWord`] when a word lies beyond a segment's codebook, [`vizsla_vectors::Error::Damaged`] when a file was
/// cut short since it was opened.
pub fn search(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
    top: usize,
) -> Result<Vec<Scored>, Error> {
    let mut query = query.to_vec();
    query.sort_by_key(|q| (q.feature, q.word));
    let images: u64 = segments.iter().map(|s| u64::from(s.image_count())).sum();
    let mut lookups = Vec::with_capacity(query.len());
    for &q in &query {
        lookups.push(Lookup::new(segments, q, images, config)?);
    }
    let mut votes: Vec<Votes> = segments.iter().map(|&s| Votes::new(s)).collect();
    let gaussian = gaussian(config);
    let mut ahead = lookups.iter().skip(AHEAD);
    for words in lookups.chunk_by(|a, b| a.feature == b.feature) {
        for lookup in words {
            if let Some(later) = ahead.next() {
                later.lists.iter().flatten().for_each(List::prefetch);
            }
            for (votes, list) in votes.iter_mut().zip(&lookup.lists) {
                if let Some(list) = list {
                    votes.cast(list, lookup, &gaussian, config);
                }
            }
        }
        settle(&mut votes, words.len() > 1, config);
    }
    let best = best_images(&votes, config, allowed, top);
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    Ok(best)
}

/// How many lists are fetched before they are read.
const AHEAD: usize = 4;

/// A query word and where it occurs.
struct Lookup<'a> {
    feature: u32,
    signature: u64,
    weight: f32,
    /// Its list in every segment.
    lists: Vec<Option<List<'a>>>,
}

impl<'a> Lookup<'a> {
    fn new(
        segments: &[&'a Segment],
        q: QueryWord,
        images: u64,
        config: &ScoringConfig,
    ) -> Result<Self, Error> {
        let mut lists = Vec::with_capacity(segments.len());
        for segment in segments {
            check_word(segment, q.word)?;
            lists.push(segment.list(q.word));
        }
        Ok(Self {
            feature: q.feature,
            signature: q.signature.0[0],
            weight: q.weight * word_weight(&lists, images, config),
            lists,
        })
    }
}

fn check_word(segment: &Segment, word: u32) -> Result<(), Error> {
    if word >= segment.words() {
        return Err(Error::UnknownWord {
            word,
            words: segment.words(),
        });
    }
    Ok(())
}

/// Worth of a vote by Hamming distance; shorter than the distances that get none.
fn gaussian(config: &ScoringConfig) -> Vec<f32> {
    (0..=config.hamming_threshold.min(64))
        .map(|h| {
            let ratio = h as f32 / config.hamming_sigma;
            (-ratio * ratio).exp()
        })
        .collect()
}

/// Squared inverse document frequency over all segments.
fn word_weight(lists: &[Option<List>], images: u64, config: &ScoringConfig) -> f32 {
    if !config.idf {
        return 1.0;
    }
    let with: u64 = lists.iter().flatten().map(|l| u64::from(l.documents)).sum();
    let idf = inverse_document_frequency(images, with);
    idf * idf
}

/// How much a word says that so many of all images have, above 0. One more than the usual ratio, so that a word that every
/// image has still counts: a collection may consist of one image.
pub fn inverse_document_frequency(images: u64, with: u64) -> f32 {
    (1.0 + images.max(1) as f32 / with.max(1) as f32).ln()
}

impl<'a> Votes<'a> {
    fn new(segment: &'a Segment) -> Self {
        Self {
            segment,
            scores: vec![0.0; segment.image_count() as usize],
            current: Vec::new(),
        }
    }

    /// Collects the votes of a word of the current feature, by ascending image.
    fn cast(&mut self, list: &List, lookup: &Lookup, gaussian: &[f32], config: &ScoringConfig) {
        let current = &mut self.current;
        let first = current.len();
        near_signatures(
            list.signatures,
            lookup.signature,
            config.hamming_threshold,
            |posting, h| {
                let (Some(image), Some(worth)) = (list.ordinal(posting), gaussian.get(h as usize))
                else {
                    return;
                };
                let vote = (image, lookup.weight * worth);
                match current[first..].last_mut() {
                    Some(last) if last.0 == image => combine(last, vote.1, config),
                    _ => current.push(vote),
                }
            },
        );
    }

    /// Brings the votes of several words for one image together.
    fn combine_words(&mut self, config: &ScoringConfig) {
        self.current.sort_by_key(|&(image, _)| image);
        self.current.dedup_by(|vote, kept| {
            let same = vote.0 == kept.0;
            if same {
                combine(kept, vote.1, config);
            }
            same
        });
    }
}

/// Joins a further vote of the same feature for the same image.
fn combine(kept: &mut (u32, f32), vote: f32, config: &ScoringConfig) {
    kept.1 = match config.burstiness {
        Burstiness::Ignore => kept.1 + vote,
        Burstiness::Intra | Burstiness::IntraAndInter => kept.1.max(vote),
    };
}

/// Adds the votes of a feature to the scores.
fn settle(votes: &mut [Votes], several_words: bool, config: &ScoringConfig) {
    if several_words {
        votes.iter_mut().for_each(|v| v.combine_words(config));
    }
    let mut factor = 1.0;
    if config.burstiness == Burstiness::IntraAndInter {
        let sum: f32 = votes.iter().flat_map(|v| &v.current).map(|v| v.1).sum();
        if sum > 0.0 {
            factor = 1.0 / sum.sqrt();
        }
    }
    for votes in votes {
        for (image, vote) in votes.current.drain(..) {
            if let Some(score) = votes.scores.get_mut(image as usize) {
                *score += vote * factor;
            }
        }
    }
}

fn best_images(
    votes: &[Votes],
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
    top: usize,
) -> Vec<Scored> {
    let mut best = TopK::new(top);
    for votes in votes {
        for (image, &score) in (0..).zip(&votes.scores) {
            if score <= 0.0 {
                continue;
            }
            let length = match config.normalisation {
                Normalisation::None => 1.0,
                Normalisation::Features => (votes.segment.feature_count(image) as f32).sqrt(),
                Normalisation::Histogram => votes.segment.norm(image),
            };
            let score = score / length.max(1.0);
            let Some(id) = votes.segment.id(image) else {
                continue;
            };
            if best.would_keep(score, id) && allowed.contains(id) {
                best.push(score, id);
            }
        }
    }
    best.into_sorted()
        .into_iter()
        .map(|(score, id)| Scored { id, score })
        .collect()
}
