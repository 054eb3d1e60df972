//! Open-set figures: what the searcher *claims*, not how it ranks.
//!
//! A searcher calls some of the images it returns a match. For a query:
//!
//! * a true positive is an image called a match that is relevant,
//! * a false positive is an image called a match that is not relevant,
//! * a false negative is a relevant image that was not called a match, whether returned or not;
//! * junk counts as nothing, and an image is counted once.
//!
//! *Pooled* precision, recall and F1 add these up over all queries first; the *per-query* F1 is averaged
//! afterwards, where a query that nothing matches scores 1 for an empty claim and 0 for any other. Beside the
//! images there is the query itself: a *known* query has something relevant in the gallery, an *unknown* one has
//! not, and the searcher decides between them by claiming something or nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::protocol::Judgement;
use crate::ranked::Ranked;

/// Counts of one query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryVerdict {
    /// Relevant images called a match.
    pub true_positives: usize,
    /// Irrelevant images called a match.
    pub false_positives: usize,
    /// Relevant images not called a match.
    pub false_negatives: usize,
}

impl QueryVerdict {
    /// Counts the claims in a returned list.
    pub fn of(ranked: &[Ranked], judgement: &Judgement) -> Self {
        let claimed: BTreeSet<usize> = ranked
            .iter()
            .filter(|r| r.matched && !judgement.is_junk(r.gallery))
            .map(|r| r.gallery)
            .collect();
        let right = claimed
            .iter()
            .filter(|&&image| judgement.is_positive(image))
            .count();
        Self {
            true_positives: right,
            false_positives: claimed.len() - right,
            false_negatives: judgement.positives() - right,
        }
    }

    /// Whether something in the gallery matches.
    pub fn is_known(&self) -> bool {
        self.true_positives + self.false_negatives > 0
    }

    /// Whether the searcher claimed any (non-junk) match.
    pub fn is_answered(&self) -> bool {
        self.true_positives + self.false_positives > 0
    }

    /// F1 of this query, 0..=1; 1 when nothing matches and nothing was claimed.
    pub fn f1(&self) -> f64 {
        let wrong = self.false_positives + self.false_negatives;
        if self.true_positives + wrong == 0 {
            return 1.0;
        }
        2.0 * self.true_positives as f64 / (2 * self.true_positives + wrong) as f64
    }
}

/// Figures over many queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OpenSet {
    /// Share of the claimed matches that are right; `None` when nothing was claimed.
    pub precision: Option<f64>,
    /// Share of the relevant images that were claimed; `None` when no image is relevant.
    pub recall: Option<f64>,
    /// Harmonic mean from the pooled counts; 1 when there was nothing to claim and nothing was.
    pub f1: f64,
    /// Mean of the F1 of every query.
    pub f1_per_query: f64,
    /// Share of the known queries for which anything was claimed; `None` without such queries.
    pub known_answered: Option<f64>,
    /// Share of the unknown queries for which nothing was claimed; `None` without such queries.
    pub unknown_rejected: Option<f64>,
}

impl OpenSet {
    /// Figures of some queries; `None` without queries.
    pub fn of(queries: &[QueryVerdict]) -> Option<Self> {
        if queries.is_empty() {
            return None;
        }
        let pooled = queries
            .iter()
            .fold(QueryVerdict::default(), |sum, q| QueryVerdict {
                true_positives: sum.true_positives + q.true_positives,
                false_positives: sum.false_positives + q.false_positives,
                false_negatives: sum.false_negatives + q.false_negatives,
            });
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        let known = queries.iter().filter(|q| q.is_known()).count();
        let answered = queries
            .iter()
            .filter(|q| q.is_known() && q.is_answered())
            .count();
        let rejected = queries
            .iter()
            .filter(|q| !q.is_known() && !q.is_answered())
            .count();
        Some(Self {
            precision: share(
                pooled.true_positives,
                pooled.true_positives + pooled.false_positives,
            ),
            recall: share(
                pooled.true_positives,
                pooled.true_positives + pooled.false_negatives,
            ),
            f1: pooled.f1(),
            f1_per_query: queries.iter().map(QueryVerdict::f1).sum::<f64>() / queries.len() as f64,
            known_answered: share(answered, known),
            unknown_rejected: share(rejected, queries.len() - known),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(images: &[(usize, bool)]) -> Vec<Ranked> {
        images
            .iter()
            .map(|&(gallery, matched)| Ranked {
                gallery,
                score: 1.0,
                matched,
                log10_nfa: None,
            })
            .collect()
    }

    #[test]
    fn counts_follow_the_definition() {
        // relevant 1 and 2, junk 3; claims 1 twice, 3 and 4; returns 2 without claiming it
        let judgement = Judgement::new([1, 2], [3]);
        let ranked = claims(&[(1, true), (1, true), (3, true), (4, true), (2, false)]);
        let verdict = QueryVerdict::of(&ranked, &judgement);
        assert_eq!(
            verdict,
            QueryVerdict {
                true_positives: 1,
                false_positives: 1,
                false_negatives: 1
            }
        );
        assert_eq!(verdict.f1(), 0.5);
    }

    #[test]
    fn an_empty_claim_is_right_when_nothing_matches() {
        let nothing = Judgement::default();
        assert_eq!(QueryVerdict::of(&claims(&[(1, false)]), &nothing).f1(), 1.0);
        assert_eq!(QueryVerdict::of(&claims(&[(1, true)]), &nothing).f1(), 0.0);
        // claiming only junk is claiming nothing
        let junk = Judgement::new([], [1]);
        assert!(!QueryVerdict::of(&claims(&[(1, true)]), &junk).is_answered());
    }

    #[test]
    fn pooled_and_per_query_differ() {
        let q = |t, f, n| QueryVerdict {
            true_positives: t,
            false_positives: f,
            false_negatives: n,
        };
        // two known (one answered right twice, one missed), two unknown (one rejected, one not)
        let open = OpenSet::of(&[q(2, 0, 0), q(0, 0, 1), q(0, 0, 0), q(0, 1, 0)]).expect("queries");
        assert_eq!(open.precision, Some(2.0 / 3.0));
        assert_eq!(open.recall, Some(2.0 / 3.0));
        assert!((open.f1 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(open.f1_per_query, 0.5);
        assert_eq!(open.known_answered, Some(0.5));
        assert_eq!(open.unknown_rejected, Some(0.5));
        assert_eq!(OpenSet::of(&[]), None);
    }
}
