//! XFeat after its network, against the authors' program on maps of a formula (`tests/reference/xfeat.py`).

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    columns: usize,
    rows: usize,
    seed: u32,
    /// In pixels of the network's picture, strongest first.
    keypoints: Vec<[u32; 2]>,
    scores: Vec<f32>,
    /// Which of them are described.
    described: Vec<usize>,
    descriptors: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let text = fs_err::read_to_string(folder.join("xfeat.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The same numbers as in the script.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn maps(columns: usize, rows: usize, seed: u32) -> XfeatMaps {
    let cells = columns * rows;
    let features = noise(NUMBERS * cells, seed).into_iter();
    let keypoints = noise(65 * cells, seed + 1).into_iter();
    XfeatMaps::new(
        (columns, rows),
        features.map(|v| v * 2.0 - 1.0).collect(),
        keypoints.map(|v| v * 8.0).collect(),
        noise(cells, seed + 2),
    )
    .unwrap()
}

fn published() -> Xfeat {
    Xfeat::new(XfeatConfig {
        spread: false,
        ..XfeatConfig::default()
    })
}

#[test]
fn keypoints_scores_and_descriptors_are_the_authors() {
    for case in cases() {
        let maps = maps(case.columns, case.rows, case.seed);
        let found = published().features((8 * case.columns, 8 * case.rows), &maps);
        let places: Vec<[u32; 2]> = (found.keypoints.iter())
            .map(|k| [k.x as u32, k.y as u32])
            .collect();
        assert!(places.len() > 10);
        assert_eq!(places, case.keypoints, "seed {}", case.seed);
        for (keypoint, score) in found.keypoints.iter().zip(&case.scores) {
            assert!((keypoint.response / score - 1.0).abs() < 1e-5);
            assert!((keypoint.scale - 8.0 / 3.0).abs() < 1e-6);
            assert_eq!((keypoint.angle, keypoint.shape), (0.0, Shape::CIRCLE));
        }
        let cells = sampling::UnitCells::new(&maps);
        for (&index, wanted) in case.described.iter().zip(&case.descriptors) {
            let [x, y] = case.keypoints[index];
            let numbers = cells.descriptor(x, y);
            assert_eq!(numbers.len(), wanted.len());
            for (number, wanted) in numbers.iter().zip(wanted) {
                assert!((number - wanted).abs() < 2e-6, "{number} {wanted}");
            }
            let (bytes, rest) = found.descriptors[index].split_at(NUMBERS);
            for (&byte, wanted) in bytes.iter().zip(wanted) {
                let exact = (128.0 + 256.0 * wanted).clamp(0.0, 255.0);
                assert!((f32::from(byte) - exact).abs() < 0.51);
            }
            assert_eq!(rest, [0; 64]);
        }
    }
}

#[test]
fn places_are_those_of_the_image_that_was_resized() {
    let maps = maps(8, 4, 11);
    let same = published().features((64, 32), &maps);
    let other = published().features((90, 33), &maps);
    assert_eq!((other.width, other.height), (90, 33));
    assert_eq!(same.descriptors, other.descriptors);
    for (a, b) in same.keypoints.iter().zip(&other.keypoints) {
        let wanted = (
            (a.x + 0.5) * 90.0 / 64.0 - 0.5,
            (a.y + 0.5) * 33.0 / 32.0 - 0.5,
        );
        assert!((b.x - wanted.0).abs() < 1e-4 && (b.y - wanted.1).abs() < 1e-4);
        let zoom = (90f32 / 64.0 * 33.0 / 32.0).sqrt();
        assert!((b.scale - zoom * 8.0 / 3.0).abs() < 1e-4);
    }
    // An image smaller than the network's picture has no place outside of itself.
    for keypoint in &published().features((1, 5), &maps).keypoints {
        assert!(keypoint.x == 0.0 && (0.0..=4.0).contains(&keypoint.y));
    }
}

#[test]
fn a_budget_keeps_the_strongest() {
    let maps = maps(12, 16, 21);
    let all = published().features((96, 128), &maps);
    for budget in [1, 7, 30] {
        for spread in [false, true] {
            let config = XfeatConfig {
                budget,
                spread,
                ..XfeatConfig::default()
            };
            let some = Xfeat::new(config).features((96, 128), &maps);
            assert_eq!(some.len(), budget);
            let strongest = if spread { budget.div_ceil(2) } else { budget };
            assert!(
                all.keypoints[..strongest]
                    .iter()
                    .all(|k| some.keypoints.contains(k))
            );
            assert!(some.keypoints.is_sorted_by(|a, b| a.response >= b.response));
        }
    }
    let none = XfeatConfig {
        threshold: 1.0,
        ..XfeatConfig::default()
    };
    assert!(Xfeat::new(none).features((96, 128), &maps).is_empty());
}

#[test]
fn maps_of_other_lengths_are_refused_and_strange_numbers_break_nothing() {
    let cells = 6;
    let (features, keypoints) = (vec![0.0; NUMBERS * cells], vec![0.0; 65 * cells]);
    let made = |columns, rows, reliability: usize| {
        let reliability = vec![1.0; reliability];
        XfeatMaps::new(
            (columns, rows),
            features.clone(),
            keypoints.clone(),
            reliability,
        )
    };
    assert!(made(3, 2, 6).is_ok());
    for (columns, rows, reliability) in [(3, 3, 6), (0, 2, 6), (3, 2, 5), (usize::MAX, 2, 6)] {
        let error = made(columns, rows, reliability).unwrap_err().to_string();
        assert!(error.contains("it must have"), "{error}");
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38, 0.0] {
        let mut maps = maps(8, 4, 11);
        for map in [
            &mut maps.features,
            &mut maps.keypoints,
            &mut maps.reliability,
        ] {
            map.iter_mut().step_by(5).for_each(|v| *v = value);
        }
        let found = published().features((64, 32), &maps);
        assert_eq!(found.keypoints.len(), found.descriptors.len());
        let finite = |k: &Keypoint| k.x.is_finite() && k.y.is_finite() && k.response > 0.0;
        assert!(found.keypoints.iter().all(finite));
    }
}
