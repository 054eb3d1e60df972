//! Segments: writing, reading, merging, damage.
#![allow(clippy::unwrap_used)]

mod sequence;

use std::collections::BTreeMap;
use std::path::Path;

use sequence::Sequence;
use vizsla_vectors::{Allowed, IdSet};
use vizsla_words::{
    Error, Posting, QueryWord, ScoringConfig, Segment, SegmentBuilder, Signature, merge, search,
};

const WORDS: u32 = 50;

type Image = (i64, Vec<(u32, Signature)>);

/// Images with ids in no order; some words are frequent, the last never occurs, one image is empty.
fn images(seed: u64, count: usize, features: usize) -> Vec<Image> {
    let mut sequence = Sequence(seed);
    (0..count)
        .map(|i| {
            let id = (i as i64 * 7919) % 100_003 + 100_000 * seed as i64;
            let features = if i == 3 { 0 } else { features };
            let words = (0..features)
                .map(|_| {
                    let word = sequence.below(u64::from(WORDS - 1)).min(sequence.below(60)) as u32;
                    let half = sequence.below(1 << 31) << 20 | sequence.below(1 << 20);
                    (word, Signature([half, sequence.below(1 << 31)]))
                })
                .collect();
            (id, words)
        })
        .collect()
}

fn write(images: &[Image], path: &Path) -> Segment {
    let mut builder = SegmentBuilder::new(WORDS);
    for (id, words) in images {
        builder.add(*id, words).unwrap();
    }
    let summary = builder.write(path).unwrap();
    assert_eq!(summary.images as usize, images.len());
    assert_eq!(summary.bytes, fs_err::metadata(path).unwrap().len());
    Segment::open(path, WORDS).unwrap()
}

/// Word → (id, signature), sorted: what a segment must say.
fn expected(images: &[Image]) -> BTreeMap<u32, Vec<(i64, u64)>> {
    let mut lists: BTreeMap<u32, Vec<(i64, u64)>> = BTreeMap::new();
    for (id, words) in images {
        for (word, signature) in words {
            lists.entry(*word).or_default().push((*id, signature.0[0]));
        }
    }
    lists.values_mut().for_each(|list| list.sort_unstable());
    lists
}

fn said_by(segment: &Segment) -> BTreeMap<u32, Vec<(i64, u64)>> {
    segment
        .occurring_words()
        .map(|word| {
            let list = segment
                .postings(word)
                .map(|Posting { image, signature }| (segment.id(image).unwrap(), signature))
                .collect();
            (word, list)
        })
        .collect()
}

#[test]
fn a_segment_says_what_was_added() {
    let folder = tempfile::tempdir().unwrap();
    for (count, features) in [(1, 1), (40, 30), (700, 20), (20_000, 1)] {
        let images = images(1, count, features);
        let segment = write(&images, &folder.path().join(count.to_string()));
        segment.verify().unwrap();
        assert_eq!(said_by(&segment), expected(&images));
        assert_eq!(
            segment.posting_count() as usize,
            images.iter().map(|i| i.1.len()).sum()
        );
        assert!(segment.ids().is_sorted());
        for (word, list) in expected(&images) {
            let mut ids: Vec<i64> = list.iter().map(|l| l.0).collect();
            ids.dedup();
            assert_eq!(segment.document_frequency(word) as usize, ids.len());
        }
        assert_eq!(segment.document_frequency(WORDS - 1), 0);
        assert_eq!(segment.postings(WORDS + 7).count(), 0);
        assert_eq!(segment.id(segment.image_count()), None);
    }
}

#[test]
fn images_far_apart_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let word = vec![(3, Signature::default())];
    let images: Vec<Image> = (0..70_000)
        .map(|id| {
            (
                id,
                if id % 69_999 == 0 {
                    word.clone()
                } else {
                    vec![]
                },
            )
        })
        .collect();
    let segment = write(&images, &folder.path().join("s"));
    let found: Vec<u32> = segment.postings(3).map(|p| p.image).collect();
    assert_eq!(found, [0, 69_999]);
}

#[test]
fn lengths_of_histograms_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let s = Signature::default();
    let images = vec![(9, vec![(1, s), (2, s), (1, s)]), (4, vec![])];
    let segment = write(&images, &folder.path().join("s"));
    assert_eq!((segment.id(0), segment.id(1)), (Some(4), Some(9)));
    assert_eq!((segment.norm(0), segment.norm(1)), (0.0, 5f32.sqrt()));
    assert_eq!((segment.feature_count(0), segment.feature_count(1)), (0, 3));
}

#[test]
fn bytes_do_not_depend_on_the_order_of_adding_or_merging() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let all = images(2, 300, 25);
    let whole = write(&all, &path("whole"));
    let reversed: Vec<Image> = all.iter().rev().cloned().collect();
    write(&reversed, &path("reversed"));
    let bytes = fs_err::read(path("whole")).unwrap();
    assert_eq!(fs_err::read(path("reversed")).unwrap(), bytes);

    let parts = [&all[..1], &all[1..150], &all[150..]];
    let parts: Vec<Segment> = (0..3)
        .map(|i| write(parts[i], &path(&i.to_string())))
        .collect();
    let summary = merge(
        &[&parts[2], &parts[0], &parts[1]],
        &Allowed::All,
        &path("merged"),
    )
    .unwrap();
    assert_eq!(summary.postings, whole.posting_count());
    assert_eq!(fs_err::read(path("merged")).unwrap(), bytes);
}

#[test]
fn merging_leaves_out_removed_images() {
    let folder = tempfile::tempdir().unwrap();
    let all = images(3, 200, 10);
    let segment = write(&all, &folder.path().join("all"));
    let thirds: IdSet = all.iter().map(|i| i.0).filter(|id| id % 3 == 0).collect();
    let kept: Vec<Image> = all.iter().filter(|i| i.0 % 3 != 0).cloned().collect();
    write(&kept, &folder.path().join("kept"));
    merge(
        &[&segment],
        &Allowed::Except(&thirds),
        &folder.path().join("merged"),
    )
    .unwrap();
    assert_eq!(
        fs_err::read(folder.path().join("merged")).unwrap(),
        fs_err::read(folder.path().join("kept")).unwrap()
    );
    let none = merge(
        &[&segment],
        &Allowed::Only(&IdSet::new()),
        &folder.path().join("none"),
    )
    .unwrap();
    assert_eq!((none.images, none.postings), (0, 0));
    let empty = Segment::open(&folder.path().join("none"), WORDS).unwrap();
    assert_eq!(empty.ids().count(), 0);
    assert!(matches!(
        merge(
            &[&segment, &segment],
            &Allowed::All,
            &folder.path().join("twice")
        ),
        Err(Error::DuplicateImage(_))
    ));
    assert!(!folder.path().join("twice").exists());
}

#[test]
fn what_does_not_belong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = SegmentBuilder::new(WORDS);
    assert!(matches!(
        builder.add(1, &[(WORDS, Signature::default())]),
        Err(Error::UnknownWord { .. })
    ));
    builder.add(5, &[]).unwrap();
    builder.add(5, &[]).unwrap();
    let path = folder.path().join("s");
    assert!(matches!(
        builder.write(&path),
        Err(Error::DuplicateImage(5))
    ));
    write(&images(1, 2, 2), &path);
    assert!(matches!(
        Segment::open(&path, WORDS + 1),
        Err(Error::OtherCodebook { .. })
    ));
}

/// Reads everything a damaged segment offers; must not panic.
fn read_everything(segment: &Segment) {
    for word in 0..WORDS {
        for posting in segment.postings(word) {
            assert!(posting.image < segment.image_count());
        }
    }
}

#[test]
fn every_flipped_byte_is_found_and_none_does_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    write(&images(4, 12, 7), &path);
    let good = fs_err::read(&path).unwrap();
    let mut found_late = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs_err::write(&path, &bad).unwrap();
        if let Ok(segment) = Segment::open(&path, WORDS) {
            read_everything(&segment);
            assert!(segment.verify().is_err(), "byte {at}");
            found_late += 1;
        }
    }
    assert!(found_late > good.len() / 3);
    for length in (0..good.len()).step_by(5) {
        fs_err::write(&path, &good[..length]).unwrap();
        assert!(Segment::open(&path, WORDS).is_err(), "{length} bytes");
    }
    let mut long = good.clone();
    long.push(0);
    fs_err::write(&path, &long).unwrap();
    assert!(Segment::open(&path, WORDS).is_err());
}

#[test]
fn tables_that_only_pretend_to_be_sound_do_no_harm() {
    // Checksums are no protection against intent: recompute them after the change.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    write(&images(5, 10, 5), &path);
    let good = fs_err::read(&path).unwrap();
    let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap()) as usize;
    let (tables, directory) = (64 + 10 * 16, number(40));
    for at in (4..60).chain(directory..good.len()) {
        for value in [1, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(&bad[64..tables]);
            checksum.update(&bad[directory..]);
            bad[20..24].copy_from_slice(&checksum.finalize().to_le_bytes());
            let checksum = crc32fast::hash(&bad[..60]);
            bad[60..64].copy_from_slice(&checksum.to_le_bytes());
            fs_err::write(&path, &bad).unwrap();
            if let Ok(segment) = Segment::open(&path, WORDS) {
                read_everything(&segment);
                let _ = segment.verify();
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn a_segment_that_is_cut_short_gives_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(1, 60, 300);
    let whole = folder.path().join("whole");
    write(&images, &whole);
    let length = fs_err::metadata(&whole).unwrap().len();
    for kept in [0, length / 2, length - 1] {
        let path = folder.path().join(format!("cut{kept}"));
        let cut = write(&images, &path);
        cut.check_whole().unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(kept).unwrap();
        let word = QueryWord {
            feature: 0,
            word: 1,
            signature: Signature([0, 0]),
            weight: 1.0,
        };
        let config = ScoringConfig::default();
        let found = search(&[&cut], &[word], &config, &Allowed::All, 10).map(drop);
        let merged = folder.path().join("merged");
        for failed in [
            found,
            merge(&[&cut], &Allowed::All, &merged).map(drop),
            cut.check_whole(),
        ] {
            let error = failed.unwrap_err().to_string();
            assert!(
                error.contains("segment") && error.contains(path.to_str().unwrap()),
                "{error}"
            );
        }
        assert!(!merged.exists());
    }
}
