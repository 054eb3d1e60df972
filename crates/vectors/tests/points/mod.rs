//! Points that the tests of indexes share, and exact search among them.
#![allow(dead_code)]

use serde_json::Value;
use vizsla_vectors::{Element, Neighbour};

/// The generator of the reference script.
pub struct Source(pub u64);

impl Source {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * bound) >> 31
    }

    /// From −1 to 1, thickest in the middle.
    pub fn hump(&mut self) -> f32 {
        (0..4).map(|_| self.below(1 << 20) as f32).sum::<f32>() / (1 << 21) as f32 - 1.0
    }
}

pub fn clustered(count: usize, dimension: usize, centres: u64, spread: u64, seed: u64) -> Vec<u8> {
    let mut source = Source(seed);
    let middle: Vec<Vec<u64>> = (0..centres)
        .map(|_| (0..dimension).map(|_| 20 + source.below(200)).collect())
        .collect();
    let mut points = Vec::new();
    for _ in 0..count {
        let centre = &middle[source.below(centres) as usize];
        points.extend(centre.iter().map(|x| {
            let moved = x + source.below(2 * spread + 1);
            moved.saturating_sub(spread).min(255) as u8
        }));
    }
    points
}

/// Numbers of few values, of any, or extreme ones.
pub fn floats(source: &mut Source, count: usize, kind: u64) -> Vec<f32> {
    let number = |_| match kind {
        0 => source.below(4) as f32,
        1 => source.hump(),
        _ => [0.0, -0.0, 1e-42, -3e-20, 1.5, 7e18, -3e30, f32::MAX][source.below(8) as usize],
    };
    (0..count).map(number).collect()
}

/// The nearest by comparing all.
pub fn brute<E: Element>(
    points: &[E],
    dimension: usize,
    query: &[E],
    k: usize,
) -> Vec<Neighbour<E::Distance>> {
    let points = points.chunks_exact(dimension).zip(0..);
    let mut all: Vec<(u32, u32)> = points
        .map(|(point, row)| (E::rank(E::distance(query, point)), row))
        .collect();
    all.sort_unstable();
    let nearest = all.into_iter().take(k);
    nearest
        .map(|(rank, row)| Neighbour {
            distance: E::unrank(rank),
            row,
        })
        .collect()
}

pub fn reference() -> Value {
    serde_json::from_str(include_str!("../reference/neighbours.json")).unwrap()
}

pub fn numbers<T>(list: &Value, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let list = list.as_array().unwrap();
    list.iter().map(|x| read(x).unwrap()).collect()
}

/// The points and queries of the reference.
pub fn bytes_of(reference: &Value) -> (Vec<u8>, Vec<u8>) {
    let dimension = reference["dimension"].as_u64().unwrap() as usize;
    let points = clustered(800, dimension, 40, 12, 11);
    let at = |i: usize| (i % dimension, i / dimension);
    let moved = points[..25 * dimension].iter().enumerate().map(|(i, &x)| {
        let (column, row) = at(i);
        (i64::from(x) + (row * column % 5) as i64 - 2).clamp(0, 255) as u8
    });
    let queries = moved.collect();
    (points, queries)
}

pub fn floats_of(reference: &Value) -> (Vec<f32>, Vec<f32>) {
    let (points, queries) = bytes_of(reference);
    let quarter = |x: Vec<u8>| x.into_iter().map(|x| f32::from(x) * 0.25).collect();
    (quarter(points), quarter(queries))
}
