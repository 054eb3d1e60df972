//! Mixtures, Fisher vectors and VLAD are those of scikit-learn and NumPy, see `reference/mixture.py`.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use vizsla_vectors::{Gmm, fisher_gradient, fisher_vector, vlad};

#[derive(Deserialize)]
struct Parts {
    weights: Vec<f32>,
    means: Vec<f32>,
    variances: Vec<f32>,
}

#[derive(Deserialize)]
struct Reference {
    dimension: usize,
    samples: Vec<f32>,
    trained: Parts,
    #[serde(flatten)]
    given: Parts,
    vectors: Vec<f32>,
    posteriors: Vec<f64>,
    gradient: Vec<f32>,
    fisher: Vec<f32>,
    vlad: Vec<f32>,
    intra: Vec<f32>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/mixture.json")).unwrap()
}

fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (x, y) in found.iter().zip(expected) {
        assert!((x - y).abs() < tolerance, "{x} {y}");
    }
}

#[test]
fn training_comes_to_what_scikit_learn_comes_to() {
    let reference = reference();
    let d = reference.dimension;
    let found = Gmm::train(&reference.samples, d, 3, 100, 5).unwrap();
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| found.weights()[b].total_cmp(&found.weights()[a]));
    let rows = |values: &[f32]| -> Vec<f32> {
        let row = |&i: &usize| values[i * d..][..d].to_vec();
        order.iter().flat_map(row).collect()
    };
    let weights: Vec<f32> = order.iter().map(|&i| found.weights()[i]).collect();
    close(&weights, &reference.trained.weights, 2e-3);
    close(&rows(found.means()), &reference.trained.means, 1e-2);
    close(&rows(found.variances()), &reference.trained.variances, 1e-2);
}

#[test]
fn threads_do_not_change_a_mixture() {
    let reference = reference();
    let samples = reference.samples.repeat(4);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let one = Gmm::train(&samples, reference.dimension, 4, 10, 5).unwrap();
    let two = pool.install(|| Gmm::train(&samples, reference.dimension, 4, 10, 5).unwrap());
    assert_eq!(one, two);
}

#[test]
fn fisher_vectors_follow_the_formula() {
    let r = reference();
    let mixture = Gmm::from_parts(
        r.dimension,
        r.given.weights,
        r.given.means,
        r.given.variances,
    )
    .unwrap();
    let mut shares = Vec::new();
    let all: Vec<f64> = r
        .vectors
        .chunks_exact(r.dimension)
        .flat_map(|vector| {
            mixture.posteriors(vector, &mut shares);
            shares.clone()
        })
        .collect();
    for (x, y) in all.iter().zip(&r.posteriors) {
        assert!((x - y).abs() < 1e-6);
    }
    close(&fisher_gradient(&r.vectors, &mixture), &r.gradient, 1e-5);
    close(&fisher_vector(&r.vectors, &mixture), &r.fisher, 1e-5);
    assert!(fisher_vector(&[], &mixture).iter().all(|&x| x == 0.0));
}

#[test]
fn vlad_follows_the_formula() {
    let r = reference();
    let (d, means) = (r.dimension, &r.given.means);
    close(&vlad(&r.vectors, means, d, false), &r.vlad, 1e-5);
    close(&vlad(&r.vectors, means, d, true), &r.intra, 1e-5);
    assert!(vlad(&[], means, d, true).iter().all(|&x| x == 0.0));
}

#[test]
fn mixture_files_come_back_and_damage_is_told() {
    let r = reference();
    let mixture = Gmm::from_parts(
        r.dimension,
        r.given.weights,
        r.given.means,
        r.given.variances,
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.vzgm");
    mixture.save(&path).unwrap();
    assert_eq!(Gmm::open(&path).unwrap(), mixture);
    let bytes = mixture.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(Gmm::from_bytes(&changed).is_err(), "{at}");
    }
    assert!(Gmm::from_parts(2, vec![1.0], vec![0.0; 2], vec![1.0, 0.0]).is_err());
    assert!(Gmm::from_parts(2, vec![1.0], vec![0.0; 3], vec![1.0; 3]).is_err());
}
