//! What a search has found so far.

use std::cmp::Ordering;

use super::exact::OfQuery;
use crate::Allowed;

/// Entries kept beyond those that are wanted, before the worst are thrown away: at least so many, or half as many as are wanted.
const SPARE: usize = 8;

/// Gathers scores: the best few, or all that are good enough. What comes of it does not depend on the order.
pub(super) struct Gathered<'a> {
    allowed: Allowed<'a>,
    /// The exact score of an id, where bounds decide what is compared exactly.
    exact: Option<OfQuery<'a>>,
    wanted: usize,
    entries: Vec<(f32, i64)>,
    least: f32,
}

fn rank(a: &(f32, i64), b: &(f32, i64)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

impl<'a> Gathered<'a> {
    /// The `wanted` best.
    pub fn best(wanted: usize, allowed: Allowed<'a>) -> Self {
        Self {
            allowed,
            exact: None,
            wanted,
            entries: Vec::with_capacity((wanted + SPARE.max(wanted / 2)).min(1 << 16)),
            least: f32::NEG_INFINITY,
        }
    }

    /// All of at least this score.
    pub fn within(least: f32, allowed: Allowed<'a>) -> Self {
        Self {
            wanted: usize::MAX / 2,
            least,
            ..Self::best(0, allowed)
        }
    }

    /// Scores are to be exact, of whatever may be good enough by its bound.
    pub fn by_bounds(self, exact: OfQuery<'a>) -> Self {
        Self {
            exact: Some(exact),
            ..self
        }
    }

    pub fn exact(&self) -> Option<OfQuery<'a>> {
        self.exact
    }

    /// No score below is of use.
    #[inline]
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Whether this id may be an answer.
    #[inline]
    pub fn allows(&self, id: i64) -> bool {
        self.allowed.contains(id)
    }

    /// Whether as many were found as are wanted.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.wanted
    }

    /// Offers what is allowed.
    #[inline]
    pub fn offer(&mut self, score: f32, id: i64) {
        if self.wanted == 0 || score < self.least || score.is_nan() {
            return;
        }
        self.entries.push((score, id));
        if self.entries.len() >= self.wanted + SPARE.max(self.wanted / 2) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.wanted > 0 && self.entries.len() > self.wanted {
            self.entries.select_nth_unstable_by(self.wanted - 1, rank);
            self.entries.truncate(self.wanted);
            self.least = self.entries[self.wanted - 1].0;
        }
    }

    /// What was found, best first; of equal scores the lower id.
    pub fn sorted(mut self) -> Vec<(i64, f32)> {
        self.shrink();
        self.entries.sort_unstable_by(rank);
        let entries = self.entries.into_iter();
        entries.map(|(score, id)| (id, score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn agrees_with_sorting_everything() {
        let mut random = Random::new(9);
        let entries: Vec<(f32, i64)> = (0..500)
            .map(|i| (random.below(40) as f32, (i * 7) % 500))
            .collect();
        for k in [0, 1, 10, 100, 499, 600] {
            let mut best = Gathered::best(k, Allowed::All);
            for &(score, id) in &entries {
                best.offer(score, id);
            }
            best.offer(f32::NAN, 3);
            let mut expected = entries.clone();
            expected.sort_by(rank);
            let some: Vec<(i64, f32)> = expected.iter().take(k).map(|e| (e.1, e.0)).collect();
            assert_eq!(best.sorted(), some);
        }
        let mut within = Gathered::within(30.0, Allowed::All);
        entries
            .iter()
            .for_each(|&(score, id)| within.offer(score, id));
        let count = entries.iter().filter(|entry| entry.0 >= 30.0).count();
        assert_eq!(within.sorted().len(), count);
    }
}
