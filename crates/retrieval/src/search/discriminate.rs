//! Discriminative query expansion (Arandjelović & Zisserman 2012): the question becomes the normal of a plane.
//!
//! On one side of it are the query and what widens it, on the other images far down the list. Vectors are asked for by the normal
//! itself. The votes of visual words are weighted by it: a word that speaks for the object counts by its weight in the plane of
//! tf-idf histograms, one that speaks against it does not vote, for a vote needs the signature of a feature of the object.

use std::collections::BTreeMap;

use vizsla_features::Transform;
use vizsla_vectors::{LinearSvm, SparseRow, SvmConfig, l2_normalise};
use vizsla_words::{QueryWord, Segment, inverse_document_frequency};

use super::candidate::Candidate;
use super::question::Question;
use super::searcher::Searcher;
use crate::{Error, stored};

impl Searcher<'_> {
    /// Learns the planes of vectors and of visual words, and lets them ask.
    pub(super) fn ask_by_planes(
        &self,
        question: &mut Question<'_>,
        chosen: &[Candidate],
        far: &[i64],
    ) -> Result<(), Error> {
        if let Some(query) = question.global.take() {
            question.global = Some(self.normal_of_vectors(query, chosen, far)?);
        }
        let sighted = |part: usize| {
            let part = &question.parts[part];
            part.proves() && part.sight.is_some()
        };
        let parts: Vec<usize> = (0..question.parts.len())
            .filter(|&at| sighted(at))
            .collect();
        if parts.is_empty() || far.is_empty() || self.collection.codebook()?.is_empty() {
            return Ok(());
        }
        let all: Vec<Vec<QueryWord>> = far
            .iter()
            .map(|&image| self.words_of(image))
            .collect::<Result<_, Error>>()?;
        let negatives: Vec<SparseRow> = self.histograms(&all)?;
        for part in parts {
            question.go_on()?;
            self.weigh_words(question, part, chosen, &negatives)?;
        }
        Ok(())
    }

    /// The normal of the plane of vectors, at length 1; the query itself where there is none.
    fn normal_of_vectors(
        &self,
        query: Vec<f32>,
        chosen: &[Candidate],
        far: &[i64],
    ) -> Result<Vec<f32>, Error> {
        let near = chosen.iter().map(|candidate| candidate.image);
        let (found, near) = self.compared_rows(near, query.len())?;
        let (unlike, far) = self.compared_rows(far.iter().copied(), query.len())?;
        if unlike.is_empty() {
            return Ok(query);
        }
        let rows = [&query[..], &near, &far].concat();
        let mut sides = vec![true; 1 + found.len()];
        sides.resize(sides.len() + unlike.len(), false);
        let plane = LinearSvm::train(&rows, query.len(), &sides, &SvmConfig::default())?;
        let mut normal = plane.weights().to_vec();
        l2_normalise(&mut normal);
        let plane = normal.iter().any(|&weight| weight != 0.0);
        Ok(if plane { normal } else { query })
    }

    /// The words of a picture and of what widens it, each by its weight in the plane.
    fn weigh_words(
        &self,
        question: &mut Question<'_>,
        part: usize,
        chosen: &[Candidate],
        negatives: &[SparseRow],
    ) -> Result<(), Error> {
        let mut positives = Vec::with_capacity(1 + chosen.len());
        positives.push(question.parts[part].words().unwrap_or_default().to_vec());
        for candidate in chosen {
            positives.extend(self.words_joining(question, part, candidate)?);
        }
        let mut rows = self.histograms(&positives)?;
        let mut sides = vec![true; rows.len()];
        rows.extend_from_slice(negatives);
        sides.resize(rows.len(), false);
        let words = self.collection.codebook()?.len();
        let plane = LinearSvm::train_sparse(&rows, words, &sides, &SvmConfig::default())?;
        let share = 1.0 / positives.len() as f32;
        let weighed = weighed(positives, plane.weights(), share);
        if !weighed.is_empty() {
            question.parts[part].widened = Some(weighed);
        }
        Ok(())
    }

    /// The words of an image that join those of a part: within the frame that it agrees with, or all where geometry was not asked.
    fn words_joining(
        &self,
        question: &Question<'_>,
        part: usize,
        candidate: &Candidate,
    ) -> Result<Option<Vec<QueryWord>>, Error> {
        let sight = question.parts[part].sight.as_ref();
        match (&candidate.agreement, sight) {
            (Some(agreement), Some((sight, _))) if agreement.part == part => {
                let transform = Transform(agreement.transform);
                self.words_within(candidate.image, &transform, sight)
                    .map(Some)
            }
            (Some(_), _) => Ok(None),
            (None, _) => self.words_of(candidate.image).map(Some),
        }
    }

    /// The words of a stored image, aggregated where images are found by such.
    fn words_of(&self, image: i64) -> Result<Vec<QueryWord>, Error> {
        if let Some(words) = self.aggregated_stored(image)? {
            return Ok(words);
        }
        let data = self.catalog.features(image)?.unwrap_or_default();
        let features = stored::decode(&data).unwrap_or_default();
        let numbered = features.iter().zip(0..);
        Ok(numbered
            .map(|(feature, number)| feature.query_word(number))
            .collect())
    }

    /// A histogram of each list of words.
    fn histograms(&self, lists: &[Vec<QueryWord>]) -> Result<Vec<SparseRow>, Error> {
        let segments = self.snapshot.segments()?;
        let images: u64 = segments.iter().map(|s| u64::from(s.image_count())).sum();
        let words = self.collection.codebook()?.len() as u32;
        let idf = |word: u32| {
            let with = |segment: &Segment| u64::from(segment.document_frequency(word));
            let with: u64 = segments.iter().map(with).sum();
            inverse_document_frequency(images, with)
        };
        Ok(lists
            .iter()
            .map(|list| histogram(list, words, &idf))
            .collect())
    }
}

/// Frequencies of words times their inverse document frequencies, at length 1. A feature with several words counts once, a share
/// for each of them.
fn histogram(list: &[QueryWord], words: u32, idf: &dyn Fn(u32) -> f32) -> SparseRow {
    let mut of_feature: BTreeMap<u32, f32> = BTreeMap::new();
    for word in list {
        *of_feature.entry(word.feature).or_default() += 1.0;
    }
    let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
    for word in list.iter().filter(|word| word.word < words) {
        *counts.entry(word.word).or_default() += 1.0 / of_feature[&word.feature];
    }
    let mut values: Vec<f32> = counts
        .iter()
        .map(|(&word, count)| count * idf(word))
        .collect();
    l2_normalise(&mut values);
    counts.into_keys().zip(values).collect()
}

/// All words of which the plane speaks well, under numbers of their own. A vote is divided by the root of those of its feature, so
/// a feature counts by the root of its weight: the weights are squared.
fn weighed(lists: Vec<Vec<QueryWord>>, weights: &[f32], share: f32) -> Vec<QueryWord> {
    let weight = |word: u32| weights.get(word as usize).copied().unwrap_or(0.0).max(0.0);
    let all = || lists.iter().flatten();
    let most = all().map(|word| weight(word.word)).fold(0.0, f32::max);
    if most <= 0.0 {
        return Vec::new();
    }
    let mut joined = Vec::new();
    let mut first = 0u32;
    for list in &lists {
        let last = list.iter().map(|word| word.feature).max().unwrap_or(0);
        joined.extend(list.iter().map(|word| QueryWord {
            feature: first.saturating_add(word.feature),
            weight: share * (weight(word.word) / most).powi(2),
            ..*word
        }));
        first = first.saturating_add(last).saturating_add(1);
    }
    joined.retain(|word| word.weight > 0.0);
    joined
}

#[cfg(test)]
mod tests {
    use vizsla_words::Signature;

    use super::*;

    fn word(feature: u32, word: u32) -> QueryWord {
        QueryWord {
            feature,
            word,
            signature: Signature::default(),
            weight: 1.0,
        }
    }

    #[test]
    fn histograms_count_a_feature_once_and_have_length_one() {
        let list = [word(0, 3), word(0, 5), word(1, 3), word(2, 99)];
        let row = histogram(&list, 10, &|word| if word == 5 { 2.0 } else { 1.0 });
        let length = (1.5f32 * 1.5 + 1.0).sqrt();
        assert_eq!(
            row.iter().map(|&(word, _)| word).collect::<Vec<_>>(),
            [3, 5]
        );
        assert!((row[0].1 - 1.5 / length).abs() < 1e-6 && (row[1].1 - 1.0 / length).abs() < 1e-6);
        assert!(histogram(&[], 10, &|_| 1.0).is_empty());
    }

    #[test]
    fn words_vote_by_their_weight_and_those_against_do_not() {
        let lists = vec![vec![word(0, 0), word(4, 1)], vec![], vec![word(0, 2)]];
        let found = weighed(lists.clone(), &[0.2, -0.5, 0.4], 0.5);
        let shown: Vec<_> = found
            .iter()
            .map(|w| (w.feature, w.word, w.weight))
            .collect();
        assert_eq!(shown, [(0, 0, 0.125), (6, 2, 0.5)]);
        assert!(weighed(lists, &[0.0, -1.0], 0.5).is_empty());
    }
}
