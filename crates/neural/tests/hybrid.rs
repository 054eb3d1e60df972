//! Fully connected layers behind a vector give what NumPy gives, see `reference/hybrid.py`.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use vizsla_neural::{ModelEntry, ModelKind, RuntimeChoice, SessionOptions, VectorEncoder};
use vizsla_vectors::Projection;

#[derive(Deserialize)]
struct Reference {
    vectors: Vec<Vec<f32>>,
    codes: Vec<Vec<f32>>,
}

fn entry() -> ModelEntry {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/hybrid.onnx");
    let mut entry = ModelEntry::for_file("hybrid", ModelKind::Image, &file, "");
    entry.sha256 = entry.digest().unwrap();
    entry
}

const OPTIONS: SessionOptions = SessionOptions {
    runtime: RuntimeChoice::Rten,
    threads: 1,
};

#[test]
fn layers_are_applied_to_rows() {
    let reference: Reference = serde_json::from_str(include_str!("reference/hybrid.json")).unwrap();
    let encoder = VectorEncoder::open(&entry(), None, &OPTIONS).unwrap();
    let found = encoder.encode(&reference.vectors).unwrap();
    assert_eq!(found.len(), reference.codes.len());
    for (x, y) in found.iter().flatten().zip(reference.codes.iter().flatten()) {
        assert!((x - y).abs() < 1e-5, "{x} {y}");
    }
    assert!(encoder.encode(&[vec![1.0; 5]]).is_err());
    assert!(encoder.encode(&[]).unwrap().is_empty());
}

#[test]
fn a_projection_stands_before_the_layers() {
    let samples: Vec<f32> = (0..60)
        .map(|i| ((i * i * 13 + 5 * i) % 37) as f32)
        .collect();
    let fitting = Arc::new(Projection::pca(&samples, 6, 4, false).unwrap());
    let encoder = VectorEncoder::open(&entry(), Some(fitting), &OPTIONS).unwrap();
    let found = encoder.encode(&[samples[..6].to_vec()]).unwrap();
    assert_eq!(found[0].len(), 3);
    let other = Arc::new(Projection::pca(&samples, 6, 3, false).unwrap());
    let error = VectorEncoder::open(&entry(), Some(other), &OPTIONS)
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("vectors of 4 numbers"),
        "{error}"
    );
}
