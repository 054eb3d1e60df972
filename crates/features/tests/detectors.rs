//! MSER, FAST and ORB against OpenCV, fast Hessian against a float64 program written from the paper.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vizsla_features::{
    FastConfig, FastHessianConfig, MserConfig, MserRegion, OrbConfig, Polarity, detect_fast,
    detect_orb, hessian_blobs, mser_regions,
};
use vizsla_pixels::{DecodeOptions, Gray, read_gray};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_str(&fs_err::read_to_string(reference(name)).unwrap()).unwrap()
}

fn picture(name: &str) -> Gray {
    let path = reference(&format!("{name}.pgm"));
    read_gray(&path, &DecodeOptions::default()).unwrap().image
}

fn photograph() -> Option<Gray> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join("oxford_affine/graf/img1.png");
    if !path.exists() {
        println!("skipped: {} is not there (set VIZSLA_DATA)", path.display());
        return None;
    }
    Some(read_gray(&path, &DecodeOptions::default()).unwrap().image)
}

fn integers(row: &Value) -> Vec<i64> {
    row.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_i64().unwrap())
        .collect()
}

fn floats(row: &Value) -> Vec<f64> {
    row.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// Pixels of the intersection over those of the union; both ascending.
fn overlap(a: &[usize], b: &[usize]) -> f64 {
    let a: BTreeSet<usize> = a.iter().copied().collect();
    let common = b.iter().filter(|at| a.contains(at)).count();
    common as f64 / (a.len() + b.len() - common) as f64
}

/// Of the reference's regions, the share that are ours exactly, and the mean overlap with the best one of ours.
fn compare_regions(image: &Gray, reference: &Value) -> (usize, usize, f64, f64) {
    let config = MserConfig {
        delta: reference["delta"].as_u64().unwrap() as u8,
        max_area: reference["max_area"].as_u64().unwrap() as u32,
        // OpenCV does not look at it in grey images.
        min_diversity: 0.0,
        ..MserConfig::default()
    };
    let ours: Vec<(MserRegion, Vec<usize>)> = mser_regions(image, &config)
        .into_iter()
        .map(|region| (region, region.pixels(image)))
        .collect();
    let theirs = reference["regions"].as_array().unwrap();
    let exact: BTreeSet<(bool, &[usize])> = ours
        .iter()
        .map(|(region, pixels)| (region.polarity == Polarity::Dark, pixels.as_slice()))
        .collect();
    let (mut same, mut total) = (0, 0.0);
    for row in theirs {
        let row = integers(row);
        let dark = row[0] == 1;
        let region = MserRegion {
            polarity: if dark {
                Polarity::Dark
            } else {
                Polarity::Bright
            },
            level: row[3] as u8,
            seed: (row[1] as usize, row[2] as usize),
            ..ours[0].0
        };
        let pixels = region.pixels(image);
        assert_eq!(
            pixels.len() as i64,
            row[4],
            "a reference of another picture"
        );
        if exact.contains(&(dark, pixels.as_slice())) {
            same += 1;
            total += 1.0;
        } else {
            let overlaps = ours.iter().map(|(_, own)| overlap(&pixels, own));
            total += overlaps.fold(0.0, f64::max);
        }
    }
    let count = theirs.len() as f64;
    (ours.len(), theirs.len(), same as f64 / count, total / count)
}

#[test]
fn stable_regions_are_those_of_opencv_on_drawn_pictures() {
    let reference = json("mser.json");
    for (name, image) in [
        ("texture", "texture"),
        ("shapes", "shapes"),
        ("shapes_2", "shapes"),
    ] {
        let (ours, theirs, same, overlap) = compare_regions(&picture(image), &reference[name]);
        println!(
            "{name}: {ours} regions, {theirs} of OpenCV, {same:.4} the same, overlap {overlap:.4}"
        );
        assert!(ours == theirs && same == 1.0 && overlap == 1.0);
    }
}

#[test]
fn stable_regions_are_those_of_opencv_on_a_photograph() {
    let Some(image) = photograph() else {
        return;
    };
    let (ours, theirs, same, overlap) = compare_regions(&image, &json("mser_graf.json"));
    println!("graf: {ours} regions, {theirs} of OpenCV, {same:.4} the same, overlap {overlap:.4}");
    assert!(ours == theirs && same == 1.0 && overlap == 1.0);
}

fn compare_corners(image: &Gray, reference: &Value) {
    let threshold = reference["threshold"].as_u64().unwrap() as u8;
    let config = FastConfig {
        threshold,
        ..FastConfig::default()
    };
    let ours: BTreeSet<(i64, i64, i64)> = detect_fast(image, &config)
        .iter()
        .map(|k| (k.x as i64, k.y as i64, (k.response * 255.0).round() as i64))
        .collect();
    let theirs: BTreeSet<(i64, i64, i64)> = integers(&reference["corners"])
        .chunks_exact(3)
        .map(|c| (c[0], c[1], c[2]))
        .collect();
    println!("threshold {threshold}: {} corners", theirs.len());
    assert_eq!(ours, theirs);
}

#[test]
fn fast_corners_and_scores_are_exactly_those_of_opencv() {
    let reference = json("corners.json");
    for name in ["texture", "shapes"] {
        let image = picture(name);
        for one in reference["fast"][name].as_array().unwrap() {
            compare_corners(&image, one);
        }
    }
    if let Some(image) = photograph() {
        compare_corners(&image, &reference["fast_graf"]);
    }
}

#[test]
fn oriented_corners_of_one_level_are_those_of_opencv() {
    let reference = json("corners.json");
    for name in ["texture", "shapes"] {
        let config = OrbConfig {
            levels: 1,
            ..OrbConfig::default()
        };
        let ours = detect_orb(&picture(name), &config);
        let theirs: Vec<Vec<f64>> = reference["orb"][name]
            .as_array()
            .unwrap()
            .iter()
            .map(floats)
            // Edges, which are no corners for us.
            .filter(|row| row[3] > 0.0)
            .collect();
        println!("{name}: {} corners", theirs.len());
        assert!(theirs.len() > 20 && ours.len() == theirs.len());
        for row in theirs {
            let own = ours
                .iter()
                .find(|k| f64::from(k.x) == row[0] && f64::from(k.y) == row[1])
                .unwrap();
            let off = (f64::from(own.angle).to_degrees() - row[2]).rem_euclid(360.0);
            // OpenCV's arc tangent is good to a third of a degree.
            assert!(off.min(360.0 - off) < 0.35, "{own:?} {row:?}");
            let response = f64::from(own.response);
            assert!(
                (response - row[3]).abs() < 1e-4 * row[3] + 1e-9,
                "{own:?} {row:?}"
            );
        }
    }
}

/// Every blob of the float64 program is ours, to a thousandth of a pixel where the quadratic is well conditioned.
#[test]
fn blobs_of_the_fast_hessian_are_those_of_the_paper() {
    for reference in json("surf_points.json").as_array().unwrap() {
        let number = |name: &str| reference[name].as_u64().unwrap() as usize;
        let config = FastHessianConfig {
            threshold: reference["threshold"].as_f64().unwrap() as f32,
            octaves: number("octaves"),
            layers: number("layers"),
            ..FastHessianConfig::default()
        };
        let ours = hessian_blobs(&picture(reference["picture"].as_str().unwrap()), &config);
        let theirs = reference["points"].as_array().unwrap();
        println!(
            "{}: {} of {} blobs",
            reference["picture"],
            ours.len(),
            theirs.len()
        );
        assert!(theirs.len() > 20 && ours.len() == theirs.len());
        for row in theirs {
            let row = floats(row);
            let apart = |b: &vizsla_features::HessianBlob| {
                let k = &b.keypoint;
                let place = (f64::from(k.x) - row[0]).hypot(f64::from(k.y) - row[1]);
                place.max((f64::from(k.scale) - 5.0 / 3.0 * row[2]).abs())
            };
            let own = ours
                .iter()
                .min_by(|a, b| apart(a).total_cmp(&apart(b)))
                .unwrap();
            assert!(apart(own) < 0.02, "{own:?} {row:?}");
            let response = f64::from(own.keypoint.response);
            assert!((response / row[3] - 1.0).abs() < 1e-3, "{own:?} {row:?}");
            assert_eq!(own.bright, row[4] == 1.0);
        }
    }
}
