//! Diffusion, k-reciprocal re-ranking and linear machines are those of NumPy and scikit-learn, see `reference/ranking.py`.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use vizsla_vectors::{
    Diffusion, DiffusionConfig, Graph, GraphConfig, LinearSvm, Linking, ReciprocalConfig,
    RegionPooling, Regions, SvmConfig, dot_f32, l2_normalise, reciprocal_distances,
    similarity_weight,
};

#[derive(Deserialize)]
struct Reference {
    diffusion: Spread,
    reciprocal: Reciprocal,
    machine: Machine,
}

#[derive(Deserialize)]
struct Spread {
    rows: Vec<f32>,
    queries: Vec<f32>,
    mutual: Case,
    either: Case,
}

#[derive(Deserialize)]
struct Case {
    weights: Vec<(usize, usize, f32)>,
    whole: Vec<f32>,
    regions: Vec<f32>,
    sum: Vec<f32>,
    generalised: Vec<f32>,
    part: Vec<usize>,
    truncated: Vec<f32>,
}

#[derive(Deserialize)]
struct Reciprocal {
    rows: Vec<f32>,
    cases: Vec<Reranked>,
}

#[derive(Deserialize)]
struct Reranked {
    k1: usize,
    k2: usize,
    lambda: f64,
    distances: Vec<f32>,
}

#[derive(Deserialize)]
struct Machine {
    rows: Vec<f32>,
    positive: Vec<bool>,
    cases: Vec<Plane>,
}

#[derive(Deserialize)]
struct Plane {
    cost: f64,
    weights: Vec<f32>,
    offset: f32,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/ranking.json")).unwrap()
}

/// The greatest difference as a share of the greatest value.
fn off(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let most = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max) / most
}

fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let off = off(found, expected);
    println!("{what}: {off:.1e}");
    assert!(off < tolerance, "{what}: {off}");
}

/// What the nearest of a query give it, as node and weight.
fn given(query: &[f32], rows: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = rows
        .chunks_exact(query.len())
        .map(|row| dot_f32(query, row))
        .enumerate()
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(count);
    all.iter()
        .map(|&(node, similarity)| (node, similarity_weight(similarity, 3.0)))
        .collect()
}

#[test]
fn diffusion_is_the_dense_solution() {
    let Spread {
        rows: mut vectors,
        mut queries,
        mutual,
        either,
    } = reference().diffusion;
    let ids: Vec<i64> = (0..60).collect();
    for (linking, case) in [(Linking::Mutual, mutual), (Linking::Either, either)] {
        let config = GraphConfig {
            neighbours: 8,
            gamma: 3.0,
            linking,
        };
        let graph = Graph::build(&ids, vectors.clone(), 6, &config, "").unwrap();
        vectors.chunks_exact_mut(6).for_each(l2_normalise);
        queries.chunks_exact_mut(6).for_each(l2_normalise);
        let edges: Vec<(usize, usize, f32)> = (0..60)
            .flat_map(|i| graph.edges(i).map(move |(j, weight)| (i, j, weight)))
            .filter(|(i, j, _)| i < j)
            .collect();
        let pairs = |edges: &[(usize, usize, f32)]| {
            edges.iter().map(|&(i, j, _)| (i, j)).collect::<Vec<_>>()
        };
        let weights = |edges: &[(usize, usize, f32)]| edges.iter().map(|e| e.2).collect::<Vec<_>>();
        assert_eq!(pairs(&edges), pairs(&case.weights));
        close("weights", &weights(&edges), &weights(&case.weights), 1e-6);
        let exact = DiffusionConfig {
            tolerance: 1e-10,
            iterations: 2000,
            ..DiffusionConfig::default()
        };
        let whole = Diffusion::of(&graph).unwrap();
        let one = given(&queries[..6], &vectors, 5);
        let mut both = one.clone();
        both.extend(given(&queries[6..], &vectors, 5));
        close(
            "whole",
            &whole.spread(&one, &exact).unwrap(),
            &case.whole,
            1e-5,
        );
        let usual = whole.spread(&one, &DiffusionConfig::default()).unwrap();
        close("whole, as is usual", &usual, &case.whole, 1e-4);
        let f = whole.spread(&both, &exact).unwrap();
        close("regions", &f, &case.regions, 1e-5);
        for (pooling, expected) in [
            (RegionPooling::Sum, &case.sum),
            (RegionPooling::Generalised(1.0), &case.generalised),
        ] {
            let regions = Regions::new(&[3; 20], &vectors, 6, pooling).unwrap();
            close(
                &pooling.to_string(),
                &regions.pool(&f).unwrap(),
                expected,
                1e-5,
            );
        }
        let place = |node: usize| case.part.iter().position(|&part| part == node).unwrap();
        let start: Vec<(usize, f32)> = one.iter().map(|&(node, y)| (place(node), y)).collect();
        let part = Diffusion::within(&graph, &case.part).unwrap();
        close(
            "truncated",
            &part.spread(&start, &exact).unwrap(),
            &case.truncated,
            1e-5,
        );
    }
}

#[test]
fn a_part_that_is_all_is_the_whole_and_islands_stay_dry() {
    // Two islands and a vector alone.
    let rows = vec![1.0, 0.1, 1.0, 0.2, -1.0, 0.1, -1.0, 0.2, 0.0, -1.0];
    let config = GraphConfig {
        neighbours: 2,
        ..GraphConfig::default()
    };
    let graph = Graph::build(&[1, 2, 3, 4, 5], rows, 2, &config, "").unwrap();
    let usual = DiffusionConfig::default();
    let whole = Diffusion::of(&graph).unwrap();
    let f = whole.spread(&[(0, 1.0)], &usual).unwrap();
    assert!(f[0] > f[1] && f[1] > 0.0 && f[2..] == [0.0; 3], "{f:?}");
    let turned = Diffusion::within(&graph, &[4, 3, 2, 1, 0]).unwrap();
    let mut back = turned.spread(&[(4, 1.0)], &usual).unwrap();
    back.reverse();
    assert!(off(&back, &f) < 1e-5);
    assert_eq!(whole.spread(&[(4, 1.0)], &usual).unwrap()[..4], [0.0; 4]);
    assert_eq!(whole.spread(&[], &usual).unwrap(), [0.0; 5]);
    let none = Diffusion::within(&graph, &[]).unwrap();
    assert!(none.is_empty() && none.spread(&[], &usual).unwrap().is_empty());
    assert!(
        Diffusion::within(&graph, &[5]).is_err() && Diffusion::within(&graph, &[1, 1]).is_err()
    );
    assert!(whole.spread(&[(5, 1.0)], &usual).is_err());
    assert!(whole.spread(&[(0, f32::NAN)], &usual).is_err());
    for alpha in [1.0, -0.1, f64::NAN] {
        let config = DiffusionConfig { alpha, ..usual };
        assert!(whole.spread(&[(0, 1.0)], &config).is_err());
    }
    let still = DiffusionConfig {
        alpha: 0.0,
        ..usual
    };
    assert_eq!(
        whole.spread(&[(1, 0.5)], &still).unwrap(),
        [0.0, 0.5, 0.0, 0.0, 0.0]
    );
    // Far from 0, nothing grows beyond what was given.
    let far = DiffusionConfig {
        alpha: 0.999_999,
        ..usual
    };
    assert!(
        whole
            .spread(&[(1, 1.0)], &far)
            .unwrap()
            .iter()
            .all(|x| (0.0..=1.0).contains(x))
    );
}

#[test]
fn reciprocal_distances_follow_the_paper() {
    let Reciprocal { rows, cases } = reference().reciprocal;
    for case in cases {
        let config = ReciprocalConfig {
            k1: case.k1,
            k2: case.k2,
            lambda: case.lambda,
        };
        let found = reciprocal_distances(&rows[..5], &rows[5..], &config).unwrap();
        close(&format!("{config:?}"), &found, &case.distances, 1e-5);
    }
}

#[test]
fn a_machine_comes_to_what_scikit_learn_comes_to() {
    let Machine {
        rows,
        positive,
        cases,
    } = reference().machine;
    for case in cases {
        let config = SvmConfig {
            cost: case.cost,
            tolerance: 1e-9,
            passes: 1_000_000,
            ..SvmConfig::default()
        };
        let svm = LinearSvm::train(&rows, 8, &positive, &config).unwrap();
        assert!(svm.converged());
        close(
            &format!("cost {}", case.cost),
            svm.weights(),
            &case.weights,
            1e-4,
        );
        assert!((svm.offset() - case.offset).abs() < 1e-4);
        let usual = SvmConfig {
            cost: case.cost,
            ..SvmConfig::default()
        };
        let usual = LinearSvm::train(&rows, 8, &positive, &usual).unwrap();
        close("as is usual", usual.weights(), &case.weights, 1e-2);
    }
}
