//! Bags of words, VLAD and Fisher vectors over pyramids follow the formulas, see `reference/pyramid.py`.
#![allow(clippy::unwrap_used)]

mod descriptors;
mod hexadecimal;
mod sequence;

use std::path::PathBuf;

use serde_json::Value;
use vizsla_words::{Aggregation, Aggregator, AggregatorConfig, Pyramid};

const VOCABULARIES: [(&str, Aggregation, usize); 5] = [
    ("bow", Aggregation::Bow, 1),
    ("soft", Aggregation::Bow, 3),
    ("vlad", Aggregation::Vlad, 1),
    ("vlad_intra", Aggregation::VladIntra, 1),
    ("fisher", Aggregation::Fisher, 1),
];

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(format!("{name}.vzag"))
}

fn learned(aggregation: Aggregation, nearest: usize) -> Aggregator {
    let config = AggregatorConfig {
        aggregation,
        words: 5,
        components: 3,
        nearest,
        ..AggregatorConfig::default()
    };
    let all = descriptors::descriptors(9, 40, 900, 25);
    Aggregator::train_of_images(&all, &[30; 30], &config).unwrap()
}

#[test]
#[ignore = "writes what the reference reads"]
fn write_vocabularies() {
    for (name, aggregation, nearest) in VOCABULARIES {
        learned(aggregation, nearest).save(&file(name)).unwrap();
    }
}

#[test]
fn vectors_follow_the_formulas() {
    let reference: Value = serde_json::from_str(include_str!("reference/pyramid.json")).unwrap();
    let all = hexadecimal::descriptors(&reference["descriptors"]);
    let places: Vec<(f32, f32)> = reference["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| [0, 1].map(|at| place[at].as_f64().unwrap() as f32).into())
        .collect();
    let mut worst = 0f64;
    for case in reference["cases"].as_array().unwrap() {
        let aggregator = Aggregator::open(&file(case["vocabulary"].as_str().unwrap())).unwrap();
        let found = match case["pyramid"].as_str() {
            Some(pyramid) => {
                let pyramid: Pyramid = pyramid.parse().unwrap();
                let found = aggregator.describe_in(&all, &places, &pyramid);
                assert_eq!(found.len(), aggregator.dimension() * pyramid.cells());
                found
            }
            None => aggregator.describe(&all),
        };
        let expected = case["vector"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        for (&x, y) in found.iter().zip(expected) {
            worst = worst.max((f64::from(x) - y.as_f64().unwrap()).abs());
        }
    }
    assert_eq!(reference["cases"].as_array().unwrap().len(), 15);
    assert!(worst < 1e-5, "{worst}");
}

#[test]
fn one_cell_is_the_whole() {
    let all = descriptors::descriptors(4, 10, 80, 20);
    let places = vec![(0.5, 0.5); 80];
    for (_, aggregation, nearest) in VOCABULARIES {
        let aggregator = learned(aggregation, nearest);
        assert_eq!(
            Aggregator::from_bytes(&aggregator.to_bytes()).unwrap(),
            aggregator
        );
        let whole = aggregator.describe(&all);
        let one = aggregator.describe_in(&all, &places, &"1x1".parse().unwrap());
        for (x, y) in whole.iter().zip(&one) {
            assert!((x - y).abs() < 1e-6);
        }
        let pyramid: Pyramid = "1x1+2x2".parse().unwrap();
        let length = |vector: &[f32]| vector.iter().map(|x| x * x).sum::<f32>();
        let odd = [(f32::NAN, 0.1), (-4.0, 9.0), (f32::INFINITY, 1.0)];
        let vector = aggregator.describe_in(&all, &odd, &pyramid);
        assert!((length(&vector) - 1.0).abs() < 1e-5);
        let empty = aggregator.describe_in(&[], &[], &pyramid);
        assert!(empty.len() == 5 * aggregator.dimension() && length(&empty) == 0.0);
    }
}

#[test]
fn damage_and_numbers_out_of_range_are_told() {
    let aggregator = learned(Aggregation::Bow, 2);
    let bytes = aggregator.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(Aggregator::from_bytes(&changed).is_err(), "{at}");
    }
    let all = descriptors::descriptors(9, 40, 100, 25);
    for (aggregation, nearest, sigma) in [
        (Aggregation::Bow, 0, 0.1),
        (Aggregation::Bow, 65, 0.1),
        (Aggregation::Vlad, 2, 0.1),
        (Aggregation::Bow, 2, f32::NAN),
        (Aggregation::Bow, 2, 0.0),
    ] {
        let config = AggregatorConfig {
            aggregation,
            words: 4,
            components: 3,
            nearest,
            sigma,
            ..AggregatorConfig::default()
        };
        assert!(Aggregator::train(&all, &config).is_err(), "{config:?}");
    }
}
