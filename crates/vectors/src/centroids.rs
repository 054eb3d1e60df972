//! Centroids of byte vectors, in fixed point.

use crate::distance::dot_u8_i16;
use crate::panel::{Best, DIMENSIONS, Pairs, Panel, pairs_of_bytes};

/// Steps per unit of a centroid coordinate. With 64 a squared distance of 128 bytes still fits 32 bits.
pub(crate) const STEPS: i64 = 64;
/// Points prepared at a time.
const CHUNK: usize = 256;

/// One centroid; each coordinate counts 64ths.
pub(crate) type Centroid = [i16; DIMENSIONS];

/// A centroid that lies on a point.
pub(crate) fn centroid_at(point: &[u8; DIMENSIONS]) -> Centroid {
    point.map(|x| i16::from(x) * STEPS as i16)
}

/// Mean of `count` points with these coordinate sums, rounded to the nearest step; `count` > 0.
pub(crate) fn centroid_of_sums(sums: &[u64; DIMENSIONS], count: u64) -> Centroid {
    sums.map(|sum| ((sum * STEPS as u64 + count / 2) / count.max(1)) as i16)
}

/// The nearest byte vector.
pub(crate) fn centroid_to_bytes(centroid: &Centroid) -> [u8; DIMENSIONS] {
    centroid.map(|x| ((i64::from(x) + STEPS / 2) / STEPS).clamp(0, 255) as u8)
}

/// The coordinates in the units of the points.
pub(crate) fn centroid_to_floats(centroid: &Centroid) -> [f32; DIMENSIONS] {
    centroid.map(|x| f32::from(x) / STEPS as f32)
}

/// Squared length of a byte vector.
pub(crate) fn squared_length(point: &[u8; DIMENSIONS]) -> i64 {
    point.iter().map(|&x| i64::from(x) * i64::from(x)).sum()
}

/// Σ c²/64, which a distance to a centroid begins with.
pub(crate) fn bias_of(centroid: &Centroid) -> i32 {
    (centroid.iter().map(|&x| i64::from(x).pow(2)).sum::<i64>() / STEPS) as i32
}

/// Squared distance of a point to a centroid, in 64ths, from the bias of one and the squared length of the other.
#[inline]
pub(crate) fn distance_to(
    point: &[u8; DIMENSIONS],
    length: i64,
    centroid: &Centroid,
    bias: i32,
) -> i64 {
    let key = i64::from(bias) - 2 * i64::from(dot_u8_i16(point, centroid));
    (key + STEPS * length).max(0)
}

/// Two centroids a quarter of a unit to either side of one, for splitting a cluster.
pub(crate) fn split(centroid: &Centroid) -> (Centroid, Centroid) {
    let mut pair = (*centroid, *centroid);
    let high = 255 * STEPS as i16;
    for (i, (a, b)) in pair.0.iter_mut().zip(pair.1.iter_mut()).enumerate() {
        let shift = if i % 2 == 0 { STEPS / 4 } else { -STEPS / 4 } as i16;
        *a = (*a + shift).clamp(0, high);
        *b = (*b - shift).clamp(0, high);
    }
    pair
}

/// Centroids packed for finding the nearest one.
pub(crate) struct CentroidPanel {
    panel: Panel,
    bias: Vec<i32>,
}

impl CentroidPanel {
    pub fn new<'a>(centroids: impl ExactSizeIterator<Item = &'a Centroid> + Clone) -> Self {
        let bias = centroids.clone().map(bias_of).collect();
        Self {
            panel: Panel::new(centroids),
            bias,
        }
    }

    /// Number of the nearest centroid and the squared distance to it, in 64ths, for every point.
    pub fn assign<'a>(
        &self,
        points: impl Iterator<Item = &'a [u8; DIMENSIONS]>,
        mut found: impl FnMut(u32, i64),
    ) {
        let mut points = points.peekable();
        let mut pairs: Vec<Pairs> = Vec::with_capacity(CHUNK);
        let mut lengths: Vec<i64> = Vec::with_capacity(CHUNK);
        let mut best: Vec<Best> = Vec::with_capacity(CHUNK);
        while points.peek().is_some() {
            pairs.clear();
            lengths.clear();
            for point in points.by_ref().take(CHUNK) {
                pairs.push(pairs_of_bytes(point));
                lengths.push(squared_length(point));
            }
            best.clear();
            best.resize(pairs.len(), Best::NONE);
            self.panel.nearest(&self.bias, &pairs, &mut best);
            for (best, length) in best.iter().zip(&lengths) {
                found(best.row, (i64::from(best.key) + STEPS * length).max(0));
            }
        }
    }

    /// Squared distance in the units of the points.
    pub fn to_distance(distance: i64) -> f64 {
        distance as f64 / STEPS as f64
    }
}
