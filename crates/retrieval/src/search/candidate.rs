//! A result on its way from the channels to the page.
//!
//! What a score is, once for all: the channels and their fusion give a *similarity*, at most 1 (of one channel its own).
//! Geometry gives *evidence*, −log10 of the number of false alarms, which has no upper bound, times the probability that what agrees is
//! the same object where the ground between the features is known. A candidate stands by the greater of the two. Evidence of a match (4 by default) is above every
//! similarity. What agrees too little to be proven is more likely than what agrees in nothing: its similarity counts more, by a share for
//! each decade that its number of false alarms lies below ten thousand.

use std::collections::HashMap;

use crate::{Agreement, Share, Verdict};

/// An image (or, where captions are looked for, a caption) that may be a result.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Identity of what is looked for: the image, or the caption.
    pub(crate) key: i64,
    /// Identity of the image.
    pub image: i64,
    /// Place in the list that the channels gave, from 1.
    pub rank: usize,
    /// What the channels say of it together.
    pub similarity: f64,
    /// What each channel said.
    pub shares: Vec<Share>,
    /// The caption that was found, or that spoke most for the image.
    pub caption: Option<i64>,
    /// Whether geometry was asked.
    pub verified: bool,
    /// Upright full-resolution width and height of the image, in pixels; zeros before it is verified.
    pub size: [u32; 2],
    /// What geometry found.
    pub agreement: Option<Agreement>,
    /// −log10 of the number of false alarms, times the probability of the same object; without that, where the agreement covers enough of
    /// the pictures.
    pub evidence: Option<f64>,
    /// How much more its similarity counts for an agreement that proves nothing, from 0.
    pub lift: f64,
    /// Match, part or neither.
    pub verdict: Verdict,
}

impl Candidate {
    /// One of which no channel said anything.
    pub(crate) fn new(image: i64) -> Self {
        Self {
            key: image,
            image,
            rank: 0,
            similarity: 0.0,
            shares: Vec::new(),
            caption: None,
            verified: false,
            size: [0; 2],
            agreement: None,
            evidence: None,
            lift: 0.0,
            verdict: Verdict::NoMatch,
        }
    }

    /// What it stands by: its evidence, or its similarity where that is more.
    pub fn score(&self) -> f64 {
        let similarity = self.similarity * (1.0 + self.lift);
        self.evidence
            .map_or(similarity, |evidence| similarity.max(evidence))
    }
}

/// The candidates, best first.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    pub(super) candidates: Vec<Candidate>,
}

impl Ranking {
    /// What channels found, in their order.
    pub(super) fn of(candidates: Vec<Candidate>) -> Self {
        Self { candidates }
    }

    /// The candidates, best first.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Puts matches first, parts after them, then goes by score, then by the order of the channels.
    pub(super) fn order(&mut self) {
        self.candidates.sort_by(|a, b| {
            a.verdict
                .cmp(&b.verdict)
                .then(b.score().total_cmp(&a.score()))
                .then(a.rank.cmp(&b.rank))
        });
    }

    /// Takes over what is known of candidates from an earlier ranking; matches that were not found again stay.
    pub(super) fn remember(&mut self, known: Self) {
        let mut known: HashMap<i64, Candidate> = known
            .candidates
            .into_iter()
            .filter(|candidate| candidate.verified)
            .map(|candidate| (candidate.key, candidate))
            .collect();
        for candidate in &mut self.candidates {
            if let Some(before) = known.remove(&candidate.key) {
                candidate.verified = true;
                candidate.agreement = before.agreement;
                candidate.evidence = before.evidence;
                candidate.lift = before.lift;
                candidate.verdict = before.verdict;
            }
        }
        let lost = known.into_values();
        self.candidates
            .extend(lost.filter(|candidate| candidate.verdict == Verdict::Match));
    }

    /// How many are matches.
    pub fn matches(&self) -> usize {
        let matches = self.candidates.iter();
        matches
            .filter(|candidate| candidate.verdict == Verdict::Match)
            .count()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn proof_comes_first_then_the_score_then_the_order_of_the_channels() {
        let candidate = |image, similarity, evidence, verdict, rank| Candidate {
            similarity,
            evidence,
            verdict,
            rank,
            ..Candidate::new(image)
        };
        let mut ranking = Ranking::of(vec![
            candidate(1, 0.9, None, Verdict::NoMatch, 1),
            candidate(2, 0.5, Some(2.0), Verdict::NoMatch, 2),
            candidate(3, 0.4, Some(9.0), Verdict::Match, 3),
            candidate(4, 0.9, Some(-3.0), Verdict::NoMatch, 4),
            candidate(5, 0.3, Some(12.0), Verdict::Match, 5),
        ]);
        ranking.order();
        let images: Vec<i64> = ranking.candidates().iter().map(|c| c.image).collect();
        assert_eq!(images, [5, 3, 2, 1, 4]);
        assert_eq!(ranking.matches(), 2);
    }

    pub(in crate::search) fn found(image: i64, verified: bool, verdict: Verdict) -> Candidate {
        Candidate {
            verified,
            verdict,
            evidence: (verdict == Verdict::Match).then_some(9.0),
            ..Candidate::new(image)
        }
    }

    #[test]
    fn what_was_proven_stays_proven() {
        let known = Ranking::of(vec![
            found(1, true, Verdict::Match),
            found(2, true, Verdict::Match),
            found(3, true, Verdict::NoMatch),
        ]);
        let mut again = Ranking::of(vec![
            found(5, false, Verdict::NoMatch),
            found(2, false, Verdict::NoMatch),
        ]);
        again.remember(known);
        again.order();
        let shown: Vec<_> = again
            .candidates()
            .iter()
            .map(|c| (c.image, c.verified, c.verdict == Verdict::Match))
            .collect();
        assert!(shown[..2].contains(&(1, true, true)) && shown[..2].contains(&(2, true, true)));
        assert_eq!(shown[2..], [(5, false, false)]);
    }
}
