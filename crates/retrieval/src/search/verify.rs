//! Geometric verification of the shortlist, on the stored features alone.
//!
//! A feature of the query and one of the gallery image are a tentative correspondence when they share a visual
//! word and their signatures differ in few bits. One transform must then explain them; how unlikely that is
//! by chance, over all images of the collection, is the score, and a bound on it the verdict.

use rayon::prelude::*;
use vizsla_features::{Correspondence, Frame, VerifyConfig};
use vizsla_words::QueryWord;

use super::candidate::{Candidate, Ranking};
use super::described::Described;
use super::question::Question;
use super::searcher::Searcher;
use super::sight::Sight;
use super::stage::Stage;
use crate::agreement::{Seen, agreement, covers_enough, verdict};
use crate::stored::{self, StoredFeature};
use crate::{Agreement, Error, Region, Reporter, SearchRecipe, StageName, Verdict};

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
        let head = ranking.candidates.iter_mut().take(images);
        let mut head: Vec<&mut Candidate> = head.filter(|candidate| !candidate.verified).collect();
        searcher.verify(&question.parts, &mut head, question.reporter)?;
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
    /// Verifies candidates against every picture that is looked for; the best agreement counts.
    pub(super) fn verify(
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
            let Some((sight, words)) = &part.sight else {
                continue;
            };
            let recipe = self.recipe();
            let (side, images) = (recipe.pixels.max_side, self.snapshot.images);
            let verifier = Verifier::new(at, sight, words, &recipe.search, side, images);
            verifier.verify_all(candidates, &kept, reporter);
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
    /// The query's words, sorted by word, with the part of their signatures that is stored.
    words: Vec<QueryWord>,
    recipe: &'a SearchRecipe,
    max_side: f64,
    log10_images: f64,
}

/// A gallery image in the frame of its analysis.
struct Gallery {
    features: Vec<StoredFeature>,
    /// Analysed size.
    size: (f64, f64),
    /// Full-resolution pixels for each analysed pixel.
    zoom: f64,
}

impl Gallery {
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
        let mut words = words.to_vec();
        words.sort_by_key(|word| (word.word, word.feature));
        for word in &mut words {
            word.signature = stored::kept(word.signature);
        }
        Self {
            part,
            seen: Seen::of(&sight.features, sight.region, sight.zoom),
            sight,
            words,
            recipe,
            max_side: f64::from(max_side),
            log10_images: (images.max(1) as f64).log10(),
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

    fn gallery(&self, kept: &Kept) -> Option<Gallery> {
        let (width, height) = kept.size;
        let zoom = (f64::from(width.max(height)) / self.max_side).max(1.0);
        Some(Gallery {
            features: stored::decode(&kept.data)?,
            size: (f64::from(width) / zoom, f64::from(height) / zoom),
            zoom,
        })
    }

    /// What an agreement says of a candidate. Of several pictures in a query the one that agrees best speaks.
    fn take(&self, candidate: &mut Candidate, agreement: Agreement) {
        let known = candidate.agreement.as_ref();
        if known.is_some_and(|best| best.log10_nfa <= agreement.log10_nfa) {
            return;
        }
        if covers_enough(&agreement, self.recipe) {
            // Evidence too weak for a verdict still says more than words alone.
            let evidence = -agreement.log10_nfa;
            let best = candidate.evidence.unwrap_or(f64::NEG_INFINITY);
            candidate.evidence = Some(best.max(evidence));
            if verdict(&agreement, self.recipe) == Verdict::Match {
                candidate.verdict = Verdict::Match;
            }
        }
        candidate.agreement = Some(agreement);
    }

    fn verify(&self, gallery: &Gallery) -> Option<Agreement> {
        let pairs = self.tentative(&gallery.features);
        let correspondences: Vec<Correspondence> = pairs
            .iter()
            .map(|pair| self.correspondence(pair, gallery))
            .collect();
        let config = VerifyConfig::default();
        let found =
            vizsla_features::verify(&correspondences, self.seen.size, gallery.size, &config)?;
        let shown = agreement(&correspondences, &found, &self.seen, &gallery.seen());
        Some(Agreement {
            part: self.part,
            log10_nfa: found.log10_nfa + self.log10_images,
            ..shown
        })
    }

    /// For each query feature the gallery feature with the closest signature under a shared word.
    fn tentative(&self, gallery: &[StoredFeature]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        let mut rest = &self.words[..];
        for group in gallery.chunk_by(|a, b| a.word == b.word) {
            let word = group[0].word;
            let skip = rest.partition_point(|query| query.word < word);
            rest = &rest[skip..];
            let same = rest.partition_point(|query| query.word == word);
            for query in &rest[..same] {
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

    fn correspondence(&self, pair: &Pair, gallery: &Gallery) -> Correspondence {
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

/// A tentative correspondence.
struct Pair {
    query: u32,
    distance: u32,
    gallery: StoredFeature,
}
