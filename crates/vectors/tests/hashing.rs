//! Learned codes are those of NumPy, see `reference/hashing.py`.
#![allow(clippy::unwrap_used)]

mod points;

use points::{Source, numbers};
use serde_json::Value;
use vizsla_vectors::{BinaryHasher, Error, HashMethod};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/hashing.json")).unwrap()
}

fn samples(reference: &Value) -> (Vec<f32>, usize) {
    let samples = numbers(&reference["samples"], |x| x.as_f64().map(|x| x as f32));
    (samples, reference["dimension"].as_u64().unwrap() as usize)
}

#[test]
fn spectral_codes_are_those_of_the_reference() {
    let reference = reference();
    let (samples, dimension) = samples(&reference);
    let outside = samples[..40 * dimension].iter();
    let outside = outside.map(|&x| (f64::from(x) * 1.7 - 1.0) as f32);
    let queries: Vec<f32> = samples.iter().copied().chain(outside).collect();
    for expected in reference["spectral"].as_array().unwrap() {
        let bits = expected["bits"].as_u64().unwrap() as usize;
        let hasher =
            BinaryHasher::learn(&samples, dimension, bits, HashMethod::Spectral, 0).unwrap();
        let pair = |x: &Value| Some((x[0].as_u64()? as u32, x[1].as_u64()? as u32));
        assert_eq!(hasher.waves().unwrap(), numbers(&expected["waves"], pair));
        let codes = hasher.encode_all(&queries).unwrap();
        let rows = numbers(&expected["rows"], |x| x.as_u64());
        assert!(rows.len() > 150);
        for (row, code) in rows.into_iter().zip(expected["codes"].as_array().unwrap()) {
            let found = codes.code(row as usize);
            let bit = |at: usize| {
                if found[at / 64] >> (at % 64) & 1 == 1 {
                    '1'
                } else {
                    '0'
                }
            };
            let found: String = (0..bits).map(bit).collect();
            assert_eq!(found, code.as_str().unwrap(), "row {row}");
        }
    }
}

/// Vectors in heaps, of some dimensions more than others.
fn heaps(count: usize, dimension: usize, seed: u64) -> Vec<f32> {
    let mut source = Source(seed);
    let centres: Vec<f32> = (0..40 * dimension)
        .map(|at| source.hump() * 3.0 / (1.0 + (at % dimension) as f32).sqrt())
        .collect();
    let mut rows = Vec::new();
    for _ in 0..count {
        let centre = &centres[source.below(40) as usize * dimension..][..dimension];
        rows.extend(centre.iter().map(|c| c + 0.4 * source.hump()));
    }
    rows
}

#[test]
fn the_learned_rotation_is_one() {
    let rows = heaps(2000, 24, 1);
    let hasher = BinaryHasher::learn(&rows, 24, 16, HashMethod::Itq, 3).unwrap();
    let rotation = hasher.rotation().unwrap();
    for (i, a) in rotation.chunks_exact(16).enumerate() {
        for (j, b) in rotation.chunks_exact(16).enumerate() {
            let product: f64 = a
                .iter()
                .zip(b)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum();
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((product - expected).abs() < 1e-6, "{i} {j} {product}");
        }
    }
}

/// Of the ten nearest vectors, the share among the fifty with the nearest codes.
fn recall(rows: &[f32], dimension: usize, method: HashMethod, bits: usize) -> f64 {
    let hasher = BinaryHasher::learn(rows, dimension, bits, method, 3).unwrap();
    assert_eq!(
        (hasher.bits(), hasher.method(), hasher.input()),
        (bits, method, dimension)
    );
    let codes = hasher.encode_all(rows).unwrap();
    let mut found = 0;
    for query in (0..2000).step_by(20) {
        let row = &rows[query * dimension..][..dimension];
        let exact = points::brute(rows, dimension, row, 10);
        let near = codes.nearest(&hasher.encode(row), 50).unwrap();
        let same = exact.iter().filter(|a| near.iter().any(|b| a.row == b.row));
        found += same.count();
    }
    found as f64 / 1000.0
}

#[test]
fn near_vectors_have_near_codes() {
    let rows = heaps(2000, 24, 2);
    let spectral = recall(&rows, 24, HashMethod::Spectral, 24);
    let itq = recall(&rows, 24, HashMethod::Itq, 24);
    println!("spectral {spectral}, itq {itq}");
    // By chance a fortieth.
    assert!(spectral > 0.3 && itq > 0.45);
    assert!(recall(&rows, 24, HashMethod::Spectral, 96) > spectral);
}

#[test]
fn files_come_back_and_damage_is_told() {
    let rows = heaps(300, 6, 3);
    let folder = tempfile::tempdir().unwrap();
    for method in HashMethod::LEARNED {
        let hasher = BinaryHasher::learn(&rows, 6, 5, method, 1).unwrap();
        let path = folder.path().join(method.name());
        hasher.save(&path).unwrap();
        let opened = BinaryHasher::open(&path).unwrap();
        assert_eq!((&opened, opened.id()), (&hasher, hasher.id()));
        assert_eq!(opened.encode(&rows[..6]), hasher.encode(&rows[..6]));
        let bytes = hasher.to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            assert!(BinaryHasher::from_bytes(&changed).is_err(), "{at}");
            assert!(BinaryHasher::from_bytes(&bytes[..at]).is_err(), "{at}");
        }
    }
}

#[test]
fn learning_is_the_same_with_any_number_of_threads() {
    let rows = heaps(1000, 12, 4);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    for method in HashMethod::LEARNED {
        let learn = || BinaryHasher::learn(&rows, 12, 10, method, 1).unwrap();
        let (one, three) = (learn(), pool.install(learn));
        assert_eq!(one.to_bytes(), three.to_bytes());
        let codes = pool.install(|| three.encode_all(&rows).unwrap());
        assert_eq!(one.encode_all(&rows).unwrap(), codes);
    }
}

#[test]
fn odd_samples_are_refused_or_no_trouble() {
    let learn = |samples: &[f32], dimension, bits, method| {
        BinaryHasher::learn(samples, dimension, bits, method, 0)
    };
    for method in HashMethod::LEARNED {
        assert!(matches!(
            learn(&[1.0; 60], 3, 2, method),
            Err(Error::TooFew { .. })
        ));
        assert!(learn(&[], 3, 2, method).is_err() && learn(&[1.0; 3], 3, 2, method).is_err());
        assert!(learn(&[1.0, f32::NAN], 1, 1, method).is_err());
        assert!(learn(&[1.0, 2.0, 3.0], 2, 1, method).is_err());
        for bits in [0, 4097] {
            assert!(matches!(
                learn(&[1.0, 2.0], 1, bits, method),
                Err(Error::OutOfRange { .. })
            ));
        }
        let mut source = Source(5);
        let extreme = points::floats(&mut source, 200, 2);
        if let Ok(hasher) = learn(&extreme, 4, 2, method) {
            assert_eq!(
                BinaryHasher::from_bytes(&hasher.to_bytes()).unwrap(),
                hasher
            );
        }
    }
    // Two vectors span one dimension: many waves, but one bit of a rotation.
    let two = [0.0, 0.0, 3.0, 4.0];
    let spectral = learn(&two, 2, 5, HashMethod::Spectral).unwrap();
    assert_eq!(
        spectral.waves().unwrap(),
        [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]
    );
    let more = learn(&two, 2, 2, HashMethod::Itq);
    assert!(matches!(more, Err(Error::TooFew { found: 1, .. })));
    let itq = learn(&two, 2, 1, HashMethod::Itq).unwrap();
    assert_ne!(itq.encode(&two[..2]), itq.encode(&two[2..]));
    assert_eq!(spectral.encode(&[f32::NAN, 0.0]), [0]);
    assert!(spectral.encode_all(&[1.0; 3]).is_err());
}

#[test]
fn names_are_read_and_unknown_ones_answered() {
    for method in HashMethod::ALL {
        assert_eq!(method.to_string().parse::<HashMethod>().unwrap(), method);
    }
    let error = "lsh".parse::<HashMethod>().unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no hash 'lsh'; choose spectral, itq or semantic"
    );
}
