//! What is asked of a graph: the nearest of all or of some, and all within a range.
//!
//! A filter is met in two ways. Where few vectors pass, all of these are compared, which is exact. Otherwise the walk goes through
//! all nodes and gathers those that pass, until as many as its width are nearer than anything ahead: it goes as far as it must,
//! wherever those that pass are (cf. Patel, Kraft, Guestrin & Zaharia 2024, "ACORN"). If it has to go so far that comparing all
//! would have been cheaper, all are compared after all; so the answer is never short.

#[cfg(test)]
use rayon::prelude::*;

use super::Navigable;
use super::pool::{Key, Pool, key, node, score};
use super::view::View;
use super::walk::{Gatherer, Room};
use crate::codes::{Coder, Question};
use crate::points::check_query;
use crate::{Allowed, Error, TopK};

/// Part of a node's edges that lead to nodes not met before, as a rule.
const FRESH: f64 = 0.5;
/// Nodes scored by a walk cost as much as so many that lie one after the other.
const JUMP: f64 = 2.0;

/// What a search is to find.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Answers that are wanted.
    pub k: usize,
    /// Nodes that the walk keeps, at least `k`: more find more, in more time.
    pub width: usize,
    /// Which ids may be answers.
    pub allowed: &'a Allowed<'a>,
    /// How the best are compared anew, if they are.
    pub refine: Option<Refine<'a>>,
}

/// A finer comparison of the best.
#[derive(Clone, Copy)]
pub(crate) struct Refine<'a> {
    /// How many are compared anew, at least as many as are wanted.
    pub count: usize,
    /// The score of a row.
    pub score: &'a (dyn Fn(usize) -> f32 + Sync),
}

/// Gathers the nearest that are allowed.
struct Passing<'a> {
    pool: Pool,
    passes: &'a dyn Fn(u32) -> bool,
}

/// Gathers all that score enough.
struct Range<'a> {
    /// The nearest of all, which say when to end.
    near: Pool,
    least: f32,
    passes: &'a dyn Fn(u32) -> bool,
    found: Vec<Key>,
}

impl Gatherer for Passing<'_> {
    fn goes_on(&self, key: Key) -> bool {
        key < self.pool.bar()
    }

    fn meet(&mut self, key: Key) {
        if key < self.pool.bar() && (self.passes)(node(key)) {
            self.pool.take(key);
        }
    }
}

impl Gatherer for Range<'_> {
    fn goes_on(&self, key: Key) -> bool {
        score(key) >= self.least || key < self.near.bar()
    }

    fn meet(&mut self, key: Key) {
        if key < self.near.bar() {
            self.near.take(key);
        }
        if score(key) >= self.least && (self.passes)(node(key)) {
            self.found.push(key);
        }
    }
}

impl<C: Coder> Navigable<C> {
    /// The nearest of what is asked for, id and score, best first; equal scores by ascending id.
    ///
    /// # Errors
    /// The query has another length or holds what is no finite number, or the file was damaged since it was opened.
    pub fn nearest(
        &self,
        query: &[f32],
        request: &Request<'_>,
        room: &mut Room,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.coder.dimension())?;
        let question = self.coder.ask(&self.metric.prepared(query), self.metric);
        let kept = request
            .refine
            .map_or(request.k, |refine| refine.count.max(request.k));
        let keys = self.keys(&question, kept, request, room);
        self.check_whole()?;
        let mut best: Vec<(i64, f32)> = keys
            .iter()
            .map(|&key| {
                let row = node(key) as usize;
                let score = match request.refine {
                    None => score(key),
                    Some(refine) => (refine.score)(row),
                };
                (self.id(row), score)
            })
            .collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(request.k);
        Ok(best)
    }

    /// [`Navigable::nearest`] of many queries, one after the other in `queries`, in the current rayon pool.
    ///
    /// # Errors
    /// As [`Navigable::nearest`].
    #[cfg(test)]
    pub fn nearest_many(
        &self,
        queries: &[f32],
        request: &Request<'_>,
    ) -> Result<Vec<Vec<(i64, f32)>>, Error> {
        let queries = queries.par_chunks(self.coder.dimension());
        let found = queries.map_init(Room::default, |room, query| {
            self.nearest(query, request, room)
        });
        found.collect()
    }

    /// All allowed vectors that score at least `least`, best first; equal scores by ascending id. The walk goes on from all that
    /// score so much, and from the `width` nearest whatever they score: more width finds more heaps that are apart.
    ///
    /// # Errors
    /// As [`Navigable::nearest`].
    pub fn within(
        &self,
        query: &[f32],
        least: f32,
        width: usize,
        allowed: &Allowed<'_>,
        room: &mut Room,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.coder.dimension())?;
        let question = self.coder.ask(&self.metric.prepared(query), self.metric);
        let most = allowed.most_of(self.len());
        let mut near = Pool::default();
        near.begin(width.min(self.len()));
        let mut range = Range {
            near,
            least,
            passes: &|node| allowed.contains(self.id(node as usize)),
            found: Vec::new(),
        };
        let score_of = |_: u32, code: &[u8]| question.score(code);
        let few = self.is_few(most, width);
        let (view, budget) = (self.view(), self.budget(most));
        let ended = !few && room.wide(&view, &self.entries, budget, score_of, &mut range);
        let mut found = range.found;
        if !ended {
            found.clear();
            self.each_allowed(&question, allowed, |key| {
                if score(key) >= least {
                    found.push(key);
                }
            });
        }
        self.check_whole()?;
        found.sort_unstable();
        Ok(self.answers(&found))
    }

    fn answers(&self, keys: &[Key]) -> Vec<(i64, f32)> {
        let answer = |&key: &Key| (self.id(node(key) as usize), score(key));
        keys.iter().map(answer).collect()
    }

    /// The nearest that are allowed, nearest first.
    fn keys(
        &self,
        question: &C::Question<'_>,
        kept: usize,
        request: &Request<'_>,
        room: &mut Room,
    ) -> Vec<Key> {
        let most = request.allowed.most_of(self.len());
        let width = request.width.max(kept);
        let nothing = matches!(request.allowed, Allowed::Only(ids) if ids.is_empty());
        if nothing || kept == 0 {
            return Vec::new();
        }
        let score_of = |_: u32, code: &[u8]| question.score(code);
        let view = self.view();
        let mut keys: Vec<Key> = Vec::new();
        if !self.is_few(most, width) {
            keys = match request.allowed {
                Allowed::All => {
                    room.narrow(&view, &self.entries, width, score_of);
                    let keys = room.pool.keys().iter().take(kept);
                    keys.map(|key| key & !1).collect()
                }
                allowed => self.some(&view, allowed, width, kept, score_of, room),
            };
        }
        if keys.len() < kept.min(request.allowed.at_most_of(self.len())) {
            keys = self.all(question, kept, request.allowed);
        }
        keys
    }

    /// The nearest that are allowed, by a walk; none when it went too far.
    fn some(
        &self,
        view: &View<'_>,
        allowed: &Allowed<'_>,
        width: usize,
        kept: usize,
        score_of: impl Fn(u32, &[u8]) -> f32,
        room: &mut Room,
    ) -> Vec<Key> {
        let mut pool = Pool::default();
        pool.begin(width);
        let mut passing = Passing {
            pool,
            passes: &|node| allowed.contains(self.id(node as usize)),
        };
        let budget = self.budget(allowed.most_of(self.len()));
        match room.wide(view, &self.entries, budget, score_of, &mut passing) {
            true => passing.pool.keys().iter().take(kept).copied().collect(),
            false => Vec::new(),
        }
    }

    /// Nodes that a walk may score before comparing all allowed ones is cheaper.
    fn budget(&self, most: usize) -> usize {
        (most as f64 / JUMP) as usize + self.config.degree
    }

    /// Whether a walk that finds `width` of so many would score more than its budget.
    fn is_few(&self, most: usize, width: usize) -> bool {
        let share = most as f64 / self.len().max(1) as f64;
        let expanded = width as f64 / share.max(f64::MIN_POSITIVE);
        expanded * self.config.degree as f64 * FRESH >= most as f64 / JUMP
    }

    /// The nearest that are allowed, by comparing all of them.
    fn all(&self, question: &C::Question<'_>, kept: usize, allowed: &Allowed<'_>) -> Vec<Key> {
        let mut top = TopK::new(kept);
        self.each_allowed(question, allowed, |key| {
            let (score, node) = (score(key), i64::from(node(key)));
            top.push(score, node);
        });
        let best = top.into_sorted().into_iter();
        best.map(|(score, node)| key(score, node as u32)).collect()
    }

    /// Scores all that are allowed.
    fn each_allowed(
        &self,
        question: &C::Question<'_>,
        allowed: &Allowed<'_>,
        mut to: impl FnMut(Key),
    ) {
        let view = self.view();
        let mut score = |node: u32| to(key(question.score(view.code(node)), node));
        match allowed {
            Allowed::Only(ids) if ids.len() < self.len() / 8 => {
                let rows = ids.iter().filter_map(|id| self.store.place(id));
                rows.for_each(|row| score(row as u32));
            }
            _ => {
                let rows = 0..self.len();
                let rows = rows.filter(|&row| allowed.contains(self.id(row)));
                rows.for_each(|row| score(row as u32));
            }
        }
    }
}
