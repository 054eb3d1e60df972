//! Nearest rows among tens of thousands, by way of cells.
//!
//! The rows are grouped into cells around coarse centroids. A search measures the distance to every
//! cell, then the exact distance to every row of the nearest few. This is the inverted file without
//! compression (Jégou, Douze & Schmid 2011), with the rows themselves as the collection.

use crate::kmeans::{KMeansConfig, group, kmeans};
use crate::neighbour::Neighbour;
use crate::panel::{BLOCK_ROWS, Best, DIMENSIONS, Pairs, Panel, pairs_of_bytes};

/// Rows of 128 bytes grouped into cells.
#[derive(Debug, Clone)]
pub struct CellIndex {
    cells: Vec<[u8; DIMENSIONS]>,
    /// First row of every cell, and the number of rows at the end.
    starts: Vec<u32>,
    rows: Vec<[u8; DIMENSIONS]>,
    cell_panel: Panel,
    cell_bias: Vec<i32>,
    row_panels: Vec<Panel>,
    row_bias: Vec<i32>,
}

fn widen(row: &[u8; DIMENSIONS]) -> [i16; DIMENSIONS] {
    row.map(i16::from)
}

fn squared_length(row: &[u8; DIMENSIONS]) -> i32 {
    row.iter().map(|&x| i32::from(x) * i32::from(x)).sum()
}

impl CellIndex {
    /// Groups rows into about `cells` cells by k-means. The rows are renumbered: those of one cell
    /// follow each other, in the order they had.
    pub fn build(rows: &[[u8; DIMENSIONS]], cells: usize, iterations: usize, seed: u64) -> Self {
        let config = KMeansConfig {
            clusters: cells,
            iterations,
            seed,
            ..KMeansConfig::default()
        };
        let coarse = kmeans(rows, &config, &|_, _| {});
        let (order, starts) = group(&coarse.labels, coarse.centroids.len());
        let sorted = order.iter().map(|&i| rows[i as usize]).collect();
        let starts = starts.iter().map(|&s| s as u32).collect();
        Self::assemble(coarse.byte_centroids(), starts, sorted)
    }

    /// Puts an index together from its parts. `starts` has one entry more than `cells`, begins with 0,
    /// never falls and ends with the number of rows; otherwise `None`.
    pub fn from_parts(
        cells: Vec<[u8; DIMENSIONS]>,
        starts: Vec<u32>,
        rows: Vec<[u8; DIMENSIONS]>,
    ) -> Option<Self> {
        let sound = starts.len() == cells.len() + 1
            && starts.first() == Some(&0)
            && starts.last().map(|&s| s as usize) == Some(rows.len())
            && starts.windows(2).all(|w| w[0] <= w[1]);
        sound.then(|| Self::assemble(cells, starts, rows))
    }

    fn assemble(
        cells: Vec<[u8; DIMENSIONS]>,
        starts: Vec<u32>,
        rows: Vec<[u8; DIMENSIONS]>,
    ) -> Self {
        let wide_cells: Vec<_> = cells.iter().map(widen).collect();
        let row_panels = starts
            .windows(2)
            .map(|w| {
                let wide: Vec<_> = rows[w[0] as usize..w[1] as usize]
                    .iter()
                    .map(widen)
                    .collect();
                Panel::new(wide.iter())
            })
            .collect();
        Self {
            cell_panel: Panel::new(wide_cells.iter()),
            cell_bias: cells.iter().map(squared_length).collect(),
            row_bias: rows.iter().map(squared_length).collect(),
            row_panels,
            cells,
            starts,
            rows,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, cell by cell.
    pub fn rows(&self) -> &[[u8; DIMENSIONS]] {
        &self.rows
    }

    /// The coarse centroids.
    pub fn cells(&self) -> &[[u8; DIMENSIONS]] {
        &self.cells
    }

    /// First row of every cell, and the number of rows at the end.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The nearest row of the `probes` nearest cells, ties to the lower row; `None` without rows.
    pub fn nearest(&self, point: &[u8; DIMENSIONS], probes: usize) -> Option<Neighbour> {
        let pairs = pairs_of_bytes(point);
        let mut best = Best::NONE;
        for (_, cell) in self.nearest_cells(&pairs, probes) {
            let first = self.starts[cell as usize];
            let panel = &self.row_panels[cell as usize];
            let mut here = [Best::NONE];
            let bias = &self.row_bias[first as usize..][..panel.rows()];
            panel.nearest(bias, std::slice::from_ref(&pairs), &mut here);
            let here = Best {
                key: here[0].key,
                row: here[0].row.saturating_add(first),
            };
            if (here.key, here.row) < (best.key, best.row) {
                best = here;
            }
        }
        (best != Best::NONE).then(|| Neighbour {
            distance: (best.key + squared_length(point)) as u32,
            row: best.row,
        })
    }

    /// The `count` nearest rows of the `probes` nearest cells, nearest first, ties to the lower row.
    /// They replace what `found` held.
    pub fn nearest_many(
        &self,
        point: &[u8; DIMENSIONS],
        count: usize,
        probes: usize,
        found: &mut Vec<Neighbour>,
    ) {
        found.clear();
        let pairs = pairs_of_bytes(point);
        let length = squared_length(point);
        for (_, cell) in self.nearest_cells(&pairs, probes) {
            let first = self.starts[cell as usize] as usize;
            let panel = &self.row_panels[cell as usize];
            let bias = &self.row_bias[first..][..panel.rows()];
            panel.for_each_block(
                &pairs,
                0..panel.rows().div_ceil(BLOCK_ROWS),
                |at, products| {
                    for (lane, (bias, product)) in bias[at..].iter().zip(products).enumerate() {
                        let candidate = Neighbour {
                            distance: (bias - 2 * product + length) as u32,
                            row: (first + at + lane) as u32,
                        };
                        insert(found, count, candidate);
                    }
                },
            );
        }
    }

    /// As [`CellIndex::nearest_many`] for each of many points, several times as fast: those that look into the same cell do so
    /// together, so that its rows come from memory once.
    pub fn nearest_of_each(
        &self,
        points: &[[u8; DIMENSIONS]],
        count: usize,
        probes: usize,
    ) -> Vec<Vec<Neighbour>> {
        let pairs: Vec<Pairs> = points.iter().map(pairs_of_bytes).collect();
        let mut nearest = vec![Few::new(count); points.len()];
        for (cell, asking) in self.asking(&pairs, probes).iter().enumerate() {
            let first = self.starts[cell];
            let panel = &self.row_panels[cell];
            let bias = &self.row_bias[first as usize..][..panel.rows()];
            let of_asking: Vec<&Pairs> = asking.iter().map(|&point| &pairs[point]).collect();
            let mut limits: Vec<i32> = asking.iter().map(|&point| nearest[point].limit).collect();
            panel.each_within(bias, &of_asking, &mut limits, &mut |at, row, keys| {
                let rows = bias.len() - row;
                nearest[asking[at]].offer(first + row as u32, &keys[..rows.min(BLOCK_ROWS)])
            });
        }
        let neighbours = nearest.into_iter().zip(points).map(|(few, point)| {
            let length = squared_length(point);
            let found = few.found.into_iter().map(|(key, row)| Neighbour {
                distance: (key + length) as u32,
                row,
            });
            found.collect()
        });
        neighbours.collect()
    }

    /// For every cell the points of whose nearest cells with rows it is.
    fn asking(&self, points: &[Pairs], probes: usize) -> Vec<Vec<usize>> {
        // A cell without rows is as far as can be.
        let starts = self.starts.windows(2);
        let bias = self.cell_bias.iter().zip(starts);
        let bias: Vec<i32> = bias
            .map(|(&bias, starts)| if starts[0] < starts[1] { bias } else { NOWHERE })
            .collect();
        let mut nearest = vec![Few::new(probes.max(1)); points.len()];
        let refs: Vec<&Pairs> = points.iter().collect();
        let mut limits = vec![NOWHERE / 2; points.len()];
        self.cell_panel
            .each_within(&bias, &refs, &mut limits, &mut |point, cell, keys| {
                let cells = (bias.len() - cell).min(BLOCK_ROWS);
                nearest[point]
                    .offer(cell as u32, &keys[..cells])
                    .min(NOWHERE / 2)
            });
        let mut asking = vec![Vec::new(); self.cells.len()];
        for (point, few) in nearest.into_iter().enumerate() {
            for (key, cell) in few.found {
                if key < NOWHERE / 2 {
                    asking[cell as usize].push(point);
                }
            }
        }
        asking
    }

    /// The nearest cells that hold rows: `(key, cell)`, nearest first.
    fn nearest_cells(&self, point: &Pairs, probes: usize) -> Vec<(i32, u32)> {
        let mut keys: Vec<(i32, u32)> = Vec::with_capacity(self.cells.len());
        let blocks = 0..self.cells.len().div_ceil(BLOCK_ROWS);
        self.cell_panel
            .for_each_block(point, blocks, |at, products| {
                for (lane, (bias, product)) in self.cell_bias[at..].iter().zip(products).enumerate()
                {
                    let cell = at + lane;
                    if self.starts[cell] < self.starts[cell + 1] {
                        keys.push((bias - 2 * product, cell as u32));
                    }
                }
            });
        let probes = probes.max(1);
        if probes < keys.len() {
            keys.select_nth_unstable(probes - 1);
            keys.truncate(probes);
        }
        keys.sort_unstable();
        keys
    }
}

/// Farther than anything is: squared lengths of bytes and their products stay below 2^25.
const NOWHERE: i32 = 1 << 30;

/// The few smallest keys of a point and their rows, sorted.
#[derive(Debug, Clone)]
struct Few {
    count: usize,
    found: Vec<(i32, u32)>,
    /// No greater key would be kept.
    limit: i32,
}

impl Few {
    fn new(count: usize) -> Self {
        Self {
            count,
            found: Vec::new(),
            limit: if count == 0 { i32::MIN } else { i32::MAX },
        }
    }

    /// Offers keys of rows that follow each other, and returns the limit.
    fn offer(&mut self, first: u32, keys: &[i32]) -> i32 {
        for (row, &key) in (first..).zip(keys) {
            if key > self.limit {
                continue;
            }
            let at = self.found.partition_point(|&kept| kept < (key, row));
            if at >= self.count {
                continue;
            }
            self.found.insert(at, (key, row));
            self.found.truncate(self.count);
            if self.found.len() == self.count {
                self.limit = self.found.last().map_or(i32::MIN, |last| last.0);
            }
        }
        self.limit
    }
}

/// Keeps the `count` smallest, sorted.
fn insert(found: &mut Vec<Neighbour>, count: usize, candidate: Neighbour) {
    if found.len() >= count {
        match found.last() {
            Some(last) if candidate < *last => {
                found.pop();
            }
            _ => return,
        }
    }
    let at = found.partition_point(|kept| *kept < candidate);
    found.insert(at, candidate);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::l2_squared_u8;
    use crate::random::Random;

    fn points(random: &mut Random, count: usize) -> Vec<[u8; DIMENSIONS]> {
        (0..count)
            .map(|_| std::array::from_fn(|_| random.below(256) as u8))
            .collect()
    }

    #[test]
    fn probing_every_cell_is_exact() {
        let mut random = Random::new(1);
        let rows = points(&mut random, 700);
        let index = CellIndex::build(&rows, 25, 5, 1);
        assert_eq!(index.len(), 700);
        let mut found = Vec::new();
        for point in points(&mut random, 20) {
            let mut all: Vec<Neighbour> = index
                .rows()
                .iter()
                .enumerate()
                .map(|(row, r)| Neighbour {
                    distance: l2_squared_u8(&point, r),
                    row: row as u32,
                })
                .collect();
            all.sort_unstable();
            assert_eq!(index.nearest(&point, 100), Some(all[0]));
            index.nearest_many(&point, 7, 100, &mut found);
            assert_eq!(found, all[..7]);
        }
    }

    #[test]
    fn many_points_find_what_each_does_by_itself() {
        let mut random = Random::new(5);
        let mut rows = points(&mut random, 600);
        // Equal rows: the lower number comes first.
        rows[300] = rows[9];
        let built = CellIndex::build(&rows, 25, 5, 1);
        // A cell without rows, as a file may have one.
        let cells = [&[[128; DIMENSIONS]], built.cells()].concat();
        let starts = [&[0], built.starts()].concat();
        let index = CellIndex::from_parts(cells, starts, built.rows().to_vec()).unwrap();
        for many in [0, 1, 3, 90] {
            let mut points = points(&mut random, many);
            points
                .iter_mut()
                .skip(1)
                .step_by(4)
                .for_each(|point| *point = rows[9]);
            for (count, probes) in [(0, 3), (1, 0), (1, 8), (3, 8), (7, 1), (700, 26), (5, 1000)] {
                let each = index.nearest_of_each(&points, count, probes);
                assert_eq!(each.len(), many);
                let mut found = Vec::new();
                for (point, each) in points.iter().zip(each) {
                    index.nearest_many(point, count, probes, &mut found);
                    assert_eq!(each, found, "{count} of {probes} cells");
                }
            }
        }
        let empty = CellIndex::from_parts(vec![], vec![0], vec![]).unwrap();
        assert_eq!(empty.nearest_of_each(&[[1; DIMENSIONS]], 3, 8), [vec![]]);
    }

    #[test]
    fn parts_are_checked() {
        let row = [1u8; DIMENSIONS];
        assert!(CellIndex::from_parts(vec![row], vec![0, 2], vec![row; 2]).is_some());
        assert!(CellIndex::from_parts(vec![row], vec![0, 3], vec![row; 2]).is_none());
        assert!(CellIndex::from_parts(vec![row], vec![0], vec![row; 2]).is_none());
        assert!(CellIndex::from_parts(vec![row; 2], vec![0, 3, 2], vec![row; 2]).is_none());
        let empty = CellIndex::from_parts(vec![], vec![0], vec![]).unwrap();
        assert!(empty.is_empty() && empty.nearest(&row, 3).is_none());
    }
}
