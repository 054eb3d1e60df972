//! k-means with tens of thousands of clusters, by approximation.
//!
//! Points are split into coarse cells, each cell is clustered by itself with a share of the clusters
//! that follows its share of the points, and a few rounds over everything then move the centroids
//! across cell borders: there a point is compared with the centroids of the cells around its own, which
//! is the approximate k-means of Philbin et al. 2007 with cells in place of random trees.

use rayon::prelude::*;

use crate::centroids::{Centroid, CentroidPanel, centroid_to_bytes};
use crate::distance::l2_squared_u8;
use crate::kmeans::{KMeansConfig, group, kmeans, update};
use crate::panel::DIMENSIONS;

/// What hierarchical k-means is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct HierarchicalConfig {
    /// Number of clusters wanted; fewer come back when there are fewer points.
    pub clusters: usize,
    /// Coarse cells; 0 takes the square root of the clusters.
    pub cells: usize,
    /// Rounds of the k-means of the cells and in the cells.
    pub iterations: usize,
    /// Rounds over all points and clusters at the end.
    pub refinements: usize,
    /// Cells whose clusters a point is compared with in those rounds.
    pub probes: usize,
    /// Seed of the starts.
    pub seed: u64,
}

impl Default for HierarchicalConfig {
    fn default() -> Self {
        Self {
            clusters: 32_768,
            cells: 0,
            iterations: 8,
            refinements: 6,
            probes: 16,
            seed: 0,
        }
    }
}

/// Points used to place the coarse cells, per cell.
const COARSE_SAMPLE: usize = 512;

/// Clusters the points and returns the centroids rounded to bytes. `progress` hears of every stage:
/// its number, the number of stages, and the inertia where it is known. Works in the current rayon
/// pool; the result does not depend on the number of threads.
pub fn hierarchical_kmeans(
    points: &[[u8; DIMENSIONS]],
    config: &HierarchicalConfig,
    progress: &dyn Fn(usize, usize, Option<f64>),
) -> Vec<[u8; DIMENSIONS]> {
    let clusters = config.clusters.min(points.len());
    let stages = 2 + config.refinements;
    let cells = match config.cells {
        0 => (clusters as f64).sqrt().round() as usize,
        cells => cells,
    }
    .clamp(1, clusters.max(1));
    let coarse = coarse_cells(points, cells, config);
    progress(1, stages, None);
    let mut centroids = cluster_in_cells(points, clusters, &coarse, config);
    progress(2, stages, None);
    let mut labels = vec![0u32; points.len()];
    for round in 0..config.refinements {
        let inertia = assign_by_cells(points, &centroids, cells, config, &mut labels);
        update(points, &labels, &mut centroids);
        progress(3 + round, stages, Some(inertia));
    }
    centroids.iter().map(centroid_to_bytes).collect()
}

fn coarse_cells(
    points: &[[u8; DIMENSIONS]],
    cells: usize,
    config: &HierarchicalConfig,
) -> Vec<Centroid> {
    let step = (points.len() / (cells * COARSE_SAMPLE)).max(1);
    let sample: Vec<[u8; DIMENSIONS]> = points.iter().step_by(step).copied().collect();
    let config = KMeansConfig {
        clusters: cells,
        iterations: config.iterations,
        start_sample: 32,
        seed: config.seed,
        ..KMeansConfig::default()
    };
    kmeans(&sample, &config, &|_, _| {}).centroids
}

/// Nearest of a few centroids for every point.
fn label_points(points: &[[u8; DIMENSIONS]], centroids: &[Centroid]) -> Vec<u32> {
    let panel = CentroidPanel::new(centroids.iter());
    let mut labels = vec![0u32; points.len()];
    points
        .par_chunks(4096)
        .zip(labels.par_chunks_mut(4096))
        .for_each(|(points, labels)| {
            let mut labels = labels.iter_mut();
            panel.assign(points.iter(), |row, _| {
                if let Some(label) = labels.next() {
                    *label = row;
                }
            });
        });
    labels
}

fn cluster_in_cells(
    points: &[[u8; DIMENSIONS]],
    clusters: usize,
    coarse: &[Centroid],
    config: &HierarchicalConfig,
) -> Vec<Centroid> {
    if coarse.is_empty() {
        return Vec::new();
    }
    let labels = label_points(points, coarse);
    let (order, starts) = group(&labels, coarse.len());
    let sizes: Vec<usize> = starts.windows(2).map(|w| w[1] - w[0]).collect();
    let shares = share_out(clusters, &sizes);
    let parts: Vec<Vec<Centroid>> = (0..coarse.len())
        .into_par_iter()
        .map(|cell| {
            let members: Vec<[u8; DIMENSIONS]> = order[starts[cell]..starts[cell + 1]]
                .iter()
                .map(|&i| points[i as usize])
                .collect();
            let config = KMeansConfig {
                clusters: shares[cell],
                iterations: config.iterations,
                start_sample: 32,
                start_trials: 1,
                seed: config.seed.wrapping_add(cell as u64 + 1),
                ..KMeansConfig::default()
            };
            kmeans(&members, &config, &|_, _| {}).centroids
        })
        .collect();
    parts.into_iter().flatten().collect()
}

/// Shares `total` out in proportion to `sizes`, at most `sizes[i]` to each and, while it lasts, one at
/// least to whoever has anything. Largest remainders.
fn share_out(total: usize, sizes: &[usize]) -> Vec<usize> {
    let whole: u128 = sizes.iter().map(|&s| s as u128).sum::<u128>().max(1);
    let mut shares: Vec<usize> = Vec::with_capacity(sizes.len());
    let mut remainders: Vec<(u128, usize)> = Vec::with_capacity(sizes.len());
    for (i, &size) in sizes.iter().enumerate() {
        let exact = total as u128 * size as u128;
        shares.push(((exact / whole) as usize).min(size));
        remainders.push((exact % whole, i));
    }
    remainders.sort_unstable_by_key(|&(remainder, i)| (std::cmp::Reverse(remainder), i));
    let mut left = total.saturating_sub(shares.iter().sum());
    while left > 0 {
        let before = left;
        for &(_, i) in &remainders {
            if left > 0 && shares[i] < sizes[i] {
                shares[i] += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    shares
}

/// Labels every point with the nearest of the centroids in the cells around it; returns the inertia.
fn assign_by_cells(
    points: &[[u8; DIMENSIONS]],
    centroids: &[Centroid],
    cells: usize,
    config: &HierarchicalConfig,
    labels: &mut [u32],
) -> f64 {
    let bytes: Vec<[u8; DIMENSIONS]> = centroids.iter().map(centroid_to_bytes).collect();
    let coarse_config = KMeansConfig {
        clusters: cells,
        iterations: config.iterations,
        start_sample: 32,
        seed: config.seed,
        ..KMeansConfig::default()
    };
    let coarse = kmeans(&bytes, &coarse_config, &|_, _| {});
    let (members, member_starts) = group(&coarse.labels, coarse.centroids.len());
    let (order, starts) = group(
        &label_points(points, &coarse.centroids),
        coarse.centroids.len(),
    );
    let filled: Vec<bool> = member_starts.windows(2).map(|w| w[0] < w[1]).collect();
    let around = cells_around(&coarse.byte_centroids(), &filled, config.probes);
    let results: Vec<(Vec<u32>, i64)> = (0..coarse.centroids.len())
        .into_par_iter()
        .map(|cell| {
            let candidates: Vec<u32> = around[cell]
                .iter()
                .flat_map(|&c| &members[member_starts[c]..member_starts[c + 1]])
                .copied()
                .collect();
            let chosen: Vec<Centroid> = candidates.iter().map(|&c| centroids[c as usize]).collect();
            let panel = CentroidPanel::new(chosen.iter());
            let here = &order[starts[cell]..starts[cell + 1]];
            let (mut found, mut sum) = (Vec::with_capacity(here.len()), 0i64);
            panel.assign(
                here.iter().map(|&i| &points[i as usize]),
                |row, distance| {
                    found.push(candidates[row as usize]);
                    sum += distance;
                },
            );
            (found, sum)
        })
        .collect();
    let mut total = 0i64;
    for (cell, (found, sum)) in results.into_iter().enumerate() {
        total += sum;
        for (&i, label) in order[starts[cell]..starts[cell + 1]].iter().zip(found) {
            labels[i as usize] = label;
        }
    }
    CentroidPanel::to_distance(total)
}

/// For every cell the numbers of the nearest cells that hold anything, nearest first.
fn cells_around(cells: &[[u8; DIMENSIONS]], filled: &[bool], count: usize) -> Vec<Vec<usize>> {
    cells
        .iter()
        .map(|cell| {
            let mut others: Vec<(u32, usize)> = cells
                .iter()
                .enumerate()
                .filter(|&(i, _)| filled[i])
                .map(|(i, other)| (l2_squared_u8(cell, other), i))
                .collect();
            others.sort_unstable();
            others.truncate(count.max(1));
            others.into_iter().map(|(_, i)| i).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn shares_add_up_and_respect_sizes() {
        assert_eq!(share_out(10, &[5, 15, 30]), [1, 3, 6]);
        assert_eq!(share_out(10, &[1, 0, 1]), [1, 0, 1]);
        assert_eq!(share_out(7, &[3, 3, 3]).iter().sum::<usize>(), 7);
        assert!(share_out(3, &[]).is_empty());
    }

    #[test]
    fn nearly_as_good_as_flat_clustering() {
        let mut random = Random::new(4);
        let centres: Vec<[u8; DIMENSIONS]> = (0..60)
            .map(|_| std::array::from_fn(|_| 40 + random.below(160) as u8))
            .collect();
        let points: Vec<[u8; DIMENSIONS]> = (0..6000)
            .map(|i| centres[(i * 7) % 60].map(|x| x - 40 + random.below(81) as u8))
            .collect();
        let config = HierarchicalConfig {
            clusters: 240,
            refinements: 4,
            probes: 4,
            seed: 1,
            ..HierarchicalConfig::default()
        };
        let rounds = std::cell::Cell::new(0);
        let rows = hierarchical_kmeans(&points, &config, &|_, stages, _| {
            assert_eq!(stages, 6);
            rounds.set(rounds.get() + 1);
        });
        assert_eq!(rounds.get(), 6);
        let inertia: f64 = points
            .iter()
            .map(|p| rows.iter().map(|r| l2_squared_u8(p, r)).min().unwrap_or(0))
            .map(f64::from)
            .sum();
        let flat_config = KMeansConfig {
            clusters: 240,
            ..KMeansConfig::default()
        };
        let flat = kmeans(&points, &flat_config, &|_, _| {}).inertia;
        assert!(inertia < 1.1 * flat, "{inertia} against {flat}");
    }

    #[test]
    fn nothing_comes_from_nothing() {
        let rows = hierarchical_kmeans(&[], &HierarchicalConfig::default(), &|_, _, _| {});
        assert!(rows.is_empty());
    }
}
