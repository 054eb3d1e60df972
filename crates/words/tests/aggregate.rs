//! VLAD and Fisher vectors of local descriptors: images of the same things are near, and files come back.
#![allow(clippy::unwrap_used)]

mod descriptors;
mod sequence;

use descriptors::descriptors;
use vizsla_words::{Aggregation, Aggregator, AggregatorConfig};

fn train(aggregation: Aggregation) -> Aggregator {
    let config = AggregatorConfig {
        aggregation,
        words: 8,
        components: 24,
        ..AggregatorConfig::default()
    };
    Aggregator::train(&descriptors(3, 50, 3_000, 20), &config).unwrap()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[test]
fn two_halves_of_an_image_are_nearer_than_another_image() {
    for aggregation in [
        Aggregation::Vlad,
        Aggregation::VladIntra,
        Aggregation::Fisher,
    ] {
        let aggregator = train(aggregation);
        assert_eq!(aggregator.aggregation(), aggregation);
        let one = descriptors(7, 10, 400, 20);
        let other = descriptors(8, 10, 400, 20);
        let [a, b, c] = [&one[..200], &one[200..], &other[..]].map(|d| aggregator.describe(d));
        assert_eq!(a.len(), aggregator.dimension());
        assert!((dot(&a, &a) - 1.0).abs() < 1e-5);
        assert!(dot(&a, &b) > dot(&a, &c) + 0.1, "{aggregation:?}");
        assert!(aggregator.describe(&[]).iter().all(|&x| x == 0.0));
    }
}

#[test]
fn files_come_back_and_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vzag");
    for aggregation in [
        Aggregation::Vlad,
        Aggregation::VladIntra,
        Aggregation::Fisher,
    ] {
        let aggregator = train(aggregation);
        aggregator.save(&path).unwrap();
        assert_eq!(Aggregator::open(&path).unwrap(), aggregator);
        let bytes = aggregator.to_bytes();
        for at in (0..bytes.len()).step_by(97).chain(0..40) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            assert!(Aggregator::from_bytes(&changed).is_err(), "{at}");
            assert!(Aggregator::from_bytes(&bytes[..at]).is_err(), "{at}");
        }
    }
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let config = AggregatorConfig {
        words: 0,
        ..AggregatorConfig::default()
    };
    assert!(Aggregator::train(&descriptors(3, 5, 100, 20), &config).is_err());
    let config = AggregatorConfig::default();
    assert!(Aggregator::train(&descriptors(3, 5, 20, 20), &config).is_err());
    assert!(Aggregator::train(&[], &config).is_err());
}
