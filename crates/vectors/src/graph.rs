//! A graph of nearest neighbours: which vectors are alike, kept for diffusion.
//!
//! Nodes are vectors with ids, edges join vectors that are near each other and weigh max(0, cos)^γ (Iscen, Tolias, Avrithis,
//! Furon & Chum 2017). The edges of a node lie side by side (compressed sparse rows), memory-mapped, so that a walk
//! around a query reads what it meets and no more. With each node stands the root of one over the sum of its weights, by which a
//! weight becomes an entry of the symmetric D^−½ A D^−½. Layout, little-endian:
//!
//! ```text
//! "VZKG" | u32 version | u32 neighbours | f32 γ | u32 linking | u32 dimension | u64 nodes | u64 edges | 32 bytes tag
//! | u32 CRC of the body | u32 CRC of the header
//! nodes × i64 id, ascending | (nodes + 1) × u64 first edge | nodes × f32 root | edges × u32 node | edges × f32 weight
//! ```
//!
//! An edge stands with both of its nodes; those of a node ascend.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::files::{
    AtomicFile, CUT_SHORT, FileFormat, Mapped, f32_at, f32s, i64_at, u32_at, u32s, u64_at,
};
use crate::ids::place_of;
use crate::{Error, Linking};

pub(crate) const FORMAT: FileFormat = FileFormat {
    magic: b"VZKG",
    kind: "graph of neighbours",
    version: 1,
    header: HEADER,
};
const HEADER: usize = 6 * 4 + 2 * 8 + TAG + 2 * 4;
const TAG: usize = 32;
/// Most neighbours of a node before linking.
const MOST_NEIGHBOURS: usize = 10_000;
/// Greatest exponent of similarities.
const MOST_GAMMA: f32 = 100.0;
/// Most nodes.
pub(crate) const MOST_NODES: usize = u32::MAX as usize;

/// How a graph is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GraphConfig {
    /// Nearest neighbours of each vector that may become edges, 1 to 10,000.
    pub neighbours: usize,
    /// Exponent γ of similarities as weights, 0 to 100.
    pub gamma: f32,
    /// Which neighbours are linked.
    pub linking: Linking,
}

impl Default for GraphConfig {
    /// As published for global descriptors.
    fn default() -> Self {
        Self {
            neighbours: 50,
            gamma: 3.0,
            linking: Linking::Mutual,
        }
    }
}

impl GraphConfig {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=MOST_NEIGHBOURS).contains(&self.neighbours) {
            return Err(Error::OutOfRange {
                what: "the number of neighbours of a graph",
                found: self.neighbours,
                least: 1,
                most: MOST_NEIGHBOURS,
            });
        }
        if !(0.0..=MOST_GAMMA).contains(&self.gamma) {
            return Err(Error::Figure {
                what: "the exponent γ of a graph",
                found: f64::from(self.gamma),
                allowed: "0 to 100",
            });
        }
        Ok(())
    }
}

/// Edges in rows, as [`Graph::of_rows`] takes them.
pub(crate) struct Rows {
    pub dimension: usize,
    pub ids: Vec<i64>,
    /// Of each node its edges: other node, ascending, and weight above 0.
    pub edges: Vec<Vec<(u32, f32)>>,
}

/// A graph of nearest neighbours, in memory or in a file.
#[derive(Debug)]
pub struct Graph {
    path: PathBuf,
    map: Mapped,
    config: GraphConfig,
    dimension: usize,
    nodes: usize,
    edges: usize,
    tag: String,
}

impl Graph {
    /// A graph in memory. The tag, at most 32 bytes, says what made the vectors.
    pub(crate) fn of_rows(rows: &Rows, config: &GraphConfig, tag: &str) -> Result<Self, Error> {
        let edges: usize = rows.edges.iter().map(Vec::len).sum();
        let mut payload = Vec::with_capacity(body(rows.ids.len(), edges).unwrap_or(0));
        rows.ids
            .iter()
            .for_each(|id| payload.extend(id.to_le_bytes()));
        let mut first = 0u64;
        payload.extend(first.to_le_bytes());
        for edges in &rows.edges {
            first += edges.len() as u64;
            payload.extend(first.to_le_bytes());
        }
        for edges in &rows.edges {
            payload.extend(root(edges.iter().map(|&(_, weight)| weight)).to_le_bytes());
        }
        let all = || rows.edges.iter().flatten();
        all().for_each(|(node, _)| payload.extend(node.to_le_bytes()));
        all().for_each(|(_, weight)| payload.extend(weight.to_le_bytes()));
        let halves = |number: usize| [number as u32, (number as u64 >> 32) as u32];
        let mut fields = vec![
            config.neighbours as u32,
            config.gamma.to_bits(),
            config.linking as u32,
            rows.dimension as u32,
        ];
        fields.extend(halves(rows.ids.len()));
        fields.extend(halves(edges));
        let mut named = [0; TAG];
        let length = tag.len().min(TAG);
        named[..length].copy_from_slice(&tag.as_bytes()[..length]);
        fields.extend(u32s(&named));
        let bytes = FORMAT.encode(&fields, &payload);
        Self::of_bytes(Mapped::from(bytes), Path::new("(in memory)"))
    }

    /// Opens a file. Its lengths and its header are checked, its edges only by [`Graph::verify`]; a damaged one gives wrong
    /// edges and no panic.
    ///
    /// # Errors
    /// It is not such a file, of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::of_bytes(Mapped::open(path)?, path)
    }

    /// Writes the graph to a file, which appears whole or not at all, and never in the place of another.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut file = AtomicFile::create_new(path)?;
        file.write_all(self.map.bytes())?;
        self.check_whole()?;
        Ok(file.commit(&[])?)
    }

    fn of_bytes(map: Mapped, path: &Path) -> Result<Self, Error> {
        let header = FORMAT.header(map.bytes(), path)?;
        let sizes = || FORMAT.damaged("sizes out of range", path);
        let config = GraphConfig {
            neighbours: u32_at(header, 8) as usize,
            gamma: f32_at(header, 12),
            linking: *Linking::ALL
                .get(u32_at(header, 16) as usize)
                .ok_or_else(sizes)?,
        };
        config.check().map_err(|_| sizes())?;
        let (nodes, edges) = (u64_at(header, 24), u64_at(header, 32));
        let (Ok(nodes), Ok(edges)) = (usize::try_from(nodes), usize::try_from(edges)) else {
            return Err(sizes());
        };
        let whole = body(nodes, edges).and_then(|body| body.checked_add(HEADER));
        if whole != Some(map.bytes().len()) || nodes > MOST_NODES {
            return Err(FORMAT.damaged("length", path));
        }
        let tag = header.get(40..40 + TAG).unwrap_or_default();
        Ok(Self {
            tag: String::from_utf8_lossy(tag)
                .trim_end_matches('\0')
                .to_owned(),
            dimension: u32_at(header, 20) as usize,
            path: path.to_owned(),
            config,
            nodes,
            edges,
            map,
        })
    }

    /// How it was made.
    pub fn config(&self) -> GraphConfig {
        self.config
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes == 0
    }

    /// Number of edges, each counted once.
    pub fn edge_count(&self) -> usize {
        self.edges / 2
    }

    /// What made the vectors, such as the hash of a whitening.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The greatest id; 0 when there is none.
    pub fn last_id(&self) -> i64 {
        self.nodes.checked_sub(1).map_or(0, |last| self.id(last))
    }

    /// Id of a node, counted from 0; 0 where there is no such node.
    pub fn id(&self, node: usize) -> i64 {
        match node < self.nodes {
            true => i64_at(self.map.bytes(), HEADER + 8 * node),
            false => 0,
        }
    }

    /// The node of an id.
    pub fn node(&self, id: i64) -> Option<usize> {
        place_of(id, self.nodes, |node| self.id(node))
    }

    /// Root of one over the sum of the weights of a node's edges; 0 of a node without edges.
    pub fn root(&self, node: usize) -> f32 {
        match node < self.nodes {
            true => f32_at(self.map.bytes(), self.roots() + 4 * node),
            false => 0.0,
        }
    }

    /// The edges of a node: other node, ascending, and weight.
    pub fn edges(&self, node: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.range(node);
        let part = |from: usize| {
            let bytes = self.map.bytes();
            let part = bytes.get(from + 4 * range.start..from + 4 * range.end);
            part.unwrap_or_default()
        };
        let others = self.others();
        u32s(part(others))
            .zip(f32s(part(others + 4 * self.edges)))
            .map(|(other, weight)| (other as usize, weight))
            .filter(|&(other, _)| other < self.nodes)
    }

    /// Whether its file is still as long as when it was opened, and was so while it was read.
    ///
    /// # Errors
    /// [`Error::Damaged`] when not.
    pub fn check_whole(&self) -> Result<(), Error> {
        match self.map.is_whole() {
            true => Ok(()),
            false => Err(FORMAT.damaged(CUT_SHORT, &self.path)),
        }
    }

    /// Checks every byte, and that the edges are those of a graph.
    ///
    /// # Errors
    /// [`Error::Damaged`] when something is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        let damaged = |what| Err(FORMAT.damaged(what, &self.path));
        let bytes = self.map.bytes();
        if crc32fast::hash(&bytes[HEADER..]) != u32_at(bytes, HEADER - 8) {
            return damaged("checksum");
        }
        if (1..self.nodes).any(|node| self.id(node - 1) >= self.id(node)) {
            return damaged("ids do not ascend");
        }
        let mut next = 0;
        for node in 0..self.nodes {
            let range = self.range(node);
            if range.start != next || range.end < next {
                return damaged("edges of nodes overlap");
            }
            next = range.end;
            let edges: Vec<(usize, f32)> = self.edges(node).collect();
            let sound = edges.len() == range.len()
                && edges.is_sorted_by(|a, b| a.0 < b.0)
                && edges
                    .iter()
                    .all(|&(other, weight)| other != node && weight > 0.0 && weight.is_finite());
            if !sound || self.root(node) != root(edges.iter().map(|&(_, weight)| weight)) {
                return damaged("edges");
            }
            let back = |&(other, weight): &(usize, f32)| {
                self.edges(other).any(|edge| edge == (node, weight))
            };
            if !edges.iter().all(back) {
                return damaged("an edge goes one way");
            }
        }
        match next == self.edges {
            true => Ok(()),
            false => damaged("edges of no node"),
        }
    }

    fn firsts(&self) -> usize {
        HEADER + 8 * self.nodes
    }

    fn roots(&self) -> usize {
        self.firsts() + 8 * (self.nodes + 1)
    }

    fn others(&self) -> usize {
        self.roots() + 4 * self.nodes
    }

    /// Which edges are those of a node.
    fn range(&self, node: usize) -> Range<usize> {
        if node >= self.nodes {
            return 0..0;
        }
        let first = |node: usize| {
            let first = u64_at(self.map.bytes(), self.firsts() + 8 * node);
            first.min(self.edges as u64) as usize
        };
        let (start, end) = (first(node), first(node + 1));
        start..end.max(start)
    }
}

/// Bytes behind the header; `None` where there are too many.
fn body(nodes: usize, edges: usize) -> Option<usize> {
    let of_nodes = nodes.checked_mul(8 + 8 + 4)?.checked_add(8)?;
    of_nodes.checked_add(edges.checked_mul(8)?)
}

/// Root of one over a sum of weights; 0 where it is none.
pub(crate) fn root(weights: impl Iterator<Item = f32>) -> f32 {
    let sum: f64 = weights.map(f64::from).sum();
    match sum > 0.0 && sum.is_finite() {
        true => (1.0 / sum.sqrt()) as f32,
        false => 0.0,
    }
}
