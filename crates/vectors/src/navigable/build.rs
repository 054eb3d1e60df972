//! Building a graph by batches.
//!
//! Nodes are inserted in an order that is drawn, in batches that grow as the graph does (prefix doubling; Manohar, Shen,
//! Blelloch, Dhulipala, Gu, Simhadri & Sun 2024, "ParlayANN"). For each node of a batch a walk through the graph as it was before the
//! batch finds candidates, and its edges are chosen; then the edges back are sorted by the node that they leave, and each such node
//! chooses anew where it has too many. All of this runs in parallel, and no node sees what another of its batch does, so the graph does not
//! depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::config::NavigableConfig;
use super::entries::{Entries, entry_count};
use super::pool::key;
use super::prune::{Candidate, Pruner};
use super::space::Space;
use super::view::{NONE, View};
use super::walk::Room;
use crate::codes::Coder;
use crate::random::Random;

/// Nodes of the second batch; the first is made of the entries.
const LEAST: usize = 64;
/// A batch is at most this part of all nodes.
const PARTS: usize = 50;

/// A graph while nodes are inserted.
pub(super) struct Builder<'a, C> {
    pub space: Space<'a, C>,
    pub config: NavigableConfig,
    pub entries: &'a Entries,
    pub codes: View<'a>,
    /// As [`View::links`].
    pub links: &'a mut [u32],
    /// How many of a node's edges, the first ones, were chosen together.
    pub settled: Vec<u16>,
}

/// The edges of a node, and how many were chosen together.
type Row = (u32, Vec<u32>, u16);

/// Nodes in the order in which they are inserted.
pub(super) fn drawn_order(nodes: Range<usize>, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed);
    let mut order: Vec<u32> = nodes.map(|node| node as u32).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
    order
}

impl<C: Coder> Builder<'_, C> {
    /// Inserts nodes in this order into a graph that has `done` others. The first ones of an empty graph are the entries.
    /// `progress` hears how many are in it.
    pub fn insert(&mut self, order: &[u32], mut done: usize, progress: &(dyn Fn(usize) + Sync)) {
        let most = (order.len() + done) / PARTS;
        let mut order = order;
        while !order.is_empty() {
            let size = match done {
                0 => entry_count(order.len()),
                done => done.min(most).max(LEAST).min(order.len()),
            };
            let (batch, rest) = order.split_at(size);
            let rows = self.out_of(batch, done == 0);
            let mut back: Vec<(u32, u32)> = Vec::new();
            for (node, edges, _) in &rows {
                back.extend(edges.iter().map(|&to| (to, *node)));
            }
            self.put(&rows);
            back.par_sort_unstable();
            let rows = self.back_from(&back);
            self.put(&rows);
            done += size;
            order = rest;
            progress(done);
        }
    }

    fn pruner(&self) -> Pruner<'_, C> {
        let view = View {
            links: self.links,
            ..self.codes
        };
        Pruner {
            space: &self.space,
            view,
            alpha: self.config.alpha,
        }
    }

    /// The edges that leave the nodes of a batch. The first nodes of a graph see each other.
    fn out_of(&self, batch: &[u32], first: bool) -> Vec<Row> {
        let pruner = self.pruner();
        let view = pruner.view;
        let each_other = Entries::heads(batch);
        let entries = if first { &each_other } else { self.entries };
        let rows = batch.par_iter().map_init(Room::default, |room, &node| {
            let width = self.config.build_width;
            room.narrow(&view, entries, width, self.space.towards(&view, node));
            let keys = room.pool.keys().iter().map(|key| key & !1);
            let candidates: Vec<Candidate> = keys
                .filter(|&key| super::pool::node(key) != node)
                .map(|key| Candidate {
                    key,
                    settled: false,
                })
                .collect();
            let chosen = pruner.choose(&candidates);
            let settled = chosen.len() as u16;
            (node, chosen, settled)
        });
        rows.collect()
    }

    /// The edges of nodes to which edges lead; `back` holds these, turned around and sorted.
    fn back_from(&self, back: &[(u32, u32)]) -> Vec<Row> {
        let pruner = self.pruner();
        let groups: Vec<&[(u32, u32)]> = back.chunk_by(|a, b| a.0 == b.0).collect();
        let rows = groups.par_iter().map(|group| {
            let node = group.first().map_or(0, |edge| edge.0);
            self.joined(&pruner, node, group)
        });
        rows.collect()
    }

    fn joined(&self, pruner: &Pruner<'_, C>, node: u32, group: &[(u32, u32)]) -> Row {
        let view = &pruner.view;
        let mut edges: Vec<u32> = view.neighbours(node).collect();
        let settled = self.settled.get(node as usize).copied().unwrap_or(0);
        // Entries know each other already.
        let there = edges.len();
        for &(_, to) in group {
            if !edges[..there].contains(&to) {
                edges.push(to);
            }
        }
        if edges.len() <= view.degree {
            return (node, edges, settled);
        }
        let score = self.space.towards(view, node);
        edges.iter().for_each(|&to| view.expect_code(to));
        let candidates = edges.iter().enumerate().map(|(at, &to)| Candidate {
            key: key(score(to, view.code(to)), to),
            settled: at < settled as usize,
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        candidates.sort_unstable();
        let chosen = pruner.choose(&candidates);
        let settled = chosen.len() as u16;
        (node, chosen, settled)
    }

    fn put(&mut self, rows: &[Row]) {
        for (node, edges, settled) in rows {
            let start = *node as usize * self.codes.degree;
            let Some(row) = self.links.get_mut(start..start + self.codes.degree) else {
                continue;
            };
            row.fill(NONE);
            for (to, edge) in row.iter_mut().zip(edges) {
                *to = edge.to_le();
            }
            if let Some(count) = self.settled.get_mut(*node as usize) {
                *count = *settled;
            }
        }
    }
}
