//! A pyramid of histograms of oriented gradients (Bosch, Zisserman & Muñoz, "Representing shape with a spatial pyramid
//! kernel", CIVR 2007): the directions of Canny's edges, each as heavy as its gradient, over the whole image, its
//! quarters, their quarters and so on. Checked against NumPy with the edges of OpenCV.

use std::fmt;

use super::canny::edges;
use super::distance::Distance;
use super::hog::full_direction;
use super::method::Method;
use super::picture::Picture;
use super::spec::{Grid, Spec};

/// Directions of edges, and where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradientPyramid {
    directions: usize,
    levels: usize,
}

impl GradientPyramid {
    pub(super) const FORM: &str =
        "DIRECTIONS,LEVELS (2 to 40 directions within a turn, 0 to 4 levels below the whole image)";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let [directions, levels] = spec.numbers_alone(',', [2..=40, 0..=4], [8, 3])?;
        Some(GradientPyramid { directions, levels })
    }
}

impl Method for GradientPyramid {
    fn dimension(&self) -> usize {
        let cells: usize = (0..=self.levels).map(|level| 1 << (2 * level)).sum();
        cells * self.directions
    }

    /// The whole image, then level after level its cells, row after row. The sum is 1; an image without edges has all
    /// zeros.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let (width, height) = (picture.gray.width(), picture.gray.height());
        let found = edges(&picture.gray);
        let edge = |i: usize| {
            let (x, y) = (found.across[i] as f32, found.down[i] as f32);
            let turn = full_direction(y, x, self.directions);
            (turn, f64::from((x * x + y * y).sqrt()))
        };
        let places = (0..found.is_edge.len()).filter(|&i| found.is_edge[i]);
        let edges: Vec<_> = places.map(|i| (i % width, i / width, edge(i))).collect();
        let mut out = Vec::with_capacity(self.dimension());
        for level in 0..=self.levels {
            let side = 1 << level;
            let grid = Grid {
                columns: side,
                rows: side,
            };
            for (columns, rows) in grid.cells(width, height) {
                let start = out.len();
                out.resize(start + self.directions, 0.0);
                // Edges are in the order of their rows.
                let first = edges.partition_point(|(_, y, _)| *y < rows.start);
                let last = edges.partition_point(|(_, y, _)| *y < rows.end);
                let inside = edges[first..last]
                    .iter()
                    .filter(|(x, ..)| columns.contains(x));
                for (_, _, (turn, weight)) in inside {
                    out[start + turn] += weight;
                }
            }
        }
        let total: f64 = out.iter().sum();
        let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
        out.into_iter().map(|weight| share(weight) as f32).collect()
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::ChiSquared,
            Distance::Hellinger,
            Distance::Intersection,
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
        ]
    }
}

impl fmt::Display for GradientPyramid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phog:{},{}", self.directions, self.levels)
    }
}
