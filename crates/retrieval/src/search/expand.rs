//! Query expansion: the question is widened by what it found, and asked again.
//!
//! Where geometry verified candidates only matches widen: one wrong image drags the next ones in. Where there is nothing to
//! verify (a collection by its global descriptor alone) the first results do.

use std::collections::HashMap;

use vizsla_features::Transform;
use vizsla_vectors::{similarity_weight, widened};
use vizsla_words::QueryWord;

use super::candidate::{Candidate, Ranking};
use super::described::Described;
use super::question::Question;
use super::searcher::Searcher;
use super::sight::Sight;
use super::stage::Stage;
use crate::{Channel, Error, Expansion, Scoring, StageName, Verdict, stored};

/// Widens the question by its first results.
pub(super) struct Expand {
    /// In which way.
    pub how: Expansion,
    /// Most images that widen it.
    pub images: usize,
}

impl Stage for Expand {
    fn name(&self) -> StageName {
        StageName::Expand
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        match self.how {
            Expansion::Regions => question.is_sighted(),
            _ => question.is_sighted() || question.asks_global(),
        }
    }

    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error> {
        let chosen: Vec<Candidate> = chosen(ranking, self.images).cloned().collect();
        if chosen.is_empty() {
            return Ok(0);
        }
        match self.how {
            Expansion::Regions => searcher.widen_by_regions(question, &chosen)?,
            Expansion::Average => searcher.widen_by_images(question, &chosen, 0.0)?,
            Expansion::Alpha(alpha) => searcher.widen_by_images(question, &chosen, alpha as f32)?,
            Expansion::Discriminative { negatives } => {
                let far = far(ranking, &chosen, negatives);
                if far.is_empty() {
                    return Ok(0);
                }
                searcher.ask_by_planes(question, &chosen, &far)?;
            }
        }
        searcher.ask_again(question, ranking)?;
        Ok(chosen.len())
    }
}

/// The candidates that may widen the question.
fn chosen(ranking: &Ranking, images: usize) -> impl Iterator<Item = &Candidate> {
    let verified = ranking.candidates.iter().any(|c| c.verified);
    let good = move |candidate: &&Candidate| !verified || candidate.verdict == Verdict::Match;
    ranking.candidates.iter().filter(good).take(images)
}

/// Images far down the list: the last of its second half, that are no matches and widen nothing.
fn far(ranking: &Ranking, chosen: &[Candidate], most: usize) -> Vec<i64> {
    let candidates = &ranking.candidates;
    let second = &candidates[candidates.len().div_ceil(2)..];
    let unlike = |candidate: &&Candidate| {
        let taken = chosen.iter().any(|chosen| chosen.image == candidate.image);
        candidate.verdict == Verdict::NoMatch && !taken
    };
    let mut far = Vec::new();
    for candidate in second.iter().rev().filter(unlike) {
        if far.len() == most {
            break;
        }
        if !far.contains(&candidate.image) {
            far.push(candidate.image);
        }
    }
    far
}

impl Searcher<'_> {
    /// Whole images: their vectors join the query's, their words ask beside the query's.
    fn widen_by_images(
        &self,
        question: &mut Question<'_>,
        chosen: &[Candidate],
        alpha: f32,
    ) -> Result<(), Error> {
        if let Some(query) = question.global.take() {
            let mut vectors = Vec::with_capacity(chosen.len());
            for candidate in chosen {
                if let Some(vector) = self.compared_vector(candidate.image)? {
                    vectors.push((similarity(candidate, Channel::Global), vector));
                }
            }
            let neighbours = vectors.iter().map(|(s, vector)| (*s, &vector[..]));
            question.global = Some(widened(&query, neighbours, alpha));
        }
        if question.is_sighted() {
            for candidate in chosen {
                let weight = similarity_weight(similarity(candidate, Channel::Words), alpha);
                let size = self.catalog.image_size(candidate.image)?;
                if let Some(size) = size.filter(|_| weight > 0.0) {
                    question.parts.push(Described {
                        found: true,
                        sight: Some(self.stored_sight(candidate.image, size)?),
                        widened: self.aggregated_stored(candidate.image)?,
                        ..Described::new(f64::from(weight))
                    });
                }
            }
        }
        Ok(())
    }

    /// The words of verified images that lie within the frame of the picture that they agree with join its own.
    fn widen_by_regions(
        &self,
        question: &mut Question<'_>,
        chosen: &[Candidate],
    ) -> Result<(), Error> {
        let mut joining: HashMap<usize, Vec<Vec<QueryWord>>> = HashMap::new();
        for candidate in chosen {
            let Some(agreement) = &candidate.agreement else {
                continue;
            };
            let part = question.parts.get(agreement.part);
            let Some((sight, _)) = part.and_then(|part| part.sight.as_ref()) else {
                continue;
            };
            let words =
                self.words_within(candidate.image, &Transform(agreement.transform), sight)?;
            joining.entry(agreement.part).or_default().push(words);
        }
        for (part, images) in joining {
            let part = &mut question.parts[part];
            let mut words = part.words().unwrap_or_default().to_vec();
            // The average of the query and the images.
            let share = 1.0 / (1.0 + images.len() as f32);
            let first = 1 + words.iter().map(|word| word.feature).max().unwrap_or(0);
            let joining = (first..).zip(images.into_iter().flatten());
            words.extend(joining.map(|(feature, word)| QueryWord { feature, ..word }));
            for word in &mut words {
                word.weight *= share;
            }
            part.widened = Some(words);
        }
        Ok(())
    }

    /// The words of an image whose place, mapped back by the transform from the query's picture, lies within its frame.
    pub(super) fn words_within(
        &self,
        image: i64,
        transform: &Transform,
        sight: &Sight,
    ) -> Result<Vec<QueryWord>, Error> {
        let (Some((width, height)), Some(data), Some(back)) = (
            self.catalog.image_size(image)?,
            self.catalog.features(image)?,
            transform.inverse(),
        ) else {
            return Ok(Vec::new());
        };
        let region = &sight.region;
        let inside = |feature: &stored::StoredFeature| {
            let x = f64::from(feature.x) * f64::from(width) - 0.5;
            let y = f64::from(feature.y) * f64::from(height) - 0.5;
            back.apply(x, y).is_some_and(|(x, y)| {
                (region.x..=region.x + region.width).contains(&x)
                    && (region.y..=region.y + region.height).contains(&y)
            })
        };
        let features = stored::decode(&data).unwrap_or_default();
        if self.recipe().search.scoring == Scoring::Asmk {
            // Of a part of an image there is no code: the bits of most of its features.
            let within: Vec<_> = features.into_iter().filter(inside).collect();
            return Ok(QueryWord::each(stored::aggregated(&within, &[])));
        }
        let within = features.iter().filter(|feature| inside(feature));
        Ok(within.map(|feature| feature.query_word(0)).collect())
    }
}

/// What a channel said of a candidate; 0 when it did not find it.
fn similarity(candidate: &Candidate, channel: Channel) -> f32 {
    let mut shares = candidate.shares.iter();
    shares
        .find(|share| share.channel == channel)
        .map_or(0.0, |share| share.score as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::candidate::tests::found as candidate;

    #[test]
    fn only_matches_widen_where_geometry_was_asked() {
        use Verdict::{Match, NoMatch};
        let images = |ranking: &Ranking| chosen(ranking, 2).map(|c| c.image).collect::<Vec<_>>();
        let of = |list: &[(i64, bool, Verdict)]| {
            Ranking::of(list.iter().map(|&(i, v, d)| candidate(i, v, d)).collect())
        };
        let proven = of(&[(1, true, Match), (2, true, NoMatch), (3, true, Match)]);
        assert_eq!(images(&proven), [1, 3]);
        assert!(images(&of(&[(1, true, NoMatch), (2, false, NoMatch)])).is_empty());
        let alike = of(&[
            (4, false, NoMatch),
            (5, false, NoMatch),
            (6, false, NoMatch),
        ]);
        assert_eq!(images(&alike), [4, 5]);
    }

    #[test]
    fn negatives_come_from_the_end_of_the_list_and_are_no_matches() {
        use Verdict::{Match, NoMatch};
        let list = [
            (1, NoMatch),
            (2, NoMatch),
            (3, NoMatch),
            (4, NoMatch),
            (5, Match),
            (6, NoMatch),
            (6, NoMatch),
        ];
        let of = |list: &[(i64, Verdict)]| {
            Ranking::of(list.iter().map(|&(i, d)| candidate(i, false, d)).collect())
        };
        let chosen = [candidate(1, false, NoMatch)];
        assert_eq!(far(&of(&list), &chosen, 5), [6]);
        assert_eq!(far(&of(&list[..4]), &chosen, 1), [4]);
        assert_eq!(far(&of(&list[..4]), &chosen, 5), [4, 3]);
        assert!(far(&of(&list[..1]), &chosen, 5).is_empty());
        assert!(far(&of(&[]), &chosen, 5).is_empty());
    }
}
