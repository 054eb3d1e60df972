//! Geometric verification of the shortlist, on the stored features alone.
//!
//! A feature of the query and one of the gallery image are a tentative correspondence when they share a visual
//! word and their signatures differ in few bits. One transform must then explain them; how unlikely that is
//! by chance, over all images of the collection, is the score, and a bound on it the verdict.

use std::f64::consts::LOG10_2;

use rayon::prelude::*;
use vizsla_features::{
    Correspondence, Descriptor, Frame, MatchConfig, Verification, VerifyConfig, match_descriptors,
};
use vizsla_words::QueryWord;

use super::candidate::{Candidate, Ranking};
use super::described::Described;
use super::question::Question;
use super::searcher::Searcher;
use super::sight::Sight;
use super::stage::Stage;
use crate::agreement::{
    Figures, Seen, agreement, compare, covers_enough, figures, is_proven, unmirrored, verdict,
};
use crate::stored::{self, StoredFeature};
use crate::{
    Agreement, Error, Region, Reporter, SearchRecipe, StageName, Verdict, ground, trailer,
};

/// The first candidates are verified, those that were before left out.
pub(super) struct Verify {
    /// How many; `None` = as many as the recipe or the caller says.
    pub images: Option<usize>,
}

impl Stage for Verify {
    fn name(&self) -> StageName {
        StageName::Verify
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        question.is_sighted()
    }

    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error> {
        let images = self.images.unwrap_or(question.shortlist);
        let (head, tail) = {
            let at = images.min(ranking.candidates.len());
            ranking.candidates.split_at_mut(at)
        };
        // What was verified before is not again, but speaks with the others.
        let before = tail.iter_mut().filter(|candidate| candidate.verified);
        let mut all: Vec<&mut Candidate> = head.iter_mut().chain(before).collect();
        searcher.verify(&question.parts, &mut all, question.reporter)?;
        Ok(ranking.matches())
    }
}

/// What the catalog has of an image for verification.
struct Kept {
    /// Upright full-resolution size.
    size: (u32, u32),
    /// Its features, as they are stored.
    data: Vec<u8>,
}

impl Searcher<'_> {
    /// Verifies those of the candidates that are not yet against every picture that is looked for, where the best agreement counts, and
    /// gives all of them their verdicts.
    pub(super) fn verify(
        &self,
        parts: &[Described<'_>],
        candidates: &mut [&mut Candidate],
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let fresh = candidates
            .iter_mut()
            .filter(|candidate| !candidate.verified);
        let mut fresh: Vec<&mut Candidate> = fresh.map(|candidate| &mut **candidate).collect();
        self.find_agreements(parts, &mut fresh, reporter)?;
        settle(candidates, &self.recipe().search);
        Ok(())
    }

    fn find_agreements(
        &self,
        parts: &[Described<'_>],
        candidates: &mut [&mut Candidate],
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let load = |candidate: &mut &mut Candidate| {
            let size = self.catalog.image_size(candidate.image)?;
            candidate.verified = true;
            candidate.size = size.map_or([0; 2], <[u32; 2]>::from);
            let data = self.catalog.features(candidate.image)?;
            Ok(size.zip(data).map(|(size, data)| Kept { size, data }))
        };
        let kept = candidates.iter_mut().map(load);
        let kept: Vec<Option<Kept>> = kept.collect::<Result<_, Error>>()?;
        for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.proves()) {
            let recipe = self.recipe();
            let (side, images) = (recipe.pixels.max_side, self.snapshot.images);
            let verify =
                |sight: &Sight, words: &[QueryWord], candidates: &mut [&mut Candidate], turned| {
                    let verifier = Verifier {
                        mirrored: turned,
                        log10_ways: if part.mirrored.is_some() {
                            LOG10_2
                        } else {
                            0.0
                        },
                        ..Verifier::new(at, sight, words, &recipe.search, side, images)
                    };
                    verifier.verify_all(candidates, &kept, reporter);
                };
            if let Some((sight, words)) = &part.sight {
                verify(sight, words, candidates, false);
            }
            if let Some(mirrored) = &part.mirrored {
                verify(&mirrored.sight, &mirrored.own, candidates, true);
            }
        }
        Ok(())
    }
}

/// What is the same for all candidates of a query.
struct Verifier<'a> {
    /// The part of the query that the picture is.
    part: usize,
    sight: &'a Sight,
    seen: Seen,
    /// The query's words, with the part of their signatures that is stored.
    words: ByWord,
    recipe: &'a SearchRecipe,
    max_side: f64,
    log10_images: f64,
    /// Whether this is the mirror image of what is looked for.
    mirrored: bool,
    /// Decimal logarithm of the number of ways in which the part is looked for.
    log10_ways: f64,
}

/// A gallery image in the frame of its analysis.
struct Gallery<'a> {
    features: Vec<StoredFeature>,
    /// Analysed size.
    size: (f64, f64),
    /// Full-resolution pixels for each analysed pixel.
    zoom: f64,
    /// The descriptors of the features, where they are kept.
    descriptors: Vec<Descriptor>,
    /// What it looks like, as it is kept.
    little: Option<&'a [u8]>,
}

impl Gallery<'_> {
    fn seen(&self) -> Seen {
        let places = self.features.iter();
        let places = places.map(|feature| [f64::from(feature.x), f64::from(feature.y)]);
        Seen {
            region: Region {
                x: 0.0,
                y: 0.0,
                width: self.size.0 * self.zoom,
                height: self.size.1 * self.zoom,
            },
            size: self.size,
            zoom: self.zoom,
            places: places.collect(),
        }
    }
}

impl<'a> Verifier<'a> {
    fn new(
        part: usize,
        sight: &'a Sight,
        words: &[QueryWord],
        recipe: &'a SearchRecipe,
        max_side: u32,
        images: u64,
    ) -> Self {
        Self {
            part,
            seen: Seen::of(&sight.features, sight.region, sight.zoom),
            sight,
            words: ByWord::of(words),
            recipe,
            max_side: f64::from(max_side),
            log10_images: (images.max(1) as f64).log10(),
            mirrored: false,
            log10_ways: 0.0,
        }
    }

    /// Verifies every candidate; `kept` is what the catalog has of each, in the same order.
    fn verify_all(
        &self,
        candidates: &mut [&mut Candidate],
        kept: &[Option<Kept>],
        reporter: &dyn Reporter,
    ) {
        candidates
            .par_iter_mut()
            .zip(kept)
            .with_max_len(4)
            .for_each(|(candidate, kept)| {
                if reporter.cancelled() {
                    return;
                }
                let found = kept
                    .as_ref()
                    .and_then(|kept| self.verify(&self.gallery(kept)?));
                if let Some(agreement) = found {
                    self.take(candidate, agreement);
                }
            });
    }

    fn gallery<'k>(&self, kept: &'k Kept) -> Option<Gallery<'k>> {
        let (width, height) = kept.size;
        let zoom = (f64::from(width.max(height)) / self.max_side).max(1.0);
        Some(Gallery {
            features: stored::decode(&kept.data)?,
            size: (f64::from(width) / zoom, f64::from(height) / zoom),
            zoom,
            descriptors: trailer::descriptors(&kept.data).unwrap_or_default(),
            little: trailer::little(&kept.data),
        })
    }

    /// Of several pictures in a query the one that agrees best speaks.
    fn take(&self, candidate: &mut Candidate, agreement: Agreement) {
        let known = candidate.agreement.as_ref();
        if known.is_none_or(|best| best.log10_nfa > agreement.log10_nfa) {
            candidate.agreement = Some(agreement);
        }
    }

    fn verify(&self, gallery: &Gallery<'_>) -> Option<Agreement> {
        let by_words = self.found(&self.tentative(&gallery.features), gallery);
        let (correspondences, found) = match self.precise(gallery) {
            None => by_words?,
            Some(pairs) => {
                let both = [by_words, self.found(&pairs, gallery)]
                    .into_iter()
                    .flatten();
                let mut best = both.min_by(|(_, a), (_, b)| a.log10_nfa.total_cmp(&b.log10_nfa))?;
                // Two sets of pairs were tried.
                best.1.log10_nfa += LOG10_2;
                best
            }
        };
        let mut shown = agreement(&correspondences, &found, &self.seen, &gallery.seen());
        shown.part = self.part;
        shown.log10_nfa += self.log10_images + self.log10_ways;
        if is_proven(&shown, self.recipe)
            && let Some(source) = self.sight.ground()
            && let Some(little) = gallery.little.and_then(ground::little)
        {
            let size = (gallery.size.0 * gallery.zoom, gallery.size.1 * gallery.zoom);
            compare(&mut shown, source, &self.seen.region, &little, size);
        }
        Some(match self.mirrored {
            true => unmirrored(shown, &self.seen.region),
            false => shown,
        })
    }

    /// The transform that most of these pairs agree on.
    fn found(
        &self,
        pairs: &[Pair],
        gallery: &Gallery<'_>,
    ) -> Option<(Vec<Correspondence>, Verification)> {
        let correspondences = pairs.iter().map(|pair| self.correspondence(pair, gallery));
        let correspondences: Vec<Correspondence> = correspondences.collect();
        let config = VerifyConfig::default();
        let (from, to) = (self.seen.size, gallery.size);
        let found = vizsla_features::verify(&correspondences, from, to, &config)?;
        Some((correspondences, found))
    }

    /// The features that are each other's nearest and distinct, among all of both; `None` where descriptors are not kept.
    fn precise(&self, gallery: &Gallery<'_>) -> Option<Vec<Pair>> {
        let (query, kept) = (&self.sight.features.descriptors, &gallery.descriptors);
        if query.is_empty() || kept.is_empty() || kept.len() != gallery.features.len() {
            return None;
        }
        let matches = match_descriptors(query, kept, &MatchConfig::default());
        let pair = |pair: &vizsla_features::Match| {
            Some(Pair {
                query: pair.a,
                distance: 0,
                gallery: *gallery.features.get(pair.b as usize)?,
            })
        };
        Some(matches.iter().filter_map(pair).collect())
    }

    /// For each query feature the gallery feature with the closest signature under a shared word.
    fn tentative(&self, gallery: &[StoredFeature]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for group in gallery.chunk_by(|a, b| a.word == b.word) {
            for query in self.words.of_number(group[0].word) {
                for feature in group {
                    let distance = query.signature.distance(feature.signature);
                    if distance <= self.recipe.verify_hamming {
                        pairs.push(Pair {
                            query: query.feature,
                            distance,
                            gallery: *feature,
                        });
                    }
                }
            }
        }
        pairs.sort_by(|a, b| a.query.cmp(&b.query).then(a.distance.cmp(&b.distance)));
        pairs.dedup_by_key(|pair| pair.query);
        pairs
    }

    fn correspondence(&self, pair: &Pair, gallery: &Gallery<'_>) -> Correspondence {
        let keypoint = &self.sight.features.keypoints[pair.query as usize];
        let feature = &pair.gallery;
        Correspondence {
            from: keypoint.frame(),
            to: Frame {
                x: f64::from(feature.x) * gallery.size.0 - 0.5,
                y: f64::from(feature.y) * gallery.size.1 - 0.5,
                scale: f64::from(feature.scale) / gallery.zoom,
                angle: f64::from(feature.angle),
                shape: feature.shape,
            },
            weight: 1.0 - f64::from(pair.distance) / 48.0,
        }
    }
}

/// Share by which the similarity of what is not proven counts more, for each decade that its number of false alarms lies below that of
/// [`HOPELESS`].
const LIFT: f64 = 0.03;
/// log10 of a number of false alarms from which on an agreement says nothing.
const HOPELESS: f64 = 4.0;

/// Gives all candidates their verdicts: each by its own agreement, and beside the others that agree with the same place of the same picture.
fn settle(candidates: &mut [&mut Candidate], recipe: &SearchRecipe) {
    let proven = |candidate: &Candidate| {
        let agreement = candidate.agreement.as_ref();
        let agreement = agreement.filter(|agreement| is_proven(agreement, recipe))?;
        Some((agreement.part, candidate.image, figures(agreement)?))
    };
    let known: Vec<Option<(usize, i64, Figures)>> = candidates.iter().map(|c| proven(c)).collect();
    for (at, candidate) in candidates.iter_mut().enumerate() {
        let Some(agreement) = candidate.agreement.as_mut() else {
            continue;
        };
        agreement.sameness = None;
        agreement.rival = None;
        if let Some((part, _, own)) = &known[at] {
            let others = known.iter().enumerate().filter(|(other, _)| *other != at);
            let others = others.filter_map(|(_, known)| known.as_ref());
            let others = others.filter(|(of, ..)| of == part);
            let probability = own.probability(others.clone().map(|(.., figures)| figures));
            agreement.sameness = Some(probability);
            let least = recipe.verdict_sameness;
            if probability < least && own.alone() >= least {
                let ahead = others.filter(|(.., other)| own.is_behind(other));
                let best = ahead.max_by(|(.., a), (.., b)| a.agreeing().total_cmp(&b.agreeing()));
                agreement.rival = best.map(|(_, image, _)| *image);
            }
        }
        let evidence = -agreement.log10_nfa;
        candidate.verdict = verdict(agreement, recipe);
        candidate.evidence = match agreement.sameness {
            Some(probability) => Some(evidence * probability),
            // Evidence too weak for a verdict still says more than words alone.
            None => covers_enough(agreement, recipe).then_some(evidence),
        };
        candidate.lift = match candidate.verdict {
            Verdict::NoMatch => LIFT * (evidence + HOPELESS).max(0.0),
            Verdict::Match | Verdict::Part => 0.0,
        };
    }
}

/// Words of a query, found by their numbers: those whose numbers end in the same bits lie together, however many words a codebook has.
struct ByWord {
    words: Vec<QueryWord>,
    /// Where the words of each ending begin, and where the last end.
    starts: Vec<u32>,
}

impl ByWord {
    /// In the order given where the number is the same; a signature is the part of it that is stored.
    fn of(given: &[QueryWord]) -> Self {
        let endings = given.len().next_power_of_two();
        let mut starts = vec![0u32; endings + 1];
        let ending = |word: &QueryWord| word.word as usize & (endings - 1);
        for word in given {
            starts[ending(word) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut words = given.to_vec();
        for word in given {
            let place = &mut next[ending(word)];
            words[*place as usize] = QueryWord {
                signature: stored::kept(word.signature),
                ..*word
            };
            *place += 1;
        }
        for ends in starts.windows(2) {
            words[ends[0] as usize..ends[1] as usize].sort_by_key(|word| word.word);
        }
        Self { words, starts }
    }

    fn of_number(&self, word: u32) -> &[QueryWord] {
        let at = word as usize & (self.starts.len() - 2);
        let same = &self.words[self.starts[at] as usize..self.starts[at + 1] as usize];
        let from = same.iter().position(|here| here.word == word);
        let same = from.map_or(&[][..], |from| &same[from..]);
        let to = same.iter().position(|here| here.word != word);
        &same[..to.unwrap_or(same.len())]
    }
}

/// A tentative correspondence.
struct Pair {
    query: u32,
    distance: u32,
    gallery: StoredFeature,
}

#[cfg(test)]
mod tests {
    use vizsla_words::Signature;

    use super::*;

    #[test]
    fn words_are_found_by_their_numbers_in_the_order_given() {
        let word = |feature, word| QueryWord {
            feature,
            word,
            signature: Signature([u64::MAX; 2]),
            weight: 1.0,
        };
        let given = [(0, 7), (0, 2), (1, 7), (2, 0), (4, u32::MAX), (3, 7)];
        let given = given.map(|(feature, number)| word(feature, number));
        let known = ByWord::of(&given);
        let features = |number| -> Vec<u32> {
            known
                .of_number(number)
                .iter()
                .map(|word| word.feature)
                .collect()
        };
        assert_eq!(features(7), [0, 1, 3]);
        assert_eq!((features(0), features(2)), (vec![2], vec![0]));
        // It ends in the same bits as 7.
        assert_eq!(features(u32::MAX), [4]);
        assert!([1, 3, 8, 15].iter().all(|&n| features(n).is_empty()));
        let kept = known.of_number(7)[0].signature;
        assert_eq!(kept, stored::kept(Signature([u64::MAX; 2])));
        assert!(ByWord::of(&[]).of_number(0).is_empty());
    }
}
