//! k-means of byte vectors (Lloyd 1982, started by greedy k-means++, Arthur & Vassilvitskii 2007).
//!
//! Everything is integer arithmetic: centroids are fixed point, sums are exact, so the result depends
//! on the points and the seed and on nothing else, neither the processor nor the number of threads.
//! Checked against scikit-learn's `KMeans`, see `tests/reference/kmeans.py`.

use rayon::prelude::*;

use crate::blocks::{BLOCK_ROWS, Column};
use crate::byte_panel::{BytePanel, Candidate};
use crate::centroids::{
    Centroid, CentroidPanel, centroid_at, centroid_of_sums, centroid_to_bytes, centroid_to_floats,
    split,
};
use crate::panel::DIMENSIONS;
use crate::random::Random;

/// Points one task assigns.
const CHUNK: usize = 4096;
/// Blocks of as many points.
const CHUNK_BLOCKS: usize = CHUNK / BLOCK_ROWS;

/// What k-means is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansConfig {
    /// Number of clusters wanted; fewer come back when there are fewer points.
    pub clusters: usize,
    /// Most rounds of assignment and averaging.
    pub iterations: usize,
    /// Stops when a round lowers the inertia by less than this share of it.
    pub tolerance: f64,
    /// Points per cluster that the start looks at; the start costs as much as one round on them.
    pub start_sample: usize,
    /// Points drawn for each centre of the start, of which the one that lowers the inertia most is
    /// taken; 0 draws 2 + ln(clusters).
    pub start_trials: usize,
    /// Seed of the start.
    pub seed: u64,
}

impl Default for KMeansConfig {
    fn default() -> Self {
        Self {
            clusters: 256,
            iterations: 25,
            tolerance: 1e-4,
            start_sample: 64,
            start_trials: 0,
            seed: 0,
        }
    }
}

/// A finished k-means.
#[derive(Debug, Clone)]
pub struct KMeans {
    pub(crate) centroids: Vec<Centroid>,
    /// Cluster of every point.
    pub labels: Vec<u32>,
    /// Sum of squared distances of the points to the centroids they were assigned to.
    pub inertia: f64,
    /// Rounds done.
    pub iterations: usize,
}

impl KMeans {
    /// The centroids, in the units of the points.
    pub fn centroids(&self) -> Vec<[f32; DIMENSIONS]> {
        self.centroids.iter().map(centroid_to_floats).collect()
    }

    /// The centroids rounded to bytes.
    pub fn byte_centroids(&self) -> Vec<[u8; DIMENSIONS]> {
        self.centroids.iter().map(centroid_to_bytes).collect()
    }
}

/// Clusters the points. Works in the current rayon pool. `progress` hears of every round: its number,
/// from 1, and the inertia before its averaging. With no points or no clusters the result is empty.
pub fn kmeans(
    points: &[[u8; DIMENSIONS]],
    config: &KMeansConfig,
    progress: &dyn Fn(usize, f64),
) -> KMeans {
    let clusters = config.clusters.min(points.len());
    let mut random = Random::new(config.seed);
    let mut centroids = start(points, clusters, config, &mut random);
    let mut labels = vec![0u32; points.len()];
    let mut inertia = f64::INFINITY;
    let mut iterations = 0;
    while iterations < config.iterations && clusters > 0 {
        iterations += 1;
        let before = inertia;
        inertia = assign(points, &centroids, &mut labels);
        progress(iterations, inertia);
        update(points, &labels, &mut centroids);
        if before - inertia <= config.tolerance * inertia {
            break;
        }
    }
    if clusters > 0 {
        inertia = assign(points, &centroids, &mut labels);
    }
    KMeans {
        centroids,
        labels,
        inertia: if clusters > 0 { inertia } else { 0.0 },
        iterations,
    }
}

/// Labels every point with its nearest centroid and returns the inertia.
pub(crate) fn assign(
    points: &[[u8; DIMENSIONS]],
    centroids: &[Centroid],
    labels: &mut [u32],
) -> f64 {
    let panel = CentroidPanel::new(centroids.iter());
    let total: i64 = points
        .par_chunks(CHUNK)
        .zip(labels.par_chunks_mut(CHUNK))
        .map(|(points, labels)| {
            let mut sum = 0i64;
            let mut labels = labels.iter_mut();
            panel.assign(points.iter(), |row, distance| {
                if let Some(label) = labels.next() {
                    *label = row;
                }
                sum += distance;
            });
            sum
        })
        .sum();
    CentroidPanel::to_distance(total)
}

/// Moves every centroid to the mean of its points. A centroid without points takes one half of the
/// cluster that has the most.
pub(crate) fn update(points: &[[u8; DIMENSIONS]], labels: &[u32], centroids: &mut [Centroid]) {
    let (order, starts) = group(labels, centroids.len());
    centroids
        .par_iter_mut()
        .enumerate()
        .for_each(|(cluster, centroid)| {
            let members = &order[starts[cluster]..starts[cluster + 1]];
            if let Some(mean) = mean_of(points, members) {
                *centroid = mean;
            }
        });
    let mut sizes: Vec<usize> = starts.windows(2).map(|w| w[1] - w[0]).collect();
    repair_empty(&mut sizes, centroids);
}

/// Indices sorted by label, and where each label begins (one more entry than labels).
pub(crate) fn group(labels: &[u32], count: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0usize; count + 1];
    for &label in labels {
        starts[label as usize + 1] += 1;
    }
    for i in 0..count {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut order = vec![0u32; labels.len()];
    for (i, &label) in labels.iter().enumerate() {
        let at = &mut next[label as usize];
        order[*at] = i as u32;
        *at += 1;
    }
    (order, starts)
}

fn mean_of(points: &[[u8; DIMENSIONS]], members: &[u32]) -> Option<Centroid> {
    if members.is_empty() {
        return None;
    }
    let mut total = [0u64; DIMENSIONS];
    // Bytes are summed in 32 bits for as long as that is exact.
    for members in members.chunks(1 << 20) {
        let mut sums = [0u32; DIMENSIONS];
        for &member in members {
            for (sum, &x) in sums.iter_mut().zip(&points[member as usize]) {
                *sum += u32::from(x);
            }
        }
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += u64::from(sum);
        }
    }
    Some(centroid_of_sums(&total, members.len() as u64))
}

pub(crate) fn repair_empty(sizes: &mut [usize], centroids: &mut [Centroid]) {
    for empty in 0..sizes.len() {
        if sizes[empty] > 0 {
            continue;
        }
        let Some(largest) = (0..sizes.len()).max_by_key(|&i| (sizes[i], std::cmp::Reverse(i)))
        else {
            return;
        };
        if sizes[largest] < 2 {
            return;
        }
        let (a, b) = split(&centroids[largest]);
        centroids[largest] = a;
        centroids[empty] = b;
        sizes[empty] = sizes[largest] / 2;
        sizes[largest] -= sizes[empty];
    }
}

/// k-means++ on a sample: each centre is a point drawn with probability proportional to its squared
/// distance to the centres before it, the best of a few draws.
pub(crate) fn start(
    points: &[[u8; DIMENSIONS]],
    clusters: usize,
    config: &KMeansConfig,
    random: &mut Random,
) -> Vec<Centroid> {
    if clusters == 0 {
        return Vec::new();
    }
    let wanted = clusters.saturating_mul(config.start_sample.max(1));
    let sample = random.subset(wanted, points.len());
    let trials = match config.start_trials {
        0 => 2 + (clusters as f64).ln() as usize,
        trials => trials,
    };
    let first = random.below(sample.len() as u64) as usize;
    let mut chances = Chances::new(points, sample, trials);
    let mut centroids = Vec::with_capacity(clusters);
    let mut drawn = vec![first];
    loop {
        let next = chances.take_best(&drawn);
        centroids.push(centroid_at(next));
        if centroids.len() == clusters {
            return centroids;
        }
        drawn.clear();
        drawn.extend((0..trials).map(|_| chances.draw(random)));
    }
}

/// What the next centre of the start is drawn by.
struct Chances<'p> {
    points: &'p [[u8; DIMENSIONS]],
    /// Numbers of the points that are looked at.
    sample: Vec<usize>,
    panel: BytePanel,
    /// Squared distance of every point to the nearest centre so far.
    distances: Vec<Column<u32>>,
    /// Their sum over every task.
    sums: Vec<u64>,
    /// For every task the distances with each of the candidates.
    lowered: Vec<Column<u32>>,
}

impl<'p> Chances<'p> {
    fn new(points: &'p [[u8; DIMENSIONS]], sample: Vec<usize>, trials: usize) -> Self {
        let panel = BytePanel::new(sample.len(), |at| &points[sample[at]]);
        let distances = panel.unknown();
        Self {
            points,
            sample,
            panel,
            lowered: vec![[0; BLOCK_ROWS]; distances.len() * trials.max(1)],
            sums: Vec::new(),
            distances,
        }
    }

    /// Takes the one of the drawn points that leaves the least inertia as a centre, the first of equals, and returns it.
    fn take_best(&mut self, drawn: &[usize]) -> &'p [u8; DIMENSIONS] {
        let point = |at: usize| &self.points[self.sample[at]];
        let candidates = drawn.iter().map(|&at| Candidate::new(point(at)));
        let candidates: Vec<Candidate> = candidates.collect();
        let panel = &self.panel;
        let sums: Vec<Vec<u64>> = self
            .distances
            .par_chunks(CHUNK_BLOCKS)
            .zip(self.lowered.par_chunks_mut(CHUNK_BLOCKS * drawn.len()))
            .enumerate()
            .map(|(task, (distances, lowered))| {
                panel.lower(task * CHUNK_BLOCKS, distances, &candidates, lowered)
            })
            .collect();
        let inertia = |at: usize| sums.iter().map(|sums| sums[at]).sum::<u64>();
        let best = (0..drawn.len()).min_by_key(|&at| (inertia(at), at));
        let best = best.unwrap_or(0);
        self.sums.clear();
        self.sums.extend(sums.iter().map(|sums| sums[best]));
        let lowered = self.lowered.chunks(CHUNK_BLOCKS * drawn.len());
        for (distances, lowered) in self.distances.chunks_mut(CHUNK_BLOCKS).zip(lowered) {
            let count = distances.len();
            distances.copy_from_slice(&lowered[best * count..][..count]);
        }
        &self.points[self.sample[drawn[best]]]
    }

    fn draw(&self, random: &mut Random) -> usize {
        let distances = &self.distances.as_flattened()[..self.sample.len()];
        draw(&self.sums, distances, random)
    }
}

/// An index drawn with probability proportional to its distance; any index when all are zero.
fn draw(chunk_sums: &[u64], distances: &[u32], random: &mut Random) -> usize {
    let total: u64 = chunk_sums.iter().sum();
    if total == 0 {
        return random.below(distances.len() as u64) as usize;
    }
    let mut left = random.below(total);
    for (chunk, &sum) in chunk_sums.iter().enumerate() {
        if left >= sum {
            left -= sum;
            continue;
        }
        for (i, &distance) in distances.iter().enumerate().skip(chunk * CHUNK) {
            if left < u64::from(distance) {
                return i;
            }
            left -= u64::from(distance);
        }
    }
    distances.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(random: &mut Random, blobs: usize, each: usize) -> Vec<[u8; DIMENSIONS]> {
        let centres: Vec<[u8; DIMENSIONS]> = (0..blobs)
            .map(|_| std::array::from_fn(|_| 20 + random.below(200) as u8))
            .collect();
        (0..blobs * each)
            .map(|i| centres[i % blobs].map(|x| x - 5 + random.below(11) as u8))
            .collect()
    }

    #[test]
    fn well_separated_blobs_are_found() {
        let mut random = Random::new(1);
        let points = blobs(&mut random, 20, 50);
        let config = KMeansConfig {
            clusters: 20,
            ..KMeansConfig::default()
        };
        let found = kmeans(&points, &config, &|_, _| {});
        for (i, &label) in found.labels.iter().enumerate() {
            assert_eq!(label, found.labels[i % 20]);
        }
        // Variance of a uniform choice among eleven neighbours is ten.
        let per_coordinate = found.inertia / (points.len() * DIMENSIONS) as f64;
        assert!((per_coordinate - 10.0).abs() < 0.5, "{per_coordinate}");
    }

    #[test]
    fn inertia_is_the_sum_of_squared_distances() {
        let mut random = Random::new(2);
        let points = blobs(&mut random, 7, 31);
        let config = KMeansConfig {
            clusters: 5,
            ..KMeansConfig::default()
        };
        let found = kmeans(&points, &config, &|_, _| {});
        let centroids = found.centroids();
        let expected: f64 = points
            .iter()
            .zip(&found.labels)
            .map(|(point, &label)| {
                let centroid = &centroids[label as usize];
                point
                    .iter()
                    .zip(centroid)
                    .map(|(&x, &c)| (f64::from(x) - f64::from(c)).powi(2))
                    .sum::<f64>()
            })
            .sum();
        assert!((found.inertia - expected).abs() < 1e-6 * expected + 10.0);
    }

    #[test]
    fn identical_points_and_too_few_points_are_no_trouble() {
        let config = KMeansConfig {
            clusters: 8,
            ..KMeansConfig::default()
        };
        let same = kmeans(&[[7; DIMENSIONS]; 30], &config, &|_, _| {});
        assert_eq!(same.centroids.len(), 8);
        assert!(same.byte_centroids().contains(&[7; DIMENSIONS]));
        let few = kmeans(&[[7; DIMENSIONS], [9; DIMENSIONS]], &config, &|_, _| {});
        assert_eq!(few.byte_centroids().len(), 2);
        assert_eq!(few.inertia, 0.0);
        let none = kmeans(&[], &config, &|_, _| {});
        assert!(none.centroids.is_empty() && none.labels.is_empty());
    }

    #[test]
    fn empty_clusters_take_half_of_the_largest() {
        let mut sizes = [0, 9, 2];
        let mut centroids = [[0; DIMENSIONS], [640; DIMENSIONS], [64; DIMENSIONS]];
        repair_empty(&mut sizes, &mut centroids);
        assert_eq!(sizes, [4, 5, 2]);
        assert_ne!(centroids[0], centroids[1]);
        assert_eq!(centroids[2], [64; DIMENSIONS]);
    }

    #[test]
    fn the_same_seed_gives_the_same_centroids_in_any_pool() {
        let mut random = Random::new(3);
        let points = blobs(&mut random, 40, 300);
        let config = KMeansConfig {
            clusters: 30,
            iterations: 4,
            ..KMeansConfig::default()
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let one = kmeans(&points, &config, &|_, _| {});
        let two = pool.install(|| kmeans(&points, &config, &|_, _| {}));
        assert_eq!(one.centroids, two.centroids);
        assert_eq!(one.labels, two.labels);
    }
}
