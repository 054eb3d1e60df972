//! Semantic hashing: what its codes tell apart, that they are the seed's own, and odd input.
#![allow(clippy::unwrap_used, clippy::panic)]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vizsla_retrieval::{Silent, StopFlag};
use vizsla_training::{Error, SemanticHashConfig, semantic_hash};
use vizsla_vectors::{BinaryHasher, HashMethod, hamming, l2_normalise};

const DIMENSION: usize = 20;

/// Vectors of length 1 in as many heaps; row r is of heap r modulo `heaps`. All lie to one side, as descriptors do.
fn heaps(heaps: usize, count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |size: f32| (random.random::<f32>() - 0.5) * size;
    let centres: Vec<Vec<f32>> = (0..heaps)
        .map(|_| (0..DIMENSION).map(|_| 1.0 + draw(2.0)).collect())
        .collect();
    let mut rows = Vec::new();
    for at in 0..count {
        let mut row: Vec<f32> = centres[at % heaps].iter().map(|c| c + draw(0.5)).collect();
        l2_normalise(&mut row);
        rows.extend(row);
    }
    rows
}

fn config() -> SemanticHashConfig {
    SemanticHashConfig {
        bits: 24,
        hidden: vec![48],
        epochs: 30,
        batch: 50,
        ..SemanticHashConfig::default()
    }
}

fn learn(rows: &[f32], config: &SemanticHashConfig) -> BinaryHasher {
    let hash = semantic_hash(rows, DIMENSION, config, &Silent);
    hash.unwrap().unwrap()
}

#[test]
fn codes_tell_heaps_apart_that_were_not_trained_on() {
    let all = heaps(8, 1000, 1);
    let (trained, other) = all.split_at(800 * DIMENSION);
    let hash = learn(trained, &config());
    assert_eq!(
        (hash.method(), hash.input(), hash.bits()),
        (HashMethod::Semantic, DIMENSION, 24)
    );
    let codes = hash.encode_all(other).unwrap();
    let (mut within, mut between) = ((0u32, 0u32), (0u32, 0u32));
    for a in 0..codes.len() {
        for b in 0..a {
            let sum = match a % 8 == b % 8 {
                true => &mut within,
                false => &mut between,
            };
            *sum = (sum.0 + hamming(codes.code(a), codes.code(b)), sum.1 + 1);
        }
    }
    let mean = |(sum, count): (u32, u32)| f64::from(sum) / f64::from(count);
    let (within, between) = (mean(within), mean(between));
    println!("bits that differ: {within:.2} within heaps, {between:.2} between");
    assert!(within < 2.0 && between > 8.0, "{within} {between}");
}

#[test]
fn noise_makes_units_take_sides() {
    let rows = heaps(8, 800, 1);
    // How far, on the mean, the sums of the code's units lie from where a bit turns.
    let sure = |noise| {
        let hash = learn(&rows, &SemanticHashConfig { noise, ..config() });
        let layers = hash.layers().unwrap();
        let mut sum = 0.0;
        for row in rows.chunks_exact(DIMENSION) {
            let mut values = row.to_vec();
            for (at, layer) in layers.iter().enumerate() {
                let sums = layer.weights.chunks_exact(values.len()).zip(&layer.bias);
                let sums = sums.map(|(w, b)| vizsla_vectors::dot_f32(w, &values) + b);
                values = match at + 1 == layers.len() {
                    true => sums.map(f32::abs).collect(),
                    false => sums.map(|x| x.max(0.0)).collect(),
                };
            }
            sum += values.iter().sum::<f32>() / values.len() as f32;
        }
        sum / 800.0
    };
    let (without, with) = (sure(0.0), sure(3.0));
    println!("distance from one half: {without} without noise, {with} with");
    assert!(with > 1.5 * without, "{without} {with}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let rows = heaps(5, 300, 2);
    let few = SemanticHashConfig {
        epochs: 3,
        samples: 200,
        ..config()
    };
    let one = learn(&rows, &few);
    assert_eq!(one.to_bytes(), learn(&rows, &few).to_bytes());
    let other = SemanticHashConfig { seed: 1, ..few };
    assert_ne!(one.id(), learn(&rows, &other).id());
}

#[test]
fn a_hash_of_one_layer_and_of_several_can_be_learned() {
    let rows = heaps(5, 100, 3);
    for hidden in [vec![], vec![16, 12]] {
        let few = SemanticHashConfig {
            hidden: hidden.clone(),
            epochs: 2,
            ..config()
        };
        let hash = learn(&rows, &few);
        assert_eq!(hash.layers().unwrap().len(), hidden.len() + 1);
        assert_eq!(BinaryHasher::from_bytes(&hash.to_bytes()).unwrap(), hash);
    }
}

#[test]
fn odd_input_is_refused_or_has_codes() {
    let few = SemanticHashConfig {
        epochs: 2,
        ..config()
    };
    let message = |rows: &[f32], dimension, config: &SemanticHashConfig| {
        let refused = semantic_hash(rows, dimension, config, &Silent).map(drop);
        refused.unwrap_err().to_string()
    };
    let rows = heaps(5, 10, 4);
    let one = message(&rows[..DIMENSION], DIMENSION, &few);
    assert!(one.contains("1 different vectors are too few"), "{one}");
    let equal = message(&rows[..DIMENSION].repeat(30), DIMENSION, &few);
    assert_eq!(one, equal);
    assert!(message(&[], 3, &few).contains("not rows of 3"));
    assert!(message(&rows, 7, &few).contains("not rows of 7"));
    assert!(message(&rows, 0, &few).contains("dimension"));
    for odd in [f32::NAN, f32::INFINITY] {
        let mut rows = rows.clone();
        rows[3 * DIMENSION] = odd;
        assert!(message(&rows, DIMENSION, &few).contains("sample 3"));
    }
    // Two vectors that differ, and vectors of no common size.
    let two = learn(&rows[..2 * DIMENSION], &few);
    assert_eq!(two.bits(), 24);
    for factor in [1e-30, 1e18] {
        let rows: Vec<f32> = rows.iter().map(|x| x * factor).collect();
        assert_eq!(learn(&rows, &few).bits(), 24);
    }
    let fast = SemanticHashConfig { rate: 1e30, ..few };
    assert!(message(&rows, DIMENSION, &fast).contains("give a lower one"));
}

#[test]
fn settings_out_of_range_are_named() {
    let rows = heaps(5, 10, 4);
    let usual = config();
    let set = |change: &dyn Fn(&mut SemanticHashConfig)| {
        let mut config = usual.clone();
        change(&mut config);
        let refused = semantic_hash(&rows, DIMENSION, &config, &Silent);
        match refused {
            Err(error @ Error::Setting { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(set(&|c| c.bits = 0), "bits is 0; it is 1 to 4096");
    assert_eq!(set(&|c| c.bits = 4097), "bits is 4097; it is 1 to 4096");
    assert!(set(&|c| c.hidden = vec![8, 0]).contains("hidden layer is 0"));
    assert!(set(&|c| c.hidden = vec![1 << 15]).contains("hidden layer"));
    assert!(set(&|c| c.hidden = vec![8; 9]).contains("at most 8"));
    assert!(set(&|c| c.epochs = 0).contains("epochs"));
    assert!(set(&|c| c.batch = 0).contains("batch"));
    assert!(set(&|c| c.samples = 0).contains("samples"));
    assert!(set(&|c| c.rate = f64::NAN).contains("rate"));
    assert!(set(&|c| c.noise = -1.0).contains("noise"));
}

#[test]
fn learning_stops_when_it_is_asked_to() {
    let rows = heaps(5, 100, 5);
    let stopped = semantic_hash(&rows, DIMENSION, &config(), &StopFlag::after(5));
    assert!(stopped.unwrap().is_none());
}
