//! Approximate indexes in files, beside exact search.
#![allow(clippy::unwrap_used)]

mod points;

use std::path::Path;

use points::Source;
use vizsla_vectors::{
    Allowed, Error, FlatVectors, HashMethod, HashVectors, HashVectorsConfig, IdSet, KdForestConfig,
    KdVectors, KdVectorsConfig, VectorIndex, l2_normalise,
};

const DIMENSION: usize = 24;

/// Vectors of length 1 in heaps.
fn rows(count: usize) -> Vec<Vec<f32>> {
    let mut source = Source(7);
    let mut row = |around: &[f32], spread: f32| {
        let mut row: Vec<f32> = around.iter().map(|c| c + spread * source.hump()).collect();
        l2_normalise(&mut row);
        row
    };
    let centres: Vec<Vec<f32>> = (0..120).map(|_| row(&[0.0; DIMENSION], 1.0)).collect();
    (0..count)
        .map(|at| row(&centres[at * at % 120], 0.6))
        .collect()
}

fn id(at: usize) -> i64 {
    10 + 3 * at as i64
}

fn write_kd(path: &Path, rows: &[Vec<f32>]) {
    let dimension = rows.first().map_or(DIMENSION, Vec::len);
    let mut writer =
        KdVectors::create(path, dimension, "test", &KdVectorsConfig::default()).unwrap();
    for (at, row) in rows.iter().enumerate() {
        writer.push(id(at), row).unwrap();
    }
    writer.finish().unwrap();
}

fn write_hash(path: &Path, rows: &[Vec<f32>], method: HashMethod) {
    let config = HashVectorsConfig {
        method,
        bits: 64,
        seed: 1,
    };
    let dimension = rows.first().map_or(DIMENSION, Vec::len);
    let mut writer = HashVectors::create(path, dimension, "test", &config).unwrap();
    for (at, row) in rows.iter().enumerate() {
        writer.push(id(at), row).unwrap();
    }
    writer.finish().unwrap();
}

fn write_flat(path: &Path, rows: &[Vec<f32>]) -> FlatVectors {
    let mut writer = FlatVectors::create(path, DIMENSION, "test").unwrap();
    for (at, row) in rows.iter().enumerate() {
        writer.push(id(at), row).unwrap();
    }
    writer.finish().unwrap();
    FlatVectors::open(path).unwrap()
}

/// Share of the ten nearest that an index finds; scores are those of exact search.
fn recall(index: &dyn VectorIndex, flat: &FlatVectors, rows: &[Vec<f32>]) -> f64 {
    let mut found = 0;
    for query in rows.iter().step_by(rows.len() / 50) {
        let exact = flat.nearest(query, 10, &Allowed::All).unwrap();
        let near = index.nearest(query, 10, &Allowed::All).unwrap();
        found += near
            .best
            .iter()
            .filter(|best| exact.best.contains(best))
            .count();
        let error = (near.moments.mean() - exact.moments.mean()).abs();
        assert!(error < 0.15 * exact.moments.deviation());
        assert!((near.moments.count() / exact.moments.count() - 1.0).abs() < 1e-9);
    }
    found as f64 / (10.0 * rows.iter().step_by(rows.len() / 50).count() as f64)
}

#[test]
fn a_forest_finds_what_exact_search_finds() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(20_000);
    let flat = write_flat(&folder.path().join("flat"), &rows);
    let path = folder.path().join("kd");
    write_kd(&path, &rows);
    let open = || KdVectors::open(&path).unwrap();
    open().verify().unwrap();
    let about = (open().len(), open().dimension(), open().last_id());
    assert_eq!(
        (about, open().tag()),
        ((20_000, DIMENSION, id(19_999)), "test")
    );
    let found = [100, 1000].map(|checks| recall(&open().with_checks(checks), &flat, &rows));
    println!("{found:?}, usual {}", recall(&open(), &flat, &rows));
    assert!(
        found[0] > 0.5 && found[1] > 0.9 && recall(&open(), &flat, &rows) > 0.99,
        "{found:?}"
    );
    assert_eq!(recall(&open().with_checks(20_000), &flat, &rows), 1.0);
    exact_where_few_are_allowed(&open(), &flat, &rows);
}

#[test]
fn codes_find_what_exact_search_finds() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(20_000);
    let flat = write_flat(&folder.path().join("flat"), &rows);
    for method in HashMethod::LEARNED {
        let path = folder.path().join(method.name());
        write_hash(&path, &rows, method);
        let open = || HashVectors::open(&path).unwrap();
        open().verify().unwrap();
        let hasher = open().hasher().unwrap().clone();
        // No more bits than dimensions, where they are those of a rotation.
        let bits = [64, DIMENSION][usize::from(method == HashMethod::Itq)];
        assert_eq!((hasher.method(), hasher.bits()), (method, bits));
        let found = [100, 1000].map(|n| recall(&open().with_candidates(n), &flat, &rows));
        println!(
            "{method}: {found:?}, usual {}",
            recall(&open(), &flat, &rows)
        );
        assert!(found[0] > 0.25 && found[1] > 0.8 && recall(&open(), &flat, &rows) > 0.95);
        assert_eq!(recall(&open().with_candidates(20_000), &flat, &rows), 1.0);
        exact_where_few_are_allowed(&open(), &flat, &rows);
    }
}

/// As many answers as there are, and the same as those of exact search, with its moments.
fn exact_where_few_are_allowed(index: &dyn VectorIndex, flat: &FlatVectors, rows: &[Vec<f32>]) {
    let far: IdSet = [id(3), id(77), id(19_998), 11, -4, i64::MAX]
        .into_iter()
        .collect();
    let more: IdSet = (0..20_000).filter(|at| at % 7 == 0).map(id).collect();
    let most: IdSet = (0..20_000).filter(|at| at % 7 != 0).map(id).collect();
    let none = IdSet::new();
    let few = [
        Allowed::Only(&far),
        Allowed::Only(&none),
        Allowed::Only(&more),
        Allowed::Except(&most),
    ];
    for allowed in few {
        for query in rows.iter().step_by(4999) {
            let exact = flat.nearest(query, 5, &allowed).unwrap();
            let found = index.nearest(query, 5, &allowed).unwrap();
            assert_eq!(found.best, exact.best);
            assert!((found.moments.mean() - exact.moments.mean()).abs() < 1e-12);
        }
    }
    for allowed in [Allowed::Only(&most), Allowed::Except(&more)] {
        let found = index.nearest(&rows[9], 900, &allowed).unwrap();
        assert_eq!(found.best.len(), 900);
        assert!(found.best.iter().all(|&(id, _)| allowed.contains(id)));
        assert!(found.best.windows(2).all(|w| w[0].1 >= w[1].1));
    }
    assert!(index.nearest(&rows[0][1..], 1, &Allowed::All).is_err());
    let mut odd = rows[0].clone();
    odd[2] = f32::NAN;
    assert!(index.nearest(&odd, 1, &Allowed::All).is_err());
    assert!(
        index
            .nearest(&rows[0], 0, &Allowed::All)
            .unwrap()
            .best
            .is_empty()
    );
    let zero = index.nearest(&[0.0; DIMENSION], 3, &Allowed::All).unwrap();
    assert_eq!(zero.best.len(), 3);
}

#[test]
fn vectors_of_different_lengths_are_ordered_by_inner_products() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source(2);
    let rows: Vec<Vec<f32>> = rows(9000)
        .into_iter()
        .map(|row| {
            let length = 0.2 + 2.0 * source.hump().abs();
            row.iter().map(|x| x * length).collect()
        })
        .collect();
    let flat = write_flat(&folder.path().join("flat"), &rows);
    let path = folder.path().join("kd");
    write_kd(&path, &rows);
    // Cells that cannot hold a better one are passed over, and none that could.
    let all = KdVectors::open(&path).unwrap().with_checks(8999);
    assert_eq!(recall(&all, &flat, &rows), 1.0);
}

#[test]
fn few_vectors_none_and_equal_ones_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let equal = vec![vec![0.5f32; DIMENSION]; 5000];
    for (at, rows) in [&[][..], &equal[..1], &equal[..9], &equal]
        .into_iter()
        .enumerate()
    {
        let path = folder.path().join(format!("kd{at}"));
        write_kd(&path, rows);
        let hash = folder.path().join(format!("hash{at}"));
        write_hash(&hash, rows, HashMethod::Spectral);
        let both: [Box<dyn VectorIndex>; 2] = [
            Box::new(KdVectors::open(&path).unwrap()),
            Box::new(HashVectors::open(&hash).unwrap()),
        ];
        for index in both {
            index.verify().unwrap();
            assert_eq!(index.is_empty(), rows.is_empty());
            assert_eq!(index.last_id(), rows.len().checked_sub(1).map_or(0, id));
            let found = index
                .nearest(&[0.1; DIMENSION], 4, &Allowed::All)
                .unwrap()
                .best;
            let ids: Vec<i64> = found.iter().map(|&(id, _)| id).collect();
            assert_eq!(ids, (0..rows.len().min(4)).map(id).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_same_vectors_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(6000);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        write_kd(&path, &rows);
        let kd = fs_err::read(&path).unwrap();
        fs_err::remove_file(&path).unwrap();
        write_hash(&path, &rows, HashMethod::Itq);
        let found = HashVectors::open(&path).unwrap().with_candidates(50);
        let found = found.nearest(&rows[3], 9, &Allowed::All).unwrap();
        (kd, fs_err::read(&path).unwrap(), found)
    };
    assert!(write("a") == pool.install(|| write("b")));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    let config = KdVectorsConfig::default();
    assert!(KdVectors::create(&path, 0, "", &config).is_err());
    assert!(KdVectors::create(&path, 1 << 17, "", &config).is_err());
    let forest = KdForestConfig {
        trees: 0,
        ..KdForestConfig::default()
    };
    assert!(KdVectors::create(&path, 2, "", &KdVectorsConfig { forest }).is_err());
    let bits = HashVectorsConfig {
        bits: 0,
        ..HashVectorsConfig::default()
    };
    assert!(HashVectors::create(&path, 2, "", &bits).is_err());
    let mut writer = KdVectors::create(
        &path,
        2,
        "a tag that is longer than it may be, by far",
        &config,
    )
    .unwrap();
    writer.push(4, &[1.0, 0.0]).unwrap();
    assert!(writer.push(4, &[1.0, 0.0]).is_err() && writer.push(5, &[1.0]).is_err());
    // Beyond half precision.
    for odd in [f32::NAN, f32::INFINITY, 1e6] {
        assert!(matches!(
            writer.push(5, &[0.0, odd]),
            Err(Error::NotFinite { row: 1 })
        ));
    }
    writer.push(5, &[0.0, 1.0]).unwrap();
    writer.finish().unwrap();
    let index = KdVectors::open(&path).unwrap();
    assert_eq!(
        (index.len(), index.tag()),
        (2, "a tag that is longer than it may")
    );
    // Nobody's place is taken.
    assert!(
        KdVectors::create(&path, 2, "", &config)
            .unwrap()
            .finish()
            .is_err()
    );
    assert!(HashVectors::open(&path).is_err() && KdVectors::open(folder.path()).is_err());
}

#[test]
fn damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    write_kd(&path, &rows(7));
    damaged(&path, |path| KdVectors::open(path)?.verify(), 1);
    fs_err::remove_file(&path).unwrap();
    // With codes: every byte of the header, and some of the rest.
    let rows: Vec<Vec<f32>> = rows(4200)
        .into_iter()
        .map(|row| row[..2].to_vec())
        .collect();
    write_hash(&path, &rows, HashMethod::Spectral);
    damaged(&path, |path| HashVectors::open(path)?.verify(), 997);
}

fn damaged(path: &Path, check: impl Fn(&Path) -> Result<(), Error>, step: usize) {
    check(path).unwrap();
    let whole = fs_err::read(path).unwrap();
    let length = whole.len();
    let some = (0..76).chain((76..length).step_by(step));
    // What comes last is the structure.
    for at in some.chain(length.saturating_sub(400)..length) {
        fs_err::write(path, &whole[..at]).unwrap();
        assert!(check(path).is_err(), "{at} bytes");
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs_err::write(path, &bytes).unwrap();
        assert!(check(path).is_err(), "byte {at}");
    }
}

/// Checksums made right again: what the readers themselves must notice.
#[test]
fn hostile_files_are_searched_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    let mut source = Source(1);
    let rows = rows(300);
    write_kd(&path, &rows);
    let whole = fs_err::read(&path).unwrap();
    let mut opened = 0;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        let from = bytes.len() - 20_000.min(bytes.len() - 76);
        for _ in 0..1 + source.below(3) {
            let at = match source.below(3) {
                0 => 8 + source.below(28) as usize,
                1 => 76 + source.below(2400) as usize,
                _ => from + source.below((bytes.len() - from) as u64) as usize,
            };
            bytes[at] = source.below(256) as u8;
        }
        let crc = crc32fast::hash(&bytes[76..]);
        bytes[68..72].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..72]);
        bytes[72..76].copy_from_slice(&crc.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        let Ok(index) = KdVectors::open(&path) else {
            continue;
        };
        opened += 1;
        let index = index.with_checks(40);
        let query = vec![0.2; index.dimension()];
        let _ = index.nearest(&query, 3, &Allowed::All);
        let _ = index.verify();
    }
    assert!(opened > 20, "{opened}");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_cut_short_gives_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(5000);
    for kept in [0, 9000, 300_000] {
        let path = folder.path().join(format!("{kept}"));
        write_kd(&path, &rows);
        let index = KdVectors::open(&path).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(kept).unwrap();
        let error = index.nearest(&rows[4], 7, &Allowed::All).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
        assert!(index.verify().is_err() && index.check_whole().is_err());
    }
}
