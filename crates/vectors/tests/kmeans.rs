//! k-means reaches the inertia that scikit-learn reaches, see `reference/kmeans.py`.
#![allow(clippy::unwrap_used)]

use vizsla_vectors::{
    HierarchicalConfig, KMeansConfig, hierarchical_kmeans, kmeans, l2_squared_u8,
};

/// The generator of the reference script.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * bound) >> 31
    }
}

fn points(count: usize, centres: u64, spread: u64) -> Vec<[u8; 128]> {
    let mut sequence = Sequence(77);
    let middle: Vec<[u64; 128]> = (0..centres)
        .map(|_| std::array::from_fn(|_| sequence.below(16) * sequence.below(10)))
        .collect();
    (0..count)
        .map(|_| {
            let centre = &middle[sequence.below(centres) as usize];
            centre.map(|x| (x + sequence.below(2 * spread + 1)).saturating_sub(spread) as u8)
        })
        .collect()
}

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference/kmeans.json")).unwrap()
}

#[test]
fn inertia_is_that_of_scikit_learn() {
    let points = points(3000, 90, 40);
    let reference = reference();
    let sum: u64 = points.iter().flatten().map(|&x| u64::from(x)).sum();
    assert_eq!(sum as f64, reference["sum"].as_f64().unwrap());
    for expected in reference["results"].as_array().unwrap() {
        let clusters = expected["clusters"].as_u64().unwrap() as usize;
        let mut found: Vec<f64> = (0..5)
            .map(|seed| {
                let config = KMeansConfig {
                    clusters,
                    iterations: 50,
                    seed,
                    ..KMeansConfig::default()
                };
                kmeans(&points, &config, &|_, _| {}).inertia
            })
            .collect();
        found.sort_by(f64::total_cmp);
        let median = expected["median"].as_f64().unwrap();
        assert!(found[2] <= 1.02 * median, "{clusters}: {found:?}, {median}");
        assert!(found[0] >= 0.95 * expected["best"].as_f64().unwrap());
    }
}

#[test]
fn clustering_by_cells_is_nearly_as_good() {
    let points = points(3000, 90, 40);
    let expected = &reference()["results"][2];
    let config = HierarchicalConfig {
        clusters: expected["clusters"].as_u64().unwrap() as usize,
        ..HierarchicalConfig::default()
    };
    let centroids = hierarchical_kmeans(&points, &config, &|_, _, _| {});
    let inertia: u64 = points
        .iter()
        .map(|p| {
            centroids
                .iter()
                .map(|c| u64::from(l2_squared_u8(p, c)))
                .min()
                .unwrap()
        })
        .sum();
    let median = expected["median"].as_f64().unwrap();
    assert!((inertia as f64) < 1.03 * median, "{inertia}, {median}");
}
