//! Ordering results and taking the page that is asked for. Only what is on the page costs a look at the catalog.

use super::channels::Scope;
use super::fusion::Fused;
use crate::{Collection, Error, Hit, SearchOptions, Verdict};

/// A result on its way to the page.
enum Entry {
    /// It went through verification.
    Hit(Box<Hit>),
    /// It comes as the channels left it, with its place among the candidates.
    Fused(Fused, usize),
}

impl Entry {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Hit(hit) => hit.verdict,
            Self::Fused(..) => Verdict::NoMatch,
        }
    }

    fn score(&self) -> f64 {
        match self {
            Self::Hit(hit) => hit.score,
            Self::Fused(fused, _) => fused.score,
        }
    }

    fn rank(&self) -> usize {
        match self {
            Self::Hit(hit) => hit.rank,
            Self::Fused(_, rank) => *rank,
        }
    }
}

impl Collection {
    /// Matches first, then by score; of what the options let through, the part they ask for, and how many there are.
    pub(super) fn page(
        &self,
        hits: Vec<Hit>,
        rest: Vec<(Fused, usize)>,
        scope: &Scope<'_>,
        options: &SearchOptions,
    ) -> Result<(Vec<Hit>, usize), Error> {
        let hits = hits.into_iter().map(|hit| Entry::Hit(Box::new(hit)));
        let rest = rest
            .into_iter()
            .map(|(fused, rank)| Entry::Fused(fused, rank));
        let mut entries: Vec<Entry> = hits.chain(rest).collect();
        entries.retain(|entry| {
            let good = options
                .least_score
                .is_none_or(|least| entry.score() >= least);
            good && (!options.matches_only || entry.verdict() == Verdict::Match)
        });
        entries.sort_by(|a, b| {
            let unproven = |entry: &Entry| entry.verdict() == Verdict::NoMatch;
            unproven(a)
                .cmp(&unproven(b))
                .then(b.score().total_cmp(&a.score()))
                .then(a.rank().cmp(&b.rank()))
        });
        let found = entries.len();
        let mut page = Vec::with_capacity(options.top.min(found));
        for entry in entries.into_iter().skip(options.skip).take(options.top) {
            match entry {
                Entry::Hit(hit) => page.push(*hit),
                Entry::Fused(fused, rank) => page.extend(self.hits(vec![(fused, rank)], scope)?),
            }
        }
        Ok((page, found))
    }
}
