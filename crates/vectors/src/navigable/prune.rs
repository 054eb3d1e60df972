//! Which of the nodes near to a node become its neighbours.
//!
//! The nearest is chosen; then, of the others from near to far, each that is not *hidden*: no chosen one is α times nearer to it
//! than the node is (Subramanya, Devvrit, Kadekodi, Krishnaswamy & Simhadri 2019; with α = 1 the heuristic of Malkov & Yashunin
//! 2018). So edges leave in all directions, short and long ones. Nodes that were chosen together before do not hide each
//! other, and are not compared again.
//!
//! Equal vectors would all be chosen for each other, and be cut off from the rest; or all but one would be hidden, and not be found.
//! So a quarter of a node's edges may lead to nodes equal to it, and of others that are equal to each other one is chosen.

use super::pool::{Key, node, score};
use super::space::Space;
use super::view::View;
use crate::codes::Coder;

/// Chooses neighbours.
pub(super) struct Pruner<'a, C> {
    pub space: &'a Space<'a, C>,
    pub view: View<'a>,
    pub alpha: f32,
}

/// A node that may be chosen. Fields in the order by which candidates are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Its distance from the node that chooses, as a key.
    pub key: Key,
    /// Whether it was chosen together with all others of which this is true.
    pub settled: bool,
}

/// A node that was chosen.
struct Chosen {
    node: u32,
    settled: bool,
}

impl<C: Coder> Pruner<'_, C> {
    /// The chosen of these candidates, which are sorted, nearest first.
    pub fn choose(&self, candidates: &[Candidate]) -> Vec<u32> {
        let degree = self.view.degree;
        let mut chosen: Vec<Chosen> = Vec::with_capacity(degree);
        let mut equal = 0;
        for candidate in candidates {
            if chosen.len() == degree {
                break;
            }
            let distance = -score(candidate.key);
            let next = Chosen {
                node: node(candidate.key),
                settled: candidate.settled,
            };
            if distance <= 0.0 {
                if equal < degree.div_ceil(4) {
                    equal += 1;
                    chosen.push(next);
                }
            } else if !self.hidden(&next, distance, &chosen) {
                chosen.push(next);
            }
        }
        chosen.iter().map(|chosen| chosen.node).collect()
    }

    fn hidden(&self, next: &Chosen, distance: f32, chosen: &[Chosen]) -> bool {
        let bar = distance / (self.alpha * self.alpha);
        let mut before = chosen
            .iter()
            .filter(|before| !(before.settled && next.settled));
        before.any(|before| {
            let between = self.space.distance(&self.view, before.node, next.node);
            between < bar || between <= 0.0
        })
    }
}
