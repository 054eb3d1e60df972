//! Growing trees.

use std::ops::Range;

use rayon::prelude::*;

use super::config::KdForestConfig;
use super::trees::{Node, Rows, Trees};
use crate::random::Random;

/// Axes of greatest variance among which one is drawn (Muja & Lowe 2009).
const AXES: usize = 5;
/// Rows from which mean and variances of a branch are estimated.
const SAMPLE: usize = 100;

/// Trees over all rows. Each is grown by itself, so the result does not depend on the number of threads.
pub(crate) fn grow(rows: &impl Rows, config: &KdForestConfig) -> Trees {
    let grown: Vec<Tree> = (0..config.trees as u64)
        .into_par_iter()
        .map(|tree| Tree::grow(rows, config, Random::stream(config.seed, tree)))
        .collect();
    let mut trees = Trees::default();
    for tree in grown {
        let (nodes, leaves) = (trees.nodes.len() as u32, trees.rows.len() as u32);
        trees.roots.push(nodes);
        let moved = tree.nodes.into_iter().map(|node| node.moved(nodes, leaves));
        trees.nodes.extend(moved);
        trees.rows.extend(tree.order);
    }
    trees
}

/// One tree.
struct Tree {
    nodes: Vec<Node>,
    order: Vec<u32>,
}

/// A part of the order that becomes a node.
struct Part {
    range: Range<usize>,
    depth: usize,
    /// The branch whose second child it is.
    second_of: Option<usize>,
}

impl Tree {
    fn grow(rows: &impl Rows, config: &KdForestConfig, mut random: Random) -> Self {
        let mut order: Vec<u32> = (0..rows.count() as u32).collect();
        // The first of any part are then a random sample of it.
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last as u64 + 1) as usize);
        }
        let mut nodes = Vec::new();
        let mut splitter = Splitter::new(rows);
        let mut parts = vec![Part {
            range: 0..order.len(),
            depth: 0,
            second_of: None,
        }];
        while let Some(part) = parts.pop() {
            let at = nodes.len();
            if let Some(node) = part.second_of.and_then(|of| nodes.get_mut(of)) {
                Node::set_second(node, at as u32);
            }
            let Range { start, end } = part.range;
            if end - start <= config.leaf {
                nodes.push(Node::leaf(start as u32, (end - start) as u32));
                continue;
            }
            let split = splitter.split(&mut order[start..end], part.depth, &mut random);
            nodes.push(Node::branch(split.axis as u32, split.threshold));
            let middle = start + split.first;
            let child = |range, second_of| Part {
                range,
                depth: part.depth + 1,
                second_of,
            };
            parts.push(child(middle..end, Some(at)));
            parts.push(child(start..middle, None));
        }
        Self { nodes, order }
    }
}

/// Where a part is divided: its first `first` rows are not above the threshold, the others not below.
struct Split {
    axis: usize,
    threshold: f32,
    first: usize,
}

/// Divides parts, with room for what it works on.
struct Splitter<'r, R> {
    rows: &'r R,
    /// Branches below this depth are divided in halves, so that outliers cannot make a tree as deep as it has rows.
    deep: usize,
    sample: Vec<f32>,
    means: Vec<f32>,
    variances: Vec<f32>,
}

impl<'r, R: Rows> Splitter<'r, R> {
    fn new(rows: &'r R) -> Self {
        let dimension = rows.dimension();
        Self {
            rows,
            deep: 32 + 2 * rows.count().max(1).ilog2() as usize,
            sample: vec![0.0; dimension * SAMPLE.min(rows.count())],
            means: vec![0.0; dimension],
            variances: vec![0.0; dimension],
        }
    }

    fn split(&mut self, part: &mut [u32], depth: usize, random: &mut Random) -> Split {
        self.estimate(part);
        let axis = self.draw_axis(random);
        let threshold = self.means[axis];
        if depth < self.deep && threshold.is_finite() {
            let first = self.partition(part, axis, threshold);
            if first > 0 && first < part.len() {
                return Split {
                    axis,
                    threshold,
                    first,
                };
            }
        }
        // All on one side, as equal rows are.
        let first = part.len() / 2;
        let value = |row: u32| self.rows.value(row, axis);
        let order = |a: &u32, b: &u32| value(*a).total_cmp(&value(*b)).then(a.cmp(b));
        let (_, &mut middle, _) = part.select_nth_unstable_by(first, order);
        Split {
            axis,
            threshold: value(middle),
            first,
        }
    }

    /// Means and variances of the axes, from the first rows of a part.
    fn estimate(&mut self, part: &[u32]) {
        let dimension = self.means.len();
        let part = &part[..part.len().min(SAMPLE)];
        let sample = &mut self.sample[..dimension * part.len()];
        for (&row, into) in part.iter().zip(sample.chunks_exact_mut(dimension)) {
            self.rows.read(row, into);
        }
        let share = 1.0 / part.len() as f32;
        self.means.fill(0.0);
        for row in sample.chunks_exact(dimension) {
            self.means.iter_mut().zip(row).for_each(|(m, &x)| *m += x);
        }
        self.means.iter_mut().for_each(|mean| *mean *= share);
        self.variances.fill(0.0);
        for row in sample.chunks_exact(dimension) {
            for ((variance, &mean), &x) in self.variances.iter_mut().zip(&self.means).zip(row) {
                *variance += (x - mean) * (x - mean);
            }
        }
    }

    /// One of the few axes of greatest variance.
    fn draw_axis(&self, random: &mut Random) -> usize {
        let mut best = [(f32::NEG_INFINITY, 0); AXES];
        for (axis, &variance) in self.variances.iter().enumerate() {
            if variance > best[AXES - 1].0 {
                let at = best.iter().position(|&(other, _)| variance > other);
                let at = at.unwrap_or(AXES - 1);
                best[at..].rotate_right(1);
                best[at] = (variance, axis);
            }
        }
        let varied = best.iter().take_while(|&&(variance, _)| variance > 0.0);
        best[random.below(varied.count() as u64) as usize].1
    }

    /// Brings the rows below the threshold to the front and counts them.
    fn partition(&self, part: &mut [u32], axis: usize, threshold: f32) -> usize {
        let mut first = 0;
        for at in 0..part.len() {
            if self.rows.value(part[at], axis) < threshold {
                part.swap(first, at);
                first += 1;
            }
        }
        first
    }
}
