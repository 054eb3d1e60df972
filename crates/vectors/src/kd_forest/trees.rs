//! Trees in flat arrays.
//!
//! Nodes stand in the order of a walk that takes the first child before the second, one tree after the other, so that the
//! first child of a node is the next one and a descent mostly reads on. The rows of the leaves stand in the same order.

use crate::files::{f32_at, u32_at};

/// Marks a leaf in [`Node::axis`]; the other bits are the number of its rows.
const LEAF: u32 = 1 << 31;
/// Bytes of a node in a file.
const NODE: usize = 12;

/// Rows that trees divide.
pub(crate) trait Rows: Sync {
    /// Number of rows.
    fn count(&self) -> usize;
    /// Numbers of a row.
    fn dimension(&self) -> usize;
    /// One number of a row.
    fn value(&self, row: u32, axis: usize) -> f32;
    /// A whole row; `into` has its length.
    fn read(&self, row: u32, into: &mut [f32]);
}

/// A branch or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    axis: u32,
    threshold: f32,
    /// Of a branch the second child, of a leaf where its rows begin.
    link: u32,
}

/// What a node is.
pub(crate) enum Step {
    Branch {
        axis: usize,
        threshold: f32,
        second: u32,
    },
    Leaf {
        from: usize,
        count: usize,
    },
}

impl Node {
    pub fn branch(axis: u32, threshold: f32) -> Self {
        Self {
            axis,
            threshold,
            link: 0,
        }
    }

    pub fn leaf(from: u32, count: u32) -> Self {
        Self {
            axis: LEAF | count,
            threshold: 0.0,
            link: from,
        }
    }

    pub fn set_second(&mut self, second: u32) {
        self.link = second;
    }

    /// The same node where nodes and rows of other trees come before.
    pub fn moved(self, nodes: u32, rows: u32) -> Self {
        let by = if self.axis & LEAF == 0 { nodes } else { rows };
        Self {
            link: self.link + by,
            ..self
        }
    }

    #[inline]
    pub fn step(self) -> Step {
        match self.axis & LEAF {
            0 => Step::Branch {
                axis: self.axis as usize,
                threshold: self.threshold,
                second: self.link,
            },
            _ => Step::Leaf {
                from: self.link as usize,
                count: (self.axis & !LEAF) as usize,
            },
        }
    }
}

/// Trees over the same rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Trees {
    pub nodes: Vec<Node>,
    /// First node of each tree.
    pub roots: Vec<u32>,
    /// Rows of the leaves of all trees; each tree has every row once.
    pub rows: Vec<u32>,
}

impl Trees {
    /// Number of trees, of nodes and of rows of leaves, first nodes, nodes, rows: little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.roots.len(), self.nodes.len(), self.rows.len()];
        let counts = counts
            .iter()
            .flat_map(|&count| (count as u32).to_le_bytes());
        let roots = self.roots.iter().flat_map(|root| root.to_le_bytes());
        let nodes = self.nodes.iter().flat_map(|node| {
            let words = [node.axis, node.threshold.to_bits(), node.link];
            words.into_iter().flat_map(u32::to_le_bytes)
        });
        let rows = self.rows.iter().flat_map(|row| row.to_le_bytes());
        counts.chain(roots).chain(nodes).chain(rows).collect()
    }

    /// What [`Trees::to_bytes`] gave, of so many rows of this dimension; `None` when these bytes are no trees: a search
    /// relies on what is checked here to come to an end and to stay within the rows.
    pub fn from_bytes(bytes: &[u8], count: usize, dimension: usize) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(12)?;
        let trees = u32_at(head, 0) as usize;
        let nodes = u32_at(head, 4) as usize;
        let leaves = u32_at(head, 8) as usize;
        if leaves != count.checked_mul(trees)? {
            return None;
        }
        let (roots, body) = body.split_at_checked(trees.checked_mul(4)?)?;
        let (nodes, rows) = body.split_at_checked(nodes.checked_mul(NODE)?)?;
        if rows.len() != leaves.checked_mul(4)? {
            return None;
        }
        let node = |at: &[u8]| Node {
            axis: u32_at(at, 0),
            threshold: f32_at(at, 4),
            link: u32_at(at, 8),
        };
        let trees = Self {
            roots: crate::files::u32s(roots).collect(),
            nodes: nodes.chunks_exact(NODE).map(node).collect(),
            rows: crate::files::u32s(rows).collect(),
        };
        trees.is_sound(count, dimension).then_some(trees)
    }

    /// Whether the nodes are trees in the order of a walk, whose leaves share out the rows in their order.
    fn is_sound(&self, count: usize, dimension: usize) -> bool {
        let ends = self.roots.iter().skip(1).map(|&root| root as usize);
        let ends = ends.chain([self.nodes.len()]);
        let mut next = 0;
        let mut row = 0;
        for (tree, (&root, end)) in self.roots.iter().zip(ends).enumerate() {
            if root as usize != next || end <= next || end > self.nodes.len() {
                return false;
            }
            let mut open = Vec::new();
            for at in next..end {
                match self.nodes[at].step() {
                    Step::Branch {
                        axis,
                        threshold,
                        second,
                    } => {
                        if axis >= dimension || !threshold.is_finite() || at + 1 == end {
                            return false;
                        }
                        open.push(second as usize);
                    }
                    Step::Leaf { from, count } => {
                        let follows = open.pop().unwrap_or(end);
                        if from != row || follows != at + 1 || (at + 1 == end && !open.is_empty()) {
                            return false;
                        }
                        row += count;
                    }
                }
            }
            if row != (tree + 1) * count {
                return false;
            }
            next = end;
        }
        next == self.nodes.len() && self.rows.iter().all(|&row| (row as usize) < count)
    }
}
