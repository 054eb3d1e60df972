//! Binary codes and exact search among them.

use rayon::prelude::*;

use crate::Error;
use crate::distance::hamming;
use crate::nearest_few::NearestFew;
use crate::neighbour::Neighbour;
use crate::points::{MOST_POINTS, in_range};

/// Most bits of a code.
pub(crate) const MOST_BITS: usize = 1 << 16;
/// Queries one task answers.
const CHUNK: usize = 16;

/// Codes of as many bits each, in whole 64-bit words; bits beyond the last are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryCodes {
    bits: usize,
    words: usize,
    data: Vec<u64>,
}

impl BinaryCodes {
    /// Codes of `bits` (1 to 65,536) from their words, ⌈bits / 64⌉ for each, the first bit in the lowest place.
    ///
    /// # Errors
    /// The words are not whole codes, a bit beyond the last is set, or there are more than 2³¹ − 1 codes.
    pub fn new(bits: usize, data: Vec<u64>) -> Result<Self, Error> {
        in_range("the bits of a code", bits, 1, MOST_BITS)?;
        let words = bits.div_ceil(64);
        let shape = Error::Shape {
            numbers: data.len(),
            dimension: words,
        };
        if !data.len().is_multiple_of(words) {
            return Err(shape);
        }
        in_range("the number of codes", data.len() / words, 0, MOST_POINTS)?;
        let beyond = match bits % 64 {
            0 => 0,
            used => u64::MAX << used,
        };
        let last = data.iter().skip(words - 1).step_by(words);
        if last.fold(0, |all, word| all | word) & beyond != 0 {
            return Err(shape);
        }
        Ok(Self { bits, words, data })
    }

    /// Number of codes.
    pub fn len(&self) -> usize {
        self.data.len() / self.words
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Bits of a code.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// 64-bit words of a code.
    pub fn words(&self) -> usize {
        self.words
    }

    /// A code; empty when there is none at this place.
    pub fn code(&self, at: usize) -> &[u64] {
        let start = at.saturating_mul(self.words);
        let end = start.saturating_add(self.words);
        self.data.get(start..end).unwrap_or_default()
    }

    /// All codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.data.chunks_exact(self.words)
    }

    /// The `k` codes that differ from the query in the fewest bits; equal ones by row number.
    ///
    /// # Errors
    /// The query has another number of words.
    pub fn nearest(&self, query: &[u64], k: usize) -> Result<Vec<Neighbour>, Error> {
        self.check(query)?;
        Ok(self.find(query, k))
    }

    /// As [`BinaryCodes::nearest`] for each of other codes, in parallel in the current rayon pool.
    ///
    /// # Errors
    /// They have another number of words.
    pub fn nearest_all(&self, queries: &Self, k: usize) -> Result<Vec<Vec<Neighbour>>, Error> {
        self.check(
            queries
                .data
                .get(..queries.words)
                .unwrap_or(&vec![0; queries.words]),
        )?;
        let queries = queries.data.par_chunks(self.words).with_min_len(CHUNK);
        Ok(queries.map(|query| self.find(query, k)).collect())
    }

    pub(crate) fn check(&self, query: &[u64]) -> Result<(), Error> {
        match query.len() == self.words {
            true => Ok(()),
            false => Err(Error::Shape {
                numbers: query.len(),
                dimension: self.words,
            }),
        }
    }

    fn find(&self, query: &[u64], k: usize) -> Vec<Neighbour> {
        let mut few = NearestFew::new(k.min(self.len()));
        for (row, code) in (0..).zip(self.iter()) {
            few.push(hamming(query, code), row);
        }
        let found = few.into_sorted();
        found
            .map(|(distance, row)| Neighbour { distance, row })
            .collect()
    }
}
