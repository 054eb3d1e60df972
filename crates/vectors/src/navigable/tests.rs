use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;

use super::*;
use crate::codes::{Floats, Scalar, ScalarBits};
use crate::random::Random;
use crate::{Allowed, IdSet, TopK};

const DIMENSION: usize = 24;
const QUIET: &(dyn Fn(usize) + Sync) = &|_| ();

/// Vectors in heaps, as descriptors are, row by row.
fn heaps(count: usize, seed: u64) -> Vec<f32> {
    let mut centres = Random::new(77);
    let centres: Vec<f64> = (0..60 * DIMENSION).map(|_| centres.unit()).collect();
    let mut random = Random::new(seed);
    let mut points = Vec::with_capacity(count * DIMENSION);
    for _ in 0..count {
        let heap = random.below(60) as usize * DIMENSION;
        let numbers = centres[heap..heap + DIMENSION].iter();
        points.extend(numbers.map(|centre| (centre + 0.5 * random.unit()) as f32));
    }
    points
}

/// Ids that are no rows.
fn ids(count: usize) -> Vec<i64> {
    (0..count as i64).map(|row| 3 * row + 5).collect()
}

fn row_of(points: &[f32]) -> impl Fn(usize, &mut [f32]) + Sync + '_ {
    |at, row| row.copy_from_slice(&points[at * DIMENSION..][..DIMENSION])
}

fn built(points: &[f32], metric: Metric) -> Navigable<Floats> {
    let coder = Floats {
        dimension: DIMENSION,
    };
    let ids = ids(points.len() / DIMENSION);
    let config = NavigableConfig {
        degree: 16,
        build_width: 48,
        ..NavigableConfig::default()
    };
    let rows = row_of(points);
    Navigable::build(coder, &ids, &rows, metric, &config, QUIET).unwrap()
}

fn exact(
    points: &[f32],
    query: &[f32],
    k: usize,
    metric: Metric,
    allowed: &Allowed<'_>,
) -> Vec<i64> {
    let mut top = TopK::new(k);
    for (row, id) in points
        .chunks_exact(DIMENSION)
        .zip(ids(points.len() / DIMENSION))
    {
        if allowed.contains(id) {
            top.push(metric.score(query, row), id);
        }
    }
    top.into_sorted().into_iter().map(|(_, id)| id).collect()
}

fn asked<'a>(k: usize, width: usize, allowed: &'a Allowed<'a>) -> Request<'a> {
    Request {
        k,
        width,
        allowed,
        refine: None,
    }
}

/// Part of the ten nearest that are found.
fn recall(
    index: &Navigable<Floats>,
    points: &[f32],
    queries: &[f32],
    width: usize,
    allowed: &Allowed<'_>,
) -> f64 {
    let answers = index
        .nearest_many(queries, &asked(10, width, allowed))
        .unwrap();
    let (mut hits, mut all) = (0, 0);
    for (query, answers) in queries.chunks_exact(DIMENSION).zip(&answers) {
        let expected = exact(points, query, 10, index.metric, allowed);
        assert_eq!(answers.len(), expected.len());
        assert!(answers.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0)));
        assert!(answers.iter().all(|&(id, _)| allowed.contains(id)));
        let found = |id: &&i64| answers.iter().any(|answer| answer.0 == **id);
        hits += expected.iter().filter(found).count();
        all += expected.len();
    }
    match all {
        0 => 1.0,
        all => hits as f64 / all as f64,
    }
}

#[test]
fn finds_the_nearest_by_every_metric() {
    let (points, queries) = (heaps(6000, 1), heaps(60, 2));
    for metric in Metric::ALL {
        let index = built(&points, metric);
        // Products of vectors of several lengths need wider walks.
        let width = if metric == Metric::Dot { 150 } else { 60 };
        let found = recall(&index, &points, &queries, width, &Allowed::All);
        assert!(found > 0.96, "{metric}: {found}");
        let query = &queries[..DIMENSION];
        let request = asked(1, 60, &Allowed::All);
        let best = index
            .nearest(query, &request, &mut Room::default())
            .unwrap()[0];
        let row = &points[index.store.place(best.0).unwrap() * DIMENSION..][..DIMENSION];
        assert!((metric.score(query, row) - best.1).abs() < 1e-5);
    }
}

#[test]
fn finds_the_greatest_products_of_vectors_of_all_lengths() {
    let (mut points, queries) = (heaps(6000, 3), heaps(60, 4));
    let mut random = Random::new(5);
    for row in points.chunks_exact_mut(DIMENSION) {
        let stretch = (2.0 * (random.unit() + random.unit() - 1.0)).exp() as f32;
        // Around zero, so that products of both signs occur.
        row.iter_mut().for_each(|x| *x = (*x - 0.75) * stretch);
    }
    let queries: Vec<f32> = queries.iter().map(|x| x - 0.75).collect();
    let index = built(&points, Metric::Dot);
    let found = recall(&index, &points, &queries, 100, &Allowed::All);
    assert!(found > 0.9, "{found}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let points = heaps(3000, 6);
    let indexes = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| {
            let mut index = built(&points[..2500 * DIMENSION], Metric::L2);
            let ids = ids(3000);
            let more = row_of(&points[2500 * DIMENSION..]);
            index.extend(&ids[2500..], &more, QUIET).unwrap();
            index
        })
    });
    let [one, three] = &indexes;
    assert_eq!(one.store.links(), three.store.links());
    assert_eq!(one.entries, three.entries);
    one.verify().unwrap();
}

#[test]
fn filters_are_met_however_few_pass() {
    let count = 12_000;
    let (points, queries) = (heaps(count, 7), heaps(40, 8));
    let index = built(&points, Metric::L2);
    for (every, least) in [(2, 0.97), (20, 0.96), (1000, 1.0)] {
        let set: IdSet = ids(count).into_iter().step_by(every).collect();
        let rest: IdSet = ids(count)
            .into_iter()
            .filter(|&id| !set.contains(id))
            .collect();
        for allowed in [Allowed::Only(&set), Allowed::Except(&rest)] {
            let found = recall(&index, &points, &queries, 50, &allowed);
            assert!(found >= least, "one of {every}: {found}");
        }
    }
    // Those of one corner, far from most queries; none; and ids that are not there.
    let corner = points.chunks_exact(DIMENSION).zip(ids(count));
    let corner: IdSet = corner
        .filter(|(row, _)| row[0] < 0.35)
        .map(|(_, id)| id)
        .collect();
    let found = recall(&index, &points, &queries, 50, &Allowed::Only(&corner));
    assert!(found > 0.96, "{found} of {}", corner.len());
    let none = IdSet::new();
    let found = recall(&index, &points, &queries, 50, &Allowed::Only(&none));
    assert_eq!(found, 1.0);
    let mut strange: IdSet = (1_000_000..1_100_000).collect();
    strange.insert(5);
    let found = recall(&index, &points, &queries, 50, &Allowed::Only(&strange));
    assert_eq!(found, 1.0);
}

#[test]
fn a_range_is_found_whole() {
    let (points, queries) = (heaps(8000, 9), heaps(30, 10));
    let index = built(&points, Metric::L2);
    let half: IdSet = ids(8000).into_iter().step_by(2).collect();
    let (mut found, mut all) = (0, 0);
    for query in queries.chunks_exact(DIMENSION) {
        for allowed in [Allowed::All, Allowed::Only(&half)] {
            for least in [-0.3, -0.6, -1.0] {
                let answers = index
                    .within(query, least, 40, &allowed, &mut Room::default())
                    .unwrap();
                assert!(
                    answers
                        .iter()
                        .all(|&(id, score)| score >= least && allowed.contains(id))
                );
                assert!(answers.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0)));
                let rows = points.chunks_exact(DIMENSION).zip(ids(8000));
                let rows = rows.filter(|&(row, id)| {
                    allowed.contains(id) && Metric::L2.score(query, row) >= least
                });
                all += rows.count();
                found += answers.len();
            }
        }
    }
    assert!(
        all > 1000 && found <= all && found as f64 > 0.98 * all as f64,
        "{found} of {all}"
    );
}

#[test]
fn what_is_added_is_found() {
    let (points, queries) = (heaps(6000, 11), heaps(50, 12));
    let mut index = built(&points[..3000 * DIMENSION], Metric::L2);
    let ids = ids(6000);
    let heard = AtomicUsize::new(0);
    let progress = |done| heard.store(done, Ordering::Relaxed);
    for from in [3000, 4000, 5999] {
        let to = [4000, 5999, 6000]
            .into_iter()
            .find(|&to| to > from)
            .unwrap();
        let more = row_of(&points[from * DIMENSION..]);
        index.extend(&ids[from..to], &more, &progress).unwrap();
        assert_eq!(heard.load(Ordering::Relaxed), to);
    }
    index.verify().unwrap();
    assert_eq!((index.len(), index.last_id()), (6000, ids[5999]));
    let found = recall(&index, &points, &queries, 60, &Allowed::All);
    assert!(found > 0.97, "{found}");
    // What cannot be added changes nothing.
    let more = row_of(&points);
    assert!(index.extend(&ids[5999..], &more, QUIET).is_err());
    let nan = |_: usize, row: &mut [f32]| row.fill(f32::NAN);
    assert!(index.extend(&[1_000_000], &nan, QUIET).is_err());
    assert_eq!(index.len(), 6000);
    index.verify().unwrap();
}

#[test]
fn equal_vectors_are_all_found() {
    let mut points = heaps(3000, 13);
    let twin = points[..DIMENSION].to_vec();
    for row in points.chunks_exact_mut(DIMENSION).skip(1000) {
        row.copy_from_slice(&twin);
    }
    let index = built(&points, Metric::L2);
    let request = asked(200, 200, &Allowed::All);
    let found = index
        .nearest(&twin, &request, &mut Room::default())
        .unwrap();
    assert_eq!(found.len(), 200);
    assert!(found.iter().all(|answer| answer.1 == 0.0), "{found:?}");
    // And the others from among them.
    let others = points[DIMENSION..1000 * DIMENSION].chunks_exact(DIMENSION);
    let reached = others
        .zip(ids(3000).into_iter().skip(1))
        .filter(|(row, id)| {
            let request = asked(1, 20, &Allowed::All);
            let found = index.nearest(row, &request, &mut Room::default()).unwrap();
            found[0].0 == *id
        });
    assert!(reached.count() > 980);
}

#[test]
fn few_vectors_and_none() {
    let points = heaps(70, 14);
    for count in [0, 1, 2, 63, 64, 65, 70] {
        let points = &points[..count * DIMENSION];
        let index = built(points, Metric::L2);
        index.verify().unwrap();
        assert_eq!((index.is_empty(), index.len()), (count == 0, count));
        let query = heaps(1, 15);
        for k in [0, 1, 100] {
            let request = asked(k, 1, &Allowed::All);
            let found = index
                .nearest(&query, &request, &mut Room::default())
                .unwrap();
            let found: Vec<i64> = found.into_iter().map(|(id, _)| id).collect();
            let expected = exact(points, &query, k, Metric::L2, &Allowed::All);
            assert_eq!(found, expected, "{count} {k}");
        }
    }
    let index = built(&points, Metric::L2);
    let request = asked(1, 1, &Allowed::All);
    let mut room = Room::default();
    assert!(index.nearest(&points[..3], &request, &mut room).is_err());
    assert!(
        index
            .nearest(&[f32::NAN; DIMENSION], &request, &mut room)
            .is_err()
    );
}

#[test]
fn codes_are_refined() {
    let points: Vec<f32> = heaps(4000, 16).iter().map(|x| 4.0 * x).collect();
    let queries: Vec<f32> = heaps(30, 17).iter().map(|x| 4.0 * x).collect();
    let coder = Scalar::train(&points, DIMENSION, ScalarBits::Four, 0).unwrap();
    let (ids, config) = (ids(4000), NavigableConfig::default());
    let rows = row_of(&points);
    let index = Navigable::build(coder, &ids, &rows, Metric::L2, &config, QUIET).unwrap();
    let mut hits = [0; 2];
    for query in queries.chunks_exact(DIMENSION) {
        let expected = exact(&points, query, 10, Metric::L2, &Allowed::All);
        let finer = |row: usize| Metric::L2.score(query, &points[row * DIMENSION..][..DIMENSION]);
        let refine = Refine {
            count: 100,
            score: &finer,
        };
        for (hits, refine) in hits.iter_mut().zip([None, Some(refine)]) {
            let request = Request {
                refine,
                ..asked(10, 100, &Allowed::All)
            };
            let found = index
                .nearest(query, &request, &mut Room::default())
                .unwrap();
            *hits += found.iter().filter(|(id, _)| expected.contains(id)).count();
        }
    }
    assert!(hits[1] > 280 && hits[1] > hits[0] + 10, "{hits:?}");
}

#[test]
fn a_file_answers_as_what_was_saved() {
    let (points, queries) = (heaps(2000, 18), heaps(20, 19));
    let folder = tempfile::tempdir().unwrap();
    let request = asked(10, 30, &Allowed::All);
    for metric in Metric::ALL {
        let path = folder.path().join(metric.name());
        let index = built(&points, metric);
        index.save(&path).unwrap();
        assert!(index.save(&path).is_err(), "nothing is replaced");
        let opened = Navigable::<Floats>::open(&path).unwrap();
        opened.verify().unwrap();
        assert_eq!(opened.metric, metric);
        assert_eq!(
            (opened.config, opened.coder()),
            (index.config, index.coder())
        );
        assert_eq!(opened.last_id(), index.last_id());
        let expected = index.nearest_many(&queries, &request).unwrap();
        assert_eq!(opened.nearest_many(&queries, &request).unwrap(), expected);
        let again = folder.path().join("again");
        opened.save(&again).unwrap();
        assert_eq!(fs::read(&again).unwrap(), fs::read(&path).unwrap());
        fs::remove_file(&again).unwrap();
        let mut read = opened.into_memory().unwrap();
        assert_eq!(read.nearest_many(&queries, &request).unwrap(), expected);
        let more = row_of(&points);
        read.extend(&[1_000_000], &more, QUIET).unwrap();
        assert_eq!(read.len(), 2001);
        assert!(Navigable::<Scalar>::open(&path).is_err());
    }
}

#[test]
fn damage_is_told_or_gives_wrong_answers_only() {
    let (points, queries) = (heaps(300, 20), heaps(5, 21));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole");
    built(&points, Metric::L2).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let changed = folder.path().join("changed");
    let mut random = Random::new(22);
    let half: IdSet = ids(300).into_iter().step_by(2).collect();
    for round in 0..300 {
        let mut bytes = whole.clone();
        match round % 3 {
            // Anywhere, in what the header's checksum does not cover, and a whole stretch.
            0 => bytes[random.below(whole.len() as u64) as usize] ^= 1 << random.below(8),
            1 => bytes[128 + random.below(whole.len() as u64 - 128) as usize] = 0xff,
            _ => {
                let at = 128 + random.below(whole.len() as u64 - 1128) as usize;
                bytes[at..at + 1000].fill(random.below(256) as u8);
            }
        }
        if bytes == whole {
            continue;
        }
        fs::write(&changed, &bytes).unwrap();
        let Ok(index) = Navigable::<Floats>::open(&changed) else {
            continue;
        };
        assert!(index.verify().is_err(), "{round}");
        for allowed in [Allowed::All, Allowed::Only(&half)] {
            let _ = index.nearest_many(&queries, &asked(5, 20, &allowed));
            let query = &queries[..DIMENSION];
            let _ = index.within(query, -1.0, 5, &allowed, &mut Room::default());
        }
    }
    for length in [0, 4, 100, 127, 128, 1000, whole.len() - 1] {
        fs::write(&changed, &whole[..length]).unwrap();
        assert!(Navigable::<Floats>::open(&changed).is_err());
    }
    // A header that is sound but for its sizes.
    for at in [16, 20, 40, 44, 48, 56, 63] {
        let mut bytes = whole.clone();
        bytes[at] = bytes[at].wrapping_add(1);
        let crc = crc32fast::hash(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        fs::write(&changed, &bytes).unwrap();
        assert!(Navigable::<Floats>::open(&changed).is_err(), "{at}");
    }
}

#[test]
fn figures_out_of_range_are_refused() {
    let coder = Floats {
        dimension: DIMENSION,
    };
    let usual = NavigableConfig::default();
    let wrong = [
        NavigableConfig { degree: 3, ..usual },
        NavigableConfig {
            degree: 513,
            ..usual
        },
        NavigableConfig {
            build_width: 0,
            ..usual
        },
        NavigableConfig {
            alpha: 0.9,
            ..usual
        },
        NavigableConfig {
            alpha: f32::NAN,
            ..usual
        },
    ];
    for config in wrong {
        let built = Navigable::build(coder, &[], &|_, _| (), Metric::L2, &config, QUIET);
        assert!(built.is_err(), "{config:?}");
    }
}
