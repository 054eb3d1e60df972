//! Walking through the graph towards a query.
//!
//! Both walks go to the nearest node that they have met and not yet expanded, and score those of its neighbours that they meet
//! for the first time. All of these are asked for ahead, so that the processor waits for many at once. [`Room::narrow`] keeps a
//! pool of fixed width and ends when all in it are expanded (Malkov & Yashunin 2018, algorithm 2). [`Room::wide`] keeps all, and
//! asks a [`Gatherer`] how far to go: it serves filters and ranges.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::entries::Entries;
use super::pool::{self, Key, Pool, key};
use super::view::View;
use crate::seen::Seen;

/// Heads whose followers a walk sets out from as well.
const HEADS_FOLLOWED: usize = 4;
/// Codes that are asked for ahead of the one that is scored.
const AHEAD: usize = 8;

/// Room that walks use one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    pub(super) seen: Seen,
    pub(super) pool: Pool,
    /// Neighbours that were met for the first time.
    fresh: Vec<u32>,
    /// Keys of the entries from which the walk set out.
    met: Vec<Key>,
    ahead: BinaryHeap<Reverse<Key>>,
    /// Nodes scored by the last walk.
    pub(super) scored: usize,
}

/// What a wide walk is for.
pub(super) trait Gatherer {
    /// Whether the walk is to go on from a node with this key; it ends at the first that it is not.
    fn goes_on(&self, key: Key) -> bool;
    /// Hears of a node.
    fn meet(&mut self, key: Key);
}

impl Room {
    /// Scores the entries from which the walk sets out, and leaves their keys.
    fn set_out(
        &mut self,
        view: &View<'_>,
        entries: &Entries,
        score: &impl Fn(u32, &[u8]) -> f32,
    ) -> Vec<Key> {
        self.seen.clear();
        self.seen.reserve(view.count);
        self.scored = 0;
        let mut met = std::mem::take(&mut self.met);
        met.clear();
        self.fresh_of(view, entries.heads.iter().copied());
        self.score(view, score, |_, key| met.push(key));
        let most = HEADS_FOLLOWED.min(met.len());
        if most < met.len() {
            met.select_nth_unstable(most);
        }
        let best = met.iter().take(most);
        let best = best.flat_map(|&key| entries.following(pool::node(key)));
        self.fresh_of(view, best.copied());
        self.score(view, score, |_, key| met.push(key));
        met
    }

    /// Those of some nodes that are there and were not met before.
    fn fresh_of(&mut self, view: &View<'_>, nodes: impl Iterator<Item = u32>) {
        self.fresh.clear();
        for node in nodes.filter(|&node| (node as usize) < view.count) {
            if self.seen.insert(node) {
                self.fresh.push(node);
            }
        }
    }

    /// Scores what is fresh and gives each key to `to`.
    #[inline]
    fn score(
        &mut self,
        view: &View<'_>,
        score: &impl Fn(u32, &[u8]) -> f32,
        mut to: impl FnMut(&mut Pool, Key),
    ) {
        self.scored += self.fresh.len();
        self.fresh
            .iter()
            .take(AHEAD)
            .for_each(|&node| view.expect_code(node));
        for (at, &node) in self.fresh.iter().enumerate() {
            if let Some(&later) = self.fresh.get(at + AHEAD) {
                view.expect_code(later);
            }
            to(&mut self.pool, key(score(node, view.code(node)), node));
        }
    }

    /// Fills the pool with `width` nodes near to what `score` scores.
    pub(super) fn narrow(
        &mut self,
        view: &View<'_>,
        entries: &Entries,
        width: usize,
        score: impl Fn(u32, &[u8]) -> f32,
    ) {
        let met = self.set_out(view, entries, &score);
        self.pool.begin(width);
        for &key in &met {
            if key < self.pool.bar() {
                self.pool.take(key);
            }
        }
        self.met = met;
        let mut cursor = 0;
        while let Some((at, node)) = self.pool.unexpanded(cursor) {
            self.pool.expanded(at);
            cursor = at + 1;
            if let Some((_, next)) = self.pool.unexpanded(cursor) {
                view.expect_links(next);
            }
            self.fresh_of(view, view.neighbours(node));
            self.score(view, &score, |pool, key| {
                if key < pool.bar() {
                    let at = pool.take(key);
                    if at <= cursor {
                        cursor = at;
                        view.expect_links(pool::node(key));
                    }
                }
            });
        }
    }

    /// Walks as far as the gatherer goes on, and scores no more than `budget` nodes and the neighbours of one. Gives whether it came
    /// to its end.
    pub(super) fn wide(
        &mut self,
        view: &View<'_>,
        entries: &Entries,
        budget: usize,
        score: impl Fn(u32, &[u8]) -> f32,
        to: &mut impl Gatherer,
    ) -> bool {
        let met = self.set_out(view, entries, &score);
        let mut ahead = std::mem::take(&mut self.ahead);
        ahead.clear();
        met.iter().for_each(|&key| note(&mut ahead, to, key));
        self.met = met;
        let mut ended = true;
        while let Some(Reverse(key)) = ahead.pop() {
            if !to.goes_on(key) {
                break;
            }
            if self.scored > budget {
                ended = false;
                break;
            }
            self.fresh_of(view, view.neighbours(pool::node(key)));
            self.score(view, &score, |_, key| note(&mut ahead, to, key));
        }
        self.ahead = ahead;
        ended
    }
}

/// Keeps a node for later, unless the walk would not go on from it, and tells of it.
#[inline]
fn note(ahead: &mut BinaryHeap<Reverse<Key>>, to: &mut impl Gatherer, key: Key) {
    if to.goes_on(key) {
        ahead.push(Reverse(key));
    }
    to.meet(key);
}
