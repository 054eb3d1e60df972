//! SIFT against OpenCV 5 and against Lowe's own program.
//!
//! Share found again: keypoints of the reference that have one of ours within 1 px, 10 % of scale and 10° of angle.
//! The thresholds lie a little below what was measured, see each test.

#![allow(clippy::unwrap_used)]

use std::f32::consts::{PI, TAU};
use std::path::{Path, PathBuf};

use vizsla_features::{Features, Keypoint, Shape, Sift, SiftConfig};
use vizsla_pixels::{DecodeOptions, Gray, read_gray};

/// OpenCV 5 enlarges the image by two without correcting for the position of the enlarged pixels.
const OPENCV_SHIFT: f32 = 0.25;

struct Reference {
    keypoints: Vec<Keypoint>,
    descriptors: Vec<(usize, Vec<u8>)>,
}

fn opencv(name: &str) -> Reference {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name);
    let json: serde_json::Value =
        serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    let keypoints = json["keypoints"].as_array().unwrap();
    let keypoints = keypoints.iter().map(|row| {
        let value = |i: usize| row[i].as_f64().unwrap() as f32;
        Keypoint {
            x: value(0) - OPENCV_SHIFT,
            y: value(1) - OPENCV_SHIFT,
            scale: value(2),
            angle: value(3).to_radians(),
            shape: Shape::CIRCLE,
            response: 0.0,
        }
    });
    let step = json["descriptor_step"].as_u64().unwrap() as usize;
    let descriptors = json["descriptors"].as_array().unwrap().iter().enumerate();
    let descriptors = descriptors.map(|(i, text)| (i * step, bytes(text.as_str().unwrap())));
    Reference {
        keypoints: keypoints.collect(),
        descriptors: descriptors.collect(),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

fn data() -> PathBuf {
    std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    )
}

fn read(path: &Path) -> Option<Gray> {
    if !path.exists() {
        println!("skipped: {} is not there (set VIZSLA_DATA)", path.display());
        return None;
    }
    Some(read_gray(path, &DecodeOptions::default()).unwrap().image)
}

fn turn_between(a: f32, b: f32) -> f32 {
    ((a - b + PI).rem_euclid(TAU) - PI).abs()
}

/// Our nearest keypoint within the tolerances.
fn find(ours: &Features, theirs: &Keypoint) -> Option<usize> {
    let distance = |k: &Keypoint| (k.x - theirs.x).hypot(k.y - theirs.y);
    ours.keypoints
        .iter()
        .enumerate()
        .filter(|(_, k)| {
            distance(k) <= 1.0
                && (k.scale / theirs.scale - 1.0).abs() <= 0.1
                && turn_between(k.angle, theirs.angle) <= 10.0f32.to_radians()
        })
        .min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
        .map(|(i, _)| i)
}

fn share_found(ours: &Features, theirs: &[Keypoint]) -> f32 {
    theirs.iter().filter(|k| find(ours, k).is_some()).count() as f32 / theirs.len() as f32
}

fn distance(a: &[u8], b: &[u8]) -> f32 {
    let square = |(&x, &y): (&u8, &u8)| (f32::from(x) - f32::from(y)).powi(2);
    a.iter().zip(b).map(square).sum::<f32>().sqrt()
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
}

fn plain() -> Sift {
    Sift::new(SiftConfig {
        root: false,
        ..SiftConfig::default()
    })
}

fn compare_with_opencv(image: &Gray, reference: &Reference) -> (f32, f32) {
    let ours = plain().extract(image);
    let distances: Vec<f32> = reference
        .descriptors
        .iter()
        .filter_map(|(i, theirs)| {
            find(&ours, &reference.keypoints[*i]).map(|j| distance(&ours.descriptors[j], theirs))
        })
        .collect();
    (share_found(&ours, &reference.keypoints), median(distances))
}

/// Measured: 0.992 found again, median distance 29 where a descriptor has length 512.
#[test]
fn finds_and_describes_what_opencv_does_on_a_generated_texture() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/texture.pgm");
    let image = read(&path).unwrap();
    let (found, apart) = compare_with_opencv(&image, &opencv("texture.json"));
    println!("texture: {found:.3} found again, median descriptor distance {apart:.1} of 512");
    assert!(found >= 0.97 && apart <= 35.0);
}

/// Measured: 0.979 found again, median distance 28 where a descriptor has length 512.
#[test]
fn finds_and_describes_what_opencv_does_on_a_photograph() {
    let Some(image) = read(&data().join("oxford_affine/graf/img1.png")) else {
        return;
    };
    let (found, apart) = compare_with_opencv(&image, &opencv("graf.json"));
    println!("graf: {found:.3} found again, median descriptor distance {apart:.1} of 512");
    assert!(found >= 0.96 && apart <= 35.0);
}

/// Lowe's list: row, column, scale, angle (y up), descriptor. His program enlarges and smooths differently, so fewer
/// points agree than with OpenCV; positions agree without any shift. Measured: 0.66 found again, shift 0.004, distance 64.
#[test]
fn agrees_with_lowes_own_program() {
    let folder = data().join("lowe_sift");
    let Some(image) = read(&folder.join("box.pgm")) else {
        return;
    };
    let text = fs_err::read_to_string(folder.join("box.sift")).unwrap();
    let values: Vec<f32> = text
        .split_whitespace()
        .map(|v| v.parse().unwrap())
        .collect();
    let theirs: Vec<(Keypoint, Vec<u8>)> = values[2..]
        .chunks_exact(132)
        .map(|row| {
            let angle = (-row[3]).rem_euclid(TAU);
            let keypoint = Keypoint {
                x: row[1],
                y: row[0],
                scale: row[2],
                angle,
                shape: Shape::CIRCLE,
                response: 0.0,
            };
            (keypoint, row[4..].iter().map(|&v| v as u8).collect())
        })
        .collect();
    assert_eq!(theirs.len() as f32, values[0]);
    let ours = plain().extract(&image);
    let pairs: Vec<(&(Keypoint, Vec<u8>), usize)> = theirs
        .iter()
        .filter_map(|their| find(&ours, &their.0).map(|i| (their, i)))
        .collect();
    let found = pairs.len() as f32 / theirs.len() as f32;
    let shift = median(
        pairs
            .iter()
            .map(|(t, i)| ours.keypoints[*i].x - t.0.x)
            .collect(),
    );
    let apart = median(
        pairs
            .iter()
            .map(|(t, i)| distance(&ours.descriptors[*i], &t.1))
            .collect(),
    );
    println!("box: {found:.3} found again, shift {shift:.3}, median distance {apart:.1} of 512");
    assert!(found >= 0.6 && shift.abs() < 0.02 && apart < 100.0);
}

#[test]
fn pictures_without_room_or_texture_have_no_features() {
    for (width, height) in [
        (1, 1),
        (1, 5000),
        (5000, 1),
        (2, 2),
        (5, 7),
        (6, 4000),
        (64, 64),
    ] {
        let image = Gray::new(width, height, vec![200; width * height]).unwrap();
        for upsample in [true, false] {
            let features = Sift::new(SiftConfig {
                upsample,
                ..SiftConfig::default()
            })
            .extract(&image);
            assert!(features.is_empty(), "{width} × {height}");
            assert_eq!(
                (features.width as usize, features.height as usize),
                (width, height)
            );
        }
    }
}

#[test]
fn strange_configurations_and_pictures_do_not_panic() {
    let mut state = 7u32;
    for (width, height) in [(12, 12), (13, 40), (40, 13), (31, 33), (200, 7), (65, 64)] {
        let data = (0..width * height).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let image = Gray::new(width, height, data.collect()).unwrap();
        for (layers, sigma, contrast) in [
            (0, 1.6, 0.04),
            (1, 0.0, 0.0),
            (5, 40.0, 0.0),
            (3, f32::NAN, -1.0),
            (3, 1.6, 0.0),
        ] {
            let config = SiftConfig {
                layers,
                sigma,
                contrast_threshold: contrast,
                edge_threshold: 1e9,
                budget: 50,
                ..SiftConfig::default()
            };
            let features = Sift::new(config).extract(&image);
            assert!(features.len() <= 50);
            assert!(
                features
                    .keypoints
                    .iter()
                    .all(|k| k.x.is_finite() && k.scale > 0.0)
            );
        }
    }
}

#[test]
fn the_same_picture_gives_the_same_features() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/texture.pgm");
    let image = read(&path).unwrap();
    let sift = Sift::new(SiftConfig {
        budget: 60,
        ..SiftConfig::default()
    });
    let first = sift.extract(&image);
    // Another picture in between leaves its traces in the memory that is used again.
    let other = image.crop(3, 5, 90, 70).unwrap();
    let _ = sift.extract(&other);
    assert_eq!(first, sift.extract(&image));
    assert_eq!(
        first,
        std::thread::scope(|s| s.spawn(|| sift.extract(&image)).join().unwrap())
    );
    assert_eq!(first.len(), 60);
    let strength = |point: &Keypoint| point.response * point.scale.sqrt();
    assert!(
        first
            .keypoints
            .windows(2)
            .all(|pair| strength(&pair[0]) >= strength(&pair[1]))
    );
}
