//! Casting the votes of query features, whatever is then made of them.

use vizsla_vectors::{Allowed, TopK};

use crate::Error;
use crate::scan::near_signatures;
use crate::scoring::{
    Burstiness, Normalisation, QueryWord, Scored, ScoringConfig, inverse_document_frequency,
};
use crate::segment::{List, Segment};
use crate::weights::{documents, images};

/// How many lists are fetched before they are read.
const AHEAD: usize = 4;

/// What becomes of the votes for the images of a segment.
pub(crate) trait Tally {
    /// What a vote carries besides its worth.
    type Mark: Copy;
    /// Whether votes of a feature for an image stay apart where all of them count.
    const APART: bool;

    /// What the vote of a feature for a posting carries.
    fn mark(&self, feature: u32, list: &List, posting: usize) -> Self::Mark;

    /// Counts a vote.
    fn add(&mut self, image: u32, worth: f32, mark: Self::Mark);
}

/// One segment while a query runs.
pub(crate) struct Votes<'a, T: Tally> {
    pub segment: &'a Segment,
    pub tally: T,
    /// What the current feature gives to images.
    current: Vec<(u32, f32, T::Mark)>,
}

/// Casts the votes of all words of a query.
pub(crate) fn cast_all<T: Tally>(
    votes: &mut [Votes<'_, T>],
    query: &[QueryWord],
    config: &ScoringConfig,
) -> Result<(), Error> {
    let mut query = query.to_vec();
    query.sort_by_key(|q| (q.feature, q.word));
    let segments: Vec<&Segment> = votes.iter().map(|votes| votes.segment).collect();
    let images = images(&segments);
    let mut lookups = Vec::with_capacity(query.len());
    for &q in &query {
        lookups.push(Lookup::new(&segments, q, images, config)?);
    }
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
        settle(votes, words.len() > 1, config);
    }
    Ok(())
}

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

/// Whether a word is one of a segment's codebook.
pub(crate) fn check_word(segment: &Segment, word: u32) -> Result<(), Error> {
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
    let idf = inverse_document_frequency(images, documents(lists));
    idf * idf
}

impl<'a, T: Tally> Votes<'a, T> {
    pub fn new(segment: &'a Segment, tally: T) -> Self {
        Self {
            segment,
            tally,
            current: Vec::new(),
        }
    }

    /// Collects the votes of a word of the current feature, by ascending image.
    fn cast(&mut self, list: &List, lookup: &Lookup, gaussian: &[f32], config: &ScoringConfig) {
        let (current, tally) = (&mut self.current, &self.tally);
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
                let mark = tally.mark(lookup.feature, list, posting);
                let vote = (image, lookup.weight * worth, mark);
                match current[first..].last_mut() {
                    Some(last) if last.0 == image && joins::<T>(config) => {
                        combine(last, vote, config);
                    }
                    _ => current.push(vote),
                }
            },
        );
    }

    /// Brings the votes of several words for one image together.
    fn combine_words(&mut self, config: &ScoringConfig) {
        if !joins::<T>(config) {
            return;
        }
        self.current.sort_by_key(|&(image, ..)| image);
        self.current.dedup_by(|vote, kept| {
            let same = vote.0 == kept.0;
            if same {
                combine(kept, *vote, config);
            }
            same
        });
    }
}

/// Whether the votes of a feature for an image become one.
fn joins<T: Tally>(config: &ScoringConfig) -> bool {
    !(T::APART && config.burstiness == Burstiness::Ignore)
}

/// Joins a further vote of the same feature for the same image.
fn combine<M: Copy>(kept: &mut (u32, f32, M), vote: (u32, f32, M), config: &ScoringConfig) {
    match config.burstiness {
        Burstiness::Ignore => kept.1 += vote.1,
        Burstiness::Intra | Burstiness::IntraAndInter => {
            if vote.1 > kept.1 {
                kept.2 = vote.2;
            }
            kept.1 = kept.1.max(vote.1);
        }
    }
}

/// Adds the votes of a feature to the scores.
fn settle<T: Tally>(votes: &mut [Votes<'_, T>], several_words: bool, config: &ScoringConfig) {
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
        for (image, vote, mark) in votes.current.drain(..) {
            votes.tally.add(image, vote * factor, mark);
        }
    }
}

/// The best of the images that have a score, divided by their length.
pub(crate) fn best_images<'a>(
    scores: impl Iterator<Item = (&'a Segment, &'a [f32])>,
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
    top: usize,
) -> Vec<Scored> {
    let mut best = TopK::new(top);
    for (segment, scores) in scores {
        for (image, &score) in (0..).zip(scores) {
            if score <= 0.0 {
                continue;
            }
            let length = match config.normalisation {
                Normalisation::None => 1.0,
                Normalisation::Features => (segment.feature_count(image) as f32).sqrt(),
                Normalisation::Histogram => segment.norm(image),
            };
            let score = score / length.max(1.0);
            let Some(id) = segment.id(image) else {
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
