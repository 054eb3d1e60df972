//! k-means of float vectors of any dimension: the words of VLAD and NetVLAD, the start of a mixture.
//!
//! Lloyd 1982, started by k-means++ (Arthur & Vassilvitskii 2007). Sums are taken in double precision over
//! blocks of points in their order, so the result depends on the points and the seed, not on the number
//! of threads.

use rayon::prelude::*;

use crate::Error;
use crate::distance::l2_squared_f32;
use crate::float_panel::FloatPanel;
use crate::random::Random;

/// Points one task works on.
pub(crate) const CHUNK: usize = 1024;

/// Centres of float vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatKMeans {
    /// Numbers of a point.
    pub dimension: usize,
    /// Centres, row by row.
    pub centroids: Vec<f32>,
    /// Centre of every point.
    pub labels: Vec<u32>,
    /// Sum of squared distances of the points to the centres they were assigned to.
    pub inertia: f64,
}

/// Clusters `points`, rows of `dimension` numbers, into `clusters` of which none is empty unless points are equal.
/// At most `iterations` rounds; fewer when nothing changes any more. Works in the current rayon pool.
///
/// # Errors
/// When the points are not whole rows of finite numbers, or are fewer than `clusters`.
pub fn float_kmeans(
    points: &[f32],
    dimension: usize,
    clusters: usize,
    iterations: usize,
    seed: u64,
) -> Result<FloatKMeans, Error> {
    check_points(points, dimension, clusters)?;
    let mut random = Random::new(seed);
    let centroids = start(points, dimension, clusters, &mut random);
    Ok(float_kmeans_from(points, dimension, centroids, iterations))
}

/// As [`float_kmeans`] of points that were checked, from centres that are given.
pub(crate) fn float_kmeans_from(
    points: &[f32],
    dimension: usize,
    centroids: Vec<f32>,
    iterations: usize,
) -> FloatKMeans {
    let mut found = FloatKMeans {
        dimension,
        centroids,
        labels: Vec::new(),
        inertia: f64::INFINITY,
    };
    for _ in 0..iterations {
        let before = found.inertia;
        let distances = found.assign(points);
        if found.inertia >= before {
            break;
        }
        found.update(points, &distances);
    }
    found.assign(points);
    found
}

/// One round from centres that are given: the labels are by these, and the centres are moved. The points were checked.
pub(crate) fn float_kmeans_round(
    points: &[f32],
    dimension: usize,
    centroids: Vec<f32>,
) -> FloatKMeans {
    let mut found = FloatKMeans {
        dimension,
        centroids,
        labels: Vec::new(),
        inertia: f64::INFINITY,
    };
    let distances = found.assign(points);
    found.update(points, &distances);
    found
}

/// Number of rows, once they are known to be whole, finite and enough.
pub(crate) fn check_points(
    points: &[f32],
    dimension: usize,
    clusters: usize,
) -> Result<usize, Error> {
    if dimension == 0 || points.is_empty() || !points.len().is_multiple_of(dimension) {
        return Err(Error::Shape {
            numbers: points.len(),
            dimension,
        });
    }
    if let Some(at) = points.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite {
            row: at / dimension,
        });
    }
    let rows = points.len() / dimension;
    if clusters == 0 || clusters > rows {
        return Err(Error::OutOfRange {
            what: "the number of clusters",
            found: clusters,
            least: 1,
            most: rows,
        });
    }
    Ok(rows)
}

impl FloatKMeans {
    /// Labels every point and returns its squared distance.
    fn assign(&mut self, points: &[f32]) -> Vec<f32> {
        let nearest = FloatPanel::new(&self.centroids, self.dimension).nearest(points);
        self.inertia = nearest.iter().map(|n| f64::from(n.distance)).sum();
        self.labels = nearest.iter().map(|n| n.row).collect();
        nearest.into_iter().map(|n| n.distance).collect()
    }

    /// Moves every centre to the mean of its points; one without points moves to the point that lies farthest from
    /// its own centre.
    fn update(&mut self, points: &[f32], distances: &[f32]) {
        let clusters = self.centroids.len() / self.dimension;
        let mut sums = vec![0f64; self.centroids.len()];
        let mut counts = vec![0usize; clusters];
        for (point, &label) in points.chunks_exact(self.dimension).zip(&self.labels) {
            let label = label as usize;
            counts[label] += 1;
            let sum = &mut sums[label * self.dimension..][..self.dimension];
            for (sum, &x) in sum.iter_mut().zip(point) {
                *sum += f64::from(x);
            }
        }
        let mut far: Vec<usize> = Vec::new();
        if counts.contains(&0) {
            far = (0..distances.len()).collect();
            far.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b)));
        }
        let mut far = far.into_iter();
        for (cluster, centroid) in self.centroids.chunks_exact_mut(self.dimension).enumerate() {
            if counts[cluster] > 0 {
                let sum = &sums[cluster * self.dimension..];
                for (c, &s) in centroid.iter_mut().zip(sum) {
                    *c = (s / counts[cluster] as f64) as f32;
                }
            } else if let Some(point) = far.next() {
                centroid.copy_from_slice(&points[point * self.dimension..][..self.dimension]);
            }
        }
    }
}

/// k-means++: each centre is a point drawn with probability proportional to its squared distance to the
/// centres before it.
fn start(points: &[f32], dimension: usize, clusters: usize, random: &mut Random) -> Vec<f32> {
    let rows = points.len() / dimension;
    let point = |i: usize| &points[i * dimension..][..dimension];
    let mut distances = vec![f32::INFINITY; rows];
    let mut centroids = Vec::with_capacity(clusters * dimension);
    let mut next = random.below(rows as u64) as usize;
    for _ in 0..clusters {
        let centre = point(next);
        centroids.extend_from_slice(centre);
        distances
            .par_iter_mut()
            .with_min_len(CHUNK)
            .zip(points.par_chunks(dimension))
            .for_each(|(distance, point)| *distance = distance.min(l2_squared_f32(point, centre)));
        let total: f64 = distances.iter().map(|&d| f64::from(d)).sum();
        let mut left = random.unit() * total;
        next = if total > 0.0 {
            distances
                .iter()
                .position(|&d| {
                    left -= f64::from(d);
                    left < 0.0
                })
                .unwrap_or(rows - 1)
        } else {
            random.below(rows as u64) as usize
        };
    }
    centroids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(count: usize, each: usize) -> Vec<f32> {
        let mut random = Random::new(4);
        let mut points = Vec::new();
        for i in 0..count * each {
            let blob = i % count;
            for axis in 0..3 {
                let centre = if axis == blob % 3 {
                    10.0 * (1 + blob / 3) as f64
                } else {
                    0.0
                };
                points.push((centre + random.unit() - 0.5) as f32);
            }
        }
        points
    }

    #[test]
    fn blobs_are_found_and_threads_do_not_matter() {
        let points = blobs(6, 200);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let one = float_kmeans(&points, 3, 6, 20, 1).unwrap();
        let two = pool.install(|| float_kmeans(&points, 3, 6, 20, 1).unwrap());
        assert_eq!(one, two);
        for (i, label) in one.labels.iter().enumerate() {
            assert_eq!(*label, one.labels[i % 6]);
        }
        // Three coordinates of variance 1/12.
        assert!((one.inertia / 1200.0 - 0.25).abs() < 0.03);
    }

    #[test]
    fn equal_points_and_bad_points_are_no_trouble() {
        let same = float_kmeans(&[1.0; 20], 2, 4, 5, 1).unwrap();
        assert_eq!((same.inertia, same.centroids), (0.0, vec![1.0; 8]));
        assert!(float_kmeans(&[1.0; 5], 2, 1, 5, 1).is_err());
        assert!(float_kmeans(&[1.0; 4], 2, 3, 5, 1).is_err());
        assert!(float_kmeans(&[1.0, f32::NAN], 2, 1, 5, 1).is_err());
        assert!(float_kmeans(&[], 2, 1, 5, 1).is_err());
    }
}
