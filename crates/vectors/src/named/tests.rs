use std::path::Path;

use fs_err as fs;

use super::{Effort, NamedVectors, NamedVectorsConfig};
use crate::random::Random;
use crate::{Allowed, Error, IdSet, IndexName, Looking, Metric, VectorCodes, VectorIndex};

const DIMENSION: usize = 24;

/// Names, and how many of a hundred nearest a tuned index finds at least.
const NAMES: [(&str, usize); 14] = [
    ("Flat", 100),
    ("SQ8", 90),
    ("SQ4,RFlat", 95),
    ("PCA16,SQfp16,RFlat", 85),
    ("RR24,PQ12x8,Refine(SQfp16)", 90),
    ("RQ4x8,Refine(SQ8)", 85),
    ("OPQ12,PQ12x4,RFlat", 80),
    ("IVF16,Flat", 88),
    ("OPQ12_24,IVF16,PQ12x4fs,RFlat", 80),
    ("IVF8,PQ12x6", 40),
    ("IVF16,RaBitQ,RFlat", 80),
    ("IVF16,RaBitQ6", 80),
    ("HNSW16,SQ8,Refine(SQfp16)", 90),
    ("PCA20,HNSW8,Flat,RFlat", 85),
];

/// Vectors around some middles.
fn heaps(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(3);
    let mut number = |spread: f64| ((random.unit() + random.unit() - 1.0) * spread) as f32;
    let middles: Vec<f32> = (0..20 * DIMENSION).map(|_| number(3.0)).collect();
    let mut random = Random::new(seed);
    let mut rows = Vec::new();
    for _ in 0..count {
        let middle = &middles[DIMENSION * random.below(20) as usize..][..DIMENSION];
        let near = middle.iter();
        rows.extend(near.map(|m| m + (random.unit() + random.unit() - 1.0) as f32));
    }
    rows
}

fn config(name: &str, metric: Metric) -> NamedVectorsConfig {
    NamedVectorsConfig {
        metric,
        ..NamedVectorsConfig::new(name.parse().unwrap())
    }
}

/// Ids are 10, 13, 16, …
fn write(path: &Path, rows: &[f32], config: &NamedVectorsConfig) -> Result<(), Error> {
    let mut writer = NamedVectors::create(path, DIMENSION, "made", config)?;
    for (row, id) in rows.chunks_exact(DIMENSION).zip((10..).step_by(3)) {
        writer.push(id, row)?;
    }
    writer.finish()
}

fn exact(rows: &[f32], query: &[f32], k: usize, metric: Metric, allowed: &Allowed<'_>) -> Vec<i64> {
    let rows = rows.chunks_exact(DIMENSION).zip((10..).step_by(3));
    let rows = rows.filter(|(_, id)| allowed.contains(*id));
    let mut all: Vec<(f32, i64)> = rows
        .map(|(row, id)| (metric.score(query, row), id))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(k).map(|(_, id)| id).collect()
}

#[test]
fn every_name_finds_what_is_near() {
    let (rows, queries) = (heaps(1500, 1), heaps(20, 2));
    let folder = tempfile::tempdir().unwrap();
    let few: IdSet = (10..4000).step_by(303).collect();
    for (name, least) in NAMES {
        for metric in Metric::ALL {
            let path = folder.path().join(format!("{name}-{metric}"));
            write(&path, &rows, &config(name, metric)).unwrap();
            let index = NamedVectors::open(&path).unwrap();
            index.verify().unwrap();
            assert_eq!(
                (index.len(), index.last_id(), index.tag()),
                (1500, 10 + 3 * 1499, "made")
            );
            assert_eq!(
                (index.name().to_string(), index.metric()),
                (name.to_owned(), metric)
            );
            let mut hits = 0;
            for query in queries.chunks_exact(DIMENSION) {
                let found = index.nearest(query, 10, &Allowed::All).unwrap();
                let expected = exact(&rows, query, 10, metric, &Allowed::All);
                hits += found
                    .best
                    .iter()
                    .filter(|(id, _)| expected.contains(id))
                    .count();
                assert!(found.best.is_sorted_by(|a, b| a.1 >= b.1));
                assert!(found.moments.mean() < f64::from(found.best[0].1));
                let found = index.nearest(query, 3, &Allowed::Only(&few)).unwrap();
                assert_eq!(found.best.len(), 3);
                assert!(found.best.iter().all(|(id, _)| few.contains(*id)));
                if name.ends_with("Flat") && metric != Metric::Dot {
                    let expected = exact(&rows, query, 1, metric, &Allowed::Only(&few));
                    assert_eq!(found.best[0].0, expected[0], "{name} {metric}");
                }
            }
            assert!(hits >= 2 * least, "{name} {metric}: {hits} of 200");
            let many = index.nearest_many(&queries, 10, index.effort(10), &Allowed::All);
            let one =
                index.nearest_with(&queries[..DIMENSION], 10, index.effort(10), &Allowed::All);
            assert_eq!(many.unwrap()[0], one.unwrap());
        }
    }
}

#[test]
fn all_within_a_range_are_found() {
    let (rows, queries) = (heaps(1000, 4), heaps(10, 5));
    let folder = tempfile::tempdir().unwrap();
    for name in ["Flat", "HNSW16,SQ8,RFlat", "IVF8,Flat"] {
        let path = folder.path().join(name);
        write(&path, &rows, &config(name, Metric::L2)).unwrap();
        let index = NamedVectors::open(&path).unwrap();
        for query in queries.chunks_exact(DIMENSION) {
            let effort = Effort::of_width(1000);
            let found = index.within(query, -8.0, effort, &Allowed::All).unwrap();
            let all = exact(&rows, query, 1000, Metric::L2, &Allowed::All);
            let scored = index
                .nearest_with(query, 1000, effort, &Allowed::All)
                .unwrap();
            let near = scored.iter().filter(|(_, score)| *score >= -8.0).count();
            assert!(all.len() == 1000 && near >= 5, "{near}");
            assert!(
                found.len() <= near && 10 * found.len() >= 9 * near,
                "{name}"
            );
            assert!(found.iter().all(|(_, score)| *score >= -8.0));
        }
    }
}

#[test]
fn the_same_vectors_give_the_same_bytes() {
    let rows = heaps(700, 6);
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "HNSW8,SQ8,RFlat",
        "OPQ6,IVF9,PQ6x4fs",
        "IVF5,RaBitQ3",
        "RQ2x8",
    ] {
        let written = |threads: usize| {
            let path = folder.path().join(format!("{name}-{threads}"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let done = pool
                .unwrap()
                .install(|| write(&path, &rows, &config(name, Metric::Dot)));
            done.unwrap();
            fs::read(path).unwrap()
        };
        assert!(written(1) == written(3), "{name}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("refused");
    let rows = heaps(40, 7);
    // Fewer vectors than centroids, more dimensions than there are, more parts.
    for name in [
        "PQ4x8",
        "IVF41,Flat",
        "PCA25,Flat",
        "PQ25x4",
        "RQ1x8",
        "OPQ5_30,PQ5x4",
    ] {
        assert!(
            write(&path, &rows, &config(name, Metric::L2)).is_err(),
            "{name}"
        );
        assert!(!path.exists(), "{name}");
    }
    let flat = config("Flat", Metric::Cosine);
    let mut writer = NamedVectors::create(&path, 2, "", &flat).unwrap();
    assert!(writer.push(1, &[1.0]).is_err() && writer.push(1, &[f32::NAN, 0.0]).is_err());
    // A vector of zeros is at right angles to all.
    writer.push(1, &[0.0, 0.0]).unwrap();
    assert!(writer.push(1, &[1.0, 0.0]).is_err());
    writer.push(2, &[5.0, 0.0]).unwrap();
    writer.finish().unwrap();
    let index = NamedVectors::open(&path).unwrap();
    let found = index.nearest(&[1.0, 0.0], 9, &Allowed::All).unwrap();
    assert_eq!(found.best, [(2, 1.0), (1, 0.0)]);
    assert!(
        index
            .nearest(&[f32::INFINITY, 0.0], 1, &Allowed::All)
            .is_err()
    );
    assert!(index.nearest(&[1.0], 1, &Allowed::All).is_err());
    let found = index.nearest(&[1.0, 0.0], 0, &Allowed::All).unwrap();
    assert!(found.best.is_empty());
    for (recall, answers) in [(0.0, 10), (1.1, 10), (f64::NAN, 10), (0.9, 0), (0.9, 1001)] {
        let config = NamedVectorsConfig {
            recall,
            answers,
            ..flat
        };
        assert!(NamedVectors::create(&path, 2, "", &config).is_err());
    }
}

#[test]
fn equal_vectors_and_few_of_them_are_an_index_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "Flat",
        "SQ8",
        "HNSW16,SQ8,Refine(SQfp16)",
        "SQ4",
        "IVF1,RaBitQ2",
    ] {
        for count in [1, 2, 300] {
            let path = folder.path().join(format!("{name}-{count}"));
            let rows = vec![0.5; count * DIMENSION];
            write(&path, &rows, &config(name, Metric::Dot)).unwrap();
            let index = NamedVectors::open(&path).unwrap();
            let found = index.nearest(&[1.0; DIMENSION], 2, &Allowed::All).unwrap();
            assert_eq!(found.best.len(), count.min(2), "{name}");
        }
    }
}

#[test]
fn figures_without_bounds_and_foreign_ids_are_no_trouble() {
    let rows = heaps(300, 9);
    let folder = tempfile::tempdir().unwrap();
    let foreign: IdSet = (10_000..10_600).collect();
    let tiny = [1e-39; DIMENSION];
    for (name, _) in NAMES {
        let path = folder.path().join(name);
        write(&path, &rows, &config(name, Metric::Dot)).unwrap();
        let index = NamedVectors::open(&path).unwrap();
        for (width, finer) in [(0, 0), (1, 1), (usize::MAX, usize::MAX)] {
            let effort = Effort { width, finer };
            for query in [&rows[..DIMENSION], &tiny] {
                for k in [1, 7, usize::MAX] {
                    let found = index.nearest_with(query, k, effort, &Allowed::All).unwrap();
                    assert!(found.len() <= k.min(300));
                }
                index.within(query, 0.5, effort, &Allowed::All).unwrap();
            }
        }
        // Ids that were removed long ago.
        let allowed = Allowed::Except(&foreign);
        let found = index.nearest(&rows[..DIMENSION], 10, &allowed).unwrap();
        assert_eq!(found.best.len(), 10, "{name}");
    }
}

#[test]
fn what_no_name_says_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let flat = config("Flat", Metric::Dot);
    for (looking, codes) in [
        (Looking::Graph(usize::MAX), VectorCodes::Floats),
        (Looking::All, VectorCodes::Scalar(5)),
        (Looking::All, VectorCodes::RaBitQ(1)),
    ] {
        let name = IndexName {
            looking,
            codes,
            ..IndexName::FLAT
        };
        let config = NamedVectorsConfig { name, ..flat };
        assert!(NamedVectors::create(&folder.path().join("x"), 4, "", &config).is_err());
    }
}

#[test]
fn equal_vectors_do_not_widen_searches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("equal");
    let rows = heaps(40, 10).repeat(50);
    write(&path, &rows, &config("HNSW8,SQ8,RFlat", Metric::L2)).unwrap();
    let tuned = NamedVectors::open(&path).unwrap().tuned();
    assert!(tuned.width <= 100, "{tuned:?}");
}

#[test]
fn an_index_of_nothing_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in NAMES {
        let path = folder.path().join(name);
        write(&path, &[], &config(name, Metric::Cosine)).unwrap();
        let index = NamedVectors::open(&path).unwrap();
        index.verify().unwrap();
        let found = index.nearest(&[1.0; DIMENSION], 5, &Allowed::All).unwrap();
        assert!(found.best.is_empty() && index.is_empty());
    }
}

#[test]
fn damage_is_told_or_gives_wrong_answers_only() {
    let rows = heaps(400, 8);
    let folder = tempfile::tempdir().unwrap();
    let query = &rows[..DIMENSION];
    for name in [
        "OPQ6_12,IVF5,PQ6x4fs,Refine(SQ8)",
        "HNSW4,SQ4,RFlat",
        "IVF4,RaBitQ3",
    ] {
        let path = folder.path().join(name);
        write(&path, &rows, &config(name, Metric::L2)).unwrap();
        let whole = fs::read(&path).unwrap();
        let broken = folder.path().join("broken");
        for at in (0..whole.len()).step_by(whole.len() / 300).chain(0..128) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&broken, &bytes).unwrap();
            if let Ok(index) = NamedVectors::open(&broken) {
                assert!(index.verify().is_err(), "{name} at {at}");
                let _ = index.nearest(query, 5, &Allowed::All);
            }
            fs::write(&broken, &whole[..at]).unwrap();
            assert!(NamedVectors::open(&broken).is_err());
        }
    }
}

#[test]
fn a_name_tells_about_how_long_its_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let (count, dimension) = (3000, 32);
    let mut random = Random::new(2);
    let rows: Vec<f32> = (0..count * dimension)
        .map(|_| random.below(1000) as f32 / 1000.0)
        .collect();
    for text in [
        "Flat",
        "SQ4,Refine(SQ8)",
        "HNSW8,SQ8,Refine(SQfp16)",
        "IVF16,PQ16x4fs,Refine(SQ8)",
        "PCA16,IVF8,RaBitQ4",
        "RQ2x8",
    ] {
        let name: IndexName = text.parse().unwrap();
        let path = folder.path().join(text);
        let config = NamedVectorsConfig::new(name);
        let mut writer = NamedVectors::create(&path, dimension, "", &config).unwrap();
        for (id, row) in rows.chunks_exact(dimension).enumerate() {
            writer.push(id as i64, row).unwrap();
        }
        writer.finish().unwrap();
        let found = fs::metadata(&path).unwrap().len() as f64;
        let ratio = name.bytes(count as u64, dimension) as f64 / found;
        assert!((0.95..1.05).contains(&ratio), "{text}: {ratio}");
    }
}

#[test]
fn vectors_that_wait_in_a_file_give_the_same_index() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(3);
    let rows: Vec<f32> = (0..900 * DIMENSION)
        .map(|_| random.below(1000) as f32 - 500.0)
        .collect();
    for text in ["HNSW8,SQ8,Refine(SQfp16)", "PCA16,IVF8,PQ8x4fs,RFlat"] {
        let made = [usize::MAX, 1000].map(|most| {
            let path = folder.path().join(format!("{most}-{text}"));
            let config = NamedVectorsConfig::new(text.parse().unwrap());
            let mut writer = NamedVectors::create(&path, DIMENSION, "", &config).unwrap();
            writer.rows = super::rows::Rows::new(&path, DIMENSION).keeping(most);
            for (id, row) in rows.chunks_exact(DIMENSION).enumerate() {
                writer.push(id as i64, row).unwrap();
            }
            writer.finish().unwrap();
            fs::read(&path).unwrap()
        });
        assert!(made[0] == made[1], "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}
