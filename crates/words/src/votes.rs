//! Casting the votes of query features, whatever is then made of them.

use rayon::prelude::*;

use crate::Error;
use crate::reading::{Asked, each_near};
use crate::scan::Hit;
use crate::scoring::{Burstiness, QueryWord, ScoringConfig, inverse_document_frequency};
use crate::segment::{List, Segment};
use crate::weights::{documents, images};

/// Features whose votes are counted before the next are cast: so few that the votes stay near.
const RUN: usize = 32;
/// Postings for which it pays to wake another thread: some twenty microseconds of work.
const SHARE: usize = 32_768;

/// What becomes of the votes for the images of a segment.
pub(crate) trait Tally: Sync {
    /// What a vote carries besides its worth.
    type Mark: Copy + Send;
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
}

/// Casts the votes of all words of a query, in the current rayon pool where there are many postings. However many threads there are,
/// the votes are counted in the order of features.
pub(crate) fn cast_all<T: Tally>(
    votes: &mut [Votes<'_, T>],
    query: &[QueryWord],
    config: &ScoringConfig,
) -> Result<(), Error> {
    let mut query = query.to_vec();
    query.sort_by_key(|q| (q.feature, q.word));
    let segments: Vec<&Segment> = votes.iter().map(|votes| votes.segment).collect();
    let lists = lists_of(&segments, query.iter().map(|q| q.word))?;
    let mut lookups = lookups(&query, &lists, &segments, config);
    leave_out_beyond(&mut lookups, config.most_postings);
    let by_feature: Vec<&[Lookup]> = lookups.chunk_by(|a, b| a.feature == b.feature).collect();
    let gaussian = gaussian(config);
    let postings: usize = lookups.iter().map(Lookup::postings).sum();
    let threads = rayon::current_num_threads().min(postings / SHARE);
    if threads > 1 {
        let tallies: &[Votes<'_, T>] = votes;
        let part = by_feature.len().div_ceil(4 * threads).max(1);
        let parts = by_feature.par_chunks(part).map(|features| {
            let mut ballot = Ballot::new(tallies.len());
            ballot.cast(features, tallies, &gaussian, config);
            ballot
        });
        let parts: Vec<Ballot<T::Mark>> = parts.collect();
        parts.into_iter().for_each(|mut ballot| ballot.count(votes));
        return Ok(());
    }
    let mut ballot = Ballot::new(votes.len());
    for features in by_feature.chunks(RUN) {
        ballot.cast(features, votes, &gaussian, config);
        ballot.count(votes);
    }
    Ok(())
}

/// A query word and where it occurs.
struct Lookup<'a> {
    feature: u32,
    signature: u64,
    weight: f32,
    /// Its list in every segment.
    lists: &'a [Option<List<'a>>],
}

impl Lookup<'_> {
    /// What is read for it.
    fn postings(&self) -> usize {
        self.lists.iter().flatten().map(List::len).sum()
    }
}

/// Leaves out the words of the most images where all have more than `most` postings; the rarest stays in any case.
fn leave_out_beyond(lookups: &mut Vec<Lookup<'_>>, most: usize) {
    let all: usize = lookups.iter().map(Lookup::postings).sum();
    if all <= most {
        return;
    }
    let mut order: Vec<usize> = (0..lookups.len()).collect();
    order.sort_by_key(|&at| (documents(lookups[at].lists), at));
    let mut read = 0;
    let mut kept = vec![false; lookups.len()];
    for at in order {
        read += lookups[at].postings();
        kept[at] = read <= most || read == lookups[at].postings();
    }
    let mut kept = kept.into_iter();
    lookups.retain(|_| kept.next().unwrap_or_default());
}

fn lookups<'a>(
    query: &[QueryWord],
    lists: &'a [Option<List<'a>>],
    segments: &[&Segment],
    config: &ScoringConfig,
) -> Vec<Lookup<'a>> {
    let images = images(segments);
    let lists = lists.chunks(segments.len().max(1));
    let lookups = query.iter().zip(lists).map(|(q, lists)| Lookup {
        feature: q.feature,
        signature: q.signature.0[0],
        weight: q.weight * word_weight(lists, images, config),
        lists,
    });
    lookups.collect()
}

/// The lists of words, those of a word in every segment side by side.
///
/// # Errors
/// [`Error::UnknownWord`].
pub(crate) fn lists_of<'a>(
    segments: &[&'a Segment],
    words: impl Iterator<Item = u32> + Clone,
) -> Result<Vec<Option<List<'a>>>, Error> {
    for word in words.clone() {
        for segment in segments {
            check_word(segment, word)?;
            segment.prefetch_entry(word);
        }
    }
    let lists = words.flat_map(|word| segments.iter().map(move |segment| segment.list(word)));
    Ok(lists.collect())
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

/// A vote: image, worth, what it carries.
type Vote<M> = (u32, f32, M);

/// Votes that are cast and not yet counted.
struct Ballot<M> {
    /// By segment, in the order of features.
    votes: Vec<Vec<Vote<M>>>,
    /// Where those of the current feature begin, by segment.
    current: Vec<usize>,
}

impl<M: Copy> Ballot<M> {
    fn new(segments: usize) -> Self {
        Self {
            votes: (0..segments).map(|_| Vec::new()).collect(),
            current: vec![0; segments],
        }
    }

    /// Casts the votes of features, each a few words.
    fn cast<T: Tally<Mark = M>>(
        &mut self,
        features: &[&[Lookup<'_>]],
        tallies: &[Votes<'_, T>],
        gaussian: &[f32],
        config: &ScoringConfig,
    ) {
        let mut lists: Vec<Asked<'_>> = Vec::new();
        // What each list is asked for: the feature by its place, the word, the segment.
        let mut for_whom: Vec<(usize, &Lookup<'_>, usize)> = Vec::new();
        for (at, words) in features.iter().enumerate() {
            for lookup in *words {
                for (segment, list) in lookup.lists.iter().enumerate() {
                    if let Some(list) = list {
                        lists.push((list, lookup.signature));
                        for_whom.push((at, lookup, segment));
                    }
                }
            }
        }
        let several_words = |at: usize| features.get(at).is_some_and(|words| words.len() > 1);
        let mut feature = 0;
        each_near(&lists, config.hamming_threshold, &mut |number, hits| {
            let (Some(&(list, _)), Some(&(at, lookup, segment))) =
                (lists.get(number), for_whom.get(number))
            else {
                return;
            };
            if at != feature {
                self.settle::<T>(several_words(feature), config);
                feature = at;
            }
            let worths = (lookup.weight, gaussian);
            if let (Some(votes), Some(tally)) = (self.votes.get_mut(segment), tallies.get(segment))
            {
                let mark = |posting| tally.tally.mark(lookup.feature, list, posting);
                collect::<T>(votes, list, hits, worths, mark, config);
            }
        });
        self.settle::<T>(several_words(feature), config);
    }

    /// Ends the current feature: its votes for one image come together, and are divided by the root of the sum of all of them.
    fn settle<T: Tally>(&mut self, several_words: bool, config: &ScoringConfig) {
        let current = self.votes.iter_mut().zip(&self.current);
        if several_words && joins::<T>(config) {
            current.for_each(|(votes, &first)| combine_words(votes, first, config));
        }
        if config.burstiness == Burstiness::IntraAndInter {
            let current = self.votes.iter().zip(&self.current);
            let worths = current.flat_map(|(votes, &first)| &votes[first..]);
            let sum: f32 = worths.map(|vote| vote.1).sum();
            if sum > 0.0 {
                let factor = 1.0 / sum.sqrt();
                let current = self.votes.iter_mut().zip(&self.current);
                let votes = current.flat_map(|(votes, &first)| &mut votes[first..]);
                votes.for_each(|vote| vote.1 *= factor);
            }
        }
        for (first, votes) in self.current.iter_mut().zip(&self.votes) {
            *first = votes.len();
        }
    }

    /// Adds all votes to the scores, and is empty again.
    fn count<T: Tally<Mark = M>>(&mut self, tallies: &mut [Votes<'_, T>]) {
        for (votes, tally) in self.votes.iter_mut().zip(tallies) {
            for (image, worth, mark) in votes.drain(..) {
                tally.tally.add(image, worth, mark);
            }
        }
        self.current.fill(0);
    }
}

/// Collects the votes for the near postings of a list, by ascending image.
fn collect<T: Tally>(
    votes: &mut Vec<Vote<T::Mark>>,
    list: &List,
    hits: &[Hit],
    (weight, gaussian): (f32, &[f32]),
    mark: impl Fn(usize) -> T::Mark,
    config: &ScoringConfig,
) {
    let first = votes.len();
    let join = joins::<T>(config);
    for &(posting, h) in hits {
        let posting = posting as usize;
        let (Some(image), Some(worth)) = (list.ordinal(posting), gaussian.get(h as usize)) else {
            continue;
        };
        let vote = (image, weight * worth, mark(posting));
        match votes[first..].last_mut() {
            Some(last) if last.0 == image && join => combine(last, vote, config),
            _ => votes.push(vote),
        }
    }
}

/// Brings the votes of several words for one image together.
fn combine_words<M: Copy>(votes: &mut Vec<Vote<M>>, first: usize, config: &ScoringConfig) {
    votes[first..].sort_by_key(|&(image, ..)| image);
    let mut kept = first;
    for at in first..votes.len() {
        let vote = votes[at];
        match votes[first..kept].last_mut() {
            Some(last) if last.0 == vote.0 => combine(last, vote, config),
            _ => {
                votes[kept] = vote;
                kept += 1;
            }
        }
    }
    votes.truncate(kept);
}

/// Whether the votes of a feature for an image become one.
fn joins<T: Tally>(config: &ScoringConfig) -> bool {
    !(T::APART && config.burstiness == Burstiness::Ignore)
}

/// Joins a further vote of the same feature for the same image.
fn combine<M: Copy>(kept: &mut Vote<M>, vote: Vote<M>, config: &ScoringConfig) {
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
