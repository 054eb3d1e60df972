//! Product quantisation (Jégou, Douze & Schmid 2011): a vector is cut into parts, and each part is kept as the number of the nearest of a
//! few centroids.
//!
//! Where the number of parts does not divide the dimension, the first parts are one number longer than the others. Numbers of b
//! bits follow each other from the lowest bit of the first byte on; of two of 4 bits in a byte the first is in the lower half.
//! A query is compared with codes through tables of its scores with the centroids of each part (asymmetric distances). Checked
//! against FAISS, see `tests/reference/codes.py`.

use rayon::prelude::*;

use super::bytes::{Bytes, counts, push_floats};
use super::training::training_rows;
use super::{Coder, Question, TASK};
use crate::float_kmeans::float_kmeans;
use crate::float_panel::FloatPanel;
use crate::points::{MOST_DIMENSIONS, in_range};
use crate::{Error, Metric, dot_f32, l2_squared_f32};

/// Rounds of k-means.
const ROUNDS: usize = 25;
/// Most samples for a centroid.
const SAMPLES: usize = 256;
/// Bits of a number.
const BITS: (usize, usize) = (4, 8);

/// Keeps parts of vectors as numbers of centroids.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    dimension: usize,
    bits: usize,
    /// The centroids of all parts, one part after the other, row by row.
    centroids: Vec<f32>,
    parts: Vec<Part>,
}

/// A part of vectors.
#[derive(Debug, Clone)]
struct Part {
    first: usize,
    length: usize,
    panel: FloatPanel,
}

/// A query to [`Product`] codes.
pub(crate) struct ProductQuestion {
    tables: Vec<f32>,
    bits: usize,
}

/// First dimension and number of dimensions of each part.
pub(super) fn cuts(dimension: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let (short, longer) = (dimension / parts, dimension % parts);
    (0..parts).map(move |part| {
        let first = part * short + part.min(longer);
        (first, short + usize::from(part < longer))
    })
}

/// The columns of a part, row by row.
pub(super) fn columns(rows: &[f32], dimension: usize, (first, length): (usize, usize)) -> Vec<f32> {
    let rows = rows.chunks_exact(dimension);
    rows.flat_map(|row| &row[first..first + length])
        .copied()
        .collect()
}

impl Product {
    /// Learns centroids of `parts` parts from `samples`, rows of `dimension` numbers; 2^`bits` of each, for 4 to 8 bits. Of the
    /// samples at most 256 for each centroid are taken.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers, or fewer than centroids; there are more parts than dimensions, or
    /// other bits.
    pub fn train(
        samples: &[f32],
        dimension: usize,
        parts: usize,
        bits: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        check(dimension, parts, bits)?;
        let clusters = 1 << bits;
        let rows = training_rows(samples, dimension, clusters, SAMPLES * clusters, seed)?;
        let cuts: Vec<_> = cuts(dimension, parts).collect();
        let learned = cuts.into_par_iter().enumerate().map(|(part, cut)| {
            let columns = columns(&rows, dimension, cut);
            let seed = seed.wrapping_add(part as u64);
            let found = float_kmeans(&columns, cut.1, clusters, ROUNDS, seed)?;
            Ok(found.centroids)
        });
        let learned: Vec<Vec<f32>> = learned.collect::<Result<_, Error>>()?;
        Ok(Self::assemble(dimension, parts, bits, learned.concat()))
    }

    fn assemble(dimension: usize, parts: usize, bits: usize, centroids: Vec<f32>) -> Self {
        let part = |(first, length)| Part {
            first,
            length,
            panel: FloatPanel::new(&centroids[first << bits..][..length << bits], length),
        };
        Self {
            dimension,
            bits,
            parts: cuts(dimension, parts).map(part).collect(),
            centroids,
        }
    }

    /// Number of parts.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Bits of the number of a centroid.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The centroids of the parts, row by row.
    pub fn centroids(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.parts.iter().map(|part| self.of_part(part))
    }

    fn of_part(&self, part: &Part) -> &[f32] {
        &self.centroids[part.first << self.bits..][..part.length << self.bits]
    }

    /// The centroids that a code names, one of each part.
    fn named<'a>(&'a self, code: &'a [u8]) -> impl Iterator<Item = &'a [f32]> {
        self.parts.iter().enumerate().map(|(at, part)| {
            let row = number(code, self.bits, at);
            &self.of_part(part)[row * part.length..][..part.length]
        })
    }

    /// The scores of a query's parts with all centroids, parts · 2^bits; the score of a code is the sum of those that it names.
    pub fn tables(&self, query: &[f32], metric: Metric) -> Vec<f32> {
        let clusters = 1 << self.bits;
        let mut tables = vec![0f32; self.parts.len() * clusters];
        for (table, part) in tables.chunks_exact_mut(clusters).zip(&self.parts) {
            let query = &query[part.first..part.first + part.length];
            match metric {
                Metric::L2 => {
                    part.panel.distances_here(query, table);
                    table.iter_mut().for_each(|x| *x = -*x);
                }
                Metric::Dot | Metric::Cosine => part.panel.products_here(query, table),
            }
        }
        tables
    }

    /// The codes of some rows; `code_bytes` are zero before.
    fn encode_some(&self, rows: &[f32], codes: &mut [u8]) {
        let bytes = self.code_bytes();
        codes.fill(0);
        for (at, part) in self.parts.iter().enumerate() {
            let columns = columns(rows, self.dimension, (part.first, part.length));
            let nearest = part.panel.nearest_here(&columns);
            for (code, nearest) in codes.chunks_exact_mut(bytes).zip(nearest) {
                put(code, at * self.bits, nearest.row);
            }
        }
    }

    /// What was learned.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = counts(&[self.dimension, self.parts.len(), self.bits]);
        push_floats(&mut bytes, &self.centroids);
        bytes
    }

    /// Reads what [`Product::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let dimension = bytes.count(1, MOST_DIMENSIONS)?;
        let parts = bytes.count(1, dimension)?;
        let bits = bytes.count(BITS.0, BITS.1)?;
        let centroids = bytes.floats(dimension << bits)?;
        bytes.end()?;
        Some(Self::assemble(dimension, parts, bits, centroids))
    }
}

/// Refuses parts and bits outside of their ranges.
pub(super) fn check(dimension: usize, parts: usize, bits: usize) -> Result<(), Error> {
    in_range("the dimension of points", dimension, 1, MOST_DIMENSIONS)?;
    in_range("the parts of a product code", parts, 1, dimension)?;
    in_range("the bits of a part of a product code", bits, BITS.0, BITS.1)
}

/// Sets the bits of a number from `bit` on, which are zero before.
fn put(code: &mut [u8], bit: usize, number: u32) {
    let shifted = (number << (bit % 8)).to_le_bytes();
    for (byte, more) in code.iter_mut().skip(bit / 8).zip(&shifted[..2]) {
        *byte |= more;
    }
}

/// A number of a code; 0 beyond its end.
fn number(code: &[u8], bits: usize, at: usize) -> usize {
    let byte = |at: usize| code.get(at).map_or(0, |&b| usize::from(b));
    let bit = at * bits;
    let both = byte(bit / 8) | byte(bit / 8 + 1) << 8;
    both >> (bit % 8) & ((1 << bits) - 1)
}

impl Coder for Product {
    type Question<'a> = ProductQuestion;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn code_bytes(&self) -> usize {
        (self.parts.len() * self.bits).div_ceil(8)
    }

    fn encode(&self, row: &[f32], code: &mut [u8]) {
        self.encode_some(row, code);
    }

    fn encode_all(&self, rows: &[f32], codes: &mut [u8]) {
        let rows = rows.par_chunks(TASK * self.dimension);
        let codes = codes.par_chunks_mut(TASK * self.code_bytes());
        codes
            .zip(rows)
            .for_each(|(codes, rows)| self.encode_some(rows, codes));
    }

    fn decode(&self, code: &[u8], row: &mut [f32]) {
        for (part, centroid) in self.parts.iter().zip(self.named(code)) {
            row[part.first..part.first + part.length].copy_from_slice(centroid);
        }
    }

    fn ask(&self, query: &[f32], metric: Metric) -> ProductQuestion {
        ProductQuestion {
            tables: self.tables(query, metric),
            bits: self.bits,
        }
    }

    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32 {
        let mut rows = [vec![0f32; self.dimension], vec![0f32; self.dimension]];
        self.decode(a, &mut rows[0]);
        self.decode(b, &mut rows[1]);
        match metric {
            Metric::L2 => -l2_squared_f32(&rows[0], &rows[1]),
            Metric::Dot | Metric::Cosine => dot_f32(&rows[0], &rows[1]),
        }
    }
}

impl Question for ProductQuestion {
    #[inline]
    fn score(&self, code: &[u8]) -> f32 {
        match self.bits {
            8 => {
                let tables = self.tables.as_chunks::<256>().0;
                four_sums(tables.iter().zip(code), |(table, &c)| table[usize::from(c)])
            }
            4 => {
                let tables = self.tables.as_chunks::<16>().0.as_chunks::<2>();
                let pairs = tables.0.iter().zip(code);
                let sum = four_sums(pairs, |([low, high], &c)| {
                    low[usize::from(c & 15)] + high[usize::from(c >> 4)]
                });
                match (tables.1, code.last()) {
                    ([single], Some(&last)) => sum + single[usize::from(last & 15)],
                    _ => sum,
                }
            }
            bits => {
                let tables = self.tables.chunks_exact(1 << bits).enumerate();
                four_sums(tables, |(at, table)| table[number(code, bits, at)])
            }
        }
    }
}

/// A sum of terms, every fourth in one sum of four, which do not wait for each other.
#[inline(always)]
pub(super) fn four_sums<T>(
    mut items: impl ExactSizeIterator<Item = T>,
    term: impl Fn(T) -> f32,
) -> f32 {
    let mut sums = [0f32; 4];
    for _ in 0..items.len() / 4 {
        for sum in &mut sums {
            if let Some(item) = items.next() {
                *sum += term(item);
            }
        }
    }
    for (sum, item) in sums.iter_mut().zip(items) {
        *sum += term(item);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_packed_from_the_lowest_bit_on() {
        for bits in 4..=8usize {
            let wanted: Vec<usize> = (0..13).map(|i| (i * 37 + 5) % (1 << bits)).collect();
            let mut code = vec![0; (13 * bits).div_ceil(8)];
            for (at, &number) in wanted.iter().enumerate() {
                put(&mut code, at * bits, number as u32);
            }
            let found: Vec<usize> = (0..13).map(|at| number(&code, bits, at)).collect();
            assert_eq!(found, wanted);
        }
        let mut code = [0];
        put(&mut code, 0, 3);
        put(&mut code, 4, 9);
        assert_eq!(code, [0x93]);
    }

    #[test]
    fn parts_of_unequal_length_cover_all() {
        let found: Vec<_> = cuts(10, 4).collect();
        assert_eq!(found, [(0, 3), (3, 3), (6, 2), (8, 2)]);
    }
}
