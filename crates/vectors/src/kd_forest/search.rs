//! Best bin first.
//!
//! All trees share one queue of branches not taken, the nearest cell first (Silpa-Anan & Hartley 2008). The distance of a
//! cell is exact: where an axis is divided a second time, its part of the distance is replaced, not added (Arya & Mount
//! 1993). So the search may end as soon as no cell is near enough, and a search that may look at everything is exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::trees::{Step, Trees};
use crate::seen::Seen;

/// No turn taken yet.
const STRAIGHT: u32 = u32::MAX;

/// What a search is for.
pub(crate) trait Visitor {
    /// Hears of a row that is likely to be visited soon.
    fn expect(&self, row: u32);
    /// Scores a row. False when it does not count as a check, because it is not allowed.
    fn visit(&mut self, row: u32) -> bool;
    /// Whether a row at least this squared distance away could still be among the best.
    fn may_improve(&self, bound: f32) -> bool;
}

/// A turn away from the query: how far the query lies outside along an axis, squared, and the turn before it.
#[derive(Debug, Clone, Copy)]
struct Turn {
    axis: u32,
    outside: f32,
    before: u32,
    /// Bits of the axes of this turn and those before it, by their last six bits.
    axes: u64,
}

/// Room that searches use one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    /// Squared distance and node, and the turn to it.
    queue: BinaryHeap<Reverse<(u64, u32)>>,
    turns: Vec<Turn>,
    seen: Seen,
}

/// A place in a tree on the way of a search.
#[derive(Clone, Copy)]
struct Place {
    node: u32,
    bound: f32,
    turn: u32,
}

impl Scratch {
    /// Visits the rows of the cells nearest to the query until `checks` rows counted, or none can improve. The leaf that was
    /// begun is finished. Every row is visited once at most.
    pub fn search(&mut self, trees: &Trees, query: &[f32], checks: usize, to: &mut impl Visitor) {
        self.queue.clear();
        self.turns.clear();
        let rows = trees.rows.len() / trees.roots.len().max(1);
        self.seen.reserve(rows);
        let mut checked = 0;
        for &node in &trees.roots {
            if checked < checks {
                let root = Place {
                    node,
                    bound: 0.0,
                    turn: STRAIGHT,
                };
                checked += self.descend(trees, query, root, to);
            }
        }
        while checked < checks {
            let Some(Reverse((key, turn))) = self.queue.pop() else {
                break;
            };
            let bound = f32::from_bits((key >> 32) as u32);
            if !to.may_improve(bound) {
                break;
            }
            let node = key as u32;
            checked += self.descend(trees, query, Place { node, bound, turn }, to);
        }
        self.seen.clear();
    }

    /// Goes down to the leaf nearest to the query, notes the branches not taken, and gives the number of rows checked.
    fn descend(
        &mut self,
        trees: &Trees,
        query: &[f32],
        mut place: Place,
        to: &mut impl Visitor,
    ) -> usize {
        loop {
            match trees.nodes[place.node as usize].step() {
                Step::Branch {
                    axis,
                    threshold,
                    second,
                } => {
                    let beyond = query[axis] - threshold;
                    let (near, far) = match beyond < 0.0 {
                        true => (place.node + 1, second),
                        false => (second, place.node + 1),
                    };
                    self.note(place, far, axis as u32, beyond * beyond, to);
                    place.node = near;
                }
                Step::Leaf { from, count } => {
                    return self.visit(&trees.rows[from..from + count], to);
                }
            }
        }
    }

    fn note(&mut self, place: Place, far: u32, axis: u32, outside: f32, to: &impl Visitor) {
        let bit = 1 << (axis % 64);
        let axes = self.turns.get(place.turn as usize);
        let axes = axes.map_or(0, |turn| turn.axes);
        let already = match axes & bit {
            0 => 0.0,
            _ => self.outside(place.turn, axis),
        };
        let bound = (place.bound - already + outside).max(place.bound);
        if to.may_improve(bound) {
            let key = u64::from(bound.to_bits()) << 32 | u64::from(far);
            self.queue.push(Reverse((key, self.turns.len() as u32)));
            self.turns.push(Turn {
                axis,
                outside,
                before: place.turn,
                axes: axes | bit,
            });
        }
    }

    /// How far the query lies outside along an axis after these turns, squared.
    fn outside(&self, mut turn: u32, axis: u32) -> f32 {
        while let Some(taken) = self.turns.get(turn as usize) {
            if taken.axis == axis {
                return taken.outside;
            }
            turn = taken.before;
        }
        0.0
    }

    fn visit(&mut self, rows: &[u32], to: &mut impl Visitor) -> usize {
        let mut checked = 0;
        rows.iter().for_each(|&row| to.expect(row));
        for &row in rows {
            if self.seen.insert(row) {
                checked += usize::from(to.visit(row));
            }
        }
        checked
    }
}
