//! A sample of an index's vectors, from which the moments of all scores are estimated.
//!
//! Fusion asks how a score compares with those of the whole collection, and an approximate index looks at few of them. So
//! it keeps a sample, scored exactly with every query. The sample holds the [`Sample::MOST`] vectors whose ids have the
//! smallest hashes ("bottom-k", Cohen and Kaplan 2007): every subset of that size is as likely, the order in which vectors
//! come does not matter, and the same ids give the same sample on every machine.
//!
//! With *n* vectors sampled of many, the mean has a standard error of 1/√n deviations, 1.6 % with all 4,096, and the
//! deviation itself one of about 1/√(2n) for scores that are distributed like most; the test below measures both.

use std::collections::BTreeMap;

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::files::i64_at;
use crate::mixing::mix;
use crate::{Allowed, Metric, Moments};

/// Fewest vectors that say something of all.
const LEAST: usize = 256;

/// Vectors drawn from many.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    dimension: usize,
    /// Number of vectors it was drawn from.
    of: usize,
    /// Ascending.
    ids: Vec<i64>,
    rows: Vec<f16>,
}

/// Draws a [`Sample`] from vectors that come one after the other.
#[derive(Debug, Clone)]
pub struct Sampler {
    dimension: usize,
    of: usize,
    /// By the hash of the id.
    drawn: BTreeMap<(u64, i64), Vec<f16>>,
    row: Vec<f32>,
}

impl Sampler {
    /// Draws from vectors of this length.
    pub fn new(dimension: usize) -> Self {
        Self {
            dimension,
            of: 0,
            drawn: BTreeMap::new(),
            row: vec![0.0; dimension],
        }
    }

    /// Offers a vector; `read` writes it down, and is only asked to when it is drawn.
    pub fn push(&mut self, id: i64, read: impl FnOnce(&mut [f32])) {
        self.of += 1;
        let key = (mix(id as u64), id);
        let last = self.drawn.last_key_value().map(|(last, _)| *last);
        let full = self.drawn.len() >= Sample::MOST;
        if full && last.is_some_and(|last| last < key) {
            return;
        }
        read(&mut self.row);
        let row = self.row.iter().map(|&value| f16::from_f32(value));
        self.drawn.insert(key, row.collect());
        if self.drawn.len() > Sample::MOST {
            self.drawn.pop_last();
        }
    }

    /// The sample.
    pub fn finish(self) -> Sample {
        let mut drawn: Vec<(i64, Vec<f16>)> = self
            .drawn
            .into_iter()
            .map(|((_, id), row)| (id, row))
            .collect();
        drawn.sort_unstable_by_key(|&(id, _)| id);
        Sample {
            dimension: self.dimension,
            of: self.of,
            ids: drawn.iter().map(|&(id, _)| id).collect(),
            rows: drawn.into_iter().flat_map(|(_, row)| row).collect(),
        }
    }
}

impl Sample {
    /// Most vectors of a sample.
    pub const MOST: usize = 4096;

    /// Number of vectors in it.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// An estimate of the mean and spread of the inner products of `query` with all allowed vectors; exact when the sample
    /// holds all vectors.
    ///
    /// `None` when so few of the sample are allowed that they say little: then less than a sixteenth of more than 65,536
    /// vectors, or less than 4,096, are allowed as a rule, and the index does well to score all of them.
    pub fn moments(&self, query: &[f32], allowed: &Allowed<'_>) -> Option<Moments> {
        self.scores(query, Metric::Dot, allowed)
    }

    /// [`Sample::moments`] of scores by another metric, whose prepared vectors it is a sample of.
    pub(crate) fn scores(
        &self,
        query: &[f32],
        metric: Metric,
        allowed: &Allowed<'_>,
    ) -> Option<Moments> {
        let mut moments = Moments::default();
        let mut scored = 0;
        let mut row = vec![0f32; self.dimension];
        for (&id, halves) in self
            .ids
            .iter()
            .zip(self.rows.chunks_exact(self.dimension.max(1)))
        {
            if allowed.contains(id) {
                halves.convert_to_f32_slice(&mut row);
                moments.add(metric.of_prepared(query, &row));
                scored += 1;
            }
        }
        if self.of == self.ids.len() {
            return Some(moments);
        }
        let share = self.of as f64 / self.ids.len().max(1) as f64;
        (scored >= LEAST).then(|| moments.standing_for(f64::from(scored as u32) * share))
    }

    /// For the file of the index, which has the checksum: number of vectors drawn from, number drawn, ids, rows of 16-bit
    /// floats, all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.of as u64, self.ids.len() as u64];
        let counts = counts.iter().flat_map(|count| count.to_le_bytes());
        let ids = self.ids.iter().flat_map(|id| id.to_le_bytes());
        let rows = self.rows.iter().flat_map(|value| value.to_le_bytes());
        counts.chain(ids).chain(rows).collect()
    }

    /// What [`Sample::to_bytes`] gave; `None` when these bytes are no sample of vectors of this length.
    pub fn from_bytes(bytes: &[u8], dimension: usize) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(16)?;
        let of = usize::try_from(i64_at(head, 0)).ok()?;
        let count = usize::try_from(i64_at(head, 8)).ok()?;
        if count != of.min(Self::MOST) {
            return None;
        }
        let (ids, rows) = body.split_at_checked(8 * count)?;
        if Some(rows.len()) != dimension.checked_mul(2 * count) {
            return None;
        }
        let ids: Vec<i64> = (0..count).map(|at| i64_at(ids, 8 * at)).collect();
        let rows = rows.chunks_exact(2);
        let rows = rows.map(|pair| f16::from_le_bytes([pair[0], pair[1]]));
        ids.is_sorted_by(|a, b| a < b).then(|| Self {
            dimension,
            of,
            ids,
            rows: rows.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::{IdSet, dot_f32, l2_normalise};

    const DIMENSION: usize = 16;

    /// Vectors in 40 heaps of very different sizes, as those of pictures are.
    fn heaps(count: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(11);
        let mut number = |spread: f64| (random.unit() + random.unit() - 1.0) * spread;
        let centres: Vec<Vec<f64>> = (0..40)
            .map(|_| (0..DIMENSION).map(|_| number(1.0)).collect())
            .collect();
        let mut rows = Vec::new();
        for at in 0..count {
            let centre = &centres[(40.0 * (at as f64 / count as f64).powi(3)) as usize];
            let mut row: Vec<f32> = centre.iter().map(|c| (c + number(0.5)) as f32).collect();
            l2_normalise(&mut row);
            rows.push(row);
        }
        rows
    }

    fn sample(rows: &[Vec<f32>]) -> Sample {
        let mut sampler = Sampler::new(DIMENSION);
        for (row, id) in rows.iter().zip(1..) {
            sampler.push(id, |drawn| drawn.copy_from_slice(row));
        }
        sampler.finish()
    }

    fn all(rows: &[Vec<f32>], query: &[f32], allowed: &Allowed<'_>) -> Moments {
        let mut moments = Moments::default();
        for (row, id) in rows.iter().zip(1..) {
            if allowed.contains(id) {
                moments.add(dot_f32(query, row));
            }
        }
        moments
    }

    #[test]
    fn moments_of_a_sample_are_near_those_of_all() {
        let rows = heaps(40_000);
        let sample = sample(&rows);
        assert_eq!((sample.len(), sample.of), (Sample::MOST, 40_000));
        // Not a third of the heaps, but pictures from here and there.
        let third: IdSet = (1..=40_000).filter(|id| id % 3 == 0).collect();
        for allowed in [Allowed::All, Allowed::Only(&third), Allowed::Except(&third)] {
            let mut worst = [0f64; 2];
            for query in rows.iter().step_by(400) {
                let exact = all(&rows, query, &allowed);
                let found = sample.moments(query, &allowed).unwrap();
                let mean = (found.mean() - exact.mean()).abs() / exact.deviation();
                let spread = (found.deviation() / exact.deviation() - 1.0).abs();
                worst = [worst[0].max(mean), worst[1].max(spread)];
                let counted = found.count() / exact.count();
                assert!((counted - 1.0).abs() < 0.06, "{counted}");
            }
            // The worst of a hundred queries: less than four standard errors of 1 365 vectors.
            let error = 4.0 / f64::from(4096f32 / 3.0).sqrt();
            assert!(worst[0] < error && worst[1] < error, "{worst:?}");
            println!("{worst:.4?}");
        }
    }

    #[test]
    fn few_vectors_are_all_in_it_and_few_allowed_say_nothing() {
        let rows = heaps(6000);
        let small = sample(&rows[..4096]);
        let one: IdSet = [17].into_iter().collect();
        for allowed in [Allowed::All, Allowed::Only(&one)] {
            let found = small.moments(&rows[5], &allowed).unwrap();
            let exact = all(&rows[..4096], &rows[5], &allowed);
            // Rows of the sample are rounded to 16 bits.
            assert!((found.mean() - exact.mean()).abs() < 1e-3);
            assert_eq!(found.count(), exact.count());
        }
        assert_eq!(sample(&rows).moments(&rows[5], &Allowed::Only(&one)), None);
        assert_eq!(
            sample(&[]).moments(&rows[5], &Allowed::All),
            Some(Moments::default())
        );
    }

    #[test]
    fn the_order_of_vectors_does_not_matter() {
        let rows = heaps(9000);
        let mut sampler = Sampler::new(DIMENSION);
        for (at, row) in rows.iter().enumerate().rev() {
            let id = at as i64 + 1;
            sampler.push(id, |drawn| drawn.copy_from_slice(row));
        }
        assert_eq!(sampler.finish(), sample(&rows));
    }

    #[test]
    fn bytes_give_the_same_sample_or_none() {
        let sample = sample(&heaps(5000)[..300]);
        let bytes = sample.to_bytes();
        assert_eq!(Sample::from_bytes(&bytes, DIMENSION), Some(sample));
        assert_eq!(Sample::from_bytes(&bytes, DIMENSION + 1), None);
        for length in [0, 15, 16, 40, bytes.len() - 1] {
            assert_eq!(Sample::from_bytes(&bytes[..length], DIMENSION), None);
        }
        let mut more = bytes.clone();
        // More drawn than there were, more than may be, a count of many terabytes.
        for (at, byte) in [(8, 45), (9, 0x7f), (15, 0x7f)] {
            let old = std::mem::replace(&mut more[at], byte);
            assert_eq!(Sample::from_bytes(&more, DIMENSION), None);
            more[at] = old;
        }
        more[16..24].copy_from_slice(&i64::MAX.to_le_bytes());
        assert_eq!(Sample::from_bytes(&more, DIMENSION), None, "ids ascend");
    }
}
