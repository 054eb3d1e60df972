//! Forests find what an exact search by SciPy and scikit-learn finds, see `reference/neighbours.py`.
#![allow(clippy::unwrap_used)]

mod points;

use points::{Source, brute, clustered, floats};
use serde_json::Value;
use vizsla_vectors::{Element, Error, KdForest, KdForestConfig, Neighbour};

fn config(trees: usize, leaf: usize, seed: u64) -> KdForestConfig {
    KdForestConfig { trees, leaf, seed }
}

#[test]
fn with_all_checks_neighbours_are_those_of_the_reference() {
    let reference = points::reference();
    let (points, queries) = points::bytes_of(&reference["bytes"]);
    compare(&points, &queries, &reference["bytes"], f64::from);
    let (points, queries) = points::floats_of(&reference["floats"]);
    compare(&points, &queries, &reference["floats"], f64::from);
}

fn compare<E: Element>(
    points: &[E],
    queries: &[E],
    expected: &Value,
    to_f64: impl Fn(E::Distance) -> f64,
) {
    let dimension = expected["dimension"].as_u64().unwrap() as usize;
    let forest = KdForest::build(points, dimension, &config(3, 2, 1)).unwrap();
    let found = forest.nearest_all(queries, 5, forest.len()).unwrap();
    assert_eq!(found.len(), 25);
    for (at, found) in found.iter().enumerate() {
        let rows: Vec<u64> = found.iter().map(|near| u64::from(near.row)).collect();
        let distances: Vec<f64> = found.iter().map(|near| to_f64(near.distance)).collect();
        assert_eq!(rows, points::numbers(&expected["rows"][at], |x| x.as_u64()));
        assert_eq!(
            distances,
            points::numbers(&expected["distances"][at], |x| x.as_f64())
        );
    }
}

/// Share of queries whose nearest point is found.
fn recall(forest: &KdForest<u8>, points: &[u8], queries: &[u8], checks: usize) -> f64 {
    let found = forest.nearest_all(queries, 1, checks).unwrap();
    let queries = queries.chunks_exact(128);
    let same = queries.zip(found).filter(|(query, found)| {
        let exact = brute(points, 128, query, 1);
        found[0].distance == exact[0].distance
    });
    same.count() as f64 / 500.0
}

#[test]
fn few_checks_find_most_and_more_trees_find_more() {
    let points = clustered(20_000, 128, 1000, 60, 1);
    let queries: Vec<u8> = clustered(20_500, 128, 1000, 60, 1)[20_000 * 128..].to_vec();
    let one = KdForest::build(&points, 128, &config(1, 4, 3)).unwrap();
    let four = KdForest::build(&points, 128, &config(4, 4, 3)).unwrap();
    let found = [32, 128, 512].map(|checks| recall(&four, &points, &queries, checks));
    println!(
        "four trees {found:?}, one {}",
        recall(&one, &points, &queries, 128)
    );
    assert!(
        found[0] > 0.5 && found[1] > 0.75 && found[2] > 0.95,
        "{found:?}"
    );
    assert!(recall(&one, &points, &queries, 128) < found[1]);
}

#[test]
fn any_points_are_found_exactly_with_all_checks() {
    let mut source = Source(5);
    for round in 0..150 {
        let dimension = 1 + source.below(9) as usize;
        let count = source.below(120) as usize;
        let forest = config(
            1 + source.below(5) as usize,
            1 + source.below(9) as usize,
            round,
        );
        let k = source.below(12) as usize;
        // Few different values make ties; extreme ones overflow.
        let floats = floats(&mut source, (count + 3) * dimension, round % 3);
        agree(&floats, dimension, k, &forest);
        let bytes: Vec<u8> = (0..(count + 3) * dimension)
            .map(|_| source.below([2, 7, 256][round as usize % 3]) as u8)
            .collect();
        agree(&bytes, dimension, k, &forest);
    }
}

/// The last three are the queries.
fn agree<E: Element>(all: &[E], dimension: usize, k: usize, config: &KdForestConfig) {
    let (points, queries) = all.split_at(all.len() - 3 * dimension);
    let forest = KdForest::build(points, dimension, config).unwrap();
    let mut seeker = forest.seeker();
    for query in queries.chunks_exact(dimension) {
        let expected = brute(points, dimension, query, k);
        let found = seeker.nearest(query, k, forest.len()).unwrap();
        assert!(found == expected, "{config:?}");
        // As many as are wanted, whatever the checks.
        let few = seeker.nearest(query, k, 1).unwrap();
        assert_eq!(few.len(), k.min(forest.len()));
        assert!(few.windows(2).all(|w| w[0].distance <= w[1].distance));
        let of_row = |near: &Neighbour<E::Distance>| {
            let point = &points[near.row as usize * dimension..][..dimension];
            E::distance(query, point) == near.distance
        };
        assert!(few.iter().all(of_row));
    }
}

#[test]
fn equal_points_outliers_and_no_points_are_no_trouble() {
    let same = KdForest::build(&[7u8; 128 * 1000], 128, &config(4, 1, 0)).unwrap();
    let found = same.nearest(&[9; 128], 3, 1000).unwrap();
    let rows: Vec<u32> = found.iter().map(|near| near.row).collect();
    assert_eq!((rows, found[2].distance), (vec![0, 1, 2], 512));
    // Each mean splits one point off.
    let steep: Vec<f32> = (-120..120).map(|x| 2f32.powi(x)).collect();
    let forest = KdForest::build(&steep.repeat(20), 1, &config(2, 1, 0)).unwrap();
    assert_eq!(
        forest.nearest(&[2f32.powi(-7)], 1, 4800).unwrap()[0].row,
        113
    );
    let none = KdForest::<f32>::build(&[], 3, &config(1, 1, 0)).unwrap();
    assert!(none.is_empty() && none.nearest(&[0.0; 3], 4, 4).unwrap().is_empty());
    let one = KdForest::build(&[1.0f32, 2.0], 2, &config(64, 256, 0)).unwrap();
    assert_eq!(one.nearest(&[1.0, 2.5], 9, 0).unwrap()[0].distance, 0.25);
}

#[test]
fn what_is_no_set_of_points_is_refused() {
    let build = |points: &[f32], dimension, trees, leaf| {
        KdForest::build(points, dimension, &config(trees, leaf, 0)).map(|_| ())
    };
    assert!(matches!(
        build(&[1.0; 5], 2, 1, 1),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(build(&[], 0, 1, 1), Err(Error::OutOfRange { .. })));
    let bad = [0.0, 1.0, 2.0, f32::NAN];
    assert!(matches!(
        build(&bad, 2, 1, 1),
        Err(Error::NotFinite { row: 1 })
    ));
    for (trees, leaf) in [(0, 1), (65, 1), (1, 0), (1, 257)] {
        assert!(matches!(
            build(&[1.0; 4], 2, trees, leaf),
            Err(Error::OutOfRange { .. })
        ));
    }
    let forest = KdForest::build(&[1.0f32; 4], 2, &config(1, 1, 0)).unwrap();
    assert!(forest.nearest(&[1.0], 1, 1).is_err());
    assert!(forest.nearest(&[1.0, f32::INFINITY], 1, 1).is_err());
    assert!(forest.nearest_all(&[1.0; 3], 1, 1).is_err());
}

#[test]
fn threads_do_not_change_what_is_found() {
    let points = clustered(3000, 16, 300, 30, 9);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let search = || {
        let forest = KdForest::build(&points, 16, &config(5, 3, 2)).unwrap();
        forest.nearest_all(&points[..1600], 3, 20).unwrap()
    };
    assert_eq!(search(), pool.install(search));
}
