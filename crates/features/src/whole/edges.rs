//! The edge histogram of MPEG-7 (Won, Park & Park, "Efficient use of MPEG-7 edge histogram descriptor", ETRI Journal
//! 2002): in each of 4 × 4 parts of the image the shares of small blocks with a vertical, horizontal, diagonal
//! (45° and 135°) or undirected edge; then the same over the whole image and over 13 groups of parts. Shares stay
//! floats, where the standard stores them in 3 bits. Checked against NumPy.

use std::f32::consts::SQRT_2;
use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::{Grid, Spec};

const SIDE: usize = 4;
const KINDS: usize = 5;
/// Bins of the parts alone.
const LOCAL: usize = SIDE * SIDE * KINDS;
const GROUPS: usize = 13;
/// Blocks that an image is divided into, about.
const BLOCKS: f64 = 1100.0;
/// An edge weaker than this, in grey levels, is none.
const WEAKEST: f32 = 11.0;

/// What the means of the four quarters of a block (above left, above right, below left, below right) are multiplied
/// by.
const FILTERS: [[f32; 4]; KINDS] = [
    [1.0, -1.0, 1.0, -1.0],
    [1.0, 1.0, -1.0, -1.0],
    [SQRT_2, 0.0, 0.0, -SQRT_2],
    [0.0, SQRT_2, -SQRT_2, 0.0],
    [2.0, -2.0, -2.0, 2.0],
];

/// Shares of kinds of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EdgeHistogram;

impl EdgeHistogram {
    pub(super) const FORM: &str = "no parameters";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        (spec.parameters().is_none() && spec.has_no_grid()).then_some(EdgeHistogram)
    }
}

impl Method for EdgeHistogram {
    fn dimension(&self) -> usize {
        LOCAL + (1 + GROUPS) * KINDS
    }

    /// Five shares of each part, row after row; of the whole image; of the four columns, the four rows, and the five
    /// groups of 2 × 2 parts (the corners and the middle).
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let mut out = local(&picture.gray);
        let everything: Vec<usize> = (0..SIDE * SIDE).collect();
        for group in std::iter::once(everything).chain(groups()) {
            for kind in 0..KINDS {
                let shares = group.iter().map(|part| out[part * KINDS + kind]);
                out.push(shares.sum::<f32>() / group.len() as f32);
            }
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
            Distance::ChiSquared,
            Distance::Intersection,
            Distance::Hellinger,
        ]
    }

    /// The whole image counts five times, as in the paper.
    fn weights(&self) -> Vec<f32> {
        let weight = |i| {
            if (LOCAL..LOCAL + KINDS).contains(&i) {
                5.0
            } else {
                1.0
            }
        };
        (0..self.dimension()).map(weight).collect()
    }
}

impl fmt::Display for EdgeHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("edges")
    }
}

/// Parts of the image that are taken together.
fn groups() -> impl Iterator<Item = Vec<usize>> {
    let columns = (0..SIDE).map(|x| (0..SIDE).map(|y| y * SIDE + x).collect());
    let rows = (0..SIDE).map(|y| (0..SIDE).map(|x| y * SIDE + x).collect());
    let corners = [0, 2, 8, 10, 5];
    let squares = corners.map(|first| vec![first, first + 1, first + SIDE, first + SIDE + 1]);
    columns.chain(rows).chain(squares)
}

/// The histograms of the parts.
fn local(image: &Gray) -> Vec<f32> {
    let (width, height) = (image.width(), image.height());
    // The side of a block, an even number of pixels.
    let block = ((width * height) as f64 / BLOCKS).sqrt() as usize / 2 * 2;
    let block = block.max(2);
    let grid = Grid {
        columns: SIDE,
        rows: SIDE,
    };
    let mut out = Vec::with_capacity(LOCAL);
    for (columns, rows) in grid.cells(width, height) {
        let mut counts = [0u32; KINDS];
        let mut blocks = 0u32;
        for y in rows.clone().step_by(block) {
            for x in columns.clone().step_by(block) {
                if x + block > columns.end || y + block > rows.end {
                    continue;
                }
                blocks += 1;
                if let Some(kind) = edge(image, x, y, block / 2) {
                    counts[kind] += 1;
                }
            }
        }
        out.extend(counts.map(|n| n as f32 / blocks.max(1) as f32));
    }
    out
}

/// The kind of the edge in the block of four squares of a side of `half` at (x, y), if there is one.
fn edge(image: &Gray, x: usize, y: usize, half: usize) -> Option<usize> {
    let mean = |quarter: usize| {
        let (x, y) = (x + quarter % 2 * half, y + quarter / 2 * half);
        let rows = (y..y + half).map(|y| &image.row(y)[x..x + half]);
        let sum: u32 = rows.flatten().map(|&v| u32::from(v)).sum();
        sum as f32 / (half * half) as f32
    };
    let means: [f32; 4] = std::array::from_fn(mean);
    let mut found = None;
    let mut strongest = WEAKEST;
    for (kind, filter) in FILTERS.iter().enumerate() {
        let products = filter.iter().zip(means);
        let strength = products.map(|(f, m)| f * m).sum::<f32>().abs();
        if strength > strongest {
            (found, strongest) = (Some(kind), strength);
        }
    }
    found
}
