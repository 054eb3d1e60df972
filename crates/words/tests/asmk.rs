//! ASMK scores are those of the package `asmk` on the same features and words, see `reference/match_kernel.py`.
#![allow(clippy::unwrap_used)]

mod hexadecimal;
mod sequence;

use std::path::Path;

use hexadecimal::descriptors;
use sequence::Sequence;
use serde_json::Value;
use vizsla_vectors::Allowed;
use vizsla_words::{
    AsmkConfig, Codebook, Contents, Error, IdfNorms, MatchKernelIndex, QueryWord, Scored, Segment,
    SegmentBuilder, Signature, merge, search_aggregated,
};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/match_kernel.json")).unwrap()
}

fn codebook() -> Codebook {
    Codebook::from_bytes(include_bytes!("fixtures/v1.vzcb")).unwrap()
}

fn segment(images: &[(i64, Vec<(u32, Signature)>)], path: &Path) -> Segment {
    let mut builder = SegmentBuilder::of(24, Contents::Aggregated);
    for (id, words) in images {
        builder.add(*id, words).unwrap();
    }
    builder.write(path).unwrap();
    Segment::open(path, 24).unwrap()
}

/// Gallery, aggregated, one image after the other.
fn gallery(reference: &Value, codebook: &Codebook) -> Vec<(i64, Vec<(u32, Signature)>)> {
    let images = reference["gallery"].as_array().unwrap().iter();
    let words = images.map(|image| codebook.aggregate(&descriptors(image), 1));
    (0..).zip(words).collect()
}

fn config(case: &Value) -> AsmkConfig {
    AsmkConfig {
        alpha: case["alpha"].as_f64().unwrap() as f32,
        threshold: case["threshold"].as_f64().unwrap() as f32,
        idf: case["idf"].as_bool().unwrap(),
    }
}

/// The largest difference to the scores of a case.
fn compare(found: &[Scored], case: &Value) -> f64 {
    let expected = case["scores"].as_array().unwrap();
    let mut worst = 0f64;
    for (id, expected) in expected.iter().enumerate() {
        let expected = expected.as_f64().unwrap();
        let found = found.iter().find(|scored| scored.id == id as i64);
        let score = found.map_or(0.0, |scored| f64::from(scored.score));
        worst = worst.max((score - expected).abs());
    }
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    worst
}

#[test]
fn binary_scores_are_those_of_the_package() {
    let (reference, codebook) = (reference(), codebook());
    let folder = tempfile::tempdir().unwrap();
    let images = gallery(&reference, &codebook);
    let whole = segment(&images, &folder.path().join("whole"));
    let parts = [&images[..3], &images[3..4], &images[4..]];
    let parts: Vec<Segment> = (0..)
        .zip(parts)
        .map(|(at, images)| segment(images, &folder.path().join(format!("{at}"))))
        .collect();
    let parts: Vec<&Segment> = parts.iter().collect();
    let merged = folder.path().join("merged");
    merge(&parts, &Allowed::All, &merged).unwrap();
    let bytes = |path: &Path| fs_err::read(path).unwrap();
    assert_eq!(bytes(&merged), bytes(whole.path()));
    let mut cases = 0;
    for case in reference["cases"].as_array().unwrap() {
        if !case["binary"].as_bool().unwrap() {
            continue;
        }
        let assignment = case["assignment"].as_u64().unwrap() as usize;
        let words = codebook.aggregate(&descriptors(&reference["query"]), assignment);
        let (query, config) = (QueryWord::each(words), config(case));
        for segments in [&[&whole][..], &parts] {
            let norms = IdfNorms::new(segments).unwrap();
            let search = |norms| {
                search_aggregated(segments, &query, &config, norms, &Allowed::All, 20).unwrap()
            };
            let found = search(None);
            assert_eq!(found, search(Some(&norms)));
            let worst = compare(&found, case);
            assert!(worst < 1e-6, "{worst}: {case}");
        }
        cases += 1;
    }
    assert_eq!(cases, 8);
}

#[test]
fn scores_without_signs_are_those_of_the_package() {
    let (reference, codebook) = (reference(), codebook());
    let mut index = MatchKernelIndex::new();
    for (id, image) in (0..).zip(reference["gallery"].as_array().unwrap()) {
        let words = codebook.residuals(&descriptors(image), 1);
        index.add(id, &words).unwrap();
    }
    let mut cases = 0;
    for case in reference["cases"].as_array().unwrap() {
        if case["binary"].as_bool().unwrap() {
            continue;
        }
        let assignment = case["assignment"].as_u64().unwrap() as usize;
        let words = codebook.residuals(&descriptors(&reference["query"]), assignment);
        let found = index.search(&words, &config(case), 20).unwrap();
        let worst = compare(&found, case);
        assert!(worst < 1e-6, "{worst}: {case}");
        cases += 1;
    }
    assert_eq!(cases, 8);
}

#[test]
fn an_image_is_most_like_itself() {
    let (reference, codebook) = (reference(), codebook());
    let folder = tempfile::tempdir().unwrap();
    let images = gallery(&reference, &codebook);
    let whole = segment(&images, &folder.path().join("s"));
    for idf in [false, true] {
        let config = AsmkConfig {
            idf,
            ..AsmkConfig::default()
        };
        for (id, words) in &images {
            let query = QueryWord::each(words.clone());
            let found =
                search_aggregated(&[&whole], &query, &config, None, &Allowed::All, 3).unwrap();
            assert_eq!(found[0].id, *id);
            assert!((found[0].score - 1.0).abs() < 1e-5, "{found:?}");
        }
    }
}

#[test]
fn one_descriptor_of_a_word_has_its_signature() {
    let codebook = codebook();
    let all = descriptors(&reference()["query"]);
    for descriptor in &all {
        let word = codebook.assign(descriptor);
        let code = codebook.aggregate(std::slice::from_ref(descriptor), 1);
        assert_eq!(code, [(word, codebook.signature(descriptor, word))]);
    }
    let mut turned = all.clone();
    turned.reverse();
    assert_eq!(codebook.aggregate(&all, 1), codebook.aggregate(&turned, 1));
    assert!(codebook.aggregate(&[], 5).is_empty());
    assert!(codebook.aggregate(&all, 0).is_empty());
    // So many that a sum of small numbers would overflow.
    let many = vec![all[0]; 40_000];
    assert_eq!(
        codebook.aggregate(&many, 1),
        codebook.aggregate(&all[..1], 1)
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = SegmentBuilder::of(24, Contents::Aggregated);
    let twice = [(3, Signature::default()), (3, Signature::default())];
    assert!(matches!(
        builder.add(1, &twice),
        Err(Error::RepeatedWord { word: 3, image: 1 })
    ));
    builder.add(1, &twice[..1]).unwrap();
    builder.write(&folder.path().join("a")).unwrap();
    let aggregated = Segment::open(&folder.path().join("a"), 24).unwrap();
    let mut builder = SegmentBuilder::new(24);
    builder.add(2, &twice).unwrap();
    builder.write(&folder.path().join("f")).unwrap();
    let features = Segment::open(&folder.path().join("f"), 24).unwrap();
    let query = QueryWord::each(twice[..1].to_vec());
    let plain = vizsla_words::ScoringConfig::default();
    let refused = vizsla_words::search(&[&aggregated], &query, &plain, &Allowed::All, 5);
    assert!(matches!(refused, Err(Error::OtherContents { .. })));
    let config = AsmkConfig::default();
    let search =
        |segment, config| search_aggregated(&[segment], &query, &config, None, &Allowed::All, 5);
    assert!(matches!(
        search(&features, config),
        Err(Error::OtherContents { .. })
    ));
    assert!(IdfNorms::new(&[&features]).is_err());
    let out = folder.path().join("m");
    assert!(merge(&[&aggregated, &features], &Allowed::All, &out).is_err());
    for (alpha, threshold) in [
        (f32::NAN, 0.0),
        (-1.0, 0.0),
        (3.0, 1.5),
        (3.0, f32::NAN),
        (33.0, 0.0),
    ] {
        let config = AsmkConfig {
            alpha,
            threshold,
            idf: false,
        };
        assert!(matches!(
            search(&aggregated, config),
            Err(Error::OutOfRange { .. })
        ));
    }
    // Every image has the word: idf says nothing of it.
    let idf = AsmkConfig {
        idf: true,
        ..config
    };
    assert!(search(&aggregated, idf).unwrap().is_empty());
    assert_eq!(search(&aggregated, config).unwrap().len(), 1);
    let mut index = MatchKernelIndex::new();
    assert!(index.add(1, &[(0, [f32::NAN; 128])]).is_err() && index.is_empty());
    assert!(index.add(1, &[(0, [1.0; 128]), (0, [1.0; 128])]).is_err());
    assert!(index.search(&[], &config, 4).unwrap().is_empty());
}

#[test]
fn damage_to_other_contents_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut sequence = Sequence(3);
    let words: Vec<(u32, Signature)> = (0..24)
        .map(|word| (word, Signature([sequence.below(1 << 31), 0])))
        .collect();
    let written = segment(&[(5, words)], &folder.path().join("s"));
    let bytes = fs_err::read(written.path()).unwrap();
    let path = folder.path().join("broken");
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0x41;
        fs_err::write(&path, &broken).unwrap();
        let whole = Segment::open(&path, 24).and_then(|segment| segment.verify());
        // Bytes between the fields of the header and the padding of lists are checked as well.
        assert!(whole.is_err(), "{at}");
    }
}
