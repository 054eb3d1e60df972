//! Weak geometric consistency and soft assignment follow the formulas, see `reference/weak_geometry.py`.
#![allow(clippy::unwrap_used)]

mod hexadecimal;

use std::path::Path;

use hexadecimal::descriptors;
use serde_json::Value;
use vizsla_vectors::Allowed;
use vizsla_words::{
    Burstiness, Codebook, Contents, Error, Pose, QueryWord, ScoringConfig, Segment, SegmentBuilder,
    Signature, WeakGeometry, merge, search, search_consistent,
};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/weak_geometry.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<u64> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_u64().unwrap()).collect()
}

fn features(of: &Value) -> Vec<(u32, Signature, Pose)> {
    let [words, signatures, angles, scales] =
        ["word", "signature", "angle", "scale"].map(|name| numbers(&of[name]));
    (0..words.len())
        .map(|at| {
            let pose = Pose {
                angle: angles[at] as u8,
                scale: scales[at] as u8,
            };
            (words[at] as u32, Signature([signatures[at], 0]), pose)
        })
        .collect()
}

type Image = (i64, Vec<(u32, Signature, Pose)>);

fn images(reference: &Value) -> Vec<Image> {
    let images = reference["images"].as_array().unwrap().iter();
    (0..).zip(images.map(features)).collect()
}

fn segment(images: &[Image], words: u32, path: &Path) -> Segment {
    let mut builder = SegmentBuilder::of(words, Contents::Posed);
    for (id, features) in images {
        builder.add_posed(*id, features).unwrap();
    }
    builder.write(path).unwrap();
    Segment::open(path, words).unwrap()
}

fn query(reference: &Value) -> (Vec<QueryWord>, Vec<Pose>) {
    let features = features(&reference["query"]);
    let words = (0..).zip(&features);
    let words = words.map(|(feature, &(word, signature, _))| QueryWord {
        feature,
        word,
        signature,
        weight: 1.0,
    });
    let posed = reference["posed"].as_u64().unwrap() as usize;
    let poses = features.iter().take(posed).map(|feature| feature.2);
    (words.collect(), poses.collect())
}

#[test]
fn scores_follow_the_formulas_however_images_are_split() {
    let reference = reference();
    let words = reference["words"].as_u64().unwrap() as u32;
    let folder = tempfile::tempdir().unwrap();
    let images = images(&reference);
    let whole = segment(&images, words, &folder.path().join("whole"));
    let one = segment(&images[..6], words, &folder.path().join("one"));
    let two = segment(&images[6..], words, &folder.path().join("two"));
    let merged = folder.path().join("merged");
    merge(&[&two, &one], &Allowed::All, &merged).unwrap();
    let bytes = |path: &Path| fs_err::read(path).unwrap();
    assert_eq!(bytes(&merged), bytes(whole.path()));
    let (query, poses) = query(&reference);
    let mut worst = 0f64;
    for case in reference["cases"].as_array().unwrap() {
        let config = ScoringConfig {
            hamming_threshold: reference["threshold"].as_u64().unwrap() as u32,
            hamming_sigma: reference["sigma"].as_f64().unwrap() as f32,
            burstiness: match case["burstiness"].as_str().unwrap() {
                "ignore" => Burstiness::Ignore,
                "intra" => Burstiness::Intra,
                _ => Burstiness::IntraAndInter,
            },
            ..ScoringConfig::default()
        };
        let geometry = WeakGeometry {
            rotation: case["rotation"].as_str().unwrap().parse().unwrap(),
            scale: case["scale"].as_str().unwrap().parse().unwrap(),
        };
        for segments in [&[&whole][..], &[&one, &two]] {
            let all = Allowed::All;
            let found =
                search_consistent(segments, &query, &poses, &config, &geometry, &all, 20).unwrap();
            for (id, expected) in case["scores"].as_array().unwrap().iter().enumerate() {
                let expected = expected.as_f64().unwrap();
                let found = found.iter().find(|scored| scored.id == id as i64);
                let score = found.map_or(0.0, |scored| f64::from(scored.score));
                worst = worst.max((score - expected).abs() / expected.max(1e-6));
            }
        }
    }
    assert!(worst < 1e-5, "{worst}");
}

#[test]
fn poses_come_back_and_plain_search_does_not_see_them() {
    let reference = reference();
    let words = reference["words"].as_u64().unwrap() as u32;
    let folder = tempfile::tempdir().unwrap();
    let images = images(&reference);
    let posed = segment(&images, words, &folder.path().join("posed"));
    posed.verify().unwrap();
    let mut builder = SegmentBuilder::new(words);
    for (id, features) in &images {
        let plain: Vec<(u32, Signature)> = features.iter().map(|f| (f.0, f.1)).collect();
        builder.add(*id, &plain).unwrap();
    }
    let path = folder.path().join("plain");
    builder.write(&path).unwrap();
    let plain = Segment::open(&path, words).unwrap();
    let contents = |path: &Path| fs_err::read(path).unwrap()[28];
    assert_eq!((contents(&path), contents(posed.path())), (0, 1));
    for word in 0..words {
        let found: Vec<_> = posed.postings(word).zip(posed.poses(word)).collect();
        assert_eq!(found.len(), plain.postings(word).count());
        assert_eq!(plain.poses(word).count(), 0);
        for (posting, pose) in found {
            let features = &images[posting.image as usize].1;
            let signature = Signature([posting.signature, 0]);
            assert!(features.contains(&(word, signature, pose)));
        }
    }
    let (query, poses) = query(&reference);
    let config = ScoringConfig::default();
    let of = |segment| search(&[segment], &query, &config, &Allowed::All, 20).unwrap();
    assert_eq!(of(&posed), of(&plain));
    let (geometry, all) = (WeakGeometry::default(), Allowed::All);
    let refused = search_consistent(&[&plain], &query, &poses, &config, &geometry, &all, 5);
    assert!(matches!(refused, Err(Error::OtherContents { .. })));
    // Without poses of the query every vote agrees.
    let free = search_consistent(&[&posed], &query, &[], &config, &geometry, &all, 20).unwrap();
    for (a, b) in free.iter().zip(of(&plain)) {
        assert!(a.id == b.id && (a.score - b.score).abs() < 1e-5 * b.score);
    }
    let mut builder = SegmentBuilder::of(words, Contents::Posed);
    assert!(builder.add(1, &[]).is_err());
    assert!(SegmentBuilder::new(words).add_posed(1, &[]).is_err());
}

#[test]
fn what_lies_alike_comes_before_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let signature = Signature([7, 0]);
    let pose = |angle: u8, scale: u8| Pose { angle, scale };
    let alike = (0..8)
        .map(|w| (w, signature, pose(40 + w as u8, 50)))
        .collect();
    let scattered = (0..8)
        .map(|w| (w, signature, pose(31 * w as u8, 20 * w as u8)))
        .collect();
    let images = [(1, scattered), (2, alike)];
    let segment = segment(&images, 8, &folder.path().join("s"));
    let query: Vec<QueryWord> = (0..8)
        .map(|word| QueryWord {
            feature: word,
            word,
            signature,
            weight: 1.0,
        })
        .collect();
    let (config, geometry) = (ScoringConfig::default(), WeakGeometry::default());
    let poses = [pose(10, 30); 8];
    let all = Allowed::All;
    let found =
        search_consistent(&[&segment], &query, &poses, &config, &geometry, &all, 5).unwrap();
    assert_eq!((found[0].id, found[1].id), (2, 1));
    assert!(found[0].score > 2.0 * found[1].score);
    let plain = search(&[&segment], &query, &config, &all, 5).unwrap();
    assert_eq!(plain[0].score, plain[1].score);
}

#[test]
fn soft_shares_follow_the_formula() {
    let reference = reference();
    let codebook = Codebook::from_bytes(include_bytes!("fixtures/v1.vzcb")).unwrap();
    let sigma = reference["soft_sigma"].as_f64().unwrap() as f32;
    let mut found = Vec::new();
    let all = descriptors(&reference["descriptors"]);
    for (descriptor, expected) in all.iter().zip(reference["soft"].as_array().unwrap()) {
        codebook.assign_soft(descriptor, 4, sigma, &mut found);
        let words: Vec<u64> = found.iter().map(|&(word, _)| u64::from(word)).collect();
        assert_eq!(words, numbers(&expected["words"]));
        for ((_, share), expected) in found.iter().zip(expected["shares"].as_array().unwrap()) {
            assert!((f64::from(*share) - expected.as_f64().unwrap()).abs() < 1e-6);
        }
        for sigma in [f32::NAN, 0.0, -3.0, 1e-30, f32::INFINITY] {
            codebook.assign_soft(descriptor, 4, sigma, &mut found);
            assert_eq!(found.len(), 4);
            assert!((found[0].1 - 1.0).abs() < 1e-6, "{sigma} {found:?}");
        }
        codebook.assign_soft(descriptor, 0, 79.0, &mut found);
        assert!(found.is_empty());
    }
}
