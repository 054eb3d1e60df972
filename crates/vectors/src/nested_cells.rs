//! Nearest rows among millions, by way of cells within cells.
//!
//! The root of a million is a thousand cells of a thousand rows, and a search of the nearest few reads thousands of rows. Here cells have some
//! thirty rows each, and the nearest of the many cells are found through a [`CellIndex`] over their centres.

use rayon::prelude::*;

use crate::cells::CellIndex;
use crate::distance::l2_squared_u8;
use crate::hierarchy::{HierarchicalConfig, hierarchical_kmeans};
use crate::kmeans::group;
use crate::neighbour::Neighbour;
use crate::panel::DIMENSIONS;

/// Rows of a cell, about.
const ROWS: usize = 32;
/// Cells of the outer index whose centres are compared.
const OUTER_PROBES: usize = 8;
/// Points that are given their cells together.
const TOGETHER: usize = 4096;

/// Rows of 128 bytes in small cells, which lie in larger ones.
#[derive(Debug, Clone)]
pub struct NestedCells {
    /// Its rows are the centres of the cells.
    outer: CellIndex,
    /// First row of every cell, and the number of rows at the end.
    starts: Vec<u32>,
    rows: Vec<[u8; DIMENSIONS]>,
}

impl NestedCells {
    /// Groups rows into cells of about 32 by k-means, and the cells likewise. The rows are renumbered: those of one cell follow each other, in
    /// the order they had. Works in the current rayon pool; the result does not depend on the number of threads.
    pub fn build(rows: &[[u8; DIMENSIONS]], iterations: usize, seed: u64) -> Self {
        let config = HierarchicalConfig {
            clusters: rows.len().div_ceil(ROWS).max(1),
            iterations,
            refinements: 1,
            seed,
            ..HierarchicalConfig::default()
        };
        let centres = hierarchical_kmeans(rows, &config, &|_, _, _| {});
        let larger = (centres.len() as f64).sqrt().round().max(1.0) as usize;
        let outer = CellIndex::build(&centres, larger, iterations, seed);
        let cell = |nearest: Vec<Neighbour>| nearest.first().map_or(0, |n| n.row);
        let labels: Vec<u32> = rows
            .par_chunks(TOGETHER)
            .flat_map_iter(|rows| outer.nearest_of_each(rows, 1, OUTER_PROBES))
            .map(cell)
            .collect();
        let (order, starts) = group(&labels, outer.len());
        Self {
            outer,
            starts: starts.iter().map(|&start| start as u32).collect(),
            rows: order.iter().map(|&row| rows[row as usize]).collect(),
        }
    }

    /// Puts an index together from its parts: `outer`, whose rows are the centres of the cells, the first row of every cell and the number of
    /// rows at the end, and the rows; `None` when they do not fit.
    pub fn from_parts(
        outer: CellIndex,
        starts: Vec<u32>,
        rows: Vec<[u8; DIMENSIONS]>,
    ) -> Option<Self> {
        let sound = starts.len() == outer.len() + 1
            && starts.first() == Some(&0)
            && starts.last().map(|&start| start as usize) == Some(rows.len())
            && starts.is_sorted();
        sound.then_some(Self {
            outer,
            starts,
            rows,
        })
    }

    /// The rows, cell by cell.
    pub fn rows(&self) -> &[[u8; DIMENSIONS]] {
        &self.rows
    }

    /// The cells, whose centres are its rows.
    pub fn outer(&self) -> &CellIndex {
        &self.outer
    }

    /// First row of every cell, and the number of rows at the end.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The `count` nearest rows of the `probes` nearest cells, nearest first, ties to the lower row.
    pub fn nearest_many(
        &self,
        point: &[u8; DIMENSIONS],
        count: usize,
        probes: usize,
    ) -> Vec<Neighbour> {
        let mut cells = Vec::new();
        self.outer
            .nearest_many(point, probes, OUTER_PROBES, &mut cells);
        self.nearest_in(point, &cells, count)
    }

    /// As [`NestedCells::nearest_many`] for each of many points, faster: their cells are found together.
    pub fn nearest_of_each(
        &self,
        points: &[[u8; DIMENSIONS]],
        count: usize,
        probes: usize,
    ) -> Vec<Vec<Neighbour>> {
        let cells = self.outer.nearest_of_each(points, probes, OUTER_PROBES);
        let each = points.iter().zip(cells);
        each.map(|(point, cells)| self.nearest_in(point, &cells, count))
            .collect()
    }

    fn nearest_in(
        &self,
        point: &[u8; DIMENSIONS],
        cells: &[Neighbour],
        count: usize,
    ) -> Vec<Neighbour> {
        let mut found: Vec<Neighbour> = Vec::with_capacity(cells.len() * ROWS);
        for cell in cells {
            let cell = cell.row as usize;
            let [from, to] = [self.starts[cell], self.starts[cell + 1]];
            let rows = &self.rows[from as usize..to as usize];
            found.extend(rows.iter().zip(from..).map(|(centre, row)| Neighbour {
                distance: l2_squared_u8(point, centre),
                row,
            }));
        }
        if count < found.len() {
            found.select_nth_unstable(count);
            found.truncate(count);
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn points(random: &mut Random, count: usize) -> Vec<[u8; DIMENSIONS]> {
        let bytes = |_| std::array::from_fn(|_| random.below(256) as u8);
        (0..count).map(bytes).collect()
    }

    #[test]
    fn probing_every_cell_is_exact() {
        let mut random = Random::new(3);
        let rows = points(&mut random, 900);
        let index = NestedCells::build(&rows, 4, 1);
        assert_eq!(index.rows().len(), 900);
        let mut sorted = [rows, index.rows().to_vec()];
        sorted.iter_mut().for_each(|rows| rows.sort_unstable());
        assert_eq!(sorted[0], sorted[1]);
        let asked = points(&mut random, 20);
        for count in [0, 1, 7, 1000] {
            let each = index.nearest_of_each(&asked, count, 1000);
            for (point, found) in asked.iter().zip(each) {
                let distance = |row: &[u8; DIMENSIONS]| l2_squared_u8(point, row);
                let all = index.rows().iter().map(distance).zip(0..);
                let mut all: Vec<Neighbour> = all
                    .map(|(distance, row)| Neighbour { distance, row })
                    .collect();
                all.sort_unstable();
                all.truncate(count);
                assert_eq!(found, all);
                assert_eq!(index.nearest_many(point, count, 1000), found);
            }
        }
    }

    #[test]
    fn few_cells_find_nearly_all_of_what_lies_in_clusters() {
        let mut random = Random::new(4);
        let centres = points(&mut random, 40);
        let near = |random: &mut Random, centre: &[u8; DIMENSIONS]| {
            centre.map(|x| x.saturating_add(random.below(60) as u8))
        };
        let rows: Vec<_> = (0..4000)
            .map(|at| near(&mut random, &centres[at % 40]))
            .collect();
        let index = NestedCells::build(&rows, 8, 1);
        let asked: Vec<_> = (0..100)
            .map(|at| near(&mut random, &centres[at % 40]))
            .collect();
        let exact = index.nearest_of_each(&asked, 1, 4000);
        let found = index.nearest_of_each(&asked, 1, 16);
        let right = exact.iter().zip(&found).filter(|(a, b)| a == b).count();
        assert!(right >= 95, "{right}");
    }

    #[test]
    fn parts_are_checked() {
        let row = [1u8; DIMENSIONS];
        let outer = || CellIndex::from_parts(vec![row], vec![0, 2], vec![row; 2]).unwrap();
        let parts =
            |starts, rows| NestedCells::from_parts(outer(), starts, vec![row; rows]).is_some();
        assert!(parts(vec![0, 2, 3], 3));
        assert!(!parts(vec![0, 2, 3], 4));
        assert!(!parts(vec![0, 3], 3));
        assert!(!parts(vec![0, 4, 3], 3));
        assert!(!parts(vec![1, 2, 3], 3));
        let none = CellIndex::from_parts(vec![], vec![0], vec![]).unwrap();
        let empty = NestedCells::from_parts(none, vec![0], vec![]).unwrap();
        assert_eq!(empty.nearest_of_each(&[row], 3, 8), [vec![]]);
        assert!(NestedCells::build(&[], 3, 1).rows().is_empty());
    }
}
