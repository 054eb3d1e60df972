//! The coarse quantiser of inverted files: thousands of centroids that part the vectors into lists.
//!
//! k-means++ draws one centroid after the other and looks at all points each time, which is most of the work when there are
//! thousands. Here Lloyd's rounds begin at different points drawn at random, from a sample of so many points a centroid, and there are few of them:
//! lists need to be even and compact, not optimal. Sums are taken in the order of the points, so the number of threads does not matter.

use crate::blocks::{BLOCK_ROWS, Column};
use crate::float_kmeans::check_points;
use crate::float_panel::{FloatPanel, NearestRow};
use crate::random::Random;
use crate::{Error, Metric, dot_f32};

/// How centroids are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoarseConfig {
    pub lists: usize,
    pub iterations: usize,
    /// Points of the sample for each centroid.
    pub points_each: usize,
    pub seed: u64,
}

/// Centroids, packed for comparison.
#[derive(Debug, Clone)]
pub(crate) struct Coarse {
    dimension: usize,
    centroids: Vec<f32>,
    panel: FloatPanel,
    /// Squared length of each centroid, side by side as in the panel.
    lengths: Vec<Column<f32>>,
}

impl Coarse {
    /// Centroids as they are.
    pub fn new(centroids: Vec<f32>, dimension: usize) -> Self {
        let rows = centroids.len().checked_div(dimension).unwrap_or(0);
        let mut lengths = vec![[0.0; BLOCK_ROWS]; rows.div_ceil(BLOCK_ROWS)];
        for (row, centroid) in centroids.chunks_exact(dimension.max(1)).enumerate() {
            lengths[row / BLOCK_ROWS][row % BLOCK_ROWS] = dot_f32(centroid, centroid);
        }
        Self {
            dimension,
            panel: FloatPanel::new(&centroids, dimension),
            centroids,
            lengths,
        }
    }

    /// Learns centroids from a sample of the points, in the current rayon pool.
    pub fn train(points: &[f32], dimension: usize, config: &CoarseConfig) -> Result<Self, Error> {
        let rows = check_points(points, dimension, config.lists)?;
        let mut random = Random::new(config.seed);
        let wanted = config.points_each.max(1).saturating_mul(config.lists);
        let chosen = random.subset(wanted, rows);
        let row = |at: usize| &points[at * dimension..][..dimension];
        let sample: Vec<f32> = chosen.iter().flat_map(|&at| row(at)).copied().collect();
        let start = random.subset(config.lists, chosen.len());
        let start = start
            .iter()
            .flat_map(|&at| &sample[at * dimension..][..dimension]);
        let mut found = Self::new(start.copied().collect(), dimension);
        let mut labels: Vec<u32> = Vec::new();
        for _ in 0..config.iterations {
            let nearest = found.nearest(&sample);
            let changed = labels.len() != nearest.len()
                || labels
                    .iter()
                    .zip(&nearest)
                    .any(|(&label, n)| label != n.row);
            if !changed {
                break;
            }
            labels = nearest.iter().map(|n| n.row).collect();
            found = Self::new(found.means(&sample, &nearest), dimension);
        }
        Ok(found)
    }

    /// The mean of the points of each centroid. One without points moves to the point that lies farthest from its own.
    fn means(&self, points: &[f32], nearest: &[NearestRow]) -> Vec<f32> {
        let d = self.dimension;
        let mut sums = vec![0f64; self.centroids.len()];
        let mut counts = vec![0usize; self.len()];
        for (point, nearest) in points.chunks_exact(d).zip(nearest) {
            let row = nearest.row as usize;
            counts[row] += 1;
            let sum = sums[row * d..][..d].iter_mut();
            sum.zip(point).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let mut far: Vec<(f32, usize)> = Vec::new();
        if counts.contains(&0) {
            let points = points.chunks_exact(d).zip(nearest).enumerate();
            far.extend(points.map(|(at, (point, n))| (n.distance + dot_f32(point, point), at)));
            far.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        }
        let mut far = far.into_iter();
        let mut means = Vec::with_capacity(self.centroids.len());
        for (row, (&count, sum)) in counts.iter().zip(sums.chunks_exact(d)).enumerate() {
            if count > 0 {
                means.extend(sum.iter().map(|&sum| (sum / count as f64) as f32));
            } else if let Some((_, at)) = far.next() {
                means.extend(&points[at * d..][..d]);
            } else {
                means.extend(self.centroid(row));
            }
        }
        means
    }

    /// Numbers of a centroid.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.panel.rows()
    }

    /// All, row by row.
    pub fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// One of them.
    #[inline]
    pub fn centroid(&self, list: usize) -> &[f32] {
        &self.centroids[list * self.dimension..][..self.dimension]
    }

    fn nearest(&self, points: &[f32]) -> Vec<NearestRow> {
        self.panel.nearest_by_product(points, &self.lengths)
    }

    /// The nearest centroid of every row, in the current rayon pool.
    pub fn assign(&self, rows: &[f32]) -> Vec<u32> {
        self.nearest(rows)
            .iter()
            .map(|nearest| nearest.row)
            .collect()
    }

    /// What every centroid is worth to a few queries, the more the nearer: as many numbers a query as there are lists. Not the
    /// score itself: of a squared distance, what depends on the query alone is left out.
    pub fn worth(&self, queries: &[f32], metric: Metric, found: &mut Vec<f32>) {
        let count = queries.len().checked_div(self.dimension).unwrap_or(0);
        found.resize(count * self.len(), 0.0);
        self.panel.products_here(queries, found);
        if metric == Metric::Dot {
            return;
        }
        let lengths = self.lengths.as_flattened();
        for worth in found.chunks_exact_mut(self.len().max(1)) {
            for (worth, length) in worth.iter_mut().zip(lengths) {
                *worth = *worth + *worth - length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l2_squared_f32;

    fn points(count: usize, dimension: usize, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed);
        let blob = |random: &mut Random| (random.below(4) * 3) as f64 + random.unit();
        (0..count * dimension)
            .map(|_| blob(&mut random) as f32)
            .collect()
    }

    const CONFIG: CoarseConfig = CoarseConfig {
        lists: 37,
        iterations: 10,
        points_each: 20,
        seed: 1,
    };

    #[test]
    fn rounds_bring_centroids_nearer_and_threads_do_not_matter() {
        let points = points(3000, 9, 1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
        let spread = |coarse: &Coarse| -> f64 {
            let labels = coarse.assign(&points);
            let pairs = points.chunks_exact(9).zip(&labels);
            pairs
                .map(|(p, &l)| f64::from(l2_squared_f32(p, coarse.centroid(l as usize))))
                .sum()
        };
        let trained = |iterations| {
            let config = CoarseConfig {
                iterations,
                ..CONFIG
            };
            Coarse::train(&points, 9, &config).unwrap()
        };
        let (drawn, found) = (trained(0), trained(10));
        assert!(spread(&found) < 0.85 * spread(&drawn));
        let again = pool.unwrap().install(|| trained(10));
        assert_eq!(found.centroids(), again.centroids());
        assert_eq!(found.len(), 37);
    }

    #[test]
    fn the_nearest_centroid_is_worth_most() {
        let points = points(400, 5, 2);
        let coarse = Coarse::train(&points, 5, &CONFIG).unwrap();
        let labels = coarse.assign(&points);
        let mut worth = Vec::new();
        for (point, label) in points.chunks_exact(5).zip(labels) {
            coarse.worth(point, Metric::L2, &mut worth);
            let best = worth.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(worth[label as usize], best);
            let distances = (0..37).map(|l| l2_squared_f32(point, coarse.centroid(l)));
            let nearest = distances.fold(f32::INFINITY, f32::min);
            let of_label = l2_squared_f32(point, coarse.centroid(label as usize));
            assert!((nearest - of_label).abs() < 1e-2);
            coarse.worth(point, Metric::Dot, &mut worth);
            assert_eq!(worth[3], dot_f32(point, coarse.centroid(3)));
        }
    }

    #[test]
    fn equal_points_and_too_few_are_no_trouble() {
        let same = Coarse::train(&[1.0; 100], 2, &CONFIG).unwrap();
        assert_eq!(same.centroids(), [1.0; 74]);
        assert!(Coarse::train(&[1.0; 20], 2, &CONFIG).is_err());
        assert!(Coarse::train(&[f32::NAN; 100], 2, &CONFIG).is_err());
    }
}
