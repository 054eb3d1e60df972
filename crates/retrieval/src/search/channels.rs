//! The channels: each answers what it can of a query with a list of its own.

use std::collections::{HashMap, HashSet};

use vizsla_vectors::{Allowed, Moments, l2_normalise};

use super::asked::Asked;
use super::described::Described;
use super::fusion::{Answer, Found};
use super::lost::Lost;
use super::question::Question;
use super::searcher::Searcher;
use super::shortlist::shortlist;
use super::trace::Trace;
use crate::catalog::{Count, Owner};
use crate::space::Space;
use crate::{Channel, Collection, Error, PartSource, Query, Remedy, SearchOptions, Target};

/// Results that a channel hands to the fusion, at least.
const DEPTH: usize = 1000;
/// BM25 at which a caption's similarity is one half.
const BM25_HALF: f64 = 10.0;

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
}

impl Searcher<'_> {
    /// The channels that can answer this query, of those that the caller allows.
    ///
    /// Where the caller names no channels, one whose network or artefact is not there is left out, which a note of `trace` tells.
    pub(super) fn asked(
        &self,
        query: &Query,
        options: &SearchOptions,
        glance: bool,
        trace: &mut Trace,
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
        let weight = |channel| self.recipe().search.weight(channel) > 0.0;
        let (global, text) = (self.recipe().global.is_some(), self.recipe().text.is_some());
        let may = |channel| {
            options
                .channels
                .as_ref()
                .is_none_or(|only| only.contains(&channel))
        };
        let networks = may(Channel::Global) || may(Channel::Text);
        let mut lost = Lost::default();
        let joint = match networks && (pictures || texts) {
            true => lost.or_default(self.models().joint(self.recipe()), options)?,
            false => false,
        };
        let sought = texts || pictures && joint;
        let described = sought && self.catalog.count(Count::Captions)? > 0;
        let mut able = Asked {
            words: pictures && self.recipe().local.enabled && weight(Channel::Words),
            global: global && (pictures || vectors || texts && joint) && weight(Channel::Global),
            captions: texts && described && weight(Channel::Captions),
            text: text && described && weight(Channel::Text),
            joint,
            mirrored: options.mirrored,
            glance,
            limits: options.limits,
        };
        if options.channels.is_none() {
            self.leave_out(query, texts, &mut able, &mut lost)?;
            trace.notes.append(&mut lost.notes);
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
        let remedy = match channel {
            Channel::Words => Remedy::AskLocal,
            Channel::Global => Remedy::AskGlobal,
            Channel::Captions => Remedy::GiveCaptions,
            Channel::Text => Remedy::AskText,
        };
        let channel = channel.name();
        Error::Unable {
            what: format!("the channel `{channel}` cannot answer this query"),
            remedy: Some(remedy),
            collection: self.collection.path().to_owned(),
        }
    }

    /// Asks the channels, one after the other.
    pub(super) fn ask(&self, question: &mut Question<'_>) -> Result<Vec<Answer>, Error> {
        question.go_on()?;
        let mut answers = Vec::new();
        for channel in Channel::ALL {
            if !question.asked.has(channel) {
                continue;
            }
            let answer = match channel {
                Channel::Words => Some(self.ask_words(question)?),
                Channel::Global => self.ask_global(question)?,
                Channel::Captions => Some(self.ask_captions(question)?),
                Channel::Text => self.ask_text(question)?,
            };
            if let Some(answer) = answer {
                question.trace.stage(channel.into(), answer.found.len());
                answers.push(towards_target(answer, question));
                question.go_on()?;
            }
        }
        Ok(answers)
    }

    /// Visual words: the votes of all pictures, negative ones counted off.
    fn ask_words(&self, question: &Question<'_>) -> Result<Answer, Error> {
        let recipe = &self.recipe().search;
        let allowed = question.images(&self.snapshot);
        let mut sums: HashMap<i64, f64> = HashMap::new();
        let mut weights = 0.0;
        for part in &question.parts {
            let Some(words) = part.words() else {
                continue;
            };
            weights += part.weight.abs();
            let sight = part.sight.as_ref().map(|(sight, _)| sight);
            let (snapshot, depth) = (&self.snapshot, question.depth);
            let mut found = shortlist(snapshot, words, sight, recipe, depth, &allowed)?;
            if let Some(mirrored) = &part.mirrored {
                let (words, sight) = (mirrored.words(), Some(&mirrored.sight));
                let turned = shortlist(snapshot, words, sight, recipe, depth, &allowed)?;
                found = better(found, turned);
            }
            for (image, similarity) in found {
                *sums.entry(image).or_default() += part.weight * similarity;
            }
        }
        let scored = sums.into_iter().map(|(image, sum)| (image, sum / weights));
        let images = question.count(&self.snapshot);
        Ok(sparse(Channel::Words, scored.collect(), images))
    }

    /// The global descriptor: nearest neighbours of the weighted sum of the parts' vectors.
    fn ask_global(&self, question: &Question<'_>) -> Result<Option<Answer>, Error> {
        let space = self.snapshot.space(Owner::Image)?;
        let Some((space, query)) = space.zip(question.global.as_deref()) else {
            return Ok(None);
        };
        let allowed = question.images(&self.snapshot);
        let answer = dense(Channel::Global, space, query, question.depth, &allowed)?;
        let answer = match question.augment {
            Some(augment) => self.augmented(answer, augment, space, query, question)?,
            None => answer,
        };
        Ok(Some(match question.diffuse {
            Some(spread) => self.diffused(answer, spread, space, query, question)?,
            None => answer,
        }))
    }

    /// BM25 over captions: the best caption speaks for its image.
    fn ask_captions(&self, question: &Question<'_>) -> Result<Answer, Error> {
        let mut sums: HashMap<i64, f64> = HashMap::new();
        let mut weights = 0.0;
        for part in &question.parts {
            let Some(text) = part.text else { continue };
            weights += part.weight.abs();
            for hit in self.catalog.bm25(text, usize::MAX)? {
                let similarity = hit.score / (hit.score + BM25_HALF);
                *sums.entry(hit.caption).or_default() += part.weight * similarity;
            }
        }
        sums.retain(|&caption, _| question.described.contains(caption));
        let scored = sums
            .into_iter()
            .map(|(caption, sum)| (caption, sum / weights));
        let of = question.captions.len();
        let mut answer = sparse(Channel::Captions, scored.collect(), of);
        answer.found.truncate(question.depth * 5);
        Ok(answer)
    }

    /// The meaning of captions: nearest neighbours of the weighted sum of the parts' vectors.
    fn ask_text(&self, question: &Question<'_>) -> Result<Option<Answer>, Error> {
        let space = self.snapshot.space(Owner::Caption)?;
        let Some((space, query)) = space.zip(question.meaning.as_deref()) else {
            return Ok(None);
        };
        let captions = Allowed::Only(&question.described);
        dense(Channel::Text, space, query, question.depth * 5, &captions).map(Some)
    }
}

/// Of a picture and its mirror image, the one that each image is more similar to.
fn better(found: Vec<(i64, f64)>, mirrored: Vec<(i64, f64)>) -> Vec<(i64, f64)> {
    let mut best: HashMap<i64, f64> = found.into_iter().collect();
    for (image, similarity) in mirrored {
        let known = best.entry(image).or_default();
        *known = known.max(similarity);
    }
    best.into_iter().collect()
}

/// Turns a channel's keys into those of the target: captions speak for their image, images for their captions.
fn towards_target(mut answer: Answer, question: &Question<'_>) -> Answer {
    let of_captions = matches!(answer.channel, Channel::Captions | Channel::Text);
    match (of_captions, question.target) {
        (true, Target::Captions) => {
            for found in &mut answer.found {
                found.caption = Some(found.key);
            }
        }
        (true, Target::Images) => {
            let mut seen = HashSet::new();
            answer.found.retain_mut(|found| {
                found.caption = Some(found.key);
                found.key = question.captions.get(&found.key).copied().unwrap_or(0);
                seen.insert(found.key)
            });
        }
        (false, Target::Images) => {}
        (false, Target::Captions) => {
            let mut of_image: HashMap<i64, Vec<i64>> = HashMap::new();
            for (&caption, &image) in &question.captions {
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
    answer.found.truncate(question.depth);
    answer
}

/// The weighted sum of the vectors of parts, at length 1; `None` when nothing is left.
pub(super) fn combined<'v>(
    parts: &'v [Described<'_>],
    vector: impl Fn(&'v Described<'_>) -> Option<&'v [f32]>,
) -> Option<Vec<f32>> {
    combine(parts.iter().map(|part| (part.weight, vector(part))))
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
