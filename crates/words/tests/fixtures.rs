//! Files of released format versions stay readable, and damaged ones are told apart.
//!
//! `fixtures/v1.vzcb` and `fixtures/v1.vzsg` were written by [`write_fixtures`] when version 1 was made, `fixtures/v2.vzsg` by
//! `reference/segment_v2.py`.
#![allow(clippy::unwrap_used)]

mod descriptors;
mod sequence;

use std::path::PathBuf;

use descriptors::descriptors;
use vizsla_vectors::{Allowed, Error as Damage};
use vizsla_words::{
    Codebook, Contents, Error, Pose, QueryWord, ScoringConfig, Segment, SegmentBuilder, Signature,
    TrainConfig, merge, search,
};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Ten images of six descriptors.
fn gallery() -> Vec<Vec<[u8; 128]>> {
    descriptors(21, 40, 60, 12)
        .chunks(6)
        .map(<[_]>::to_vec)
        .collect()
}

#[test]
#[ignore = "writes the fixtures of the current format version"]
fn write_fixtures() {
    let config = TrainConfig {
        words: 24,
        seed: 7,
        ..TrainConfig::default()
    };
    let codebook = Codebook::train(&descriptors(21, 40, 2000, 12), &config, &|_| {}).unwrap();
    codebook.save(&fixture("v1.vzcb")).unwrap();
    let mut builder = SegmentBuilder::new(24);
    for (id, image) in gallery().iter().enumerate() {
        builder
            .add(1000 + id as i64, &words_of(&codebook, image))
            .unwrap();
    }
    // A segment takes the place of no other.
    let _ = fs_err::remove_file(fixture("v1.vzsg"));
    builder.write(&fixture("v1.vzsg")).unwrap();
}

fn words_of(codebook: &Codebook, image: &[[u8; 128]]) -> Vec<(u32, Signature)> {
    image
        .iter()
        .map(|d| {
            let word = codebook.assign(d);
            (word, codebook.signature(d, word))
        })
        .collect()
}

#[test]
fn version_1_is_read() {
    let codebook = Codebook::open(&fixture("v1.vzcb")).unwrap();
    assert_eq!(codebook.len(), 24);
    assert_eq!(codebook.id(), "d251bccfc1f5b45b65702a77eed20ee1");
    let segment = Segment::open(&fixture("v1.vzsg"), 24).unwrap();
    segment.verify().unwrap();
    assert_eq!((segment.image_count(), segment.posting_count()), (10, 60));
    // Words and signatures computed now must be those in the file: every image finds itself.
    for (id, image) in gallery().iter().enumerate() {
        let query: Vec<QueryWord> = (0..)
            .zip(words_of(&codebook, image))
            .map(|(feature, (word, signature))| QueryWord {
                feature,
                word,
                signature,
                weight: 1.0,
            })
            .collect();
        let config = ScoringConfig {
            hamming_threshold: 0,
            ..ScoringConfig::default()
        };
        let found = search(&[&segment], &query, &config, &Allowed::All, 1).unwrap();
        assert_eq!(found[0].id, 1000 + id as i64);
        for q in query {
            let own = segment
                .postings(q.word)
                .any(|p| p.image == id as u32 && p.signature == q.signature.0[0]);
            assert!(own);
        }
    }
}

#[test]
fn version_2_is_read_and_merged_into_what_is_written_now() {
    let old = Segment::open(&fixture("v2.vzsg"), 24).unwrap();
    old.verify().unwrap();
    assert_eq!(old.contents(), Contents::Posed);
    assert_eq!((old.image_count(), old.posting_count()), (700, 214));
    let of_seven: Vec<u32> = old.postings(7).map(|posting| posting.image).collect();
    assert_eq!(of_seven, [0, 5, 5, 699]);
    let of_three = (200..340).flat_map(|image| vec![image; 1 + image as usize % 2]);
    assert!(of_three.eq(old.postings(3).map(|posting| posting.image)));
    let last = old.poses(3).last();
    let (angle, scale) = (209, 3);
    assert_eq!(last, Some(Pose { angle, scale }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("merged.vzsg");
    merge(&[&old], &Allowed::All, &path).unwrap();
    let new = Segment::open(&path, 24).unwrap();
    assert_eq!(fs_err::read(&path).unwrap()[4], 3);
    assert!(new.bytes() < old.bytes());
    // Postings of one image may change places.
    let sorted = |segment: &Segment, word| {
        let poses = segment.poses(word);
        let postings = segment.postings(word).zip(poses);
        let mut all: Vec<_> = postings
            .map(|(p, pose)| (p.image, p.signature, pose))
            .collect();
        all.sort_unstable();
        all
    };
    for word in 0..24 {
        assert_eq!(sorted(&old, word), sorted(&new, word), "{word}");
    }
}

#[test]
fn every_flipped_byte_of_a_codebook_is_found() {
    let good = fs_err::read(fixture("v1.vzcb")).unwrap();
    assert!(Codebook::from_bytes(&good).is_ok());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(Codebook::from_bytes(&bad).is_err(), "byte {at}");
    }
    for length in (0..good.len()).step_by(7) {
        assert!(
            Codebook::from_bytes(&good[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn a_newer_version_is_named() {
    for name in ["v1.vzcb", "v1.vzsg"] {
        let mut bytes = fs_err::read(fixture(name)).unwrap();
        bytes[4] = 9;
        let (checked, at) = if name.ends_with('b') {
            (28, 28)
        } else {
            (60, 60)
        };
        let checksum = crc32fast::hash(&bytes[..checked]);
        bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, &bytes).unwrap();
        let error = if name.ends_with('b') {
            Codebook::open(&path).unwrap_err()
        } else {
            Segment::open(&path, 24).unwrap_err()
        };
        assert!(matches!(
            error,
            Error::Vectors(Damage::NewerVersion { found: 9, .. })
        ));
        assert!(error.to_string().contains(name));
    }
}

#[test]
fn something_else_is_no_codebook() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for content in [
        &b""[..],
        b"VZ",
        b"%PDF-1.7 and so on, long enough for a header",
    ] {
        fs_err::write(&path, content).unwrap();
        assert!(matches!(
            Codebook::open(&path),
            Err(Error::Vectors(Damage::WrongKind { .. }))
        ));
        assert!(matches!(
            Segment::open(&path, 24),
            Err(Error::Vectors(Damage::WrongKind { .. }))
        ));
    }
}
