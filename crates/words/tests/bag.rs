//! Bags of words are compared by the cosine of their tf-idf histograms, see `reference/bag.py`.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::Value;
use vizsla_vectors::{Allowed, IdSet};
use vizsla_words::{
    BagConfig, Contents, Error, Frequency, IdfNorms, QueryWord, Segment, SegmentBuilder, Signature,
    search_bag,
};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/bag.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<u32> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_u64().unwrap() as u32).collect()
}

fn images(reference: &Value) -> Vec<(i64, Vec<u32>)> {
    let images = reference["images"].as_array().unwrap().iter();
    (0..).zip(images.map(numbers)).collect()
}

fn segment(images: &[(i64, Vec<u32>)], words: u32, path: &Path) -> Segment {
    let mut builder = SegmentBuilder::new(words);
    for (id, words) in images {
        // Signatures differ, and nothing depends on them.
        let word = |(at, &word): (usize, &u32)| (word, Signature([at as u64 * 0x9e37, 0]));
        let features: Vec<_> = words.iter().enumerate().map(word).collect();
        builder.add(*id, &features).unwrap();
    }
    builder.write(path).unwrap();
    Segment::open(path, words).unwrap()
}

fn query(reference: &Value) -> Vec<QueryWord> {
    let weights = reference["weights"].as_array().unwrap().iter();
    let words = numbers(&reference["query"]).into_iter().zip(weights);
    let word = |(feature, (word, weight)): (u32, (u32, &Value))| QueryWord {
        feature,
        word,
        signature: Signature([u64::MAX, 0]),
        weight: weight.as_f64().unwrap() as f32,
    };
    (0..).zip(words).map(word).collect()
}

#[test]
fn scores_follow_the_formula_however_images_are_split() {
    let reference = reference();
    let words = reference["words"].as_u64().unwrap() as u32;
    let folder = tempfile::tempdir().unwrap();
    let images = images(&reference);
    let whole = segment(&images, words, &folder.path().join("whole"));
    let one = segment(&images[..5], words, &folder.path().join("one"));
    let two = segment(&images[5..], words, &folder.path().join("two"));
    let query = query(&reference);
    let mut compared = 0;
    for case in reference["cases"].as_array().unwrap() {
        let config = BagConfig {
            frequency: case["frequency"].as_str().unwrap().parse().unwrap(),
            idf: case["idf"].as_bool().unwrap(),
        };
        for segments in [&[&whole][..], &[&one, &two]] {
            let norms = IdfNorms::of_bags(segments, &config).unwrap();
            let search =
                |norms| search_bag(segments, &query, &config, norms, &Allowed::All, 20).unwrap();
            let found = search(Some(&norms));
            assert_eq!(found, search(None));
            assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
            for (id, expected) in case["scores"].as_array().unwrap().iter().enumerate() {
                let expected = expected.as_f64().unwrap();
                let found = found.iter().find(|scored| scored.id == id as i64);
                let score = found.map_or(0.0, |scored| f64::from(scored.score));
                assert!((score - expected).abs() < 1e-6, "{score} {expected}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 4 * 2 * 12);
}

#[test]
fn an_image_is_most_like_itself_and_what_is_not_allowed_stays_away() {
    let reference = reference();
    let folder = tempfile::tempdir().unwrap();
    let images = images(&reference);
    let whole = segment(&images, 15, &folder.path().join("whole"));
    for frequency in Frequency::ALL {
        let config = BagConfig {
            frequency,
            ..BagConfig::default()
        };
        for (id, words) in &images {
            let words = (0..).zip(words);
            let query: Vec<QueryWord> = words
                .map(|(feature, &word)| QueryWord {
                    feature,
                    word,
                    signature: Signature::default(),
                    weight: 1.0,
                })
                .collect();
            let found = search_bag(&[&whole], &query, &config, None, &Allowed::All, 3).unwrap();
            assert!((found[0].score - 1.0).abs() < 1e-6, "{found:?}");
            let own = found.iter().find(|scored| scored.id == *id).unwrap();
            assert!((own.score - 1.0).abs() < 1e-6, "{found:?}");
            let without: IdSet = std::iter::once(*id).collect();
            let allowed = Allowed::Except(&without);
            let found = search_bag(&[&whole], &query, &config, None, &allowed, 20).unwrap();
            assert!(found.iter().all(|scored| scored.id != *id));
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = SegmentBuilder::of(15, Contents::Aggregated);
    builder.add(1, &[(3, Signature::default())]).unwrap();
    builder.write(&folder.path().join("a")).unwrap();
    let aggregated = Segment::open(&folder.path().join("a"), 15).unwrap();
    let plain = segment(&[(1, vec![3, 3])], 15, &folder.path().join("p"));
    let other = segment(&[(1, vec![3]), (2, vec![4])], 15, &folder.path().join("o"));
    let config = BagConfig::default();
    let word = |word| QueryWord {
        feature: 0,
        word,
        signature: Signature::default(),
        weight: 1.0,
    };
    let search = |segment, norms, number| {
        search_bag(
            &[segment],
            &[word(number)],
            &config,
            norms,
            &Allowed::All,
            5,
        )
    };
    assert!(matches!(
        search(&aggregated, None, 3),
        Err(Error::OtherContents { .. })
    ));
    assert!(IdfNorms::of_bags(&[&aggregated], &config).is_err());
    assert!(matches!(
        search(&plain, None, 15),
        Err(Error::UnknownWord { .. })
    ));
    // Lengths of other segments are not taken for these.
    let norms = IdfNorms::of_bags(&[&other], &config).unwrap();
    let found = search(&plain, Some(&norms), 3).unwrap();
    assert_eq!(found, search(&plain, None, 3).unwrap());
    assert!(search(&plain, None, 7).unwrap().is_empty());
}
