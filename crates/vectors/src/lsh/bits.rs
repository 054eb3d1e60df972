//! Tables over binary codes.

use rayon::prelude::*;

use super::buckets::Buckets;
use super::euclidean::MOST_TABLES;
use crate::Error;
use crate::binary_codes::BinaryCodes;
use crate::distance::hamming;
use crate::mixing::mix;
use crate::nearest_few::NearestFew;
use crate::neighbour::Neighbour;
use crate::points::in_range;
use crate::random::Random;
use crate::seen::Seen;

/// What hashing of codes is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitSamplingConfig {
    /// Tables, 1 to 1024; each takes some eight bytes a code.
    pub tables: usize,
    /// Bits of the code that a table looks at, 1 to 64; all of a shorter code.
    pub sampled: usize,
    /// Seed of the bits.
    pub seed: u64,
}

impl Default for BitSamplingConfig {
    fn default() -> Self {
        Self {
            tables: 8,
            sampled: 16,
            seed: 0,
        }
    }
}

/// Binary codes and tables of some of their bits (Indyk & Motwani 1998): codes that differ in few bits agree in all of those that
/// a table looks at, for one table or another.
#[derive(Debug, Clone)]
pub struct BitSamplingLsh {
    codes: BinaryCodes,
    tables: Vec<(Vec<usize>, Buckets)>,
}

impl BitSamplingLsh {
    /// Hashes codes. Tables are filled in parallel in the current rayon pool.
    ///
    /// # Errors
    /// A figure of the configuration is outside of its range.
    pub fn build(codes: BinaryCodes, config: &BitSamplingConfig) -> Result<Self, Error> {
        in_range("the number of tables", config.tables, 1, MOST_TABLES)?;
        in_range("the bits of a table", config.sampled, 1, 64)?;
        let tables = (0..config.tables as u64).into_par_iter().map(|table| {
            let mut random = Random::stream(config.seed, table);
            let places = random.subset(config.sampled, codes.bits());
            let keys = codes.iter().map(|code| mix(sampled(code, &places)));
            let buckets = Buckets::new(&keys.collect::<Vec<u64>>());
            (places, buckets)
        });
        let tables = tables.collect();
        Ok(Self { codes, tables })
    }

    /// The codes.
    pub fn codes(&self) -> &BinaryCodes {
        &self.codes
    }

    /// The `k` nearest of the codes in the buckets of the query, by the number of differing bits, equal ones by row number. Each
    /// table is looked into at its own bucket of the query and at `probes` more: those that differ in one of its bits, then in
    /// two, and so on. Fewer than `k` are found when these hold fewer.
    ///
    /// # Errors
    /// The query has another number of words than the codes.
    pub fn nearest(&self, query: &[u64], k: usize, probes: usize) -> Result<Vec<Neighbour>, Error> {
        self.codes.check(query)?;
        let mut seen = Seen::default();
        seen.reserve(self.codes.len());
        let mut few = NearestFew::new(k.min(self.codes.len()));
        for (places, buckets) in &self.tables {
            let own = sampled(query, places);
            let flips = Flips::new(places.len()).take(probes.saturating_add(1));
            for flipped in flips {
                for &row in buckets.rows(mix(own ^ flipped)) {
                    if seen.insert(row) {
                        few.push(hamming(query, self.codes.code(row as usize)), row);
                    }
                }
            }
        }
        let found = few.into_sorted();
        Ok(found
            .map(|(distance, row)| Neighbour { distance, row })
            .collect())
    }
}

/// The bits at some places, side by side.
fn sampled(code: &[u64], places: &[usize]) -> u64 {
    places.iter().enumerate().fold(0, |bits, (at, &place)| {
        bits | ((code[place / 64] >> (place % 64)) & 1) << at
    })
}

/// Patterns of so many bits, in the order of the number of their ones, and then of their size.
struct Flips {
    width: usize,
    next: Option<u64>,
}

impl Flips {
    fn new(width: usize) -> Self {
        Self {
            width,
            next: Some(0),
        }
    }

    fn follows(&self, pattern: u64) -> Option<u64> {
        let most = u64::MAX.checked_shr(64 - self.width as u32).unwrap_or(0);
        let ones = pattern.count_ones();
        if ones > 0 {
            // The next greater number with as many ones (Gosper's method).
            let low = pattern & pattern.wrapping_neg();
            if let Some(carried) = pattern.checked_add(low) {
                let next = carried | ((carried ^ pattern) / low) >> 2;
                if next <= most {
                    return Some(next);
                }
            }
        }
        let more = ones as usize + 1;
        (more <= self.width).then(|| u64::MAX >> (64 - more))
    }
}

impl Iterator for Flips {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let pattern = self.next?;
        self.next = self.follows(pattern);
        Some(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_come_once_with_fewest_ones_first() {
        for width in [0, 1, 2, 5, 10] {
            let patterns: Vec<u64> = Flips::new(width).collect();
            let mut expected: Vec<u64> = (0..1 << width).collect();
            expected.sort_by_key(|p| (p.count_ones(), *p));
            assert_eq!(patterns, expected);
        }
        let wide: Vec<u64> = Flips::new(64).take(67).collect();
        assert_eq!((wide[1], wide[64], wide[65], wide[66]), (1, 1 << 63, 3, 5));
    }
}
