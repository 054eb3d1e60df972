//! Agreement with people: correlations against SciPy (`reference/agreement.py`), and the caption oracle on Flickr8k
//! where it is at hand (`VIZSLA_DATA`).
#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail by panicking

use std::path::{Path, PathBuf};

use serde::Deserialize;
use vizsla_evaluation::{
    CaptionOracle, agree_with_judgements, agree_with_triplets, kendall_tau_b, kendall_tau_c,
    load_expert_judgements, pairwise_accuracy, spearman, triplets_of_judgements,
};

#[derive(Deserialize)]
struct Case {
    x: Vec<f64>,
    y: Vec<f64>,
    spearman: f64,
    kendall_tau_b: f64,
    kendall_tau_c: f64,
    pairwise_accuracy: f64,
}

#[test]
fn correlations_of_tied_data_equal_scipy() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("reference/agreement.json")).expect("by agreement.py");
    for (number, case) in cases.iter().enumerate() {
        for (name, got, expected) in [
            ("spearman", spearman(&case.x, &case.y), case.spearman),
            ("tau-b", kendall_tau_b(&case.x, &case.y), case.kendall_tau_b),
            ("tau-c", kendall_tau_c(&case.x, &case.y), case.kendall_tau_c),
            (
                "pairwise",
                pairwise_accuracy(&case.x, &case.y),
                case.pairwise_accuracy,
            ),
        ] {
            let got = got.expect("both sides vary");
            assert!(
                (got - expected).abs() < 1e-12,
                "case {number}, {name}: {got} is not {expected}"
            );
        }
    }
}

fn flickr8k() -> Option<PathBuf> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("flickr8k");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no flickr8k at {}", folder.display());
    None
}

#[test]
fn the_caption_oracle_agrees_with_experts_less_than_experts_do() {
    let Some(folder) = flickr8k() else {
        return;
    };
    let oracle = CaptionOracle::open(&folder.join("captions.txt")).expect("published layout");
    let mut judged =
        load_expert_judgements(&folder.join("ExpertAnnotations.txt")).expect("published layout");
    assert_eq!(judged.len(), 5822);
    judged.retain(|pair| !pair.is_own());
    assert_eq!(judged.len(), 5664);
    judged.truncate(1500);
    let found = agree_with_judgements(&judged, &oracle, 1).expect("all captions are known");
    let metric = |name: &str| *found.metrics.get(name).expect(name);
    let person = |name: &str| *found.people.get(name).expect(name);
    for name in [
        "spearman",
        "kendall_tau_b",
        "kendall_tau_c",
        "pairwise_accuracy",
    ] {
        assert!(metric(name) < person(name), "{name}");
        let interval = found.intervals.get(name).expect(name);
        assert!(interval.low < metric(name) && metric(name) < interval.high);
    }
    assert!(metric("pairwise_accuracy") > 0.7);
    let triplets = triplets_of_judgements(&judged);
    let found = agree_with_triplets(&triplets, &oracle, 1).expect("all captions are known");
    assert!(*found.metrics.get("agreement").expect("majorities") > 0.7);
}
