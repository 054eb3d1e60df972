//! The poolings are those of PyTorch and NumPy, see `reference/pooling.py`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use vizsla_neural::{FeatureMap, FisherPooling, NetVlad, Pooling};

#[derive(Deserialize)]
struct Reference {
    channels: usize,
    centres: Vec<f32>,
    alpha: f32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    height: usize,
    width: usize,
    data: Vec<f32>,
    pooled: BTreeMap<String, Vec<f32>>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/pooling.json")).unwrap()
}

impl Case {
    fn map(&self, channels: usize) -> FeatureMap {
        FeatureMap::new(channels, self.height, self.width, self.data.clone()).unwrap()
    }
}

#[test]
fn every_pooling_follows_its_paper() {
    let reference = reference();
    let netvlad = NetVlad::from_parts(
        reference.channels,
        reference.alpha,
        reference.centres.clone(),
    )
    .unwrap();
    let netvlad = Pooling::NetVlad(Arc::new(netvlad));
    for case in &reference.cases {
        let map = case.map(reference.channels);
        for (name, expected) in &case.pooled {
            let pooling = match name.as_str() {
                "netvlad" => netvlad.clone(),
                name => name.parse().unwrap(),
            };
            let found = pooling.pool(&map);
            assert_eq!(found.len(), expected.len(), "{name}");
            for (x, y) in found.iter().zip(expected) {
                let tolerance = 1e-5 * y.abs().max(1.0);
                assert!((x - y).abs() < tolerance, "{name}: {x} is not {y}");
            }
        }
    }
}

/// Poolings that are learned, from the places of all maps.
fn learned(reference: &Reference) -> (NetVlad, FisherPooling) {
    let channels = reference.channels;
    let mut vectors = Vec::new();
    for case in &reference.cases {
        vectors.extend(case.map(channels).local_vectors(true));
    }
    (
        NetVlad::train(&vectors, channels, 4, 1).unwrap(),
        FisherPooling::train(&vectors, channels, 3, 2, 1).unwrap(),
    )
}

#[test]
fn learned_poolings_come_back_from_their_files() {
    let (netvlad, fisher) = learned(&reference());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.vznv");
    netvlad.save(&path).unwrap();
    assert_eq!(NetVlad::open(&path).unwrap(), netvlad);
    assert!(FisherPooling::open(&path).is_err());
    let bytes = netvlad.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        fs_err::write(&path, &changed).unwrap();
        assert!(NetVlad::open(&path).is_err(), "{at}");
    }
    fisher.save(&path).unwrap();
    assert_eq!(FisherPooling::open(&path).unwrap(), fisher);
    let bytes = fisher.to_bytes();
    for at in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        fs_err::write(&path, &changed).unwrap();
        assert!(FisherPooling::open(&path).is_err(), "{at}");
    }
}

#[test]
fn shares_of_learned_poolings_sum_to_the_product() {
    let reference = reference();
    let (netvlad, fisher) = learned(&reference);
    let poolings = [
        Pooling::NetVlad(Arc::new(netvlad)),
        Pooling::Fisher(Arc::new(fisher)),
    ];
    for case in &reference.cases {
        let map = case.map(reference.channels);
        for pooling in &poolings {
            let pooled = pooling.pool(&map);
            assert_eq!(pooled.len(), pooling.dimension(reference.channels));
            let gain: Vec<f32> = (0..pooled.len()).map(|i| (i % 5) as f32 - 1.5).collect();
            let product: f64 = pooled
                .iter()
                .zip(&gain)
                .map(|(&x, &g)| f64::from(x) * f64::from(g))
                .sum();
            let sum: f64 = pooling.shares(&map, &gain).iter().sum();
            assert!((sum - product).abs() < 1e-4, "{pooling}: {sum} {product}");
        }
    }
}
