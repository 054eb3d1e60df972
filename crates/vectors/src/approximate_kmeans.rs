//! k-means with a great many clusters: the nearest centre is looked for in a forest.
//!
//! A round of Lloyd's algorithm compares every point with every centre, which is too much when a vocabulary has a hundred
//! thousand words or a million. Philbin, Chum, Isard, Sivic & Zisserman 2007 ("Object retrieval with large vocabularies and
//! fast spatial matching") grow a randomised kd-forest over the centres in every round and check some hundred of them. A
//! point also keeps the centre that it has when the forest finds none that is nearer, so that no round makes it worse.
//!
//! Results are of the same kind as those of [`kmeans`](crate::kmeans()), in integers: the same on every processor and with
//! any number of threads. When the checks cover all centres, they are the very same.

use rayon::prelude::*;

use crate::Error;
use crate::centroids::{
    Centroid, STEPS, bias_of, centroid_at, centroid_to_floats, distance_to, squared_length,
};
use crate::distance::prefetch;
use crate::kd_forest::{KdForestConfig, ROUNDING, Rows, Scratch, Trees, Visitor, grow};
use crate::kmeans::{KMeans, KMeansConfig, assign, start, update};
use crate::panel::DIMENSIONS;
use crate::random::Random;

/// Points one task assigns.
const CHUNK: usize = 1024;
/// A point that has no centre yet.
const NONE: u32 = u32::MAX;

/// What approximate k-means is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ApproximateConfig {
    /// Clusters, rounds and seed. With a `start_sample` of 0 the first centres are points drawn at random, as Philbin et al.
    /// 2007 do; otherwise they are those of k-means++, which takes time with the square of the clusters.
    pub kmeans: KMeansConfig,
    /// The forest over the centres. Its seed changes from round to round.
    pub forest: KdForestConfig,
    /// Centres that a point is compared with; as many as there are clusters, or more, make the result exact.
    pub checks: usize,
}

impl Default for ApproximateConfig {
    fn default() -> Self {
        Self {
            kmeans: KMeansConfig {
                clusters: 100_000,
                start_sample: 0,
                ..KMeansConfig::default()
            },
            forest: KdForestConfig {
                trees: 8,
                ..KdForestConfig::default()
            },
            checks: 512,
        }
    }
}

/// Clusters the points, as [`kmeans`](crate::kmeans()) does, by approximate assignment. Works in the current rayon pool.
/// `progress` hears of every round: its number, from 1, and the inertia before its averaging. With no points or no clusters
/// the result is empty.
///
/// # Errors
/// A figure of the forest is outside of its range, or there are no checks.
pub fn approximate_kmeans(
    points: &[[u8; DIMENSIONS]],
    config: &ApproximateConfig,
    progress: &dyn Fn(usize, f64),
) -> Result<KMeans, Error> {
    config.forest.check()?;
    crate::points::in_range("the number of checks", config.checks, 1, usize::MAX)?;
    let clusters = config.kmeans.clusters.min(points.len());
    let mut random = Random::new(config.kmeans.seed);
    let mut centroids = match config.kmeans.start_sample {
        0 => drawn(points, clusters, &mut random),
        _ => start(points, clusters, &config.kmeans, &mut random),
    };
    let mut labels = vec![NONE; points.len()];
    let mut inertia = f64::INFINITY;
    let mut iterations = 0;
    while iterations < config.kmeans.iterations && clusters > 0 {
        let before = inertia;
        inertia = assign_near(points, &centroids, config, iterations as u64, &mut labels);
        iterations += 1;
        progress(iterations, inertia);
        update(points, &labels, &mut centroids);
        if before - inertia <= config.kmeans.tolerance * inertia {
            break;
        }
    }
    if clusters > 0 {
        inertia = assign_near(points, &centroids, config, iterations as u64, &mut labels);
    }
    Ok(KMeans {
        centroids,
        labels,
        inertia: if clusters > 0 { inertia } else { 0.0 },
        iterations,
    })
}

/// Centres on different points.
fn drawn(points: &[[u8; DIMENSIONS]], clusters: usize, random: &mut Random) -> Vec<Centroid> {
    let chosen = random.subset(clusters, points.len()).into_iter();
    chosen.map(|at| centroid_at(&points[at])).collect()
}

/// Labels every point with the nearest of the centroids it is compared with and returns the inertia.
fn assign_near(
    points: &[[u8; DIMENSIONS]],
    centroids: &[Centroid],
    config: &ApproximateConfig,
    round: u64,
    labels: &mut [u32],
) -> f64 {
    if config.checks >= centroids.len() {
        return assign(points, centroids, labels);
    }
    let centres = Centres {
        centroids,
        biases: centroids.iter().map(bias_of).collect(),
    };
    let forest = KdForestConfig {
        seed: config.forest.seed.wrapping_add(round),
        ..config.forest
    };
    let trees = grow(&centres, &forest);
    let total: i64 = points
        .par_chunks(CHUNK)
        .zip(labels.par_chunks_mut(CHUNK))
        .map(|(points, labels)| {
            let mut scratch = Scratch::default();
            let labelled = points.iter().zip(labels);
            labelled
                .map(|(point, label)| {
                    let (distance, row) =
                        centres.nearest(point, *label, &trees, config.checks, &mut scratch);
                    *label = row;
                    distance
                })
                .sum::<i64>()
        })
        .sum();
    total as f64 / STEPS as f64
}

/// Centroids as rows of a forest.
struct Centres<'c> {
    centroids: &'c [Centroid],
    biases: Vec<i32>,
}

impl Centres<'_> {
    /// The nearest of the centroids looked at, and of the one that the point has already.
    fn nearest(
        &self,
        point: &[u8; DIMENSIONS],
        label: u32,
        trees: &Trees,
        checks: usize,
        scratch: &mut Scratch,
    ) -> (i64, u32) {
        let mut best = Nearest {
            centres: self,
            point,
            length: squared_length(point),
            best: (i64::MAX, NONE),
        };
        if label != NONE {
            best.visit(label);
        }
        scratch.search(trees, &point.map(f32::from), checks, &mut best);
        best.best
    }
}

impl Rows for Centres<'_> {
    fn count(&self) -> usize {
        self.centroids.len()
    }

    fn dimension(&self) -> usize {
        DIMENSIONS
    }

    fn value(&self, row: u32, axis: usize) -> f32 {
        f32::from(self.centroids[row as usize][axis]) / STEPS as f32
    }

    fn read(&self, row: u32, into: &mut [f32]) {
        into.copy_from_slice(&centroid_to_floats(&self.centroids[row as usize]));
    }
}

struct Nearest<'s> {
    centres: &'s Centres<'s>,
    point: &'s [u8; DIMENSIONS],
    length: i64,
    best: (i64, u32),
}

impl Visitor for Nearest<'_> {
    fn expect(&self, row: u32) {
        prefetch(&self.centres.centroids[row as usize]);
    }

    fn visit(&mut self, row: u32) -> bool {
        let at = row as usize;
        let (centroid, bias) = (&self.centres.centroids[at], self.centres.biases[at]);
        let distance = distance_to(self.point, self.length, centroid, bias);
        self.best = self.best.min((distance, row));
        true
    }

    fn may_improve(&self, bound: f32) -> bool {
        STEPS as f32 * ROUNDING * bound <= self.best.0 as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmeans;

    fn points(count: usize, seed: u64) -> Vec<[u8; DIMENSIONS]> {
        let mut random = Random::new(seed);
        let centres: Vec<[u8; DIMENSIONS]> = (0..count / 20)
            .map(|_| std::array::from_fn(|_| 20 + random.below(200) as u8))
            .collect();
        (0..count)
            .map(|at| centres[at % centres.len()].map(|x| x - 20 + random.below(41) as u8))
            .collect()
    }

    fn config(clusters: usize, start_sample: usize, checks: usize) -> ApproximateConfig {
        ApproximateConfig {
            kmeans: KMeansConfig {
                clusters,
                start_sample,
                seed: 5,
                ..KMeansConfig::default()
            },
            checks,
            ..ApproximateConfig::default()
        }
    }

    #[test]
    fn with_all_checks_it_is_k_means() {
        let points = points(2000, 1);
        let config = config(90, 16, 90);
        let found = approximate_kmeans(&points, &config, &|_, _| {}).unwrap();
        let exact = kmeans(&points, &config.kmeans, &|_, _| {});
        assert_eq!(found.centroids, exact.centroids);
        assert_eq!(found.labels, exact.labels);
        assert_eq!(
            (found.inertia, found.iterations),
            (exact.inertia, exact.iterations)
        );
    }

    #[test]
    fn a_forest_that_may_check_everything_finds_what_the_panel_finds() {
        let points = points(1500, 2);
        let centroids: Vec<Centroid> = points[..200].iter().map(centroid_at).collect();
        let mut exact = vec![0; points.len()];
        let inertia = assign(&points, &centroids, &mut exact);
        let centres = Centres {
            centroids: &centroids,
            biases: centroids.iter().map(bias_of).collect(),
        };
        let trees = grow(&centres, &KdForestConfig::default());
        let mut scratch = Scratch::default();
        let mut sum = 0;
        for (point, label) in points.iter().zip(exact) {
            let found = centres.nearest(point, NONE, &trees, 200, &mut scratch);
            assert_eq!(found.1, label);
            sum += found.0;
        }
        assert_eq!(sum as f64 / STEPS as f64, inertia);
    }

    #[test]
    fn few_checks_are_nearly_as_good_and_no_round_is_worse() {
        let points = points(6000, 3);
        let heard = std::sync::Mutex::new(Vec::new());
        let near = config(300, 8, 24);
        let progress = |_, inertia| heard.lock().unwrap().push(inertia);
        let found = approximate_kmeans(&points, &near, &progress).unwrap();
        let exact = kmeans(&points, &near.kmeans, &|_, _| {});
        assert!(
            found.inertia < 1.02 * exact.inertia,
            "{} {}",
            found.inertia,
            exact.inertia
        );
        let heard = heard.into_inner().unwrap();
        assert!(
            heard.len() > 1 && heard.windows(2).all(|w| w[1] <= w[0]),
            "{heard:?}"
        );
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let again = pool.install(|| approximate_kmeans(&points, &near, &|_, _| {}).unwrap());
        assert_eq!(again.centroids, found.centroids);
        assert_eq!(again.labels, found.labels);
    }

    #[test]
    fn equal_points_few_points_and_no_points_are_no_trouble() {
        let same = [[7; DIMENSIONS]; 30];
        let found = approximate_kmeans(&same, &config(8, 0, 2), &|_, _| {}).unwrap();
        assert_eq!(found.centroids.len(), 8);
        assert!(found.byte_centroids().contains(&[7; DIMENSIONS]));
        let found = approximate_kmeans(&same[..2], &config(8, 0, 1), &|_, _| {}).unwrap();
        assert_eq!((found.centroids.len(), found.labels.len()), (2, 2));
        let none = approximate_kmeans(&[], &config(8, 0, 1), &|_, _| {}).unwrap();
        assert!(none.centroids.is_empty() && none.inertia == 0.0);
        assert!(approximate_kmeans(&same, &config(8, 0, 0), &|_, _| {}).is_err());
    }
}
