//! Vectors in a file, found through a kd-forest.

use std::path::Path;

use super::exact::OverStored;
use super::file::{Row, Stored};
use super::writer::Gathered;
use crate::files::{FileFormat, f32_at};
use crate::kd_forest::{KdForestConfig, ROUNDING, Rows, Scratch, Trees, Visitor, grow};
use crate::{Allowed, Error, TopK, dot_f32};

static FORMAT: FileFormat = FileFormat {
    magic: b"VZKD",
    kind: "kd-forest of vectors",
    version: 1,
    header: super::file::HEADER,
};
/// Vectors that a search compares, unless it is told otherwise.
const CHECKS: usize = 4096;
/// For each answer that is wanted at least so many.
const CHECKS_EACH: usize = 16;

/// How an index is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KdVectorsConfig {
    /// The forest.
    pub forest: KdForestConfig,
}

/// Writes a [`KdVectors`] file.
pub struct KdVectorsWriter {
    gathered: Gathered,
    config: KdVectorsConfig,
}

/// A file of vectors and of a randomised kd-forest over them, open for searching.
///
/// A search compares vectors until it has compared [`KdVectors::checks`], those in the nearest cells first. What it answers is
/// ordered by inner products. On vectors of one length this is the order of Euclidean distances, by which cells are near; where
/// lengths differ, more checks are needed to find as much, and with as many as there are vectors the answer is exact.
///
/// The structure at the end of the file, after ids, vectors and sample: the greatest squared length (f32), numbers of trees,
/// nodes and leaf rows (u32), first nodes (u32), nodes (axis u32, threshold f32, link u32), rows of the leaves (u32).
#[derive(Debug)]
pub struct KdVectors {
    stored: Stored,
    trees: Trees,
    /// The greatest squared length of a vector.
    longest: f32,
    /// As told, where it was told.
    checks: Option<usize>,
}

impl KdVectorsWriter {
    /// Adds a vector; ids must ascend. Vectors are kept in memory at two bytes a number until [`KdVectorsWriter::finish`].
    ///
    /// # Errors
    /// The vector has another length or holds what is no number of 16 bits, or the id is not above the last one.
    pub fn push(&mut self, id: i64, vector: &[f32]) -> Result<(), Error> {
        self.gathered.push(id, vector)
    }

    /// Grows the forest, in parallel in the current rayon pool, and writes the file; it appears whole or not at all, and never in
    /// the place of another. The same vectors and configuration give the same bytes.
    ///
    /// # Errors
    /// The file cannot be written, or there are more vectors than the trees can hold.
    pub fn finish(self) -> Result<(), Error> {
        let most = u32::MAX as usize / (2 * self.config.forest.trees);
        crate::points::in_range("the number of vectors", self.gathered.len(), 0, most)?;
        let trees = grow(&self.gathered, &self.config.forest);
        let mut row = vec![0.0; self.gathered.dimension()];
        let mut longest = 0f32;
        for at in 0..self.gathered.len() {
            self.gathered.read(at, &mut row);
            longest = longest.max(dot_f32(&row, &row));
        }
        let mut structure = longest.to_le_bytes().to_vec();
        structure.extend(trees.to_bytes());
        self.gathered.write(&structure)
    }
}

impl Rows for Gathered {
    fn count(&self) -> usize {
        self.len()
    }

    fn dimension(&self) -> usize {
        Gathered::dimension(self)
    }

    fn value(&self, row: u32, axis: usize) -> f32 {
        Gathered::value(self, row as usize, axis)
    }

    fn read(&self, row: u32, into: &mut [f32]) {
        Gathered::read(self, row as usize, into);
    }
}

impl KdVectors {
    /// Begins a file of vectors of this length. The tag, at most 32 bytes, says what made them.
    ///
    /// # Errors
    /// The dimension is 0 or above 65,536, or a figure of the forest is outside of its range.
    pub fn create(
        path: &Path,
        dimension: usize,
        tag: &str,
        config: &KdVectorsConfig,
    ) -> Result<KdVectorsWriter, Error> {
        config.forest.check()?;
        Ok(KdVectorsWriter {
            gathered: Gathered::new(&FORMAT, path, dimension, tag)?,
            config: config.clone(),
        })
    }

    /// Opens a file. Its lengths, its header and the shape of its trees are checked, the rest only by [`VectorIndex::verify`].
    /// Trees are read into memory, vectors stay in the file.
    ///
    /// # Errors
    /// It is not such a file, of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let stored = Stored::open(&FORMAT, path)?;
        let (head, trees) = stored.structure().split_at_checked(4).unwrap_or_default();
        let trees = Trees::from_bytes(trees, stored.len(), stored.dimension());
        Ok(Self {
            trees: trees.ok_or_else(|| stored.damaged("trees"))?,
            longest: f32_at(head, 0),
            checks: None,
            stored,
        })
    }

    /// Vectors that a search for `k` compares: 4,096, and at least sixteen for each answer, unless it was told otherwise.
    pub fn checks(&self, k: usize) -> usize {
        match self.checks {
            None => CHECKS.max(k.saturating_mul(CHECKS_EACH)),
            Some(checks) => checks.max(k),
        }
    }

    /// The same index, whose searches compare so many vectors, at least as many as answers are wanted.
    #[must_use]
    pub fn with_checks(self, checks: usize) -> Self {
        Self {
            checks: Some(checks),
            ..self
        }
    }
}

struct Best<'s> {
    index: &'s KdVectors,
    query: &'s [f32],
    stretch: f32,
    allowed: &'s Allowed<'s>,
    row: Row,
    top: TopK,
}

impl Visitor for Best<'_> {
    fn expect(&self, row: u32) {
        self.index.stored.expect(row as usize);
    }

    fn visit(&mut self, row: u32) -> bool {
        let stored = &self.index.stored;
        let id = stored.id(row as usize);
        let counts = self.allowed.contains(id);
        if counts {
            let score = stored.score(row as usize, self.query, &mut self.row);
            self.top.push(score, id);
        }
        counts
    }

    /// 2·⟨q, x⟩ = |q|² + |x|² − |q − x|², where neither is longer than the longest vector.
    fn may_improve(&self, bound: f32) -> bool {
        let longest = self.index.longest;
        let most = (longest - 0.5 * ROUNDING * bound + 1e-3 * longest) / self.stretch;
        most.is_nan() || self.top.would_keep(most, i64::MIN)
    }
}

impl OverStored for KdVectors {
    fn stored(&self) -> &Stored {
        &self.stored
    }

    fn structure(&self) -> &'static str {
        "randomised kd-trees"
    }

    fn compared(&self, k: usize) -> usize {
        self.checks(k)
    }

    /// Some thousand vectors of the nearest cells.
    fn look(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> TopK {
        let length = dot_f32(query, query).sqrt();
        // As long as the longest vector: distances then order vectors of that length as inner products do.
        let stretch = self.longest.sqrt() / length;
        let stretch = if stretch.is_finite() { stretch } else { 0.0 };
        let stretched: Vec<f32> = query.iter().map(|x| x * stretch).collect();
        let mut best = Best {
            index: self,
            query,
            stretch,
            allowed,
            row: Row::new(self.stored.dimension()),
            top: TopK::new(k),
        };
        let checks = self.checks(k);
        Scratch::default().search(&self.trees, &stretched, checks, &mut best);
        best.top
    }
}
