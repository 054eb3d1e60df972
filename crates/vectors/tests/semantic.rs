//! Codes of encoders are those of NumPy, see `reference/semantic.py`.
#![allow(clippy::unwrap_used)]

mod points;

use points::{Source, numbers};
use serde_json::Value;
use vizsla_vectors::{
    Activation, Allowed, BinaryHasher, Error, HashLayer, HashMethod, HashVectors,
    HashVectorsConfig, VectorIndex, l2_normalise,
};

fn floats(list: &Value) -> Vec<f32> {
    numbers(list, |x| x.as_f64().map(|x| x as f32))
}

fn layer(weights: &[f32], bias: &[f32], activation: Activation) -> HashLayer {
    HashLayer {
        weights: weights.to_vec(),
        bias: bias.to_vec(),
        activation,
    }
}

/// Layers of these sizes with drawn weights; all but the last are rectified.
fn drawn(sizes: &[usize], seed: u64) -> BinaryHasher {
    let mut source = Source(seed);
    let layers = sizes.windows(2).enumerate().map(|(at, pair)| HashLayer {
        weights: (0..pair[0] * pair[1]).map(|_| source.hump()).collect(),
        bias: (0..pair[1]).map(|_| 0.1 * source.hump()).collect(),
        activation: match at + 2 == sizes.len() {
            true => Activation::Logistic,
            false => Activation::Relu,
        },
    });
    BinaryHasher::from_layers(sizes[0], layers.collect()).unwrap()
}

#[test]
fn codes_are_those_of_the_reference() {
    let cases: Value = serde_json::from_str(include_str!("reference/semantic.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let input = case["input"].as_u64().unwrap() as usize;
        let layers = case["layers"].as_array().unwrap().iter();
        let layers = layers.map(|given| HashLayer {
            weights: floats(&given["weights"]),
            bias: floats(&given["bias"]),
            activation: match given["activation"].as_str().unwrap() {
                "relu" => Activation::Relu,
                _ => Activation::Logistic,
            },
        });
        let hasher = BinaryHasher::from_layers(input, layers.collect()).unwrap();
        let again = BinaryHasher::from_bytes(&hasher.to_bytes()).unwrap();
        let rows = floats(&case["rows"]);
        let codes = case["codes"].as_array().unwrap();
        assert!(codes.len() > 30 && rows.len() == input * codes.len());
        for (row, code) in rows.chunks_exact(input).zip(codes) {
            let found = again.encode(row);
            let ones = (0..hasher.bits()).map(|at| found[at / 64] >> (at % 64) & 1);
            let found: String = ones.map(|one| one.to_string()).collect();
            assert_eq!(found, code.as_str().unwrap());
        }
    }
}

#[test]
fn a_unit_at_one_half_is_a_one() {
    let hasher = BinaryHasher::from_layers(
        1,
        vec![layer(&[1.0, -1.0], &[0.0, 0.0], Activation::Logistic)],
    )
    .unwrap();
    let code = |x: f32| hasher.encode(&[x])[0];
    assert_eq!((code(0.0), code(1.0), code(-1.0)), (0b11, 0b01, 0b10));
}

#[test]
fn files_come_back_and_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let hasher = drawn(&[4, 3, 5], 1);
    assert_eq!(
        (hasher.method(), hasher.input(), hasher.bits()),
        (HashMethod::Semantic, 4, 5)
    );
    assert!(hasher.projection().is_none() && hasher.layers().unwrap().len() == 2);
    let path = folder.path().join("hash");
    hasher.save(&path).unwrap();
    let opened = BinaryHasher::open(&path).unwrap();
    assert_eq!((&opened, opened.id()), (&hasher, hasher.id()));
    let bytes = hasher.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(BinaryHasher::from_bytes(&changed).is_err(), "{at}");
        assert!(BinaryHasher::from_bytes(&bytes[..at]).is_err(), "{at}");
    }
}

/// A file whose checksums are right whatever it says.
fn forged(fields: [u32; 4], payload: &[u32]) -> Vec<u8> {
    let payload: Vec<u8> = payload.iter().flat_map(|x| x.to_le_bytes()).collect();
    let format = vizsla_vectors::FileFormat {
        magic: b"VZBH",
        kind: "hash",
        version: 1,
        header: 32,
    };
    format.encode(&fields, &payload)
}

#[test]
fn files_that_claim_what_cannot_be_are_refused_before_memory_is_taken() {
    let one = 1f32.to_bits();
    // Method, bits, input, layers; units and activation of each layer; numbers.
    let sound = forged([2, 1, 1, 1], &[1, 0, one, one]);
    assert!(BinaryHasher::from_bytes(&sound).is_ok());
    let most = 1 << 16;
    for (fields, payload) in [
        ([2, 1, 1, 1], &[1, 1, one, one][..]),
        ([2, 1, 1, 1], &[1, 7, one, one]),
        ([2, 1, 1, 1], &[1, 0, one, f32::NAN.to_bits()]),
        ([2, 1, 1, 1], &[1, 0, f32::INFINITY.to_bits(), one]),
        ([2, 1, 1, 1], &[2, 0, one, one]),
        ([2, 2, 1, 1], &[1, 0, one, one]),
        ([2, 1, 1, 0], &[]),
        ([2, 1, 1, 2], &[1, 0, one, one]),
        ([2, 1, 1, u32::MAX], &[1, 0, one, one]),
        ([2, 1, u32::MAX, 1], &[1, 0, one, one]),
        ([2, 1, 0, 1], &[1, 0, one]),
        ([2, 0, 1, 1], &[0, 0]),
        ([2, u32::MAX, 1, 1], &[u32::MAX, 0]),
        // 2³² weights, and as many as fit a row of the greatest layers.
        ([2, 1, 1 << 16, 2], &[most, 1, 1, 0]),
        ([2, 1, 1 << 17, 3], &[most, 1, most, 1, 1, 0]),
        ([3, 1, 1, 1], &[1, 0, one, one]),
    ] {
        let found = BinaryHasher::from_bytes(&forged(fields, payload));
        assert!(matches!(found, Err(Error::Damaged { .. })), "{fields:?}");
    }
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let logistic = Activation::Logistic;
    let range = |input, layers| {
        let refused = BinaryHasher::from_layers(input, layers);
        assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    };
    range(1, Vec::new());
    range(0, vec![layer(&[], &[1.0], logistic)]);
    range(1 << 18, vec![layer(&[1.0], &[1.0], logistic)]);
    range(1, vec![layer(&[], &[], logistic)]);
    range(1, vec![layer(&[0.0; 4097], &[0.0; 4097], logistic)]);
    range(1, vec![layer(&[1.0], &[1.0], logistic); 17]);
    let refused = |input, layers| BinaryHasher::from_layers(input, layers).unwrap_err();
    let shape = refused(2, vec![layer(&[1.0], &[1.0], logistic)]);
    assert!(matches!(shape, Error::Shape { .. }), "{shape}");
    let shape = refused(
        2,
        vec![
            layer(&[1.0; 6], &[1.0; 3], Activation::Relu),
            layer(&[1.0; 2], &[1.0], logistic),
        ],
    );
    assert!(matches!(shape, Error::Shape { .. }), "{shape}");
    for (weight, bias) in [(f32::NAN, 1.0), (1.0, f32::INFINITY)] {
        let error = refused(1, vec![layer(&[weight], &[bias], logistic)]);
        assert!(
            matches!(error, Error::LayerNotFinite { layer: 0 }),
            "{error}"
        );
    }
    let error = refused(1, vec![layer(&[1.0], &[1.0], Activation::Relu)]);
    assert!(error.to_string().contains("logistic"), "{error}");
}

#[test]
fn odd_vectors_have_codes_too() {
    let hasher = drawn(&[4, 6, 8], 2);
    let row = [0.5, -0.25, 0.0, 0.0];
    assert_eq!(hasher.encode(&row[..2]), hasher.encode(&row));
    assert_eq!(
        hasher.encode(&[0.5, -0.25, 0.0, 0.0, 9.0]),
        hasher.encode(&row)
    );
    assert_eq!(hasher.encode(&[f32::NAN; 4]), [0]);
    assert_eq!(hasher.encode(&[]), hasher.encode(&[0.0; 4]));
    for odd in [f32::MAX, f32::INFINITY, f32::MIN_POSITIVE] {
        assert!(hasher.encode(&[odd; 4])[0] < 1 << 8);
    }
    assert!(hasher.encode_all(&[1.0; 3]).is_err());
    assert!(hasher.encode_all(&[f32::NAN; 4]).is_err());
}

#[test]
fn nobody_here_learns_it() {
    let rows = [0.0, 1.0, 1.0, 0.0];
    let error = BinaryHasher::learn(&rows, 2, 2, HashMethod::Semantic, 0).unwrap_err();
    assert!(error.to_string().contains("from_layers"), "{error}");
    let config = HashVectorsConfig {
        method: HashMethod::Semantic,
        ..HashVectorsConfig::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let made = HashVectors::create(&folder.path().join("x"), 2, "test", &config);
    assert!(matches!(made, Err(Error::NotLearnedHere { .. })));
}

#[test]
fn a_file_of_vectors_is_found_through_given_codes() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source(3);
    let rows: Vec<Vec<f32>> = (0..6000)
        .map(|_| {
            let mut row: Vec<f32> = (0..8).map(|_| source.hump()).collect();
            l2_normalise(&mut row);
            row
        })
        .collect();
    let hasher = drawn(&[8, 64], 4);
    let write = |name: &str, rows: &[Vec<f32>]| {
        let path = folder.path().join(name);
        let mut writer = HashVectors::create_with(&path, "test", hasher.clone()).unwrap();
        for (id, row) in (1..).zip(rows) {
            writer.push(id, row).unwrap();
        }
        assert!(writer.push(9000, &[1.0; 7]).is_err());
        writer.finish().unwrap();
        HashVectors::open(&path).unwrap()
    };
    let index = write("many", &rows);
    index.verify().unwrap();
    assert_eq!(index.hasher(), Some(&hasher));
    let index = index.with_candidates(600);
    let mut found = 0;
    for query in rows.iter().step_by(60) {
        let mut exact: Vec<(i64, f32)> = (1..)
            .zip(&rows)
            .map(|(id, row)| (id, vizsla_vectors::dot_f32(query, row)))
            .collect();
        exact.sort_by(|a, b| b.1.total_cmp(&a.1));
        let near = index.nearest(query, 10, &Allowed::All).unwrap().best;
        let same = |id| near.iter().any(|&(other, _)| id == other);
        found += exact[..10].iter().filter(|&&(id, _)| same(id)).count();
    }
    // By chance a tenth.
    assert!(found > 800, "{found} of 1000");
    // Few vectors have no codes.
    assert!(write("few", &rows[..50]).hasher().is_none());
    // The hash of a file is one of its vectors.
    let unfit = HashVectors::create_with(&folder.path().join("y"), "test", drawn(&[1 << 17, 1], 5));
    assert!(matches!(unfit, Err(Error::OutOfRange { .. })));
}
