//! Codebooks learned in other ways than the usual one: vocabulary trees, see `reference/tree.py`, and exact k-means.
#![allow(clippy::unwrap_used)]

mod descriptors;
mod hexadecimal;
mod sequence;

use std::cell::Cell;
use std::path::PathBuf;

use descriptors::descriptors;
use serde_json::Value;
use vizsla_features::DescriptorKind;
use vizsla_vectors::l2_squared_u8;
use vizsla_words::{Clustering, Codebook, Error, TrainConfig};

fn learned(clustering: Clustering, words: usize, branching: usize) -> Codebook {
    let config = TrainConfig {
        words,
        clustering,
        branching,
        iterations: 30,
        seed: 5,
        ..TrainConfig::default()
    };
    Codebook::train(&descriptors(3, 300, 6_000, 20), &config, &|_| {}).unwrap()
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v3.vzcb")
}

#[test]
#[ignore = "writes the fixture of a vocabulary tree"]
fn write_tree() {
    let tree = learned(Clustering::Hierarchical, 40, 3);
    tree.save(&fixture()).unwrap();
}

#[test]
fn descriptors_go_the_way_of_the_reference() {
    let reference: Value = serde_json::from_str(include_str!("reference/tree.json")).unwrap();
    let tree = Codebook::open(&fixture()).unwrap();
    assert!(tree.is_tree());
    let all = hexadecimal::descriptors(&reference["descriptors"]);
    assert_eq!(all.len(), 60);
    let (mut several, mut elsewhere) = (Vec::new(), 0);
    for (at, descriptor) in all.iter().enumerate() {
        let word = tree.assign(descriptor);
        assert_eq!(u64::from(word), reference["words"][at].as_u64().unwrap());
        tree.assign_many(descriptor, 3, &mut several);
        let found: Vec<Value> = several
            .iter()
            .map(|&(word, d)| vec![word, d].into())
            .collect();
        assert_eq!(Value::from(found), reference["several"][at]);
        assert!(several.iter().any(|&(near, _)| near == word));
        let nearest = tree
            .words()
            .iter()
            .map(|w| l2_squared_u8(descriptor, w))
            .min();
        let own = l2_squared_u8(descriptor, &tree.words()[word as usize]);
        elsewhere += usize::from(nearest < Some(own));
    }
    // A path through a tree misses the nearest word at times, or the reference could not tell it from an exhaustive search.
    assert!(elsewhere > 0);
}

#[test]
fn a_tree_has_as_many_words_as_were_asked_for_and_its_file_gives_it_back() {
    for (words, branching) in [(1, 2), (2, 2), (40, 3), (301, 10), (257, 256)] {
        let tree = learned(Clustering::Hierarchical, words, branching);
        assert_eq!(tree.len(), words);
        let bytes = tree.to_bytes();
        assert_eq!(bytes[4..8], [3, 0, 0, 0]);
        let read = Codebook::from_bytes(&bytes).unwrap();
        assert_eq!(
            (read.id(), read.kind()),
            (tree.id(), DescriptorKind::RootSift)
        );
        assert_eq!(read.words(), tree.words());
        for descriptor in descriptors(5, 20, 50, 40) {
            assert_eq!(read.assign(&descriptor), tree.assign(&descriptor));
        }
    }
    let again = learned(Clustering::Hierarchical, 40, 3);
    assert_eq!(again.to_bytes(), fs_err::read(fixture()).unwrap());
}

#[test]
fn words_lie_where_descriptors_do_however_they_are_learned() {
    let all = descriptors(3, 300, 6_000, 20);
    let distortion = |codebook: &Codebook| {
        let own = |d: &[u8; 128]| l2_squared_u8(d, &codebook.words()[codebook.assign(d) as usize]);
        all.iter().map(|d| f64::from(own(d))).sum::<f64>() / all.len() as f64
    };
    let one = distortion(&learned(Clustering::Flat, 1, 10));
    let flat = distortion(&learned(Clustering::Flat, 200, 10));
    let tree = distortion(&learned(Clustering::Hierarchical, 200, 10));
    let cells = distortion(&learned(Clustering::Cells, 200, 10));
    // It checks more words than there are, and differs by its start alone: words drawn at random, some of them of one cluster.
    let approximate = distortion(&learned(Clustering::Approximate, 200, 10));
    assert!(flat < 0.5 * one, "{flat} {one}");
    assert!(tree < 1.25 * flat, "{tree} {flat}");
    assert!(cells < 1.2 * flat, "{cells} {flat}");
    assert!(approximate < 1.5 * flat, "{approximate} {flat}");
}

#[test]
fn the_only_word_is_the_mean_of_all_descriptors() {
    let all = descriptors(3, 300, 6_000, 20);
    let mean = |at: usize| all.iter().map(|d| f64::from(d[at])).sum::<f64>() / all.len() as f64;
    for clustering in Clustering::ALL {
        let codebook = learned(clustering, 1, 2);
        for (at, &x) in codebook.words()[0].iter().enumerate() {
            let off = (f64::from(x) - mean(at)).abs();
            assert!(off < 0.51, "{clustering}: {off}");
        }
    }
}

#[test]
fn learning_tells_how_far_it_is() {
    for clustering in Clustering::ALL {
        let config = TrainConfig {
            words: 50,
            clustering,
            ..TrainConfig::default()
        };
        let (last, stages) = (Cell::new(0), Cell::new(0));
        let told = |progress: vizsla_words::TrainProgress| {
            assert!(progress.stage > last.get() && progress.stage <= progress.stages);
            last.set(progress.stage);
            stages.set(progress.stages);
        };
        Codebook::train(&descriptors(3, 60, 2_000, 20), &config, &told).unwrap();
        assert!(last.get() > 0, "{clustering}");
        assert_eq!(
            clustering.to_string().parse::<Clustering>().unwrap(),
            clustering
        );
    }
    let unknown = "fuzzy".parse::<Clustering>().unwrap_err().to_string();
    assert!(unknown.contains("hierarchical"), "{unknown}");
}

#[test]
fn damaged_trees_are_told_and_branches_out_of_range_are_refused() {
    let good = fs_err::read(fixture()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(Codebook::from_bytes(&bad).is_err(), "byte {at}");
    }
    for length in (0..good.len()).step_by(7) {
        assert!(Codebook::from_bytes(&good[..length]).is_err());
    }
    // Numbers of children that make no tree, with sums that are right.
    let counts = good.len() - 4;
    let mut bad = good.clone();
    bad[counts..].copy_from_slice(&7u32.to_le_bytes());
    let payload = crc32fast::hash(&bad[32..]);
    bad[24..28].copy_from_slice(&payload.to_le_bytes());
    let header = crc32fast::hash(&bad[..28]);
    bad[28..32].copy_from_slice(&header.to_le_bytes());
    let refused = Codebook::from_bytes(&bad).unwrap_err().to_string();
    assert!(refused.contains("nodes out of order"), "{refused}");
    for branching in [0, 1, 257] {
        let config = TrainConfig {
            words: 2,
            clustering: Clustering::Hierarchical,
            branching,
            ..TrainConfig::default()
        };
        let refused = Codebook::train(&descriptors(3, 5, 40, 20), &config, &|_| {});
        assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    }
}
