//! Lists of product codes of four bits, in blocks.
//!
//! −‖q − c − y‖² is −‖q − c‖² − (‖y‖² + 2⟨c, y⟩) + 2⟨q, y⟩: the first depends on the list alone, the second is a number that is kept with
//! the code, and the last is a sum over parts with tables that are the same for all lists. So residuals cost no tables of each list.

use super::best::Gathered;
use super::coding::{List, ListCoding, ListQuestion};
use super::rows::residual;
use crate::codes::{Coder, Product};
use crate::fast_scan::{
    BLOCK_CODES, ByteTables, FACTOR_BYTES, QUAD_BYTES, Scan, Terms, code_of, pack, quads,
};
use crate::{Metric, dot_f32};

/// Number in files.
pub(super) const KIND: u32 = 16;

/// Blocks of product codes of residuals.
pub(super) struct BlockCodes {
    product: Product,
    metric: Metric,
    /// The sixteen centroids of each part side by side, and the dimensions of each part.
    columns: Vec<[f32; 16]>,
    lengths: Vec<usize>,
}

impl BlockCodes {
    /// Blocks of product codes of four bits.
    pub fn new(product: Product, metric: Metric) -> Self {
        let (mut columns, mut lengths) = (Vec::new(), Vec::new());
        for centroids in product.centroids() {
            let length = centroids.len() / 16;
            let column = |at: usize| std::array::from_fn(|row| centroids[row * length + at]);
            columns.extend((0..length).map(column));
            lengths.push(length);
        }
        Self {
            product,
            metric,
            columns,
            lengths,
        }
    }

    /// Inner products of the parts of a query with all centroids, `times` as much.
    fn tables(&self, query: &[f32], times: f32) -> Vec<f32> {
        let mut tables = Vec::with_capacity(16 * self.lengths.len());
        let mut terms = query.iter().zip(&self.columns);
        for &length in &self.lengths {
            let mut table = [0f32; 16];
            for (x, column) in terms.by_ref().take(length) {
                let x = x * times;
                let entries = table.iter_mut().zip(column);
                entries.for_each(|(entry, centroid)| *entry += x * centroid);
            }
            tables.extend_from_slice(&table);
        }
        tables
    }

    fn quad_bytes(&self) -> usize {
        quads(self.product.parts()) * QUAD_BYTES
    }

    /// What a code keeps besides its parts.
    fn terms(&self) -> Terms {
        match self.metric {
            Metric::L2 => Terms::Added,
            Metric::Dot | Metric::Cosine => Terms::Sum,
        }
    }

    fn block_bytes(&self) -> usize {
        self.quad_bytes() + self.terms().factors() * FACTOR_BYTES
    }
}

impl ListCoding for BlockCodes {
    fn kind(&self) -> u32 {
        KIND
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.product.to_bytes()
    }

    fn bytes(&self, count: usize) -> usize {
        count
            .div_ceil(BLOCK_CODES)
            .saturating_mul(self.block_bytes())
    }

    fn write(
        &self,
        centroid: &[f32],
        rows: &mut dyn Iterator<Item = &[f32]>,
        first: usize,
        codes: &mut [u8],
    ) {
        let mut code = vec![0; self.product.code_bytes()];
        let mut meant = vec![0.0; centroid.len()];
        for (place, row) in (first..).zip(rows) {
            let start = place / BLOCK_CODES * self.block_bytes();
            let Some(block) = codes.get_mut(start..start + self.block_bytes()) else {
                return;
            };
            self.product.encode(&residual(row, centroid), &mut code);
            let lane = place % BLOCK_CODES;
            let parts = (0..self.product.parts()).map(|part| code[part / 2] >> (4 * (part % 2)));
            pack(block, lane, parts);
            if self.terms() == Terms::Added {
                self.product.decode(&code, &mut meant);
                let known = -dot_f32(&meant, &meant) - 2.0 * dot_f32(centroid, &meant);
                let at = self.quad_bytes() + 4 * lane;
                block[at..at + 4].copy_from_slice(&known.to_le_bytes());
            }
        }
    }

    fn ask<'a>(&'a self, query: &'a [f32], metric: Metric) -> Box<dyn ListQuestion + 'a> {
        let times = if metric == Metric::L2 { 2.0 } else { 1.0 };
        let tables = self.tables(query, times);
        Box::new(BlockQuestion {
            codes: self,
            query,
            metric,
            tables: ByteTables::rounded(&tables),
        })
    }
}

struct BlockQuestion<'a> {
    codes: &'a BlockCodes,
    query: &'a [f32],
    metric: Metric,
    tables: ByteTables,
}

impl BlockQuestion<'_> {
    fn on<'l>(&'l self, list: &List<'l>) -> Scan<'l> {
        Scan {
            blocks: list.codes,
            block_bytes: self.codes.block_bytes(),
            tables: &self.tables.bytes,
            terms: self.codes.terms(),
            base: self.metric.of_prepared(self.query, list.centroid) + self.tables.offset,
            scale: self.tables.scale,
            offset: 0.0,
            slack: 0.0,
        }
    }
}

impl ListQuestion for BlockQuestion<'_> {
    fn scan(&mut self, list: &List<'_>, found: &mut Gathered<'_>) {
        each_found(&self.on(list), list, found, |_, score, id, found| {
            found.offer(score, id);
        });
    }

    fn scan_places(&mut self, list: &List<'_>, places: &[u32], found: &mut Gathered<'_>) {
        let scan = self.on(list);
        for &place in places {
            let (block, lane) = (place as usize / BLOCK_CODES, place as usize % BLOCK_CODES);
            let start = block * scan.block_bytes;
            let Some(block) = list.codes.get(start..start + scan.block_bytes) else {
                continue;
            };
            let parts = code_of(block, lane, self.codes.product.parts()).enumerate();
            let entries = parts.map(|(part, entry)| scan.tables[16 * part + usize::from(entry)]);
            let sum: i32 = entries.map(i32::from).sum();
            let scaled = scan.scale * sum as f32;
            let score = match scan.terms {
                Terms::Added => {
                    let at = self.codes.quad_bytes() + 4 * lane;
                    (scan.base + crate::files::f32_at(block, at)) + scaled
                }
                _ => scan.base + scaled,
            };
            found.offer(score, list.id(place as usize));
        }
    }
}

/// Shows every vector of a list whose score is good enough and that is allowed: place, score and id.
pub(super) fn each_found(
    scan: &Scan<'_>,
    list: &List<'_>,
    found: &mut Gathered<'_>,
    mut with: impl FnMut(usize, f32, i64, &mut Gathered<'_>),
) {
    let mut block = 0;
    while let Some(hit) = scan.next(block, found.least()) {
        let first = hit.block * BLOCK_CODES;
        if let Some(exact) = found.exact() {
            let lanes = (0..list.len().saturating_sub(first).min(BLOCK_CODES))
                .filter(|lane| hit.lanes >> lane & 1 == 1);
            lanes.for_each(|lane| exact.expect(list.id(first + lane)));
        }
        let mut lanes = hit.lanes;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let place = first + lane;
            // The last block is not always full; and what was found in this one raised the bar.
            if place >= list.len() || hit.scores[lane] < found.least() {
                continue;
            }
            let id = list.id(place);
            if found.allows(id) {
                with(place, hit.scores[lane], id, found);
            }
        }
        block = hit.block + 1;
    }
}
