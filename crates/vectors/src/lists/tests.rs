//! Lists of every kind of codes: what they find, alone and together, filtered, grown, kept in files and damaged.

use fs_err as fs;

use super::{ExactScores, ListSearch, Refinement, VectorLists, VectorListsConfig};
use crate::VectorCodes;
use crate::random::Random;
use crate::{Allowed, IdSet, Metric};

const DIMENSION: usize = 20;
const KINDS: [VectorCodes; 6] = [
    VectorCodes::Floats,
    VectorCodes::Scalar(8),
    VectorCodes::Product {
        parts: 10,
        bits: 8,
        fast_scan: false,
    },
    VectorCodes::Product {
        parts: 10,
        bits: 4,
        fast_scan: true,
    },
    VectorCodes::RaBitQ(1),
    VectorCodes::RaBitQ(4),
];

/// Points around sixty places.
fn points(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(77);
    let mut draw = |size: f64| (random.unit() - 0.5) * size;
    let middles: Vec<f64> = (0..60 * DIMENSION).map(|_| draw(8.0)).collect();
    let mut random = Random::new(seed);
    let mut points = Vec::new();
    for _ in 0..count {
        let middle = &middles[random.below(60) as usize * DIMENSION..][..DIMENSION];
        points.extend(middle.iter().map(|m| (m + random.unit() * 3.0) as f32));
    }
    points
}

fn built(codes: VectorCodes, metric: Metric, points: &[f32]) -> VectorLists {
    let config = VectorListsConfig {
        metric,
        ..VectorListsConfig::new(24, codes)
    };
    let mut lists = VectorLists::train(points, DIMENSION, &config).unwrap();
    // In two goes, of which the second finds blocks half full.
    let ids: Vec<i64> = (0..(points.len() / DIMENSION) as i64)
        .map(|id| 3 * id)
        .collect();
    let half = ids.len() / 2 + 5;
    lists
        .extend(&ids[..half], &points[..half * DIMENSION])
        .unwrap();
    lists
        .extend(&ids[half..], &points[half * DIMENSION..])
        .unwrap();
    lists
}

/// Exact answers among ids that are allowed.
fn exact(
    points: &[f32],
    query: &[f32],
    metric: Metric,
    k: usize,
    allowed: &Allowed<'_>,
) -> Vec<(i64, f32)> {
    let rows = points.chunks_exact(DIMENSION).enumerate();
    let scored = rows.map(|(row, point)| (3 * row as i64, metric.score(query, point)));
    let mut all: Vec<(i64, f32)> = scored.filter(|(id, _)| allowed.contains(*id)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

/// Points whose ids are three times their rows.
struct Thirds<'a>(&'a [f32], Metric);

impl Thirds<'_> {
    fn row(&self, id: i64) -> &[f32] {
        &self.0[id as usize / 3 * DIMENSION..][..DIMENSION]
    }
}

impl ExactScores for Thirds<'_> {
    fn score(&self, query: &[f32], id: i64) -> f32 {
        self.1.score(query, self.row(id))
    }
}

fn shared(a: &[(i64, f32)], b: &[(i64, f32)]) -> usize {
    let has = |id: i64| b.iter().any(|other| other.0 == id);
    a.iter().filter(|entry| has(entry.0)).count()
}

fn search(k: usize, probes: usize, refinement: Refinement) -> ListSearch {
    ListSearch {
        k,
        probes,
        refinement,
    }
}

#[test]
fn all_kinds_find_most_and_refined_nearly_all() {
    let (points, queries) = (points(3000, 1), points(30, 2));
    for metric in Metric::ALL {
        for codes in KINDS {
            let lists = built(codes, metric, &points);
            let scores = Thirds(&points, metric);
            let (mut plain, mut refined, mut bounded) = (0, 0, 0);
            for query in queries.chunks_exact(DIMENSION) {
                let truth = exact(&points, query, metric, 10, &Allowed::All);
                let found = |refinement| {
                    let search = search(10, 24, refinement);
                    lists
                        .search(query, &search, &Allowed::All, Some(&scores))
                        .unwrap()
                };
                plain += shared(&truth, &found(Refinement::None));
                let exact = found(Refinement::Factor(10));
                assert!(
                    exact
                        .iter()
                        .all(|&(id, s)| (s - metric.score(query, scores.row(id))).abs() < 1e-4)
                );
                refined += shared(&truth, &exact);
                bounded += shared(&truth, &found(Refinement::Bounds));
            }
            let least = match codes {
                VectorCodes::Floats => 300,
                VectorCodes::Scalar(8) => 285,
                VectorCodes::Product {
                    fast_scan: false, ..
                } => 210,
                VectorCodes::Product {
                    fast_scan: true, ..
                } => 120,
                VectorCodes::RaBitQ(bits) => 100 + 30 * bits as usize,
                _ => 0,
            };
            assert!(plain >= least, "{codes} {metric}: {plain}");
            assert!(refined >= 285, "{codes} {metric}: {refined}");
            assert!(bounded >= 285, "{codes} {metric}: {bounded}");
        }
    }
}

#[test]
fn many_queries_are_answered_as_one_and_threads_do_not_matter() {
    let (points, queries) = (points(1500, 3), points(70, 4));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    for codes in KINDS {
        let lists = built(codes, Metric::L2, &points);
        let again = pool.install(|| built(codes, Metric::L2, &points));
        let search = search(7, 4, Refinement::None);
        let ask = |lists: &VectorLists| {
            lists
                .search_many(&queries, &search, &Allowed::All, None)
                .unwrap()
        };
        let many = ask(&lists);
        assert_eq!(many, pool.install(|| ask(&again)), "{codes}");
        for (query, many) in queries.chunks_exact(DIMENSION).zip(&many) {
            assert_eq!(
                &lists.search(query, &search, &Allowed::All, None).unwrap(),
                many
            );
            let least = many[6].1;
            let within = lists.within(query, least, 4, &Allowed::All).unwrap();
            assert!(within.iter().all(|entry| entry.1 >= least));
            // By the signs alone a bound may leave out what further bits would have let in.
            match codes {
                VectorCodes::RaBitQ(4) => assert!(shared(many, &within) >= 5),
                _ => assert_eq!(shared(many, &within), 7),
            }
        }
    }
}

#[test]
fn only_what_is_allowed_is_found_and_enough_of_it() {
    let (points, queries) = (points(2000, 5), points(12, 6));
    let few: IdSet = (0..15).map(|at| 3 * 131 * at).collect();
    let some: IdSet = (0..700).map(|at| 3 * at).collect();
    let most: IdSet = (0..1990).map(|at| 3 * at).collect();
    for codes in KINDS {
        let lists = built(codes, Metric::L2, &points);
        for query in queries.chunks_exact(DIMENSION) {
            for (allowed, count) in [
                (Allowed::Only(&few), 10),
                (Allowed::Only(&some), 10),
                (Allowed::Except(&some), 10),
                (Allowed::Except(&most), 10),
                (Allowed::Only(&IdSet::new()), 0),
            ] {
                for probes in [1, 24] {
                    let found = lists
                        .search(query, &search(10, probes, Refinement::None), &allowed, None)
                        .unwrap();
                    assert_eq!(found.len(), count, "{codes} {allowed:?}");
                    assert!(found.iter().all(|entry| allowed.contains(entry.0)));
                    assert!(found.is_sorted_by(|a, b| a.1 > b.1 || a.1 == b.1 && a.0 < b.0));
                }
            }
            let found = lists.search(
                query,
                &search(5, 1, Refinement::None),
                &Allowed::Only(&few),
                None,
            );
            let truth = exact(&points, query, Metric::L2, 5, &Allowed::Only(&few));
            if codes == VectorCodes::Floats {
                assert_eq!(found.unwrap(), truth);
            }
        }
    }
}

#[test]
fn files_answer_the_same_and_grow() {
    let (points, more, queries) = (points(1200, 7), points(300, 8), points(10, 9));
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<i64> = (0..300).map(|id| 3600 + id).collect();
    for codes in KINDS {
        let mut lists = built(codes, Metric::Dot, &points);
        let path = folder.path().join(codes.to_string());
        lists.save(&path).unwrap();
        let mut opened = VectorLists::open(&path).unwrap();
        opened.verify().unwrap();
        assert_eq!((opened.len(), opened.last_id()), (1200, lists.last_id()));
        assert_eq!(opened.bytes(), lists.bytes());
        let search = search(8, 5, Refinement::None);
        for grown in [false, true] {
            if grown {
                lists.extend(&ids, &more).unwrap();
                opened.extend(&ids, &more).unwrap();
                assert!(opened.extend(&ids, &more).is_err());
                assert_eq!(opened.len(), 1500);
            }
            let ask = |lists: &VectorLists| {
                lists
                    .search_many(&queries, &search, &Allowed::All, None)
                    .unwrap()
            };
            assert_eq!(ask(&lists), ask(&opened), "{codes}");
        }
        let again = folder.path().join("again");
        opened.save(&again).unwrap();
        lists.save(&path).unwrap();
        assert!(fs::read(&again).unwrap() == fs::read(&path).unwrap());
    }
}

#[test]
fn damaged_files_give_errors_or_wrong_answers() {
    let (points, queries) = (points(300, 10), points(2, 11));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let mut random = Random::new(12);
    for codes in KINDS {
        built(codes, Metric::L2, &points).save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        for round in 0..150 {
            let mut changed = bytes.clone();
            // The header, the coder and the counts with care, the rest anywhere.
            let at = match round % 3 {
                0 => random.below(56) as usize,
                1 => 64 + random.below(200) as usize,
                _ => random.below(bytes.len() as u64) as usize,
            };
            changed[at] ^= 1 << random.below(8);
            if round % 5 == 0 {
                changed.truncate(random.below(bytes.len() as u64) as usize);
            }
            let whole = changed == bytes;
            if changed.len() >= 64 {
                // The header's own checksum made right: what it says is what has to be bounded.
                let crc = crc32fast::hash(&changed[..60]).to_le_bytes();
                changed[60..64].copy_from_slice(&crc);
            }
            fs::write(&path, &changed).unwrap();
            let Ok(opened) = VectorLists::open(&path) else {
                continue;
            };
            assert!(whole || opened.verify().is_err() || at < 64, "{at}");
            for query in queries.chunks_exact(DIMENSION) {
                for probes in [2, 50] {
                    let search = search(5, probes, Refinement::None);
                    let _ = opened.search(query, &search, &Allowed::All, None);
                    let some: IdSet = (0..9).collect();
                    let _ = opened.search(query, &search, &Allowed::Only(&some), None);
                }
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let points = points(300, 13);
    let train = |lists, codes| {
        VectorLists::train(&points, DIMENSION, &VectorListsConfig::new(lists, codes))
    };
    assert!(train(0, VectorCodes::Floats).is_err() && train(301, VectorCodes::Floats).is_err());
    assert!(train(3, VectorCodes::RaBitQ(9)).is_err());
    assert!(
        train(
            3,
            VectorCodes::Product {
                parts: 21,
                bits: 4,
                fast_scan: true
            }
        )
        .is_err()
    );
    let mut lists = train(3, VectorCodes::Floats).unwrap();
    assert!(lists.extend(&[1], &points[..19]).is_err());
    assert!(lists.extend(&[1, 1], &points[..40]).is_err());
    let search = search(3, 1, Refinement::None);
    assert!(
        lists
            .search(&points[..20], &search, &Allowed::All, None)
            .unwrap()
            .is_empty()
    );
    assert!(
        lists
            .search(&points[..19], &search, &Allowed::All, None)
            .is_err()
    );
    assert!(
        lists
            .search_many(&points[..19], &search, &Allowed::All, None)
            .is_err()
    );
}
