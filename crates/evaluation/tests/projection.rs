//! Maps against scikit-learn and umap-learn (`reference/projection.py`).
#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail by panicking

use std::collections::BTreeMap;

use serde::Deserialize;
use vizsla_evaluation::{MapMethod, project, trustworthiness};
use vizsla_retrieval::Silent;

#[derive(Deserialize)]
struct Reference {
    dimension: usize,
    samples: Vec<f32>,
    pca: Vec<[f32; 2]>,
    trustworthiness: BTreeMap<String, f64>,
}

#[test]
fn maps_are_as_trustworthy_as_those_of_the_reference_programs() {
    let reference: Reference =
        serde_json::from_str(include_str!("reference/projection.json")).expect("by projection.py");
    let (samples, dimension) = (&reference.samples, reference.dimension);
    let trust = |plane: &[[f32; 2]]| trustworthiness(samples, dimension, plane, 5).expect("rows");
    let expected = &reference.trustworthiness;
    let same = trust(&reference.pca) - expected["pca"];
    // Distances of whole numbers tie often, and ties are ranked in another order there.
    assert!(same.abs() < 2e-4, "the measure differs by {same}");
    for method in MapMethod::ALL {
        let plane = project(samples, dimension, method, 1, &Silent).expect("enough rows");
        let (own, theirs) = (trust(&plane), expected[method.name()]);
        println!("{method}: {own:.4}, reference {theirs:.4}");
        assert!(
            own > theirs - 0.005,
            "{method}: {own:.4}, reference {theirs:.4}"
        );
        assert_eq!(
            plane,
            project(samples, dimension, method, 1, &Silent).expect("again")
        );
    }
}
