//! The channels: each answers what it can of a query with a list of its own.

use std::collections::{HashMap, HashSet};

use vizsla_pixels::Limits;
use vizsla_vectors::{Allowed, IdSet, Moments, l2_normalise};

use super::candidates;
use super::fusion::{Answer, Found};
use super::lost::Lost;
use super::parts::Described;
use crate::catalog::{Count, Owner};
use crate::collection::Snapshot;
use crate::spaces::Space;
use crate::{Channel, Collection, Error, PartSource, Query, SearchOptions, Target};

/// Results that a channel hands to the fusion, at least.
const DEPTH: usize = 1000;
/// BM25 at which a caption's similarity is one half.
const BM25_HALF: f64 = 10.0;

/// Which channels are asked, and within which bounds pictures are read for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub words: bool,
    pub global: bool,
    pub captions: bool,
    pub text: bool,
    /// Pictures and sentences share one space.
    pub joint: bool,
    pub limits: Limits,
}

impl Asked {
    fn set(&mut self, channel: Channel) -> &mut bool {
        match channel {
            Channel::Words => &mut self.words,
            Channel::Global => &mut self.global,
            Channel::Captions => &mut self.captions,
            Channel::Text => &mut self.text,
        }
    }
}

/// What restricts and sizes the answers.
pub(super) struct Scope<'a> {
    pub snapshot: &'a Snapshot,
    /// Images that may be answers: none that was removed, and those alone that pass the filter.
    pub images: Allowed<'a>,
    /// Caption → image, without the captions that are looked past; empty when no channel needs it.
    pub captions: &'a HashMap<i64, i64>,
    /// Those captions whose image may be an answer.
    pub described: &'a IdSet,
    pub target: Target,
    pub depth: usize,
}

impl Scope<'_> {
    /// How many images may be answers; none that was removed is among the snapshot's.
    fn count(&self) -> usize {
        let all = self.snapshot.images as usize;
        match self.images {
            Allowed::Only(_) => self.images.most_of(all),
            Allowed::All | Allowed::Except(_) => all,
        }
    }
}

pub(super) fn depth(options: &SearchOptions, shortlist: usize) -> usize {
    DEPTH
        .max(options.skip.saturating_add(options.top))
        .max(shortlist)
}

impl Collection {
    /// The channels that can answer some query, in the order of [`Channel::ALL`].
    ///
    /// # Errors
    /// The catalog cannot be read, or a model of the recipe is not there.
    pub fn channels(&self) -> Result<Vec<Channel>, Error> {
        let described = self.catalog().count(Count::Captions)? > 0;
        let recipe = &self.recipe;
        let can = |channel: &Channel| {
            let there = match channel {
                Channel::Words => recipe.local.enabled,
                Channel::Global => recipe.global.is_some(),
                Channel::Captions => described,
                Channel::Text => described && recipe.text.is_some(),
            };
            there && recipe.search.weight(*channel) > 0.0
        };
        Ok(Channel::ALL.into_iter().filter(can).collect())
    }

    /// The channels that can answer this query, of those that the caller allows.
    ///
    /// Where the caller names no channels, one whose network or artefact is not there is left out, which `notes` tell.
    pub(super) fn asked(
        &self,
        query: &Query,
        options: &SearchOptions,
        notes: &mut Vec<String>,
    ) -> Result<Asked, Error> {
        let pictures = query
            .parts
            .iter()
            .any(|part| matches!(part.what, PartSource::Image { .. } | PartSource::Stored(_)));
        let vectors = query
            .parts
            .iter()
            .any(|part| matches!(part.what, PartSource::Vector(_)));
        let texts = query
            .parts
            .iter()
            .any(|part| matches!(part.what, PartSource::Text(_)));
        let weight = |channel| self.recipe.search.weight(channel) > 0.0;
        let (global, text) = (self.recipe.global.is_some(), self.recipe.text.is_some());
        let may = |channel| {
            options
                .channels
                .as_ref()
                .is_none_or(|only| only.contains(&channel))
        };
        let networks = may(Channel::Global) || may(Channel::Text);
        let mut lost = Lost::default();
        let joint = match networks && (pictures || texts) {
            true => lost.or_default(self.models.joint(&self.recipe), options)?,
            false => false,
        };
        let sought = texts || pictures && joint;
        let described = sought && self.catalog().count(Count::Captions)? > 0;
        let mut able = Asked {
            words: pictures && self.recipe.local.enabled && weight(Channel::Words),
            global: global && (pictures || vectors || texts && joint) && weight(Channel::Global),
            captions: texts && described && weight(Channel::Captions),
            text: text && described && weight(Channel::Text),
            joint,
            limits: options.limits,
        };
        if options.channels.is_none() {
            self.leave_out(query, texts, &mut able, &mut lost)?;
            notes.append(&mut lost.notes);
        }
        if let Some(only) = &options.channels {
            for channel in Channel::ALL {
                let possible = *able.set(channel);
                if only.contains(&channel) && !possible {
                    return Err(self.unable(channel));
                }
                *able.set(channel) = possible && only.contains(&channel);
            }
        }
        if !(able.words || able.global || able.captions || able.text) {
            if let Some(error) = lost.first {
                return Err(error);
            }
            return Err(self.unable(if texts {
                Channel::Captions
            } else {
                Channel::Global
            }));
        }
        Ok(able)
    }

    /// Why a channel cannot answer, and what to do.
    fn unable(&self, channel: Channel) -> Error {
        let advice = match channel {
            Channel::Words => {
                "visual words need a picture in the query, and a collection whose recipe has [local] enabled"
            }
            Channel::Global => {
                "the global descriptor needs a picture in the query and a collection indexed with `--encoder MODEL` \
                 (or words, where image and text models share a space)"
            }
            Channel::Captions => {
                "searching by words needs captions: add them with `vizsla index --into COLLECTION --captions FILE`, \
                 or index with an image and a text model that share a space"
            }
            Channel::Text => {
                "searching by meaning needs words in the query, captions, and a collection indexed with `--text-encoder MODEL`"
            }
        };
        Error::Unable {
            what: format!(
                "the channel `{}` cannot answer this query: {advice}",
                channel.name()
            ),
            collection: self.path().to_owned(),
        }
    }

    /// Visual words: the votes of all pictures, negative ones counted off.
    pub(super) fn ask_words(
        &self,
        parts: &[Described<'_>],
        scope: &Scope<'_>,
    ) -> Result<Answer, Error> {
        let recipe = &self.recipe.search;
        let mut sums: HashMap<i64, f64> = HashMap::new();
        let mut weights = 0.0;
        for part in parts {
            let Some((_, words)) = &part.sight else {
                continue;
            };
            weights += part.weight.abs();
            let segments = scope.snapshot.segments()?;
            for found in candidates::shortlist(segments, words, recipe, scope.depth, &scope.images)?
            {
                *sums.entry(found.image).or_default() += part.weight * found.similarity;
            }
        }
        let scored = sums.into_iter().map(|(image, sum)| (image, sum / weights));
        Ok(sparse(Channel::Words, scored.collect(), scope.count()))
    }

    /// The global descriptor: nearest neighbours of the weighted sum of the parts' vectors.
    pub(super) fn ask_global(
        &self,
        parts: &[Described<'_>],
        scope: &Scope<'_>,
    ) -> Result<Option<Answer>, Error> {
        let vectors = parts
            .iter()
            .map(|part| (part.weight, part.global.as_deref()));
        let space = scope.snapshot.space(Owner::Image)?;
        let Some((space, query)) = space.zip(combine(vectors)) else {
            return Ok(None);
        };
        dense(Channel::Global, space, &query, scope.depth, &scope.images).map(Some)
    }

    /// BM25 over captions: the best caption speaks for its image.
    pub(super) fn ask_captions(
        &self,
        parts: &[Described<'_>],
        scope: &Scope<'_>,
    ) -> Result<Answer, Error> {
        let mut sums: HashMap<i64, f64> = HashMap::new();
        let mut weights = 0.0;
        for part in parts {
            let Some(text) = part.text else { continue };
            weights += part.weight.abs();
            for hit in self.catalog().bm25(text, usize::MAX)? {
                let similarity = hit.score / (hit.score + BM25_HALF);
                *sums.entry(hit.caption).or_default() += part.weight * similarity;
            }
        }
        sums.retain(|&caption, _| scope.described.contains(caption));
        let scored = sums
            .into_iter()
            .map(|(caption, sum)| (caption, sum / weights));
        let mut answer = sparse(Channel::Captions, scored.collect(), scope.captions.len());
        answer.found.truncate(scope.depth * 5);
        Ok(answer)
    }

    /// The meaning of captions: nearest neighbours of the weighted sum of the parts' vectors.
    pub(super) fn ask_text(
        &self,
        parts: &[Described<'_>],
        scope: &Scope<'_>,
    ) -> Result<Option<Answer>, Error> {
        let vectors = parts
            .iter()
            .map(|part| (part.weight, part.meaning.as_deref()));
        let space = scope.snapshot.space(Owner::Caption)?;
        let Some((space, query)) = space.zip(combine(vectors)) else {
            return Ok(None);
        };
        let captions = Allowed::Only(scope.described);
        dense(Channel::Text, space, &query, scope.depth * 5, &captions).map(Some)
    }

    /// Turns a channel's keys into those of the target: captions speak for their image, images for their captions.
    pub(super) fn towards_target(&self, mut answer: Answer, scope: &Scope<'_>) -> Answer {
        let of_captions = matches!(answer.channel, Channel::Captions | Channel::Text);
        match (of_captions, scope.target) {
            (true, Target::Captions) => {
                for found in &mut answer.found {
                    found.caption = Some(found.key);
                }
            }
            (true, Target::Images) => {
                let mut seen = HashSet::new();
                answer.found.retain_mut(|found| {
                    found.caption = Some(found.key);
                    found.key = scope.captions.get(&found.key).copied().unwrap_or(0);
                    seen.insert(found.key)
                });
            }
            (false, Target::Images) => {}
            (false, Target::Captions) => {
                let mut of_image: HashMap<i64, Vec<i64>> = HashMap::new();
                for (&caption, &image) in scope.captions {
                    of_image.entry(image).or_default().push(caption);
                }
                answer.found = answer
                    .found
                    .iter()
                    .flat_map(|found| {
                        let mut captions = of_image.remove(&found.key).unwrap_or_default();
                        captions.sort_unstable();
                        captions.into_iter().map(|caption| Found {
                            key: caption,
                            caption: Some(caption),
                            ..*found
                        })
                    })
                    .collect();
            }
        }
        answer.found.truncate(scope.depth);
        answer
    }
}

/// The weighted sum of vectors, at length 1; `None` when nothing is left.
fn combine<'v>(vectors: impl Iterator<Item = (f64, Option<&'v [f32]>)>) -> Option<Vec<f32>> {
    let mut sum: Vec<f32> = Vec::new();
    for (weight, vector) in vectors {
        let Some(vector) = vector else { continue };
        sum.resize(vector.len(), 0.0);
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += weight as f32 * value;
        }
    }
    l2_normalise(&mut sum);
    sum.iter().any(|&value| value != 0.0).then_some(sum)
}

/// An answer of a channel that scores few of the many: the rest has nothing in common with the query.
fn sparse(channel: Channel, mut scored: Vec<(i64, f64)>, of: usize) -> Answer {
    // They come in hash order; sums of floats depend on the order.
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut moments = Moments::default();
    for &(_, score) in &scored {
        moments.add(score as f32);
    }
    moments.add_zeros(of.saturating_sub(scored.len()));
    scored.retain(|&(_, score)| score > 0.0);
    let found = scored.into_iter().map(|(key, score)| Found {
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

/// An answer of a channel that scores everything.
fn dense(
    channel: Channel,
    space: &Space,
    query: &[f32],
    depth: usize,
    allowed: &Allowed<'_>,
) -> Result<Answer, Error> {
    let nearest = space.nearest(query, depth, allowed)?;
    let found: Vec<Found> = nearest
        .best
        .iter()
        .map(|&(key, score)| Found {
            key,
            score: f64::from(score),
            caption: None,
        })
        .collect();
    Ok(Answer {
        channel,
        floor: found.last().map_or(0.0, |found| found.score),
        found,
        moments: nearest.moments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_cancel_leave_nothing_to_search_by() {
        let (a, b) = ([1.0, 0.0], [0.0, 1.0]);
        let sum = combine([(1.0, Some(&a[..])), (1.0, Some(&b[..])), (3.0, None)].into_iter());
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let sum = sum.unwrap();
        assert!((sum[0] - half).abs() < 1e-6 && (sum[1] - half).abs() < 1e-6);
        assert_eq!(
            combine([(1.0, Some(&a[..])), (-1.0, Some(&a[..]))].into_iter()),
            None
        );
        assert_eq!(combine(std::iter::empty()), None);
    }

    #[test]
    fn what_only_a_negative_part_finds_is_no_answer() {
        let answer = sparse(Channel::Words, vec![(7, -0.2), (3, 0.1), (5, 0.4)], 10);
        let keys: Vec<i64> = answer.found.iter().map(|found| found.key).collect();
        assert_eq!(keys, [5, 3]);
    }
}
