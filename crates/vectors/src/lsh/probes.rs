//! In which order the buckets around a query are looked into.
//!
//! A neighbour that is not in the query's bucket is most likely just across the nearest borders. Lv, Josephson, Wang, Charikar
//! & Li 2007 ("Multi-probe LSH") score each set of steps across borders by the sum of their squared distances and produce the
//! sets in the order of their scores: from a set, two others are made, by moving its last step to the next border or by adding
//! that. Every set comes up once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Most functions of a table: two borders each, and a bit for each border.
pub(super) const MOST_FUNCTIONS: usize = 64;

/// A border: the function, the step across it, and the squared distance in widths of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Border {
    function: usize,
    step: i32,
    score: f32,
}

/// Sets of steps to other buckets, the most likely first; the query's own bucket is not among them.
#[derive(Debug, Clone)]
pub(super) struct Probes {
    /// The nearest first.
    borders: Vec<Border>,
    /// Score and set; a set is the bits of its borders.
    queue: BinaryHeap<Reverse<(u32, u128)>>,
}

impl Probes {
    /// For a query whose projections, in widths of a step, are these; at most 64.
    pub fn new(projections: &[f32]) -> Self {
        let mut borders: Vec<Border> = projections
            .iter()
            .take(MOST_FUNCTIONS)
            .enumerate()
            .flat_map(|(function, &x)| {
                let below = x - x.floor();
                [(-1, below), (1, 1.0 - below)].map(|(step, distance)| Border {
                    function,
                    step,
                    score: distance * distance,
                })
            })
            .collect();
        borders.sort_by(|a, b| {
            a.score
                .total_cmp(&b.score)
                .then(a.function.cmp(&b.function))
        });
        let mut probes = Self {
            borders,
            queue: BinaryHeap::new(),
        };
        if !probes.borders.is_empty() {
            probes.offer(1);
        }
        probes
    }

    /// Puts the next set of steps into `steps`, a step (−1, 0 or 1) for each function; false when there is none left.
    pub fn next_into(&mut self, steps: &mut [i32]) -> bool {
        while let Some(Reverse((_, set))) = self.queue.pop() {
            let last = 127 - set.leading_zeros();
            if (last as usize + 1) < self.borders.len() {
                let next = 1u128 << (last + 1);
                self.offer(set & !(1 << last) | next);
                self.offer(set | next);
            }
            if self.write(set, steps) {
                return true;
            }
        }
        false
    }

    fn offer(&mut self, set: u128) {
        let score: f32 = self.members(set).map(|border| border.score).sum();
        self.queue.push(Reverse((score.to_bits(), set)));
    }

    fn members(&self, mut set: u128) -> impl Iterator<Item = Border> + '_ {
        std::iter::from_fn(move || {
            let at = set.trailing_zeros() as usize;
            set &= set.wrapping_sub(1);
            self.borders.get(at).copied()
        })
    }

    /// False for a set that crosses both borders of a function.
    fn write(&self, set: u128, steps: &mut [i32]) -> bool {
        steps.fill(0);
        for border in self.members(set) {
            match steps.get_mut(border.function) {
                Some(step) if *step == 0 => *step = border.step,
                _ => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sets_come_once_in_the_order_of_their_scores() {
        let projections = [0.3f32, -1.9, 7.45, 2.0];
        let mut probes = Probes::new(&projections);
        let mut steps = [0; 4];
        let mut found = Vec::new();
        while probes.next_into(&mut steps) {
            let score = |(x, step): (&f32, &i32)| match step {
                0 => 0.0,
                -1 => (x - x.floor()).powi(2),
                _ => (1.0 - x + x.floor()).powi(2),
            };
            let score: f32 = projections.iter().zip(&steps).map(score).sum();
            found.push((score, steps));
        }
        // Three choices for each function, but not all of them none.
        assert_eq!(found.len(), 80);
        assert!(found.windows(2).all(|w| w[0].0 <= w[1].0 + 1e-6));
        assert_eq!(found[0].1, [0, 0, 0, -1], "2.0 lies on a border");
        let mut sets: Vec<[i32; 4]> = found.into_iter().map(|(_, steps)| steps).collect();
        sets.sort_unstable();
        sets.dedup();
        assert_eq!(sets.len(), 80);
        assert!(!Probes::new(&[]).next_into(&mut []));
    }
}
