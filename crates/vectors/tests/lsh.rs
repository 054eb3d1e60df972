//! Hashing of points and codes; hash values are those of NumPy, see `reference/neighbours.py`.
#![allow(clippy::unwrap_used)]

mod points;

use points::{Source, brute, clustered, floats, numbers, reference};
use vizsla_vectors::{
    BinaryCodes, BitSamplingConfig, BitSamplingLsh, Element, EuclideanLsh, LshConfig, PStableHash,
};

#[test]
fn hash_values_are_those_of_the_reference() {
    let expected = &reference()["e2lsh"];
    let read = |name: &str| numbers(&expected[name], |x| x.as_f64().map(|x| x as f32));
    let dimension = expected["dimension"].as_u64().unwrap() as usize;
    let width = expected["width"].as_f64().unwrap() as f32;
    let (directions, offsets) = (read("directions"), read("offsets"));
    let hash = PStableHash::from_parts(dimension, width, directions, offsets).unwrap();
    let points = read("points");
    let found: Vec<i64> = points
        .chunks_exact(dimension)
        .flat_map(|point| hash.hash(point))
        .map(i64::from)
        .collect();
    assert!(found.len() > 300);
    assert_eq!(found, numbers(&expected["values"], |x| x.as_i64()));
}

#[test]
fn collisions_fall_with_distance_as_the_formula_says() {
    // Datar et al. 2004, section 3.2, by numerical integration.
    let chance = |c: f64| {
        let steps = 4000;
        let density =
            |t: f64| (2.0 / std::f64::consts::TAU).sqrt() * (-t * t / 2.0).exp() * 2f64.sqrt();
        let part = |i: i32| {
            let t = (f64::from(i) + 0.5) / f64::from(steps);
            density(t / c) / c * (1.0 - t) / f64::from(steps)
        };
        (0..steps).map(part).sum::<f64>()
    };
    let (dimension, width) = (32, 4.0f32);
    for distance in [0.5f32, 2.0, 4.0, 10.0] {
        let mut same = 0;
        let mut point = vec![0.5f32; dimension];
        let origin = point.clone();
        point[3] += distance;
        for seed in 0..150 {
            let hash = PStableHash::draw(dimension, 64, width, seed).unwrap();
            let (a, b) = (hash.hash(&origin), hash.hash(&point));
            same += a.iter().zip(&b).filter(|(x, y)| x == y).count();
        }
        let found = same as f64 / (150.0 * 64.0);
        let expected = chance(f64::from(distance / width));
        assert!(
            (found - expected).abs() < 0.02,
            "{distance}: {found} {expected}"
        );
    }
}

fn recall(lsh: &EuclideanLsh<u8>, points: &[u8], queries: &[u8], probes: usize) -> f64 {
    let found = lsh.nearest_all(queries, 1, probes).unwrap();
    let count = found.len() as f64;
    let same = queries
        .chunks_exact(32)
        .zip(found)
        .filter(|(query, found)| {
            let exact = brute(points, 32, query, 1);
            found
                .first()
                .is_some_and(|near| near.distance == exact[0].distance)
        });
    same.count() as f64 / count
}

#[test]
fn probing_more_buckets_finds_more_and_is_worth_more_tables() {
    let points = clustered(8000, 32, 800, 25, 4);
    let queries: Vec<u8> = clustered(8300, 32, 800, 25, 4)[8000 * 32..].to_vec();
    let build = |tables| {
        let config = LshConfig {
            tables,
            functions: 10,
            ..LshConfig::default()
        };
        EuclideanLsh::build(&points, 32, &config).unwrap()
    };
    let (few, many) = (build(4), build(16));
    let found = [0, 4, 32, 128].map(|probes| recall(&few, &points, &queries, probes));
    println!(
        "{found:?}, sixteen tables {}",
        recall(&many, &points, &queries, 0)
    );
    assert!(found.is_sorted() && found[3] > 0.9, "{found:?}");
    assert!(found[2] > recall(&many, &points, &queries, 0));
}

#[test]
fn with_all_buckets_neighbours_are_exact() {
    let mut source = Source(8);
    for round in 0..60 {
        let dimension = 1 + source.below(6) as usize;
        let count = source.below(50) as usize;
        let all = floats(&mut source, (count + 1) * dimension, round % 2);
        let (points, query) = all.split_at(count * dimension);
        let config = LshConfig {
            tables: 1 + source.below(3) as usize,
            functions: 1 + source.below(3) as usize,
            // Wide steps: what is not beside the query is beyond two borders.
            width: 1000.0,
            seed: round,
        };
        let lsh = EuclideanLsh::build(points, dimension, &config).unwrap();
        let found = lsh.nearest(query, 7, 1000).unwrap();
        assert_eq!(found, brute(points, dimension, query, 7));
        let one = lsh.nearest(query, 7, 0).unwrap();
        assert!(
            one.iter()
                .all(|near| found.len() < 7 || near.distance >= found[0].distance)
        );
    }
}

#[test]
fn odd_points_and_figures_are_no_trouble() {
    let mut source = Source(9);
    let odd = floats(&mut source, 400, 2);
    let lsh = EuclideanLsh::build(&odd, 4, &LshConfig::default()).unwrap();
    assert!(lsh.nearest(&odd[8..12], 3, 50).unwrap().len() <= 3);
    let same = EuclideanLsh::build(&[5u8; 300], 3, &LshConfig::default()).unwrap();
    assert_eq!(same.nearest(&[5; 3], 2, 0).unwrap()[1].row, 1);
    let none = EuclideanLsh::<u8>::build(&[], 3, &LshConfig::default()).unwrap();
    assert!(none.is_empty() && none.nearest(&[5; 3], 2, 9).unwrap().is_empty());
    for (tables, functions, width) in [
        (0, 1, 0.0),
        (1, 0, 0.0),
        (1, 65, 0.0),
        (1, 1, f32::NAN),
        (1, 1, -1.0),
    ] {
        let config = LshConfig {
            tables,
            functions,
            width,
            seed: 0,
        };
        assert!(EuclideanLsh::build(&[5u8; 300], 3, &config).is_err());
    }
    assert!(same.nearest(&[5; 2], 2, 0).is_err());
    assert!(lsh.nearest(&[f32::NAN; 4], 2, 0).is_err());
    assert!(EuclideanLsh::build(&[0.0, f32::NAN], 2, &LshConfig::default()).is_err());
    assert!(PStableHash::from_parts(2, 1.0, vec![0.0; 3], vec![0.0; 2]).is_err());
}

fn codes(source: &mut Source, bits: usize, count: usize) -> BinaryCodes {
    let mut data = Vec::new();
    for _ in 0..count {
        let mut code = vec![0u64; bits.div_ceil(64)];
        for bit in 0..bits {
            code[bit / 64] |= source.below(2) << (bit % 64);
        }
        data.extend(code);
    }
    BinaryCodes::new(bits, data).unwrap()
}

#[test]
fn near_codes_are_found_in_few_buckets() {
    let mut source = Source(3);
    let codes = codes(&mut source, 128, 4000);
    let config = BitSamplingConfig {
        tables: 10,
        sampled: 14,
        seed: 1,
    };
    let lsh = BitSamplingLsh::build(codes.clone(), &config).unwrap();
    let mut found = 0;
    for row in 0..200 {
        let mut query = codes.code(row).to_vec();
        for _ in 0..12 {
            let bit = source.below(128) as usize;
            query[bit / 64] ^= 1 << (bit % 64);
        }
        let exact = codes.nearest(&query, 1).unwrap();
        assert_eq!(exact[0].row, row as u32);
        found += usize::from(lsh.nearest(&query, 1, 15).unwrap() == exact);
    }
    assert!(found > 190, "{found}");
}

#[test]
fn with_all_flips_codes_are_found_exactly() {
    let mut source = Source(4);
    for bits in [1, 5, 64, 65, 200] {
        let codes = codes(&mut source, bits, 90);
        let config = BitSamplingConfig {
            tables: 2,
            sampled: 6,
            seed: 2,
        };
        let lsh = BitSamplingLsh::build(codes.clone(), &config).unwrap();
        let query = codes.code(13);
        let exact = codes.nearest(query, 20).unwrap();
        assert_eq!(lsh.nearest(query, 20, 63).unwrap(), exact);
        assert_eq!(codes.nearest_all(&codes, 20).unwrap()[13], exact);
        let mut sorted: Vec<(u32, u32)> = (0..90)
            .map(|row| {
                let other = codes.code(row as usize).iter().zip(query);
                (other.map(|(a, b)| (a ^ b).count_ones()).sum(), row)
            })
            .collect();
        sorted.sort_unstable();
        let found: Vec<(u32, u32)> = exact.iter().map(|near| (near.distance, near.row)).collect();
        assert_eq!(found, sorted[..20]);
        assert!(lsh.nearest(&[0; 9], 1, 0).is_err());
    }
    assert!(BinaryCodes::new(0, vec![]).is_err() && BinaryCodes::new(65, vec![0; 3]).is_err());
    assert!(
        BinaryCodes::new(3, vec![8]).is_err(),
        "a bit beyond the last"
    );
    let none = BinaryCodes::new(3, vec![]).unwrap();
    assert!(none.nearest(&[1], 4).unwrap().is_empty() && none.code(0).is_empty());
    let lsh = BitSamplingLsh::build(none, &BitSamplingConfig::default()).unwrap();
    assert!(lsh.nearest(&[1], 4, usize::MAX).unwrap().is_empty());
}

#[test]
fn threads_do_not_change_what_is_found() {
    let points = clustered(2000, 8, 200, 30, 9);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let search = || {
        let lsh = EuclideanLsh::build(&points, 8, &LshConfig::default()).unwrap();
        lsh.nearest_all(&points[..800], 3, 4).unwrap()
    };
    assert_eq!(search(), pool.install(search));
    assert_eq!(u8::rank(7), 7);
}
