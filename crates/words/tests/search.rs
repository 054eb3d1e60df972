//! Scoring, against a plain computation of the same formulas.
#![allow(clippy::unwrap_used)]

mod sequence;

use std::collections::BTreeMap;
use std::path::Path;

use sequence::Sequence;
use vizsla_vectors::{Allowed, IdSet};
use vizsla_words::{
    Burstiness, Error, Normalisation, QueryWord, Scored, ScoringConfig, Segment, SegmentBuilder,
    Signature, search,
};

const WORDS: u32 = 40;

type Image = (i64, Vec<(u32, Signature)>);

fn signature(sequence: &mut Sequence) -> Signature {
    // Few different bits, so that many pairs are near.
    Signature([sequence.below(1 << 24) | 0xffff << 40, 0])
}

fn images(count: i64) -> Vec<Image> {
    let mut sequence = Sequence(11);
    (0..count)
        .map(|id| {
            let features = 1 + sequence.below(40);
            let words = (0..features)
                .map(|_| {
                    (
                        sequence.below(u64::from(WORDS)) as u32,
                        signature(&mut sequence),
                    )
                })
                .collect();
            (id, words)
        })
        .collect()
}

fn query() -> Vec<QueryWord> {
    let mut sequence = Sequence(12);
    (0..60)
        .map(|i| QueryWord {
            feature: i / 2,
            word: sequence.below(u64::from(WORDS)) as u32,
            signature: signature(&mut sequence),
            weight: 1.0 + (i % 3) as f32,
        })
        .collect()
}

fn segment(images: &[Image], path: &Path) -> Segment {
    let mut builder = SegmentBuilder::new(WORDS);
    for (id, words) in images {
        builder.add(*id, words).unwrap();
    }
    builder.write(path).unwrap();
    Segment::open(path, WORDS).unwrap()
}

/// The formulas, without any index.
fn plainly(images: &[Image], query: &[QueryWord], config: &ScoringConfig) -> BTreeMap<i64, f64> {
    let idf = |word: u32| {
        let with = images
            .iter()
            .filter(|i| i.1.iter().any(|w| w.0 == word))
            .count();
        (1.0 + images.len() as f64 / with.max(1) as f64).ln()
    };
    let mut features: BTreeMap<u32, Vec<&QueryWord>> = BTreeMap::new();
    query
        .iter()
        .for_each(|q| features.entry(q.feature).or_default().push(q));
    let mut scores: BTreeMap<i64, f64> = BTreeMap::new();
    for words in features.values() {
        let mut votes: BTreeMap<i64, f64> = BTreeMap::new();
        for (id, image) in images {
            let mut all = Vec::new();
            for q in words {
                for (_, s) in image.iter().filter(|w| w.0 == q.word) {
                    let h = (s.0[0] ^ q.signature.0[0]).count_ones();
                    if h <= config.hamming_threshold {
                        let idf = if config.idf { idf(q.word).powi(2) } else { 1.0 };
                        let ratio = f64::from(h) / f64::from(config.hamming_sigma);
                        all.push((-ratio * ratio).exp() * idf * f64::from(q.weight));
                    }
                }
            }
            let vote = if config.burstiness == Burstiness::Ignore {
                all.iter().sum()
            } else {
                all.iter().copied().fold(0.0, f64::max)
            };
            votes.insert(*id, vote);
        }
        let sum: f64 = votes.values().sum();
        for (id, vote) in votes {
            let factor = match config.burstiness {
                Burstiness::IntraAndInter if sum > 0.0 => sum.sqrt().recip(),
                _ => 1.0,
            };
            *scores.entry(id).or_default() += vote * factor;
        }
    }
    for (id, image) in images {
        let mut histogram: BTreeMap<u32, f64> = BTreeMap::new();
        image
            .iter()
            .for_each(|w| *histogram.entry(w.0).or_default() += 1.0);
        let length = match config.normalisation {
            Normalisation::None => 1.0,
            Normalisation::Features => (image.len() as f64).sqrt(),
            Normalisation::Histogram => histogram.values().map(|x| x * x).sum::<f64>().sqrt(),
        };
        *scores.entry(*id).or_default() /= length;
    }
    scores
}

fn configs() -> Vec<ScoringConfig> {
    let mut configs = Vec::new();
    for burstiness in [
        Burstiness::Ignore,
        Burstiness::Intra,
        Burstiness::IntraAndInter,
    ] {
        for normalisation in [
            Normalisation::None,
            Normalisation::Features,
            Normalisation::Histogram,
        ] {
            configs.push(ScoringConfig {
                hamming_threshold: 12,
                hamming_sigma: 9.0,
                idf: burstiness != Burstiness::Intra,
                burstiness,
                normalisation,
                ..ScoringConfig::default()
            });
        }
    }
    configs
}

#[test]
fn scores_follow_the_formulas_however_images_are_split() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(150);
    let whole = segment(&images, &folder.path().join("whole"));
    let parts: Vec<Segment> = [&images[..10], &images[10..11], &images[11..]]
        .iter()
        .enumerate()
        .map(|(i, part)| segment(part, &folder.path().join(i.to_string())))
        .collect();
    let parts: Vec<&Segment> = parts.iter().collect();
    let query = query();
    for config in configs() {
        let expected = plainly(&images, &query, &config);
        for segments in [&[&whole][..], &parts] {
            let found = search(segments, &query, &config, &Allowed::All, 200).unwrap();
            assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
            assert_eq!(found.len(), expected.values().filter(|&&s| s > 0.0).count());
            for Scored { id, score } in found {
                let expected = expected[&id];
                assert!(
                    (f64::from(score) - expected).abs() < 1e-4 * expected,
                    "{id}: {score}"
                );
            }
        }
    }
}

#[test]
fn beyond_the_most_postings_the_rarest_words_are_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(150);
    let whole = segment(&images, &folder.path().join("whole"));
    let parts = [&images[..70], &images[70..]];
    let parts: Vec<Segment> = (0..2)
        .map(|i| segment(parts[i], &folder.path().join(i.to_string())))
        .collect();
    let parts: Vec<&Segment> = parts.iter().collect();
    let query = query();
    let mut order = query.clone();
    order.sort_by_key(|q| (whole.document_frequency(q.word), q.feature, q.word));
    let postings = |q: &QueryWord| whole.postings(q.word).count();
    let all: usize = order.iter().map(postings).sum();
    for most in [0, all / 7, all / 2, all - 1, all] {
        let mut read = 0;
        let few = order.iter().enumerate().take_while(|(at, q)| {
            read += postings(q);
            *at == 0 || read <= most
        });
        let few: Vec<QueryWord> = few.map(|(_, q)| *q).collect();
        assert_eq!(few.len() == order.len(), most == all);
        for config in configs() {
            let config = ScoringConfig {
                most_postings: most,
                ..config
            };
            let expected = plainly(&images, &few, &config);
            for segments in [&[&whole][..], &parts] {
                let found = search(segments, &query, &config, &Allowed::All, 200).unwrap();
                assert_eq!(found.len(), expected.values().filter(|&&s| s > 0.0).count());
                for Scored { id, score } in found {
                    assert!((f64::from(score) - expected[&id]).abs() < 1e-4 * expected[&id]);
                }
            }
        }
    }
}

#[test]
fn the_same_query_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = segment(&images(150), &folder.path().join("whole"));
    let mut query = query();
    let config = ScoringConfig::default();
    let one = search(&[&whole], &query, &config, &Allowed::All, 50).unwrap();
    query.reverse();
    let two = search(&[&whole], &query, &config, &Allowed::All, 50).unwrap();
    assert_eq!(one, two);
}

#[test]
fn however_many_threads_there_are_the_bits_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(9_000);
    let (first, second) = images.split_at(5_000);
    let segments = [
        segment(first, &folder.path().join("a.vzsg")),
        segment(second, &folder.path().join("b.vzsg")),
    ];
    let segments: Vec<&Segment> = segments.iter().collect();
    // Enough for several threads.
    let postings = |q: &QueryWord| {
        segments
            .iter()
            .map(|s| s.postings(q.word).count())
            .sum::<usize>()
    };
    assert!(query().iter().map(postings).sum::<usize>() > 100_000);
    let ask = |threads: usize, config: &ScoringConfig| -> Vec<(i64, u32)> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let found = pool.install(|| search(&segments, &query(), config, &Allowed::All, 200));
        found
            .unwrap()
            .iter()
            .map(|s| (s.id, s.score.to_bits()))
            .collect()
    };
    for config in configs() {
        let one = ask(1, &config);
        assert_eq!(one.len(), 200);
        assert_eq!(ask(3, &config), one, "{config:?}");
        // The best few are the first of many.
        let all = search(&segments, &query(), &config, &Allowed::All, 10_000).unwrap();
        let all: Vec<(i64, u32)> = all.iter().map(|s| (s.id, s.score.to_bits())).collect();
        assert_eq!(all[..200], one);
    }
}

#[test]
fn only_wanted_images_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let whole = segment(&images(150), &folder.path().join("whole"));
    let config = ScoringConfig::default();
    let all = search(&[&whole], &query(), &config, &Allowed::All, 200).unwrap();
    let even_ids: IdSet = all.iter().map(|s| s.id).filter(|id| id % 2 == 0).collect();
    let even = search(&[&whole], &query(), &config, &Allowed::Only(&even_ids), 5).unwrap();
    let expected: Vec<Scored> = all.into_iter().filter(|s| s.id % 2 == 0).take(5).collect();
    assert_eq!(even, expected);
    assert!(
        search(&[&whole], &query(), &config, &Allowed::All, 0)
            .unwrap()
            .is_empty()
    );
    assert!(
        search(&[], &query(), &config, &Allowed::All, 9)
            .unwrap()
            .is_empty()
    );
    assert!(
        search(&[&whole], &[], &config, &Allowed::All, 9)
            .unwrap()
            .is_empty()
    );
    let mut beyond = query();
    beyond[7].word = WORDS;
    assert!(matches!(
        search(&[&whole], &beyond, &config, &Allowed::All, 9),
        Err(Error::UnknownWord { .. })
    ));
}

#[test]
fn a_single_image_is_found_once() {
    let folder = tempfile::tempdir().unwrap();
    let image = images(1);
    let one = segment(&image, &folder.path().join("one"));
    let mut query: Vec<QueryWord> = (0..)
        .zip(&image[0].1)
        .map(|(feature, &(word, signature))| QueryWord {
            feature,
            word,
            signature,
            weight: 1.0,
        })
        .collect();
    // A feature without weight neither counts nor repeats the image.
    query[0].weight = 0.0;
    let found = search(
        &[&one],
        &query,
        &ScoringConfig::default(),
        &Allowed::All,
        10,
    )
    .unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].score > 0.0);
}
